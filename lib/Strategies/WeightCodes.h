// lib/Strategies/WeightCodes.h: the weights of a product that stay codes of few bits.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_STRATEGIES_WEIGHTCODES_H
#define LATHE_LIB_STRATEGIES_WEIGHTCODES_H

#include "dialects/Graph/Graph.h"

namespace lathe {

/// What `graph-keep-weight-codes` makes of the right operand of a product: codes [n, blocks, block] of bytes without
/// a sign, f32 scales and zeros like the codes [n, blocks, 1].
struct WeightCodes {
  mlir::Value codes, scales, zeros;
  int64_t bits;
  /// The ops that make the operand of them, in block order.
  llvm::SmallVector<mlir::Operation *, 3> ops;

  int64_t codesOfBlock() const { return mlir::cast<mlir::RankedTensorType>(codes.getType()).getDimSize(2); }
};

/// The codes that `product`, a `graph.matmul` or something else, multiplies.
std::optional<WeightCodes> findWeightCodes(mlir::Operation *product);

} // namespace lathe

#endif // LATHE_LIB_STRATEGIES_WEIGHTCODES_H
