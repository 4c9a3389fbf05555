// Reads and writes at positions that tensors hold stay inside.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(any(convert-graph-to-linalg))" --split-input-file | FileCheck %s

#x = #graph.dims<()[s0] -> (s0, 4)>

// CHECK-LABEL: func.func @gather(
// CHECK-SAME: %[[N:.*]]: index, %[[X:.*]]: tensor<?x4xf32>
// CHECK: %[[RAW:.*]] = arith.index_cast %{{.*}} : i32 to index
// CHECK: %[[FROM_END:.*]] = arith.addi %[[RAW]], %[[N]] : index
// CHECK: %[[AT:.*]] = arith.select %{{.*}}, %[[FROM_END]], %[[RAW]] : index
// CHECK: %[[LAST:.*]] = arith.subi %[[N]], %{{.*}} : index
// CHECK: %[[MOST:.*]] = arith.minsi %[[AT]], %[[LAST]] : index
// CHECK: %[[SAFE:.*]] = arith.maxsi %[[MOST]], %{{.*}} : index
// CHECK: %[[J:.*]] = linalg.index 1 : index
// CHECK: tensor.extract %[[X]][%[[SAFE]], %[[J]]] : tensor<?x4xf32>
func.func @gather(%n: index, %x: tensor<?x4xf32, #x>, %i: tensor<3xi32>) -> tensor<3x4xf32> {
  %y = graph.gather %x at %i axis = 0 : (tensor<?x4xf32, #x>, tensor<3xi32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

// -----

// A constant position is a slice.
// CHECK-LABEL: func.func @gather_one(
// CHECK-NEXT: %[[S:.*]] = tensor.extract_slice %{{.*}}[0, 3, 0] [2, 1, 5] [1, 1, 1]
// CHECK-NEXT: %[[Y:.*]] = tensor.collapse_shape %[[S]] {{\[\[}}0, 1], [2]] : tensor<2x1x5xf32> into tensor<2x5xf32>
// CHECK-NEXT: return %[[Y]]
func.func @gather_one(%x: tensor<2x4x5xf32>) -> tensor<2x5xf32> {
  %i = graph.constant dense<-1> : tensor<i64>
  %y = graph.gather %x at %i axis = 1 : (tensor<2x4x5xf32>, tensor<i64>) -> tensor<2x5xf32>
  return %y : tensor<2x5xf32>
}

// -----

// CHECK-LABEL: func.func @gather_elements(
// CHECK: %[[I:.*]] = linalg.index 0 : index
// CHECK: %[[SAFE:.*]] = arith.maxsi
// CHECK: tensor.extract %{{.*}}[%[[I]], %[[SAFE]]] : tensor<2x4xi8>
func.func @gather_elements(%x: tensor<2x4xi8>, %i: tensor<2x3xi64>) -> tensor<2x3xi8> {
  %y = graph.gather_elements %x at %i axis = 1 : (tensor<2x4xi8>, tensor<2x3xi64>) -> tensor<2x3xi8>
  return %y : tensor<2x3xi8>
}

// -----

// CHECK-DAG: #[[FIRST:.*]] = affine_map<(d0, d1) -> (d0, 0)>
// CHECK-DAG: #[[SECOND:.*]] = affine_map<(d0, d1) -> (d0, 1)>
// CHECK-LABEL: func.func @gather_nd(
// CHECK: linalg.generic {indexing_maps = [#[[FIRST]], #[[SECOND]],
// CHECK: tensor.extract %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}] : tensor<2x4x5xf32>
func.func @gather_nd(%x: tensor<2x4x5xf32>, %i: tensor<3x2xi64>) -> tensor<3x5xf32> {
  %y = graph.gather_nd %x at %i batch_dims = 0 : (tensor<2x4x5xf32>, tensor<3x2xi64>) -> tensor<3x5xf32>
  return %y : tensor<3x5xf32>
}

// -----

// Writes come one after the other.
// CHECK-LABEL: func.func @scatter_elements(
// CHECK-SAME: %[[X:.*]]: tensor<4xf16>
// CHECK: scf.for %[[I:[a-z0-9]+]] = {{.*}} iter_args(%[[Y:.*]] = %[[X]])
// CHECK: %[[SAFE:.*]] = arith.maxsi
// CHECK: %[[NEW:.*]] = tensor.extract %{{.*}}[%[[I]]] : tensor<3xf16>
// CHECK: %[[OLD:.*]] = tensor.extract %[[Y]][%[[SAFE]]] : tensor<4xf16>
// CHECK: arith.addf %{{.*}}, %{{.*}} {{.*}}: f32
// CHECK: tensor.insert %{{.*}} into %[[Y]][%[[SAFE]]]
func.func @scatter_elements(%x: tensor<4xf16>, %i: tensor<3xi64>, %u: tensor<3xf16>) -> tensor<4xf16> {
  %y = graph.scatter_elements add %x at %i with %u axis = 0 : (tensor<4xf16>, tensor<3xi64>, tensor<3xf16>) -> tensor<4xf16>
  return %y : tensor<4xf16>
}

// -----

// CHECK-LABEL: func.func @scatter_nd(
// CHECK: scf.for %[[I:[a-z0-9]+]] =
// CHECK: scf.for %[[J:[a-z0-9]+]] =
// CHECK: tensor.extract %{{.*}}[%[[I]], %{{.*}}] : tensor<3x1xi64>
// CHECK: tensor.insert %{{.*}} into %{{.*}}[%{{.*}}, %[[J]]] : tensor<4x5xi32>
func.func @scatter_nd(%x: tensor<4x5xi32>, %i: tensor<3x1xi64>, %u: tensor<3x5xi32>) -> tensor<4x5xi32> {
  %y = graph.scatter_nd none %x at %i with %u : (tensor<4x5xi32>, tensor<3x1xi64>, tensor<3x5xi32>) -> tensor<4x5xi32>
  return %y : tensor<4x5xi32>
}

// -----

// In a kernel that makes checks, a position outside ends the call.
// CHECK-LABEL: func.func @checked(
// CHECK-SAME: %[[N:.*]]: index, %[[X:.*]]: tensor<?x4xf32>
// CHECK: %[[RAW:.*]] = arith.index_cast %{{.*}} : i32 to index
// CHECK-NEXT: %[[SAFE:.*]] = kernel.check_index %[[RAW]] in %[[N]] check = 2
// CHECK: tensor.extract %[[X]][%[[SAFE]], %{{.*}}] : tensor<?x4xf32>
func.func @checked(%n: index, %x: tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>, %i: tensor<3xi32>) -> tensor<3x4xf32> {
  %y = graph.gather %x at %i axis = 0 {kernel.check = 2 : i64} : (tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>, tensor<3xi32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}
