// A transpose that moves the innermost dim goes square by square, with what follows as its epilogue;
// others stay loops.
// RUN: lathe-opt %s --select-strategies --lower-kernels --apply-strategies --canonicalize | FileCheck %s

// CHECK-LABEL: kernel.func @squares(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.transpose", {{.*}}lanes = 8
// CHECK: tile.transpose ins(%{{.*}} : tensor<1x56x56x64xf32>) extras(%{{.*}} : tensor<1x64x56x56xf32>)
// CHECK-SAME: permutation [0, 3, 1, 2]
// CHECK: arith.addf
// CHECK-NOT: linalg.generic
kernel.func @squares(%x: tensor<1x56x56x64xf32>, %r: tensor<1x64x56x56xf32>) -> tensor<1x64x56x56xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.transpose %x [0, 3, 1, 2] : tensor<1x56x56x64xf32> -> tensor<1x64x56x56xf32>
  %1 = graph.add %0, %r : (tensor<1x64x56x56xf32>, tensor<1x64x56x56xf32>) -> tensor<1x64x56x56xf32>
  kernel.return %1 : tensor<1x64x56x56xf32>
}

// Squares no larger than the smaller of both dims.
// CHECK-LABEL: kernel.func @small(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.transpose", {{.*}}lanes = 4
kernel.func @small(%x: tensor<1x7x7x64xf32>) -> tensor<1x64x7x7xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.transpose %x [0, 3, 1, 2] : tensor<1x7x7x64xf32> -> tensor<1x64x7x7xf32>
  kernel.return %0 : tensor<1x64x7x7xf32>
}

// CHECK-LABEL: kernel.func @bytes(
// CHECK: tile.transpose ins(%{{.*}} : tensor<64x64xi8>)
kernel.func @bytes(%x: tensor<64x64xui8>) -> tensor<64x64xui8>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.transpose %x [1, 0] : tensor<64x64xui8> -> tensor<64x64xui8>
  kernel.return %0 : tensor<64x64xui8>
}

// CHECK-LABEL: kernel.func @runs(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.loops">
kernel.func @runs(%x: tensor<128x12x64xf32>) -> tensor<12x128x64xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.transpose %x [1, 0, 2] : tensor<128x12x64xf32> -> tensor<12x128x64xf32>
  kernel.return %0 : tensor<12x128x64xf32>
}

// CHECK-LABEL: kernel.func @colours(
// CHECK-SAME: strategy = #kernel.strategy<"cpu.loops">
kernel.func @colours(%x: tensor<1x224x224x3xf32>) -> tensor<1x3x224x224xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"x86_64:v3">} {
  %0 = graph.transpose %x [0, 3, 1, 2] : tensor<1x224x224x3xf32> -> tensor<1x3x224x224xf32>
  kernel.return %0 : tensor<1x3x224x224xf32>
}
