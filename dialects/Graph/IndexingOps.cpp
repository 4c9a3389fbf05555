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

/// Where there are positions, there must be something that they select: in each of
/// the `length` dims of `x` from `first` on. Ops in branches and loops may never
/// run, so their sizes say nothing at entry.
static LogicalResult requireElements(Operation *op, ShapeSolver &solver, Value x, uint64_t first, int64_t length,
                                     ArrayRef<AffineExpr> positions) {
  Dims dims = solver.dims(x);
  auto hasElements = [](AffineExpr dim) {
    auto fixed = dyn_cast<AffineConstantExpr>(dim);
    return fixed && fixed.getValue() > 0;
  };
  if (!isa<FunctionOpInterface>(op->getParentOp()) || llvm::all_of(ArrayRef(dims).slice(first, length), hasElements))
    return success();
  AffineExpr least = solver.constant(1);
  for (AffineExpr dim : positions)
    least = solver.min(least, dim);
  for (uint64_t i = first; i < first + length; ++i)
    if (failed(solver.require(op, dims[i], least, "dim " + Twine(i) + " of 'x' must have what 'indices' select")))
      return failure();
  return success();
}

LogicalResult GatherOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  Dims x = solver.dims(getX()), indices = solver.dims(getIndices()), y(x.begin(), x.begin() + getAxis());
  y.append(indices);
  y.append(x.begin() + getAxis() + 1, x.end());
  results.push_back(y);
  return requireElements(*this, solver, getX(), getAxis(), 1, indices);
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

/// But for `axis`, a position in `indices` is one in `x`: it may not lie outside.
static LogicalResult requireInside(Operation *op, ShapeSolver &solver, Value x, Value indices, uint64_t axis) {
  for (auto [i, dims] : llvm::enumerate(llvm::zip(solver.dims(x), solver.dims(indices)))) {
    auto [mine, theirs] = dims;
    if (i != axis &&
        failed(solver.require(op, mine, theirs, "dim " + Twine(i) + " of 'x' must be at least that of 'indices'")))
      return failure();
  }
  return success();
}

LogicalResult GatherElementsOp::verify() {
  if (rankOf(getX()) != rankOf(getIndices()))
    return emitOpError("'x' has rank ") << rankOf(getX()) << ", but 'indices' has rank " << rankOf(getIndices());
  return verifyAxis(*this);
}

LogicalResult GatherElementsOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  results.push_back(solver.dims(getIndices()));
  if (failed(verify()))
    return failure();
  if (failed(requireElements(*this, solver, getX(), getAxis(), 1, solver.dims(getIndices()))))
    return failure();
  return requireInside(*this, solver, getX(), getIndices(), getAxis()); // gather_elements_c2
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
  return requireElements(*this, solver, getX(), getBatchDims(), length, ArrayRef(indices).drop_back());
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
  if (failed(requireElements(*this, solver, getX(), getAxis(), 1, solver.dims(getIndices()))))
    return failure();
  return requireInside(*this, solver, getX(), getIndices(), getAxis()); // scatter_elements_c3
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
  return requireElements(*this, solver, getX(), 0, length, ArrayRef(indices).drop_back());
}

LogicalResult NonzeroOp::verify() {
  int64_t rank = rankOf(getX());
  if (rank == 0 || getType().getRank() != 2 || getType().getDimSize(0) != rank) // nonzero_c1
    return emitOpError("finds positions in ") << getX().getType() << ", which are [rank, number] and not " << getType();
  return success();
}

LogicalResult NonzeroOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  results.push_back(solver.dims(getY()));
  return verify();
}

LogicalResult SuppressBoxesOp::verify() {
  auto boxes = getBoxes().getType();
  bool good = boxes.getRank() == 3 && boxes.getDimSize(2) == 4 && rankOf(getOverlap()) == 0 &&
              (!getLeast() || rankOf(getLeast()) == 0);
  for (Value other : {Value(getScores()), Value(getOrder()), Value(getY())})
    good = good && rankOf(other) == 3;
  if (!good) // suppress_boxes_c1
    return emitOpError("takes boxes of [images, boxes, 4], and scores and order of [images, classes, boxes], not ")
           << boxes << ", " << getScores().getType() << " and " << getOrder().getType();
  return success();
}

