// One case for each numbered constraint of tile.conv, tile.depthwise_conv
// and tile.pad.
// RUN: lathe-opt %s --verify-diagnostics --split-input-file

// conv_c1
func.func @memref_with_result(%x: memref<1x5x5x8xf32>, %w: memref<1x3x3x8x16xf32>, %y: memref<1x3x3x16xf32>) {
  // expected-error @+1 {{on memrefs has no result}}
  %0 = tile.conv ins(%x, %w : memref<1x5x5x8xf32>, memref<1x3x3x8x16xf32>)
      outs(%y : memref<1x3x3x16xf32>) strides [1, 1] dilations [1, 1]
      tiling(<rows = 3, vectors = 1, lanes = 16>) maps [] -> tensor<1x3x3x16xf32>
  return
}

// -----

// conv_c2
func.func @zero_stride(%x: memref<1x5x5x8xf32>, %w: memref<1x3x3x8x16xf32>, %y: memref<1x3x3x16xf32>) {
  // expected-error @+1 {{attribute 'strides' failed to satisfy constraint}}
  tile.conv ins(%x, %w : memref<1x5x5x8xf32>, memref<1x3x3x8x16xf32>)
      outs(%y : memref<1x3x3x16xf32>) strides [0, 1] dilations [1, 1]
      tiling(<rows = 3, vectors = 1, lanes = 16>) maps []
  return
}

// -----

// conv_c3
func.func @dynamic_channels(%x: memref<1x5x5x?xf32>, %w: memref<1x3x3x8x16xf32>, %y: memref<1x3x3x16xf32>) {
  // expected-error @+1 {{needs a static filter and static channels}}
  tile.conv ins(%x, %w : memref<1x5x5x?xf32>, memref<1x3x3x8x16xf32>)
      outs(%y : memref<1x3x3x16xf32>) strides [1, 1] dilations [1, 1]
      tiling(<rows = 3, vectors = 1, lanes = 16>) maps []
  return
}

// -----

// conv_c3
func.func @input_too_small(%x: memref<1x5x4x8xf32>, %w: memref<1x3x3x8x16xf32>, %y: memref<1x3x3x16xf32>) {
  // expected-error @+1 {{dim 2 of the padded input is 4, but 5 are needed for 3 outputs}}
  tile.conv ins(%x, %w : memref<1x5x4x8xf32>, memref<1x3x3x8x16xf32>)
      outs(%y : memref<1x3x3x16xf32>) strides [1, 1] dilations [1, 1]
      tiling(<rows = 3, vectors = 1, lanes = 16>) maps []
  return
}

// -----

