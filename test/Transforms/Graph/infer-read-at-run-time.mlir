// What is read at run time of a comparison of sizes is not computed from what is read.
// RUN: lathe-opt %s --graph-infer-shapes | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK: %[[LESS:.*]] = graph.less
// CHECK: graph.define_symbol %[[LESS]][0] symbol = 1
// CHECK: graph.slice
func.func @main(%x: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>)
    -> tensor<?xf32, #graph.dims<()[s0, s1] -> (s0 - s0 * s1)>>
    attributes {graph.checks = [], graph.symbols = [#graph.symbol<"n">, #graph.symbol<"few", inner = true>]} {
  %size = graph.shape %x 0 to 1 : tensor<?xf32, #graph.dims<()[s0] -> (s0)>> -> tensor<1xi64>
  %three = graph.constant dense<3> : tensor<1xi64>
  %isFew = graph.less %size, %three : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi1>
  graph.define_symbol %isFew[0] symbol = 1 : tensor<1xi1>
  %y = graph.slice %x offsets = <()[s0, s1] -> (0)> axes = [0] steps = [1]
    : (tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<?xf32, #graph.dims<()[s0, s1] -> (s0 - s0 * s1)>>
  return %y : tensor<?xf32, #graph.dims<()[s0, s1] -> (s0 - s0 * s1)>>
}
