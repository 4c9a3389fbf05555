// Folds and canonicalizations of ops that move elements.
// RUN: lathe-opt %s --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @same_type(
// CHECK-SAME: %[[X:.*]]: tensor<2x3xf32>
// CHECK-NEXT: return %[[X]], %[[X]], %[[X]], %[[X]], %[[X]], %[[X]], %[[X]]
func.func @same_type(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>,
                                              tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %0 = graph.cast %x : tensor<2x3xf32> -> tensor<2x3xf32>
  %1 = graph.reshape %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %2 = graph.transpose %x [0, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  %3 = graph.broadcast %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %4 = graph.concat %x axis = 0 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %5 = graph.slice %x offsets = <() -> (0, 0)> axes = [0, 1] steps = [1, 1] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %6 = graph.pad reflect %x amounts = <() -> (0, 0, 0, 0)> : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0, %1, %2, %3, %4, %5, %6 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>,
      tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}

// -----

// A reversal and a shift keep the type, but not the elements.
// CHECK-LABEL: func.func @same_type_other_elements(
// CHECK: graph.slice
// CHECK: graph.pad
func.func @same_type_other_elements(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  %0 = graph.slice %x offsets = <() -> (2)> axes = [0] steps = [-1] : (tensor<3xf32>) -> tensor<3xf32>
  %1 = graph.pad constant %x amounts = <() -> (1, -1)> : (tensor<3xf32>) -> tensor<3xf32>
  return %0, %1 : tensor<3xf32>, tensor<3xf32>
}

// -----

// CHECK-LABEL: func.func @reshapes(
// CHECK-SAME: %[[X:.*]]: tensor<2x6xf32>
// CHECK-NEXT: %[[Y:.*]] = graph.reshape %[[X]] : (tensor<2x6xf32>) -> tensor<12xf32>
// CHECK-NEXT: return %[[Y]]
func.func @reshapes(%x: tensor<2x6xf32>) -> tensor<12xf32> {
  %s = graph.constant dense<[3, 4]> : tensor<2xi64>
  %0 = graph.reshape %x shape %s : (tensor<2x6xf32>, tensor<2xi64>) -> tensor<3x4xf32>
  %1 = graph.reshape %0 : (tensor<3x4xf32>) -> tensor<12xf32>
  return %1 : tensor<12xf32>
}

// -----

// A shape that nothing else says stays.
// CHECK-LABEL: func.func @open_reshape(
// CHECK: graph.reshape %{{.*}} shape %{{.*}} : (tensor<2x6xf32>, tensor<2xi64>) -> tensor<?x?xf32>
func.func @open_reshape(%x: tensor<2x6xf32>, %s: tensor<2xi64>) -> tensor<?x?xf32> {
  %0 = graph.reshape %x shape %s : (tensor<2x6xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// CHECK-LABEL: func.func @transposes(
// CHECK-SAME: %[[X:.*]]: tensor<2x3x4xf32>
// CHECK-NEXT: %[[Y:.*]] = graph.transpose %[[X]] [2, 1, 0] : tensor<2x3x4xf32> -> tensor<4x3x2xf32>
// CHECK-NEXT: return %[[Y]], %[[X]]
func.func @transposes(%x: tensor<2x3x4xf32>) -> (tensor<4x3x2xf32>, tensor<2x3x4xf32>) {
  %0 = graph.transpose %x [1, 2, 0] : tensor<2x3x4xf32> -> tensor<3x4x2xf32>
  %1 = graph.transpose %0 [1, 0, 2] : tensor<3x4x2xf32> -> tensor<4x3x2xf32>
  %2 = graph.transpose %0 [2, 0, 1] : tensor<3x4x2xf32> -> tensor<2x3x4xf32>
  return %1, %2 : tensor<4x3x2xf32>, tensor<2x3x4xf32>
}

// -----

// Where only dimensions of size one move, the elements keep their order.
// CHECK-LABEL: func.func @transpose_of_ones(
// CHECK-NEXT: graph.reshape %{{.*}} : (tensor<2x1x4xf32>) -> tensor<1x2x4xf32>
func.func @transpose_of_ones(%x: tensor<2x1x4xf32>) -> tensor<1x2x4xf32> {
  %0 = graph.transpose %x [1, 0, 2] : tensor<2x1x4xf32> -> tensor<1x2x4xf32>
  return %0 : tensor<1x2x4xf32>
}

// -----

// A free dimension may be of size one, but need not be.
// CHECK-LABEL: func.func @transpose_of_free(
// CHECK-NEXT: graph.transpose
func.func @transpose_of_free(%x: tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>) -> tensor<4x?xf32, #graph.dims<()[s0] -> (4, s0)>> {
  %0 = graph.transpose %x [1, 0] : tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>> -> tensor<4x?xf32, #graph.dims<()[s0] -> (4, s0)>>
  return %0 : tensor<4x?xf32, #graph.dims<()[s0] -> (4, s0)>>
}

// -----

// CHECK-LABEL: func.func @constants(
// CHECK-DAG: %[[A:.*]] = graph.constant dense<{{\[\[}}1, 2], [3, 4]]> : tensor<2x2xi32>
// CHECK-DAG: %[[B:.*]] = graph.constant dense<7.000000e+00> : tensor<3x2xf32>
// CHECK-DAG: %[[C:.*]] = graph.constant dense_resource<blob> : tensor<1x2xf32>
// CHECK: return %[[A]], %[[B]], %[[C]]
func.func @constants() -> (tensor<2x2xi32>, tensor<3x2xf32>, tensor<1x2xf32>) {
  %a = graph.constant dense<[1, 2, 3, 4]> : tensor<4xi32>
  %0 = graph.reshape %a : (tensor<4xi32>) -> tensor<2x2xi32>
  %b = graph.constant dense<7.0> : tensor<2xf32>
  %1 = graph.broadcast %b : (tensor<2xf32>) -> tensor<3x2xf32>
  %c = graph.constant dense_resource<blob> : tensor<2xf32>
  %2 = graph.reshape %c : (tensor<2xf32>) -> tensor<1x2xf32>
  return %0, %1, %2 : tensor<2x2xi32>, tensor<3x2xf32>, tensor<1x2xf32>
}

{-#
  dialect_resources: { builtin: { blob: "0x040000000000803F00000040" } }
#-}
