// What Winograd's filtering computes by a quarter of the products stays f32 where bf16 is multiplied in vectors.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-multiply-in-bf16{keep-filtered}))" | FileCheck %s
// RUN: lathe-opt %s --pass-pipeline="builtin.module(func.func(graph-multiply-in-bf16))" | FileCheck %s --check-prefix=ALL

// ALL-LABEL: func.func @main(
// ALL-COUNT-3: graph.conv %{{.*}} : (tensor<{{.*}}xbf16>, tensor<{{.*}}xbf16>) -> tensor<{{.*}}xf32>

// CHECK-LABEL: func.func @main(
// CHECK: graph.conv %{{.*}} : (tensor<1x32x28x28xf32>, tensor<32x32x3x3xf32>) -> tensor<1x32x28x28xf32>
// CHECK: graph.conv %{{.*}} : (tensor<1x32x28x28xbf16>, tensor<32x32x3x3xbf16>) -> tensor<1x32x14x14xf32>
// CHECK: graph.conv %{{.*}} : (tensor<1x32x7x7xbf16>, tensor<32x32x3x3xbf16>) -> tensor<1x32x7x7xf32>
module attributes {kernel.bf16} {
func.func @main(%x: tensor<1x32x28x28xf32>, %z: tensor<1x32x7x7xf32>) -> (tensor<1x32x28x28xf32>, tensor<1x32x14x14xf32>, tensor<1x32x7x7xf32>) {
  %w = graph.constant dense<1.0> : tensor<32x32x3x3xf32>
  %0 = graph.conv %x, %w strides = [1, 1] pads = [1, 1, 1, 1] dilations = [1, 1] groups = 1 : (tensor<1x32x28x28xf32>, tensor<32x32x3x3xf32>) -> tensor<1x32x28x28xf32>
  %1 = graph.conv %x, %w strides = [2, 2] pads = [1, 1, 1, 1] dilations = [1, 1] groups = 1 : (tensor<1x32x28x28xf32>, tensor<32x32x3x3xf32>) -> tensor<1x32x14x14xf32>
  %2 = graph.conv %z, %w strides = [1, 1] pads = [1, 1, 1, 1] dilations = [1, 1] groups = 1 : (tensor<1x32x7x7xf32>, tensor<32x32x3x3xf32>) -> tensor<1x32x7x7xf32>
  return %0, %1, %2 : tensor<1x32x28x28xf32>, tensor<1x32x14x14xf32>, tensor<1x32x7x7xf32>
}
}
