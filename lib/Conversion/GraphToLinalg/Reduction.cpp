// lib/Conversion/GraphToLinalg/Reduction.cpp: reductions over axes, softmax,
// positions of extremes and running sums.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Lowerings.h"
#include "Reductions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace lathe::graph;

namespace lathe::lowering {

//===----------------------------------------------------------------------===//
// What reductions share (Reductions.h)
//===----------------------------------------------------------------------===//

AxisLoops::AxisLoops(LinalgBuilder &b, Type graphType, ArrayRef<int64_t> axes)
    : context(b.getContext()), sizes(b.sizesOf(graphType)), iterators(sizes.size(), parallel) {
  for (int64_t axis : axes)
    iterators[axis] = reduction;
  SmallVector<AffineExpr> kept;
  for (auto [i, size] : llvm::enumerate(sizes)) {
    if (iterators[i] == reduction) {
      reduced.push_back(size);
      continue;
    }
    kept.push_back(b.getAffineDimExpr(i));
    keptSizes.push_back(size);
  }
  full = AffineMap::getMultiDimIdentityMap(sizes.size(), context);
  rows = loopMap(context, sizes.size(), kept);
}

Value AxisLoops::count(LinalgBuilder &b) const {
  OpFoldResult result = b.getIndexAttr(1);
  for (OpFoldResult size : reduced)
    result = mul(b, result, size);
  return indexValue(b, result);
}

Value AxisLoops::reduce(LinalgBuilder &b, ReduceKind kind, Value init, ArrayRef<Value> inputs,
                        ArrayRef<AffineMap> inputMaps, bool isUnsigned, LinalgBuilder::BodyFn element) const {
  SmallVector<AffineMap> maps(inputMaps);
  maps.push_back(rows);
  return b.generic(inputs, init, maps, iterators, [&](OpBuilder &body, Location loc, ValueRange args) {
    Value x = element(body, loc, args.drop_back());
    return combine(body, loc, kind, args.back(), x, isUnsigned);
  });
}

Value AxisLoops::reduce(LinalgBuilder &b, ReduceKind kind, Value x, bool isUnsigned) const {
  Type type = getAccumulatorType(elementOf(x));
  Value neutral = neutralElement(b, b.getLoc(), kind, type, isUnsigned);
  return reduce(b, kind, filledTensor(b, keptSizes, neutral), x, full, isUnsigned,
                [](OpBuilder &body, Location loc, ValueRange args) { return widen(body, loc, args[0]); });
}

/// A tensor without the dimensions of `axes`, with them as size 1.
static Value restoreAxes(LinalgBuilder &b, Value rows, ArrayRef<int64_t> axes, Type graphType) {
  SmallVector<ReassociationIndices> groups;
  ReassociationIndices leading;
  Sizes sizes = b.sizesOf(graphType);
  for (int64_t i = 0, e = sizes.size(); i < e; ++i) {
    if (!llvm::is_contained(axes, i)) {
      groups.push_back(leading);
      groups.back().push_back(i);
      leading.clear();
    } else if (groups.empty()) {
      leading.push_back(i);
    } else {
      groups.back().push_back(i);
    }
  }
  return expand(b, rows, groups, sizes);
}

//===----------------------------------------------------------------------===//
// reduce
//===----------------------------------------------------------------------===//

/// Sums divided by the number of elements.
static Value divideByCount(LinalgBuilder &b, Value sum, Value count, bool isUnsigned) {
  RankedTensorType type = typeOf(sum);
  AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
  return b.elementwise(sum, sum, identity, [&](OpBuilder &body, Location loc, ValueRange args) -> Value {
    Type element = type.getElementType();
    Value divisor = fromIndex(body, loc, count, element);
    if (isa<FloatType>(element))
      return arith::DivFOp::create(body, loc, args[0], divisor);
    // There is no integer mean of nothing; it must not trap either.
    Value one = constant(body, loc, element, 1);
    divisor = arith::MaxUIOp::create(body, loc, divisor, one);
    if (isUnsigned)
      return arith::DivUIOp::create(body, loc, args[0], divisor);
    return arith::DivSIOp::create(body, loc, args[0], divisor);
  });
}

static Lowered lowerReduce(ReduceOp op, LinalgBuilder &b, ValueRange operands) {
  Value x = operands[0];
  bool isUnsignedType = isUnsigned(op.getX().getType().getElementType());
  AxisLoops axes(b, op.getX().getType(), op.getAxes());
  Value y = axes.reduce(b, op.getKind(), x, isUnsignedType); // reduce_c2
  if (op.getKind() == ReduceKind::mean)
    y = divideByCount(b, y, axes.count(b), isUnsignedType);
  y = b.castFloat(y, elementOf(x));
  if (op.getKeepDims())
    y = restoreAxes(b, y, op.getAxes(), op.getType());
  return SmallVector<Value>{y};
}

//===----------------------------------------------------------------------===//
// softmax
//===----------------------------------------------------------------------===//

/// Three passes over rows: the maximum, exponentials and their sum, shares of it.
static Lowered lowerSoftmax(SoftmaxOp op, LinalgBuilder &b, ValueRange operands) {
  Value x = operands[0];
  Type element = elementOf(x), wide = getAccumulatorType(element); // softmax_c2
  AxisLoops axes(b, op.getType(), static_cast<int64_t>(op.getAxis()));
  Value largest = axes.reduce(b, ReduceKind::max, x, /*isUnsigned=*/false);

  auto shifted = [&](OpBuilder &body, Location loc, ValueRange args) -> Value {
    return arith::SubFOp::create(body, loc, widen(body, loc, args[0]), args[1]);
  };
  auto exponential = [&](OpBuilder &body, Location loc, ValueRange args) {
    return math::ExpOp::create(body, loc, shifted(body, loc, args)).getResult();
  };
  Value zero = constant(b, b.getLoc(), wide, 0);
  Value none = filledTensor(b, axes.keptSizes, zero);
  Value init = b.empty(op.getType());
  if (op.getLog()) {
    Value sum = axes.reduce(b, ReduceKind::sum, none, {x, largest}, {axes.full, axes.rows}, false, exponential);
    Value y = b.elementwise({x, largest, sum}, init, {axes.full, axes.rows, axes.rows},
                            [&](OpBuilder &body, Location loc, ValueRange args) {
                              Value log = math::LogOp::create(body, loc, args[2]);
                              Value result = arith::SubFOp::create(body, loc, shifted(body, loc, args), log);
                              return narrow(body, loc, result, element);
                            });
    return SmallVector<Value>{y};
  }
  Value exps = b.elementwise({x, largest}, b.empty(op.getType(), wide), {axes.full, axes.rows}, exponential);
  Value sum = axes.reduce(b, ReduceKind::sum, none, exps, axes.full, false,
                          [](OpBuilder &, Location, ValueRange args) { return args[0]; });
  // One quotient a row: dividing takes several times as long as multiplying.
  Value share = b.elementwise(sum, sum, b.getMultiDimIdentityMap(axes.keptSizes.size()),
                              [&](OpBuilder &body, Location loc, ValueRange args) -> Value {
                                return arith::DivFOp::create(body, loc, constant(body, loc, wide, 1), args[0]);
                              });
  Value y =
      b.elementwise({exps, share}, init, {axes.full, axes.rows}, [&](OpBuilder &body, Location loc, ValueRange args) {
        Value result = arith::MulFOp::create(body, loc, args[0], args[1]);
        return narrow(body, loc, result, element);
      });
  return SmallVector<Value>{y};
}

//===----------------------------------------------------------------------===//
// arg
//===----------------------------------------------------------------------===//

/// Whether elements along the axis lie side by side, so that the comparisons of one pass would wait for each other.
static bool isAlongLines(ArgOp op) {
  RankedTensorType type = op.getX().getType();
  int64_t axis = op.getAxis();
  return axis + 1 == type.getRank() && isa<FloatType>(type.getElementType()) && type.getDimSize(axis) != 0;
}

/// The type for positions along lines: twice as many of 32 bits are in a vector, where they are known to fit.
static Type positionAlongLines(ArgOp op, OpBuilder &b) {
  int64_t size = op.getX().getType().getDimSize(op.getAxis());
  bool isShort = !ShapedType::isDynamic(size) && size < std::numeric_limits<int32_t>::max();
  return isShort ? b.getI32Type() : b.getI64Type();
}

/// Two passes over a line, of reductions that vectors compute: the extreme, and the first or last of the positions
/// that have it. A NaN is the extreme of a line that has one (arg_c3).
static Lowered lowerArgOfLines(ArgOp op, LinalgBuilder &b, Value x) {
  Type position = positionAlongLines(op, b);
  AxisLoops axes(b, op.getX().getType(), static_cast<int64_t>(op.getAxis()));
  Value extreme = axes.reduce(b, op.getKind(), x, /*isUnsigned=*/false);
  ReduceKind kind = op.getLast() ? ReduceKind::max : ReduceKind::min;
  // Not the neutral element: LLVM would see that it changes nothing, and make a branch of it that it cannot vectorize.
  Value none = op.getLast() ? constant(b, b.getLoc(), position, -1)
                            : arith::IndexCastOp::create(b, b.getLoc(), position, axes.count(b)).getResult();
  Value found = axes.reduce(b, kind, filledTensor(b, axes.keptSizes, none), {x, extreme}, {axes.full, axes.rows}, false,
                            [&](OpBuilder &body, Location loc, ValueRange args) -> Value {
                              using arith::CmpFPredicate;
                              Value own = widen(body, loc, args[0]);
                              Value is = arith::OrIOp::create(
                                  body, loc, arith::CmpFOp::create(body, loc, CmpFPredicate::OEQ, own, args[1]),
                                  arith::CmpFOp::create(body, loc, CmpFPredicate::UNO, own, own));
                              Value index = linalg::IndexOp::create(body, loc, op.getAxis());
                              index = arith::IndexCastOp::create(body, loc, position, index);
                              return arith::SelectOp::create(body, loc, is, index, none);
                            });
  Value y = b.elementwise(found, tensor::EmptyOp::create(b, b.getLoc(), axes.keptSizes, b.getI64Type()),
                          b.getMultiDimIdentityMap(typeOf(found).getRank()),
                          [&](OpBuilder &body, Location loc, ValueRange args) -> Value {
                            if (position == b.getI32Type())
                              return arith::ExtSIOp::create(body, loc, b.getI64Type(), args[0]);
                            // A line may be empty at run time.
                            Value zero = constant(body, loc, position, 0);
                            return arith::MaxSIOp::create(body, loc, args[0], zero);
                          });
  if (op.getKeepDims())
    y = restoreAxes(b, y, static_cast<int64_t>(op.getAxis()), op.getType());
  return SmallVector<Value>{y};
}

/// One pass that carries the best element and its position, for all lines at once.
static Lowered lowerArg(ArgOp op, LinalgBuilder &b, ValueRange operands) {
  Value x = operands[0];
  if (isAlongLines(op))
    return lowerArgOfLines(op, b, x);
  Type element = elementOf(x), position = b.getI64Type();
  bool isUnsignedType = isUnsigned(op.getX().getType().getElementType());
  bool isMax = op.getKind() == ReduceKind::max;
  int64_t axis = op.getAxis();
  AxisLoops axes(b, op.getX().getType(), axis);
  Value worst = neutralElement(b, b.getLoc(), op.getKind(), element, isUnsignedType);
  Value zero = constant(b, b.getLoc(), position, 0);
  SmallVector<Value> inits = {filledTensor(b, axes.keptSizes, worst), filledTensor(b, axes.keptSizes, zero)};

  auto isBetter = [&](OpBuilder &body, Location loc, Value candidate, Value best) -> Value {
    bool orEqual = op.getLast();
    Value lesser = isMax ? best : candidate, larger = isMax ? candidate : best;
    if (isa<FloatType>(element)) { // arg_c3: NaN is better than any number
      using arith::CmpFPredicate;
      auto compare = [&](CmpFPredicate predicate, Value p, Value q) -> Value {
        return arith::CmpFOp::create(body, loc, predicate, p, q);
      };
      Value better = compare(orEqual ? CmpFPredicate::ULE : CmpFPredicate::ULT, lesser, larger);
      Value mayYield = compare(CmpFPredicate::ORD, best, best);
      if (orEqual)
        mayYield = arith::OrIOp::create(body, loc, mayYield, compare(CmpFPredicate::UNO, candidate, candidate));
      return arith::AndIOp::create(body, loc, better, mayYield);
    }
    auto predicate = isUnsignedType ? (orEqual ? arith::CmpIPredicate::ule : arith::CmpIPredicate::ult)
                                    : (orEqual ? arith::CmpIPredicate::sle : arith::CmpIPredicate::slt);
    return arith::CmpIOp::create(body, loc, predicate, lesser, larger);
  };
  auto generic = linalg::GenericOp::create(b, b.getLoc(), TypeRange{inits[0].getType(), inits[1].getType()}, x, inits,
                                           ArrayRef<AffineMap>{axes.full, axes.rows, axes.rows}, axes.iterators,
                                           [&](OpBuilder &body, Location loc, ValueRange args) {
                                             Value better = isBetter(body, loc, args[0], args[1]);
                                             Value index = linalg::IndexOp::create(body, loc, axis);
                                             index = arith::IndexCastOp::create(body, loc, position, index);
                                             Value best = arith::SelectOp::create(body, loc, better, args[0], args[1]);
                                             Value where = arith::SelectOp::create(body, loc, better, index, args[2]);
                                             linalg::YieldOp::create(body, loc, ValueRange{best, where});
                                           });
  Value y = generic.getResult(1);
  if (op.getKeepDims())
    y = restoreAxes(b, y, axis, op.getType());
  return SmallVector<Value>{y};
}

//===----------------------------------------------------------------------===//
// cumulative_sum, cumulative_product
//===----------------------------------------------------------------------===//

/// Lines up to which those along the innermost dim are read side by side: as many as processors fetch ahead.
static constexpr int64_t mostLinesAtOnce = 8;

/// Whether elements along the axis lie side by side, in lines too many to be read at once.
static bool isLineByLine(RankedTensorType type, int64_t axis) {
  ArrayRef<int64_t> outer = type.getShape().drop_back();
  return axis + 1 == type.getRank() &&
         (llvm::any_of(outer, ShapedType::isDynamic) || llvm::product_of(outer) > mostLinesAtOnce);
}

/// Line by line along the innermost dim, with what is carried in a register.
template <typename OpT, ReduceKind kind> static Value accumulateLines(OpT op, LinalgBuilder &b, Value x) {
  Location loc = b.getLoc();
  Type element = elementOf(x), wide = getAccumulatorType(element);
  Sizes outer = b.sizesOf(op.getType()), lengths(outer.size(), b.getIndexAttr(1)), strides = lengths;
  lengths.back() = outer.pop_back_val();
  Value zero = indexValue(b, b.getIndexAttr(0)), one = indexValue(b, b.getIndexAttr(1));
  Value count = indexValue(b, lengths.back());
  Value neutral = neutralElement(b, loc, kind, wide, /*isUnsigned=*/false);
  auto forall = scf::ForallOp::create(b, loc, outer, b.empty(op.getType()), /*mapping=*/std::nullopt);
  OpBuilder body = OpBuilder::atBlockBegin(forall.getBody());
  Sizes offsets = getAsOpFoldResult(forall.getInductionVars());
  offsets.push_back(b.getIndexAttr(0));
  Value line = tensor::ExtractSliceOp::create(body, loc, forall.getRegionOutArgs().front(), offsets, lengths, strides);
  auto loop = scf::ForOp::create(body, loc, zero, count, one, ValueRange{neutral, line},
                                 [&](OpBuilder &in, Location, Value step, ValueRange carried) {
                                   Value place = step;
                                   if (op.getReverse()) {
                                     Value last = arith::SubIOp::create(in, loc, count, one);
                                     place = arith::SubIOp::create(in, loc, last, step);
                                   }
                                   SmallVector<Value> from(forall.getInductionVars()), to(outer.size(), zero);
                                   from.push_back(place);
                                   to.push_back(place);
                                   Value own = widen(in, loc, tensor::ExtractOp::create(in, loc, x, from));
                                   Value sum = combine(in, loc, kind, carried[0], own, /*isUnsigned=*/false);
                                   Value result = narrow(in, loc, op.getExclusive() ? carried[0] : sum, element);
                                   Value y = tensor::InsertOp::create(in, loc, result, carried[1], to);
                                   scf::YieldOp::create(in, loc, ValueRange{sum, y});
                                 });
  body.setInsertionPointToStart(forall.getTerminator().getBody());
  tensor::ParallelInsertSliceOp::create(body, loc, loop.getResult(1), forall.getRegionOutArgs().front(), offsets,
                                        lengths, strides);
  return forall.getResult(0);
}

/// A loop over the axis that carries the running sum, or product, of all other
/// dimensions. What is carried and what is read keep the axis with size 1: of
/// several dimensions of size 1, MLIR 22 cannot tell which one a slice dropped
/// (llvm-project#184334).
template <typename OpT, ReduceKind kind> static Lowered lowerCumulative(OpT op, LinalgBuilder &b, ValueRange operands) {
  Location loc = b.getLoc();
  Value x = operands[0];
  Type element = elementOf(x), wide = getAccumulatorType(element);
  int64_t axis = op.getAxis();
  Sizes all = b.sizesOf(op.getType()), kept = all;
  kept[axis] = b.getIndexAttr(1);
  // Of nothing, no slice may be taken.
  if (llvm::is_contained(op.getType().getShape(), 0))
    return SmallVector<Value>{b.empty(op.getType())};
  if (isLineByLine(op.getType(), axis))
    return SmallVector<Value>{accumulateLines<OpT, kind>(op, b, x)};
  Value zero = indexValue(b, b.getIndexAttr(0));
  Value one = indexValue(b, b.getIndexAttr(1));
  Value count = indexValue(b, all[axis]);
  Value neutral = neutralElement(b, loc, kind, wide, /*isUnsigned=*/false);
  Value start = filledTensor(b, kept, neutral);
  AffineMap identity = b.getMultiDimIdentityMap(kept.size());

  auto loop = scf::ForOp::create(
      b, loc, zero, count, one, ValueRange{start, b.empty(op.getType())},
      [&](OpBuilder &body, Location, Value step, ValueRange carried) {
        LinalgBuilder in(body, loc, {});
        Value at = step;
        if (op.getReverse()) {
          Value last = arith::SubIOp::create(in, loc, count, one);
          at = arith::SubIOp::create(in, loc, last, step);
        }
        Sizes offsets(kept.size(), b.getIndexAttr(0)), strides(kept.size(), b.getIndexAttr(1));
        offsets[axis] = at;
        Value slice = tensor::ExtractSliceOp::create(in, loc, x, offsets, kept, strides);
        auto written = [&](Value row) -> Value {
          return tensor::InsertSliceOp::create(in, loc, in.castFloat(row, element), carried[1], offsets, kept, strides);
        };
        // The old sum is read before the new one takes its place.
        Value y = op.getExclusive() ? written(carried[0]) : Value();
        Value sum =
            in.elementwise(slice, carried[0], identity, [&](OpBuilder &inner, Location innerLoc, ValueRange args) {
              return combine(inner, innerLoc, kind, args[1], widen(inner, innerLoc, args[0]), false);
            });
        y = y ? y : written(sum);
        scf::YieldOp::create(in, loc, ValueRange{sum, y});
      });
  return SmallVector<Value>{loop.getResult(1)};
}

void attachReduction(MLIRContext *context) {
  attach<&lowerReduce, &lowerSoftmax, &lowerArg, &lowerCumulative<CumulativeSumOp, ReduceKind::sum>,
         &lowerCumulative<CumulativeProductOp, ReduceKind::prod>>(context);
}

} // namespace lathe::lowering
