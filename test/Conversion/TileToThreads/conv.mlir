// A convolution is the product of its windows: rows are pixels, terms are taps and channels.
// RUN: lathe-opt %s --pass-pipeline='builtin.module(kernel.func(convert-tile-to-threads))' | FileCheck %s

// CHECK-LABEL: kernel.func @conv(
// CHECK: scf.forall (%{{.*}}, %{{.*}}) in (1, 1) {
// Four channels of f32 lie side by side.
// CHECK: nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 16, cache = cg
// CHECK: math.fma
// CHECK: vector.store %{{.*}}, %{{.*}} {alignment = 16 : i64} : memref<1x4x4x64xf32>, vector<4xf32>
kernel.func @conv(%x: memref<1x6x6x4xf32>, %w: memref<1x3x3x4x64xf32>, %y: memref<1x4x4x64xf32>)
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">,
                strategy = #kernel.strategy<"gpu.product.fma", {threads = 256 : i64}>} {
  tile.conv ins(%x, %w : memref<1x6x6x4xf32>, memref<1x3x3x4x64xf32>) outs(%y : memref<1x4x4x64xf32>)
      strides [1, 1] dilations [1, 1] tiling(<rows = 64, vectors = 1, lanes = 64, unroll = 16, prefetch = 3>) maps []
  kernel.return
}
