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
