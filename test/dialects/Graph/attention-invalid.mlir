// One case for each constraint of attention.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes))" --split-input-file --verify-diagnostics

// attention_c1
func.func @f(%q: tensor<2x5x4xf32>, %k: tensor<1x2x7x4xf32>, %v: tensor<1x2x7x3xf32>) {
  // expected-error @+1 {{has an operand of rank 3, but 4 is expected [graph-attention]}}
  %y = graph.attention %q, %k, %v heads_inside = [false, false, false, false] scale = 0.5
      : (tensor<2x5x4xf32>, tensor<1x2x7x4xf32>, tensor<1x2x7x3xf32>) -> tensor<1x2x5x3xf32>
  return
}

// -----

// attention_c1
func.func @f(%q: tensor<1x2x5x4xf32>, %k: tensor<1x2x7x4xf32>, %v: tensor<1x2x7x3xf32>) {
  // expected-error @+1 {{has 3 entries of 'heads_inside', but 4 are expected [graph-attention]}}
  %y = graph.attention %q, %k, %v heads_inside = [false, false, false] scale = 0.5
      : (tensor<1x2x5x4xf32>, tensor<1x2x7x4xf32>, tensor<1x2x7x3xf32>) -> tensor<1x2x5x3xf32>
  return
}

// -----

// attention_c2
func.func @f(%q: tensor<1x2x5x4xf32>, %k: tensor<1x2x7x4xf32>, %v: tensor<1x2x7x3xf16>) {
  // expected-error @+1 {{has queries of 'f32' and keys, values or a result of 'f16' [graph-attention]}}
  %y = graph.attention %q, %k, %v heads_inside = [false, false, false, false] scale = 0.5
      : (tensor<1x2x5x4xf32>, tensor<1x2x7x4xf32>, tensor<1x2x7x3xf16>) -> tensor<1x2x5x3xf32>
  return
}

// -----

// attention_c3
func.func @f(%q: tensor<1x2x5x4xf32>, %k: tensor<1x2x7x4xf32>, %v: tensor<1x2x8x3xf32>) {
  // expected-error @+1 {{the length of 'k' and that of 'v' must be equal, but are 7 and 8 [graph-shape-mismatch]}}
  %y = graph.attention %q, %k, %v heads_inside = [false, false, false, false] scale = 0.5
      : (tensor<1x2x5x4xf32>, tensor<1x2x7x4xf32>, tensor<1x2x8x3xf32>) -> tensor<1x2x5x3xf32>
  return
}

// -----

// attention_c3
func.func @f(%q: tensor<1x3x5x4xf32>, %k: tensor<1x2x7x4xf32>, %v: tensor<1x2x7x3xf32>) {
  // expected-error @+1 {{has 3 heads of queries, which the 2 of keys do not divide [graph-attention]}}
  %y = graph.attention %q, %k, %v heads_inside = [false, false, false, false] scale = 0.5
      : (tensor<1x3x5x4xf32>, tensor<1x2x7x4xf32>, tensor<1x2x7x3xf32>) -> tensor<1x2x5x3xf32>
  return
}

// -----

// attention_c4
func.func @f(%q: tensor<1x2x5x4xf32>, %k: tensor<1x2x7x4xf32>, %v: tensor<1x2x7x3xf32>, %b: tensor<1x1x5x6xf32>) {
  // expected-error @+1 {{a dim of a mask and of the scores must be equal, but are 6 and 7 [graph-shape-mismatch]}}
  %y = graph.attention %q, %k, %v bias %b heads_inside = [false, false, false, false] scale = 0.5
      : (tensor<1x2x5x4xf32>, tensor<1x2x7x4xf32>, tensor<1x2x7x3xf32>, tensor<1x1x5x6xf32>) -> tensor<1x2x5x3xf32>
  return
}

// -----

// attention_c5
func.func @f(%q: tensor<1x2x5x4xf32>, %k: tensor<1x2x7x4xf32>, %v: tensor<1x2x7x3xf32>) {
  // expected-error @+1 {{has a 'softcap' of -1.000000e+00, but 0 or more is expected [graph-attention]}}
  %y = graph.attention %q, %k, %v heads_inside = [false, false, false, false] scale = 0.5 {softcap = -1.0 : f64}
      : (tensor<1x2x5x4xf32>, tensor<1x2x7x4xf32>, tensor<1x2x7x3xf32>) -> tensor<1x2x5x3xf32>
  return
}

// -----

// attention_c5
func.func @f(%q: tensor<1x2x5x4xf32>, %k: tensor<1x2x7x4xf32>, %v: tensor<1x2x7x3xf32>) {
  // expected-error @+1 {{has 2 offsets as 'causal', but 1 is expected [graph-attention]}}
  %y = graph.attention %q, %k, %v causal = <() -> (2, 3)> heads_inside = [false, false, false, false] scale = 0.5
      : (tensor<1x2x5x4xf32>, tensor<1x2x7x4xf32>, tensor<1x2x7x3xf32>) -> tensor<1x2x5x3xf32>
  return
}
