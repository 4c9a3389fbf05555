// An operand is read in time if no part of the result is written before the same part of it is read.
// RUN: lathe-opt %s --pass-pipeline='builtin.module(kernel.func(find-inplace-operands))' | FileCheck %s

#id = affine_map<(d0) -> (d0)>
#two = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#turned = affine_map<(d0, d1) -> (d1, d0)>

// Not one that is broadcast, nor one of another type.
// CHECK-LABEL: kernel.func @elementwise
// CHECK-SAME: %{{[^:]*}}: tensor<4x4xf32> {kernel.inplace}, %{{[^:]*}}: tensor<4xf32>, %{{[^:]*}}: tensor<4x4xi32>, %{{[^:]*}}: tensor<4x4xf32>)
kernel.func @elementwise(%x: tensor<4x4xf32>, %r: tensor<4xf32>, %i: tensor<4x4xi32>, %t: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {sizes = 0 : i64} {
  %0 = tensor.empty() : tensor<4x4xf32>
  %1 = linalg.generic {indexing_maps = [#two, #row, #two, #turned, #two], iterator_types = ["parallel", "parallel"]}
      ins(%x, %r, %i, %t : tensor<4x4xf32>, tensor<4xf32>, tensor<4x4xi32>, tensor<4x4xf32>) outs(%0 : tensor<4x4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: i32, %d: f32, %o: f32):
    %2 = arith.addf %a, %d : f32
    linalg.yield %2 : f32
  } -> tensor<4x4xf32>
  kernel.return %1 : tensor<4x4xf32>
}

// What is read before the first op that writes; not what is read behind it, though elementwise.
// CHECK-LABEL: kernel.func @chain
// CHECK-SAME: %{{[^:]*}}: tensor<4xf32> {kernel.inplace}, %{{[^:]*}}: tensor<4xf32>)
kernel.func @chain(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 0 : i64} {
  %0 = tensor.empty() : tensor<4xf32>
  %1 = linalg.exp ins(%x : tensor<4xf32>) outs(%0 : tensor<4xf32>) -> tensor<4xf32>
  %2 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%y : tensor<4xf32>) outs(%1 : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %3 = arith.addf %a, %o : f32
    linalg.yield %3 : f32
  } -> tensor<4xf32>
  kernel.return %2 : tensor<4xf32>
}

// CHECK-LABEL: kernel.func @read_twice
// CHECK-SAME: (%{{[^:]*}}: tensor<4xf32>) -> tensor<4xf32>
kernel.func @read_twice(%x: tensor<4xf32>) -> tensor<4xf32> attributes {sizes = 0 : i64} {
  %0 = tensor.empty() : tensor<4xf32>
  %1 = linalg.exp ins(%x : tensor<4xf32>) outs(%0 : tensor<4xf32>) -> tensor<4xf32>
  %2 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%1 : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %3 = arith.addf %a, %o : f32
    linalg.yield %3 : f32
  } -> tensor<4xf32>
  kernel.return %2 : tensor<4xf32>
}

// A product reads all of its operands for each element.
// CHECK-LABEL: kernel.func @product
// CHECK-SAME: (%{{[^:]*}}: tensor<4x4xf32>, %{{[^:]*}}: tensor<4x4xf32>) -> tensor<4x4xf32>
kernel.func @product(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {sizes = 0 : i64} {
  %zero = arith.constant 0.0 : f32
  %0 = tensor.empty() : tensor<4x4xf32>
  %1 = linalg.fill ins(%zero : f32) outs(%0 : tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = linalg.matmul ins(%x, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%1 : tensor<4x4xf32>) -> tensor<4x4xf32>
  kernel.return %2 : tensor<4x4xf32>
}

// A task may read the part that it writes.
// CHECK-LABEL: kernel.func @tasks
// CHECK-SAME: %{{[^:]*}}: tensor<8x4xf32> {kernel.inplace}, %{{[^:]*}}: tensor<8x4xf32>)
kernel.func @tasks(%x: tensor<8x4xf32>, %y: tensor<8x4xf32>) -> tensor<8x4xf32> attributes {sizes = 0 : i64} {
  %0 = tensor.empty() : tensor<8x4xf32>
  %last = arith.constant 7 : index
  %1 = scf.forall (%i) in (8) shared_outs(%all = %0) -> (tensor<8x4xf32>) {
    %other = arith.subi %last, %i : index
    %a = tensor.extract_slice %x[%i, 0] [1, 4] [1, 1] : tensor<8x4xf32> to tensor<1x4xf32>
    %b = tensor.extract_slice %y[%other, 0] [1, 4] [1, 1] : tensor<8x4xf32> to tensor<1x4xf32>
    %c = tensor.extract_slice %all[%i, 0] [1, 4] [1, 1] : tensor<8x4xf32> to tensor<1x4xf32>
    %2 = linalg.add ins(%a, %b : tensor<1x4xf32>, tensor<1x4xf32>) outs(%c : tensor<1x4xf32>) -> tensor<1x4xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %2 into %all[%i, 0] [1, 4] [1, 1] : tensor<1x4xf32> into tensor<8x4xf32>
    }
  }
  kernel.return %1 : tensor<8x4xf32>
}

// What a loop changes is copied first, and nothing else is read in time.
// CHECK-LABEL: kernel.func @changed
// CHECK-SAME: %{{[^:]*}}: tensor<8xf32> {kernel.inplace}, %{{[^:]*}}: tensor<8xf32>)
kernel.func @changed(%x: tensor<8xf32>, %u: tensor<8xf32>) -> tensor<8xf32> attributes {sizes = 0 : i64} {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %four = arith.constant 4 : index
  %0 = scf.for %i = %zero to %four step %one iter_args(%now = %x) -> (tensor<8xf32>) {
    %1 = tensor.extract %u[%i] : tensor<8xf32>
    %2 = tensor.insert %1 into %now[%i] : tensor<8xf32>
    scf.yield %2 : tensor<8xf32>
  }
  kernel.return %0 : tensor<8xf32>
}
