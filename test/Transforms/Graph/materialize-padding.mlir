// Padding becomes an op; a convolution without any stays as it is.
// RUN: lathe-opt %s --graph-materialize-padding | FileCheck %s

// CHECK-LABEL: func.func @padded(
// CHECK: %[[X:.*]] = graph.pad constant %arg0 amounts = <() -> (0, 1, 1, 0, 0, 1, 1, 0)> : (tensor<1x4x4x2xf32>) -> tensor<1x6x6x2xf32>
// CHECK: graph.conv %[[X]], %{{.*}} pads = [0, 0, 0, 0]
func.func @padded(%x: tensor<1x4x4x2xf32>) -> tensor<1x4x4x3xf32> {
  %w = graph.constant dense<1.0> : tensor<3x2x3x3xf32>
  %0 = graph.conv %x, %w channels_last strides = [1, 1] pads = [1, 1, 1, 1] dilations = [1, 1] groups = 1 : (tensor<1x4x4x2xf32>, tensor<3x2x3x3xf32>) -> tensor<1x4x4x3xf32>
  return %0 : tensor<1x4x4x3xf32>
}

// CHECK-LABEL: func.func @plain(
// CHECK-NOT: graph.pad
// CHECK: graph.conv %arg0
func.func @plain(%x: tensor<1x4x4x2xf32>) -> tensor<1x2x2x3xf32> {
  %w = graph.constant dense<1.0> : tensor<3x2x3x3xf32>
  %0 = graph.conv %x, %w channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x4x4x2xf32>, tensor<3x2x3x3xf32>) -> tensor<1x2x2x3xf32>
  return %0 : tensor<1x2x2x3xf32>
}
