// dialects/Graph/ReductionOps.cpp: the semantics of reductions and normalizations.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Graph.h"

using namespace mlir;

namespace lathe::graph {

static LogicalResult verifyAxis(Operation *op, int64_t axis, Value x) {
  int64_t rank = cast<RankedTensorType>(x.getType()).getRank();
  if (axis >= rank)
    return op->emitOpError("'axis' is ") << axis << ", but the operand has rank " << rank;
  return success();
}

// softmax_c1, layer_norm_c1, arg_c1, cumulative_sum_c1, cumulative_product_c1; ODS rejects negative axes.
LogicalResult SoftmaxOp::verify() { return verifyAxis(*this, getAxis(), getX()); }
LogicalResult LayerNormOp::verify() { return verifyAxis(*this, getAxis(), getX()); }
LogicalResult CumulativeSumOp::verify() { return verifyAxis(*this, getAxis(), getX()); }
LogicalResult CumulativeProductOp::verify() { return verifyAxis(*this, getAxis(), getX()); }

LogicalResult ArgOp::verify() {
  if (getKind() != ReduceKind::max && getKind() != ReduceKind::min) // arg_c2
    return emitOpError("takes 'max' or 'min', not '") << stringifyReduceKind(getKind()) << "'";
  return verifyAxis(*this, getAxis(), getX());
}

LogicalResult TopKOp::verify() {
  if (getKind() != ReduceKind::max && getKind() != ReduceKind::min) // top_k_c2
    return emitOpError("takes 'max' or 'min', not '") << stringifyReduceKind(getKind()) << "'";
  auto x = getX().getType(), y = getType();
  if (x.getRank() != y.getRank()) // top_k_c1
    return emitOpError("has an operand of rank ") << x.getRank() << ", but a result of rank " << y.getRank();
  if (failed(verifyAxis(*this, getAxis(), getX())))
    return failure();
  for (int64_t i = 0; i < x.getRank(); ++i) { // top_k_c3
    int64_t from = x.getDimSize(i), taken = y.getDimSize(i);
    if (x.isDynamicDim(i) || y.isDynamicDim(i))
      continue;
    if (i == static_cast<int64_t>(getAxis()) ? taken > from : taken != from)
      return emitOpError("takes ") << taken << " of the " << from << " elements along dim " << i
                                   << " [graph-shape-mismatch]";
  }
  return success();
}

LogicalResult SortRowsOp::verify() {
  if (getX().getType().getRank() != 2 || getType().getRank() != 1) // sort_rows_c1
    return emitOpError("orders the rows of a matrix as a vector, not those of ")
           << getX().getType() << " as " << getType();
  return success();
}

LogicalResult ReduceOp::verify() {
  int64_t rank = getX().getType().getRank(), previous = -1;
  for (int64_t axis : getAxes()) { // reduce_c1
    if (axis <= previous || axis >= rank)
      return emitOpError("'axes' must be sorted, distinct and below the rank ")
             << rank << ", but axis " << axis << " follows " << previous;
    previous = axis;
  }
  bool isLogical = getKind() == ReduceKind::any || getKind() == ReduceKind::all;
  bool isBool = getX().getType().getElementType().isInteger(1);
  bool takesBool = isLogical || getKind() == ReduceKind::max || getKind() == ReduceKind::min;
  if (isBool ? !takesBool : isLogical) // reduce_c3
    return emitOpError("'") << stringifyReduceKind(getKind()) << "' does not take elements of type "
                            << getX().getType().getElementType();
  return success();
}

LogicalResult ReduceOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  Dims y;
  for (auto [axis, dim] : llvm::enumerate(solver.dims(getX()))) {
    if (!llvm::is_contained(getAxes(), static_cast<int64_t>(axis)))
      y.push_back(dim);
    else if (getKeepDims())
      y.push_back(solver.constant(1));
  }
  results.push_back(y);
  return success();
}

std::optional<Dims> ReduceOp::inferContents(ShapeSolver &solver) {
  // Only the number of elements of a shape: a product (or sum) over a vector.
  std::optional<Dims> x = solver.contents(getX());
  if (!x || getX().getType().getRank() != 1 || getAxes().size() != 1)
    return std::nullopt;
  if (getKind() == ReduceKind::prod)
    return Dims{solver.product(*x)};
  if (getKind() != ReduceKind::sum)
    return std::nullopt;
  AffineExpr sum = solver.constant(0);
  for (AffineExpr element : *x)
    sum = sum + element;
  return Dims{solver.simplify(sum)};
}

LogicalResult ArgOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  Dims y = solver.dims(getX());
  if (getKeepDims())
    y[getAxis()] = solver.constant(1);
  else
    y.erase(y.begin() + getAxis());
  results.push_back(y);
  return success();
}

LogicalResult TopKOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  Dims y = solver.dims(getX());
  AffineExpr have = y[getAxis()], taken = solver.dims(getY())[getAxis()];
  if (failed(solver.require(*this, have, taken, "the dimension must have as many elements as are taken")))
    return failure();
  y[getAxis()] = taken;
  results.push_back(y);
  return success();
}

LogicalResult SortRowsOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  results.push_back({solver.dims(getX()).front()});
  return success();
}

/// The result has the shape of the operand.
template <typename OpT> static LogicalResult inferSame(OpT op, ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  results.push_back(solver.dims(op.getX()));
  return op.verify();
}

LogicalResult SoftmaxOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  return inferSame(*this, solver, results);
}
LogicalResult LayerNormOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  return inferSame(*this, solver, results);
}
LogicalResult CumulativeSumOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  return inferSame(*this, solver, results);
}
LogicalResult CumulativeProductOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  return inferSame(*this, solver, results);
}

} // namespace lathe::graph
