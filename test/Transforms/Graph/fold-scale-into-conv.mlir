// A constant scale for each channel goes into the filter; no other scale does.
// RUN: lathe-opt %s --graph-fold-scale-into-conv | FileCheck %s

// CHECK-LABEL: func.func @batch_norm(
// CHECK: %[[S:.*]] = graph.constant dense<{{.*}}2.000000e+00{{.*}}> : tensor<3x1x1x1xf32>
// CHECK: %[[W:.*]] = graph.mul %{{.*}}, %[[S]]
// CHECK: %[[Y:.*]] = graph.conv %arg0, %[[W]]
// CHECK-NEXT: return %[[Y]]
func.func @batch_norm(%x: tensor<1x2x4x4xf32>) -> tensor<1x3x4x4xf32> {
  %w = graph.constant dense<1.0> : tensor<3x2x1x1xf32>
  %s = graph.constant dense<[[[2.0]], [[3.0]], [[4.0]]]> : tensor<3x1x1xf32>
  %0 = graph.conv %x, %w strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x4x4xf32>
  %1 = graph.mul %0, %s : (tensor<1x3x4x4xf32>, tensor<3x1x1xf32>) -> tensor<1x3x4x4xf32>
  return %1 : tensor<1x3x4x4xf32>
}

// CHECK-LABEL: func.func @computed_scale(
// CHECK: %[[Y:.*]] = graph.conv
// CHECK-NEXT: graph.mul %[[Y]], %arg1
func.func @computed_scale(%x: tensor<1x2x4x4xf32>, %s: tensor<3x1x1xf32>) -> tensor<1x3x4x4xf32> {
  %w = graph.constant dense<1.0> : tensor<3x2x1x1xf32>
  %0 = graph.conv %x, %w strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x4x4xf32>
  %1 = graph.mul %0, %s : (tensor<1x3x4x4xf32>, tensor<3x1x1xf32>) -> tensor<1x3x4x4xf32>
  return %1 : tensor<1x3x4x4xf32>
}

// CHECK-LABEL: func.func @scale_of_columns(
// CHECK: %[[Y:.*]] = graph.conv
// CHECK-NEXT: graph.mul %[[Y]]
func.func @scale_of_columns(%x: tensor<1x2x4x4xf32>) -> tensor<1x3x4x4xf32> {
  %w = graph.constant dense<1.0> : tensor<3x2x1x1xf32>
  %s = graph.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %0 = graph.conv %x, %w strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x4x4xf32>
  %1 = graph.mul %0, %s : (tensor<1x3x4x4xf32>, tensor<4xf32>) -> tensor<1x3x4x4xf32>
  return %1 : tensor<1x3x4x4xf32>
}