LogicalResult SuppressBoxesOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  Dims boxes = solver.dims(getBoxes()), scores = solver.dims(getScores()), order = solver.dims(getOrder());
  Dims y = solver.dims(getY());
  for (auto [a, b, what] : {std::tuple(boxes[0], scores[0], "the images of 'boxes' and of 'scores'"),
                            std::tuple(boxes[1], scores[2], "the boxes of 'boxes' and of 'scores'")})
    if (failed(solver.unify(*this, a, b, what)))
      return failure();
  for (auto [a, b] : llvm::zip(scores, order))
    if (failed(solver.unify(*this, a, b, "dims of 'scores' and 'order'")))
      return failure();
  results.push_back({scores[0], scores[1], y[2]});
  return success();
}

LogicalResult ResizeOp::verify() {
  int64_t rank = rankOf(getX());
  for (int64_t axis : getAxes()) // resize_c1
    if (axis < 0 || axis >= rank || llvm::count(getAxes(), axis) != 1)
      return emitOpError("'axes' must be distinct and in [0, ") << rank << "), but has " << axis;
  if (!!getSizes() + !!getFactors() + !getScales().empty() > 1) // resize_c2
    return emitOpError("takes one of 'sizes', 'scales' and 'factors'");
  if (getFactors()) { // resize_c3
    RankedTensorType factors = getFactors().getType();
    ArrayRef<int64_t> shape = factors.getShape();
    if (shape.empty() || shape.size() > 2 || shape.back() != static_cast<int64_t>(getAxes().size()) ||
        (shape.size() == 2 && shape.front() != 2))
      return emitOpError("needs one entry of 'factors' for each of ") << getAxes().size() << " axes, not " << factors;
  }
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
  Dims x = solver.dims(getX()), y = x;
  // What is larger than nothing is read from somewhere.
  auto requireElements = [&](ArrayRef<AffineExpr> sizes) {
    if (!isa<FunctionOpInterface>((*this)->getParentOp()))
      return success();
    for (int64_t axis : getAxes()) {
      auto fixed = dyn_cast<AffineConstantExpr>(x[axis]);
      if ((!fixed || fixed.getValue() < 1) &&
          failed(solver.require(*this, x[axis], solver.min(solver.constant(1), sizes[axis]),
                                "dim " + Twine(axis) + " has no elements to read")))
        return failure();
    }
    return success();
  };
  if (!getSizes() && getScales().empty()) {
    results.push_back(solver.dims(getY()));
    return requireElements(results.front());
  }
  if (getSizes()) {
    OpBuilder builder(*this);
    std::optional<Dims> sizes = solver.elements(builder, getSizes());
    if (!sizes || sizes->size() != getAxes().size())
      return emitOpError("needs 'sizes' whose number is known, one per axis [graph-shape-operand]");
    for (auto [axis, size] : llvm::zip(getAxes(), *sizes))
      y[axis] = size;
    results.push_back(y);
    return requireElements(y);
  }
  for (auto [axis, scale] : llvm::zip(getAxes(), getScales())) {
    if (auto fixed = dyn_cast<AffineConstantExpr>(y[axis])) {
      double size = std::floor(fixed.getValue() * scale);
      if (size > ShapeSolver::maxElements)
        return emitOpError("the size of dim ") << axis << " overflows [graph-size-overflow]";
      y[axis] = solver.constant(static_cast<int64_t>(size));
      continue;
    }
    // Every scale is a whole number by a power of two, hence so is the size,
    // rounded down just as that of a fixed one.
    int exponent;
    double mantissa = std::frexp(scale, &exponent);
    for (; mantissa != std::floor(mantissa); --exponent)
      mantissa *= 2;
    constexpr double mostFactor = 0x1p24, mostDivisor = 60;
    double factor = exponent > 0 ? std::ldexp(mantissa, exponent) : mantissa;
    if (factor > mostFactor || -exponent > mostDivisor)
      return emitOpError("cannot scale the free dim ")
             << axis << " by " << scale << ": sizes would overflow; fix the dim with --dim [graph-dynamic-scale]";
    y[axis] = solver.simplify(y[axis] * static_cast<int64_t>(factor)).floorDiv(int64_t(1) << std::max(0, -exponent));
  }
  results.push_back(y);
  return success();
}

} // namespace lathe::graph
