// What `dims` says of sizes that stay open, and what shapes follow from it.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes{dims=n=8..512%%8,m=2..}))" --mlir-print-local-scope | FileCheck %s
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes{dims=n=10..17%%8}))" --mlir-print-local-scope | FileCheck %s --check-prefix=ONE

// Of two sizes that are never 1, none is broadcast: they have to be equal.
// A multiple of 8 is cut into parts of 4 without a check.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: graph.checks = [#graph.check<"eq", ()[s0, s1] -> (s0, s1), {{.*}}>],
// CHECK-SAME: graph.symbols = [#graph.symbol<"n", range = <least = 8, most = 512, divisor = 8>>, #graph.symbol<"m", range = <least = 2>>]
// CHECK-NOT: graph.broadcast
// CHECK: graph.reshape {{.*}} -> tensor<?x4xf32, #graph.dims<()[s0] -> (s0 floordiv 4, 4)>>

// A range of one size is a size.
// ONE-LABEL: func.func @main(
// ONE-SAME: %{{.*}}: tensor<16xf32>
func.func @main(%x: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>, %y: tensor<?xf32, #graph.dims<()[s0, s1] -> (s1)>>) -> (tensor<f32>, tensor<f32>)
    attributes {graph.symbols = [#graph.symbol<"n">, #graph.symbol<"m">]} {
  %0 = graph.add %x, %y : (tensor<?xf32, #graph.dims<()[s0] -> (s0)>>, tensor<?xf32, #graph.dims<()[s0, s1] -> (s1)>>) -> tensor<f32>
  %shape = graph.constant dense<[-1, 4]> : tensor<2xi64>
  %1 = graph.reshape %x shape %shape : (tensor<?xf32, #graph.dims<()[s0] -> (s0)>>, tensor<2xi64>) -> tensor<f32>
  return %0, %1 : tensor<f32>, tensor<f32>
}
