// lib/Conversion/TileToThreads/TensorCore.h: what the lanes of a warp multiply together.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_CONVERSION_TILETOTHREADS_TENSORCORE_H
#define LATHE_LIB_CONVERSION_TILETOTHREADS_TENSORCORE_H

#include "../TileToVector/Emitter.h"
#include "lathe/Target/DotUnits.h"

namespace lathe {

/// `mma.sync` of 16 rows, 8 columns and 32 bytes of terms. Lane `4 g + m` has of the left factor what rows g and
/// g + 8 have as words m and m + 4 of the terms, of the right one the same words of column g, and of the sums those of
/// rows g and g + 8 in columns 2 m and 2 m + 1.
class TensorCore {
public:
  static constexpr int64_t rows = 16, columns = 8, termBytes = 32;

  /// `element` is what the factors are in memory.
  TensorCore(const DotUnit &unit, mlir::Type element) : unit(unit), element(element) {}

  /// Of four squares of 8 rows of 16 bytes, lane l says as `address` where row l modulo 8 of square l / 8 is, and has
  /// word l modulo 4 of row l / 4 of each; of 16-bit numbers also with rows and columns exchanged.
  llvm::SmallVector<mlir::Value> load(Emitter &e, mlir::Value address, bool isTransposed) const;

  /// `c` with the product of `a`, four registers, and `b`, two.
  llvm::SmallVector<mlir::Value> multiplyAdd(Emitter &e, mlir::ValueRange a, mlir::ValueRange b,
                                             mlir::ValueRange c) const;

  /// The bits of the nearest number that tensor cores take for `value`, an f32 or its bits: they cut others off.
  static mlir::Value round(Emitter &e, mlir::Value value);

  /// Two neighbouring terms of f32 as a register of factors of half precision.
  mlir::Value narrow(Emitter &e, mlir::Value first, mlir::Value second) const;

private:
  const DotUnit &unit;
  mlir::Type element;
};

} // namespace lathe

#endif // LATHE_LIB_CONVERSION_TILETOTHREADS_TENSORCORE_H
