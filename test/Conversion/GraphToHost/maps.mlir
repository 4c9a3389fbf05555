// A map is made of the tensors of its keys and values; its parts are sequences again.
// RUN: lathe-opt %s --convert-graph-to-host --mlir-print-local-scope | FileCheck %s

// CHECK: host.signature {{.*}} features = 2
// CHECK: host.program run of "main" {
// CHECK: host.make_value part %{{.*}}, %{{.*}}[%c1, %c0]
// CHECK: host.make_value at
// CHECK: %[[KEYS:.*]] = host.describe %{{.*}}[%{{.*}}] : i64
// CHECK: %[[VALUES:.*]] = host.describe %{{.*}}[%{{.*}}] : f32
// CHECK: host.make_value map %[[KEYS]], %[[VALUES]]
// CHECK: host.free %[[KEYS]]
func.func @main(%m: !graph.map<i64 to f32>, %k: tensor<3xi64>, %p: tensor<i64>) -> (!graph.map<i64 to f32>) {
  %0 = graph.map_values %m : !graph.map<i64 to f32> -> !graph.sequence<tensor<?xf32>>
  %2 = graph.sequence_at %0 at %p : !graph.sequence<tensor<?xf32>>, tensor<i64> -> tensor<3xf32>
  %3 = graph.make_map %k to %2 : tensor<3xi64>, tensor<3xf32> -> !graph.map<i64 to f32>
  return %3 : !graph.map<i64 to f32>
}
