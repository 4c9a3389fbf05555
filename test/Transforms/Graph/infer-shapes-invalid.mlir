// Shapes that cannot be equal, and a symbol that the model does not have.
// RUN: not lathe-opt %s --graph-infer-shapes=dims=bach=3 2>&1 | FileCheck %s
// CHECK: error: the model has no dim called 'bach'; did you mean 'batch'? (it has: batch) [dims-unknown-name]
func.func @main(%x: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
    attributes {graph.checks = [], graph.symbols = [#graph.symbol<"batch">]} {
  return %x : tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
}
