// include/lathe/Conversion/TileToThreads.td: the pass that ends the tile level on GPUs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_TILETOTHREADS
#define LATHE_CONVERSION_TILETOTHREADS

include "mlir/Pass/PassBase.td"

def ConvertTileToThreadsPass : Pass<"convert-tile-to-threads", "::lathe::kernel::FuncOp"> {
  let summary = "write out tile ops as tasks for blocks of threads";
  let description = [{
    In a kernel whose tasks are for blocks of threads, each `tile.contract` and
    `tile.conv` becomes a `scf.forall` over tiles of `rows` by `vectors * lanes` of the
    output. A block computes its tile with sums in registers, `unroll` terms at a time:
    those of both factors pass through a ring of `prefetch` slots in the memory of the
    block, to which the hardware copies them while the slots before are multiplied. A
    convolution is the product of its windows, which are gathered by these copies. What
    is beyond the ends of a factor is 0 in a slot, and what is beyond those of the
    output is not stored.

    Slots have the order in which lanes of a warp read from different banks. Where the
    tiling's unit is one of tensor cores, warps multiply; else each thread has a square
    of sums of its own.

    Needs: tile ops on memrefs. Keeps: all other ops; a sum is of all terms in their
    order, so results do not depend on the number of blocks.

    ```mlir
    tile.contract ins(%a, %b : memref<256x64xf16>, memref<64x256xf16>) outs(%c : memref<256x256xf32>)
        tiling(<rows = 128, vectors = 1, lanes = 128, unroll = 32, prefetch = 3, unit = "mma.f16">) maps []
    // becomes
    scf.forall (%m, %n) in (2, 2) {
      %ring = kernel.block_memory : memref<49152xi8>
      // nvvm.cp.async.shared.global, nvvm.ldmatrix, nvvm.mma.sync, memref.store
    }
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
  let statistics = [Statistic<"numOps", "tile-ops", "Tile ops written out.">];
}

#endif // LATHE_CONVERSION_TILETOTHREADS
