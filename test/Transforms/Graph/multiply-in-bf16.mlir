// Products with constant weights multiply bf16; what else reads a rounded tensor reads what is stored.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-multiply-in-bf16))" --split-input-file | FileCheck %s

// The residual is read as it is stored, and the result of the function is not rounded.
// CHECK-LABEL: func.func @residual(
// CHECK-DAG: %[[RELU:.*]] = graph.relu
// CHECK-DAG: %[[NARROW:.*]] = graph.cast %[[RELU]] : tensor<8x64xf32> -> tensor<8x64xbf16>
// CHECK-DAG: %[[WEIGHTS:.*]] = graph.cast %{{.*}} : tensor<64x64xf32> -> tensor<64x64xbf16>
// CHECK: %[[PRODUCT:.*]] = graph.matmul %[[NARROW]], %[[WEIGHTS]] : (tensor<8x64xbf16>, tensor<64x64xbf16>) -> tensor<8x64xf32>
// CHECK: %[[WIDE:.*]] = graph.cast %[[NARROW]] : tensor<8x64xbf16> -> tensor<8x64xf32>
// CHECK: %[[SUM:.*]] = graph.add %[[PRODUCT]], %[[WIDE]]
// CHECK: return %[[SUM]] : tensor<8x64xf32>
module attributes {kernel.bf16} {
func.func @residual(%x: tensor<8x64xf32>) -> tensor<8x64xf32> {
  %w = graph.constant dense<0.5> : tensor<64x64xf32>
  %0 = graph.relu %x : tensor<8x64xf32> -> tensor<8x64xf32>
  %1 = graph.matmul %0, %w : (tensor<8x64xf32>, tensor<64x64xf32>) -> tensor<8x64xf32>
  %2 = graph.add %1, %0 : (tensor<8x64xf32>, tensor<8x64xf32>) -> tensor<8x64xf32>
  return %2 : tensor<8x64xf32>
}
}

// -----

// What only arranges elements does so with the narrow ones.
// CHECK-LABEL: func.func @arranged(
// CHECK-DAG: %[[RELU:.*]] = graph.relu
// CHECK: %[[NARROW:.*]] = graph.cast %[[RELU]]
// CHECK: %[[TURNED:.*]] = graph.transpose %[[NARROW]] {{.*}} : tensor<64x8xbf16> -> tensor<8x64xbf16>
// CHECK: graph.matmul %[[TURNED]], %{{.*}} : (tensor<8x64xbf16>, tensor<64x32xbf16>) -> tensor<8x32xf32>
module attributes {kernel.bf16} {
func.func @arranged(%x: tensor<64x8xf32>) -> tensor<8x32xf32> {
  %w = graph.constant dense<0.5> : tensor<64x32xf32>
  %0 = graph.relu %x : tensor<64x8xf32> -> tensor<64x8xf32>
  %1 = graph.transpose %0 [1, 0] : tensor<64x8xf32> -> tensor<8x64xf32>
  %2 = graph.matmul %1, %w : (tensor<8x64xf32>, tensor<64x32xf32>) -> tensor<8x32xf32>
  return %2 : tensor<8x32xf32>
}
}

// -----

// Two computed tensors, three channels and narrow groups stay f32.
// CHECK-LABEL: func.func @stays(
// CHECK-NOT: bf16
// CHECK: return
module attributes {kernel.bf16} {
func.func @stays(%a: tensor<8x64xf32>, %b: tensor<64x8xf32>, %x: tensor<1x3x8x8xf32>, %y: tensor<1x16x8x8xf32>)
    -> (tensor<8x8xf32>, tensor<1x16x6x6xf32>, tensor<1x16x6x6xf32>) {
  %v = graph.constant dense<0.5> : tensor<16x3x3x3xf32>
  %w = graph.constant dense<0.5> : tensor<16x4x3x3xf32>
  %0 = graph.matmul %a, %b : (tensor<8x64xf32>, tensor<64x8xf32>) -> tensor<8x8xf32>
  %1 = graph.conv %x, %v strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 1 : (tensor<1x3x8x8xf32>, tensor<16x3x3x3xf32>) -> tensor<1x16x6x6xf32>
  %2 = graph.conv %y, %w strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 4 : (tensor<1x16x8x8xf32>, tensor<16x4x3x3xf32>) -> tensor<1x16x6x6xf32>
  return %0, %1, %2 : tensor<8x8xf32>, tensor<1x16x6x6xf32>, tensor<1x16x6x6xf32>
}
}

