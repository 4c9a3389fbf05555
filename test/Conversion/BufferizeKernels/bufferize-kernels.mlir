// Kernels on tensors become functions on memrefs that write their results where the caller wants them.
// RUN: lathe-opt %s --bufferize-kernels --mlir-print-local-scope | FileCheck %s

// Sizes, operands, results; nothing is allocated or copied.
// CHECK-LABEL: kernel.func @exp(
// CHECK-SAME: %{{[^:]*}}: index, %[[X:[^:]*]]: memref<?x4xf32>
// CHECK-SAME: %[[Y:[^:]*]]: memref<?x4xf32>)
// CHECK-SAME: attributes {dims = [affine_map<()[s0] -> (s0, 4)>, affine_map<()[s0] -> (s0, 4)>],
// CHECK-SAME: outputs = 1 : i64, sizes = 1 : i64, strategy = #kernel.strategy<"cpu.loops">, target = #kernel.target<"x86_64:v3">} {
// CHECK-NEXT: linalg.exp ins(%[[X]] : memref<?x4xf32>) outs(%[[Y]] : memref<?x4xf32>)
// CHECK-NEXT: kernel.return
kernel.func @exp(%n: index, %x: tensor<?x4xf32>) -> tensor<?x4xf32>
    attributes {sizes = 1 : i64, strategy = #kernel.strategy<"cpu.loops">, target = #kernel.target<"x86_64:v3">,
                dims = [affine_map<()[s0] -> (s0, 4)>, affine_map<()[s0] -> (s0, 4)>]} {
  %e = tensor.empty(%n) : tensor<?x4xf32>
  %y = linalg.exp ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
  kernel.return %y : tensor<?x4xf32>
}

// Strides of operands and results are layouts.
// CHECK-LABEL: kernel.func @strides(
// CHECK-SAME: %[[X:[^:]*]]: memref<?x4xf32, strided<[?, 1]>> {kernel.strides = affine_map<()[s0, s1] -> (s1, 1)>}
// CHECK-SAME: %[[Y:[^:]*]]: memref<?x4xf32, strided<[8, 1]>> {kernel.strides = affine_map<()[s0, s1] -> (8, 1)>})
// CHECK-NEXT: linalg.exp ins(%[[X]] : {{.*}}) outs(%[[Y]] : {{.*}})
// CHECK-NEXT: kernel.return
kernel.func @strides(%n: index, %d: index, %x: tensor<?x4xf32> {kernel.strides = affine_map<()[s0, s1] -> (s1, 1)>})
    -> (tensor<?x4xf32> {kernel.strides = affine_map<()[s0, s1] -> (8, 1)>})
    attributes {sizes = 2 : i64, dims = [affine_map<()[s0, s1] -> (s0, 4)>, affine_map<()[s0, s1] -> (s0, 4)>]} {
  %e = tensor.empty(%n) : tensor<?x4xf32>
  %y = linalg.exp ins(%x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
  kernel.return %y : tensor<?x4xf32>
}

// A dim of one position is dropped by a slice, so that no loop divides by sizes to find a place in the result.
// CHECK-LABEL: kernel.func @units(
// CHECK-SAME: %[[Y:[^:]*]]: memref<1x8xf32>)
// CHECK-NOT: collapse_shape
// CHECK: memref.subview %[[Y]][0, 0] [1, 8] [1, 1] : memref<1x8xf32> to memref<8xf32
// CHECK-NOT: collapse_shape
// CHECK: kernel.return
kernel.func @units(%x: tensor<8xf32>) -> tensor<1x8xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">, dims = [affine_map<() -> (8)>, affine_map<() -> (1, 8)>]} {
  %e = tensor.empty() : tensor<8xf32>
  %y = linalg.exp ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %r = tensor.expand_shape %y [[0, 1]] output_shape [1, 8] : tensor<8xf32> into tensor<1x8xf32>
  kernel.return %r : tensor<1x8xf32>
}

