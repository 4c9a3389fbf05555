// A square is read row by row and written row by row, with a barrier in between; what is outside is left out.
// RUN: lathe-opt %s --pass-pipeline='builtin.module(kernel.func(convert-tile-to-threads))' | FileCheck %s

// CHECK-LABEL: kernel.func @halves(
// CHECK-SAME: %[[X:[^:]*]]: memref<100x200xf16>, %[[Y:[^:]*]]: memref<200x100xf16>)
// CHECK: scf.forall (%[[M:.*]], %[[N:.*]]) in (4, 2) {
// A column is in 33 banks of halves.
// CHECK: %[[SQUARE:.*]] = kernel.block_memory : memref<64x66xf16>
// CHECK: scf.for
// CHECK: scf.if
// CHECK: memref.load %[[X]]
// CHECK: memref.store %{{.*}}, %[[SQUARE]]
// CHECK: nvvm.barrier0
// CHECK: scf.for
// CHECK: memref.load %[[SQUARE]]
// CHECK: arith.negf
// CHECK: memref.store %{{.*}}, %[[Y]]
// CHECK: nvvm.barrier0
kernel.func @halves(%x: memref<100x200xf16>, %y: memref<200x100xf16>)
    attributes {sizes = 0 : i64, target = #kernel.target<"cuda:sm_80">,
                strategy = #kernel.strategy<"gpu.transpose", {threads = 256 : i64}>} {
  tile.transpose ins(%x : memref<100x200xf16>) outs(%y : memref<200x100xf16>) permutation [1, 0]
      tiling(<rows = 1, vectors = 1, lanes = 64>) maps [] {
  ^bb0(%a: f16):
    %b = arith.negf %a : f16
    tile.yield %b : f16
  }
  kernel.return
}
