// lib/Strategies/CPU/JoinReducedDims.cpp: upstream's collapsing of loops, where it parts no op from what it fuses with.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "JoinReducedDims.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"

using namespace mlir;

namespace lathe {

/// The only op of the kernel that reduces, if no other one has as many loops.
static linalg::GenericOp findOnlyReduction(kernel::FuncOp kernel) {
  linalg::GenericOp found;
  bool isOnly = true;
  kernel.walk([&](linalg::LinalgOp op) {
    if (op.getNumReductionLoops() == 0)
      return;
    isOnly = isOnly && !found && isa<linalg::GenericOp>(op);
    found = dyn_cast<linalg::GenericOp>(op.getOperation());
  });
  kernel.walk([&](linalg::LinalgOp op) {
    isOnly = isOnly && (op == found || (found && op.getNumLoops() < found.getNumLoops()));
  });
  return isOnly ? found : linalg::GenericOp();
}

/// Whether `value` is an argument whose elements lie side by side.
static bool isDenseArgument(kernel::FuncOp kernel, Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  return argument && argument.getOwner() == &kernel.getBody().front() &&
         cast<RankedTensorType>(value.getType()).hasStaticShape() &&
         !kernel.getArgAttr(argument.getArgNumber(), kernel::FuncOp::stridesAttrName);
}

/// Loops over neighbouring dims that are all reduced, and each other loop alone; empty if no two are joined.
static SmallVector<ReassociationIndices> findJoined(linalg::GenericOp op) {
  SmallVector<ReassociationIndices> groups;
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  for (auto [loop, iterator] : llvm::enumerate(iterators)) {
    bool joins = loop > 0 && iterator == utils::IteratorType::reduction && iterators[loop - 1] == iterator;
    if (joins)
      groups.back().push_back(loop);
    else
      groups.push_back({static_cast<int64_t>(loop)});
  }
  return groups.size() < iterators.size() ? groups : SmallVector<ReassociationIndices>();
}

void joinReducedDims(kernel::FuncOp kernel) {
  linalg::GenericOp op = findOnlyReduction(kernel);
  if (!op || !op.hasPureTensorSemantics() || op.getNumDpsInputs() != 1 || op.hasIndexSemantics() ||
      !isDenseArgument(kernel, op.getDpsInputOperand(0)->get()) ||
      !op.getMatchingIndexingMap(op.getDpsInputOperand(0)).isIdentity())
    return;
  SmallVector<ReassociationIndices> groups = findJoined(op);
  if (groups.empty() || !linalg::areDimSequencesPreserved(op.getIndexingMapsArray(), groups))
    return;
  IRRewriter rewriter(op);
  FailureOr<linalg::CollapseResult> joined = linalg::collapseOpIterationDims(op, groups, rewriter);
  if (succeeded(joined))
    rewriter.replaceOp(op, joined->results);
}

} // namespace lathe
