// lib/Conversion/GraphToLinalg/Pooling.cpp: maxima and means of windows.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Lowerings.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace lathe::graph;

namespace lathe::lowering {

/// Windows of more positions are loops.
static constexpr int64_t mostTaps = 16;

/// The elements behind dim `dim` of `x` that windows along spatial dim `i` reach.
template <typename OpT> static int64_t paddingBehind(OpT op, unsigned i, unsigned dim) {
  int64_t stride = op.getStrides()[i], before = op.getPads()[i], behind = op.getPads()[op.getKernel().size() + i];
  int64_t in = op.getX().getType().getDimSize(dim), out = op.getType().getDimSize(dim);
  if (ShapedType::isDynamic(in) || ShapedType::isDynamic(out)) // Rounding up, the last may reach one stride further.
    return behind + (op.getCeilMode() ? stride - 1 : 0);
  int64_t reach = (op.getKernel()[i] - 1) * op.getDilations()[i] + 1;
  return std::max<int64_t>((out - 1) * stride + reach - in - before, 0);
}

/// Combines windows of few positions, with channels last: each position is an operand of its own, so that what is
/// combined stays in registers, and there are no loops but those over the result.
template <typename OpT> static Value combineTaps(OpT op, LinalgBuilder &b, Value x, ReduceKind kind) {
  int64_t rank = op.getType().getRank(), numSpatial = rank - 2;
  Sizes offsets(rank, b.getIndexAttr(0)), strides(rank, b.getIndexAttr(1)), sizes = b.sizesOf(op.getType());
  for (int64_t i = 0; i < numSpatial; ++i)
    strides[1 + i] = b.getIndexAttr(op.getStrides()[i]);
  SmallVector<Value> taps;
  for (int64_t tap = 0, count = llvm::product_of(op.getKernel()); tap < count; ++tap) {
    int64_t rest = tap;
    for (int64_t i = numSpatial; i-- > 0; rest /= op.getKernel()[i])
      offsets[1 + i] = b.getIndexAttr(rest % op.getKernel()[i] * op.getDilations()[i]);
    taps.push_back(tensor::ExtractSliceOp::create(b, b.getLoc(), x, offsets, sizes, strides));
  }
  SmallVector<AffineMap> maps(taps.size(), b.getMultiDimIdentityMap(rank));
  Value init = b.empty(op.getType(), getAccumulatorType(elementOf(x)));
  return b.elementwise(taps, init, maps, [&](OpBuilder &body, Location loc, ValueRange args) {
    Value result = widen(body, loc, args.front());
    for (Value arg : args.drop_front().drop_back()) // The last is what the result held.
      result = combine(body, loc, kind, result, widen(body, loc, arg), isUnsigned(op.getType().getElementType()));
    return result;
  });
}

/// Combines the windows of `x`, padded with the neutral element of `kind`.
template <typename OpT> static Value poolWindows(OpT op, LinalgBuilder &b, Value x, ReduceKind kind) {
  MLIRContext *context = b.getContext();
  unsigned rank = op.getType().getRank(), numSpatial = rank - 2;
  unsigned first = op.getChannelsLast() ? 1 : 2;
  Type element = elementOf(x), accumulator = getAccumulatorType(element);
  bool isUnsignedType = isUnsigned(op.getType().getElementType());

  Sizes low(rank, b.getIndexAttr(0)), high = low, kernel;
  for (unsigned i = 0; i < numSpatial; ++i) {
    low[first + i] = b.getIndexAttr(op.getPads()[i]);
    high[first + i] = b.getIndexAttr(paddingBehind(op, i, first + i));
    kernel.push_back(b.getIndexAttr(op.getKernel()[i]));
  }
  Value outside = neutralElement(b, b.getLoc(), kind, element, isUnsignedType);
  x = pad(b, x, low, high, outside);
  if (op.getChannelsLast() && llvm::product_of(op.getKernel()) <= mostTaps)
    return combineTaps(op, b, x, kind);

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
  Value start = neutralElement(b, b.getLoc(), kind, accumulator, isUnsignedType);
  return b.generic(
      {x, shape}, b.filled(op.getType(), start),
      {loopMap(context, numLoops, read), loopMap(context, numLoops, window), loopMap(context, numLoops, written)},
      iterators, [&](OpBuilder &body, Location loc, ValueRange args) {
        return combine(body, loc, kind, args[2], widen(body, loc, args[0]), isUnsignedType);
      });
}

static Lowered lowerMaxPool(MaxPoolOp op, LinalgBuilder &b, ValueRange operands) {
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
  Value sum = poolWindows(op, b, operands[0], ReduceKind::sum);
  unsigned numSpatial = op.getKernel().size();
  unsigned first = op.getChannelsLast() ? 1 : 2;
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
