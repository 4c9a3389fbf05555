// lib/Conversion/GraphToLinalg/Pooling.cpp: maxima and means of windows.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Lowerings.h"

#include "dialects/Graph/Windows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace lathe::graph;

namespace lathe::lowering {

/// The elements behind dim `dim` of `x` that windows along spatial dim `i` reach.
template <typename OpT> static int64_t paddingBehind(OpT op, unsigned i, unsigned dim) {
  int64_t stride = op.getStrides()[i], before = op.getPads()[i], behind = op.getPads()[op.getKernel().size() + i];
  int64_t in = op.getX().getType().getDimSize(dim), out = op.getType().getDimSize(dim);
  if (ShapedType::isDynamic(in) || ShapedType::isDynamic(out)) // Rounding up, the last may reach one stride further.
    return behind + (op.getCeilMode() ? stride - 1 : 0);
  int64_t reach = (op.getKernel()[i] - 1) * op.getDilations()[i] + 1;
  return std::max<int64_t>((out - 1) * stride + reach - in - before, 0);
}

/// How elements of windows are combined. Maxima of 16-bit floats are those of integers in the same order, of which
/// processors have vectors: LLVM would make maxima of 16 bits of those of widened floats, and few processors have one.
class Combiner {
public:
  Combiner(ReduceKind kind, Type element, bool isUnsignedType)
      : kind(kind), element(element), isUnsignedType(isUnsignedType),
        isInOrder(kind == ReduceKind::max && isa<FloatType>(element) && element.getIntOrFloatBitWidth() == 16) {}

  /// Of what `leave` returns.
  Type resultType() const { return isInOrder ? element : getAccumulatorType(element); }
  Value enter(OpBuilder &b, Location loc, Value x) const { return isInOrder ? toOrder(b, loc, x) : widen(b, loc, x); }
  Value both(OpBuilder &b, Location loc, Value x, Value y) const {
    return isInOrder ? arith::MaxSIOp::create(b, loc, x, y).getResult() : combine(b, loc, kind, x, y, isUnsignedType);
  }
  Value leave(OpBuilder &b, Location loc, Value x) const {
    return isInOrder ? arith::BitcastOp::create(b, loc, element, turn(b, loc, x)).getResult() : x;
  }
  Value none(OpBuilder &b, Location loc) const {
    return enter(b, loc, neutralElement(b, loc, kind, element, isUnsignedType));
  }

private:
  static Value bits(OpBuilder &b, Location loc, int64_t value) {
    return arith::ConstantIntOp::create(b, loc, value, /*width=*/16);
  }
  /// Negative numbers the other way round, which is its own inverse.
  static Value turn(OpBuilder &b, Location loc, Value x) {
    Value sign = arith::ShRSIOp::create(b, loc, x, bits(b, loc, 15));
    return arith::XOrIOp::create(b, loc, x, arith::AndIOp::create(b, loc, sign, bits(b, loc, 0x7fff)));
  }
  /// A NaN of either sign is larger than infinity.
  Value toOrder(OpBuilder &b, Location loc, Value x) const {
    Value own = arith::BitcastOp::create(b, loc, b.getIntegerType(16), x);
    Value size = arith::AndIOp::create(b, loc, own, bits(b, loc, 0x7fff));
    APInt infinity = APFloat::getInf(cast<FloatType>(element).getFloatSemantics()).bitcastToAPInt();
    Value isNaN = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt, size,
                                        bits(b, loc, static_cast<int64_t>(infinity.getZExtValue())));
    return arith::SelectOp::create(b, loc, isNaN, size, turn(b, loc, own));
  }

  ReduceKind kind;
  Type element;
  bool isUnsignedType, isInOrder;
};

/// The first of the spatial dims.
template <typename OpT> static unsigned firstSpatial(OpT op) { return op.getChannelsLast() ? 1 : 2; }

