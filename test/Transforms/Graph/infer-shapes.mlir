// Free dimensions become symbols, results follow from them, and --dim fixes one for good.
// RUN: lathe-opt %s --split-input-file --graph-infer-shapes | FileCheck %s
// RUN: lathe-opt %s --split-input-file --graph-infer-shapes=dims=batch=3 | FileCheck %s --check-prefix=FIXED

// Nothing says that both have as many rows: the program checks it at run time.
// CHECK-LABEL: func.func @sum(
// CHECK-SAME: %arg0: tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>
// CHECK-SAME: %arg1: tensor<?x4xf32, #graph.dims<()[s0, s1] -> (s1, 4)>>
// CHECK-SAME: -> tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>
// CHECK-SAME: graph.checks = [#graph.check<"eq", ()[s0, s1] -> (s0, s1)
// CHECK-SAME: graph.symbols = [#graph.symbol<"batch">, #graph.symbol<"rows">]
// FIXED-LABEL: func.func @sum(
// FIXED-SAME: %arg0: tensor<3x4xf32>
// FIXED: graph.add %{{.*}}, %{{.*}} : (tensor<3x4xf32>,
func.func @sum(%x: tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>, %y: tensor<?x4xf32, #graph.dims<()[s0, s1] -> (s1, 4)>>)
    -> tensor<?x4xf32> attributes {graph.checks = [], graph.symbols = [#graph.symbol<"batch">, #graph.symbol<"rows">]} {
  %0 = graph.add %x, %y : (tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>, tensor<?x4xf32, #graph.dims<()[s0, s1] -> (s1, 4)>>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// One symbol in two places needs no check.
// CHECK-LABEL: func.func @square(
// CHECK-SAME: graph.checks = []
// FIXED-LABEL: func.func @square(
func.func @square(%x: tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>) -> tensor<?x4xf32>
    attributes {graph.checks = [], graph.symbols = [#graph.symbol<"batch">]} {
  %0 = graph.mul %x, %x : (tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>, tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
