// Shapes that do not broadcast, found by shape inference.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes))" --verify-diagnostics --split-input-file

func.func @sizes(%a: tensor<2x3xf32>, %b: tensor<4xf32>) {
  // expected-error @+1 {{'graph.add' op operand dims 1 of the broadcast shape must be equal, but are 3 and 4 [graph-shape-mismatch]}}
  %y = graph.add %a, %b : (tensor<2x3xf32>, tensor<4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @third_operand(%c: tensor<2xi1>, %a: tensor<2xf32>, %b: tensor<3xf32>) {
  // expected-error @+1 {{operand dims 0 of the broadcast shape must be equal, but are 2 and 3 [graph-shape-mismatch]}}
  %y = graph.select %c, %a, %b : (tensor<2xi1>, tensor<2xf32>, tensor<3xf32>) -> tensor<2xf32>
  return
}
