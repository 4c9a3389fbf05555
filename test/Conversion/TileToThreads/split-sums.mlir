// Long sums in parts, whose factors are views, and what adds the parts with the epilogue behind.
// RUN: lathe-opt %s --pass-pipeline='builtin.module(kernel.func(split-sums))' --mlir-print-local-scope | FileCheck %s

// CHECK-LABEL: kernel.func @rows(
// CHECK-SAME: %[[A:[^:]*]]: memref<2x3x128xf16>, %[[B:[^:]*]]: memref<128x40xf16>, %[[V:[^:]*]]: memref<40xf16>, %[[C:[^:]*]]: memref<2x3x40xf16>)
// CHECK: %[[SUMS:.*]] = memref.alloc() : memref<2x2x3x40xf32>
// CHECK: memref.collapse_shape %[[A]] {{.*}} into memref<6x128xf16>
// CHECK: memref.expand_shape {{.*}} into memref<6x2x64xf16>
// CHECK: %[[LEFT:.*]] = memref.transpose {{.*}} memref<2x6x64xf16, strided<[64, 128, 1]>>
// CHECK: %[[RIGHT:.*]] = memref.expand_shape %[[B]] {{.*}} into memref<2x64x40xf16>
// CHECK: memref.collapse_shape %[[SUMS]] {{.*}} into memref<2x6x40xf32>
// CHECK: tile.contract ins(%[[LEFT]], %[[RIGHT]] :
// CHECK-NOT: tile.yield
// CHECK: %[[FIRST:.*]] = memref.subview %[[SUMS]][0, 0, 0, 0]
// CHECK: %[[SECOND:.*]] = memref.subview %[[SUMS]][1, 0, 0, 0]
// CHECK: linalg.generic {{.*}} ins(%[[FIRST]], %[[SECOND]], %[[V]] :
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[Y:.*]]: f32, %[[E:.*]]: f16, %{{.*}}: f16):
// CHECK: %[[SUM:.*]] = arith.addf %[[X]], %[[Y]] : f32
// CHECK: arith.truncf %[[SUM]]
// CHECK: arith.addf %{{.*}}, %[[E]] : f16
kernel.func @rows(%a: memref<2x3x128xf16>, %b: memref<128x40xf16>, %v: memref<40xf16>, %c: memref<2x3x40xf16>)
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">,
                strategy = #kernel.strategy<"gpu.product.mma", {parts = 2 : i64, threads = 128 : i64}>} {
  tile.contract ins(%a, %b : memref<2x3x128xf16>, memref<128x40xf16>) extras(%v : memref<40xf16>)
      outs(%c : memref<2x3x40xf16>)
      tiling(<rows = 64, vectors = 1, lanes = 64, unroll = 32, prefetch = 3, unit = "mma.f16">)
      maps [affine_map<(i, j, k) -> (k)>] {
  ^bb0(%s: f32, %e: f16):
    %t = arith.truncf %s : f32 to f16
    %u = arith.addf %t, %e : f16
    tile.yield %u : f16
  }
  kernel.return
}

// What is packed, has open sizes or terms that are no multiple stays.
// CHECK-LABEL: kernel.func @open(
// CHECK-NOT: memref.alloc
// CHECK: tile.contract
kernel.func @open(%n: index, %a: memref<?x128xf32>, %b: memref<128x40xf32>, %c: memref<?x40xf32>)
    attributes {sizes = 1 : i64, dims = [affine_map<()[s0] -> (s0, 128)>, affine_map<()[s0] -> (128, 40)>,
                                         affine_map<()[s0] -> (s0, 40)>], target = #kernel.target<"cuda:sm_80">,
                strategy = #kernel.strategy<"gpu.product.fma", {parts = 2 : i64, threads = 256 : i64}>} {
  tile.contract ins(%a, %b : memref<?x128xf32>, memref<128x40xf32>) outs(%c : memref<?x40xf32>)
      tiling(<rows = 64, vectors = 1, lanes = 64, unroll = 16, prefetch = 3>) maps []
  kernel.return
}

// Nothing is in parts where there is nothing.
// CHECK-LABEL: kernel.func @empty(
// CHECK-NOT: memref.alloc
// CHECK: tile.contract
kernel.func @empty(%a: memref<4x128xf32>, %b: memref<128x0xf32>, %c: memref<4x0xf32>)
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">,
                strategy = #kernel.strategy<"gpu.product.fma", {parts = 2 : i64, threads = 256 : i64}>} {
  tile.contract ins(%a, %b : memref<4x128xf32>, memref<128x0xf32>) outs(%c : memref<4x0xf32>)
      tiling(<rows = 64, vectors = 1, lanes = 64, unroll = 16, prefetch = 3>) maps []
  kernel.return
}
