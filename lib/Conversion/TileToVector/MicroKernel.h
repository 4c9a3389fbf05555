// lib/Conversion/TileToVector/MicroKernel.h: the one register-tiled inner loop
// from which contractions and convolutions are made.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_LIB_CONVERSION_TILETOVECTOR_MICROKERNEL_H
#define LATHE_LIB_CONVERSION_TILETOVECTOR_MICROKERNEL_H

#include "DotEmitter.h"

#include <functional>

namespace lathe {

/// `acc[row][vector] += lhs(row) * rhs(vector)`, summed over nested loops in
/// ascending order, `dot->step()` terms at a time. `lhs` and `rhs` get the
/// indices of the outer loops and that of a term in the innermost.
struct MicroKernel {
  const DotEmitter *dot;
  int64_t rows;
  int64_t vectors;
  int64_t unroll;                       ///< Steps in a round.
  llvm::SmallVector<mlir::Value> outer; ///< Trip counts, outermost first.
  IndexRange inner;                     ///< Begins at a multiple of the step.
  /// Where a row's term `k` is. Those that follow lie behind it.
  std::function<ElementPlace(mlir::ValueRange outer, mlir::Value k, int64_t row)> lhs;
  /// The factors of `count` terms from `k` on, which is `step` times `group`,
  /// for the columns of one vector, as `DotEmitter::loadB` gives them.
  std::function<mlir::Value(mlir::ValueRange outer, mlir::Value group, mlir::Value k, int64_t count, int64_t vector)>
      rhs;
  /// If not null, gives one scalar for `count` terms that do not lie side by
  /// side, in place of `DotEmitter::loadA`.
  std::function<mlir::Value(mlir::ValueRange outer, mlir::Value k, int64_t count, int64_t row)> gather;
  /// Called before the innermost loop; may be null.
  std::function<void(mlir::ValueRange outer)> enter;
  /// If not null, makes what multiplies of the factors of a vector of columns.
  std::function<llvm::SmallVector<mlir::Value>(mlir::ArrayRef<mlir::Value> factors, int64_t vector)> decode;
  /// Called once in each round of `unroll` steps; may be null.
  std::function<void(mlir::ValueRange outer, mlir::Value k)> prefetch;

  /// Emits the loops and returns the accumulators, row by row, as `inits` are.
  llvm::SmallVector<mlir::Value> emit(Emitter &e, mlir::ValueRange inits) const;

private:
  /// The indices of one step: of its terms, `count` are there.
  struct Step {
    mlir::Value group, k;
    int64_t count;
    mlir::ArrayRef<mlir::Value> factors; ///< One a row, if loaded before.
  };
  llvm::SmallVector<mlir::Value> emitOuter(Emitter &e, mlir::ValueRange outerIvs, mlir::ValueRange inits) const;
  llvm::SmallVector<mlir::Value> emitInner(Emitter &e, mlir::ValueRange outerIvs, mlir::ValueRange inits) const;
  llvm::SmallVector<mlir::Value> emitRest(Emitter &e, mlir::ValueRange outerIvs, mlir::Value group,
                                          mlir::ValueRange inits) const;
  llvm::SmallVector<mlir::Value> emitStep(Emitter &e, mlir::ValueRange outerIvs, const Step &step,
                                          mlir::ValueRange sums) const;
};

} // namespace lathe

#endif // LATHE_LIB_CONVERSION_TILETOVECTOR_MICROKERNEL_H
