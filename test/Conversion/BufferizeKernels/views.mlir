// What a kernel returns as another view is computed in the caller's memory all the same.
// RUN: lathe-opt %s --bufferize-kernels --canonicalize --mlir-print-local-scope | FileCheck %s

// CHECK-LABEL: kernel.func @collapsed(
// CHECK-SAME:    %[[N:[^:]*]]: index, %{{[^:]*}}: memref<?xf32>, %[[Y:[^:]*]]: memref<?xf32>
// CHECK-NOT:     memref.alloc
// CHECK:         %[[WIDE:.*]] = memref.expand_shape %[[Y]] {{\[\[}}0, 1]] output_shape [%[[N]], 2] : memref<?xf32> into memref<?x2xf32>
// CHECK:         linalg.broadcast {{.*}} outs(%[[WIDE]] : memref<?x2xf32>)
// CHECK-NOT:     copy
// CHECK:         return
kernel.func @collapsed(%n: index, %x: tensor<?xf32>) -> tensor<?xf32>
    attributes {sizes = 1 : i64, dims = [affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0 * 2)>]} {
  %e = tensor.empty(%n) : tensor<?x2xf32>
  %y = linalg.broadcast ins(%x : tensor<?xf32>) outs(%e : tensor<?x2xf32>) dimensions = [1]
  %flat = tensor.collapse_shape %y [[0, 1]] : tensor<?x2xf32> into tensor<?xf32>
  kernel.return %flat : tensor<?xf32>
}

// CHECK-LABEL: kernel.func @expanded(
// CHECK-SAME:    %[[X:[^:]*]]: memref<8xf32>, %[[Y:[^:]*]]: memref<1x8xf32>
// CHECK-NOT:     memref.alloc
// CHECK:         %[[FLAT:.*]] = memref.collapse_shape %[[Y]] {{\[\[}}0, 1]] : memref<1x8xf32> into memref<8xf32>
// CHECK:         linalg.exp ins(%[[X]] : memref<8xf32>) outs(%[[FLAT]] : memref<8xf32>)
// CHECK-NEXT:    return
kernel.func @expanded(%x: tensor<8xf32>) -> tensor<1x8xf32>
    attributes {sizes = 0 : i64, dims = [affine_map<() -> (8)>, affine_map<() -> (1, 8)>]} {
  %e = tensor.empty() : tensor<8xf32>
  %y = linalg.exp ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %wide = tensor.expand_shape %y [[0, 1]] output_shape [1, 8] : tensor<8xf32> into tensor<1x8xf32>
  kernel.return %wide : tensor<1x8xf32>
}
