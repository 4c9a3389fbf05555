// Shapes that cannot be equal, and a symbol that the model does not have.
// RUN: not lathe-opt %s --graph-infer-shapes=dims=bach=3 2>&1 | FileCheck %s
// CHECK: error: the model has no free dim "bach"; did you mean 'batch'? [dims-unknown-name]
// CHECK: note: its free dims with names: batch
func.func @main(%x: tensor<?xf32, #graph.dims<()[s0] -> (s0)>>) -> tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
    attributes {graph.checks = [], graph.symbols = [#graph.symbol<"batch">]} {
  return %x : tensor<?xf32, #graph.dims<()[s0] -> (s0)>>
}
