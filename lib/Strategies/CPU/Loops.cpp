// lib/Strategies/CPU/Loops.cpp: the fallback: fuse, split the outer loops into tasks, leave the inner ones to LLVM.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Strategies.h"
#include "TileConcat.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace lathe {

/// Elements that the loops inside of one task should have: enough that slicing
/// buffers costs nothing beside them.
static constexpr int64_t leastInner = 256;

/// Elements that a reduction must read so that tasks share its columns.
static constexpr int64_t leastShared = 1 << 15;

static std::optional<Config> match(const Problem &problem, const Target &) {
  return Config::get(problem.root->getContext());
}

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

/// Tile sizes for the loops of `op`: 1 for outer parallel loops, 0 (all in one
/// task) from the loop on where what is inside gets small.
static SmallVector<OpFoldResult> chooseTiles(TilingInterface op, OpBuilder &builder) {
  SmallVector<utils::IteratorType> iterators = op.getLoopIteratorTypes();
  SmallVector<Range> domain = op.getIterationDomain(builder);
  SmallVector<OpFoldResult> tiles(iterators.size(), builder.getIndexAttr(0));
  int64_t inner = 1;
  SmallVector<int64_t> sizes;
  for (const Range &range : domain)
    sizes.push_back(getConstantIntValue(range.size).value_or(ShapedType::kDynamic));
  // From the innermost loop outwards.
  for (int64_t i = iterators.size() - 1; i >= 0; --i) {
    bool innermost = i == static_cast<int64_t>(iterators.size()) - 1;
    if (iterators[i] == utils::IteratorType::parallel && !innermost && inner >= leastInner && sizes[i] != 1)
      tiles[i] = builder.getIndexAttr(1);
    // A size that is known only at run time counts as a long one.
    inner *= ShapedType::isDynamic(sizes[i]) ? leastInner : std::max<int64_t>(1, sizes[i]);
    inner = std::min<int64_t>(inner, 1 << 30);
  }
  return tiles;
}

/// Lets an elementwise op write over an operand that nothing reads after it and
/// that `mayOverwrite` admits: what it reads is then computed where its result
/// goes, and needs no memory of its own.
static void computeInPlace(kernel::FuncOp kernel, llvm::function_ref<bool(OpResult)> mayOverwrite) {
  SmallVector<linalg::GenericOp> ops;
  kernel.walk([&](linalg::GenericOp op) { ops.push_back(op); });
  for (linalg::GenericOp op : ops) {
    if (op.getNumDpsInits() != 1 || op.getNumResults() != 1 || op.getNumParallelLoops() != op.getNumLoops() ||
        op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)))
      continue;
    AffineMap outMap = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
    auto isLast = [&](OpOperand *operand) {
      auto value = dyn_cast<OpResult>(operand->get());
      return value && value.getType() == op.getResult(0).getType() && op.getMatchingIndexingMap(operand) == outMap &&
             value.getOwner()->getBlock() == op->getBlock() && mayOverwrite(value) &&
             llvm::all_of(value.getUses(), [&](OpOperand &use) {
               Operation *user = use.getOwner();
               return user == op ? &use == operand : user->getBlock() == op->getBlock() && user->isBeforeInBlock(op);
             });
    };
    SmallVector<OpOperand *> inputs = op.getDpsInputOperands();
    auto *found = llvm::find_if(inputs, isLast);
    if (found == inputs.end())
      continue;
    unsigned position = (*found)->getOperandNumber();
    Block *body = op.getBody();
    body->getArgument(position).replaceAllUsesWith(body->getArguments().back());
    body->eraseArgument(position);
    Value target = (*found)->get();
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    maps.erase(maps.begin() + position);
    op.setIndexingMapsAttr(Builder(op.getContext()).getAffineMapArrayAttr(maps));
    op.getOutputsMutable().assign(target);
    op.getInputsMutable().erase(position);
  }
}

/// Tile sizes that leave whole rows: 1 for each loop but the last and those
/// over which something that `op` is computed from is reduced. All zero where
/// nothing is reduced.
static SmallVector<OpFoldResult> rowTiles(kernel::FuncOp kernel, linalg::LinalgOp op, OpBuilder &builder) {
  SmallVector<OpFoldResult> tiles(op.getNumLoops(), builder.getIndexAttr(0));
  SmallVector<bool> isReduced(op.getNumLoops(), false);
  kernel.walk([&](linalg::LinalgOp other) {
    if (other.getNumLoops() != op.getNumLoops())
      return;
    for (auto [i, iterator] : llvm::enumerate(other.getIteratorTypesArray()))
      isReduced[i] = isReduced[i] || iterator == utils::IteratorType::reduction;
  });
  if (!llvm::is_contained(isReduced, true) || op.getNumParallelLoops() != op.getNumLoops())
    return tiles;
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  for (unsigned i = 0; i + 1 < op.getNumLoops(); ++i)
    if (!isReduced[i] && sizes[i] != 1)
      tiles[i] = builder.getIndexAttr(1);
  return tiles;
}

