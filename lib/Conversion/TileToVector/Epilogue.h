// lib/Conversion/TileToVector/Epilogue.h: from accumulators in registers to the
// stored output.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_LIB_CONVERSION_TILETOVECTOR_EPILOGUE_H
#define LATHE_LIB_CONVERSION_TILETOVECTOR_EPILOGUE_H

#include "Emitter.h"

#include <functional>

namespace lathe {

/// An operand that the epilogue reads, with the map from output indices to its
/// own.
struct Extra {
  mlir::Value memref;
  mlir::AffineMap map;
  /// All rows are one dim in the map, as in `OutputTile::flat`.
  bool isFlat = false;
};

/// Where a register tile lies in the output.
struct OutputTile {
  tile::EpilogueOpInterface op;
  mlir::Value init;
  llvm::ArrayRef<Extra> extras;
  int64_t rows;
  llvm::SmallVector<int64_t> lanes; ///< Of each vector of a row.
  /// All indices of `init` but the innermost, for row `row` of the tile.
  std::function<llvm::SmallVector<mlir::Value>(mlir::Value row)> leading;
  /// The same as the op's own maps have them, and with all rows as one index.
  std::function<llvm::SmallVector<mlir::Value>(mlir::Value row)> original, flat;
  /// The innermost output index, one for each vector of a row.
  llvm::SmallVector<mlir::Value> columns;
  /// The lanes that exist, one mask for each vector; null if all do.
  llvm::SmallVector<mlir::Value> masks;
};

/// The extras of `op` as they stand.
llvm::SmallVector<Extra> extrasOf(tile::EpilogueOpInterface op);

/// Loads what the tile's output holds, row by row.
llvm::SmallVector<mlir::Value> loadOutput(Emitter &e, const OutputTile &tile);

/// Stores the accumulators as they are.
void storeAccumulators(Emitter &e, const OutputTile &tile, mlir::ValueRange accumulators);

/// Applies the epilogue to the accumulators, row by row, and stores the result.
void storeOutput(Emitter &e, const OutputTile &tile, mlir::ValueRange accumulators);

/// Memory as the integers that it holds, if its elements are booleans, which are
/// bytes there but bits in a vector, or bf16, of which processors can do little
/// and LLVM makes calls of library functions; other memory as it is.
mlir::Value asStored(Emitter &e, mlir::Value memref);

/// `vector.load`, masked unless `mask` is null; masked lanes are zero.
mlir::Value loadVector(Emitter &e, mlir::Value memref, mlir::ValueRange indices, int64_t lanes, mlir::Value mask);

/// The counterpart: stores `vector`, or the lanes of it that `mask` says.
void storeVector(Emitter &e, mlir::Value vector, mlir::Value memref, mlir::ValueRange indices, mlir::Value mask);

/// The vectors of a row of a register tile.
struct Columns {
  llvm::SmallVector<int64_t> lanes;     ///< Of each.
  llvm::SmallVector<mlir::Value> masks; ///< Null where all lanes are columns.

  /// `count` rows of zeros.
  llvm::SmallVector<mlir::Value> zeros(Emitter &e, mlir::Type element, int64_t count) const;
};

/// `vectors` vectors that start at `column`, of `lanes` lanes where there are so
/// many columns before `size`; fewer are as few lanes as a register may have.
Columns chooseColumns(Emitter &e, mlir::Value column, mlir::Value size, int64_t vectors, int64_t lanes);

/// Whether loads and stores of some lanes only are slow: of elements of less than 32 bits, for which few processors
/// have them, and of all on a target whose vector unit has no masks.
bool hasSlowMasks(tile::EpilogueOpInterface op);

/// Whether a masked load or store is a branch for each lane: before AVX, and of elements of less than 32 bits on a
/// target whose vector unit has no masks.
bool branchesForLanes(tile::EpilogueOpInterface op);

/// Calls `body` for each panel in `panels` of `size` columns in all. If masks are
/// slow, the panels of which all columns are there get a loop of their own.
void forPanels(Emitter &e, IndexRange panels, mlir::Value size, int64_t vectors, int64_t lanes, bool masksAreSlow,
               llvm::function_ref<void(mlir::Value panel, const Columns &columns)> body);

} // namespace lathe

#endif // LATHE_LIB_CONVERSION_TILETOVECTOR_EPILOGUE_H