/// Combines windows of few positions: each position is an operand of its own, so that what is combined stays in
/// registers, and there are no loops but those over the result.
template <typename OpT> static Value combineTaps(OpT op, LinalgBuilder &b, Value x, const Combiner &combiner) {
  int64_t rank = op.getType().getRank(), numSpatial = rank - 2, first = firstSpatial(op);
  Sizes offsets(rank, b.getIndexAttr(0)), strides(rank, b.getIndexAttr(1)), sizes = b.sizesOf(op.getType());
  for (int64_t i = 0; i < numSpatial; ++i)
    strides[first + i] = b.getIndexAttr(op.getStrides()[i]);
  SmallVector<Value> taps;
  for (int64_t tap = 0, count = llvm::product_of(op.getKernel()); tap < count; ++tap) {
    int64_t rest = tap;
    for (int64_t i = numSpatial; i-- > 0; rest /= op.getKernel()[i])
      offsets[first + i] = b.getIndexAttr(rest % op.getKernel()[i] * op.getDilations()[i]);
    taps.push_back(tensor::ExtractSliceOp::create(b, b.getLoc(), x, offsets, sizes, strides));
  }
  SmallVector<AffineMap> maps(taps.size(), b.getMultiDimIdentityMap(rank));
  Value init = b.empty(op.getType(), combiner.resultType());
  return b.elementwise(taps, init, maps, [&](OpBuilder &body, Location loc, ValueRange args) {
    Value result = combiner.enter(body, loc, args.front());
    for (Value arg : args.drop_front().drop_back()) // The last is what the result held.
      result = combiner.both(body, loc, result, combiner.enter(body, loc, arg));
    return combiner.leave(body, loc, result);
  });
}

/// Where windows reach in one spatial dim of their operand.
struct Reach {
  unsigned dim;
  int64_t stride, dilation, before; ///< Elements of padding.
  bool isCovered;                   ///< The nearest element to one outside of the operand is in the window, too.
  int64_t size, count;              ///< Of the operand and of the result; dynamic where only the run knows them.

  bool mayBeBefore(int64_t tap) const { return tap * dilation < before; }
  bool mayBeBehind(int64_t tap) const {
    return ShapedType::isDynamic(size) || ShapedType::isDynamic(count) ||
           (count - 1) * stride + tap * dilation - before >= size;
  }
};

template <typename OpT> static Reach reachOf(OpT op, unsigned i) {
  unsigned dim = firstSpatial(op) + i;
  int64_t kernel = op.getKernel()[i], before = op.getPads()[i], dilation = op.getDilations()[i];
  bool isCovered = dilation == 1 && before < kernel && paddingBehind(op, i, dim) < kernel;
  return {dim,
          op.getStrides()[i],
          dilation,
          before,
          isCovered,
          op.getX().getType().getDimSize(dim),
          op.getType().getDimSize(dim)};
}

/// The same of windows that reach beside their operand, which is not copied for that: positions outside are read at
/// the border, and count as nothing unless that element is in the window and may be combined twice. Of an operand that
/// turns out to be empty nothing is read.
template <typename OpT>
static Value combineTapsInside(OpT op, LinalgBuilder &b, Value x, const Combiner &combiner, bool mayRepeat) {
  int64_t rank = op.getType().getRank(), numSpatial = rank - 2;
  SmallVector<Reach> reaches;
  SmallVector<Value> last; // Of the operand's elements, in each spatial dim.
  Value hasElements;       // Where that is open.
  Sizes sizes = b.sizesOf(op.getX().getType());
  for (int64_t i = 0; i < numSpatial; ++i) {
    reaches.push_back(reachOf(op, i));
    last.push_back(indexValue(b, sub(b, sizes[reaches.back().dim], b.getIndexAttr(1))));
    if (ShapedType::isDynamic(reaches.back().size)) {
      Value has = arith::CmpIOp::create(b, b.getLoc(), arith::CmpIPredicate::sge, last.back(),
                                        arith::ConstantIndexOp::create(b, b.getLoc(), 0));
      hasElements = hasElements ? arith::AndIOp::create(b, b.getLoc(), hasElements, has).getResult() : has;
    }
  }
  auto combineThere = [&](OpBuilder &body, Location loc, ArrayRef<Value> at) -> Value {
    auto index = [&](int64_t value) { return arith::ConstantIndexOp::create(body, loc, value).getResult(); };
    Value result;
    for (int64_t tap = 0, count = llvm::product_of(op.getKernel()); tap < count; ++tap) {
      SmallVector<Value> from(at);
      Value isInside;
      auto require = [&](arith::CmpIPredicate predicate, Value place, Value bound) {
        Value is = arith::CmpIOp::create(body, loc, predicate, place, bound);
        isInside = isInside ? arith::AndIOp::create(body, loc, isInside, is).getResult() : is;
      };
      int64_t rest = tap;
      for (int64_t i = numSpatial; i-- > 0; rest /= op.getKernel()[i]) {
        const Reach &reach = reaches[i];
        int64_t own = rest % op.getKernel()[i];
        bool counts = !mayRepeat || !reach.isCovered;
        Value start = arith::MulIOp::create(body, loc, at[reach.dim], index(reach.stride));
        Value place = arith::AddIOp::create(body, loc, start, index(own * reach.dilation - reach.before));
        if (reach.mayBeBefore(own)) {
          if (counts)
            require(arith::CmpIPredicate::sge, place, index(0));
          place = arith::MaxSIOp::create(body, loc, place, index(0));
        }
        if (reach.mayBeBehind(own)) {
          if (counts)
            require(arith::CmpIPredicate::sle, place, last[i]);
          place = arith::MinSIOp::create(body, loc, place, last[i]);
        }
        from[reach.dim] = place;
      }
      Value value = combiner.enter(body, loc, tensor::ExtractOp::create(body, loc, x, from));
      if (isInside)
        value = arith::SelectOp::create(body, loc, isInside, value, combiner.none(body, loc));
      result = result ? combiner.both(body, loc, result, value) : value;
    }
    return combiner.leave(body, loc, result);
  };
  auto combineAll = [&](OpBuilder &body, Location loc, ValueRange) -> Value {
    SmallVector<Value> at;
    for (int64_t dim = 0; dim < rank; ++dim)
      at.push_back(linalg::IndexOp::create(body, loc, dim));
    if (!hasElements)
      return combineThere(body, loc, at);
    // The same in all iterations, so LLVM asks once.
    auto choice = scf::IfOp::create(
        body, loc, hasElements,
        [&](OpBuilder &in, Location) { scf::YieldOp::create(in, loc, combineThere(in, loc, at)); },
        [&](OpBuilder &in, Location) {
          scf::YieldOp::create(in, loc, combiner.leave(in, loc, combiner.none(in, loc)));
        });
    return choice.getResult(0);
  };
  return b.elementwise({}, b.empty(op.getType(), combiner.resultType()), ArrayRef<AffineMap>(), combineAll);
}

