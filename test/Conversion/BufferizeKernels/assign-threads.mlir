// Where tasks are for blocks of threads, these share the elements of each op, or its sum, and wait behind it.
// RUN: lathe-opt %s --pass-pipeline='builtin.module(kernel.func(assign-elements))' --mlir-print-local-scope | FileCheck %s

#rows = affine_map<(i, k) -> (i, k)>
#sums = affine_map<(i, k) -> (i)>

// A sum over a row: each thread its part, the warp by exchanges, the warps through memory.
// CHECK-LABEL: kernel.func @sum(
// CHECK-SAME: %[[X:[^:]*]]: memref<1x100xf32>, %[[Y:[^:]*]]: memref<1xf32>)
// CHECK-NOT: linalg.fill
// CHECK: scf.for
// CHECK: nvvm.read.ptx.sreg.tid.x
// CHECK: %[[PART:.*]] = scf.for %{{.*}} iter_args(%[[S:.*]] = %{{.*}}) -> (f32) {
// CHECK: memref.load %[[X]]
// CHECK: arith.addf
// CHECK: nvvm.shfl.sync bfly
// CHECK-COUNT-4: nvvm.shfl.sync bfly
// CHECK: kernel.block_memory : memref<2xf32>
// CHECK: nvvm.barrier0
// CHECK: scf.if
// CHECK: memref.store %{{.*}}, %[[Y]]
// CHECK: nvvm.barrier0
kernel.func @sum(%x: memref<1x100xf32>, %y: memref<1xf32>)
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">,
                strategy = #kernel.strategy<"gpu.rows", {threads = 64 : i64}>} {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%y : memref<1xf32>)
  linalg.generic {indexing_maps = [#rows, #sums], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<1x100xf32>) outs(%y : memref<1xf32>) {
  ^bb0(%a: f32, %s: f32):
    %t = arith.addf %a, %s : f32
    linalg.yield %t : f32
  }
  kernel.return
}

// More sums than threads: a thread has some each.
// CHECK-LABEL: kernel.func @sums(
// CHECK-NOT: nvvm.shfl
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %{{.*}} {
// CHECK: scf.for %{{.*}} iter_args
// CHECK: nvvm.barrier0
kernel.func @sums(%x: memref<64x100xf32>, %y: memref<64xf32>)
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">,
                strategy = #kernel.strategy<"gpu.rows", {threads = 32 : i64}>} {
  linalg.generic {indexing_maps = [#rows, #sums], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<64x100xf32>) outs(%y : memref<64xf32>) {
  ^bb0(%a: f32, %s: f32):
    %t = arith.addf %a, %s : f32
    linalg.yield %t : f32
  }
  kernel.return
}

// A row is in the tasks; within one, threads take every 32nd element.
// CHECK-LABEL: kernel.func @row(
// CHECK: scf.forall
// CHECK: nvvm.read.ptx.sreg.tid.x
// CHECK: scf.for
// CHECK: math.exp
// CHECK: nvvm.barrier0
kernel.func @row(%x: memref<4x64xf32>, %y: memref<4x64xf32>)
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">,
                strategy = #kernel.strategy<"gpu.rows", {threads = 32 : i64}>} {
  scf.forall (%i) in (4) {
    %from = memref.subview %x[%i, 0] [1, 64] [1, 1] : memref<4x64xf32> to memref<64xf32, strided<[1], offset: ?>>
    %to = memref.subview %y[%i, 0] [1, 64] [1, 1] : memref<4x64xf32> to memref<64xf32, strided<[1], offset: ?>>
    linalg.exp ins(%from : memref<64xf32, strided<[1], offset: ?>>) outs(%to : memref<64xf32, strided<[1], offset: ?>>)
  }
  kernel.return
}
