// Sizes of views of the kernel's own memory follow from the sizes with which it was allocated.
// RUN: lathe-opt %s --split-kernel-ranges --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @k.tasks(
// CHECK-SAME: %[[N:.*]]: index) -> index
// CHECK: %[[FOUR:.*]] = arith.constant 4 : index
// CHECK: %[[TASKS:.*]] = arith.muli %[[N]], %[[FOUR]]
// CHECK: return %[[TASKS]]
// CHECK-NOT: memref.dim
kernel.func @k(%n: index, %y: memref<?xf32>) attributes {dims = [affine_map<()[s0] -> (s0)>], sizes = 1 : i64} {
  %c0 = arith.constant 0 : index
  %t = memref.alloc(%n) : memref<?x4xf32>
  %v = memref.collapse_shape %t [[0, 1]] : memref<?x4xf32> into memref<?xf32>
  %d = memref.dim %v, %c0 : memref<?xf32>
  scf.forall (%i) in (%d) {
    %e = memref.load %v[%i] : memref<?xf32>
    memref.store %e, %y[%i] : memref<?xf32>
  }
  memref.dealloc %t : memref<?x4xf32>
  kernel.return
}

// CHECK-LABEL: func.func @flat.tasks(
// CHECK-SAME: %[[N:.*]]: index, %[[M:.*]]: index) -> index
// CHECK-NEXT: return %[[M]]
kernel.func @flat(%n: index, %m: index, %x: memref<?x?x3xf32>, %y: memref<?xf32>) attributes {dims = [affine_map<()[s0, s1] -> (s0, s1, 3)>, affine_map<()[s0, s1] -> (s1)>], sizes = 2 : i64} {
  %c1 = arith.constant 1 : index
  %v = memref.reinterpret_cast %x to offset: [0], sizes: [%n, %m], strides: [%m, 1] : memref<?x?x3xf32> to memref<?x?xf32>
  %d = memref.dim %v, %c1 : memref<?x?xf32>
  scf.forall (%i) in (%d) {
    %e = memref.load %v[%i, %i] : memref<?x?xf32>
    memref.store %e, %y[%i] : memref<?xf32>
  }
  kernel.return
}

// A part of an argument, of which a dim is dropped.
// CHECK-LABEL: func.func @part.tasks(
// CHECK-SAME: %[[N:.*]]: index, %[[M:.*]]: index) -> index
// CHECK-NEXT: %[[TASKS:.*]] = arith.muli %[[N]], %[[M]]
// CHECK-NEXT: return %[[TASKS]]
// CHECK-NOT: memref.dim
kernel.func @part(%n: index, %m: index, %x: memref<?x?x2xf32>, %y: memref<?xf32>) attributes {dims = [affine_map<()[s0, s1] -> (s0, s1, 2)>, affine_map<()[s0, s1] -> (s1)>], sizes = 2 : i64} {
  %c0 = arith.constant 0 : index
  %p = memref.subview %x[0, 0, 1] [%n, %m, 1] [1, 1, 1] : memref<?x?x2xf32> to memref<?x?xf32, strided<[?, 2], offset: 1>>
  %v = memref.collapse_shape %p [[0, 1]] : memref<?x?xf32, strided<[?, 2], offset: 1>> into memref<?xf32, strided<[?], offset: 1>>
  %d = memref.dim %v, %c0 : memref<?xf32, strided<[?], offset: 1>>
  scf.forall (%i) in (%d) {
    %e = memref.load %v[%i] : memref<?xf32, strided<[?], offset: 1>>
    memref.store %e, %y[%i] : memref<?xf32>
  }
  kernel.return
}
