// lib/Strategies/TileTasks.cpp: what computes a result, tile by tile, with all that it reads.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "TileTasks.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "mlir/Transforms/CSE.h"

using namespace mlir;

namespace lathe {

SmallVector<bool> findReduced(kernel::FuncOp kernel, linalg::LinalgOp op) {
  SmallVector<bool> isReduced(op.getNumLoops(), false);
  kernel.walk([&](linalg::LinalgOp other) {
    if (other.getNumLoops() != op.getNumLoops())
      return;
    for (auto [i, iterator] : llvm::enumerate(other.getIteratorTypesArray()))
      isReduced[i] = isReduced[i] || iterator == utils::IteratorType::reduction;
  });
  return isReduced;
}

SmallVector<OpFoldResult> rowTiles(kernel::FuncOp kernel, linalg::LinalgOp op, OpBuilder &builder) {
  SmallVector<OpFoldResult> tiles(op.getNumLoops(), builder.getIndexAttr(0));
  SmallVector<bool> isReduced = findReduced(kernel, op);
  if (!llvm::is_contained(isReduced, true) || op.getNumParallelLoops() != op.getNumLoops())
    return tiles;
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  for (unsigned i = 0; i + 1 < op.getNumLoops(); ++i)
    if (!isReduced[i] && sizes[i] != 1)
      tiles[i] = builder.getIndexAttr(1);
  return tiles;
}

linalg::LinalgOp tileAndFuse(kernel::FuncOp kernel, linalg::LinalgOp op, ArrayRef<OpFoldResult> tiles,
                             scf::SCFTilingOptions::LoopType loops) {
  if (llvm::all_of(tiles, isZeroInteger))
    return op;
  IRRewriter rewriter(op);
  scf::SCFTileAndFuseOptions options;
  options.tilingOptions.setTileSizes(tiles).setLoopType(loops);
  FailureOr<scf::SCFTileAndFuseResult> result =
      scf::tileConsumerAndFuseProducersUsingSCF(rewriter, cast<TilingInterface>(op.getOperation()), options);
  if (failed(result))
    return {};
  SmallVector<Value> replacements;
  for (OpResult old : op->getResults())
    replacements.push_back(result->replacements.lookup(old));
  auto inner = cast<linalg::LinalgOp>(result->tiledAndFusedOps.front());
  rewriter.replaceOp(op, replacements);
  // What two ops read has been fused once for each of them.
  DominanceInfo dominance(kernel);
  eliminateCommonSubExpressions(rewriter, dominance, kernel);
  return inner;
}

linalg::LinalgOp findLast(Value result) {
  for (;;) {
    Operation *op = result.getDefiningOp();
    if (!op || !op->hasOneUse() || !isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::CastOp>(op))
      return dyn_cast_or_null<linalg::LinalgOp>(op);
    result = op->getOperand(0);
  }
}

} // namespace lathe
