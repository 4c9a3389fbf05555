// A transposed convolution whose windows tile the output is a matrix product; overlapping windows stay.
// RUN: lathe-opt %s --graph-decompose-conv-transpose | FileCheck %s

// CHECK-LABEL: func.func @blocks(
// CHECK-SAME: %[[X:.*]]: tensor<1x4x5x3xf32>, %[[F:.*]]: tensor<3x8x2x2xf32>
// CHECK-DAG: %[[T:.*]] = graph.transpose %[[F]] [0, 2, 3, 1] : tensor<3x8x2x2xf32> -> tensor<3x2x2x8xf32>
// CHECK-DAG: %[[W:.*]] = graph.reshape %[[T]] : (tensor<3x2x2x8xf32>) -> tensor<3x32xf32>
// CHECK-DAG: %[[R:.*]] = graph.reshape %[[X]] : (tensor<1x4x5x3xf32>) -> tensor<20x3xf32>
// CHECK: %[[P:.*]] = graph.matmul %[[R]], %[[W]]
// CHECK: %[[B:.*]] = graph.reshape %[[P]] : (tensor<20x32xf32>) -> tensor<4x5x2x16xf32>
// CHECK: %[[O:.*]] = graph.transpose %[[B]] [0, 2, 1, 3] : tensor<4x5x2x16xf32> -> tensor<4x2x5x16xf32>
// CHECK: graph.reshape %[[O]] : (tensor<4x2x5x16xf32>) -> tensor<1x8x10x8xf32>
// CHECK-NOT: graph.conv_transpose
func.func @blocks(%x: tensor<1x4x5x3xf32>, %f: tensor<3x8x2x2xf32>) -> tensor<1x8x10x8xf32> {
  %0 = graph.conv_transpose %x, %f channels_last strides = [2, 2] pads = [0, 0, 0, 0] dilations = [1, 1] output_padding = [0, 0] groups = 1 : (tensor<1x4x5x3xf32>, tensor<3x8x2x2xf32>) -> tensor<1x8x10x8xf32>
  return %0 : tensor<1x8x10x8xf32>
}

// CHECK-LABEL: func.func @overlapping(
// CHECK-NOT: graph.matmul
// CHECK: graph.conv_transpose
func.func @overlapping(%x: tensor<1x4x5x3xf32>, %f: tensor<3x8x3x3xf32>) -> tensor<1x9x11x8xf32> {
  %0 = graph.conv_transpose %x, %f channels_last strides = [2, 2] pads = [0, 0, 0, 0] dilations = [1, 1] output_padding = [0, 0] groups = 1 : (tensor<1x4x5x3xf32>, tensor<3x8x3x3xf32>) -> tensor<1x9x11x8xf32>
  return %0 : tensor<1x9x11x8xf32>
}
