// Bounds that are far above what calls need are no plan: each call takes what its sizes take, and a remark says so.
// RUN: lathe-opt %s --convert-graph-to-host --canonicalize --cse --mlir-print-local-scope --verify-diagnostics | FileCheck %s

#rows = #graph.dims<()[s0] -> (s0, 1024)>

// CHECK: host.program plan of "main" {
// CHECK: %[[N:.*]] = host.dim 0, 0
// CHECK: %[[FIRST:.*]] = host.mul %[[N]], %{{.*}}
// CHECK: %[[SECOND:.*]] = host.add %{{.*}}, %[[FIRST]]
// CHECK: host.set_workspace %[[SECOND]]
// expected-remark @+1 {{each call plans its memory: with the largest sizes that are stated it would take 134217728 bytes, and up to 67108864 are planned beforehand [memory-planned-in-calls]}}
func.func @main(%x: tensor<?x1024xf32, #rows>) -> tensor<?x1024xf32, #rows>
    attributes {graph.symbols = [#graph.symbol<"n", range = <most = 16384>>]} {
  %0 = kernel.call @k affine_map<()[s0] -> (s0)>(%x) : (tensor<?x1024xf32, #rows>) -> tensor<?x1024xf32, #rows>
  %1 = kernel.call @k affine_map<()[s0] -> (s0)>(%0) : (tensor<?x1024xf32, #rows>) -> tensor<?x1024xf32, #rows>
  %2 = kernel.call @k affine_map<()[s0] -> (s0)>(%1) : (tensor<?x1024xf32, #rows>) -> tensor<?x1024xf32, #rows>
  return %2 : tensor<?x1024xf32, #rows>
}
kernel.func private @k(%n: index, %x: tensor<?x1024xf32, #rows>) -> tensor<?x1024xf32, #rows> attributes {sizes = 1 : i64} {
  kernel.return %x : tensor<?x1024xf32, #rows>
}
