// lib/Conversion/KernelToLLVM/SplitBorders.cpp: between the borders of a row, positions need not be held inside.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Kernel/Kernel.h"
#include "lathe/Conversion/Buffers.h"
#include "lathe/Target/Target.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_SPLITBORDERSPASS
#include "lathe/Conversion/Buffers.h.inc"

namespace {

/// Turns between the borders that are worth loops of their own.
constexpr int64_t leastInside = 8;

/// Operations of a loop whose code there may be two or three times.
constexpr unsigned mostOperations = 256;

bool isShort(scf::ForOp loop) {
  unsigned count = 0;
  loop.walk([&](Operation *) { ++count; });
  return count <= mostOperations;
}

/// The position `scale` turn + `offset`.
struct Line {
  int64_t scale, offset;
};

/// A position that is held at `bound` where it lies below, or above.
struct Hold {
  Operation *op;
  unsigned position; ///< The operand.
  Line line;
  Value bound;
  bool isLow;
};

/// What is known of the positions that the turns of a loop compute.
class Positions {
public:
  explicit Positions(scf::ForOp loop) : loop(loop) { lines[loop.getInductionVar()] = {1, 0}; }

  void visit(Operation &op) {
    bool isHold = isa<arith::MaxSIOp, arith::MinSIOp>(op);
    if (!isHold && !isa<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op))
      return;
    // Canonical ops have their constant behind.
    for (unsigned position : {0u, 1u}) {
      auto line = lines.find(op.getOperand(position));
      Value other = op.getOperand(1 - position);
      if (line == lines.end() || !loop.isDefinedOutsideOfLoop(other))
        continue;
      if (isHold) {
        holds.push_back({&op, position, line->second, other, isa<arith::MaxSIOp>(op)});
        lines[op.getResult(0)] = line->second;
        return;
      }
      std::optional<int64_t> constant = getConstantIntValue(other);
      if (!constant || std::abs(*constant) >= most)
        return;
      if (std::optional<Line> moved = move(op, position, line->second, *constant))
        lines[op.getResult(0)] = *moved;
      return;
    }
  }

  ArrayRef<Hold> getHolds() const { return holds; }

private:
  /// So that no line overflows.
  static constexpr int64_t most = int64_t(1) << 31;

  static std::optional<Line> move(Operation &op, unsigned position, Line line, int64_t constant) {
    if (isa<arith::AddIOp>(op))
      line.offset += constant;
    else if (isa<arith::SubIOp>(op) && position == 0)
      line.offset -= constant;
    else if (isa<arith::MulIOp>(op) && constant > 0)
      line = {line.scale * constant, line.offset * constant};
    else
      return std::nullopt;
    if (line.scale >= most || std::abs(line.offset) >= most)
      return std::nullopt;
    return line;
  }

  scf::ForOp loop;
  llvm::DenseMap<Value, Line> lines;
  SmallVector<Hold> holds;
};

/// The first turn, or the one behind the last, in which a position is inside of its bound.
OpFoldResult turnAt(OpBuilder &b, Location loc, const Hold &hold) {
  auto [scale, offset] = hold.line;
  if (std::optional<int64_t> bound = getConstantIntValue(hold.bound))
    return b.getIndexAttr(hold.isLow ? llvm::divideCeilSigned(*bound - offset, scale)
                                     : llvm::divideFloorSigned(*bound - offset, scale) + 1);
  Value distance = arith::SubIOp::create(b, loc, hold.bound, arith::ConstantIndexOp::create(b, loc, offset));
  if (scale != 1) {
    Value divisor = arith::ConstantIndexOp::create(b, loc, scale);
    distance = hold.isLow ? arith::CeilDivSIOp::create(b, loc, distance, divisor).getResult()
                          : arith::FloorDivSIOp::create(b, loc, distance, divisor).getResult();
  }
  if (!hold.isLow)
    distance = arith::AddIOp::create(b, loc, distance, arith::ConstantIndexOp::create(b, loc, 1));
  return distance;
}

template <typename Op> OpFoldResult choose(OpBuilder &b, Location loc, OpFoldResult x, OpFoldResult y) {
  std::optional<int64_t> first = getConstantIntValue(x), second = getConstantIntValue(y);
  if (first && second)
    return b.getIndexAttr(std::is_same_v<Op, arith::MaxSIOp> ? std::max(*first, *second) : std::min(*first, *second));
  return Op::create(b, loc, getValueOrCreateConstantIndexOp(b, loc, x), getValueOrCreateConstantIndexOp(b, loc, y))
      .getResult();
}

