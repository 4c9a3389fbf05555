// dialects/Graph/ShapeOps.cpp: verification, shapes and contents of ops that move elements.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Graph.h"
#include <limits>

using namespace mlir;

namespace lathe::graph {

static int64_t rankOf(Value value) { return cast<RankedTensorType>(value.getType()).getRank(); }

/// The elements of a shape operand, or an error that says what is missing.
static FailureOr<Dims> shapeOperand(Operation *op, ShapeSolver &solver, Value operand, StringRef name) {
  OpBuilder builder(op);
  if (std::optional<Dims> elements = solver.elements(builder, operand))
    return *elements;
  return op->emitOpError() << "'" << name << "' is a " << operand.getType() << ", but a tensor of at most "
                           << ShapeSolver::maxContents << " integers, whose number is known, is expected"
                           << " [graph-shape-operand]";
}

//===----------------------------------------------------------------------===//
// constant, shape, dim_values
//===----------------------------------------------------------------------===//

LogicalResult ConstantOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  results.push_back(solver.dims(getY()));
  return success();
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValueAttr(); }

LogicalResult ShapeOp::verify() {
  int64_t rank = rankOf(getX()), start = getStart(), end = getEnd();
  if (start < 0 || start > end || end > rank) // shape_c1
    return emitOpError("takes dims ") << start << " to " << end << ", but the operand has rank " << rank;
  return success();
}

LogicalResult ShapeOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  results.push_back({solver.constant(getEnd() - getStart())});
  return verify();
}

std::optional<Dims> ShapeOp::inferContents(ShapeSolver &solver) {
  Dims x = solver.dims(getX());
  return Dims(x.begin() + getStart(), x.begin() + getEnd());
}

LogicalResult DimValuesOp::verify() {
  if (!getType().hasStaticShape())
    return emitOpError("has a result of static shape, not ") << getType();
  if (getType().getNumElements() != getDims().getMap().getNumResults())
    return emitOpError("has ") << getDims().getMap().getNumResults() << " values for " << getType().getNumElements()
                               << " elements";
  return success();
}

LogicalResult DimValuesOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  results.push_back(solver.dims(getY()));
  return success();
}

std::optional<Dims> DimValuesOp::inferContents(ShapeSolver &) { return Dims(getDims().getMap().getResults()); }

//===----------------------------------------------------------------------===//
// reshape, transpose, broadcast, concat
//===----------------------------------------------------------------------===//

LogicalResult ReshapeOp::verify() {
  auto x = getX().getType(), y = getType();
  if (x.hasStaticShape() && y.hasStaticShape() && x.getNumElements() != y.getNumElements() && !getShape()) // reshape_c1
    return emitOpError("cannot turn ") << x.getNumElements() << " elements into " << y.getNumElements();
  return success();
}

/// 1 where `expr`, which may be negative, is 0, else 0.
static AffineExpr isZero(ShapeSolver &solver, AffineExpr expr) {
  AffineExpr one = solver.constant(1);
  return one - solver.min(one, solver.max(expr, solver.simplify(expr * -1)));
}

namespace {
/// An entry of a shape that the program reads from an input: it may turn out to
/// be a size, or 0 or -1 with their meanings.
struct ReadEntry {
  AffineExpr size;   ///< With 1 in the place of -1.
  AffineExpr isRest; ///< 1 where it is -1, else 0.
};
} // namespace

static FailureOr<ReadEntry> readEntry(ReshapeOp op, ShapeSolver &solver, AffineExpr entry, AffineExpr copied) {
  AffineExpr zero = solver.constant(0), one = solver.constant(1);
  if (failed(solver.require(op, entry, solver.constant(-1), "an entry of 'shape' must be at least -1")))
    return failure();
  AffineExpr isRest = solver.max(zero, solver.simplify(entry * -1));
  AffineExpr size = solver.simplify(solver.max(entry, zero) + isRest);
  if (copied && !op.getAllowZero())
    size = solver.simplify(size + isZero(solver, entry) * copied);
  // Of several entries that may be -1, each becomes the rest: the check of the
  // numbers of elements fails, unless the rest is 1.
  return ReadEntry{size, solver.min(isRest, one)};
}

