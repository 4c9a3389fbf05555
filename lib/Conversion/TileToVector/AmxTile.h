// lib/Conversion/TileToVector/AmxTile.h: register tiles in the processor's matrix
// unit, which no vector op describes.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_LIB_CONVERSION_TILETOVECTOR_AMXTILE_H
#define LATHE_LIB_CONVERSION_TILETOVECTOR_AMXTILE_H

#include "Emitter.h"

#include "lathe/Target/DotUnits.h"

#include <functional>

namespace lathe {

/// Blocks of rows that share columns: `amxUnit.vectors` vectors of them. Their sums are left in `scratch.sums`, those
/// of block i in the rows from `i * amxUnit.rows` on.
///
/// A sum has runs of `terms`, one for each iteration of the loops around them, `taps`.
struct AmxTile {
  /// Memory of a task's own.
  struct Scratch {
    mlir::Value sums;
    mlir::Value config; ///< The shapes of the registers.
  };

  const DotUnit &unit;
  llvm::SmallVector<int64_t> taps; ///< Trip counts, outermost first.
  int64_t terms;                   ///< Of a run; whole steps.
  mlir::Value pitch;               ///< Bytes from one row of the left operand to the next.
  Scratch scratch;
  /// The address of the first term of a run, in bytes: for the first row of block `block`, and of the columns,
  /// whose steps follow each other.
  std::function<mlir::Value(mlir::ValueRange taps, int64_t block)> rows;
  std::function<mlir::Value(mlir::ValueRange taps)> columns;

  /// A scratch for the largest tile, on the stack, at the insertion point of `e`.
  static Scratch createScratch(Emitter &e, mlir::Type sum, const MatrixUnit &unit);
  /// Ends the use of the matrix unit, whose state costs the system when it changes threads.
  static void release(Emitter &e);
  /// The address of an element of a memref.
  static mlir::Value addressOf(Emitter &e, mlir::Value memref, mlir::ValueRange indices);
  /// The bytes from one row of a matrix with a static number of columns to the next.
  static mlir::Value pitchOfRows(Emitter &e, mlir::Value matrix);

  /// `heights` has the rows of each block, at most as many as a register has; there are `amxUnit.blocks` at most.
  void emit(Emitter &e, llvm::ArrayRef<int64_t> heights) const;
  /// A loop over `height` rows from the first of block `block` on, for whose sums, in vectors of `lanes`, it calls
  /// `body`.
  void forRows(Emitter &e, int64_t block, int64_t height, llvm::ArrayRef<int64_t> lanes,
               llvm::function_ref<void(mlir::Value row, mlir::ValueRange sums)> body) const;
};

/// The heights of the blocks that the rows of a tile are computed in.
llvm::SmallVector<int64_t> heightsOfBlocks(const MatrixUnit &unit, int64_t rows);

} // namespace lathe

#endif // LATHE_LIB_CONVERSION_TILETOVECTOR_AMXTILE_H
