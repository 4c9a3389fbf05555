// lib/Conversion/GraphToLinalg/Shape.cpp: ops that move elements, and ops on
// shapes; reshaping is in Reshape.cpp.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Lowerings.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace lathe::graph;

namespace lathe::lowering {

static Value firstArgument(OpBuilder &, Location, ValueRange args) { return args[0]; }

//===----------------------------------------------------------------------===//
// constant, shape, dim_values
//===----------------------------------------------------------------------===//

static Lowered lowerConstant(ConstantOp op, LinalgBuilder &b, ValueRange) {
  auto dense = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!dense)
    return op.emitOpError("holds its elements outside of the text; a kernel "
                          "takes them as an argument [lower-resource]");
  Type element = getSignlessType(dense.getElementType());
  if (element != dense.getElementType())
    dense = dense.bitcast(element);
  return SmallVector<Value>{arith::ConstantOp::create(b, b.getLoc(), cast<TypedAttr>(dense))};
}

/// A tensor of the given sizes, in row-major order.
static Value fromSizes(LinalgBuilder &b, ArrayRef<OpFoldResult> values, RankedTensorType type) {
  if (values.empty())
    return emptyTensor(b, getAsIndexOpFoldResult(b.getContext(), type.getShape()), type.getElementType());
  SmallVector<Value> elements;
  for (OpFoldResult value : values)
    elements.push_back(fromIndex(b, b.getLoc(), indexValue(b, value), type.getElementType()));
  return tensor::FromElementsOp::create(b, b.getLoc(), type, elements);
}

static Lowered lowerShape(ShapeOp op, LinalgBuilder &b, ValueRange) {
  Sizes sizes = b.sizesOf(op.getX().getType());
  ArrayRef<OpFoldResult> wanted = ArrayRef(sizes).slice(op.getStart(), op.getEnd() - op.getStart());
  return SmallVector<Value>{fromSizes(b, wanted, getPlainType(op.getType()))};
}

static Lowered lowerDimValues(DimValuesOp op, LinalgBuilder &b, ValueRange) {
  Sizes values;
  for (AffineExpr expr : op.getDims().getMap().getResults())
    values.push_back(b.size(expr));
  return SmallVector<Value>{fromSizes(b, values, getPlainType(op.getType()))};
}

//===----------------------------------------------------------------------===//
// transpose, broadcast, concat
//===----------------------------------------------------------------------===//

static Lowered lowerTranspose(TransposeOp op, LinalgBuilder &b, ValueRange operands) {
  return SmallVector<Value>{permute(b, operands[0], op.getPermutation())};
}

/// The expression of dimension `i` of a graph tensor.
static AffineExpr dimOf(RankedTensorType type, int64_t i) {
  if (auto encoding = dyn_cast_or_null<DimsAttr>(type.getEncoding()))
    return encoding.getMap().getResult(i);
  return getAffineConstantExpr(type.getDimSize(i), type.getContext());
}

/// Repetition along dimensions that may be 1 at run time: positions along them
/// are multiplied by 0 where they are, else by 1. LLVM makes a version of the
/// loop for 1, which is vectorized.
static Value broadcastAtRunTime(BroadcastOp op, LinalgBuilder &b, Value x, ArrayRef<bool> mayRepeat) {
  int64_t rank = mayRepeat.size(), first = op.getType().getRank() - rank;
  Sizes sizes = b.sizesOf(op.getX().getType());
  SmallVector<Value> steps(rank);
  for (int64_t i = 0; i < rank; ++i) {
    if (!mayRepeat[i])
      continue;
    Value one = b.indexConstant(1);
    Value repeats = arith::CmpIOp::create(b, b.getLoc(), arith::CmpIPredicate::eq, indexValue(b, sizes[i]), one);
    steps[i] = arith::SelectOp::create(b, b.getLoc(), repeats, b.indexConstant(0), one);
  }
  return b.elementwise({}, b.empty(op.getType()), {}, [&](OpBuilder &body, Location loc, ValueRange) -> Value {
    SmallVector<Value> position;
    for (int64_t i = 0; i < rank; ++i) {
      bool isUnit = typeOf(x).getDimSize(i) == 1;
      Value at = isUnit ? arith::ConstantIndexOp::create(body, loc, 0).getResult()
                        : linalg::IndexOp::create(body, loc, first + i).getResult();
      position.push_back(steps[i] ? arith::MulIOp::create(body, loc, at, steps[i]).getResult() : at);
    }
    return tensor::ExtractOp::create(body, loc, x, position);
  });
}