// conv_c4
func.func @panel_width(%x: memref<1x5x5x8xf32>, %w: memref<1x3x3x8x16xf32>, %y: memref<1x3x3x16xf32>) {
  // expected-error @+1 {{has panels of width 16, but 'vectors' x 'lanes' is 8}}
  tile.conv ins(%x, %w : memref<1x5x5x8xf32>, memref<1x3x3x8x16xf32>)
      outs(%y : memref<1x3x3x16xf32>) strides [1, 1] dilations [1, 1]
      tiling(<rows = 3, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// conv_c5
func.func @unit(%x: memref<1x5x5x8xf32>, %w: memref<1x3x3x8x16xf32>, %y: memref<1x3x3x16xf32>) {
  // expected-error @+1 {{multiplies 'f32' and 'f32', but its unit 'pairs.bf16' takes 'bf16' and 'bf16' [tile-unit]}}
  tile.conv ins(%x, %w : memref<1x5x5x8xf32>, memref<1x3x3x8x16xf32>)
      outs(%y : memref<1x3x3x16xf32>) strides [1, 1] dilations [1, 1]
      tiling(<rows = 3, vectors = 2, lanes = 8, unit = "pairs.bf16">) maps []
  return
}

// -----

// conv_c6
func.func @no_run(%x: memref<1x5x5x8xi8>, %w: memref<1x3x6x16x4xi8>, %y: memref<1x3x3x16xi32>) {
  // expected-error @+1 {{which does not go with no 'kernel_width'}}
  tile.conv ins(%x, %w : memref<1x5x5x8xi8>, memref<1x3x6x16x4xi8>)
      outs(%y : memref<1x3x3x16xi32>) strides [1, 1] dilations [1, 1]
      tiling(<rows = 3, vectors = 2, lanes = 8, unit = "madd.u8s8">) maps []
  return
}

// -----

// conv_c6
func.func @dilated_run(%x: memref<1x7x7x8xi8>, %w: memref<1x3x6x16x4xi8>, %y: memref<1x3x3x16xi32>) {
  // expected-error @+1 {{which does not go with this 'kernel_width'}}
  tile.conv ins(%x, %w : memref<1x7x7x8xi8>, memref<1x3x6x16x4xi8>)
      outs(%y : memref<1x3x3x16xi32>) strides [1, 1] dilations [2, 2] kernel_width 3
      tiling(<rows = 3, vectors = 2, lanes = 8, unit = "madd.u8s8">) maps []
  return
}

// -----

// depthwise_conv_c4
func.func @step(%x: memref<1x5x5x8xi8>, %w: memref<3x3x8xi8>, %y: memref<1x3x3x8xi32>) {
  // expected-error @+1 {{takes one term at a time, but its unit takes 4}}
  tile.depthwise_conv ins(%x, %w : memref<1x5x5x8xi8>, memref<3x3x8xi8>)
      outs(%y : memref<1x3x3x8xi32>) strides [1, 1] dilations [1, 1]
      tiling(<rows = 3, vectors = 1, lanes = 8, unit = "madd.s8s8">) maps []
  return
}

// -----

// depthwise_conv_c1
func.func @mixed(%x: tensor<1x5x5x8xf32>, %w: memref<3x3x8xf32>, %y: memref<1x3x3x8xf32>) {
  // expected-error @+1 {{mixes tensors and memrefs}}
  tile.depthwise_conv ins(%x, %w : tensor<1x5x5x8xf32>, memref<3x3x8xf32>)
      outs(%y : memref<1x3x3x8xf32>) strides [1, 1] dilations [1, 1]
      tiling(<rows = 3, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// depthwise_conv_c2
func.func @one_dilation(%x: memref<1x5x5x8xf32>, %w: memref<3x3x8xf32>, %y: memref<1x3x3x8xf32>) {
  // expected-error @+1 {{has 1 dilations, but 2 spatial dims}}
  tile.depthwise_conv ins(%x, %w : memref<1x5x5x8xf32>, memref<3x3x8xf32>)
      outs(%y : memref<1x3x3x8xf32>) strides [1, 1] dilations [1]
      tiling(<rows = 3, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// depthwise_conv_c3
func.func @channels(%x: memref<1x5x5x8xf32>, %w: memref<3x3x8xf32>, %y: memref<1x3x3x9xf32>) {
  // expected-error @+1 {{the number of channels of the output is 9, but 8 is expected}}
  tile.depthwise_conv ins(%x, %w : memref<1x5x5x8xf32>, memref<3x3x8xf32>)
      outs(%y : memref<1x3x3x9xf32>) strides [1, 1] dilations [1, 1]
      tiling(<rows = 3, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// conv_c2
func.func @one_stride(%x: memref<1x5x5x8xf32>, %w: memref<1x3x3x8x16xf32>, %y: memref<1x3x3x16xf32>) {
  // expected-error @+1 {{has 1 strides, but 2 spatial dims}}
  tile.conv ins(%x, %w : memref<1x5x5x8xf32>, memref<1x3x3x8x16xf32>)
      outs(%y : memref<1x3x3x16xf32>) strides [1] dilations [1, 1]
      tiling(<rows = 3, vectors = 2, lanes = 8>) maps []
  return
}

// -----

// conv_c3
func.func @ranks(%x: memref<1x5x8xf32>, %w: memref<1x3x3x8x16xf32>, %y: memref<1x3x3x16xf32>) {
  // expected-error @+1 {{has an input of rank 3, a filter of rank 5 and an output of rank 4, which do not go together}}
  tile.conv ins(%x, %w : memref<1x5x8xf32>, memref<1x3x3x8x16xf32>)
      outs(%y : memref<1x3x3x16xf32>) strides [1, 1] dilations [1, 1]
      tiling(<rows = 3, vectors = 2, lanes = 8>) maps []
  return
}

// -----

// conv_c7
func.func @groups(%x: memref<1x5x5x8xf32>, %w: memref<2x3x3x4x16xf32>, %y: memref<1x3x3x24xf32>) {
  // expected-error @+1 {{has 2 groups, which do not divide 8 input and 24 output channels, the latter in panels of 16}}
  tile.conv ins(%x, %w : memref<1x5x5x8xf32>, memref<2x3x3x4x16xf32>)
      outs(%y : memref<1x3x3x24xf32>) strides [1, 1] dilations [1, 1] groups 2
      tiling(<rows = 3, vectors = 2, lanes = 8>) maps []
  return
}

// -----

// depthwise_conv_c2
func.func @depthwise_dilations(%x: memref<1x5x5x8xf32>, %w: memref<3x3x8xf32>, %y: memref<1x3x3x8xf32>) {
  // expected-error @+1 {{has 3 dilations, but 2 spatial dims}}
  tile.depthwise_conv ins(%x, %w : memref<1x5x5x8xf32>, memref<3x3x8xf32>)
      outs(%y : memref<1x3x3x8xf32>) strides [1, 1] dilations [1, 1, 1]
      tiling(<rows = 1, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// pad_c2
func.func @offsets(%x: memref<1x5x5x8xf32>, %y: memref<1x7x7x8xf32>) {
  // expected-error @+1 {{has 1 offsets, but 2 spatial dims}}
  tile.pad ins(%x : memref<1x5x5x8xf32>) outs(%y : memref<1x7x7x8xf32>)
      offsets [1] tiling(<rows = 1, vectors = 1, lanes = 8>)
  return
}

// -----

// pad_c1
func.func @pad_without_result(%x: tensor<1x5x5x8xf32>, %y: tensor<1x7x7x8xf32>) {
  // expected-error @+1 {{on tensors needs a result}}
  tile.pad ins(%x : tensor<1x5x5x8xf32>) outs(%y : tensor<1x7x7x8xf32>)
      offsets [1, 1] tiling(<rows = 1, vectors = 1, lanes = 8>)
  return
}

// -----

// pad_c2
func.func @negative_offset(%x: memref<1x5x5x8xf32>, %y: memref<1x7x7x8xf32>) {
  // expected-error @+1 {{attribute 'offsets' failed to satisfy constraint}}
  tile.pad ins(%x : memref<1x5x5x8xf32>) outs(%y : memref<1x7x7x8xf32>)
      offsets [-1, 1] tiling(<rows = 1, vectors = 1, lanes = 8>)
  return
}

// -----

// pad_c3
func.func @output_too_small(%x: memref<1x5x5x8xf32>, %y: memref<1x5x7x8xf32>) {
  // expected-error @+1 {{dim 1 of the output is 5, but 6 are needed}}
  tile.pad ins(%x : memref<1x5x5x8xf32>) outs(%y : memref<1x5x7x8xf32>)
      offsets [1, 1] tiling(<rows = 1, vectors = 1, lanes = 8>)
  return
}

// -----

// pad_c3
func.func @pad_types(%x: memref<1x5x5x8xi8>, %y: memref<1x7x7x8xi32>) {
  // expected-error @+1 {{copies 'memref<1x5x5x8xi8>' into 'memref<1x7x7x8xi32>'}}
  tile.pad ins(%x : memref<1x5x5x8xi8>) outs(%y : memref<1x7x7x8xi32>)
      offsets [1, 1] tiling(<rows = 1, vectors = 1, lanes = 8>)
  return
}

// -----

// pack_c1
func.func @pack_without_result(%x: tensor<3x20xi8>, %y: tensor<2x1x16x4xi8>) {
  // expected-error @+1 {{on tensors needs a result}}
  tile.pack ins(%x : tensor<3x20xi8>) outs(%y : tensor<2x1x16x4xi8>) tiled = 1 order = [0] tile = 16 step = 4
  return
}

// -----

// pack_c2
func.func @pack_order(%x: memref<3x20xi8>, %y: memref<2x1x16x4xi8>) {
  // expected-error @+1 {{cannot pack dim 1 of 'memref<3x20xi8>' by 16 and 4}}
  tile.pack ins(%x : memref<3x20xi8>) outs(%y : memref<2x1x16x4xi8>) tiled = 1 order = [1] tile = 16 step = 4
  return
}

// -----

// pack_c3
func.func @pack_shape(%x: memref<3x20xi8>, %y: memref<2x2x16x4xi8>) {
  // expected-error @+1 {{has an output of type 'memref<2x2x16x4xi8>', which is not the packed shape of 'memref<3x20xi8>'}}
  tile.pack ins(%x : memref<3x20xi8>) outs(%y : memref<2x2x16x4xi8>) tiled = 1 order = [0] tile = 16 step = 4
  return
}

// -----

// depthwise_conv_c5
func.func @lanes_of_groups(%x: memref<1x5x5x8xf32>, %w: memref<3x3x24xf32>, %y: memref<1x3x3x24xf32>) {
  // expected-error @+1 {{has groups of 1 inputs and 3 outputs, which do not go with 8 lanes and 24 channels of the output}}
  tile.depthwise_conv ins(%x, %w : memref<1x5x5x8xf32>, memref<3x3x24xf32>) outs(%y : memref<1x3x3x24xf32>)
      strides [1, 1] dilations [1, 1] group_outputs 3 tiling(<rows = 4, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// depthwise_conv_c5
func.func @more_inputs(%x: memref<1x5x5x16xf32>, %w: memref<3x3x2x8xf32>, %y: memref<1x3x3x8xf32>) {
  // expected-error @+1 {{has groups of 2 inputs and 1 outputs}}
  tile.depthwise_conv ins(%x, %w : memref<1x5x5x16xf32>, memref<3x3x2x8xf32>) outs(%y : memref<1x3x3x8xf32>)
      strides [1, 1] dilations [1, 1] group_inputs 2 tiling(<rows = 4, vectors = 1, lanes = 8>) maps []
  return
}

// -----

// conv_c8
func.func @matrix_unit(%x: memref<1x5x5x6xi8>, %w: memref<1x3x3x2x32x4xi8>, %y: memref<1x3x3x32xi32>) {
  // expected-error @+1 {{has a matrix unit, which needs whole steps of 4 channels}}
  tile.conv ins(%x, %w : memref<1x5x5x6xi8>, memref<1x3x3x2x32x4xi8>)
      outs(%y : memref<1x3x3x32xi32>) strides [1, 1] dilations [1, 1]
      tiling(<rows = 3, vectors = 2, lanes = 16, unit = "amx.s8s8">) maps []
  return
}
