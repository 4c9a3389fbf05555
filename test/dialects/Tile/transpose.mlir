// A transpose with an epilogue survives printing and parsing, on tensors and on memrefs.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK-LABEL: func.func @transpose(
func.func @transpose(%x: tensor<2x?x?x16xf32>, %b: tensor<16x1x1xf32>, %y: tensor<2x16x?x?xf32>) -> tensor<2x16x?x?xf32> {
  // CHECK: tile.transpose ins(%{{.*}} : tensor<2x?x?x16xf32>) extras(%{{.*}} : tensor<16x1x1xf32>)
  // CHECK-SAME: outs(%{{.*}} : tensor<2x16x?x?xf32>) permutation [0, 3, 1, 2]
  // CHECK-SAME: tiling(<rows = 1, vectors = 1, lanes = 8, task_rows = 4>)
  %0 = tile.transpose ins(%x : tensor<2x?x?x16xf32>) extras(%b : tensor<16x1x1xf32>)
      outs(%y : tensor<2x16x?x?xf32>) permutation [0, 3, 1, 2]
      tiling(<rows = 1, vectors = 1, lanes = 8, task_rows = 4>)
      maps [affine_map<(n, c, y, x) -> (c, 0, 0)>] {
  ^bb0(%value: f32, %bias: f32):
    %s = arith.addf %value, %bias : f32
    tile.yield %s : f32
  } -> tensor<2x16x?x?xf32>
  return %0 : tensor<2x16x?x?xf32>
}

// CHECK-LABEL: func.func @booleans(
func.func @booleans(%x: memref<32x64xi1>, %y: memref<64x32xi1>) {
  // CHECK: tile.transpose ins(%{{.*}} : memref<32x64xi1>) outs(%{{.*}} : memref<64x32xi1>) permutation [1, 0]
  tile.transpose ins(%x : memref<32x64xi1>) outs(%y : memref<64x32xi1>) permutation [1, 0]
      tiling(<rows = 1, vectors = 1, lanes = 16>) maps []
  return
}
