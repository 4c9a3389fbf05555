// A scale per channel goes into the filter, past a bias if there is one.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-fold-scale-into-conv))" --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @scale(
// CHECK-SAME: %[[X:.*]]: tensor<1x3x8x8xf32>
// CHECK-DAG: %[[F:.*]] = graph.constant dense<2.000000e+00> : tensor<4x3x1x1xf32>
// CHECK-DAG: %[[COLUMN:.*]] = graph.constant dense<{{.*}}> : tensor<4x1x1x1xf32>
// CHECK: %[[SCALED:.*]] = graph.mul %[[F]], %[[COLUMN]]
// CHECK: %[[Y:.*]] = graph.conv %[[X]], %[[SCALED]]
// CHECK-NEXT: return %[[Y]]
func.func @scale(%x: tensor<1x3x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %f = graph.constant dense<2.0> : tensor<4x3x1x1xf32>
  %s = graph.constant dense<[[[[1.0]], [[2.0]], [[3.0]], [[4.0]]]]> : tensor<1x4x1x1xf32>
  %0 = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x8x8xf32>
  %1 = graph.mul %s, %0 : (tensor<1x4x1x1xf32>, tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  return %1 : tensor<1x4x8x8xf32>
}

// -----

// CHECK-LABEL: func.func @scale_past_bias(
// CHECK-SAME: %[[X:.*]]: tensor<1x3x8x8xf32>
// CHECK-DAG: %[[B:.*]] = graph.constant dense<5.000000e+00> : tensor<4x1x1xf32>
// CHECK-DAG: %[[S:.*]] = graph.constant dense<6.000000e+00> : tensor<4x1x1xf32>
// CHECK: %[[Y:.*]] = graph.conv %[[X]]
// CHECK: %[[BIAS:.*]] = graph.mul %[[B]], %[[S]]
// CHECK: graph.add %[[Y]], %[[BIAS]]
// CHECK-NOT: graph.mul
func.func @scale_past_bias(%x: tensor<1x3x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %f = graph.constant dense<2.0> : tensor<4x3x1x1xf32>
  %b = graph.constant dense<5.0> : tensor<4x1x1xf32>
  %s = graph.constant dense<6.0> : tensor<4x1x1xf32>
  %0 = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x8x8xf32>
  %1 = graph.add %b, %0 : (tensor<4x1x1xf32>, tensor<1x4x8x8xf32>) -> tensor<1x4x8x8xf32>
  %2 = graph.mul %1, %s : (tensor<1x4x8x8xf32>, tensor<4x1x1xf32>) -> tensor<1x4x8x8xf32>
  return %2 : tensor<1x4x8x8xf32>
}

// -----

// What does not scale whole channels by constants stays: a scale per column, a
// scale that is an input, and a convolution that something else reads.
// CHECK-LABEL: func.func @stays(
// CHECK-COUNT-3: graph.conv
// CHECK-NOT: graph.reshape
func.func @stays(%x: tensor<1x3x8x8xf32>, %s: tensor<4x1x1xf32>)
    -> (tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>) {
  %f = graph.constant dense<2.0> : tensor<4x3x1x1xf32>
  %columns = graph.constant dense<3.0> : tensor<8xf32>
  %channels = graph.constant dense<4.0> : tensor<4x1x1xf32>
  %0 = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x8x8xf32>
  %1 = graph.mul %0, %columns : (tensor<1x4x8x8xf32>, tensor<8xf32>) -> tensor<1x4x8x8xf32>
  %2 = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x8x8xf32>
  %3 = graph.mul %2, %s : (tensor<1x4x8x8xf32>, tensor<4x1x1xf32>) -> tensor<1x4x8x8xf32>
  %4 = graph.conv %x, %f strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x8x8xf32>
  %5 = graph.mul %4, %channels : (tensor<1x4x8x8xf32>, tensor<4x1x1xf32>) -> tensor<1x4x8x8xf32>
  return %1, %3, %4, %5 : tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>
}
