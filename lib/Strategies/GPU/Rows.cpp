// lib/Strategies/GPU/Rows.cpp: rows that are summed up: a block of threads computes a row, which it reads once.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../PrepareLoops.h"
#include "../TileTasks.h"
#include "Strategies.h"
#include "dialects/Graph/Graph.h"

using namespace mlir;
using lathe::graph::LayerNormOp;
using lathe::graph::ReduceOp;
using lathe::graph::SoftmaxOp;

namespace lathe {

/// Threads of a block: enough to read a row of middling length at once, few enough
/// that several blocks are on a processor.
static constexpr int64_t mostThreads = 256;

/// Results that are so few that threads with one each would leave the GPU idle.
static constexpr int64_t fewResults = 4096;

/// Whether the dims of `type` behind `axis` are 1, so that it is contiguous.
static bool isInnermost(RankedTensorType type, int64_t axis) {
  return llvm::all_of(type.getShape().drop_front(axis + 1), [](int64_t size) { return size == 1; });
}

/// The product of sizes, of which an open one is `otherwise`.
static int64_t countOf(ArrayRef<int64_t> sizes, int64_t otherwise) {
  int64_t count = 1;
  for (int64_t size : sizes)
    count = std::min<int64_t>(count * (ShapedType::isDynamic(size) ? otherwise : std::max<int64_t>(size, 1)), 1 << 30);
  return count;
}

/// The elements of a row that the root sums up, or 0 where rows are not what it is
/// about: what is summed up lies apart, and there are many such sums.
static int64_t rowLength(Operation *root) {
  if (auto softmax = dyn_cast<SoftmaxOp>(root)) {
    auto type = cast<RankedTensorType>(softmax.getType());
    auto axis = static_cast<int64_t>(softmax.getAxis());
    return isInnermost(type, axis) ? countOf(type.getShape()[axis], mostThreads) : 0;
  }
  if (auto norm = dyn_cast<LayerNormOp>(root)) {
    auto type = cast<RankedTensorType>(norm.getType());
    return countOf(type.getShape().drop_front(norm.getAxis()), mostThreads);
  }
  auto reduce = dyn_cast<ReduceOp>(root);
  if (!reduce || reduce.getAxes().empty())
    return 0;
  auto type = cast<RankedTensorType>(reduce.getX().getType());
  SmallVector<int64_t> reduced, kept;
  int64_t last = 0;
  for (auto [i, size] : llvm::enumerate(type.getShape())) {
    bool isReduced = llvm::is_contained(reduce.getAxes(), static_cast<int64_t>(i));
    (isReduced ? reduced : kept).push_back(size);
    last = isReduced ? i : last;
  }
  bool isRow = isInnermost(type, last) || countOf(kept, fewResults) < fewResults;
  return isRow ? countOf(reduced, mostThreads) : 0;
}

static std::optional<Config> match(const Problem &problem, const Target &) {
  int64_t length = rowLength(problem.root);
  if (length < warpLanes) // A thread sums up so few by itself.
    return std::nullopt;
  Builder builder(problem.root->getContext());
  int64_t threads = std::clamp<int64_t>(llvm::PowerOf2Ceil(length / 4), warpLanes, mostThreads);
  return builder.getDictionaryAttr(
      builder.getNamedAttr(kernel::FuncOp::threadsName, builder.getI64IntegerAttr(threads)));
}

static bool accepts(const Problem &, Operation *) { return true; }

/// Sums that are so few and long that blocks share each of them (`assign-elements`).
static bool sharesSums(linalg::LinalgOp last) {
  constexpr int64_t fewSums = 64, longSum = 1 << 15;
  SmallVector<int64_t> kept, reduced;
  for (auto [size, iterator] : llvm::zip_equal(last.getStaticLoopRanges(), last.getIteratorTypesArray()))
    (iterator == utils::IteratorType::parallel ? kept : reduced).push_back(size);
  return !reduced.empty() && countOf(kept, fewSums) < fewSums && countOf(reduced, 1) >= longSum;
}

/// A task for each row of what computes a result, with what that needs of it.
static void makeTasks(kernel::FuncOp kernel, linalg::LinalgOp last) {
  IRRewriter rewriter(last);
  SmallVector<OpFoldResult> tiles = rowTiles(kernel, last, rewriter);
  // A result that is itself summed up, or computed of sums alone, has a task each.
  if (llvm::all_of(tiles, isZeroInteger)) {
    bool hasRows = false;
    kernel.walk([&](linalg::LinalgOp op) {
      hasRows |= op != last && op.getNumLoops() == last.getNumLoops() && op.getNumReductionLoops() > 0;
    });
    for (auto [tile, iterator] : llvm::zip_equal(tiles, last.getIteratorTypesArray()))
      if (!hasRows && iterator == utils::IteratorType::parallel)
        tile = rewriter.getIndexAttr(1);
  }
  if (!sharesSums(last))
    tileAndFuse(kernel, last, tiles, scf::SCFTilingOptions::LoopType::ForallOp);
}

static LogicalResult apply(kernel::FuncOp kernel, Config, const Target &) {
  if (failed(prepareLoops(kernel)))
    return failure();
  for (unsigned i = 0, e = kernel.getResultTypes().size(); i < e; ++i) {
    linalg::LinalgOp last = findLast(kernel.getBody().front().getTerminator()->getOperand(i));
    if (last && last.hasPureTensorSemantics() && !last->getParentOfType<scf::ForallOp>())
      makeTasks(kernel, last);
  }
  return success();
}

const Strategy gpuRows = {"gpu.rows", /*keepsRoot=*/false, match, accepts, apply};

} // namespace lathe
