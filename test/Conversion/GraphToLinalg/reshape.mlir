// Reshapes merge and split dimensions; they move nothing.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(any(convert-graph-to-linalg))" --split-input-file | FileCheck %s

#x = #graph.dims<()[s0, s1] -> (s0 * s1, 768)>
#y = #graph.dims<()[s0, s1] -> (s0, s1, 12, 64)>

// Products of sizes are recognized.
// CHECK-LABEL: func.func @split(
// CHECK-SAME: %[[B:.*]]: index, %[[S:.*]]: index
// CHECK-NEXT: %[[Y:.*]] = tensor.expand_shape %{{.*}} {{\[\[}}0, 1], [2, 3]] output_shape [%[[B]], %[[S]], 12, 64]
// CHECK-NEXT: return %[[Y]]
func.func @split(%b: index, %s: index, %x: tensor<?x768xf32, #x>) -> tensor<?x?x12x64xf32, #y> {
  %y = graph.reshape %x : (tensor<?x768xf32, #x>) -> tensor<?x?x12x64xf32, #y>
  return %y : tensor<?x?x12x64xf32, #y>
}

// -----

// What does not match merges and splits again, but no further than it must.
// CHECK-LABEL: func.func @both(
// CHECK-NEXT: %[[M:.*]] = tensor.collapse_shape %{{.*}} {{\[\[}}0], [1, 2]] : tensor<7x4x6xf32> into tensor<7x24xf32>
// CHECK-NEXT: %[[Y:.*]] = tensor.expand_shape %[[M]] {{\[\[}}0], [1, 2]] output_shape [7, 3, 8]
// CHECK-NEXT: return %[[Y]]
func.func @both(%x: tensor<7x4x6xf32>) -> tensor<7x3x8xf32> {
  %y = graph.reshape %x : (tensor<7x4x6xf32>) -> tensor<7x3x8xf32>
  return %y : tensor<7x3x8xf32>
}

// -----

#x = #graph.dims<()[s0] -> (s0)>

// Equal at run time only: the types are told so.
// CHECK-LABEL: func.func @checked(
// CHECK-NEXT: %[[X:.*]] = tensor.cast %{{.*}} : tensor<?xf32> to tensor<12xf32>
// CHECK-NEXT: tensor.expand_shape %[[X]] {{\[\[}}0, 1]] output_shape [3, 4] : tensor<12xf32> into tensor<3x4xf32>
func.func @checked(%n: index, %x: tensor<?xf32, #x>) -> tensor<3x4xf32> {
  %y = graph.reshape %x : (tensor<?xf32, #x>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

// -----

// CHECK-LABEL: func.func @scalar(
// CHECK-NEXT: tensor.collapse_shape %{{.*}} [] : tensor<1x1xf32> into tensor<f32>
func.func @scalar(%x: tensor<1x1xf32>) -> tensor<f32> {
  %y = graph.reshape %x : (tensor<1x1xf32>) -> tensor<f32>
  return %y : tensor<f32>
}