static Lowered lowerBroadcast(BroadcastOp op, LinalgBuilder &b, ValueRange operands) {
  RankedTensorType from = op.getX().getType(), to = op.getType();
  SmallVector<bool> mayRepeat;
  for (int64_t i = 0, e = from.getRank(), first = to.getRank() - e; i < e; ++i)
    mayRepeat.push_back(from.isDynamicDim(i) && dimOf(from, i) != dimOf(to, first + i));
  if (llvm::is_contained(mayRepeat, true))
    return SmallVector<Value>{broadcastAtRunTime(op, b, operands[0], mayRepeat)};
  AffineMap map = broadcastMap(b.getContext(), typeOf(operands[0]).getShape(), op.getType().getShape());
  return SmallVector<Value>{b.elementwise(operands[0], b.empty(op.getType()), map, firstArgument)};
}

static Lowered lowerConcat(ConcatOp op, LinalgBuilder &b, ValueRange operands) {
  Value y = b.empty(op.getType());
  // Parts of nothing may not be put anywhere.
  if (llvm::is_contained(op.getType().getShape(), 0))
    return SmallVector<Value>{y};
  Sizes sizes = b.sizesOf(op.getType());
  Sizes offsets(sizes.size(), b.getIndexAttr(0));
  Sizes strides(sizes.size(), b.getIndexAttr(1));
  int64_t axis = op.getAxis();
  for (auto [old, operand] : llvm::zip_equal(op.getXs(), operands)) {
    sizes[axis] = b.sizesOf(old.getType())[axis];
    if (isConstantIntValue(sizes[axis], 0))
      continue;
    // Other dimensions may be known from another operand only.
    Value part = castShape(b, operand, decomposeMixedValues(sizes).first);
    y = tensor::InsertSliceOp::create(b, b.getLoc(), part, y, offsets, sizes, strides);
    offsets[axis] = add(b, offsets[axis], sizes[axis]);
  }
  return SmallVector<Value>{y};
}

//===----------------------------------------------------------------------===//
// slice
//===----------------------------------------------------------------------===//

/// Slices that run backwards read element by element.
static Value sliceBackwards(SliceOp op, LinalgBuilder &b, Value x, ArrayRef<OpFoldResult> offsets) {
  SmallVector<Value> starts;
  for (OpFoldResult offset : offsets)
    starts.push_back(indexValue(b, offset));
  return b.elementwise({}, b.empty(op.getType()), {}, [&](OpBuilder &body, Location loc, ValueRange) -> Value {
    SmallVector<Value> position;
    for (int64_t i = 0, e = op.getType().getRank(); i < e; ++i)
      position.push_back(linalg::IndexOp::create(body, loc, i));
    for (auto [i, axis] : llvm::enumerate(op.getAxes())) {
      Value step = arith::ConstantIndexOp::create(body, loc, op.getSteps()[i]);
      Value way = arith::MulIOp::create(body, loc, position[axis], step);
      position[axis] = arith::AddIOp::create(body, loc, starts[i], way);
    }
    return tensor::ExtractOp::create(body, loc, x, position);
  });
}

