// Channels go last, and the transposes between two convolutions meet and vanish.
// RUN: lathe-opt %s --graph-assign-layouts --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @two(
// CHECK: %[[X:.*]] = graph.transpose %arg0 [0, 2, 3, 1] : tensor<1x2x4x4xf32> -> tensor<1x4x4x2xf32>
// CHECK-NEXT: %[[A:.*]] = graph.conv %[[X]], %{{.*}} channels_last
// CHECK-NEXT: %[[B:.*]] = graph.relu %[[A]] : tensor<1x4x4x2xf32>
// CHECK-NEXT: %[[C:.*]] = graph.conv %[[B]], %{{.*}} channels_last
// CHECK-NEXT: %[[Y:.*]] = graph.transpose %[[C]] [0, 3, 1, 2]
// CHECK-NEXT: return %[[Y]]
func.func @two(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %w = graph.constant dense<1.0> : tensor<2x2x1x1xf32>
  %0 = graph.conv %x, %w strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = graph.relu %0 : tensor<1x2x4x4xf32> -> tensor<1x2x4x4xf32>
  %2 = graph.conv %1, %w strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  return %2 : tensor<1x2x4x4xf32>
}

// A model without images stays as it is.
// CHECK-LABEL: func.func @rows(
// CHECK-NOT: graph.transpose
// CHECK: return
func.func @rows(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = graph.matmul %x, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}
