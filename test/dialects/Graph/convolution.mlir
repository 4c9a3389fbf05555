// Convolutions read back as they were written.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK-LABEL: func.func @conv(
func.func @conv(%x: tensor<1x4x8x8xf32>, %f: tensor<6x2x3x3xf32>) -> tensor<1x6x4x4xf32> {
  // CHECK: graph.conv %{{.*}}, %{{.*}} strides = [2, 2] pads = [2, 1, 3, 0] dilations = [3, 1] groups = 2 : (tensor<1x4x8x8xf32>, tensor<6x2x3x3xf32>) -> tensor<1x6x4x4xf32>
  %0 = graph.conv %x, %f strides = [2, 2] pads = [2, 1, 3, 0] dilations = [3, 1] groups = 2 : (tensor<1x4x8x8xf32>, tensor<6x2x3x3xf32>) -> tensor<1x6x4x4xf32>
  return %0 : tensor<1x6x4x4xf32>
}

// CHECK-LABEL: func.func @channels_last(
func.func @channels_last(%x: tensor<1x8x4xi32>, %f: tensor<6x4x3xi32>) -> tensor<1x6x6xi32> {
  // CHECK: graph.conv %{{.*}}, %{{.*}} channels_last strides = [1] pads = [0, 0] dilations = [1] groups = 1 : (tensor<1x8x4xi32>, tensor<6x4x3xi32>) -> tensor<1x6x6xi32>
  %0 = graph.conv %x, %f channels_last strides = [1] pads = [0, 0] dilations = [1] groups = 1 : (tensor<1x8x4xi32>, tensor<6x4x3xi32>) -> tensor<1x6x6xi32>
  return %0 : tensor<1x6x6xi32>
}

// CHECK-LABEL: func.func @transposed(
func.func @transposed(%x: tensor<1x4x8xf32>, %f: tensor<4x3x2xf32>) -> tensor<1x6x16xf32> {
  // CHECK: graph.conv_transpose %{{.*}}, %{{.*}} strides = [2] pads = [0, 1] dilations = [1] output_padding = [1] groups = 2 : (tensor<1x4x8xf32>, tensor<4x3x2xf32>) -> tensor<1x6x16xf32>
  %0 = graph.conv_transpose %x, %f strides = [2] pads = [0, 1] dilations = [1] output_padding = [1] groups = 2 : (tensor<1x4x8xf32>, tensor<4x3x2xf32>) -> tensor<1x6x16xf32>
  return %0 : tensor<1x6x16xf32>
}

// CHECK-LABEL: func.func @transposed_channels_last(
func.func @transposed_channels_last(%x: tensor<1x8x4xf32>, %f: tensor<4x3x2xf32>) -> tensor<1x16x3xf32> {
  // CHECK: graph.conv_transpose %{{.*}}, %{{.*}} channels_last strides = [2] pads = [0, 0] dilations = [1] output_padding = [0] groups = 1 : (tensor<1x8x4xf32>, tensor<4x3x2xf32>) -> tensor<1x16x3xf32>
  %0 = graph.conv_transpose %x, %f channels_last strides = [2] pads = [0, 0] dilations = [1] output_padding = [0] groups = 1 : (tensor<1x8x4xf32>, tensor<4x3x2xf32>) -> tensor<1x16x3xf32>
  return %0 : tensor<1x16x3xf32>
}
