// Windows of maxima and means.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(any(convert-graph-to-linalg))" --split-input-file | FileCheck %s

// Padding never wins, for any type; rounding up may reach one stride further.
// CHECK-LABEL: func.func @max_unsigned(
// CHECK: %[[LEAST:.*]] = arith.constant 0 : i8
// CHECK: tensor.pad %{{.*}} low[0, 0, 1] high[0, 0, 2]
// CHECK: tensor.yield %[[LEAST]] : i8
// CHECK: %[[WINDOW:.*]] = tensor.empty() : tensor<3xi8>
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "reduction", "parallel"]} ins(%{{.*}}, %[[WINDOW]] :
// CHECK: arith.maxui
func.func @max_unsigned(%x: tensor<1x2x8xui8>) -> tensor<1x2x5xui8> {
  %y = graph.max_pool %x kernel = [3] strides = [2] pads = [1, 1] dilations = [1] ceil_mode
      : tensor<1x2x8xui8> -> tensor<1x2x5xui8>
  return %y : tensor<1x2x5xui8>
}

// -----

// Few positions are operands of one op, whose loops are those over the result.
// CHECK-LABEL: func.func @max_channels_last(
// CHECK-SAME: %[[X:.*]]: tensor<1x8x2xf32>
// CHECK-NOT: tensor.pad
// CHECK-DAG: %[[FIRST:.*]] = tensor.extract_slice %[[X]][0, 0, 0] [1, 4, 2] [1, 2, 1]
// CHECK-DAG: %[[SECOND:.*]] = tensor.extract_slice %[[X]][0, 1, 0] [1, 4, 2] [1, 2, 1]
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel"]} ins(%[[FIRST]], %[[SECOND]] :
// CHECK: arith.maximumf
func.func @max_channels_last(%x: tensor<1x8x2xf32>) -> tensor<1x4x2xf32> {
  %y = graph.max_pool %x channels_last kernel = [2] strides = [2] pads = [0, 0] dilations = [1]
      : tensor<1x8x2xf32> -> tensor<1x4x2xf32>
  return %y : tensor<1x4x2xf32>
}

// -----

// Many positions are a loop. Rounding up reaches no further than the last window does.
// CHECK-DAG: #[[X:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1 * 2 + d2, d3)>
// CHECK-LABEL: func.func @max_of_many(
// CHECK: tensor.pad %{{.*}} low[0, 0, 0] high[0, 1, 0]
// CHECK: linalg.fill ins(%{{.*}} : f32) outs(%{{.*}} : tensor<1x3x2xf32>)
// CHECK: linalg.generic {indexing_maps = [#[[X]], {{.*}}iterator_types = ["parallel", "parallel", "reduction", "parallel"]
func.func @max_of_many(%x: tensor<1x20x2xf32>) -> tensor<1x3x2xf32> {
  %y = graph.max_pool %x channels_last kernel = [17] strides = [2] pads = [0, 0] dilations = [1] ceil_mode
      : tensor<1x20x2xf32> -> tensor<1x3x2xf32>
  return %y : tensor<1x3x2xf32>
}

// -----

// Without padding every window counts alike.
// CHECK-LABEL: func.func @mean(
// CHECK-NOT: linalg.index
// CHECK: %[[COUNT:.*]] = arith.constant 6.000000e+00 : f32
// CHECK: arith.divf %{{.*}}, %[[COUNT]] : f32
func.func @mean(%x: tensor<1x2x8x9xf32>) -> tensor<1x2x4x3xf32> {
  %y = graph.average_pool %x kernel = [2, 3] strides = [2, 3] pads = [0, 0, 0, 0] dilations = [1, 1]
      : tensor<1x2x8x9xf32> -> tensor<1x2x4x3xf32>
  return %y : tensor<1x2x4x3xf32>
}

// -----

// With padding, elements inside are counted, in the dimension that has it.
// CHECK-LABEL: func.func @mean_inside(
// CHECK: arith.constant 2 : index
// CHECK: linalg.index 3 : index
// CHECK-NOT: linalg.index
// CHECK: arith.sitofp
// CHECK: arith.divf
func.func @mean_inside(%x: tensor<1x2x8x9xf32>) -> tensor<1x2x4x4xf32> {
  %y = graph.average_pool %x kernel = [2, 3] strides = [2, 3] pads = [0, 1, 0, 2] dilations = [1, 1]
      : tensor<1x2x8x9xf32> -> tensor<1x2x4x4xf32>
  return %y : tensor<1x2x4x4xf32>
}