LogicalResult ReshapeOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  Dims x = solver.dims(getX());
  if (!getShape()) {
    results.push_back(solver.dims(getY()));
    return success();
  }
  FailureOr<Dims> shape = shapeOperand(*this, solver, getShape(), "shape");
  if (failed(shape))
    return failure();
  Dims y;
  std::optional<size_t> rest;
  SmallVector<std::pair<size_t, AffineExpr>> maybeRest;
  for (auto [i, dim] : llvm::enumerate(*shape)) {
    auto fixed = dyn_cast<AffineConstantExpr>(dim);
    if (!fixed && !solver.isNonNegative(dim)) {
      FailureOr<ReadEntry> entry = readEntry(*this, solver, dim, i < x.size() ? x[i] : AffineExpr());
      if (failed(entry))
        return failure();
      maybeRest.push_back({i, entry->isRest});
      y.push_back(entry->size);
      continue;
    }
    if (fixed && fixed.getValue() == -1) {
      if (rest)
        return emitOpError("'shape' has -1 at ") << *rest << " and at " << i << " [graph-shape-mismatch]";
      rest = i;
      dim = solver.constant(1);
    } else if (fixed && fixed.getValue() == 0 && !getAllowZero()) {
      if (i >= x.size())
        return emitOpError("'shape' copies dim ")
               << i << ", but the operand has rank " << x.size() << " [graph-shape-mismatch]";
      dim = x[i];
    }
    y.push_back(dim);
  }
  AffineExpr total = solver.product(x), known = solver.product(y);
  if (!maybeRest.empty()) {
    AffineExpr part = total.floorDiv(solver.max(known, solver.constant(1)));
    for (auto [i, isRest] : maybeRest)
      y[i] = solver.simplify(y[i] + isRest * (part - 1));
    if (rest)
      y[*rest] = part;
    if (failed(solver.unify(*this, total, solver.product(y), "numbers of elements before and after reshaping")))
      return failure();
  } else if (rest) {
    y[*rest] = solver.divide(total, known);
    if (!y[*rest]) {
      auto above = dyn_cast<AffineConstantExpr>(total), below = dyn_cast<AffineConstantExpr>(known);
      if (above && below)
        return emitOpError("cannot split ")
               << above.getValue() << " elements into rows of " << below.getValue() << " [graph-shape-mismatch]";
      y[*rest] = total.floorDiv(known);
      known = known * y[*rest];
      if (failed(solver.unify(*this, total, known, "numbers of elements before and after reshaping")))
        return failure();
    }
  } else if (failed(solver.unify(*this, total, known, "numbers of elements before and after reshaping"))) {
    return failure();
  }
  results.push_back(y);
  return success();
}

std::optional<Dims> ReshapeOp::inferContents(ShapeSolver &solver) { return solver.contents(getX()); }

LogicalResult TransposeOp::verify() {
  ArrayRef<int64_t> permutation = getPermutation();
  SmallVector<bool> seen(permutation.size());
  bool valid = static_cast<int64_t>(permutation.size()) == rankOf(getX());
  for (int64_t axis : permutation) {
    valid = valid && axis >= 0 && axis < static_cast<int64_t>(seen.size()) && !seen[axis];
    if (valid)
      seen[axis] = true;
  }
  if (!valid) // transpose_c1
    return emitOpError("'permutation' is [") << permutation << "], which is none of 0 ... " << rankOf(getX()) - 1;
  return success();
}

LogicalResult TransposeOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  Dims x = solver.dims(getX()), y;
  for (int64_t axis : getPermutation())
    y.push_back(x[axis]);
  results.push_back(y);
  return success();
}