static Lowered lowerSlice(SliceOp op, LinalgBuilder &b, ValueRange operands) {
  Value x = operands[0];
  if (!op.getOffsets())
    return op.emitOpError("has 'starts' and 'ends' of its own; run "
                          "graph-infer-shapes first [lower-unresolved-shape]");
  // Nothing may be said of where a slice of nothing, or from nothing, begins.
  if (llvm::is_contained(op.getType().getShape(), 0) || llvm::is_contained(typeOf(x).getShape(), 0))
    return SmallVector<Value>{b.empty(op.getType())};
  Sizes axisOffsets;
  for (AffineExpr expr : op.getOffsets()->getMap().getResults())
    axisOffsets.push_back(b.size(expr));
  if (llvm::any_of(op.getSteps(), [](int64_t step) { return step < 0; }))
    return SmallVector<Value>{sliceBackwards(op, b, x, axisOffsets)};

  Sizes sizes = b.sizesOf(op.getType());
  Sizes offsets(sizes.size(), b.getIndexAttr(0));
  Sizes strides(sizes.size(), b.getIndexAttr(1));
  for (auto [i, axis] : llvm::enumerate(op.getAxes())) {
    offsets[axis] = axisOffsets[i];
    strides[axis] = b.getIndexAttr(op.getSteps()[i]);
  }
  return SmallVector<Value>{tensor::ExtractSliceOp::create(b, b.getLoc(), x, offsets, sizes, strides)};
}

//===----------------------------------------------------------------------===//
// pad
//===----------------------------------------------------------------------===//

/// The scalar that pads: the only element of `value`, or zero.
static Value padValue(PadOp op, LinalgBuilder &b, ValueRange operands) {
  Type element = elementOf(operands[0]);
  if (!op.getValue())
    return constant(b, b.getLoc(), element, 0);
  Value value = operands.back();
  SmallVector<Value> first(typeOf(value).getRank(), b.indexConstant(0));
  return tensor::ExtractOp::create(b, b.getLoc(), value, first);
}

/// The position in `[0, size)` that padding at `position` copies. With
/// `PadMode::constant` positions are known to be inside.
static Value foldPosition(OpBuilder &b, Location loc, PadMode mode, Value position, Value size) {
  auto index = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, loc, value); };
  auto less = [&](Value x, Value y) -> Value { return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, x, y); };
  /// The remainder that is never negative.
  auto modulo = [&](Value x, Value divisor) -> Value {
    Value rest = arith::RemSIOp::create(b, loc, x, divisor);
    Value up = arith::AddIOp::create(b, loc, rest, divisor);
    return arith::SelectOp::create(b, loc, less(rest, index(0)), up, rest);
  };
  Value last = arith::SubIOp::create(b, loc, size, index(1));
  switch (mode) {
  case PadMode::constant:
    return position;
  case PadMode::edge: {
    Value atMost = arith::MinSIOp::create(b, loc, position, last);
    return arith::MaxSIOp::create(b, loc, atMost, index(0));
  }
  case PadMode::wrap: {
    Value divisor = arith::MaxSIOp::create(b, loc, size, index(1));
    return modulo(position, divisor);
  }
  case PadMode::reflect: {
    // There and back again; a dimension of one element has no way back.
    Value period = arith::MulIOp::create(b, loc, last, index(2));
    period = arith::MaxSIOp::create(b, loc, period, index(1));
    Value way = modulo(position, period);
    Value back = arith::SubIOp::create(b, loc, period, way);
    Value folded = arith::SelectOp::create(b, loc, less(last, way), back, way);
    return arith::MinSIOp::create(b, loc, folded, last);
  }
  }
  llvm_unreachable("every mode is handled above");
}

/// Padding that reads the operand: every element from the position it copies.
static Value padByReading(PadOp op, LinalgBuilder &b, Value x, ArrayRef<OpFoldResult> low,
                          ArrayRef<OpFoldResult> high) {
  Sizes from = b.sizesOf(op.getX().getType());
  SmallVector<Value> before, sizes;
  for (auto [i, amount] : llvm::enumerate(low)) {
    before.push_back(indexValue(b, amount));
    sizes.push_back(indexValue(b, from[i]));
  }
  return b.elementwise({}, b.empty(op.getType()), {}, [&](OpBuilder &body, Location loc, ValueRange) -> Value {
    SmallVector<Value> position;
    for (size_t i = 0; i < low.size(); ++i) {
      Value at = linalg::IndexOp::create(body, loc, i);
      if (!isConstantIntValue(low[i], 0) || !isConstantIntValue(high[i], 0)) {
        at = arith::SubIOp::create(body, loc, at, before[i]);
        at = foldPosition(body, loc, op.getMode(), at, sizes[i]);
      }
      position.push_back(at);
    }
    return tensor::ExtractOp::create(body, loc, x, position);
  });
}

