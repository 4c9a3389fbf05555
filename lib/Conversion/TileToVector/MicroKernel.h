// lib/Conversion/TileToVector/MicroKernel.h: the one register-tiled inner loop
// from which contractions and convolutions are made.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_LIB_CONVERSION_TILETOVECTOR_MICROKERNEL_H
#define LATHE_LIB_CONVERSION_TILETOVECTOR_MICROKERNEL_H

#include "Emitter.h"

#include <functional>

namespace lathe {

/// `acc[row][vector] += lhs(row) * rhs(vector)`, summed over nested loops in
/// ascending order. `lhs` and `rhs` get the indices of the outer loops and that
/// of the innermost.
struct MicroKernel {
  int64_t rows;
  int64_t vectors;
  int64_t unroll;
  llvm::SmallVector<mlir::Value> outer; ///< Trip counts, outermost first.
  IndexRange inner;
  /// One scalar.
  std::function<mlir::Value(mlir::ValueRange outer, mlir::Value k, int64_t row)> lhs;
  /// One vector.
  std::function<mlir::Value(mlir::ValueRange outer, mlir::Value k, int64_t vector)> rhs;
  /// Called once in each round of `unroll` steps; may be null.
  std::function<void(mlir::ValueRange outer, mlir::Value k)> prefetch;

  /// Emits the loops and returns the accumulators, row by row, as `inits` are.
  llvm::SmallVector<mlir::Value> emit(Emitter &e, mlir::ValueRange inits) const;

private:
  llvm::SmallVector<mlir::Value> emitOuter(Emitter &e, mlir::ValueRange outerIvs, mlir::ValueRange inits) const;
  llvm::SmallVector<mlir::Value> emitInner(Emitter &e, mlir::ValueRange outerIvs, mlir::ValueRange inits) const;
  llvm::SmallVector<mlir::Value> emitStep(Emitter &e, mlir::ValueRange outerIvs, mlir::Value k,
                                          mlir::ValueRange sums) const;
};

} // namespace lathe

#endif // LATHE_LIB_CONVERSION_TILETOVECTOR_MICROKERNEL_H
