// Recurrent layers read back as they were written.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK-LABEL: @rnn
func.func @rnn(%x: tensor<5x2x3xf32>, %w: tensor<1x4x3xf32>, %r: tensor<1x4x4xf32>) -> tensor<5x1x2x4xf32> {
  // CHECK: graph.rnn forward %arg0, %arg1, %arg2 ["tanh"] alphas = [0.000000e+00] betas = [0.000000e+00] :
  %y, %h = graph.rnn forward %x, %w, %r ["tanh"] alphas = [0.0] betas = [0.0]
      : (tensor<5x2x3xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return %y : tensor<5x1x2x4xf32>
}

// CHECK-LABEL: @gru
func.func @gru(%x: tensor<5x2x3xf32>, %w: tensor<1x12x3xf32>, %r: tensor<1x12x4xf32>, %b: tensor<1x24xf32>,
               %n: tensor<2xi32>, %h0: tensor<1x2x4xf32>) -> tensor<1x2x4xf32> {
  // CHECK: graph.gru reverse %arg0, %arg1, %arg2 bias %arg3 lengths %arg4 h %arg5 ["sigmoid", "tanh"]
  // CHECK-SAME: {clip = 3.000000e+00 : f64, linear_before_reset}
  %y, %h = graph.gru reverse %x, %w, %r bias %b lengths %n h %h0 ["sigmoid", "tanh"]
      alphas = [0.0, 0.0] betas = [0.0, 0.0] {clip = 3.0 : f64, linear_before_reset}
      : (tensor<5x2x3xf32>, tensor<1x12x3xf32>, tensor<1x12x4xf32>, tensor<1x24xf32>, tensor<2xi32>, tensor<1x2x4xf32>)
      -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return %h : tensor<1x2x4xf32>
}

// CHECK-LABEL: @lstm
func.func @lstm(%x: tensor<5x2x3xf32>, %w: tensor<2x16x3xf32>, %r: tensor<2x16x4xf32>, %c0: tensor<2x2x4xf32>,
                %p: tensor<2x12xf32>) -> tensor<2x2x4xf32> {
  // CHECK: graph.lstm bidirectional %arg0, %arg1, %arg2 c %arg3 peepholes %arg4 ["sigmoid", "tanh", "tanh",
  %y, %h, %c = graph.lstm bidirectional %x, %w, %r c %c0 peepholes %p
      ["sigmoid", "tanh", "tanh", "hard_sigmoid", "affine", "elu"]
      alphas = [0.0, 0.0, 0.0, 0.2, 1.0, 1.0] betas = [0.0, 0.0, 0.0, 0.5, 0.0, 0.0] {input_forget}
      : (tensor<5x2x3xf32>, tensor<2x16x3xf32>, tensor<2x16x4xf32>, tensor<2x2x4xf32>, tensor<2x12xf32>)
      -> (tensor<5x2x2x4xf32>, tensor<2x2x4xf32>, tensor<2x2x4xf32>)
  return %c : tensor<2x2x4xf32>
}
