// Attention by warps: queries in the memory of the block, keys and values in a ring, scores in registers.
// RUN: lathe-opt %s --pass-pipeline='builtin.module(kernel.func(convert-tile-to-threads))' | FileCheck %s

// 4 steps of 16 terms by 8 times 8 keys, and 4 steps of 16 keys by 8 times 8 elements.
// CHECK-LABEL: kernel.func @k
// CHECK: scf.forall
// CHECK: kernel.block_memory : memref<8192xi8>
// CHECK: kernel.block_memory : memref<32768xi8>
// CHECK: nvvm.cp.async.commit.group
// CHECK: scf.for
// CHECK: nvvm.cp.async.wait.group 0
// CHECK: nvvm.barrier
// CHECK-COUNT-32: nvvm.mma.sync
// The last block of keys is not full.
// CHECK: scf.if
// CHECK: arith.select
// CHECK: nvvm.shfl.sync bfly
// CHECK: llvm.nvvm.ex2.approx.ftz.f
// CHECK-COUNT-32: nvvm.mma.sync
// CHECK-NOT: nvvm.mma.sync
// CHECK: vector.store {{.*}} : memref<1x4x100x64xf16>, vector<2xf16>
kernel.func @k(%q: memref<1x4x100x64xf16>, %k: memref<1x4x300x64xf16>, %v: memref<1x4x300x64xf16>, %y: memref<1x4x100x64xf16>)
    attributes {sizes = 0 : i64, strategy = #kernel.strategy<"gpu.attention", {threads = 128 : i64}>, target = #kernel.target<"cuda:sm_80">} {
  tile.attention ins(%q, %k, %v : memref<1x4x100x64xf16>, memref<1x4x300x64xf16>, memref<1x4x300x64xf16>)
      outs(%y : memref<1x4x100x64xf16>) heads_inside [false, false, false, false] scale 0.125 softcap 0.0
      hidden 0xFFF0000000000000 tiling(<rows = 64, vectors = 1, lanes = 16, prefetch = 2, block = 64, unit = "mma.f16">)
  kernel.return
}
