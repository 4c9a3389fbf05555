// Matrix products read back as they were written.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK-LABEL: func.func @matmul(
func.func @matmul(%a: tensor<5x1x2x3xf16>, %b: tensor<4x3x6xf16>) -> tensor<5x4x2x6xf16> {
  // CHECK: graph.matmul %{{.*}}, %{{.*}} : (tensor<5x1x2x3xf16>, tensor<4x3x6xf16>) -> tensor<5x4x2x6xf16>
  %0 = graph.matmul %a, %b : (tensor<5x1x2x3xf16>, tensor<4x3x6xf16>) -> tensor<5x4x2x6xf16>
  return %0 : tensor<5x4x2x6xf16>
}
