// One case for each constraint of convolutions, in both directions.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-infer-shapes))" --verify-diagnostics --split-input-file

// conv_c1
func.func @rank(%x: tensor<2x3xf32>, %f: tensor<2x3xf32>) {
  // expected-error @+1 {{takes one to three spatial dimensions, but 'x' has rank 2}}
  %y = graph.conv %x, %f strides = [] pads = [] dilations = [] groups = 1 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// conv_c1
func.func @rank_6(%x: tensor<1x1x1x1x1x1xf32>, %f: tensor<1x1x1x1x1x1xf32>) {
  // expected-error @+1 {{takes one to three spatial dimensions, but 'x' has rank 6}}
  %y = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x1x1x1x1x1xf32>, tensor<1x1x1x1x1x1xf32>) -> tensor<1x1x1x1x1x1xf32>
  return
}

// -----

// conv_c1
func.func @filter_rank(%x: tensor<1x4x8x8xf32>, %f: tensor<6x4x3xf32>) {
  // expected-error @+1 {{'x' has rank 4, but 'filter' has rank 3}}
  %y = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x4x8x8xf32>, tensor<6x4x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

// conv_c2
func.func @strides_count(%x: tensor<1x4x8x8xf32>, %f: tensor<6x4x3x3xf32>) {
  // expected-error @+1 {{'strides' has 1 entries, but 2 are expected}}
  %y = graph.conv %x, %f strides = [1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

// conv_c2
func.func @strides_zero(%x: tensor<1x4x8x8xf32>, %f: tensor<6x4x3x3xf32>) {
  // expected-error @+1 {{'strides' has the entry 0, but it must be at least 1 and fit 32 bits}}
  %y = graph.conv %x, %f strides = [1, 0] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

// conv_c2
func.func @strides_far(%x: tensor<1x4x8x8xf32>, %f: tensor<6x4x3x3xf32>) {
  // expected-error @+1 {{'strides' has the entry 2147483648, but it must be at least 1 and fit 32 bits}}
  %y = graph.conv %x, %f strides = [1, 2147483648] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

// conv_c2
func.func @dilations_count(%x: tensor<1x4x8x8xf32>, %f: tensor<6x4x3x3xf32>) {
  // expected-error @+1 {{'dilations' has 3 entries, but 2 are expected}}
  %y = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1, 1] groups = 1 : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

// conv_c2
func.func @dilations_negative(%x: tensor<1x4x8x8xf32>, %f: tensor<6x4x3x3xf32>) {
  // expected-error @+1 {{'dilations' has the entry -1, but it must be at least 1 and fit 32 bits}}
  %y = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [-1, 1] groups = 1 : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

// conv_c3
func.func @pads_count(%x: tensor<1x4x8x8xf32>, %f: tensor<6x4x3x3xf32>) {
  // expected-error @+1 {{'pads' has 2 entries, but 4 are expected}}
  %y = graph.conv %x, %f strides = [1, 1] pads = [0, 0] dilations = [1, 1] groups = 1 : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

// conv_c3
func.func @pads_negative(%x: tensor<1x4x8x8xf32>, %f: tensor<6x4x3x3xf32>) {
  // expected-error @+1 {{'pads' has the entry -1, but it must be at least 0 and fit 32 bits}}
  %y = graph.conv %x, %f strides = [1, 1] pads = [0, 0, -1, 0] dilations = [1, 1] groups = 1 : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

// conv_c4
func.func @groups_zero(%x: tensor<1x4x8x8xf32>, %f: tensor<6x4x3x3xf32>) {
  // expected-error @+1 {{'groups' is 0, but must be positive}}
  %y = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 0 : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

// conv_c4
func.func @channels(%x: tensor<1x4x8x8xf32>, %f: tensor<6x3x3x3xf32>) {
  // expected-error @+1 {{the channels of 'x' and those that 'filter' takes must be equal, but are 4 and 3 [graph-shape-mismatch]}}
  %y = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x4x8x8xf32>, tensor<6x3x3x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

// conv_c4
func.func @channels_last(%x: tensor<1x4x8x8xf32>, %f: tensor<6x4x3x3xf32>) {
  // expected-error @+1 {{the channels of 'x' and those that 'filter' takes must be equal, but are 8 and 4 [graph-shape-mismatch]}}
  %y = graph.conv %x, %f channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

// conv_c4
func.func @groups_divide(%x: tensor<1x4x8x8xf32>, %f: tensor<5x2x3x3xf32>) {
  // expected-error @+1 {{'groups' is 2, which does not divide the 5 output channels [graph-shape-mismatch]}}
  %y = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 2 : (tensor<1x4x8x8xf32>, tensor<5x2x3x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

func.func @free_channels(%x: tensor<1x4x8x8xf32>, %f: tensor<?x4x3x3xf32, #graph.dims<()[s0] -> (s0, 4, 3, 3)>>) {
  // expected-error @+1 {{needs a static number of output channels [graph-dynamic-channels]}}
  %y = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x4x8x8xf32>, tensor<?x4x3x3xf32, #graph.dims<()[s0] -> (s0, 4, 3, 3)>>) -> tensor<1x4x8x8xf32>
  return
}

// -----

func.func @free_filter(%x: tensor<1x4x8x8xf32>, %f: tensor<6x4x?x3xf32, #graph.dims<()[s0] -> (6, 4, s0, 3)>>) {
  // expected-error @+1 {{needs a filter of static size [graph-dynamic-filter]}}
  %y = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x4x8x8xf32>, tensor<6x4x?x3xf32, #graph.dims<()[s0] -> (6, 4, s0, 3)>>) -> tensor<1x4x8x8xf32>
  return
}

// -----

func.func @too_small(%x: tensor<1x4x1x1xf32>, %f: tensor<6x4x3x3xf32>) {
  // expected-error @+1 {{has a result dimension of -1; the operands are too small for its attributes [graph-shape-mismatch]}}
  %y = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x4x1x1xf32>, tensor<6x4x3x3xf32>) -> tensor<1x4x1x1xf32>
  return
}

// -----

// conv_transpose_c1
func.func @transposed_filter_rank(%x: tensor<1x4x8x8xf32>, %f: tensor<4x3x3xf32>) {
  // expected-error @+1 {{'x' has rank 4, but 'filter' has rank 3}}
  %y = graph.conv_transpose %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] output_padding = [0, 0] groups = 1 : (tensor<1x4x8x8xf32>, tensor<4x3x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

// conv_transpose_c2
func.func @transposed_strides(%x: tensor<1x4x8x8xf32>, %f: tensor<4x3x3x3xf32>) {
  // expected-error @+1 {{'strides' has the entry 0}}
  %y = graph.conv_transpose %x, %f strides = [1, 0] pads = [0, 0, 0, 0] dilations = [1, 1] output_padding = [0, 0] groups = 1 : (tensor<1x4x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

// conv_transpose_c3
func.func @transposed_pads(%x: tensor<1x4x8x8xf32>, %f: tensor<4x3x3x3xf32>) {
  // expected-error @+1 {{'pads' has 1 entries, but 4 are expected}}
  %y = graph.conv_transpose %x, %f strides = [1, 1] pads = [0] dilations = [1, 1] output_padding = [0, 0] groups = 1 : (tensor<1x4x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

// conv_transpose_c4
func.func @transposed_channels(%x: tensor<1x4x8x8xf32>, %f: tensor<5x3x3x3xf32>) {
  // expected-error @+1 {{the channels of 'x' and those that 'filter' takes must be equal, but are 4 and 5 [graph-shape-mismatch]}}
  %y = graph.conv_transpose %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] output_padding = [0, 0] groups = 1 : (tensor<1x4x8x8xf32>, tensor<5x3x3x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

// conv_transpose_c4
func.func @transposed_groups(%x: tensor<1x4x8x8xf32>, %f: tensor<4x3x3x3xf32>) {
  // expected-error @+1 {{'groups' is 3, which does not divide the 4 input channels [graph-shape-mismatch]}}
  %y = graph.conv_transpose %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] output_padding = [0, 0] groups = 3 : (tensor<1x4x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

func.func @output_padding_count(%x: tensor<1x4x8x8xf32>, %f: tensor<4x3x3x3xf32>) {
  // expected-error @+1 {{'output_padding' has 1 entries, but 2 are expected}}
  %y = graph.conv_transpose %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] output_padding = [1] groups = 1 : (tensor<1x4x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

func.func @output_padding_negative(%x: tensor<1x4x8x8xf32>, %f: tensor<4x3x3x3xf32>) {
  // expected-error @+1 {{'output_padding' has the entry -1, but it must be at least 0 and fit 32 bits}}
  %y = graph.conv_transpose %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] output_padding = [-1, 0] groups = 1 : (tensor<1x4x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32>
  return
}

// -----

func.func @transposed_free_filter(%x: tensor<1x4x8x8xf32>, %f: tensor<4x3x?x3xf32, #graph.dims<()[s0] -> (4, 3, s0, 3)>>) {
  // expected-error @+1 {{needs a filter of static size [graph-dynamic-filter]}}
  %y = graph.conv_transpose %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] output_padding = [0, 0] groups = 1 : (tensor<1x4x8x8xf32>, tensor<4x3x?x3xf32, #graph.dims<()[s0] -> (4, 3, s0, 3)>>) -> tensor<1x4x8x8xf32>
  return
}

// -----

func.func @element_types(%x: tensor<1x4x8x8xf32>, %f: tensor<6x4x3x3xf16>) {
  // expected-error @+1 {{cannot multiply 'f32' by 'f16' to 'f32'}}
  %y = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x4x8x8xf32>, tensor<6x4x3x3xf16>) -> tensor<1x4x8x8xf32>
  return
}

// -----

// conv_c5
func.func @types(%x: tensor<1x4x8x8xui8>, %f: tensor<6x4x1x1xi8>) {
  // expected-error @+1 {{cannot multiply 'ui8' by 'i8' to 'ui8'}}
  %y = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x4x8x8xui8>, tensor<6x4x1x1xi8>) -> tensor<1x6x8x8xui8>
  return
}
