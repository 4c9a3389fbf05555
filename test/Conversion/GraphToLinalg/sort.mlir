// Sorting by merging: rows one after the other, each in passes over a buffer of two halves. Up to half of a row is
// kept in a heap while the row passes.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(any(convert-graph-to-linalg))" --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @largest(
// CHECK-SAME: %[[X:.*]]: tensor<4x6000xf32>
// The number of passes.
// CHECK: %[[PASSES:.*]] = scf.for
// CHECK: %[[BUFFER:.*]] = tensor.empty() : tensor<2x6000xi64>
// CHECK: scf.for %[[ROW:[a-z0-9]+]] = {{.*}} -> (tensor<4x5000xi64>, tensor<2x6000xi64>)
// Each position in its own place.
// CHECK: scf.for {{.*}} -> (tensor<2x6000xi64>)
// CHECK: tensor.insert {{.*}} : tensor<2x6000xi64>
// A pass, and its places.
// CHECK: scf.for {{.*}} to %[[PASSES]]
// CHECK: scf.for {{.*}} -> (index, index, tensor<2x6000xi64>)
// CHECK: tensor.extract %[[X]][%[[ROW]], %{{.*}}]
// A NaN is greater than all numbers.
// CHECK: arith.cmpf ult
// CHECK: arith.cmpf ord
// CHECK: tensor.insert {{.*}} : tensor<2x6000xi64>
// CHECK: scf.for
// CHECK: tensor.insert {{.*}} : tensor<4x5000xi64>
func.func @largest(%x: tensor<4x6000xf32>) -> tensor<4x5000xi64> {
  %y = graph.top_k max %x axis = 1 : tensor<4x6000xf32> -> tensor<4x5000xi64>
  return %y : tensor<4x5000xi64>
}

// -----

// CHECK-LABEL: func.func @many(
// CHECK: scf.forall
// CHECK: scf.for {{.*}} -> (index, tensor<80xf32>, tensor<80xi64>)
func.func @many(%x: tensor<4x160xf32>) -> tensor<4x80xi64> {
  %y = graph.top_k max %x axis = 1 : tensor<4x160xf32> -> tensor<4x80xi64>
  return %y : tensor<4x80xi64>
}

// -----

// A vector has no rows to loop over; unsigned integers compare as such.
// CHECK-LABEL: func.func @least(
// CHECK-NOT: -> (tensor<3xi64>, tensor<2x5xi64>)
// CHECK: arith.cmpi ult, %{{.*}} : i8
func.func @least(%x: tensor<5xui8>) -> tensor<3xi64> {
  %y = graph.top_k min %x axis = 0 : tensor<5xui8> -> tensor<3xi64>
  return %y : tensor<3xi64>
}

// -----

// Rows compare column by column, until they differ; a NaN comes last.
// CHECK-LABEL: func.func @rows(
// CHECK: scf.while
// CHECK: arith.cmpf ult
// CHECK: arith.cmpf ord
// CHECK: tensor.insert {{.*}} : tensor<6xi64>
func.func @rows(%x: tensor<6x2xf32>) -> tensor<6xi64> {
  %y = graph.sort_rows %x : tensor<6x2xf32> -> tensor<6xi64>
  return %y : tensor<6xi64>
}
