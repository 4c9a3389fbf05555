// Threads that copy by tensor maps, and threads that multiply: each slot is acquired, filled, waited for and released.
// RUN: lathe-opt %s --pass-pipeline="builtin.module(kernel.func(convert-tile-to-threads))" --split-input-file --verify-diagnostics | FileCheck %s

// The left factor in boxes of 128 rows, the right one in panels of 64 columns.
// CHECK-LABEL: kernel.func @roles(
// CHECK-SAME: %[[ROWS:.*]]: index, %[[A:.*]]: memref<?x128xf16>, %[[B:.*]]: memref<128x512xf16>, %{{.*}}: memref<?x512xf32>)
// CHECK: device.tensor_map %[[A]] sizes[%{{.*}}, %{{.*}}, %{{.*}}] pitches[%{{.*}}, %{{.*}}] box [64, 128, 1] : memref<?x128xf16> -> !llvm.ptr
// CHECK: device.tensor_map %[[B]] sizes[%{{.*}}, %{{.*}}, %{{.*}}] pitches[%{{.*}}, %{{.*}}] box [64, 64, 1] : memref<128x512xf16> -> !llvm.ptr
// Four slots of 48 KiB, and two barriers for each.
// CHECK: kernel.block_memory : memref<196608xi8>
// CHECK: kernel.block_memory : memref<64xi8>
// CHECK: scf.forall
// CHECK: device.roles copiers = 128 registers = 40, 232 setup {
// CHECK-COUNT-8: nvvm.mbarrier.init
// CHECK: nvvm.fence.mbarrier.init
// CHECK: nvvm.barrier0
// CHECK: } copy {
// CHECK: scf.for
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK: nvvm.mbarrier.arrive.expect_tx
// CHECK-COUNT-5: nvvm.cp.async.bulk.tensor.shared.cluster.global
// CHECK: } compute {
// CHECK: scf.for
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK: nvvm.wgmma.fence.aligned
// CHECK-COUNT-4: nvvm.wgmma.mma_async
// CHECK: nvvm.wgmma.commit.group.sync.aligned
// CHECK: llvm.inline_asm has_side_effects "wgmma.wait_group.sync.aligned 0;"
// CHECK: nvvm.mbarrier.arrive
// CHECK: scf.yield
kernel.func @roles(%rows: index, %a: memref<?x128xf16>, %b: memref<128x512xf16>, %c: memref<?x512xf32>)
    attributes {sizes = 1 : i64, outputs = 1 : i64, target = #kernel.target<"cuda:sm_90a">,
                dims = [affine_map<()[s0] -> (s0, 128)>, affine_map<() -> (128, 512)>, affine_map<()[s0] -> (s0, 512)>],
                strategy = #kernel.strategy<"gpu.product.tma", {threads = 384 : i64, copiers = 128 : i64}>} {
  tile.contract ins(%a, %b : memref<?x128xf16>, memref<128x512xf16>) outs(%c : memref<?x512xf32>)
      tiling(<rows = 128, vectors = 1, lanes = 256, unroll = 64, prefetch = 4, unit = "wgmma.f16">) maps []
  kernel.return
}

// -----

// Rows of 12 bytes begin at no multiple of 16.
kernel.func @narrow(%a: memref<256x128xf16>, %b: memref<128x6xf16>, %c: memref<256x6xf32>)
    attributes {sizes = 0 : i64, outputs = 1 : i64, target = #kernel.target<"cuda:sm_90a">,
                strategy = #kernel.strategy<"gpu.product.tma", {threads = 384 : i64, copiers = 128 : i64}>} {
  // expected-error @+1 {{strategy "gpu.product.tma" cannot copy its right factor, 'memref<128x6xf16>', by a tensor map: that takes an argument whose rows begin at multiples of 16 bytes; remove the strategy to have one chosen [strategy-unfit]}}
  tile.contract ins(%a, %b : memref<256x128xf16>, memref<128x6xf16>) outs(%c : memref<256x6xf32>)
      tiling(<rows = 128, vectors = 1, lanes = 64, unroll = 64, prefetch = 4, unit = "wgmma.f16">) maps []
  kernel.return
}

// -----

kernel.func @windows(%x: memref<8x18x18x64xf16>, %w: memref<1x3x3x64x256xf16>, %y: memref<8x16x16x256xf16>)
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_90a">,
                strategy = #kernel.strategy<"gpu.product.tma", {threads = 384 : i64, copiers = 128 : i64}>} {
  // expected-error @+1 {{strategy "gpu.product.tma" has 128 threads that copy by tensor maps for others, which only products have; remove the strategy to have one chosen [strategy-unfit]}}
  tile.conv ins(%x, %w : memref<8x18x18x64xf16>, memref<1x3x3x64x256xf16>) outs(%y : memref<8x16x16x256xf16>)
      strides [1, 1] dilations [1, 1] tiling(<rows = 128, vectors = 1, lanes = 256, unroll = 64, prefetch = 4, unit = "wgmma.f16">) maps []
  kernel.return
}
