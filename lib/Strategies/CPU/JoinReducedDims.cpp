// lib/Strategies/CPU/JoinReducedDims.cpp: upstream's collapsing of loops, where it parts no op from what it fuses with.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "JoinReducedDims.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace lathe {

/// The ops with the most loops, if all have the same ones and no index of them; else none.
static SmallVector<linalg::GenericOp> findOpsOfElements(kernel::FuncOp kernel) {
  unsigned most = 0;
  kernel.walk([&](linalg::LinalgOp op) { most = std::max(most, op.getNumLoops()); });
  SmallVector<linalg::GenericOp> found;
  bool isKnown = true;
  kernel.walk([&](linalg::LinalgOp op) {
    if (op.getNumLoops() < most)
      return;
    auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
    isKnown = isKnown && generic && generic.hasPureTensorSemantics() && !generic.hasIndexSemantics() &&
              llvm::none_of(op.getStaticLoopRanges(), ShapedType::isDynamic) &&
              (found.empty() || op.getStaticLoopRanges() == found.front().getStaticLoopRanges());
    if (isKnown)
      found.push_back(generic);
  });
  return isKnown ? found : SmallVector<linalg::GenericOp>();
}

/// Whether `value` is an argument whose elements lie side by side.
static bool isDenseArgument(kernel::FuncOp kernel, Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  return argument && argument.getOwner() == &kernel.getBody().front() &&
         cast<RankedTensorType>(value.getType()).hasStaticShape() &&
         !kernel.getArgAttr(argument.getArgNumber(), kernel::FuncOp::stridesAttrName);
}

/// Loops over neighbouring dims that an op reduces, and of which no op reduces one alone, and each other loop alone;
/// empty if no two are joined.
static SmallVector<ReassociationIndices> findJoined(ArrayRef<linalg::GenericOp> ops) {
  SmallVector<ReassociationIndices> groups;
  linalg::GenericOp first = ops.front();
  unsigned loops = first.getNumLoops();
  auto reduces = [](linalg::GenericOp op, unsigned loop) {
    return op.getIteratorTypesArray()[loop] == utils::IteratorType::reduction;
  };
  for (unsigned loop = 0; loop < loops; ++loop) {
    auto together = [&](linalg::GenericOp op) { return reduces(op, loop) == reduces(op, loop - 1); };
    bool joins = loop > 0 && llvm::all_of(ops, together) &&
                 llvm::any_of(ops, [&](linalg::GenericOp op) { return reduces(op, loop); });
    if (joins)
      groups.back().push_back(loop);
    else
      groups.push_back({static_cast<int64_t>(loop)});
  }
  return groups.size() < loops ? groups : SmallVector<ReassociationIndices>();
}

/// Whether all that `op` reads and writes along joined loops can be seen with fewer dims.
static bool canJoin(kernel::FuncOp kernel, linalg::GenericOp op, ArrayRef<linalg::GenericOp> ops,
                    ArrayRef<ReassociationIndices> groups) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  if (!llvm::all_of(maps, [](AffineMap map) { return map.isProjectedPermutation(); }) ||
      !linalg::areDimSequencesPreserved(maps, groups))
    return false;
  return llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    bool isJoined = llvm::any_of(groups, [&](const ReassociationIndices &group) {
      return group.size() > 1 && map.isFunctionOfDim(group.front());
    });
    Operation *source = operand.get().getDefiningOp();
    return !isJoined || isDenseArgument(kernel, operand.get()) || isa_and_nonnull<tensor::EmptyOp>(source) ||
           (isa_and_nonnull<linalg::GenericOp>(source) && llvm::is_contained(ops, cast<linalg::GenericOp>(source)));
  });
}

/// Takes dims of size 1, at which maps say 0, off what `op` reads: a scale of [256, 1, 1] for each channel is one of
/// [256].
static void dropUnitDims(linalg::GenericOp op) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  bool isChanged = false;
  for (auto [i, operand] : llvm::enumerate(op.getInputsMutable())) {
    auto type = cast<RankedTensorType>(operand.get().getType());
    SmallVector<AffineExpr> kept;
    SmallVector<ReassociationIndices> groups;
    ReassociationIndices leading;
    for (auto [dim, expr] : llvm::enumerate(maps[i].getResults())) {
      bool isUnit = isa<AffineConstantExpr>(expr) && type.getDimSize(dim) == 1;
      if (!isUnit) {
        kept.push_back(expr);
        groups.push_back(std::exchange(leading, {}));
      }
      (groups.empty() ? leading : groups.back()).push_back(dim);
    }
    if (kept.empty() || kept.size() == maps[i].getNumResults())
      continue;
    OpBuilder builder(op);
    operand.set(tensor::CollapseShapeOp::create(builder, op.getLoc(), operand.get(), groups));
    maps[i] = AffineMap::get(maps[i].getNumDims(), maps[i].getNumSymbols(), kept, op.getContext());
    isChanged = true;
  }
  if (isChanged)
    op.setIndexingMapsAttr(Builder(op.getContext()).getAffineMapArrayAttr(maps));
}

void joinReducedDims(kernel::FuncOp kernel) {
  SmallVector<linalg::GenericOp> ops = findOpsOfElements(kernel);
  SmallVector<ReassociationIndices> groups = ops.empty() ? SmallVector<ReassociationIndices>() : findJoined(ops);
  if (groups.empty())
    return;
  llvm::for_each(ops, dropUnitDims);
  if (!llvm::all_of(ops, [&](linalg::GenericOp op) { return canJoin(kernel, op, ops, groups); }))
    return;
  IRRewriter rewriter(kernel);
  for (linalg::GenericOp op : ops) {
    rewriter.setInsertionPoint(op);
    FailureOr<linalg::CollapseResult> joined = linalg::collapseOpIterationDims(op, groups, rewriter);
    if (succeeded(joined))
      rewriter.replaceOp(op, joined->results);
  }
  // What one op splits again the next one joins.
  RewritePatternSet patterns(kernel.getContext());
  tensor::CollapseShapeOp::getCanonicalizationPatterns(patterns, kernel.getContext());
  tensor::populateFoldTensorEmptyPatterns(patterns);
  (void)applyPatternsGreedily(kernel, std::move(patterns));
}

} // namespace lathe
