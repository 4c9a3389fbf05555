// lib/Strategies/PrepareLoops.cpp: fewer linalg ops, each with something to do.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "PrepareLoops.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace lathe {

/// Inlines elementwise producers into the ops that read them.
static LogicalResult fuseElementwise(kernel::FuncOp kernel) {
  RewritePatternSet patterns(kernel.getContext());
  linalg::populateElementwiseOpsFusionPatterns(patterns, [](OpOperand *operand) {
    // A second use would compute the producer twice.
    Operation *producer = operand->get().getDefiningOp();
    return producer && producer->hasOneUse();
  });
  // A value that is used twice becomes fusible by the fusion before it, one an
  // iteration. Each takes an op away, so the end is sure.
  GreedyRewriteConfig config;
  config.setMaxIterations(GreedyRewriteConfig::kNoLimit);
  return applyPatternsGreedily(kernel, std::move(patterns), config);
}

/// Removes ops that have no iteration: their destinations stay as they are. A
/// loop of size 0 cannot be tiled, as a tile of that size means "not at all".
static void removeEmptyLoops(kernel::FuncOp kernel) {
  SmallVector<linalg::LinalgOp> ops;
  kernel.walk([&](linalg::LinalgOp op) {
    if (op.hasPureTensorSemantics() && llvm::is_contained(op.getStaticLoopRanges(), 0))
      ops.push_back(op);
  });
  for (linalg::LinalgOp op : ops) {
    op->replaceAllUsesWith(op.getDpsInits());
    op->erase();
  }
}

LogicalResult prepareLoops(kernel::FuncOp kernel) {
  removeEmptyLoops(kernel);
  return fuseElementwise(kernel);
}

} // namespace lathe
