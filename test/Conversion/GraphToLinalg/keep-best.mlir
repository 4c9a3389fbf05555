// The few largest of each row: one pass with a short list in order, each row a task of its own.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(any(convert-graph-to-linalg))" | FileCheck %s

// CHECK-LABEL: func.func @largest(
// CHECK-SAME: %[[X:.*]]: tensor<4x100xf32
// CHECK: scf.forall (%[[ROW:.*]]) in (4) shared_outs(%[[Y:.*]] = %{{.*}}) -> (tensor<4x3xi64>)
// CHECK: scf.for %[[PLACE:[a-z0-9]+]] = {{.*}} -> (tensor<3xf32>, tensor<3xi64>)
// CHECK: tensor.extract %[[X]][%[[ROW]], %[[PLACE]]]
// CHECK: arith.cmpi ult, %[[PLACE]]
// CHECK: scf.if
// CHECK: scf.for {{.*}} -> (f32, i64, i1, tensor<3xf32>, tensor<3xi64>)
// CHECK: arith.select
// CHECK: tensor.insert
// CHECK: tensor.parallel_insert_slice {{.*}} into %[[Y]][%[[ROW]], 0] [1, 3] [1, 1]
func.func @largest(%x: tensor<4x100xf32>) -> tensor<4x3xi64> {
  %y = graph.top_k max %x axis = 1 : tensor<4x100xf32> -> tensor<4x3xi64>
  return %y : tensor<4x3xi64>
}