/// Combines the windows of `x`, padded with the neutral element of `kind`.
template <typename OpT> static Value poolWindows(OpT op, LinalgBuilder &b, Value x, ReduceKind kind) {
  MLIRContext *context = b.getContext();
  unsigned rank = op.getType().getRank(), numSpatial = rank - 2;
  unsigned first = firstSpatial(op);
  Type element = elementOf(x), accumulator = getAccumulatorType(element);
  bool isUnsignedType = isUnsigned(op.getType().getElementType());

  Sizes low(rank, b.getIndexAttr(0)), high = low, kernel;
  for (unsigned i = 0; i < numSpatial; ++i) {
    low[first + i] = b.getIndexAttr(op.getPads()[i]);
    high[first + i] = b.getIndexAttr(paddingBehind(op, i, first + i));
    kernel.push_back(b.getIndexAttr(op.getKernel()[i]));
  }
  Value start = neutralElement(b, b.getLoc(), kind, accumulator, isUnsignedType);
  if (llvm::is_contained(op.getX().getType().getShape(), 0))
    return b.filled(op.getType(), start);
  Combiner combiner(kind, element, isUnsignedType);
  bool isInside = llvm::all_of(llvm::concat<OpFoldResult>(low, high), isZeroInteger);
  if (hasShortWindows(op))
    return isInside ? combineTaps(op, b, x, combiner) : combineTapsInside(op, b, x, combiner, kind == ReduceKind::max);
  Value outside = neutralElement(b, b.getLoc(), kind, element, isUnsignedType);
  x = pad(b, x, low, high, outside);

  // Loops: batch, channels, window, positions; or batch, positions, window,
  // channels. Innermost is what is contiguous.
  SmallVector<AffineExpr> window, positions, read(rank), written(rank);
  unsigned windowLoop = 2;
  if (op.getChannelsLast())
    windowLoop = 1 + numSpatial;
  window = loops(context, windowLoop, numSpatial);
  positions = loops(context, op.getChannelsLast() ? 1 : 2 + numSpatial, numSpatial);
  unsigned channelDim = op.getChannelsLast() ? rank - 1 : 1;
  unsigned numLoops = rank + numSpatial;
  read[0] = written[0] = b.getAffineDimExpr(0);
  read[channelDim] = written[channelDim] = b.getAffineDimExpr(op.getChannelsLast() ? numLoops - 1 : 1);
  for (unsigned i = 0; i < numSpatial; ++i) {
    read[first + i] = positions[i] * op.getStrides()[i] + window[i] * op.getDilations()[i];
    written[first + i] = positions[i];
  }
  SmallVector<utils::IteratorType> iterators(numLoops, parallel);
  std::fill_n(iterators.begin() + windowLoop, numSpatial, reduction);

  // An operand that is never read says the size of the window.
  Value shape = emptyTensor(b, kernel, element);
  return b.generic(
      {x, shape}, b.filled(op.getType(), start),
      {loopMap(context, numLoops, read), loopMap(context, numLoops, window), loopMap(context, numLoops, written)},
      iterators, [&](OpBuilder &body, Location loc, ValueRange args) {
        return combine(body, loc, kind, args[2], widen(body, loc, args[0]), isUnsignedType);
      });
}

