// Windows of maxima and means.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(any(convert-graph-to-linalg))" --split-input-file | FileCheck %s

// Nothing is copied to be padded: what lies outside is read at the border, where it is in the window already.
// CHECK-LABEL: func.func @max_unsigned(
// CHECK-SAME: %[[X:.*]]: tensor<1x2x8xi8>
// CHECK-NOT: tensor.pad
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel"]}
// CHECK: arith.maxsi
// CHECK-NOT: arith.select
// CHECK: tensor.extract %[[X]]
// CHECK: arith.minsi
// CHECK: tensor.extract %[[X]]
// CHECK: arith.maxui
// CHECK-NOT: arith.select
// CHECK: linalg.yield
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

// With gaps between positions, the border may be in none of a window, so it is left out.
// CHECK-LABEL: func.func @max_dilated(
// CHECK: arith.cmpi sge
// CHECK: %[[NONE:.*]] = arith.constant 0xFF800000 : f32
// CHECK: arith.select %{{.*}}, %{{.*}}, %[[NONE]] : f32
func.func @max_dilated(%x: tensor<1x8x2xf32>) -> tensor<1x6x2xf32> {
  %y = graph.max_pool %x channels_last kernel = [3] strides = [1] pads = [1, 1] dilations = [2]
      : tensor<1x8x2xf32> -> tensor<1x6x2xf32>
  return %y : tensor<1x6x2xf32>
}

// -----

// The elements of a sum count once.
// CHECK-LABEL: func.func @sum_inside(
// CHECK-NOT: tensor.pad
// CHECK: arith.cmpi sge
// CHECK: arith.select %{{.*}}, %{{.*}}, %{{.*}} : f32
// CHECK: arith.addf
func.func @sum_inside(%x: tensor<1x8x2xf32>) -> tensor<1x8x2xf32> {
  %y = graph.average_pool %x channels_last kernel = [3] strides = [1] pads = [1, 1] dilations = [1] {count_include_pad}
      : tensor<1x8x2xf32> -> tensor<1x8x2xf32>
  return %y : tensor<1x8x2xf32>
}

// -----

// Maxima of 16-bit floats are those of integers that have the same order.
// CHECK-LABEL: func.func @max_halves(
// CHECK: arith.bitcast %{{.*}} : f16 to i16
// CHECK: arith.maxsi %{{.*}} : i16
// CHECK: arith.bitcast %{{.*}} : i16 to f16
// CHECK-NOT: arith.maximumf
// CHECK: return
func.func @max_halves(%x: tensor<1x8x2xf16>) -> tensor<1x4x2xf16> {
  %y = graph.max_pool %x channels_last kernel = [2] strides = [2] pads = [0, 0] dilations = [1]
      : tensor<1x8x2xf16> -> tensor<1x4x2xf16>
  return %y : tensor<1x4x2xf16>
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
// CHECK: linalg.yield
// CHECK: linalg.index 3 : index
// CHECK-NOT: linalg.index
// CHECK: arith.sitofp
// CHECK: arith.divf
func.func @mean_inside(%x: tensor<1x2x8x9xf32>) -> tensor<1x2x4x4xf32> {
  %y = graph.average_pool %x kernel = [2, 3] strides = [2, 3] pads = [0, 1, 0, 2] dilations = [1, 1]
      : tensor<1x2x8x9xf32> -> tensor<1x2x4x4xf32>
  return %y : tensor<1x2x4x4xf32>
}