LogicalResult BroadcastOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  FailureOr<Dims> shape =
      getShape() ? shapeOperand(*this, solver, getShape(), "shape") : FailureOr<Dims>(solver.dims(getY()));
  if (failed(shape))
    return failure();
  FailureOr<Dims> both = solver.broadcast(*this, solver.dims(getX()), *shape);
  if (failed(both))
    return failure();
  if (getShape() && !getExact()) {
    results.push_back(*both);
    return success();
  }
  // broadcast_c1
  if (both->size() != shape->size())
    return emitOpError("cannot turn rank ")
           << both->size() << " into rank " << shape->size() << " [graph-shape-mismatch]";
  for (auto [found, wanted] : llvm::zip(*both, *shape))
    if (failed(solver.unify(*this, found, wanted, "dims of 'x' and of the shape")))
      return failure();
  results.push_back(*shape);
  return success();
}

std::optional<Dims> BroadcastOp::inferContents(ShapeSolver &solver) {
  std::optional<Dims> x = solver.contents(getX());
  if (!x || x->size() != 1)
    return std::nullopt;
  return Dims(getType().getNumElements(), x->front());
}

LogicalResult ConcatOp::verify() {
  if (getXs().empty()) // concat_c1
    return emitOpError("takes at least one operand");
  int64_t rank = rankOf(getXs().front());
  for (Value x : getXs()) {
    if (rankOf(x) != rank)
      return emitOpError("operands have ranks ") << rank << " and " << rankOf(x) << ", but must have one";
    if (getElementTypeOrSelf(x) != getType().getElementType())
      return emitOpError("operands must have the element type of the result");
  }
  if (static_cast<int64_t>(getAxis()) >= rank) // concat_c2
    return emitOpError("'axis' is ") << getAxis() << ", but the operands have rank " << rank;
  return success();
}

LogicalResult ConcatOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  Dims y = solver.dims(getXs().front());
  for (Value x : getXs().drop_front())
    for (auto [i, dim] : llvm::enumerate(solver.dims(x))) {
      if (i == getAxis()) {
        y[i] = solver.simplify(y[i] + dim);
        continue;
      }
      FailureOr<AffineExpr> same = solver.unify(*this, y[i], dim, "operands' dims " + Twine(i));
      if (failed(same))
        return failure();
      y[i] = *same;
    }
  results.push_back(y);
  return success();
}

