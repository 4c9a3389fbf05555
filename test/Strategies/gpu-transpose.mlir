// A transpose that moves the innermost dim passes squares through the memory of a block, as large as a warp reads at
// once, with what follows as its epilogue; others, and short rows, are for a thread an element.
// RUN: lathe-opt %s --select-strategies --lower-kernels --apply-strategies --canonicalize | FileCheck %s

// CHECK-LABEL: kernel.func @squares(
// CHECK-SAME: strategy = #kernel.strategy<"gpu.transpose", {{.*}}lanes = 32 : i64, {{.*}}threads = 256 : i64
// CHECK: tile.transpose ins(%{{.*}} : tensor<1x56x56x64xf32>) extras(%{{.*}} : tensor<1x64x56x56xf32>)
// CHECK-SAME: permutation [0, 3, 1, 2]
// CHECK: arith.addf
// CHECK-NOT: linalg.generic
kernel.func @squares(%x: tensor<1x56x56x64xf32>, %r: tensor<1x64x56x56xf32>) -> tensor<1x64x56x56xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">} {
  %0 = graph.transpose %x [0, 3, 1, 2] : tensor<1x56x56x64xf32> -> tensor<1x64x56x56xf32>
  %1 = graph.add %0, %r : (tensor<1x64x56x56xf32>, tensor<1x64x56x56xf32>) -> tensor<1x64x56x56xf32>
  kernel.return %1 : tensor<1x64x56x56xf32>
}

// CHECK-LABEL: kernel.func @halves(
// CHECK-SAME: lanes = 64 : i64
kernel.func @halves(%x: tensor<100x200xf16>) -> tensor<200x100xf16>
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">} {
  %0 = graph.transpose %x [1, 0] : tensor<100x200xf16> -> tensor<200x100xf16>
  kernel.return %0 : tensor<200x100xf16>
}

// CHECK-LABEL: kernel.func @short(
// CHECK-SAME: strategy = #kernel.strategy<"gpu.loops"
kernel.func @short(%x: tensor<1x3x224x224xf32>) -> tensor<1x224x224x3xf32>
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">} {
  %0 = graph.transpose %x [0, 2, 3, 1] : tensor<1x3x224x224xf32> -> tensor<1x224x224x3xf32>
  kernel.return %0 : tensor<1x224x224x3xf32>
}
