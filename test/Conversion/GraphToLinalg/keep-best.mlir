// The few largest of each row: one pass with a short list in order, each row a task of its own. The first elements
// fill the list; of the others, blocks are looked at as a whole, and only those that have one that enters element by
// element.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(any(convert-graph-to-linalg))" | FileCheck %s

// CHECK-LABEL: func.func @largest(
// CHECK-SAME: %[[X:.*]]: tensor<4x100xf32
// CHECK: scf.forall (%[[ROW:.*]]) in (4) shared_outs(%[[Y:.*]] = %{{.*}}) -> (tensor<4x3xi64>)
// CHECK: scf.for %[[PLACE:[a-z0-9]+]] = {{.*}} -> (tensor<3xf32>, tensor<3xi64>)
// CHECK: tensor.extract %[[X]][%[[ROW]], %[[PLACE]]]
// CHECK: arith.cmpi ult, %[[PLACE]]
// CHECK: scf.if
// CHECK: scf.for {{.*}} -> (tensor<3xf32>, tensor<3xi64>)
// CHECK: arith.select
// CHECK: tensor.insert
// CHECK: scf.for %[[BLOCK:[a-z0-9]+]] = {{.*}} -> (tensor<3xf32>, tensor<3xi64>)
// CHECK: %[[ANY:.*]] = scf.for {{.*}} -> (i1)
// CHECK: arith.ori
// CHECK: scf.if %[[ANY]]
// CHECK: tensor.parallel_insert_slice {{.*}} into %[[Y]][%[[ROW]], 0] [1, 3] [1, 1]
func.func @largest(%x: tensor<4x100xf32>) -> tensor<4x3xi64> {
  %y = graph.top_k max %x axis = 1 : tensor<4x100xf32> -> tensor<4x3xi64>
  return %y : tensor<4x3xi64>
}
