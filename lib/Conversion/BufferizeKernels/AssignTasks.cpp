// lib/Conversion/BufferizeKernels/AssignTasks.cpp: on a CPU, threads share what no strategy made tasks of.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelPhases.h"
#include "KernelSizes.h"
#include "lathe/Conversion/Buffers.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_ASSIGNTASKSPASS
#include "lathe/Conversion/Buffers.h.inc"

/// Turns that a task has at least: some microseconds, beside which a barrier costs nothing.
static constexpr int64_t leastOfTask = 1 << 14;

/// More tasks than this balance no better.
static constexpr int64_t mostTasks = 64;

/// What a size counts as that only the run knows, and what more turns than this count as.
static constexpr int64_t openSize = 256, manyTurns = 1 << 30;

/// Whether the number of turns of `loop` is known when the kernel is launched.
static bool isKnownAtLaunch(linalg::LinalgOp op, unsigned loop) {
  if (!ShapedType::isDynamic(op.getStaticLoopRanges()[loop]))
    return true;
  OpBuilder builder(op);
  Value operand;
  unsigned dim = 0;
  if (failed(op.mapIterationSpaceDimToOperandDim(loop, operand, dim)))
    return false;
  Value size = sizeOf(builder, op.getLoc(), operand, dim);
  return size && comesFromSizes(op->getParentOfType<kernel::FuncOp>(), size);
}

/// Whether the body of `op` leaves alone what `op` writes, but for its operands: then turns at different positions of
/// the parallel loops have nothing to do with each other.
static bool hasIndependentTurns(linalg::LinalgOp op) {
  llvm::SetVector<Value> written;
  for (Value init : op.getDpsInits())
    written.insert(memoryOf(init));
  WalkResult result = op.getBlock()->walk([&](Operation *inner) {
    bool touches = llvm::any_of(inner->getOperands(), [&](Value operand) {
      return isa<BaseMemRefType>(operand.getType()) &&
             (written.contains(memoryOf(operand)) || !isa<memref::LoadOp>(inner));
    });
    return touches ? WalkResult::interrupt() : WalkResult::advance();
  });
  return !result.wasInterrupted();
}

/// `turns`, or somewhat more where that divides `size`: then all tasks are of one size, which their code knows.
static int64_t roundTurns(int64_t turns, int64_t size) {
  for (int64_t more = turns; more <= std::min(2 * turns, size / 2); ++more)
    if (size % more == 0)
      return more;
  return turns;
}

/// Turns of the outer parallel loops for each task, as many as are worth one; 0 for loops that are whole in each task.
static SmallVector<int64_t> chooseTasks(linalg::LinalgOp op) {
  SmallVector<int64_t> tiles(op.getNumLoops(), 0), sizes = op.getStaticLoopRanges();
  llvm::replace(sizes, ShapedType::kDynamic, openSize);
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  int64_t tasks = 1;
  for (auto [loop, size] : llvm::enumerate(sizes)) {
    if (iterators[loop] != utils::IteratorType::parallel || size <= 1 || !isKnownAtLaunch(op, loop))
      continue;
    int64_t ofTurn = 1;
    for (auto [other, own] : llvm::enumerate(sizes))
      if (other != loop && tiles[other] == 0)
        ofTurn = std::min(ofTurn * std::min(own, manyTurns), manyTurns);
    if (ofTurn == 0)
      return SmallVector<int64_t>(op.getNumLoops(), 0);
    int64_t turns = std::max<int64_t>(llvm::divideCeil(leastOfTask, ofTurn), llvm::divideCeil(size, mostTasks / tasks));
    if (turns >= size)
      break;
    turns = ShapedType::isDynamic(op.getStaticLoopRanges()[loop]) ? turns : roundTurns(turns, size);
    tiles[loop] = turns;
    tasks *= llvm::divideCeil(size, turns);
    if (turns > 1 || tasks > mostTasks / 2)
      break;
  }
  return tiles;
}

/// A task for each tile of the loops of `op`.
static LogicalResult makeTasks(linalg::LinalgOp op, ArrayRef<int64_t> tiles) {
  IRRewriter rewriter(op);
  scf::SCFTilingOptions options;
  options.setTileSizes(getAsIndexOpFoldResult(op.getContext(), tiles));
  options.setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
  if (failed(scf::tileUsingSCF(rewriter, cast<TilingInterface>(op.getOperation()), options)))
    return failure();
  rewriter.eraseOp(op);
  return success();
}

namespace {
struct AssignTasksPass final : impl::AssignTasksPassBase<AssignTasksPass> {
  void runOnOperation() override {
    kernel::FuncOp kernel = getOperation();
    if (kernel.getTarget() && kernel.getTargetAttr().getValue().kind() == TargetKind::Gpu)
      return;
    SmallVector<linalg::LinalgOp> ops(kernel.getBody().front().getOps<linalg::LinalgOp>());
    for (linalg::LinalgOp op : ops) {
      SmallVector<int64_t> tiles = chooseTasks(op);
      if (llvm::all_of(tiles, [](int64_t tile) { return tile == 0; }) || !hasIndependentTurns(op))
        continue;
      if (failed(makeTasks(op, tiles)))
        return signalPassFailure();
      ++numShared;
    }
  }
};
} // namespace
} // namespace lathe