std::optional<Dims> ConcatOp::inferContents(ShapeSolver &solver) {
  if (getType().getRank() != 1)
    return std::nullopt;
  Dims result;
  for (Value x : getXs()) {
    std::optional<Dims> part = solver.contents(x);
    if (!part)
      return std::nullopt;
    result.append(*part);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// slice, pad, range, iota
//===----------------------------------------------------------------------===//

LogicalResult SliceOp::verify() {
  int64_t rank = rankOf(getX());
  for (int64_t axis : getAxes()) // slice_c1
    if (axis < 0 || axis >= rank || llvm::count(getAxes(), axis) != 1)
      return emitOpError("'axes' must be distinct and in [0, ") << rank << "), but has " << axis;
  if (getSteps().size() != getAxes().size())
    return emitOpError("'steps' has ") << getSteps().size() << " entries for " << getAxes().size() << " axes";
  if (llvm::is_contained(getSteps(), 0))
    return emitOpError("'steps' must not be 0");
  bool both = getStarts() && getEnds(), none = !getStarts() && !getEnds();
  if (!(both && !getOffsets()) && !(none && getOffsets())) // slice_c2
    return emitOpError("takes either 'starts' and 'ends', or 'offsets'");
  if (getOffsets() && getOffsets()->getMap().getNumResults() != getAxes().size())
    return emitOpError("'offsets' has ") << getOffsets()->getMap().getNumResults() << " entries for "
                                         << getAxes().size() << " axes";
  return success();
}

namespace {
/// Where a slice along one axis begins, and how many elements it has.
struct Section {
  AffineExpr offset, size;
};
} // namespace

/// ONNX's rules: negative positions count from the end, then are clamped. Steps
/// beyond every size are all the same, and shorter ones do not overflow.
static Section section(ShapeSolver &solver, AffineExpr dim, AffineExpr start, AffineExpr end, int64_t step) {
  step = std::clamp(step, -ShapeSolver::maxElements, ShapeSolver::maxElements);
  AffineExpr zero = solver.constant(0), last = solver.simplify(dim - 1);
  auto position = [&](AffineExpr at, AffineExpr least, AffineExpr most) {
    auto fixed = dyn_cast<AffineConstantExpr>(at);
    constexpr int64_t far = std::numeric_limits<int32_t>::max();
    if (fixed && fixed.getValue() >= far)
      return most;
    if (fixed && fixed.getValue() <= -far)
      return least;
    if (fixed && fixed.getValue() < 0) {
      at = solver.simplify(dim + at);
    } else if (!fixed && !solver.isNonNegative(at)) {
      // The sign is known at run time: -1 where negative, else 0, times -dim.
      AffineExpr sign = solver.max(solver.constant(-1), solver.min(at, zero));
      at = solver.simplify(at - dim * sign);
    }
    return solver.max(least, solver.min(at, most));
  };
  Section result;
  if (step > 0) {
    result.offset = position(start, zero, dim);
    AffineExpr stop = position(end, zero, dim);
    auto first = dyn_cast<AffineConstantExpr>(start), behind = dyn_cast<AffineConstantExpr>(end);
    // The last ones: as many as wanted, or all.
    bool isTail = first && first.getValue() < 0 && stop == dim && result.offset != zero;
    AffineExpr span = isTail ? solver.min(solver.constant(-first.getValue()), dim)
                             : solver.max(zero, solver.simplify(stop - result.offset));
    // One element may be meant for broadcasting, so that it is no more must show.
    bool isOne = first && behind && behind.getValue() - first.getValue() == 1 && behind.getValue() != 0;
    if (isOne && !solver.isAtMostOne(span))
      span = solver.min(solver.constant(1), span);
    result.size = solver.simplify(span.ceilDiv(step));
  } else {
    result.offset = position(start, zero, last);
    AffineExpr stop = position(end, solver.constant(-1), last);
    // Of a dimension without elements there is none, though the offset is 0.
    AffineExpr span = solver.min(dim, solver.max(zero, solver.simplify(result.offset - stop)));
    result.size = solver.simplify(span.ceilDiv(-step));
  }
  return result;
}

static FailureOr<SmallVector<Section>> sections(SliceOp op, ShapeSolver &solver) {
  Dims x = solver.dims(op.getX());
  FailureOr<Dims> starts = shapeOperand(op, solver, op.getStarts(), "starts");
  FailureOr<Dims> ends = failed(starts) ? starts : shapeOperand(op, solver, op.getEnds(), "ends");
  if (failed(ends))
    return failure();
  if (starts->size() != op.getAxes().size() || ends->size() != op.getAxes().size())
    return op.emitOpError("'starts' has ") << starts->size() << " entries and 'ends' " << ends->size() << " for "
                                           << op.getAxes().size() << " axes [graph-shape-mismatch]";
  SmallVector<Section> result;
  for (auto [i, axis] : llvm::enumerate(op.getAxes()))
    result.push_back(section(solver, x[axis], (*starts)[i], (*ends)[i], op.getSteps()[i]));
  return result;
}

LogicalResult SliceOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  if (getOffsets()) {
    results.push_back(solver.dims(getY()));
    return success();
  }
  FailureOr<SmallVector<Section>> found = sections(*this, solver);
  if (failed(found))
    return failure();
  Dims y = solver.dims(getX()), offsets;
  for (auto [axis, part] : llvm::zip(getAxes(), *found)) {
    y[axis] = part.size;
    offsets.push_back(part.offset);
  }
  results.push_back(y);
  // What was computed once is written down, so that no operand is needed.
  setOffsetsAttr(DimsAttr::get(getContext(), solver.map(offsets)));
  getStartsMutable().clear();
  getEndsMutable().clear();
  return success();
}

std::optional<Dims> SliceOp::inferContents(ShapeSolver &solver) {
  std::optional<Dims> x = solver.contents(getX());
  if (!x || getAxes().size() != 1 || !getOffsets())
    return std::nullopt;
  auto offset = dyn_cast<AffineConstantExpr>(getOffsets()->getMap().getResult(0));
  if (!offset || !getType().hasStaticShape())
    return std::nullopt;
  int64_t axis = getAxes()[0], inner = 1;
  for (int64_t size : getType().getShape().drop_front(axis + 1))
    inner *= size;
  int64_t before = cast<RankedTensorType>(getX().getType()).getDimSize(axis), after = getType().getDimSize(axis);
  Dims result;
  for (int64_t i = 0; i < getType().getNumElements(); ++i) {
    int64_t row = i / inner, at = offset.getValue() + row % after * getSteps()[0];
    if (at < 0 || at >= before)
      return std::nullopt;
    result.push_back((*x)[(row / after * before + at) * inner + i % inner]);
  }
  return result;
}

LogicalResult PadOp::verify() {
  if (!!getPads() == !!getAmounts()) // pad_c2
    return emitOpError("takes either 'pads' or 'amounts'");
  size_t expected = 2 * rankOf(getX());
  if (getAmounts() && getAmounts()->getMap().getNumResults() != expected) // pad_c1
    return emitOpError("'amounts' has ") << getAmounts()->getMap().getNumResults() << " entries, but " << expected
                                         << " are expected";
  return success();
}

LogicalResult PadOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  Dims y = solver.dims(getX()), amounts;
  if (getAmounts()) {
    amounts = Dims(getAmounts()->getMap().getResults());
  } else {
    FailureOr<Dims> pads = shapeOperand(*this, solver, getPads(), "pads");
    if (failed(pads))
      return failure();
    if (pads->size() != 2 * y.size())
      return emitOpError("'pads' has ") << pads->size() << " entries, but " << 2 * y.size()
                                        << " are expected [graph-shape-mismatch]";
    amounts = *pads;
    setAmountsAttr(DimsAttr::get(getContext(), solver.map(amounts)));
    getPadsMutable().clear();
  }
  for (AffineExpr amount : amounts) {
    // Larger ones could overflow to a sum that looks like a size.
    auto fixed = dyn_cast<AffineConstantExpr>(amount);
    if (fixed && (fixed.getValue() > ShapeSolver::maxElements || fixed.getValue() < -ShapeSolver::maxElements))
      return emitOpError("adds ") << fixed.getValue() << " elements to a dimension, but at most "
                                  << ShapeSolver::maxElements << " are supported [graph-size-overflow]";
  }
  for (size_t i = 0; i < y.size(); ++i) {
    AffineExpr before = y[i];
    y[i] = solver.simplify(before + amounts[i] + amounts[i + y.size()]);
    if (getMode() == PadMode::constant || y[i] == before)
      continue;
    // What is added comes from the elements that there are.
    AffineExpr needed = solver.min(solver.constant(1), y[i]);
    if (failed(solver.require(*this, before, needed, "dim " + Twine(i) + " of 'x' must have an element to pad with")))
      return failure();
  }
  results.push_back(y);
  return success();
}

