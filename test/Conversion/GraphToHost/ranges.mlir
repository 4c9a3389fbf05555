// Ranges of dims are checked before all else, and a bound makes a plan of what would be computed in each call.
// RUN: lathe-opt %s --convert-graph-to-host --canonicalize --cse --mlir-print-local-scope | FileCheck %s

// CHECK: host.signature "main" {checks = ["dim 'n' is %lld, but must be at least %lld, as the model was compiled for 8..512%8;{{[^[]*}} [call-dim-range]",
// CHECK-SAME: "dim 'n' must be at most %lld, but is %lld, {{[^"]*}}", "dim 'n' is %lld, which is no multiple of 8 (%lld is the one below),{{[^"]*}}"]
// CHECK-SAME: ranges = array<i64: 8, 512, 8>, symbols = ["n"]}
// CHECK: host.program plan of "main" {
// CHECK-DAG: %[[BYTES:.*]] = arith.constant 2048 : index
// CHECK-DAG: %[[LEAST:.*]] = arith.constant 8 : index
// CHECK-DAG: %[[MOST:.*]] = arith.constant 512 : index
// CHECK: %[[N:.*]] = host.dim 0, 0
// CHECK: host.check ge %[[N]], %[[LEAST]] id = 0
// CHECK: host.check ge %[[MOST]], %[[N]] id = 1
// CHECK: host.check eq %[[N]], %{{.*}} id = 2
// CHECK: host.set_workspace %[[BYTES]]
// CHECK: host.program run of "main" {
// CHECK: %[[ZERO:.*]] = arith.constant 0 : index
// CHECK-NOT: host.mul
// CHECK: host.workspace %[[ZERO]]
func.func @main(%x: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
    attributes {graph.symbols = [#graph.symbol<"n", range = <least = 8, most = 512, divisor = 8>>]} {
  %0 = kernel.call @k affine_map<()[s0] -> (s0)>(%x) : (tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
  %1 = kernel.call @k affine_map<()[s0] -> (s0)>(%0) : (tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
  return %1 : tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
}
kernel.func private @k(%n: index, %x: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<?xf32, #graph.dims<()[s0] -> (s0)>> attributes {sizes = 1 : i64} {
  kernel.return %x : tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
}
