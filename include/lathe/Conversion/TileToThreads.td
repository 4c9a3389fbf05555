// include/lathe/Conversion/TileToThreads.td: splits sums, and ends the tile level on GPUs.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_TILETOTHREADS
#define LATHE_CONVERSION_TILETOTHREADS

include "mlir/Pass/PassBase.td"

def SplitSumsPass : Pass<"split-sums", "::lathe::kernel::FuncOp"> {
  let summary = "compute few and long sums of a product in parts";
  let description = [{
    Where the strategy of a kernel has `parts`, its products of two matrices become a
    batch of so many products, of as many terms each, whose sums go to a temporary;
    and the parts of each sum are added in their order, with the epilogue behind. So
    blocks of threads share sums that are too few to keep a GPU busy, and results do
    not depend on which block is done first.

    Needs: tile ops on memrefs. Keeps: what is packed, has a batch or open sizes.

    ```mlir
    tile.contract ins(%a, %b : memref<16x4096xf16>, memref<4096x64xf16>) outs(%c : memref<16x64xf32>) ...
    // becomes
    %sums = memref.alloc() : memref<8x16x64xf32>
    tile.contract ins(%a2, %b2 : memref<8x16x512xf16, strided<[512, 4096, 1]>>, memref<8x512x64xf16>)
        outs(%sums : memref<8x16x64xf32>) ...
    linalg.generic ins(%part0, ..., %part7 : ...) outs(%c : memref<16x64xf32>) ...
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::memref::MemRefDialect"];
}

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
    output is not stored. Neighbouring sums of a thread are stored at once where rows of
    the output begin at multiples of their bytes.

    A `tile.transpose` passes squares of `lanes` by `lanes` elements through the memory of
    the block, so that neighbouring threads read and write neighbouring elements.

    Slots have the order in which lanes of a warp read from different banks. Where the
    tiling's unit is one of tensor cores, warps multiply, or four warps together, which
    leave the factors in the slots and copy later ones meanwhile; else each thread has a
    square of sums of its own.

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
                           "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
  let statistics = [Statistic<"numOps", "tile-ops", "Tile ops written out.">];
}

#endif // LATHE_CONVERSION_TILETOTHREADS
