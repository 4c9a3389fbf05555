// Ops that move elements, and ops on shapes.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(any(convert-graph-to-linalg))" --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @constant(
// CHECK: arith.constant dense<[1, -1]> : tensor<2xi8>
func.func @constant() -> tensor<2xui8> {
  %y = graph.constant dense<[1, 255]> : tensor<2xui8>
  return %y : tensor<2xui8>
}

// -----

#x = #graph.dims<()[s0] -> (s0, 3)>

// CHECK-LABEL: func.func @shape(
// CHECK-SAME: %[[N:.*]]: index
// CHECK-DAG: %[[D0:.*]] = arith.index_cast %[[N]] : index to i64
// CHECK-DAG: %[[C3:.*]] = arith.constant 3 : index
// CHECK-DAG: %[[D1:.*]] = arith.index_cast %[[C3]] : index to i64
// CHECK: tensor.from_elements %[[D0]], %[[D1]] : tensor<2xi64>
func.func @shape(%n: index, %x: tensor<?x3xf32, #x>) -> tensor<2xi64> {
  %y = graph.shape %x 0 to 2 : tensor<?x3xf32, #x> -> tensor<2xi64>
  return %y : tensor<2xi64>
}

// -----

// CHECK-LABEL: func.func @dim_values(
// CHECK: affine.apply #{{.*}}()[%{{.*}}]
// CHECK: arith.sitofp
// CHECK: tensor.from_elements %{{.*}} : tensor<f32>
func.func @dim_values(%n: index) -> tensor<f32> {
  %y = graph.dim_values <()[s0] -> (s0 * 2)> : tensor<f32>
  return %y : tensor<f32>
}

// -----

// CHECK-DAG: #[[X:.*]] = affine_map<(d0, d1, d2) -> (d1, d2, d0)>
// CHECK-LABEL: func.func @transpose(
// CHECK: linalg.generic {indexing_maps = [#[[X]],
func.func @transpose(%x: tensor<2x3x4xi1>) -> tensor<4x2x3xi1> {
  %y = graph.transpose %x [2, 0, 1] : tensor<2x3x4xi1> -> tensor<4x2x3xi1>
  return %y : tensor<4x2x3xi1>
}

// -----

#x = #graph.dims<()[s0] -> (2, s0)>
#y = #graph.dims<()[s0] -> (2, s0 + 3)>

