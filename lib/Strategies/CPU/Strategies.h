// lib/Strategies/CPU/Strategies.h: what the ordered list refers to; each strategy is a file of its own.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_STRATEGIES_CPU_STRATEGIES_H
#define LATHE_STRATEGIES_CPU_STRATEGIES_H

#include "lathe/Strategies/Strategy.h"

namespace lathe {

/// Products with a constant matrix, 1x1 convolutions among them.
extern const Strategy packedGemm;
/// Products of computed matrices, over a batch.
extern const Strategy batchedGemm;
/// Convolutions of one group in NHWC, as products without a gathered operand.
extern const Strategy directConv;
/// Those of 3x3 taps by Winograd's minimal filtering, where that is faster.
extern const Strategy winogradConv;
/// Convolutions with one filter a channel.
extern const Strategy depthwiseConv;
/// Attention, with the scores of a block of queries at a time.
extern const Strategy attention;
/// Zeros around images.
extern const Strategy pad;
/// Permutations that move the innermost dim.
extern const Strategy transpose;

/// Anything, as loops that LLVM vectorizes: fused elementwise chains, rows of
/// reductions, gathers. The fallback.
extern const Strategy loops;

/// What a strategy whose kernels the fallback takes, once something else than
/// the root is in them, accepts.
bool acceptsAnything(const Problem &problem, mlir::Operation *op);

/// Makes loops of tasks of the linalg ops that return what `kernel` computes:
/// of all of them, or of those that a strategy could not take into its own.
llvm::LogicalResult scheduleLoops(kernel::FuncOp kernel, const Target &target);

} // namespace lathe

#endif // LATHE_STRATEGIES_CPU_STRATEGIES_H
