// A product on tensor cores: copies run ahead of the loop by two slots, and tails are zeros that nobody reads.
// RUN: lathe-opt %s --pass-pipeline='builtin.module(kernel.func(convert-tile-to-threads))' | FileCheck %s

// CHECK-LABEL: kernel.func @f16(
// CHECK: scf.forall (%{{.*}}, %{{.*}}) in (2, 1) {
// CHECK: kernel.block_memory : memref<24576xi8>
// CHECK: nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 16, cache = cg, %{{.*}}
// CHECK: nvvm.cp.async.commit.group
// CHECK: nvvm.cp.async.commit.group
// CHECK: scf.for
// CHECK: nvvm.cp.async.wait.group 1
// CHECK: nvvm.barrier0
// CHECK: nvvm.cp.async.commit.group
// Two squares of rows and two pairs of columns of each 16 terms, and 8 products of them.
// CHECK-COUNT-4: nvvm.ldmatrix
// CHECK-COUNT-8: nvvm.mma.sync
// CHECK: scf.yield
// CHECK: nvvm.cp.async.wait.group 0
// CHECK: nvvm.barrier0
// The epilogue, on what is in the output, two neighbours at once.
// CHECK: arith.truncf
// CHECK: arith.truncf
// CHECK: vector.store %{{.*}}, %{{.*}} {alignment = 4 : i64} : memref<100x40xf16>, vector<2xf16>
// CHECK-NOT: memref.store
kernel.func @f16(%a: memref<100x64xf16>, %b: memref<64x40xf16>, %c: memref<100x40xf16>)
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">,
                strategy = #kernel.strategy<"gpu.product.mma", {threads = 128 : i64}>} {
  tile.contract ins(%a, %b : memref<100x64xf16>, memref<64x40xf16>) outs(%c : memref<100x40xf16>)
      tiling(<rows = 64, vectors = 1, lanes = 64, unroll = 32, prefetch = 3, unit = "mma.f16">) maps [] {
  ^bb0(%s: f32):
    %t = arith.truncf %s : f32 to f16
    tile.yield %t : f16
  }
  kernel.return
}

// A pitch of 7 elements: what the hardware copies is one at a time.
// CHECK-LABEL: kernel.func @f32(
// CHECK: nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 4, cache = ca, %{{.*}}
// CHECK: math.fma
kernel.func @f32(%a: memref<?x7xf32>, %b: memref<7x5xf32>, %c: memref<?x5xf32>)
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">,
                strategy = #kernel.strategy<"gpu.product.fma", {threads = 256 : i64}>} {
  tile.contract ins(%a, %b : memref<?x7xf32>, memref<7x5xf32>) outs(%c : memref<?x5xf32>)
      tiling(<rows = 64, vectors = 1, lanes = 64, unroll = 16, prefetch = 3>) maps []
  kernel.return
}

// Halves at odd places go through registers.
// CHECK-LABEL: kernel.func @odd(
// CHECK: scf.if %{{.*}} -> (f16)
// CHECK: llvm.store %{{.*}} : f16, !llvm.ptr<3>
kernel.func @odd(%a: memref<8x7xf16>, %b: memref<7x5xf16>, %c: memref<8x5xf32>)
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">,
                strategy = #kernel.strategy<"gpu.product.mma", {threads = 128 : i64}>} {
  tile.contract ins(%a, %b : memref<8x7xf16>, memref<7x5xf16>) outs(%c : memref<8x5xf32>)
      tiling(<rows = 64, vectors = 1, lanes = 64, unroll = 32, prefetch = 3, unit = "mma.f16">) maps []
  kernel.return
}

// Four warps together: what is copied is published, and the copies of a later slot run beside the product.
// CHECK-LABEL: kernel.func @warpgroup(
// CHECK: kernel.block_memory : memref<49152xi8>
// CHECK: scf.for
// CHECK: nvvm.cp.async.wait.group 1
// CHECK: nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
// CHECK: nvvm.barrier0
// CHECK: nvvm.wgmma.fence.aligned
// CHECK-COUNT-4: nvvm.wgmma.mma_async
// CHECK: nvvm.wgmma.commit.group.sync.aligned
// CHECK: nvvm.cp.async.shared.global
// CHECK: nvvm.cp.async.commit.group
// CHECK: llvm.inline_asm has_side_effects "wgmma.wait_group.sync.aligned 0;"
// CHECK: scf.yield
kernel.func @warpgroup(%a: memref<100x128xbf16>, %b: memref<128x40xbf16>, %c: memref<100x40xf32>)
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_90a">,
                strategy = #kernel.strategy<"gpu.product.wgmma", {threads = 128 : i64}>} {
  tile.contract ins(%a, %b : memref<100x128xbf16>, memref<128x40xbf16>) outs(%c : memref<100x40xf32>)
      tiling(<rows = 64, vectors = 1, lanes = 64, unroll = 64, prefetch = 3, unit = "wgmma.bf16">) maps []
  kernel.return
}