// CHECK-LABEL: func.func @concat(
// CHECK-SAME: %[[N:.*]]: index
// CHECK: %[[A:.*]] = tensor.insert_slice %{{.*}} into %{{.*}}[0, 0] [2, %[[N]]] [1, 1]
// CHECK: tensor.insert_slice %{{.*}} into %[[A]][0, %[[N]]] [2, 3] [1, 1]
func.func @concat(%n: index, %a: tensor<2x?xf32, #x>, %b: tensor<2x3xf32>) -> tensor<2x?xf32, #y> {
  %y = graph.concat %a, %b axis = 1 : (tensor<2x?xf32, #x>, tensor<2x3xf32>) -> tensor<2x?xf32, #y>
  return %y : tensor<2x?xf32, #y>
}

// -----

// CHECK-LABEL: func.func @concat_of_nothing(
// CHECK-NOT: tensor.insert_slice
// CHECK: %[[Y:.*]] = tensor.empty() : tensor<0x5xf32>
// CHECK: return %[[Y]]
func.func @concat_of_nothing(%a: tensor<0x2xf32>, %b: tensor<0x3xf32>) -> tensor<0x5xf32> {
  %y = graph.concat %a, %b axis = 1 : (tensor<0x2xf32>, tensor<0x3xf32>) -> tensor<0x5xf32>
  return %y : tensor<0x5xf32>
}

// -----

// CHECK-LABEL: func.func @slice(
// CHECK: tensor.extract_slice %{{.*}}[0, 1] [4, 3] [1, 2] : tensor<4x6xf32> to tensor<4x3xf32>
func.func @slice(%x: tensor<4x6xf32>) -> tensor<4x3xf32> {
  %y = graph.slice %x offsets = <() -> (1)> axes = [1] steps = [2] : (tensor<4x6xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

// Backwards, element by element.
// CHECK-LABEL: func.func @reverse(
// CHECK: %[[LAST:.*]] = arith.constant 5 : index
// CHECK: %[[I:.*]] = linalg.index 1 : index
// CHECK: %[[STEP:.*]] = arith.constant -2 : index
// CHECK: %[[WAY:.*]] = arith.muli %[[I]], %[[STEP]]
// CHECK: %[[AT:.*]] = arith.addi %[[LAST]], %[[WAY]]
// CHECK: tensor.extract %{{.*}}[%{{.*}}, %[[AT]]] : tensor<4x6xf32>
func.func @reverse(%x: tensor<4x6xf32>) -> tensor<4x3xf32> {
  %y = graph.slice %x offsets = <() -> (5)> axes = [1] steps = [-2] : (tensor<4x6xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

// An empty slice may begin behind the end; nothing is read.
// CHECK-LABEL: func.func @nothing(
// CHECK-NEXT: %[[E:.*]] = tensor.empty() : tensor<0xf32>
// CHECK-NEXT: return %[[E]]
func.func @nothing(%x: tensor<4xf32>) -> tensor<0xf32> {
  %y = graph.slice %x offsets = <() -> (4)> axes = [0] steps = [1] : (tensor<4xf32>) -> tensor<0xf32>
  return %y : tensor<0xf32>
}

// -----

// What is cut off goes before anything is added.
// CHECK-LABEL: func.func @pad(
// CHECK-SAME: %[[X:.*]]: tensor<4x6xf32>, %[[V:.*]]: tensor<f32>
// CHECK: %[[CUT:.*]] = tensor.extract_slice %[[X]][0, 1] [4, 5] [1, 1]
// CHECK: %[[VALUE:.*]] = tensor.extract %[[V]][] : tensor<f32>
// CHECK: tensor.pad %[[CUT]] low[2, 0] high[0, 3]
// CHECK: tensor.yield %[[VALUE]] : f32
func.func @pad(%x: tensor<4x6xf32>, %v: tensor<f32>) -> tensor<6x8xf32> {
  %y = graph.pad constant %x value %v amounts = <() -> (2, -1, 0, 3)> : (tensor<4x6xf32>, tensor<f32>) -> tensor<6x8xf32>
  return %y : tensor<6x8xf32>
}

// -----

// Only padded dimensions compute where they read.
// CHECK-LABEL: func.func @edge(
// CHECK: %[[I:.*]] = linalg.index 0 : index
// CHECK: %[[J:.*]] = linalg.index 1 : index
// CHECK: arith.subi %[[J]], %{{.*}} : index
// CHECK: arith.minsi
// CHECK: %[[AT:.*]] = arith.maxsi
// CHECK: tensor.extract %{{.*}}[%[[I]], %[[AT]]] : tensor<4x6xf32>
func.func @edge(%x: tensor<4x6xf32>) -> tensor<4x9xf32> {
  %y = graph.pad edge %x amounts = <() -> (0, 1, 0, 2)> : (tensor<4x6xf32>) -> tensor<4x9xf32>
  return %y : tensor<4x9xf32>
}

// -----

// CHECK-LABEL: func.func @range(
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<f16>, tensor<f16>)
// CHECK: arith.mulf %{{.*}}, %{{.*}} : f32
func.func @range(%a: tensor<f16>, %b: tensor<f16>, %c: tensor<f16>) -> tensor<5xf16> {
  %y = graph.range %a to %b by %c : (tensor<f16>, tensor<f16>, tensor<f16>) -> tensor<5xf16>
  return %y : tensor<5xf16>
}

// -----

// CHECK-LABEL: func.func @iota(
// CHECK: linalg.index 1 : index
func.func @iota() -> tensor<2x5xi32> {
  %y = graph.iota 1 : tensor<2x5xi32>
  return %y : tensor<2x5xi32>
}
