// A transposed convolution is one convolution of all phases, or one for each, whose outputs interleave.
// RUN: lathe-opt %s --graph-decompose-conv-transpose --verify-diagnostics | FileCheck %s

// Windows side by side: one tap for each output, and columns with their channels stay one run.
// CHECK-LABEL: func.func @blocks(
// CHECK-SAME: %[[X:.*]]: tensor<1x4x5x3xf32>, %[[F:.*]]: tensor<3x8x2x2xf32>
// CHECK: graph.slice %[[F]] offsets = <() -> (0, 0)> axes = [2, 3] steps = [-2, -2] : (tensor<3x8x2x2xf32>) -> tensor<3x8x1x1xf32>
// CHECK: %[[W:.*]] = graph.concat {{.*}} -> tensor<1x32x3x1x1xf32>
// CHECK: %[[R:.*]] = graph.reshape %[[W]] : (tensor<1x32x3x1x1xf32>) -> tensor<32x3x1x1xf32>
// CHECK: %[[C:.*]] = graph.conv %[[X]], %[[R]] channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1
// CHECK: %[[B:.*]] = graph.reshape %[[C]] : (tensor<1x4x5x32xf32>) -> tensor<1x4x5x2x16xf32>
// CHECK: %[[O:.*]] = graph.transpose %[[B]] [0, 1, 3, 2, 4] : tensor<1x4x5x2x16xf32> -> tensor<1x4x2x5x16xf32>
// CHECK: %[[Y:.*]] = graph.reshape %[[O]] : (tensor<1x4x2x5x16xf32>) -> tensor<1x8x10x8xf32>
// CHECK: return %[[Y]]
func.func @blocks(%x: tensor<1x4x5x3xf32>, %f: tensor<3x8x2x2xf32>) -> tensor<1x8x10x8xf32> {
  %0 = graph.conv_transpose %x, %f channels_last strides = [2, 2] pads = [0, 0, 0, 0] dilations = [1, 1] output_padding = [0, 0] groups = 1 : (tensor<1x4x5x3xf32>, tensor<3x8x2x2xf32>) -> tensor<1x8x10x8xf32>
  return %0 : tensor<1x8x10x8xf32>
}

// All phases have as many taps; what the padding takes is cut off.
// CHECK-LABEL: func.func @even(
// CHECK: graph.conv {{.*}} pads = [1, 1] dilations = [1] groups = 1 : (tensor<1x6x3xf32>, tensor<8x3x2xf32>) -> tensor<1x7x8xf32>
// CHECK: graph.reshape {{.*}} -> tensor<1x14x4xf32>
// CHECK: graph.slice {{.*}} offsets = <() -> (1)> axes = [1] steps = [1] : (tensor<1x14x4xf32>) -> tensor<1x12x4xf32>
func.func @even(%x: tensor<1x6x3xf32>, %f: tensor<3x4x4xf32>) -> tensor<1x12x4xf32> {
  %0 = graph.conv_transpose %x, %f channels_last strides = [2] pads = [1, 1] dilations = [1] output_padding = [0] groups = 1 : (tensor<1x6x3xf32>, tensor<3x4x4xf32>) -> tensor<1x12x4xf32>
  return %0 : tensor<1x12x4xf32>
}

// Phases of one tap and of two are convolutions of their own: no tap is made up.
// CHECK-LABEL: func.func @overlapping(
// CHECK-COUNT-4: graph.conv %
// CHECK: graph.concat
// CHECK: graph.transpose {{.*}} [0, 1, 3, 2, 4]
// CHECK: graph.slice {{.*}} : (tensor<1x10x12x8xf32>) -> tensor<1x9x11x8xf32>
func.func @overlapping(%x: tensor<1x4x5x3xf32>, %f: tensor<3x8x3x3xf32>) -> tensor<1x9x11x8xf32> {
  %0 = graph.conv_transpose %x, %f channels_last strides = [2, 2] pads = [0, 0, 0, 0] dilations = [1, 1] output_padding = [0, 0] groups = 1 : (tensor<1x4x5x3xf32>, tensor<3x8x3x3xf32>) -> tensor<1x9x11x8xf32>
  return %0 : tensor<1x9x11x8xf32>
}

// CHECK-LABEL: func.func @dilated(
// CHECK: graph.conv {{.*}} strides = [1] pads = [3, 2] dilations = [2]
// CHECK-NOT: graph.concat
// CHECK: return
func.func @dilated(%x: tensor<1x6x4xf32>, %f: tensor<4x2x3xf32>) -> tensor<1x7x4xf32> {
  %0 = graph.conv_transpose %x, %f channels_last strides = [1] pads = [1, 2] dilations = [2] output_padding = [0] groups = 2 : (tensor<1x6x4xf32>, tensor<4x2x3xf32>) -> tensor<1x7x4xf32>
  return %0 : tensor<1x7x4xf32>
}

// CHECK-LABEL: func.func @strides_and_dilations(
// CHECK: graph.conv_transpose
func.func @strides_and_dilations(%x: tensor<1x6x4xf32>, %f: tensor<4x2x3xf32>) -> tensor<1x15x2xf32> {
  // expected-remark @+1 {{is computed by plain loops, many times slower than as convolutions: its strides, dilations and pads do not share out the filter [strategy-loops]}}
  %0 = graph.conv_transpose %x, %f channels_last strides = [2] pads = [0, 0] dilations = [2] output_padding = [0] groups = 1 : (tensor<1x6x4xf32>, tensor<4x2x3xf32>) -> tensor<1x15x2xf32>
  return %0 : tensor<1x15x2xf32>
}
