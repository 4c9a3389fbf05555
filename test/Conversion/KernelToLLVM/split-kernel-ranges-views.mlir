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

// CHECK-LABEL: func.func @flat.tasks(
// CHECK-SAME: %[[N:.*]]: index, %[[M:.*]]: index) -> index
// CHECK-NEXT: return %[[M]]
func.func @flat(%n: index, %m: index, %x: memref<?x?x3xf32> {kernel.dims = affine_map<()[s0, s1] -> (s0, s1, 3)>}, %y: memref<?xf32> {kernel.dims = affine_map<()[s0, s1] -> (s1)>}) attributes {kernel.sizes = 2 : i64} {
  %c1 = arith.constant 1 : index
  %v = memref.reinterpret_cast %x to offset: [0], sizes: [%n, %m], strides: [%m, 1] : memref<?x?x3xf32> to memref<?x?xf32>
  %d = memref.dim %v, %c1 : memref<?x?xf32>
  scf.forall (%i) in (%d) {
    %e = memref.load %v[%i, %i] : memref<?x?xf32>
    memref.store %e, %y[%i] : memref<?xf32>
  }
  return
}