/// A result without elements, whose windows would begin outside of what is pooled; null where there are some.
template <typename OpT> static Value emptyResult(OpT op, LinalgBuilder &b) {
  return llvm::is_contained(op.getType().getShape(), 0) ? b.empty(op.getType()) : Value();
}

static Lowered lowerMaxPool(MaxPoolOp op, LinalgBuilder &b, ValueRange operands) {
  if (Value none = emptyResult(op, b))
    return SmallVector<Value>{none};
  Value y = poolWindows(op, b, operands[0], ReduceKind::max);
  return SmallVector<Value>{b.castFloat(y, elementOf(operands[0]))};
}

/// How many of the `kernel` elements of the window at `position` lie in
/// `[least, end)` of the operand's dimension `i`.
static Value countInside(OpBuilder &b, Location loc, AveragePoolOp op, unsigned i, Value position, Value least,
                         Value end) {
  auto index = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, loc, value); };
  Value dilation = index(op.getDilations()[i]);
  Value start = arith::SubIOp::create(b, loc, arith::MulIOp::create(b, loc, position, index(op.getStrides()[i])),
                                      index(op.getPads()[i]));
  // Elements k with least <= start + dilation k < end, and 0 <= k < kernel.
  auto firstAtOrAfter = [&](Value bound) -> Value {
    Value distance = arith::SubIOp::create(b, loc, bound, start);
    Value k = op.getDilations()[i] == 1 ? distance : arith::CeilDivSIOp::create(b, loc, distance, dilation);
    Value atLeast = arith::MaxSIOp::create(b, loc, k, index(0));
    return arith::MinSIOp::create(b, loc, atLeast, index(op.getKernel()[i]));
  };
  Value inside = arith::SubIOp::create(b, loc, firstAtOrAfter(end), firstAtOrAfter(least));
  return arith::MaxSIOp::create(b, loc, inside, index(0));
}

static Lowered lowerAveragePool(AveragePoolOp op, LinalgBuilder &b, ValueRange operands) {
  if (Value none = emptyResult(op, b))
    return SmallVector<Value>{none};
  Value sum = poolWindows(op, b, operands[0], ReduceKind::sum);
  unsigned numSpatial = op.getKernel().size();
  unsigned first = firstSpatial(op);
  Sizes in = b.sizesOf(op.getX().getType());
  bool includesPad = op.getCountIncludePad();

  // Dimensions in which every window counts alike need no counting.
  int64_t fixed = 1;
  SmallVector<unsigned> counted;
  for (unsigned i = 0; i < numSpatial; ++i) {
    bool hasPads = op.getPads()[i] != 0 || op.getPads()[numSpatial + i] != 0;
    if (op.getCeilMode() || (hasPads && !includesPad))
      counted.push_back(i);
    else
      fixed *= op.getKernel()[i];
  }
  SmallVector<Value> least(numSpatial), end(numSpatial);
  for (unsigned i : counted) {
    int64_t before = includesPad ? op.getPads()[i] : 0;
    int64_t behind = includesPad ? op.getPads()[numSpatial + i] : 0;
    least[i] = b.indexConstant(-before);
    end[i] = indexValue(b, apply(b, b.getAffineDimExpr(0) + behind, in[first + i]));
  }

  Type element = elementOf(operands[0]), wide = elementOf(sum);
  Value y = b.elementwise(sum, b.empty(op.getType()), b.getMultiDimIdentityMap(op.getType().getRank()),
                          [&](OpBuilder &body, Location loc, ValueRange args) {
                            Value count = arith::ConstantIndexOp::create(body, loc, fixed);
                            for (unsigned i : counted) {
                              Value position = linalg::IndexOp::create(body, loc, first + i);
                              Value inside = countInside(body, loc, op, i, position, least[i], end[i]);
                              count = arith::MulIOp::create(body, loc, count, inside);
                            }
                            Value divisor =
                                counted.empty() ? constant(body, loc, wide, fixed) : fromIndex(body, loc, count, wide);
                            Value mean = arith::DivFOp::create(body, loc, args[0], divisor);
                            return narrow(body, loc, mean, element);
                          });
  return SmallVector<Value>{y};
}

void attachPooling(MLIRContext *context) { attach<&lowerMaxPool, &lowerAveragePool>(context); }

} // namespace lathe::lowering