/// The same turns from `begin` to `end`, if there may be any.
scf::ForOp takeTurns(OpBuilder &b, scf::ForOp loop, OpFoldResult begin, OpFoldResult end, IRMapping &mapping) {
  std::optional<int64_t> first = getConstantIntValue(begin), last = getConstantIntValue(end);
  if (first && last && *first >= *last)
    return {};
  auto part = cast<scf::ForOp>(b.clone(*loop, mapping));
  b.setInsertionPoint(part);
  part.getLowerBoundMutable().assign(getValueOrCreateConstantIndexOp(b, loop.getLoc(), begin));
  part.getUpperBoundMutable().assign(getValueOrCreateConstantIndexOp(b, loop.getLoc(), end));
  b.setInsertionPointAfter(part);
  return part;
}

/// Puts what a branch of `branch` does in its place.
void takeBranch(scf::IfOp branch, Region &region) {
  SmallVector<Value> results;
  if (!region.empty()) {
    Block &block = region.front();
    results = llvm::to_vector(block.getTerminator()->getOperands());
    block.getTerminator()->erase();
    branch->getBlock()->getOperations().splice(branch->getIterator(), block.getOperations());
  }
  branch.replaceAllUsesWith(results);
  branch.erase();
}

/// Asks a condition that all turns have in common once, before the loop, which there then is for each answer.
void askBefore(scf::ForOp loop) {
  auto branches = llvm::to_vector(loop.getBody()->getOps<scf::IfOp>());
  if (branches.size() != 1 || loop.getNumResults() != 0 ||
      !loop.isDefinedOutsideOfLoop(branches.front().getCondition()) || !isShort(loop))
    return;
  OpBuilder b(loop);
  auto outside = scf::IfOp::create(b, loop.getLoc(), branches.front().getCondition(), /*withElseRegion=*/true);
  for (bool answer : {true, false}) {
    IRMapping mapping;
    b.setInsertionPointToStart(answer ? outside.thenBlock() : outside.elseBlock());
    b.clone(*loop, mapping);
    auto branch = cast<scf::IfOp>(mapping.lookup(branches.front().getOperation()));
    takeBranch(branch, answer ? branch.getThenRegion() : branch.getElseRegion());
  }
  loop.erase();
}

void splitBorders(scf::ForOp loop) {
  if (getConstantIntValue(loop.getStep()) != 1 || loop.getNumResults() != 0 || !isShort(loop) ||
      !loop.getInductionVar().getType().isIndex())
    return;
  Positions positions(loop);
  for (Operation &op : loop.getBody()->without_terminator()) {
    if (op.getNumRegions() != 0)
      return;
    positions.visit(op);
  }
  if (positions.getHolds().empty())
    return;
  OpBuilder b(loop);
  Location loc = loop.getLoc();
  OpFoldResult low = getAsOpFoldResult(loop.getLowerBound()), high = getAsOpFoldResult(loop.getUpperBound());
  OpFoldResult begin = low, end = high;
  for (const Hold &hold : positions.getHolds())
    if (hold.isLow)
      begin = choose<arith::MaxSIOp>(b, loc, begin, turnAt(b, loc, hold));
    else
      end = choose<arith::MinSIOp>(b, loc, end, turnAt(b, loc, hold));
  begin = choose<arith::MinSIOp>(b, loc, begin, high);
  end = choose<arith::MaxSIOp>(b, loc, begin, end);
  std::optional<int64_t> first = getConstantIntValue(begin), last = getConstantIntValue(end);
  if (first && last && *last - *first < leastInside)
    return;
  IRMapping front, between, behind;
  takeTurns(b, loop, low, begin, front);
  takeTurns(b, loop, begin, end, between);
  takeTurns(b, loop, end, high, behind);
  for (const Hold &hold : positions.getHolds())
    if (Operation *op = between.lookupOrNull(hold.op)) {
      op->getResult(0).replaceAllUsesWith(op->getOperand(hold.position));
      op->erase();
    }
  loop.erase();
}

SmallVector<scf::ForOp> loopsOf(kernel::FuncOp kernel) {
  SmallVector<scf::ForOp> loops;
  kernel.walk([&](scf::ForOp loop) { loops.push_back(loop); });
  return loops;
}

struct SplitBordersPass final : impl::SplitBordersPassBase<SplitBordersPass> {
  void runOnOperation() override {
    kernel::FuncOp kernel = getOperation();
    if (!kernel.getTarget() || kernel.getTargetAttr().getValue().kind() != TargetKind::Cpu)
      return;
    // From the inside out: a condition leaves all loops that have it in common.
    for (scf::ForOp loop : loopsOf(kernel))
      askBefore(loop);
    for (scf::ForOp loop : loopsOf(kernel))
      splitBorders(loop);
  }
};

} // namespace
} // namespace lathe
