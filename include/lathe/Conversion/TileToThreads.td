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

    Where the strategy has `copiers`, so many threads more ask the hardware for boxes of both factors
    (`device.roles`, `device.tensor_map`), and the others multiply what is there.

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
                           "::mlir::vector::VectorDialect", "::lathe::device::DeviceDialect"];
  let statistics = [Statistic<"numOps", "tile-ops", "Tile ops written out.">];
}

def CheckRingsPass : Pass<"check-rings", "::lathe::kernel::FuncOp"> {
  let summary = "check that threads of different roles hand slots to each other";
  let description = [{
    Runs the roles of each `device.roles` on numbers, for 0, 1 and 2 steps and for one less than slots, as many and one
    more, in three tiles one behind the other, and plays what the warps do against each other. It is an error where a
    slot is filled before all have read what was there, is read before it is there or without the wait for it, is
    released before the wait for what reads it, where bytes or arrivals do not add up, and where somebody waits for ever.

    Needs: what `convert-tile-to-threads` leaves, with a barrier for full and one for empty of each slot, and the
    steps of a tile as the bound of the loop that copies. Keeps: everything.

    ```mlir
    device.roles copiers = 128 registers = 40, 232 setup { ... } copy { ... } compute { ... }
    // becomes the same, or without the wait in `compute`
    // error: internal: of 1 steps, reads a slot without the wait for what is copied there [ring-protocol]
    ```
  }];
  let statistics = [Statistic<"numRings", "rings", "Rings that were checked.">];
}

#endif // LATHE_CONVERSION_TILETOTHREADS
