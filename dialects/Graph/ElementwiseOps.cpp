// dialects/Graph/ElementwiseOps.cpp: shapes, contents and folds of elementwise ops.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Graph.h"

using namespace mlir;

namespace lathe::graph {

LogicalResult inferElementwise(Operation *op, ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  Dims shape = solver.dims(op->getOperand(0));
  for (Value operand : op->getOperands().drop_front()) {
    FailureOr<Dims> both = solver.broadcast(op, shape, solver.dims(operand));
    if (failed(both))
      return failure();
    shape = *both;
  }
  results.push_back(shape);
  return success();
}

using Combine = llvm::function_ref<AffineExpr(ArrayRef<AffineExpr>)>;

/// Contents of an elementwise op from those of its operands. Only equal sizes
/// and scalars are followed: arithmetic on shapes needs no more.
static std::optional<Dims> combineContents(Operation *op, ShapeSolver &solver, Combine combine) {
  SmallVector<Dims> operands;
  size_t size = 1;
  for (Value operand : op->getOperands()) {
    std::optional<Dims> contents = solver.contents(operand);
    if (!contents)
      return std::nullopt;
    if (contents->size() != 1)
      size = contents->size();
    operands.push_back(*contents);
  }
  Dims result;
  for (size_t i = 0; i < size; ++i) {
    SmallVector<AffineExpr> elements;
    for (const Dims &operand : operands) {
      if (operand.size() != 1 && operand.size() != size)
        return std::nullopt;
      elements.push_back(operand.size() == 1 ? operand[0] : operand[i]);
    }
    AffineExpr element = combine(elements);
    if (!element)
      return std::nullopt;
    result.push_back(solver.simplify(element));
  }
  return result;
}

/// Contents of comparisons are 0 or 1 where the outcome is known.
static std::optional<Dims> compareContents(Operation *op, ShapeSolver &solver,
                                           llvm::function_ref<std::optional<bool>(AffineExpr, AffineExpr)> compare) {
  return combineContents(op, solver, [&](ArrayRef<AffineExpr> e) {
    std::optional<bool> holds = compare(e[0], e[1]);
    return holds ? solver.constant(*holds) : AffineExpr();
  });
}

std::optional<Dims> AddOp::inferContents(ShapeSolver &solver) {
  return combineContents(*this, solver, [](ArrayRef<AffineExpr> e) { return e[0] + e[1]; });
}

std::optional<Dims> SubOp::inferContents(ShapeSolver &solver) {
  return combineContents(*this, solver, [](ArrayRef<AffineExpr> e) { return e[0] - e[1]; });
}

std::optional<Dims> MulOp::inferContents(ShapeSolver &solver) {
  return combineContents(*this, solver, [](ArrayRef<AffineExpr> e) { return e[0] * e[1]; });
}

std::optional<Dims> DivOp::inferContents(ShapeSolver &solver) {
  return combineContents(*this, solver, [&](ArrayRef<AffineExpr> e) -> AffineExpr {
    auto divisor = dyn_cast<AffineConstantExpr>(e[1]);
    // Truncation and floor agree where nothing is negative.
    if (divisor && divisor.getValue() > 0 && solver.isNonNegative(e[0]))
      return e[0].floorDiv(e[1]);
    return solver.divide(e[0], e[1]);
  });
}

std::optional<Dims> MinOp::inferContents(ShapeSolver &solver) {
  return combineContents(*this, solver, [&](ArrayRef<AffineExpr> e) { return solver.min(e[0], e[1]); });
}

std::optional<Dims> MaxOp::inferContents(ShapeSolver &solver) {
  return combineContents(*this, solver, [&](ArrayRef<AffineExpr> e) { return solver.max(e[0], e[1]); });
}

std::optional<Dims> EqualOp::inferContents(ShapeSolver &solver) {
  return compareContents(*this, solver, [&](AffineExpr a, AffineExpr b) { return solver.equal(a, b); });
}

std::optional<Dims> LessOp::inferContents(ShapeSolver &solver) {
  return compareContents(*this, solver, [&](AffineExpr a, AffineExpr b) { return solver.less(a, b); });
}

std::optional<Dims> GreaterOp::inferContents(ShapeSolver &solver) {
  return compareContents(*this, solver, [&](AffineExpr a, AffineExpr b) { return solver.less(b, a); });
}

static std::optional<bool> negate(std::optional<bool> known) {
  return known ? std::optional<bool>(!*known) : std::nullopt;
}

std::optional<Dims> LessEqualOp::inferContents(ShapeSolver &solver) {
  return compareContents(*this, solver, [&](AffineExpr a, AffineExpr b) { return negate(solver.less(b, a)); });
}

std::optional<Dims> GreaterEqualOp::inferContents(ShapeSolver &solver) {
  return compareContents(*this, solver, [&](AffineExpr a, AffineExpr b) { return negate(solver.less(a, b)); });
}

std::optional<Dims> NegOp::inferContents(ShapeSolver &solver) {
  return combineContents(*this, solver, [](ArrayRef<AffineExpr> e) { return -e[0]; });
}

std::optional<Dims> NotOp::inferContents(ShapeSolver &solver) {
  return combineContents(*this, solver, [&](ArrayRef<AffineExpr> e) {
    auto fixed = dyn_cast<AffineConstantExpr>(e[0]);
    return fixed ? solver.constant(fixed.getValue() == 0) : AffineExpr();
  });
}

std::optional<Dims> AndOp::inferContents(ShapeSolver &solver) {
  return combineContents(*this, solver, [&](ArrayRef<AffineExpr> e) {
    for (unsigned i = 0; i < 2; ++i)
      if (auto fixed = dyn_cast<AffineConstantExpr>(e[i]))
        return fixed.getValue() ? e[1 - i] : e[i];
    return e[0] == e[1] ? e[0] : AffineExpr();
  });
}

std::optional<Dims> OrOp::inferContents(ShapeSolver &solver) {
  return combineContents(*this, solver, [&](ArrayRef<AffineExpr> e) {
    for (unsigned i = 0; i < 2; ++i)
      if (auto fixed = dyn_cast<AffineConstantExpr>(e[i]))
        return fixed.getValue() ? e[i] : e[1 - i];
    return e[0] == e[1] ? e[0] : AffineExpr();
  });
}

std::optional<Dims> ModOp::inferContents(ShapeSolver &solver) {
  return combineContents(*this, solver, [](ArrayRef<AffineExpr> e) {
    // The remainder of affine expressions is that of the floor, as here.
    auto divisor = dyn_cast<AffineConstantExpr>(e[1]);
    return divisor && divisor.getValue() > 0 ? e[0] % e[1] : AffineExpr();
  });
}

std::optional<Dims> SelectOp::inferContents(ShapeSolver &solver) {
  return combineContents(*this, solver, [](ArrayRef<AffineExpr> e) {
    auto condition = dyn_cast<AffineConstantExpr>(e[0]);
    if (!condition)
      return e[1] == e[2] ? e[1] : AffineExpr();
    return condition.getValue() ? e[1] : e[2];
  });
}

OpFoldResult CastOp::fold(FoldAdaptor) { return getX().getType() == getType() ? getX() : Value(); }

} // namespace lathe::graph
