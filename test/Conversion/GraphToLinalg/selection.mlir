// Ops that keep some of their elements append in order, and never behind the end.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(any(convert-graph-to-linalg))" --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @nonzero(
// CHECK-SAME: %[[X:.*]]: tensor<4x5xf32>
// CHECK: linalg.fill
// CHECK: scf.for %[[I:[a-z0-9]+]] =
// CHECK: scf.for %[[J:[a-z0-9]+]] = {{.*}} iter_args(%[[Y:.*]] = %{{.*}}, %[[COUNT:.*]] = %{{.*}}) -> (tensor<2x7xi64>, index)
// CHECK: %[[E:.*]] = tensor.extract %[[X]][%[[I]], %[[J]]]
// CHECK: arith.cmpi ult, %[[COUNT]]
// CHECK: arith.cmpf une, %[[E]]
// CHECK: scf.if
// CHECK: tensor.insert %{{.*}} into %[[Y]][%{{.*}}, %[[COUNT]]]
// CHECK: tensor.insert
// CHECK: else
// CHECK: scf.yield %[[Y]], %[[COUNT]]
func.func @nonzero(%x: tensor<4x5xf32>) -> tensor<2x7xi64> {
  %y = graph.nonzero %x : tensor<4x5xf32> -> tensor<2x7xi64>
  return %y : tensor<2x7xi64>
}

// -----

// The search among the boxes that were taken ends at the first that overlaps.
// CHECK-LABEL: func.func @suppress_boxes(
// CHECK: linalg.fill
// CHECK: scf.for {{.*}} -> (tensor<2x3x5xi64>, index)
// CHECK: %[[NUMBER:.*]] = arith.minui
// CHECK: arith.cmpi ult
// CHECK: tensor.extract %arg1
// CHECK: scf.while
// CHECK: scf.condition
// CHECK: arith.divf
// CHECK: scf.if
// CHECK: tensor.insert
func.func @suppress_boxes(%boxes: tensor<2x9x4xf32>, %scores: tensor<2x3x9xf32>, %order: tensor<2x3x9xi64>, %overlap: tensor<f32>, %least: tensor<f32>) -> tensor<2x3x5xi64> {
  %0 = graph.suppress_boxes %boxes scores %scores order %order overlap %overlap least %least : (tensor<2x9x4xf32>, tensor<2x3x9xf32>, tensor<2x3x9xi64>, tensor<f32>, tensor<f32>) -> tensor<2x3x5xi64>
  return %0 : tensor<2x3x5xi64>
}
