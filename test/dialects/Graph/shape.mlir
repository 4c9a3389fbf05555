// Ops that move elements, and ops on shapes, read back as they were written.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK-LABEL: func.func @constant(
func.func @constant() -> tensor<2xf32> {
  // CHECK: graph.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
  %0 = graph.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
  return %0 : tensor<2xf32>
}

// CHECK-LABEL: func.func @sizes(
func.func @sizes(%x: tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>) -> tensor<1xi64> {
  // CHECK: graph.shape %{{.*}} 0 to 1 : tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>> -> tensor<1xi64>
  %0 = graph.shape %x 0 to 1 : tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>> -> tensor<1xi64>
  // CHECK: graph.dim_values <()[s0] -> (s0, s0 * 4)> : tensor<2xi32>
  %1 = graph.dim_values <()[s0] -> (s0, s0 * 4)> : tensor<2xi32>
  return %0 : tensor<1xi64>
}

// CHECK-LABEL: func.func @reshape(
func.func @reshape(%x: tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>, %s: tensor<2xi64>) -> tensor<?x2xf32> {
  // CHECK: graph.reshape %{{.*}} shape %{{.*}} : (tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>, tensor<2xi64>) -> tensor<?x2xf32>
  %0 = graph.reshape %x shape %s : (tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>, tensor<2xi64>) -> tensor<?x2xf32>
  // CHECK: graph.reshape %{{.*}} shape %{{.*}} allow_zero : (tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>, tensor<2xi64>) -> tensor<?x2xf32>
  %1 = graph.reshape %x shape %s allow_zero : (tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>, tensor<2xi64>) -> tensor<?x2xf32>
  // CHECK: graph.reshape %{{.*}} : (tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>) -> tensor<?xf32, #graph.dims<()[s0] -> (s0 * 4)>>
  %2 = graph.reshape %x : (tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>) -> tensor<?xf32, #graph.dims<()[s0] -> (s0 * 4)>>
  return %0 : tensor<?x2xf32>
}

// CHECK-LABEL: func.func @transpose(
func.func @transpose(%x: tensor<2x3x4xi8>) -> tensor<4x2x3xi8> {
  // CHECK: graph.transpose %{{.*}} [2, 0, 1] : tensor<2x3x4xi8> -> tensor<4x2x3xi8>
  %0 = graph.transpose %x [2, 0, 1] : tensor<2x3x4xi8> -> tensor<4x2x3xi8>
  return %0 : tensor<4x2x3xi8>
}

// CHECK-LABEL: func.func @broadcast(
func.func @broadcast(%x: tensor<2x1xi8>, %s: tensor<2xi64>) -> tensor<4x2x3xi8> {
  // CHECK: graph.broadcast %{{.*}} : (tensor<2x1xi8>) -> tensor<4x2x3xi8>
  %0 = graph.broadcast %x : (tensor<2x1xi8>) -> tensor<4x2x3xi8>
  // CHECK: graph.broadcast %{{.*}} shape %{{.*}} : (tensor<2x1xi8>, tensor<2xi64>) -> tensor<?x?xi8>
  %1 = graph.broadcast %x shape %s : (tensor<2x1xi8>, tensor<2xi64>) -> tensor<?x?xi8>
  // CHECK: graph.broadcast %{{.*}} shape %{{.*}} exact : (tensor<2x1xi8>, tensor<2xi64>) -> tensor<?x?xi8>
  %2 = graph.broadcast %x shape %s exact : (tensor<2x1xi8>, tensor<2xi64>) -> tensor<?x?xi8>
  return %0 : tensor<4x2x3xi8>
}

// CHECK-LABEL: func.func @concat(
func.func @concat(%x: tensor<2x1xi8>, %y: tensor<2x5xi8>) -> tensor<2x7xi8> {
  // CHECK: graph.concat %{{.*}}, %{{.*}}, %{{.*}} axis = 1 : (tensor<2x1xi8>, tensor<2x5xi8>, tensor<2x1xi8>) -> tensor<2x7xi8>
  %0 = graph.concat %x, %y, %x axis = 1 : (tensor<2x1xi8>, tensor<2x5xi8>, tensor<2x1xi8>) -> tensor<2x7xi8>
  return %0 : tensor<2x7xi8>
}

// CHECK-LABEL: func.func @slice(
func.func @slice(%x: tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>, %p: tensor<1xi64>) -> tensor<1x2xf32> {
  // CHECK: graph.slice %{{.*}} from %{{.*}} to %{{.*}} axes = [1] steps = [-2] : (tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>
  %0 = graph.slice %x from %p to %p axes = [1] steps = [-2] : (tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>
  // CHECK: graph.slice %{{.*}} offsets = <()[s0] -> (s0 - 1, 0)> axes = [0, 1] steps = [1, 2] : (tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>) -> tensor<1x2xf32>
  %1 = graph.slice %x offsets = <()[s0] -> (s0 - 1, 0)> axes = [0, 1] steps = [1, 2] : (tensor<?x4xf32, #graph.dims<()[s0] -> (s0, 4)>>) -> tensor<1x2xf32>
  return %1 : tensor<1x2xf32>
}

// CHECK-LABEL: func.func @pad(
func.func @pad(%x: tensor<4xf32>, %p: tensor<2xi64>, %v: tensor<f32>) -> tensor<7xf32> {
  // CHECK: graph.pad constant %{{.*}} by %{{.*}} value %{{.*}} : (tensor<4xf32>, tensor<2xi64>, tensor<f32>) -> tensor<?xf32>
  %0 = graph.pad constant %x by %p value %v : (tensor<4xf32>, tensor<2xi64>, tensor<f32>) -> tensor<?xf32>
  // CHECK: graph.pad reflect %{{.*}} amounts = <() -> (1, 2)> : (tensor<4xf32>) -> tensor<7xf32>
  %1 = graph.pad reflect %x amounts = <() -> (1, 2)> : (tensor<4xf32>) -> tensor<7xf32>
  // CHECK: graph.pad edge %{{.*}} by %{{.*}} : (tensor<4xf32>, tensor<2xi64>) -> tensor<?xf32>
  %2 = graph.pad edge %x by %p : (tensor<4xf32>, tensor<2xi64>) -> tensor<?xf32>
  // CHECK: graph.pad wrap %{{.*}} by %{{.*}} : (tensor<4xf32>, tensor<2xi64>) -> tensor<?xf32>
  %3 = graph.pad wrap %x by %p : (tensor<4xf32>, tensor<2xi64>) -> tensor<?xf32>
  return %1 : tensor<7xf32>
}

// CHECK-LABEL: func.func @range(
func.func @range(%a: tensor<i32>, %b: tensor<i32>, %c: tensor<i32>) -> tensor<?xi32> {
  // CHECK: graph.range %{{.*}} to %{{.*}} by %{{.*}} : (tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<?xi32>
  %0 = graph.range %a to %b by %c : (tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<?xi32>
  return %0 : tensor<?xi32>
}

// CHECK-LABEL: func.func @iota(
func.func @iota() -> tensor<2x3xf32> {
  // CHECK: graph.iota 1 : tensor<2x3xf32>
  %0 = graph.iota 1 : tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
