// A product or convolution that no strategy takes says why, to the user and in the kernel.
// RUN: lathe-opt %s --select-strategies --verify-diagnostics | FileCheck %s

// CHECK: kernel.func @grouped(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.loops", {because = "there are 2 groups, neither 1 nor one a channel"}>
kernel.func @grouped(%x: tensor<1x8x8x4xf32>, %f: tensor<4x2x3x3xf32> {kernel.constant}) -> tensor<1x6x6x4xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  // expected-remark @+1 {{kernel 'grouped' for 'x86_64:v3' is computed by plain loops, many times slower than in registers: there are 2 groups, neither 1 nor one a channel [strategy-loops]}}
  %y = graph.conv %x, %f channels_last strides = [1, 1] pads = [0, 0, 0, 0] dilations = [1, 1] groups = 2
      : (tensor<1x8x8x4xf32>, tensor<4x2x3x3xf32>) -> tensor<1x6x6x4xf32>
  kernel.return %y : tensor<1x6x6x4xf32>
}

// What is no product is at home there, and one that a strategy takes needs no remark.
// CHECK: kernel.func @softmax(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.loops">
kernel.func @softmax(%x: tensor<4x8xf32>) -> tensor<4x8xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %y = graph.softmax %x axis = 1 : tensor<4x8xf32>
  kernel.return %y : tensor<4x8xf32>
}
// CHECK: kernel.func @product(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.gemm.packed"
kernel.func @product(%x: tensor<4x8xf32>, %w: tensor<8x8xf32> {kernel.constant}) -> tensor<4x8xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %y = graph.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  kernel.return %y : tensor<4x8xf32>
}
