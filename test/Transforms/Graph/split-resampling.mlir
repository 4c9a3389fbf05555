// Interpolation along several axes is one op for each, what shrinks first; nearest and narrow types stay.
// RUN: lathe-opt %s --graph-split-resampling | FileCheck %s

// CHECK-LABEL: func.func @linear(
// CHECK: %[[A:.*]] = graph.resize linear %{{.*}} axes = [3] scales = [5.000000e-01] {{.*}} : (tensor<1x3x8x8xf32>) -> tensor<1x3x8x4xf32>
// CHECK: %[[B:.*]] = graph.resize linear %[[A]] axes = [2] scales = [2.000000e+00] {{.*}} : (tensor<1x3x8x4xf32>) -> tensor<1x3x16x4xf32>
// CHECK: return %[[B]]
func.func @linear(%x: tensor<1x3x8x8xf32>) -> tensor<1x3x16x4xf32> {
  %0 = graph.resize linear %x axes = [2, 3] scales = [2.0, 0.5] asymmetric floor {cubic_coefficient = -7.500000e-01 : f64} : (tensor<1x3x8x8xf32>) -> tensor<1x3x16x4xf32>
  return %0 : tensor<1x3x16x4xf32>
}

// CHECK-LABEL: func.func @others(
// CHECK: graph.resize nearest %{{.*}} axes = [0, 1]
// CHECK: graph.resize cubic %{{.*}} axes = [0, 1]
// CHECK-NOT: graph.resize
// CHECK: return
func.func @others(%x: tensor<8x8xf32>, %h: tensor<8x8xf16>) -> (tensor<16x16xf32>, tensor<16x16xf16>) {
  %0 = graph.resize nearest %x axes = [0, 1] scales = [2.0, 2.0] asymmetric floor {cubic_coefficient = -7.500000e-01 : f64} : (tensor<8x8xf32>) -> tensor<16x16xf32>
  %1 = graph.resize cubic %h axes = [0, 1] scales = [2.0, 2.0] asymmetric floor {cubic_coefficient = -7.500000e-01 : f64} : (tensor<8x8xf16>) -> tensor<16x16xf16>
  return %0, %1 : tensor<16x16xf32>, tensor<16x16xf16>
}
