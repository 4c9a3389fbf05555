// A product or convolution that no strategy takes says why, to the user and in the kernel.
// RUN: lathe-opt %s --select-strategies --verify-diagnostics | FileCheck %s

// CHECK: kernel.func @shared(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.loops", {because = "the left operand is broadcast over the batch, or has more than 8 dims"}>
kernel.func @shared(%x: tensor<4x8xf32>, %y: tensor<3x8x5xf32>) -> tensor<3x4x5xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  // expected-remark @+1 {{kernel 'shared' for 'x86_64:v3' is computed by plain loops, many times slower than in registers: the left operand is broadcast over the batch, or has more than 8 dims [strategy-loops]}}
  %z = graph.matmul %x, %y : (tensor<4x8xf32>, tensor<3x8x5xf32>) -> tensor<3x4x5xf32>
  kernel.return %z : tensor<3x4x5xf32>
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