LogicalResult RangeOp::verify() {
  for (Value operand : getOperands())
    if (rankOf(operand) != 0) // range_c1
      return emitOpError("takes scalars, but an operand has rank ") << rankOf(operand);
  return success();
}

/// What a scalar was before casts to a wider type.
static Value beforeCasts(Value value) {
  while (auto cast = value.getDefiningOp<CastOp>()) {
    bool isFloat = isa<FloatType>(cast.getX().getType().getElementType());
    if (isFloat && cast.getX().getType().getElementTypeBitWidth() > cast.getType().getElementTypeBitWidth())
      break;
    value = cast.getX();
  }
  return value;
}

/// The value of a constant float scalar.
static std::optional<double> floatConstant(Value value) {
  value = beforeCasts(value);
  auto constant = value.getDefiningOp<ConstantOp>();
  auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : DenseElementsAttr();
  if (!dense || dense.getNumElements() != 1 || !isa<FloatType>(dense.getElementType()))
    return std::nullopt;
  APFloat number = *dense.getValues<APFloat>().begin();
  bool lost;
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
  return number.convertToDouble();
}

/// The value of a scalar that is a whole number: a float may be the constant of
/// one, or made from an integer.
static std::optional<AffineExpr> wholeScalar(OpBuilder &builder, ShapeSolver &solver, Value value) {
  if (!isa<FloatType>(cast<RankedTensorType>(value.getType()).getElementType())) {
    std::optional<Dims> elements = solver.elements(builder, value);
    return elements ? std::optional<AffineExpr>(elements->front()) : std::nullopt;
  }
  if (std::optional<double> number = floatConstant(value)) {
    if (*number != std::floor(*number) || std::abs(*number) > static_cast<double>(ShapeSolver::maxElements))
      return std::nullopt;
    return solver.constant(static_cast<int64_t>(*number));
  }
  Value source = beforeCasts(value);
  if (isa<FloatType>(cast<RankedTensorType>(source.getType()).getElementType()))
    return std::nullopt;
  return wholeScalar(builder, solver, source);
}

