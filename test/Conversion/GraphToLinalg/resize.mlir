// Resampling: repetition where it is that, coordinates elsewhere.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(any(convert-graph-to-linalg))" --split-input-file | FileCheck %s

// Whole factors repeat elements.
// CHECK-DAG: #[[X:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d3, d5)>
// CHECK-LABEL: func.func @repeat(
// CHECK: linalg.generic {indexing_maps = [#[[X]],
// CHECK: tensor.collapse_shape %{{.*}} {{\[\[}}0], [1, 2], [3, 4], [5]] : tensor<1x4x2x4x3x8xf32> into tensor<1x8x12x8xf32>
func.func @repeat(%x: tensor<1x4x4x8xf32>) -> tensor<1x8x12x8xf32> {
  %y = graph.resize nearest %x axes = [1, 2] scales = [2.0, 3.0] asymmetric floor {cubic_coefficient = -0.75 : f64}
      : (tensor<1x4x4x8xf32>) -> tensor<1x8x12x8xf32>
  return %y : tensor<1x8x12x8xf32>
}

// -----

// The same factor rounded otherwise is no repetition.
// CHECK-LABEL: func.func @nearest(
// CHECK: arith.divf
// CHECK: math.ceil
// CHECK: arith.fptosi
// CHECK: tensor.extract %{{.*}} : tensor<4xi8>
func.func @nearest(%x: tensor<4xui8>) -> tensor<8xui8> {
  %y = graph.resize nearest %x axes = [0] scales = [2.0] asymmetric ceil {cubic_coefficient = -0.75 : f64}
      : (tensor<4xui8>) -> tensor<8xui8>
  return %y : tensor<8xui8>
}

// -----

// Two neighbours per axis; an axis that stays needs none.
// CHECK-LABEL: func.func @linear(
// CHECK-COUNT-4: tensor.extract
// CHECK-NOT: tensor.extract
// CHECK: linalg.yield
func.func @linear(%x: tensor<3x4x5xf32>) -> tensor<3x7x9xf32> {
  %y = graph.resize linear %x axes = [0, 1, 2] scales = [] half_pixel floor {cubic_coefficient = -0.75 : f64}
      : (tensor<3x4x5xf32>) -> tensor<3x7x9xf32>
  return %y : tensor<3x7x9xf32>
}

// -----

// Four neighbours, in f64 for f64.
// CHECK-LABEL: func.func @cubic(
// CHECK-COUNT-4: tensor.extract %{{.*}} : tensor<4xf64>
// CHECK-NOT: tensor.extract
// CHECK: linalg.yield %{{.*}} : f64
func.func @cubic(%x: tensor<4xf64>) -> tensor<7xf64> {
  %y = graph.resize cubic %x axes = [0] scales = [] align_corners floor {cubic_coefficient = -0.5 : f64, exclude_outside}
      : (tensor<4xf64>) -> tensor<7xf64>
  return %y : tensor<7xf64>
}
