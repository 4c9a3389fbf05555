// dialects/Graph/IndexingOps.cpp: verification and shapes of ops that read or write at positions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Graph.h"

using namespace mlir;

namespace lathe::graph {

static int64_t rankOf(Value value) { return cast<RankedTensorType>(value.getType()).getRank(); }

template <typename OpT> static LogicalResult verifyAxis(OpT op) {
  int64_t axis = op.getAxis(), rank = rankOf(op.getX());
  if (axis >= rank)
    return op.emitOpError("'axis' is ") << axis << ", but the operand has rank " << rank;
  return success();
}

LogicalResult GatherOp::verify() { return verifyAxis(*this); }

LogicalResult GatherOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  Dims x = solver.dims(getX()), indices = solver.dims(getIndices()), y(x.begin(), x.begin() + getAxis());
  y.append(indices);
  y.append(x.begin() + getAxis() + 1, x.end());
  results.push_back(y);
  return success();
}

std::optional<Dims> GatherOp::inferContents(ShapeSolver &solver) {
  auto positions = solver.contents(getIndices());
  std::optional<Dims> x = solver.contents(getX());
  if (!x || !positions || rankOf(getX()) != 1)
    return std::nullopt;
  Dims result;
  for (AffineExpr position : *positions) {
    auto fixed = dyn_cast<AffineConstantExpr>(position);
    int64_t size = x->size(), at = fixed ? fixed.getValue() : size;
    at = at < 0 ? at + size : at;
    if (at < 0 || at >= size)
      return std::nullopt;
    result.push_back((*x)[at]);
  }
  return result;
}

LogicalResult GatherElementsOp::verify() {
  if (rankOf(getX()) != rankOf(getIndices()))
    return emitOpError("'x' has rank ") << rankOf(getX()) << ", but 'indices' has rank " << rankOf(getIndices());
  return verifyAxis(*this);
}

LogicalResult GatherElementsOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  results.push_back(solver.dims(getIndices()));
  return verify();
}

/// The static length of the positions in the last dimension, or failure.
static FailureOr<int64_t> positionLength(Operation *op, Value indices, int64_t most) {
  auto type = cast<RankedTensorType>(indices.getType());
  int64_t length = type.getRank() ? type.getShape().back() : 0;
  if (type.getRank() == 0 || length < 1 || length > most)
    return op->emitOpError("the last dimension of 'indices' must be static, at least 1 and at most ")
           << most << ", but the type is " << type;
  return length;
}

LogicalResult GatherNdOp::verify() {
  int64_t batch = getBatchDims();
  if (batch >= std::min(rankOf(getX()), rankOf(getIndices())))
    return emitOpError("'batch_dims' is ")
           << batch << ", but the operands have ranks " << rankOf(getX()) << " and " << rankOf(getIndices());
  return positionLength(*this, getIndices(), rankOf(getX()) - batch);
}

LogicalResult GatherNdOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  Dims x = solver.dims(getX()), indices = solver.dims(getIndices());
  int64_t length = cast<RankedTensorType>(getIndices().getType()).getShape().back();
  Dims y;
  for (int64_t i = 0; i < static_cast<int64_t>(getBatchDims()); ++i) {
    FailureOr<AffineExpr> dim = solver.unify(*this, x[i], indices[i], "batch dims of 'x' and 'indices'");
    if (failed(dim))
      return failure();
    y.push_back(*dim);
  }
  y.append(indices.begin() + getBatchDims(), indices.end() - 1);
  y.append(x.begin() + getBatchDims() + length, x.end());
  results.push_back(y);
  return success();
}

LogicalResult ScatterElementsOp::verify() {
  if (rankOf(getX()) != rankOf(getIndices()) || rankOf(getX()) != rankOf(getUpdates()))
    return emitOpError("operands have ranks ") << rankOf(getX()) << ", " << rankOf(getIndices()) << " and "
                                               << rankOf(getUpdates()) << ", but must have one";
  return verifyAxis(*this);
}

LogicalResult ScatterElementsOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  for (auto [a, b] : llvm::zip(solver.dims(getIndices()), solver.dims(getUpdates())))
    if (failed(solver.unify(*this, a, b, "dims of 'indices' and 'updates'")))
      return failure();
  results.push_back(solver.dims(getX()));
  return success();
}

LogicalResult ScatterNdOp::verify() { return positionLength(*this, getIndices(), rankOf(getX())); }

LogicalResult ScatterNdOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  Dims x = solver.dims(getX()), indices = solver.dims(getIndices()), updates = solver.dims(getUpdates());
  int64_t length = cast<RankedTensorType>(getIndices().getType()).getShape().back();
  Dims expected(indices.begin(), indices.end() - 1);
  expected.append(x.begin() + length, x.end());
  if (expected.size() != updates.size())
    return emitOpError("'updates' has rank ")
           << updates.size() << ", but 'indices' asks for rank " << expected.size() << " [graph-shape-mismatch]";
  for (auto [a, b] : llvm::zip(updates, expected))
    if (failed(solver.unify(*this, a, b, "dims of 'updates' and those that 'indices' asks for")))
      return failure();
  results.push_back(x);
  return success();
}

LogicalResult ResizeOp::verify() {
  int64_t rank = rankOf(getX());
  for (int64_t axis : getAxes()) // resize_c1
    if (axis < 0 || axis >= rank || llvm::count(getAxes(), axis) != 1)
      return emitOpError("'axes' must be distinct and in [0, ") << rank << "), but has " << axis;
  if (getSizes() && !getScales().empty()) // resize_c2
    return emitOpError("takes 'sizes' or 'scales', not both");
  if (!getScales().empty() && getScales().size() != getAxes().size())
    return emitOpError("'scales' has ") << getScales().size() << " entries for " << getAxes().size() << " axes";
  for (double scale : getScales())
    if (!(scale > 0) || scale > 1e9)
      return emitOpError("'scales' has the entry ") << scale << ", but must be positive";
  return success();
}

LogicalResult ResizeOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  Dims y = solver.dims(getX());
  if (!getSizes() && getScales().empty()) {
    results.push_back(solver.dims(getY()));
    return success();
  }
  if (getSizes()) {
    std::optional<Dims> sizes = solver.contents(getSizes());
    if (!sizes || sizes->size() != getAxes().size())
      return emitOpError("needs 'sizes' that follow from shapes, one per axis [graph-data-dependent-shape]");
    for (auto [axis, size] : llvm::zip(getAxes(), *sizes))
      y[axis] = size;
    results.push_back(y);
    return success();
  }
  for (auto [axis, scale] : llvm::zip(getAxes(), getScales())) {
    if (auto fixed = dyn_cast<AffineConstantExpr>(y[axis])) {
      double size = std::floor(fixed.getValue() * scale);
      if (size > ShapeSolver::maxElements)
        return emitOpError("the size of dim ") << axis << " overflows [graph-size-overflow]";
      y[axis] = solver.constant(static_cast<int64_t>(size));
      continue;
    }
    // A free size times a scale must stay a whole-number expression: scales
    // are fractions of small numbers in practice.
    bool found = false;
    for (int64_t denominator = 1; denominator <= 64 && !found; ++denominator) {
      double numerator = scale * denominator;
      if (numerator != std::floor(numerator))
        continue;
      y[axis] = (y[axis] * static_cast<int64_t>(numerator)).floorDiv(denominator);
      found = true;
    }
    if (!found)
      return emitOpError("cannot scale the free dim ")
             << axis << " by " << scale << "; fix the dim with --dim [graph-dynamic-scale]";
  }
  results.push_back(y);
  return success();
}

} // namespace lathe::graph