// A slice of nothing would begin outside.
// CHECK-LABEL: kernel.func @nothing(
// CHECK-NOT: memref.subview
// CHECK: kernel.return
kernel.func @nothing(%x: tensor<0xf32>) -> tensor<1x0xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">, dims = [affine_map<() -> (0)>, affine_map<() -> (1, 0)>]} {
  %e = tensor.empty() : tensor<0xf32>
  %y = linalg.exp ins(%x : tensor<0xf32>) outs(%e : tensor<0xf32>) -> tensor<0xf32>
  %r = tensor.expand_shape %y [[0, 1]] output_shape [1, 0] : tensor<0xf32> into tensor<1x0xf32>
  kernel.return %r : tensor<1x0xf32>
}

// What is read again needs memory of its own.
// CHECK-LABEL: kernel.func @temporaries(
// CHECK-SAME: %[[X:[^:]*]]: memref<8xf32>, %[[Y:[^:]*]]: memref<8xf32>
// CHECK-COUNT-2: memref.alloc()
// CHECK: linalg.exp ins(%[[X]] : memref<8xf32>) outs(%[[T:[^ ]*]] : memref<8xf32>)
// CHECK: linalg.add ins(%[[T]], %[[T]] : {{.*}}) outs(%[[S:[^ ]*]] : memref<8xf32>)
// CHECK: linalg.mul ins(%[[T]], %[[S]] : {{.*}}) outs(%[[Y]] : memref<8xf32>)
// CHECK-NOT: memref.dealloc
// CHECK: kernel.return
kernel.func @temporaries(%x: tensor<8xf32>) -> tensor<8xf32>
    attributes {sizes = 0 : i64, dims = [affine_map<() -> (8)>, affine_map<() -> (8)>]} {
  %e = tensor.empty() : tensor<8xf32>
  %t = linalg.exp ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %s = linalg.add ins(%t, %t : tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %y = linalg.mul ins(%t, %s : tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  kernel.return %y : tensor<8xf32>
}

// An operand is never written; a result that is an operand is a copy, by a
// loop and not by a library call.
// CHECK-LABEL: kernel.func @identity(
// CHECK-NOT: memref.copy
// CHECK: linalg.copy ins(%{{.*}} : memref<8xf32>) outs(%{{.*}} : memref<8xf32>)
kernel.func @identity(%x: tensor<8xf32>) -> tensor<8xf32>
    attributes {sizes = 0 : i64, dims = [affine_map<() -> (8)>, affine_map<() -> (8)>]} {
  kernel.return %x : tensor<8xf32>
}

// CHECK-LABEL: kernel.func @in_place(
// CHECK-SAME: %[[X:[^:]*]]: memref<8xf32>, %[[Y:[^:]*]]: memref<8xf32>
// CHECK-NOT: outs(%[[X]]
// CHECK: kernel.return
kernel.func @in_place(%x: tensor<8xf32>) -> tensor<8xf32>
    attributes {sizes = 0 : i64, dims = [affine_map<() -> (8)>, affine_map<() -> (8)>]} {
  %y = linalg.exp ins(%x : tensor<8xf32>) outs(%x : tensor<8xf32>) -> tensor<8xf32>
  kernel.return %y : tensor<8xf32>
}

// Who yields memory of its own and who yields an operand need not agree:
// nothing is freed.
// CHECK-LABEL: kernel.func @branches(
// CHECK-SAME: %{{.*}}: index, %[[X:[^:]*]]: memref<8xf32>
// CHECK: %[[R:.*]] = scf.if
// CHECK: linalg.exp
// CHECK: } else {
// CHECK-NOT: linalg.copy
// CHECK: scf.yield %[[X]]
// CHECK-NOT: memref.dealloc
// CHECK: kernel.return
kernel.func @branches(%n: index, %x: tensor<8xf32>) -> tensor<8xf32>
    attributes {sizes = 1 : i64, dims = [affine_map<() -> (8)>, affine_map<() -> (8)>]} {
  %c4 = arith.constant 4 : index
  %small = arith.cmpi slt, %n, %c4 : index
  %t = scf.if %small -> tensor<8xf32> {
    %e = tensor.empty() : tensor<8xf32>
    %0 = linalg.exp ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
    scf.yield %0 : tensor<8xf32>
  } else {
    scf.yield %x : tensor<8xf32>
  }
  %o = tensor.empty() : tensor<8xf32>
  %y = linalg.add ins(%t, %t : tensor<8xf32>, tensor<8xf32>) outs(%o : tensor<8xf32>) -> tensor<8xf32>
  kernel.return %y : tensor<8xf32>
}

// A result is computed where it goes, although it goes there in another shape.
// CHECK-LABEL: kernel.func @reshaped(
// CHECK-SAME: %[[N:[^:]*]]: index, %[[X:[^:]*]]: memref<?x8xf32>, %[[Y:[^:]*]]: memref<?x1x1x8xf32>, %[[Z:[^:]*]]: memref<?xf32>
// CHECK-NOT: memref.alloc
// CHECK-NOT: linalg.copy
// CHECK-DAG: %[[YROWS:.*]] = memref.collapse_shape %[[Y]]
// CHECK-DAG: %[[ZROWS:.*]] = memref.expand_shape %[[Z]]
// CHECK: linalg.exp {{.*}} outs(%[[YROWS]] :
// CHECK: linalg.abs {{.*}} outs(%[[ZROWS]] :
// CHECK-NOT: linalg.copy
// CHECK: kernel.return
kernel.func @reshaped(%n: index, %x: tensor<?x8xf32>) -> (tensor<?x1x1x8xf32>, tensor<?xf32>)
    attributes {sizes = 1 : i64, dims = [affine_map<()[s0] -> (s0, 8)>, affine_map<()[s0] -> (s0, 1, 1, 8)>, affine_map<()[s0] -> (s0)>]} {
  %e = tensor.empty(%n) : tensor<?x8xf32>
  %0 = linalg.exp ins(%x : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  %y = tensor.expand_shape %0 [[0, 1, 2], [3]] output_shape [%n, 1, 1, 8] : tensor<?x8xf32> into tensor<?x1x1x8xf32>
  %f = tensor.empty(%n) : tensor<?x8xf32>
  %1 = linalg.abs ins(%x : tensor<?x8xf32>) outs(%f : tensor<?x8xf32>) -> tensor<?x8xf32>
  %z = tensor.collapse_shape %1 [[0, 1]] : tensor<?x8xf32> into tensor<?xf32>
  kernel.return %y, %z : tensor<?x1x1x8xf32>, tensor<?xf32>
}

// Padding is written around what is copied, with no memory in between.
// CHECK-LABEL: kernel.func @padded(
// CHECK-SAME: %[[X:[^:]*]]: memref<?x4xf32>, %[[Y:[^:]*]]: memref<?x6xf32>
// CHECK-NOT: memref.alloc
// CHECK: linalg.fill ins(%{{.*}}) outs(%[[Y]] :
// CHECK: %[[INSIDE:.*]] = memref.subview %[[Y]]
// CHECK: linalg.copy ins(%[[X]] : {{.*}}) outs(%[[INSIDE]] :
// CHECK-NOT: linalg.copy
// CHECK: kernel.return
kernel.func @padded(%n: index, %x: tensor<?x4xf32>) -> tensor<?x6xf32>
    attributes {sizes = 1 : i64, dims = [affine_map<()[s0] -> (s0, 4)>, affine_map<()[s0] -> (s0, 6)>]} {
  %zero = arith.constant 0.0 : f32
  %y = tensor.pad %x low[0, 1] high[0, 1] {
  ^bb0(%i: index, %j: index):
    tensor.yield %zero : f32
  } : tensor<?x4xf32> to tensor<?x6xf32>
  kernel.return %y : tensor<?x6xf32>
}
