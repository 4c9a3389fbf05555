// Reductions and normalizations read back as they were written.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK-LABEL: func.func @reduce(
func.func @reduce(%x: tensor<2x3x4xi8>) -> tensor<3xi8> {
  // CHECK: graph.reduce sum %{{.*}} axes = [0, 2] : tensor<2x3x4xi8> -> tensor<3xi8>
  %0 = graph.reduce sum %x axes = [0, 2] : tensor<2x3x4xi8> -> tensor<3xi8>
  // CHECK: graph.reduce mean %{{.*}} axes = [0, 2] : tensor<2x3x4xi8> -> tensor<3xi8>
  %1 = graph.reduce mean %x axes = [0, 2] : tensor<2x3x4xi8> -> tensor<3xi8>
  // CHECK: graph.reduce max %{{.*}} axes = [0, 2] : tensor<2x3x4xi8> -> tensor<3xi8>
  %2 = graph.reduce max %x axes = [0, 2] : tensor<2x3x4xi8> -> tensor<3xi8>
  // CHECK: graph.reduce min %{{.*}} axes = [0, 2] : tensor<2x3x4xi8> -> tensor<3xi8>
  %3 = graph.reduce min %x axes = [0, 2] : tensor<2x3x4xi8> -> tensor<3xi8>
  // CHECK: graph.reduce prod %{{.*}} axes = [0, 2] : tensor<2x3x4xi8> -> tensor<3xi8>
  %4 = graph.reduce prod %x axes = [0, 2] : tensor<2x3x4xi8> -> tensor<3xi8>
  return %4 : tensor<3xi8>
}

// CHECK-LABEL: func.func @logical(
func.func @logical(%x: tensor<2x3xi1>) -> tensor<2x1xi1> {
  // CHECK: graph.reduce any %{{.*}} axes = [1] keep_dims : tensor<2x3xi1> -> tensor<2x1xi1>
  %0 = graph.reduce any %x axes = [1] keep_dims : tensor<2x3xi1> -> tensor<2x1xi1>
  // CHECK: graph.reduce all %{{.*}} axes = [] : tensor<2x1xi1> -> tensor<2x1xi1>
  %1 = graph.reduce all %0 axes = [] : tensor<2x1xi1> -> tensor<2x1xi1>
  return %1 : tensor<2x1xi1>
}

// CHECK-LABEL: func.func @softmax(
func.func @softmax(%x: tensor<2x3xf16>) -> tensor<2x3xf16> {
  // CHECK: graph.softmax %{{.*}} axis = 1 : tensor<2x3xf16>
  %0 = graph.softmax %x axis = 1 : tensor<2x3xf16>
  // CHECK: graph.softmax %{{.*}} axis = 0 log : tensor<2x3xf16>
  %1 = graph.softmax %0 axis = 0 log : tensor<2x3xf16>
  return %1 : tensor<2x3xf16>
}

// CHECK-LABEL: func.func @layer_norm(
func.func @layer_norm(%x: tensor<2x3xbf16>) -> tensor<2x3xbf16> {
  // CHECK: graph.layer_norm %{{.*}} axis = 1 epsilon = 1.000000e-05 : tensor<2x3xbf16>
  %0 = graph.layer_norm %x axis = 1 epsilon = 1.000000e-05 : tensor<2x3xbf16>
  return %0 : tensor<2x3xbf16>
}

// CHECK-LABEL: func.func @arg(
func.func @arg(%x: tensor<2x3xi32>) -> tensor<1x3xi64> {
  // CHECK: graph.arg max %{{.*}} axis = 1 : tensor<2x3xi32> -> tensor<2xi64>
  %0 = graph.arg max %x axis = 1 : tensor<2x3xi32> -> tensor<2xi64>
  // CHECK: graph.arg min %{{.*}} axis = 0 keep_dims last : tensor<2x3xi32> -> tensor<1x3xi64>
  %1 = graph.arg min %x axis = 0 keep_dims last : tensor<2x3xi32> -> tensor<1x3xi64>
  return %1 : tensor<1x3xi64>
}

// CHECK-LABEL: func.func @cumulative_sum(
func.func @cumulative_sum(%x: tensor<2x3xf64>) -> tensor<2x3xf64> {
  // CHECK: graph.cumulative_sum %{{.*}} axis = 1 : tensor<2x3xf64>
  %0 = graph.cumulative_sum %x axis = 1 : tensor<2x3xf64>
  // CHECK: graph.cumulative_sum %{{.*}} axis = 0 exclusive reverse : tensor<2x3xf64>
  %1 = graph.cumulative_sum %0 axis = 0 exclusive reverse : tensor<2x3xf64>
  return %1 : tensor<2x3xf64>
}

// CHECK-LABEL: func.func @cumulative_product(
func.func @cumulative_product(%x: tensor<2x3xi32>) -> tensor<2x3xi32> {
  // CHECK: graph.cumulative_product %{{.*}} axis = 1 exclusive reverse : tensor<2x3xi32>
  %0 = graph.cumulative_product %x axis = 1 exclusive reverse : tensor<2x3xi32>
  return %0 : tensor<2x3xi32>
}

// CHECK-LABEL: func.func @top_k(
func.func @top_k(%x: tensor<2x5xf16>) -> tensor<2x3xi64> {
  // CHECK: graph.top_k min %{{.*}} axis = 0 : tensor<2x5xf16> -> tensor<1x5xi64>
  %0 = graph.top_k min %x axis = 0 : tensor<2x5xf16> -> tensor<1x5xi64>
  // CHECK: graph.top_k max %{{.*}} axis = 1 : tensor<2x5xf16> -> tensor<2x3xi64>
  %1 = graph.top_k max %x axis = 1 : tensor<2x5xf16> -> tensor<2x3xi64>
  return %1 : tensor<2x3xi64>
}

// CHECK-LABEL: func.func @sort_rows(
func.func @sort_rows(%x: tensor<6x2xf32>) -> tensor<6xi64> {
  // CHECK: graph.sort_rows %{{.*}} : tensor<6x2xf32> -> tensor<6xi64>
  %0 = graph.sort_rows %x : tensor<6x2xf32> -> tensor<6xi64>
  return %0 : tensor<6xi64>
}
