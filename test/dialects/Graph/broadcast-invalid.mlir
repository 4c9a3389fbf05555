// Shapes to which an operand does not broadcast, found by shape inference.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes))" --verify-diagnostics --split-input-file

// broadcast_c1
func.func @exact(%x: tensor<3xf32>) {
  %s = graph.constant dense<1> : tensor<1xi64>
  // expected-error @+1 {{dims of 'x' and of the shape must be equal, but are 3 and 1 [graph-shape-mismatch]}}
  %y = graph.broadcast %x shape %s exact : (tensor<3xf32>, tensor<1xi64>) -> tensor<1xf32>
  return
}

// -----

// broadcast_c1
func.func @exact_rank(%x: tensor<1x3xf32>) {
  %s = graph.constant dense<3> : tensor<1xi64>
  // expected-error @+1 {{cannot turn rank 2 into rank 1 [graph-shape-mismatch]}}
  %y = graph.broadcast %x shape %s exact : (tensor<1x3xf32>, tensor<1xi64>) -> tensor<3xf32>
  return
}

// -----

// broadcast_c1
func.func @type(%x: tensor<3xf32>) {
  // expected-error @+1 {{operand dims 0 of the broadcast shape must be equal, but are 3 and 4 [graph-shape-mismatch]}}
  %y = graph.broadcast %x : (tensor<3xf32>) -> tensor<4xf32>
  return
}
