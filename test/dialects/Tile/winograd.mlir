// A convolution by Winograd's filtering survives printing and parsing, and its scratch memory is a
// buffer of its own.
// RUN: lathe-opt %s | lathe-opt | FileCheck %s

// CHECK-LABEL: func.func @winograd(
func.func @winograd(%x: tensor<?x?x?x8xf32>, %f: tensor<2x6x6x8x16xf32>, %s: tensor<11520xf32>, %b: tensor<32xf32>,
                    %y: tensor<?x?x?x32xf32>) -> tensor<?x?x?x32xf32> {
  // CHECK: tile.winograd_conv ins(%{{.*}}, %{{.*}} : tensor<?x?x?x8xf32>, tensor<2x6x6x8x16xf32>)
  // CHECK-SAME: scratch(%{{.*}} : tensor<11520xf32>) extras(%{{.*}} : tensor<32xf32>)
  // CHECK-SAME: outs(%{{.*}} : tensor<?x?x?x32xf32>) offsets [1, 1] outputs 4 held 1
  // CHECK-SAME: tiling(<rows = 4, vectors = 2, lanes = 8, task_rows = 12, task_panels = 1>)
  %0 = tile.winograd_conv ins(%x, %f : tensor<?x?x?x8xf32>, tensor<2x6x6x8x16xf32>)
      scratch(%s : tensor<11520xf32>) extras(%b : tensor<32xf32>) outs(%y : tensor<?x?x?x32xf32>)
      offsets [1, 1] outputs 4 held 1
      tiling(<rows = 4, vectors = 2, lanes = 8, task_rows = 12, task_panels = 1>)
      maps [affine_map<(n, y, x, o) -> (o)>] {
  ^bb0(%sum: f32, %bias: f32):
    %1 = arith.addf %sum, %bias : f32
    tile.yield %1 : f32
  } -> tensor<?x?x?x32xf32>
  return %0 : tensor<?x?x?x32xf32>
}
