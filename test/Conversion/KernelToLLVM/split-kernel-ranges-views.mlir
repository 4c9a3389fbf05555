// Sizes of views of the kernel's own memory follow from the sizes with which it was allocated.
// RUN: lathe-opt %s --split-kernel-ranges --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @k.tasks(
// CHECK-SAME: %[[N:.*]]: index) -> index
// CHECK: %[[FOUR:.*]] = arith.constant 4 : index
// CHECK: %[[TASKS:.*]] = arith.muli %[[N]], %[[FOUR]]
// CHECK: return %[[TASKS]]
// CHECK-NOT: memref.dim
func.func @k(%n: index, %y: memref<?xf32> {kernel.dims = affine_map<()[s0] -> (s0)>}) attributes {kernel.sizes = 1 : i64} {
  %c0 = arith.constant 0 : index
  %t = memref.alloc(%n) : memref<?x4xf32>
  %v = memref.collapse_shape %t [[0, 1]] : memref<?x4xf32> into memref<?xf32>
  %d = memref.dim %v, %c0 : memref<?xf32>
  scf.forall (%i) in (%d) {
    %e = memref.load %v[%i] : memref<?xf32>
    memref.store %e, %y[%i] : memref<?xf32>
  }
  memref.dealloc %t : memref<?x4xf32>
  return
}

// A flat view says its own sizes.
// CHECK-LABEL: func.func @flat.tasks(
// CHECK-SAME: %[[N:.*]]: index) -> index
// CHECK-NOT: memref
// CHECK: return %[[N]]
func.func @flat(%n: index, %y: memref<?x4xf32> {kernel.dims = affine_map<()[s0] -> (s0, 4)>}) attributes {kernel.sizes = 1 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %v = memref.reinterpret_cast %y to offset: [0], sizes: [%n, 4], strides: [4, 1] : memref<?x4xf32> to memref<?x4xf32>
  %d = memref.dim %v, %c0 : memref<?x4xf32>
  scf.forall (%i) in (%d) {
    memref.store %zero, %v[%i, %c0] : memref<?x4xf32>
  }
  return
}
