// lib/Conversion/TileToThreads/Elements.h: what threads do element by element.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_CONVERSION_TILETOTHREADS_ELEMENTS_H
#define LATHE_LIB_CONVERSION_TILETOTHREADS_ELEMENTS_H

#include "../TileToVector/Emitter.h"
#include "dialects/Tile/Tile.h"

namespace lathe {

/// Whether `count` neighbours in a row of a memref of `type` lie at a multiple of their bytes, at most 16, where the
/// first is at a multiple of `count` columns.
bool areTogether(mlir::Type type, int64_t count);

/// How many neighbours of a row of the output of `op`, at most `most`, a power of two, can be stored at once wherever
/// the first is at a multiple of as many columns: 16 bytes at most.
int64_t storedTogether(tile::EpilogueOpInterface op, int64_t most);

/// What the epilogue of `op` makes of `values`, neighbours in a row of its output from `indices` on.
llvm::SmallVector<mlir::Value> finishElements(Emitter &e, tile::EpilogueOpInterface op, mlir::ValueRange values,
                                              mlir::ValueRange indices);

/// Stores what the epilogue of `op` makes of `values`, neighbours in a row of its output from `indices` on: one, or
/// what is `storedTogether`.
void storeElements(Emitter &e, tile::EpilogueOpInterface op, mlir::ValueRange values, mlir::ValueRange indices);

/// Emits a transpose: blocks of `threads` threads pass squares through their memory.
void emitTranspose(Emitter &e, tile::TransposeOp op, int64_t threads);

} // namespace lathe

#endif // LATHE_LIB_CONVERSION_TILETOTHREADS_ELEMENTS_H
