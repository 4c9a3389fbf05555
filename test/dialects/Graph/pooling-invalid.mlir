// One case for each constraint of pooling.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes))" --verify-diagnostics --split-input-file

// pool_c1
func.func @rank(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{takes one to three spatial dimensions, but 'x' has rank 2}}
  %y = graph.max_pool %x kernel = [2, 2] strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

// pool_c1
func.func @average_rank(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{takes one to three spatial dimensions, but 'x' has rank 2}}
  %y = graph.average_pool %x kernel = [2, 2] strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

// pool_c2
func.func @kernel_count(%x: tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'kernel' has 1 entries, but 2 are expected}}
  %y = graph.max_pool %x kernel = [2] strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] : tensor<1x4x8x8xf32> -> tensor<1x4x8x8xf32>
  return
}

// -----

// pool_c2
func.func @kernel_zero(%x: tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'kernel' has the entry 0, but it must be at least 1 and fit 32 bits}}
  %y = graph.max_pool %x kernel = [2, 0] strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] : tensor<1x4x8x8xf32> -> tensor<1x4x8x8xf32>
  return
}

// -----

// pool_c2
func.func @strides_zero(%x: tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'strides' has the entry 0}}
  %y = graph.max_pool %x kernel = [2, 2] strides = [0, 1] pads = [0, 0, 0, 0] dilations = [1, 1] : tensor<1x4x8x8xf32> -> tensor<1x4x8x8xf32>
  return
}

// -----

// pool_c2
func.func @dilations_count(%x: tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'dilations' has 0 entries, but 2 are expected}}
  %y = graph.max_pool %x kernel = [2, 2] strides = [1, 1] pads = [0, 0, 0, 0] dilations = [] : tensor<1x4x8x8xf32> -> tensor<1x4x8x8xf32>
  return
}

// -----

// pool_c2
func.func @pads_count(%x: tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'pads' has 2 entries, but 4 are expected}}
  %y = graph.max_pool %x kernel = [2, 2] strides = [1, 1] pads = [1, 1] dilations = [1, 1] : tensor<1x4x8x8xf32> -> tensor<1x4x8x8xf32>
  return
}

// -----

// pool_c2
func.func @pads_negative(%x: tensor<1x4x8x8xf32>) {
  // expected-error @+1 {{'pads' has the entry -1, but it must be at least 0 and fit 32 bits}}
  %y = graph.average_pool %x kernel = [2, 2] strides = [1, 1] pads = [1, 1, 1, -1] dilations = [1, 1] : tensor<1x4x8x8xf32> -> tensor<1x4x8x8xf32>
  return
}

// -----

// pool_c3
func.func @too_small(%x: tensor<1x4x1x1xf32>) {
  // expected-error @+1 {{has a result dimension of -2; the operands are too small for its attributes [graph-shape-mismatch]}}
  %y = graph.max_pool %x kernel = [4, 4] strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] : tensor<1x4x1x1xf32> -> tensor<1x4x1x1xf32>
  return
}

// -----

func.func @average_of_integers(%x: tensor<1x4x8x8xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of}}
  %y = graph.average_pool %x kernel = [2, 2] strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] : tensor<1x4x8x8xi32> -> tensor<1x4x8x8xi32>
  return
}
