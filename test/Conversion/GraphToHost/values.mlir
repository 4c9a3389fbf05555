// Sequences are addresses of values of the ABI; what goes into one is copied, and nothing frees it.
// RUN: lathe-opt %s --convert-graph-to-host --mlir-print-local-scope | FileCheck %s

// CHECK: host.signature "main" {checks = ["position %lld is outside of a sequence of %lld elements [call-sequence-position]"
// CHECK-SAME: features = 2
// CHECK: host.program plan of "main" {
// CHECK-NOT: host.set_dim
// CHECK: host.program run of "main" {
// CHECK: %[[S:.*]] = host.input 0
// CHECK: %[[T:.*]] = host.describe %{{.*}}[%{{.*}}] : f32
// CHECK: %[[P:.*]] = host.load %{{.*}}[0] : i64
// CHECK: %[[MADE:.*]] = host.make_value insert %[[S]], %[[T]][%[[P]], %{{.*}}] id = 0
// CHECK: host.free %[[T]]
// CHECK: %[[LENGTH:.*]] = host.load %[[MADE]][13] : i64
// CHECK: %[[PLACE:.*]] = host.alloc
// CHECK: host.store %[[LENGTH]] to %[[PLACE]]
// CHECK: %[[LAST:.*]]:{{.*}} = scf.while
// CHECK: host.make_value erase
// CHECK: scf.yield
// CHECK: host.set_output 0 = %[[LAST]]#
func.func @main(%s: !graph.sequence<tensor<?xf32>>, %x: tensor<4xf32>, %p: tensor<i64>)
    -> (!graph.sequence<tensor<?xf32>>) {
  %0 = graph.sequence_insert %x into %s at %p : tensor<4xf32>, !graph.sequence<tensor<?xf32>>, tensor<i64> -> !graph.sequence<tensor<?xf32>>
  %1 = graph.sequence_length %0 : !graph.sequence<tensor<?xf32>> -> tensor<i64>
  %2 = graph.loop trip_count(%1 : tensor<i64>) carried(%0 : !graph.sequence<tensor<?xf32>>) -> (!graph.sequence<tensor<?xf32>>) {
  ^bb0(%i: tensor<i64>, %a: !graph.sequence<tensor<?xf32>>):
    %3 = graph.sequence_erase %a : !graph.sequence<tensor<?xf32>> -> !graph.sequence<tensor<?xf32>>
    graph.yield %3 : !graph.sequence<tensor<?xf32>>
  }
  return %2 : !graph.sequence<tensor<?xf32>>
}
