// Convolutions in both layouts, with groups, and transposed.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(any(convert-graph-to-linalg))" --split-input-file | FileCheck %s

#x = #graph.dims<()[s0] -> (s0, 4, 8, 8)>
#y = #graph.dims<()[s0] -> (s0, 6, 4, 4)>

// Groups are a loop of their own; the last spatial dimension is innermost.
// CHECK-DAG: #[[X:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d0, d1, d3, d6 * 2 + d4 * 3, d7 * 2 + d5)>
// CHECK-DAG: #[[F:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d1, d2, d3, d4, d5)>
// CHECK-DAG: #[[Y:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d0, d1, d2, d6, d7)>
// CHECK-LABEL: func.func @groups(
// CHECK: %[[PAD:.*]] = tensor.pad %{{.*}} low[0, 0, 2, 1] high[0, 0, 3, 0]
// CHECK: tensor.expand_shape %[[PAD]] {{\[\[}}0], [1, 2], [3], [4]]
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0, 1], [2], [3], [4]]
// CHECK: linalg.generic {indexing_maps = [#[[X]], #[[F]], #[[Y]]]
// CHECK-SAME: ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction", "parallel", "parallel"]
// CHECK: tensor.collapse_shape %{{.*}} {{\[\[}}0], [1, 2], [3], [4]] : tensor<?x2x3x4x4xf32> into tensor<?x6x4x4xf32>
func.func @groups(%n: index, %x: tensor<?x4x8x8xf32, #x>, %f: tensor<6x2x3x3xf32>) -> tensor<?x6x4x4xf32, #y> {
  %y = graph.conv %x, %f strides = [2, 2] pads = [2, 1, 3, 0] dilations = [3, 1] groups = 2
      : (tensor<?x4x8x8xf32, #x>, tensor<6x2x3x3xf32>) -> tensor<?x6x4x4xf32, #y>
  return %y : tensor<?x6x4x4xf32, #y>
}

// -----

// Channels last: the filter is turned so that output channels are innermost.
// CHECK-DAG: #[[X:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1 + d2, d3)>
// CHECK-DAG: #[[F:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d2, d3, d4)>
// CHECK-DAG: #[[Y:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d4)>
// CHECK-LABEL: func.func @channels_last(
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<6x4x3xf32>)
// CHECK: } -> tensor<3x4x6xf32>
// CHECK: linalg.generic {indexing_maps = [#[[X]], #[[F]], #[[Y]]]
// CHECK-SAME: ["parallel", "parallel", "reduction", "reduction", "parallel"]
// CHECK-NOT: tensor.collapse_shape
func.func @channels_last(%x: tensor<1x8x4xf32>, %f: tensor<6x4x3xf32>) -> tensor<1x6x6xf32> {
  %y = graph.conv %x, %f channels_last strides = [1] pads = [0, 0] dilations = [1] groups = 1
      : (tensor<1x8x4xf32>, tensor<6x4x3xf32>) -> tensor<1x6x6xf32>
  return %y : tensor<1x6x6xf32>
}

// -----

// Depthwise: neither input nor output channels of a group have a loop.
// CHECK-DAG: #[[X:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1 + d3, d2 + d4, d5)>
// CHECK-DAG: #[[F:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d3, d4, d5)>
// CHECK-LABEL: func.func @depthwise(
// CHECK: linalg.generic {indexing_maps = [#[[X]], #[[F]],
// CHECK-SAME: ["parallel", "parallel", "parallel", "reduction", "reduction", "parallel"]
func.func @depthwise(%x: tensor<1x8x8x4xf32>, %f: tensor<4x1x3x3xf32>) -> tensor<1x6x6x4xf32> {
  %y = graph.conv %x, %f channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 4
      : (tensor<1x8x8x4xf32>, tensor<4x1x3x3xf32>) -> tensor<1x6x6x4xf32>
  return %y : tensor<1x6x6x4xf32>
}

// -----

// Windows side by side: only channels are summed, and nothing is added twice.
// CHECK-DAG: #[[Y:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d3, d2, d4, d6)>
// CHECK-LABEL: func.func @upsample(
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel", "reduction", "parallel"]
// CHECK: tensor.collapse_shape %{{.*}} {{\[\[}}0], [1, 2], [3, 4], [5]] : tensor<1x4x2x5x2x3xf32> into tensor<1x8x10x3xf32>
func.func @upsample(%x: tensor<1x4x5x8xf32>, %f: tensor<8x3x2x2xf32>) -> tensor<1x8x10x3xf32> {
  %y = graph.conv_transpose %x, %f channels_last strides = [2, 2] pads = [0, 0, 0, 0] dilations = [1, 1]
      output_padding = [0, 0] groups = 1 : (tensor<1x4x5x8xf32>, tensor<8x3x2x2xf32>) -> tensor<1x8x10x3xf32>
  return %y : tensor<1x8x10x3xf32>
}

// -----

// Windows that overlap add up; padding is cut off, output padding is added.
// CHECK-DAG: #[[Y:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d4 * 2 + d3)>
// CHECK-LABEL: func.func @overlap(
// CHECK: linalg.fill {{.*}} -> tensor<1x3x11xf32>
// CHECK: linalg.generic {indexing_maps = [{{.*}}, #[[Y]]], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]
// CHECK: %[[MORE:.*]] = tensor.pad %{{.*}} low[0, 0, 0] high[0, 0, 1]
// CHECK: tensor.extract_slice %[[MORE]][0, 0, 1] [1, 3, 11] [1, 1, 1]
func.func @overlap(%x: tensor<1x2x5xf32>, %f: tensor<2x3x3xf32>) -> tensor<1x3x11xf32> {
  %y = graph.conv_transpose %x, %f strides = [2] pads = [1, 0] dilations = [1] output_padding = [1] groups = 1
      : (tensor<1x2x5xf32>, tensor<2x3x3xf32>) -> tensor<1x3x11xf32>
  return %y : tensor<1x3x11xf32>
}