// -----

// Constants that are read twice over and over are looked at once.
// CHECK-LABEL: func.func @shared(
// CHECK: graph.matmul {{.*}} : (tensor<8x64xbf16>, tensor<64x32xbf16>) -> tensor<8x32xf32>
module attributes {kernel.bf16} {
func.func @shared(%x: tensor<8x64xf32>) -> tensor<8x32xf32> {
  %c0 = graph.constant dense<0.5> : tensor<64x32xf32>
  %c1 = graph.add %c0, %c0 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c2 = graph.add %c1, %c1 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c3 = graph.add %c2, %c2 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c4 = graph.add %c3, %c3 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c5 = graph.add %c4, %c4 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c6 = graph.add %c5, %c5 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c7 = graph.add %c6, %c6 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c8 = graph.add %c7, %c7 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c9 = graph.add %c8, %c8 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c10 = graph.add %c9, %c9 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c11 = graph.add %c10, %c10 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c12 = graph.add %c11, %c11 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c13 = graph.add %c12, %c12 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c14 = graph.add %c13, %c13 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c15 = graph.add %c14, %c14 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c16 = graph.add %c15, %c15 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c17 = graph.add %c16, %c16 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c18 = graph.add %c17, %c17 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c19 = graph.add %c18, %c18 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c20 = graph.add %c19, %c19 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c21 = graph.add %c20, %c20 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c22 = graph.add %c21, %c21 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c23 = graph.add %c22, %c22 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c24 = graph.add %c23, %c23 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c25 = graph.add %c24, %c24 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c26 = graph.add %c25, %c25 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c27 = graph.add %c26, %c26 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c28 = graph.add %c27, %c27 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c29 = graph.add %c28, %c28 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c30 = graph.add %c29, %c29 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c31 = graph.add %c30, %c30 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c32 = graph.add %c31, %c31 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c33 = graph.add %c32, %c32 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c34 = graph.add %c33, %c33 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c35 = graph.add %c34, %c34 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c36 = graph.add %c35, %c35 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c37 = graph.add %c36, %c36 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c38 = graph.add %c37, %c37 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c39 = graph.add %c38, %c38 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c40 = graph.add %c39, %c39 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c41 = graph.add %c40, %c40 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c42 = graph.add %c41, %c41 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c43 = graph.add %c42, %c42 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c44 = graph.add %c43, %c43 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c45 = graph.add %c44, %c44 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c46 = graph.add %c45, %c45 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c47 = graph.add %c46, %c46 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %c48 = graph.add %c47, %c47 : (tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  %0 = graph.matmul %x, %c48 : (tensor<8x64xf32>, tensor<64x32xf32>) -> tensor<8x32xf32>
  return %0 : tensor<8x32xf32>
}
}

// -----

// Without the mark nothing is rounded.
// CHECK-LABEL: func.func @standard(
// CHECK-NOT: bf16
// CHECK: return
func.func @standard(%x: tensor<8x64xf32>) -> tensor<8x32xf32> {
  %w = graph.constant dense<0.5> : tensor<64x32xf32>
  %0 = graph.matmul %x, %w : (tensor<8x64xf32>, tensor<64x32xf32>) -> tensor<8x32xf32>
  return %0 : tensor<8x32xf32>
}
