// Matrix products read back as they were written.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK-LABEL: func.func @matmul(
func.func @matmul(%a: tensor<5x1x2x3xf16>, %b: tensor<4x3x6xf16>) -> tensor<5x4x2x6xf16> {
  // CHECK: graph.matmul %{{.*}}, %{{.*}} : (tensor<5x1x2x3xf16>, tensor<4x3x6xf16>) -> tensor<5x4x2x6xf16>
  %0 = graph.matmul %a, %b : (tensor<5x1x2x3xf16>, tensor<4x3x6xf16>) -> tensor<5x4x2x6xf16>
  return %0 : tensor<5x4x2x6xf16>
}

// CHECK-LABEL: func.func @accumulated(
func.func @accumulated(%a: tensor<2x3xui8>, %b: tensor<3x6xi8>, %c: tensor<2x3xbf16>, %d: tensor<3x6xbf16>) -> (tensor<2x6xi32>, tensor<2x6xf32>) {
  // CHECK: graph.matmul %{{.*}}, %{{.*}} : (tensor<2x3xui8>, tensor<3x6xi8>) -> tensor<2x6xi32>
  %0 = graph.matmul %a, %b : (tensor<2x3xui8>, tensor<3x6xi8>) -> tensor<2x6xi32>
  // CHECK: graph.matmul %{{.*}}, %{{.*}} : (tensor<2x3xbf16>, tensor<3x6xbf16>) -> tensor<2x6xf32>
  %1 = graph.matmul %c, %d : (tensor<2x3xbf16>, tensor<3x6xbf16>) -> tensor<2x6xf32>
  return %0, %1 : tensor<2x6xi32>, tensor<2x6xf32>
}