static Lowered lowerPad(PadOp op, LinalgBuilder &b, ValueRange operands) {
  if (!op.getAmounts())
    return op.emitOpError("has 'pads' of its own; run graph-infer-shapes first "
                          "[lower-unresolved-shape]");
  Value x = operands[0];
  unsigned rank = op.getType().getRank();
  Sizes low, high;
  for (auto [i, expr] : llvm::enumerate(op.getAmounts()->getMap().getResults()))
    (i < rank ? low : high).push_back(b.size(expr));
  if (op.getMode() != PadMode::constant)
    return SmallVector<Value>{padByReading(op, b, x, low, high)};

  // Amounts below zero cut off before the others add.
  Sizes offsets, sizes = b.sizesOf(op.getX().getType());
  AffineExpr d0 = b.getAffineDimExpr(0);
  for (unsigned i = 0; i < rank; ++i) {
    auto split = [&](OpFoldResult &amount) -> OpFoldResult {
      if (std::optional<int64_t> known = getConstantIntValue(amount)) {
        amount = b.getIndexAttr(std::max<int64_t>(*known, 0));
        return b.getIndexAttr(std::max<int64_t>(-*known, 0));
      }
      Value value = cast<Value>(amount), zero = b.indexConstant(0);
      Value negated = arith::SubIOp::create(b, b.getLoc(), zero, value).getResult();
      amount = arith::MaxSIOp::create(b, b.getLoc(), value, zero).getResult();
      return arith::MaxSIOp::create(b, b.getLoc(), negated, zero).getResult();
    };
    offsets.push_back(split(low[i]));
    OpFoldResult end = split(high[i]);
    sizes[i] = apply(b, d0 - b.getAffineDimExpr(1) - b.getAffineDimExpr(2), {sizes[i], offsets[i], end});
  }
  if (llvm::is_contained(getPlainType(op.getX().getType()).getShape(), 0))
    return SmallVector<Value>{b.filled(op.getType(), padValue(op, b, operands))};
  x = crop(b, x, offsets, sizes);
  return SmallVector<Value>{pad(b, x, low, high, padValue(op, b, operands))};
}

//===----------------------------------------------------------------------===//
// range, iota
//===----------------------------------------------------------------------===//

static Lowered lowerRange(RangeOp op, LinalgBuilder &b, ValueRange operands) {
  Type element = getSignlessType(op.getType().getElementType());
  AffineMap scalar = loopMap(b.getContext(), 1, {});
  Value y = b.elementwise(
      {operands[0], operands[2]}, b.empty(op.getType()), {scalar, scalar},
      [&](OpBuilder &body, Location loc, ValueRange args) {
        Value start = widen(body, loc, args[0]);
        Value delta = widen(body, loc, args[1]);
        Value i = linalg::IndexOp::create(body, loc, 0);
        Value step = fromIndex(body, loc, i, start.getType());
        if (isa<IntegerType>(element))
          return arith::AddIOp::create(body, loc, start, arith::MulIOp::create(body, loc, step, delta)).getResult();
        Value way = arith::MulFOp::create(body, loc, step, delta);
        return narrow(body, loc, arith::AddFOp::create(body, loc, start, way), element);
      });
  return SmallVector<Value>{y};
}

static Lowered lowerIota(IotaOp op, LinalgBuilder &b, ValueRange) {
  Type element = getSignlessType(op.getType().getElementType());
  Type wide = getAccumulatorType(element);
  Value y = b.elementwise({}, b.empty(op.getType()), {}, [&](OpBuilder &body, Location loc, ValueRange) {
    Value position = linalg::IndexOp::create(body, loc, op.getAxis());
    return narrow(body, loc, fromIndex(body, loc, position, wide), element);
  });
  return SmallVector<Value>{y};
}

void attachShape(MLIRContext *context) {
  attach<&lowerConstant, &lowerShape, &lowerDimValues, &lowerTranspose, &lowerBroadcast, &lowerConcat, &lowerSlice,
         &lowerPad, &lowerRange, &lowerIota>(context);
}

} // namespace lathe::lowering
