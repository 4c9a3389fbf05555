// Of two sizes that broadcast, one that is fixed later says what the result is.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes,graph-infer-shapes{dims=m=4}))" --mlir-print-local-scope | FileCheck %s

#x = #graph.dims<()[s0] -> (s0, 4)>
#y = #graph.dims<()[s0, s1] -> (s1, 4)>

// CHECK-LABEL: func.func @main(
// CHECK: graph.add {{.*}} -> tensor<4x4xf32>
func.func @main(%x: tensor<?x4xf32, #x>, %y: tensor<?x4xf32, #y>) -> tensor<f32>
    attributes {graph.symbols = [#graph.symbol<"n">, #graph.symbol<"m">]} {
  %0 = graph.add %x, %y : (tensor<?x4xf32, #x>, tensor<?x4xf32, #y>) -> tensor<f32>
  return %0 : tensor<f32>
}
