// An operand and a result that are one memory are one argument; what would copy it to itself is gone.
// RUN: lathe-opt %s --bufferize-kernels --canonicalize | FileCheck %s

// CHECK-LABEL: kernel.func @add(
// CHECK-SAME: %{{.*}}: memref<4xf32>, %[[Y:.*]]: memref<4xf32>, %[[R:.*]]: memref<4xf32>) attributes {inplace = 0 : i64
// CHECK: linalg.add ins(%[[R]], %[[Y]] : {{.*}}) outs(%[[R]] : memref<4xf32>)
kernel.func @add(%x: tensor<4xf32> {kernel.inplace}, %y: tensor<4xf32>) -> tensor<4xf32> attributes {inplace = 0 : i64, sizes = 0 : i64} {
  %0 = tensor.empty() : tensor<4xf32>
  %1 = linalg.add ins(%x, %y : tensor<4xf32>, tensor<4xf32>) outs(%0 : tensor<4xf32>) -> tensor<4xf32>
  kernel.return %1 : tensor<4xf32>
}

// One copy, in the result itself.
// CHECK-LABEL: kernel.func @apart(
// CHECK-SAME: %[[X:.*]]: memref<8xf32>, %{{.*}}: memref<8xf32>, %[[R:.*]]: memref<8xf32>)
// CHECK-NOT: memref.alloc
// CHECK: linalg.copy ins(%[[X]] : memref<8xf32>) outs(%[[R]] : memref<8xf32>)
// CHECK: scf.for
// CHECK: memref.store %{{.*}}, %[[R]]
// CHECK-NOT: linalg.copy
kernel.func @apart(%x: tensor<8xf32> {kernel.inplace}, %u: tensor<8xf32>) -> tensor<8xf32> attributes {sizes = 0 : i64} {
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

// CHECK-LABEL: kernel.func @changed(
// CHECK-SAME: %{{.*}}: memref<8xf32>, %{{.*}}: memref<8xf32>, %[[R:.*]]: memref<8xf32>)
// CHECK-NOT: linalg.copy
// CHECK: scf.for
// CHECK: memref.store %{{.*}}, %[[R]]
// CHECK-NOT: linalg.copy
// CHECK: kernel.return
kernel.func @changed(%x: tensor<8xf32> {kernel.inplace}, %u: tensor<8xf32>) -> tensor<8xf32> attributes {inplace = 0 : i64, sizes = 0 : i64} {
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
