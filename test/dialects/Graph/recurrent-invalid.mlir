// One case for each constraint of recurrent layers.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes))" --split-input-file --verify-diagnostics

func.func @main(%x: tensor<5x3xf32>, %w: tensor<1x4x3xf32>, %r: tensor<1x4x4xf32>) {
  // rnn_c1
  // expected-error @+1 {{'x' has rank 2, but 3 is expected [graph-shape-mismatch]}}
  %y:2 = graph.rnn forward %x, %w, %r ["tanh"] alphas = [0.0] betas = [0.0]
      : (tensor<5x3xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @main(%x: tensor<5x2x3xf32>, %w: tensor<1x4x7xf32>, %r: tensor<1x4x4xf32>) {
  // rnn_c1
  // expected-error @+1 {{dim 2 of 'w' and what the layer's sizes ask for must be equal, but are 7 and 3 [graph-shape-mismatch]}}
  %y:2 = graph.rnn forward %x, %w, %r ["tanh"] alphas = [0.0] betas = [0.0]
      : (tensor<5x2x3xf32>, tensor<1x4x7xf32>, tensor<1x4x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @main(%x: tensor<5x2x3xf32>, %w: tensor<2x4x3xf32>, %r: tensor<2x4x4xf32>) {
  // rnn_c2
  // expected-error @+1 {{dim 0 of 'w' and what the layer's sizes ask for must be equal, but are 2 and 1 [graph-shape-mismatch]}}
  %y:2 = graph.rnn forward %x, %w, %r ["tanh"] alphas = [0.0] betas = [0.0]
      : (tensor<5x2x3xf32>, tensor<2x4x3xf32>, tensor<2x4x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @main(%x: tensor<5x2x3xf32>, %w: tensor<1x4x3xf32>, %r: tensor<1x4x4xf32>) {
  // rnn_c3
  // expected-error @+1 {{has 2 activations, 1 alphas and 1 betas, but the cell needs 1 of each [graph-recurrent-lists]}}
  %y:2 = graph.rnn forward %x, %w, %r ["tanh", "tanh"] alphas = [0.0] betas = [0.0]
      : (tensor<5x2x3xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @main(%x: tensor<5x2x3xf32>, %w: tensor<1x4x3xf32>, %r: tensor<1x4x4xf32>) {
  // rnn_c3
  // expected-error @+1 {{has the activation "gelu", but those that there are are relu, tanh,}}
  %y:2 = graph.rnn forward %x, %w, %r ["gelu"] alphas = [0.0] betas = [0.0]
      : (tensor<5x2x3xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @main(%x: tensor<5x3xf32>, %w: tensor<1x12x3xf32>, %r: tensor<1x12x4xf32>) {
  // gru_c1
  // expected-error @+1 {{'x' has rank 2, but 3 is expected [graph-shape-mismatch]}}
  %y:2 = graph.gru forward %x, %w, %r ["tanh", "tanh"] alphas = [0.0, 0.0] betas = [0.0, 0.0]
      : (tensor<5x3xf32>, tensor<1x12x3xf32>, tensor<1x12x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @main(%x: tensor<5x2x3xf32>, %w: tensor<1x12x7xf32>, %r: tensor<1x12x4xf32>) {
  // gru_c1
  // expected-error @+1 {{dim 2 of 'w' and what the layer's sizes ask for must be equal, but are 7 and 3 [graph-shape-mismatch]}}
  %y:2 = graph.gru forward %x, %w, %r ["tanh", "tanh"] alphas = [0.0, 0.0] betas = [0.0, 0.0]
      : (tensor<5x2x3xf32>, tensor<1x12x7xf32>, tensor<1x12x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @main(%x: tensor<5x2x3xf32>, %w: tensor<2x12x3xf32>, %r: tensor<2x12x4xf32>) {
  // gru_c2
  // expected-error @+1 {{dim 0 of 'w' and what the layer's sizes ask for must be equal, but are 2 and 1 [graph-shape-mismatch]}}
  %y:2 = graph.gru forward %x, %w, %r ["tanh", "tanh"] alphas = [0.0, 0.0] betas = [0.0, 0.0]
      : (tensor<5x2x3xf32>, tensor<2x12x3xf32>, tensor<2x12x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @main(%x: tensor<5x2x3xf32>, %w: tensor<1x12x3xf32>, %r: tensor<1x12x4xf32>) {
  // gru_c3
  // expected-error @+1 {{has 3 activations, 2 alphas and 2 betas, but the cell needs 2 of each [graph-recurrent-lists]}}
  %y:2 = graph.gru forward %x, %w, %r ["tanh", "tanh", "tanh"] alphas = [0.0, 0.0] betas = [0.0, 0.0]
      : (tensor<5x2x3xf32>, tensor<1x12x3xf32>, tensor<1x12x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @main(%x: tensor<5x2x3xf32>, %w: tensor<1x12x3xf32>, %r: tensor<1x12x4xf32>) {
  // gru_c3
  // expected-error @+1 {{has the activation "gelu", but those that there are are relu, tanh,}}
  %y:2 = graph.gru forward %x, %w, %r ["gelu", "tanh"] alphas = [0.0, 0.0] betas = [0.0, 0.0]
      : (tensor<5x2x3xf32>, tensor<1x12x3xf32>, tensor<1x12x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @main(%x: tensor<5x3xf32>, %w: tensor<1x16x3xf32>, %r: tensor<1x16x4xf32>) {
  // lstm_c1
  // expected-error @+1 {{'x' has rank 2, but 3 is expected [graph-shape-mismatch]}}
  %y:3 = graph.lstm forward %x, %w, %r ["tanh", "tanh", "tanh"] alphas = [0.0, 0.0, 0.0] betas = [0.0, 0.0, 0.0]
      : (tensor<5x3xf32>, tensor<1x16x3xf32>, tensor<1x16x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @main(%x: tensor<5x2x3xf32>, %w: tensor<1x16x7xf32>, %r: tensor<1x16x4xf32>) {
  // lstm_c1
  // expected-error @+1 {{dim 2 of 'w' and what the layer's sizes ask for must be equal, but are 7 and 3 [graph-shape-mismatch]}}
  %y:3 = graph.lstm forward %x, %w, %r ["tanh", "tanh", "tanh"] alphas = [0.0, 0.0, 0.0] betas = [0.0, 0.0, 0.0]
      : (tensor<5x2x3xf32>, tensor<1x16x7xf32>, tensor<1x16x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @main(%x: tensor<5x2x3xf32>, %w: tensor<2x16x3xf32>, %r: tensor<2x16x4xf32>) {
  // lstm_c2
  // expected-error @+1 {{dim 0 of 'w' and what the layer's sizes ask for must be equal, but are 2 and 1 [graph-shape-mismatch]}}
  %y:3 = graph.lstm forward %x, %w, %r ["tanh", "tanh", "tanh"] alphas = [0.0, 0.0, 0.0] betas = [0.0, 0.0, 0.0]
      : (tensor<5x2x3xf32>, tensor<2x16x3xf32>, tensor<2x16x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @main(%x: tensor<5x2x3xf32>, %w: tensor<1x16x3xf32>, %r: tensor<1x16x4xf32>) {
  // lstm_c3
  // expected-error @+1 {{has 4 activations, 3 alphas and 3 betas, but the cell needs 3 of each [graph-recurrent-lists]}}
  %y:3 = graph.lstm forward %x, %w, %r ["tanh", "tanh", "tanh", "tanh"] alphas = [0.0, 0.0, 0.0] betas = [0.0, 0.0, 0.0]
      : (tensor<5x2x3xf32>, tensor<1x16x3xf32>, tensor<1x16x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @main(%x: tensor<5x2x3xf32>, %w: tensor<1x16x3xf32>, %r: tensor<1x16x4xf32>) {
  // lstm_c3
  // expected-error @+1 {{has the activation "gelu", but those that there are are relu, tanh,}}
  %y:3 = graph.lstm forward %x, %w, %r ["gelu", "tanh", "tanh"] alphas = [0.0, 0.0, 0.0] betas = [0.0, 0.0, 0.0]
      : (tensor<5x2x3xf32>, tensor<1x16x3xf32>, tensor<1x16x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  return
}
