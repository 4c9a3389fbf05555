// Bufferization writes into the destination in place and copies nothing.
// RUN: lathe-opt %s --one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map" | FileCheck %s

// CHECK-LABEL: func.func @contract(
// CHECK-SAME:      %[[A:.*]]: memref<6x8xf32>, %[[B:.*]]: memref<1x8x16xf32>, %[[X:.*]]: memref<16xf32>
func.func @contract(%a: tensor<6x8xf32>, %b: tensor<1x8x16xf32>,
                    %bias: tensor<16xf32>) -> tensor<6x16xf32> {
  // CHECK: %[[C:.*]] = memref.alloc() {{.*}} : memref<6x16xf32>
  // CHECK-NOT: memref.copy
  // CHECK: tile.contract ins(%[[A]], %[[B]] : memref<6x8xf32>, memref<1x8x16xf32>)
  // CHECK-SAME: extras(%[[X]] : memref<16xf32>) outs(%[[C]] : memref<6x16xf32>) packed
  // CHECK: tile.yield
  // CHECK: return %[[C]]
  %c = tensor.empty() : tensor<6x16xf32>
  %0 = tile.contract ins(%a, %b : tensor<6x8xf32>, tensor<1x8x16xf32>)
      extras(%bias : tensor<16xf32>) outs(%c : tensor<6x16xf32>) packed
      tiling(<rows = 6, vectors = 1, lanes = 16>)
      maps [affine_map<(m, n) -> (n)>] {
  ^bb0(%acc: f32, %x: f32):
    %s = arith.addf %acc, %x : f32
    tile.yield %s : f32
  } -> tensor<6x16xf32>
  return %0 : tensor<6x16xf32>
}
