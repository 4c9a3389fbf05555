// Splits into several free sizes are written out, and dims that become one where all is known; upstream does all others.
// RUN: lathe-opt %s --convert-reshape-to-reinterpret-cast | FileCheck %s

// CHECK-LABEL: func.func @free(
// CHECK-SAME: %[[M:.*]]: index, %[[N:.*]]: index, %[[X:.*]]: memref<?x4xf32>)
// CHECK: %[[BASE:.*]], %{{.*}}, %{{.*}}:2, %{{.*}}:2 = memref.extract_strided_metadata %[[X]]
// CHECK: %[[C4:.*]] = arith.constant 4 : index
// CHECK: %[[ROW:.*]] = arith.muli %[[C4]], %[[N]] : index
// CHECK: memref.reinterpret_cast %[[BASE]] to offset: [0], sizes: [%[[M]], %[[N]], 4], strides: [%[[ROW]], 4, 1] : memref<f32> to memref<?x?x4xf32>
func.func @free(%m: index, %n: index, %x: memref<?x4xf32>) -> memref<?x?x4xf32> {
  %y = memref.expand_shape %x [[0, 1], [2]] output_shape [%m, %n, 4] : memref<?x4xf32> into memref<?x?x4xf32>
  return %y : memref<?x?x4xf32>
}

// CHECK-LABEL: func.func @strided(
// CHECK-SAME: %[[M:.*]]: index, %[[N:.*]]: index, %[[X:.*]]: memref<?x4xf32, strided<[9, 1], offset: ?>>)
// CHECK: %[[BASE:.*]], %[[OFFSET:.*]], %{{.*}}:2, %{{.*}}:2 = memref.extract_strided_metadata %[[X]]
// CHECK: memref.reinterpret_cast %[[BASE]] to offset: [%[[OFFSET]]], sizes: [%[[M]], %[[N]], 4], strides: [%{{.*}}, 9, 1]
func.func @strided(%m: index, %n: index, %x: memref<?x4xf32, strided<[9, 1], offset: ?>>)
    -> memref<?x?x4xf32, strided<[?, 9, 1], offset: ?>> {
  %y = memref.expand_shape %x [[0, 1], [2]] output_shape [%m, %n, 4]
      : memref<?x4xf32, strided<[9, 1], offset: ?>> into memref<?x?x4xf32, strided<[?, 9, 1], offset: ?>>
  return %y : memref<?x?x4xf32, strided<[?, 9, 1], offset: ?>>
}

// CHECK-LABEL: func.func @kept(
// CHECK: memref.expand_shape
func.func @kept(%m: index, %x: memref<?xf32>) -> memref<?x4xf32> {
  %y = memref.expand_shape %x [[0, 1]] output_shape [%m, 4] : memref<?xf32> into memref<?x4xf32>
  return %y : memref<?x4xf32>
}

// CHECK-LABEL: func.func @joined(
// CHECK-SAME: %[[X:.*]]: memref<2x14x14xf32>)
// CHECK: memref.reinterpret_cast %[[X]] to offset: [0], sizes: [2, 196], strides: [196, 1] : memref<2x14x14xf32> to memref<2x196xf32>
func.func @joined(%x: memref<2x14x14xf32>) -> memref<2x196xf32> {
  %y = memref.collapse_shape %x [[0], [1, 2]] : memref<2x14x14xf32> into memref<2x196xf32>
  return %y : memref<2x196xf32>
}

// CHECK-LABEL: func.func @free_join(
// CHECK: memref.collapse_shape
func.func @free_join(%x: memref<?x14xf32>) -> memref<?xf32> {
  %y = memref.collapse_shape %x [[0, 1]] : memref<?x14xf32> into memref<?xf32>
  return %y : memref<?xf32>
}
