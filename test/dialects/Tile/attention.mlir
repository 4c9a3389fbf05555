// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --pass-pipeline='builtin.module(func.func(empty-tensor-to-alloc-tensor),one-shot-bufferize{bufferize-function-boundaries})' | FileCheck %s --check-prefix=MEMORY

// CHECK: tile.attention ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<1x2x5x4xf32>, tensor<1x2x7x4xf32>, tensor<1x2x7x3xf32>) bias(%{{.*}} : tensor<1x1x1x7xf32>) mask(%{{.*}} : tensor<1x1x5x7xi1>) causal(%{{.*}}) scratch(
// CHECK-SAME: heads_inside [false, false, false, false] scale 5.000000e-01 softcap 0.000000e+00 hidden 0xFFF0000000000000
// MEMORY: tile.attention ins({{.*}} : memref<1x2x5x4xf32{{.*}}) bias({{.*}} : memref<1x1x1x7xf32{{.*}}) mask({{.*}} : memref<1x1x5x7xi1{{.*}}) causal(%{{.*}}) scratch({{.*}} : memref<1424xf32>)
func.func @masked(%q: tensor<1x2x5x4xf32>, %k: tensor<1x2x7x4xf32>, %v: tensor<1x2x7x3xf32>, %b: tensor<1x1x1x7xf32>,
                  %m: tensor<1x1x5x7xi1>, %c: index) -> tensor<1x2x5x3xf32> {
  %s = tensor.empty() : tensor<1424xf32>
  %i = tensor.empty() : tensor<1x2x5x3xf32>
  %y = tile.attention ins(%q, %k, %v : tensor<1x2x5x4xf32>, tensor<1x2x7x4xf32>, tensor<1x2x7x3xf32>)
      bias(%b : tensor<1x1x1x7xf32>) mask(%m : tensor<1x1x5x7xi1>) causal(%c) scratch(%s : tensor<1424xf32>)
      outs(%i : tensor<1x2x5x3xf32>) heads_inside [false, false, false, false] scale 0.5 softcap 0.0
      hidden 0xFFF0000000000000 tiling(<rows = 6, vectors = 2, lanes = 8, block = 16>) -> tensor<1x2x5x3xf32>
  return %y : tensor<1x2x5x3xf32>
}