/// How many numbers there are from `from` on and below `to`, in steps of the size of `delta`; none if they are too
/// many.
static std::optional<int64_t> countSteps(int64_t from, int64_t to, int64_t delta) {
  // Differences of 64-bit numbers need one bit more than those.
  uint64_t span = from < to ? static_cast<uint64_t>(to) - static_cast<uint64_t>(from) : 0;
  uint64_t size = delta < 0 ? -static_cast<uint64_t>(delta) : static_cast<uint64_t>(delta);
  uint64_t count = span / size + (span % size != 0);
  if (count > static_cast<uint64_t>(ShapeSolver::maxElements))
    return std::nullopt;
  return static_cast<int64_t>(count);
}

/// The same for bounds that only the run knows; `first`, `last` and `size` are as if it counted up.
static AffineExpr countSteps(ShapeSolver &solver, AffineExpr first, AffineExpr last, AffineExpr size) {
  // The difference of the bounds may need a bit more than 64: quotients are
  // subtracted, and the remainders say whether there is one more. Those are
  // symbols of their own, or simplifying would subtract the bounds after all.
  AffineExpr zero = solver.constant(0);
  auto divide = [&](AffineExpr bound) -> std::pair<AffineExpr, AffineExpr> {
    AffineExpr quotient = solver.simplify(bound.floorDiv(size));
    return {quotient, solver.max(zero, solver.simplify(bound - quotient * size))};
  };
  auto [begin, beginRest] = divide(first);
  auto [end, endRest] = divide(last);
  AffineExpr more = solver.max(zero, solver.min(solver.constant(1), solver.simplify(endRest - beginRest)));
  return solver.max(zero, solver.simplify(end - begin + more));
}

/// Arithmetic on sizes saturates, so bounds that are too far apart are too many steps; but the negative of the least
/// number is one less than it should be.
static LogicalResult requireNegatable(RangeOp op, ShapeSolver &solver, AffineExpr bound) {
  constexpr int64_t least = -std::numeric_limits<int64_t>::max();
  if (auto fixed = dyn_cast<AffineConstantExpr>(bound); fixed && fixed.getValue() >= least)
    return success();
  return solver.require(op, bound, solver.constant(least), "the bounds of a range must be above -2^63");
}

