// include/lathe/Conversion/TileToVector.td: the pass that ends the tile level.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_CONVERSION_TILETOVECTOR
#define LATHE_CONVERSION_TILETOVECTOR

include "mlir/Pass/PassBase.td"

def ConvertTileToVectorPass : Pass<"convert-tile-to-vector"> {
  let summary = "write out tile ops as loops over vectors";
  let description = [{
    Each tile op becomes one `scf.forall` over independent tasks; inside of it
    are loops over panels and rows, and in their core a register tile of
    `vector.fma`, or of what the tiling's dot unit says, with the epilogue applied
    to the accumulators. Nothing is decided here: every parameter comes from the
    op's tiling.

    Needs: tile ops on memrefs whose innermost stride is 1. Keeps: all other
    ops. The result does not depend on the order in which tasks run, nor on how
    many: a sum is never split between tasks.

    ```mlir
    tile.contract ins(%a, %b : memref<12x64xf32>, memref<1x64x16xf32>)
        outs(%c : memref<12x16xf32>) packed
        tiling(<rows = 6, vectors = 1, lanes = 16, task_rows = 6>) maps []
    // becomes
    scf.forall (%t) in (2) {
      %row = arith.muli %t, %c6 : index
      %acc:6 = scf.for %k = %c0 to %c64 step %c1 iter_args(...) {
        %b0 = vector.load %b[%c0, %k, %c0] : memref<1x64x16xf32>, vector<16xf32>
        // Six times: load an element of %a, broadcast it, vector.fma.
      }
      // Six times: vector.store to %c.
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
  let statistics = [Statistic<"numOps", "tile-ops", "Tile ops written out.">];
}

#endif // LATHE_CONVERSION_TILETOVECTOR
