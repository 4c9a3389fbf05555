// lib/Strategies/CPU/Loops.cpp: the fallback: fuse, split the outer loops into tasks, leave the inner ones to LLVM.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../PrepareLoops.h"
#include "../TileTasks.h"
#include "JoinReducedDims.h"
#include "Strategies.h"
#include "TileConcat.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lathe {

/// Elements that the loops inside of one task should have: enough that slicing
/// buffers costs nothing beside them.
static constexpr int64_t leastInner = 256;

/// Elements that a reduction must read so that tasks share its columns.
static constexpr int64_t leastShared = 1 << 15;

/// Elements that a task has where a loop is cut into parts: some microseconds.
static constexpr int64_t leastOfPart = 1 << 14;

/// More parts than this balance no better.
static constexpr int64_t mostParts = 64;

/// Columns of a task that reads part of every row: runs that memory can stream, whose sums stay in
/// the nearest cache.
static constexpr int64_t mostColumns = 1024;

static std::optional<Config> match(const Problem &problem, const Target &) {
  return Config::get(problem.root->getContext());
}

/// Tile sizes for the loops of `op`: 1 for outer parallel loops, 0 (all in one
/// task) from the loop on where what is inside gets small. Where another op reduces a loop,
/// every task would need all of its turns.
static SmallVector<OpFoldResult> chooseTiles(TilingInterface op, ArrayRef<bool> isReduced, OpBuilder &builder) {
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
    bool isFree = iterators[i] == utils::IteratorType::parallel && !isReduced[i];
    if (isFree && !innermost && inner >= leastInner && sizes[i] != 1)
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

/// The tensor whose memory `value` is computed in, by ops in place.
static Value findDestination(Value value) {
  while (auto result = dyn_cast<OpResult>(value)) {
    auto op = dyn_cast<DestinationStyleOpInterface>(result.getOwner());
    if (!op)
      break;
    value = op.getTiedOpOperand(result)->get();
  }
  return value;
}

/// Whether nothing is known of the elements of `value`.
static bool isUndefined(Value value) {
  while (auto part = value.getDefiningOp<tensor::ExtractSliceOp>())
    value = part.getSource();
  return value.getDefiningOp<tensor::EmptyOp>() != nullptr;
}

/// Whether a part of a tensor is one run of memory: its dims behind the first that is longer than 1 are whole.
static bool isOneRun(tensor::ExtractSliceOp part) {
  ArrayRef<int64_t> sizes = part.getStaticSizes(), whole = part.getSourceType().getShape();
  const auto *first = llvm::find_if(sizes, [](int64_t size) { return size != 1; });
  for (size_t dim = first - sizes.begin() + 1; dim < sizes.size(); ++dim)
    if (ShapedType::isDynamic(sizes[dim]) || sizes[dim] != whole[dim])
      return false;
  return part.hasUnitStride();
}

/// Lets each task compute its part of a result where the result is. Tiling takes a part of the tensor that the
/// untiled op had as its destination, which is empty too, but is memory of its own: better where the result's would be
/// read again and again from lines far apart.
static void computeInResult(kernel::FuncOp kernel) {
  auto compute = [](auto insert) {
    auto result = dyn_cast<BlockArgument>(insert.getDest());
    auto part = findDestination(insert.getSource()).template getDefiningOp<tensor::ExtractSliceOp>();
    if (!result || !part || !isUndefined(part.getSource()) || part.getSourceType() != result.getType() ||
        part.getType() != insert.getSourceType() ||
        !result.getOwner()->getParent()->isAncestor(part->getParentRegion()) ||
        part.getMixedOffsets() != insert.getMixedOffsets() || part.getMixedSizes() != insert.getMixedSizes() ||
        part.getMixedStrides() != insert.getMixedStrides() || !isOneRun(part))
      return;
    part.getSourceMutable().assign(result);
  };
  kernel.walk([&](tensor::ParallelInsertSliceOp insert) { compute(insert); });
  kernel.walk([&](tensor::InsertSliceOp insert) { compute(insert); });
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

/// A part of the innermost loop, which is over `size` columns: whole vectors of `lanes` that divide
/// them, as many as leave some tasks; 0 for all of it.
static int64_t chooseColumns(int64_t size, int64_t lanes) {
  if (ShapedType::isDynamic(size))
    return 0;
  int64_t best = 0;
  for (int64_t columns = lanes; columns <= std::min(mostColumns, size / 2); columns += lanes)
    if (size % columns == 0 && (best < 2 * lanes || size / columns >= 8))
      best = columns;
  return best;
}

/// Elements that are summed up, or the like, to one, as far as it is known.
static int64_t countReduced(kernel::FuncOp kernel) {
  int64_t most = 1;
  kernel.walk([&](linalg::LinalgOp op) {
    int64_t count = 1;
    for (auto [iterator, size] : llvm::zip_equal(op.getIteratorTypesArray(), op.getStaticLoopRanges()))
      if (iterator == utils::IteratorType::reduction && !ShapedType::isDynamic(size))
        count = std::min(count * std::max<int64_t>(size, 1), leastOfPart);
    most = std::max(most, count);
  });
  return most;
}

/// Parts of the outermost loop whose turns do not depend on each other, where all of its turns
/// together are worth several tasks. Sizes are known.
static void cutOuterLoop(kernel::FuncOp kernel, linalg::LinalgOp op, ArrayRef<bool> isReduced, int64_t lanes,
                         MutableArrayRef<OpFoldResult> tiles) {
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  if (llvm::any_of(sizes, ShapedType::isDynamic))
    return;
  for (auto [loop, size] : llvm::enumerate(sizes)) {
    if (isReduced[loop] || size <= 1)
      continue;
    int64_t ofTurn = countReduced(kernel);
    for (auto [other, own] : llvm::enumerate(sizes))
      if (other != loop)
        ofTurn = std::min(ofTurn * std::max<int64_t>(own, 1), leastOfPart);
    int64_t part = std::max<int64_t>(llvm::divideCeil(leastOfPart, ofTurn), llvm::divideCeil(size, mostParts));
    // The last part may be a smaller one, but not where that makes temporaries whose size is not known: there the
    // most parts that divide the loop, of which a prime size has none.
    bool isAlone = llvm::none_of(op->getOperands(),
                                 [](Value value) { return isa_and_nonnull<TilingInterface>(value.getDefiningOp()); });
    // Parts of the columns of a reduction are whole vectors, and no short ones.
    if (loop + 1 == sizes.size() && llvm::is_contained(isReduced, true))
      if (int64_t columns = chooseColumns(size, lanes); columns > part)
        part = columns;
    int64_t parts = size / part;
    while (!isAlone && parts > 1 && size % parts != 0)
      --parts;
    if (parts > 1)
      tiles[loop] = Builder(op.getContext()).getIndexAttr(isAlone ? part : size / parts);
    return;
  }
}

bool acceptsAnything(const Problem &, Operation *) { return true; }

/// Makes tasks of the op that computes result `number` of the kernel, if a linalg
/// op does.
static void scheduleResult(kernel::FuncOp kernel, unsigned number, const Target &target) {
  linalg::LinalgOp last = findLast(kernel.getBody().front().getTerminator()->getOperand(number));
  if (!last || !last.hasPureTensorSemantics())
    return;
  IRRewriter rewriter(last);
  SmallVector<bool> isReduced = findReduced(kernel, last);
  int64_t lanes = target.vectorUnit().lanes();
  SmallVector<OpFoldResult> tasks = chooseTiles(cast<TilingInterface>(last.getOperation()), isReduced, rewriter);
  if (llvm::all_of(tasks, isZeroInteger) && last.getNumLoops() > 0 && last.getNumReductionLoops() == 0 &&
      !isReduced.back() && hasLongReduction(kernel))
    tasks.back() = rewriter.getIndexAttr(chooseColumns(last.getStaticLoopRanges().back(), lanes));
  if (llvm::all_of(tasks, isZeroInteger))
    cutOuterLoop(kernel, last, isReduced, lanes, tasks);
  linalg::LinalgOp task = tileAndFuse(kernel, last, tasks, scf::SCFTilingOptions::LoopType::ForallOp);
  if (!task)
    return; // Untiled is right too.
  // Row by row within a task: a row is still in the nearest cache when it is
  // read again.
  tileAndFuse(kernel, task, rowTiles(kernel, task, rewriter), scf::SCFTilingOptions::LoopType::ForOp);
}

LogicalResult scheduleLoops(kernel::FuncOp kernel, const Target &target) {
  if (failed(prepareLoops(kernel)))
    return failure();
  joinReducedDims(kernel);
  tileConcat(kernel, leastInner);
  if (llvm::none_of(kernel.getBody().front().getTerminator()->getOperands(), findLast))
    return success();
  // What is not computed tile by tile would be memory as large as the result.
  computeInPlace(kernel, [](OpResult value) { return isa<tensor::InsertSliceOp>(value.getOwner()); });
  // Each result is a phase; what several need is computed in each.
  for (unsigned i = 0, e = kernel.getResultTypes().size(); i < e; ++i)
    scheduleResult(kernel, i, target);
  // Padding only now: as a destination it would be computed as a whole, by one task, before it is again in each tile.
  computeInPlace(kernel, [](OpResult value) { return isa<linalg::LinalgOp, tensor::PadOp>(value.getOwner()); });
  computeInResult(kernel);
  return success();
}

static LogicalResult apply(kernel::FuncOp kernel, Config, const Target &target) {
  return scheduleLoops(kernel, target);
}

const Strategy loops = {"cpu.loops", /*keepsRoot=*/false, match, acceptsAnything, apply};

} // namespace lathe