LogicalResult RangeOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  if (isa<FloatType>(getType().getElementType())) {
    auto start = floatConstant(getStart()), limit = floatConstant(getLimit()), delta = floatConstant(getDelta());
    if (start && limit && delta && *delta != 0) {
      double count = std::max(0.0, std::ceil((*limit - *start) / *delta));
      if (!(count <= static_cast<double>(ShapeSolver::maxElements)))
        return emitOpError("has too many elements [graph-size-overflow]");
      results.push_back({solver.constant(static_cast<int64_t>(count))});
      return success();
    }
  }
  Dims values;
  constexpr StringLiteral names[] = {"start", "limit", "delta"};
  for (auto [operand, name] : llvm::zip(getOperands(), names)) {
    OpBuilder builder(*this);
    std::optional<AffineExpr> whole = wholeScalar(builder, solver, operand);
    if (!whole)
      return emitOpError() << "'" << name << "' is a float that is no whole number; read the number of elements from "
                           << "an integer instead [graph-shape-operand]";
    values.push_back(*whole);
  }
  auto delta = dyn_cast<AffineConstantExpr>(values[2]);
  if (delta && delta.getValue() == 0)
    return emitOpError("needs a 'delta' other than 0 [graph-shape-mismatch]");
  AffineExpr first = values[0], last = values[1], zero = solver.constant(0), count;
  if (!delta) {
    // Its sign is known at run time: 1 or -1, times all of it.
    AffineExpr one = solver.constant(1), minusOne = solver.constant(-1);
    AffineExpr sign = solver.max(minusOne, solver.min(values[2], one));
    AffineExpr size = solver.max(values[2], solver.simplify(values[2] * -1));
    if (failed(solver.require(*this, size, one, "'delta' must not be 0")) ||
        failed(requireNegatable(*this, solver, first)) || failed(requireNegatable(*this, solver, last)))
      return failure();
    count = countSteps(solver, first * sign, last * sign, solver.max(size, one));
  } else {
    if (delta.getValue() < 0)
      std::swap(first, last);
    int64_t size = std::abs(std::max(delta.getValue(), -std::numeric_limits<int64_t>::max()));
    auto from = dyn_cast<AffineConstantExpr>(first), to = dyn_cast<AffineConstantExpr>(last);
    if (from && to) {
      std::optional<int64_t> steps = countSteps(from.getValue(), to.getValue(), delta.getValue());
      if (!steps)
        return emitOpError("has too many elements [graph-size-overflow]");
      results.push_back({solver.constant(*steps)});
      return success();
    }
    AffineExpr span = solver.simplify(last - first);
    count = solver.simplify(solver.max(zero, span).ceilDiv(size));
    // What follows from sizes alone is far from the ends of 64 bits, and 0 is in the middle of them.
    bool isOfSizes = true;
    span.walk([&](AffineExpr part) { isOfSizes &= !isa<AffineSymbolExpr>(part) || solver.isNonNegative(part); });
    if (isOfSizes || first == zero) {
      results.push_back({count});
      return success();
    }
    if (failed(requireNegatable(*this, solver, first)))
      return failure();
    // A span that saturates is too many small steps, but it may be fewer large ones than there are.
    if (llvm::divideCeil(std::numeric_limits<int64_t>::max(), size) <= static_cast<uint64_t>(ShapeSolver::maxElements))
      count = countSteps(solver, first, last, solver.constant(size));
  }
  if (failed(solver.require(*this, solver.constant(ShapeSolver::maxElements), count,
                            "a range must have at most 2^40 elements")))
    return failure();
  results.push_back({count});
  return success();
}

std::optional<Dims> RangeOp::inferContents(ShapeSolver &solver) {
  auto start = solver.contents(getStart()), delta = solver.contents(getDelta());
  if (!start || !delta || !getType().hasStaticShape())
    return std::nullopt;
  Dims result;
  for (int64_t i = 0; i < getType().getNumElements(); ++i)
    result.push_back(solver.simplify(start->front() + delta->front() * i));
  return result;
}

LogicalResult IotaOp::verify() {
  if (static_cast<int64_t>(getAxis()) >= getType().getRank())
    return emitOpError("'axis' is ") << getAxis() << ", but the result has rank " << getType().getRank();
  return success();
}

LogicalResult IotaOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  results.push_back(solver.dims(getY()));
  return verify();
}

} // namespace lathe::graph