/// Tiles `op` and computes what it reads tile by tile; the op inside, or null
/// where that is not possible.
static linalg::LinalgOp tileAndFuse(kernel::FuncOp kernel, linalg::LinalgOp op, ArrayRef<OpFoldResult> tiles,
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

/// The op that computes `result`, which may be another view of what it computes.
static linalg::LinalgOp findLast(Value result) {
  for (;;) {
    Operation *op = result.getDefiningOp();
    if (!op || !op->hasOneUse() || !isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::CastOp>(op))
      return dyn_cast_or_null<linalg::LinalgOp>(op);
    result = op->getOperand(0);
  }
}

/// Whether the kernel sums up so much that it is worth several tasks, which then
/// read every row in part. A size that only the run knows counts as a long one.
static bool hasLongReduction(kernel::FuncOp kernel) {
  bool found = false;
  kernel.walk([&](linalg::LinalgOp op) {
    int64_t elements = 1;
    for (int64_t size : op.getStaticLoopRanges())
      elements =
          std::min(elements * (ShapedType::isDynamic(size) ? leastInner : std::max<int64_t>(size, 1)), leastShared);
    found |= op.getNumReductionLoops() > 0 && elements >= leastShared;
  });
  return found;
}

/// A part of the innermost loop, which is over `size` columns: two vectors of
/// `lanes`, or one, if that divides them; 0 for all of it.
static int64_t chooseColumns(int64_t size, int64_t lanes) {
  for (int64_t columns : {2 * lanes, lanes})
    if (!ShapedType::isDynamic(size) && size > columns && size % columns == 0)
      return columns;
  return 0;
}

bool acceptsAnything(const Problem &, Operation *) { return true; }

/// Makes tasks of the op that computes result `number` of the kernel, if a linalg
/// op does.
static void scheduleResult(kernel::FuncOp kernel, unsigned number, const Target &target) {
  linalg::LinalgOp last = findLast(kernel.getBody().front().getTerminator()->getOperand(number));
  if (!last || !last.hasPureTensorSemantics())
    return;
  IRRewriter rewriter(last);
  SmallVector<OpFoldResult> tasks = chooseTiles(cast<TilingInterface>(last.getOperation()), rewriter);
  if (llvm::all_of(tasks, isZeroInteger) && last.getNumLoops() > 0 && last.getNumReductionLoops() == 0 &&
      hasLongReduction(kernel))
    tasks.back() = rewriter.getIndexAttr(chooseColumns(last.getStaticLoopRanges().back(), target.vectorUnit().lanes()));
  linalg::LinalgOp task = tileAndFuse(kernel, last, tasks, scf::SCFTilingOptions::LoopType::ForallOp);
  if (!task)
    return; // Untiled is right too.
  // Row by row within a task: a row is still in the nearest cache when it is
  // read again.
  tileAndFuse(kernel, task, rowTiles(kernel, task, rewriter), scf::SCFTilingOptions::LoopType::ForOp);
}

LogicalResult scheduleLoops(kernel::FuncOp kernel, const Target &target) {
  removeEmptyLoops(kernel);
  if (failed(fuseElementwise(kernel)))
    return failure();
  tileConcat(kernel, leastInner);
  if (llvm::none_of(kernel.getBody().front().getTerminator()->getOperands(), findLast))
    return success();
  // What is not computed tile by tile would be memory as large as the result.
  computeInPlace(kernel, [](OpResult value) { return isa<tensor::InsertSliceOp, tensor::PadOp>(value.getOwner()); });
  // Each result is a phase; what several need is computed in each.
  for (unsigned i = 0, e = kernel.getResultTypes().size(); i < e; ++i)
    scheduleResult(kernel, i, target);
  computeInPlace(kernel, [](OpResult value) { return isa<linalg::LinalgOp>(value.getOwner()); });
  return success();
}

static LogicalResult apply(kernel::FuncOp kernel, Config, const Target &target) {
  return scheduleLoops(kernel, target);
}

const Strategy loops = {"cpu.loops", /*keepsRoot=*/false, match, acceptsAnything, apply};

} // namespace lathe
