// lib/Conversion/TileToVector/AmxTile.h: register tiles in the processor's matrix
// unit, which no vector op describes.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_LIB_CONVERSION_TILETOVECTOR_AMXTILE_H
#define LATHE_LIB_CONVERSION_TILETOVECTOR_AMXTILE_H

#include "Emitter.h"

#include "lathe/Target/DotUnits.h"

namespace lathe {

/// A block of at most 32 rows and `vectors` times 16 columns, whose sums the
/// matrix unit leaves in `scratch.sums`, a memref of as many rows and columns.
struct AmxTile {
  struct Scratch {
    mlir::Value sums;
    mlir::Value config; ///< The shapes of the registers.
  };

  const DotUnit &unit;
  mlir::Value lhs; ///< [row][term], without a layout.
  mlir::Value rhs; ///< [panel][term / step][columns * step], without a layout.
  int64_t terms;   ///< Of a sum; whole steps.
  int64_t vectors;
  Scratch scratch;

  /// A scratch for `vectors`, on the stack, at the insertion point of `e`.
  static Scratch createScratch(Emitter &e, mlir::Type sum, int64_t vectors);
  /// Ends the use of the matrix unit, whose state costs the system when it changes threads.
  static void release(Emitter &e);

  void emit(Emitter &e, mlir::Value row, int64_t rows, mlir::Value panel) const;
};

/// Rows of one tile register.
inline constexpr int64_t amxRows = 16;

} // namespace lathe

#endif // LATHE_LIB_CONVERSION_TILETOVECTOR_AMXTILE_H
