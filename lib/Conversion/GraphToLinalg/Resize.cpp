// lib/Conversion/GraphToLinalg/Resize.cpp: resampling, one coordinate per axis.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Lowerings.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>

using namespace lathe::graph;

namespace lathe::lowering {

namespace {

/// What is known of one axis before the loops begin.
struct Axis {
  int64_t dim;
  unsigned entry; ///< In the op's `axes`.
  /// Sizes, as indices, and as numbers in which positions are computed.
  Value in, inNumber, outNumber;
  /// Output size by input size.
  Value scale;
  /// The fraction that it is, if the program has one.
  Value above, below;
};

/// An element of the input that a result is made of, along one axis.
struct Tap {
  Value position; ///< Index, inside of the input.
  Value weight;   ///< Null for one.
};

/// Arithmetic on the numbers that positions are computed in.
struct Number {
  OpBuilder &b;
  Location loc;
  Type type;

  Value of(double value) { return constant(b, loc, type, value); }
  Value add(Value x, Value y) { return arith::AddFOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, loc, x, y); }
  Value div(Value x, Value y) { return arith::DivFOp::create(b, loc, x, y); }
  Value floor(Value x) { return math::FloorOp::create(b, loc, x); }
  Value ceil(Value x) { return math::CeilOp::create(b, loc, x); }
  Value greater(Value x, Value y) { return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, x, y); }
  Value select(Value c, Value x, Value y) { return arith::SelectOp::create(b, loc, c, x, y); }
  /// `x` in `[0, most]`; never NaN, whatever `x` is.
  Value clamp(Value x, Value most) {
    Value atMost = arith::MinNumFOp::create(b, loc, x, most);
    return arith::MaxNumFOp::create(b, loc, atMost, of(0));
  }
  /// A whole number as an index.
  Value index(Value x) {
    Value integer = arith::FPToSIOp::create(b, loc, b.getI64Type(), x);
    return arith::IndexCastOp::create(b, loc, b.getIndexType(), integer);
  }
};

} // namespace

/// Where the result at `position` lies in the input.
static Value coordinate(Number n, const Axis &axis, CoordinateMode mode, Value position) {
  Value half = n.of(0.5), one = n.of(1), zero = n.of(0);
  auto halfPixel = [&]() { return n.sub(n.div(n.add(position, half), axis.scale), half); };
  switch (mode) {
  case CoordinateMode::half_pixel:
    return halfPixel();
  case CoordinateMode::half_pixel_symmetric: {
    // The rounded size is centred on the one that the scale asks for.
    Value ratio = n.div(axis.outNumber, n.mul(axis.inNumber, axis.scale));
    Value offset = n.mul(n.mul(axis.inNumber, half), n.sub(one, ratio));
    return n.add(offset, halfPixel());
  }
  case CoordinateMode::pytorch_half_pixel:
    return n.select(n.greater(axis.outNumber, one), halfPixel(), zero);
  case CoordinateMode::align_corners: {
    Value several = n.greater(axis.outNumber, one);
    Value gaps = n.select(several, n.sub(axis.outNumber, one), one);
    Value way = n.mul(position, n.sub(axis.inNumber, one));
    return n.select(several, n.div(way, gaps), zero);
  }
  case CoordinateMode::asymmetric:
    return n.div(position, axis.scale);
  }
  llvm_unreachable("every mode is handled above");
}

//===----------------------------------------------------------------------===//
// Nearest
//===----------------------------------------------------------------------===//

namespace {
/// The place of an output position in the input, `(factor * position + offset)
/// / divisor`, all of them whole numbers in f64. Below 2^52 the quotient is
/// never rounded to a whole number, or to a tie, that it is not: it is at least
/// 1 / divisor away from one, and so are the sums that rounding makes of it.
struct ExactPlace {
  Value factor, offset, divisor;
};

/// A positive fraction.
struct Fraction {
  int64_t above, below;
};
} // namespace

/// The simplest fraction that rounds to `scale` in f32, which is what scales
/// are written in: 3/5 for 0.6. By continued fractions; a scale that is no
/// fraction of numbers below 2^12 is taken as it is.
static Fraction simplestFraction(double scale) {
  constexpr int64_t most = 1 << 12;
  int64_t above = 1, below = 0, lastAbove = 0, lastBelow = 1;
  double rest = scale;
  for (int i = 0; i < 32; ++i) {
    double whole = std::floor(rest);
    if (whole > most)
      break;
    int64_t nextAbove = static_cast<int64_t>(whole) * above + lastAbove;
    int64_t nextBelow = static_cast<int64_t>(whole) * below + lastBelow;
    if (nextAbove > most || nextBelow > most)
      break;
    lastAbove = above, lastBelow = below, above = nextAbove, below = nextBelow;
    double quotient = static_cast<double>(above) / static_cast<double>(below);
    if (above > 0 && static_cast<float>(quotient) == static_cast<float>(scale))
      return {above, below};
    if (rest == whole)
      break;
    rest = 1 / (rest - whole);
  }
  int exponent;
  double mantissa = std::frexp(scale, &exponent);
  for (; mantissa != std::floor(mantissa); --exponent)
    mantissa *= 2;
  // Scales are at most 10^6, and f32 has 24 bits.
  return {static_cast<int64_t>(std::ldexp(mantissa, std::max(0, exponent))), int64_t(1)
                                                                                 << std::clamp(-exponent, 0, 62)};
}

/// The place from the sizes, or from the scale where there is one. A scale that
/// is read at run time is taken as it is.
static ExactPlace exactPlace(Number n, ResizeOp op, const Axis &axis) {
  Value zero = n.of(0), one = n.of(1), two = n.of(2);
  // Output size by input size.
  Value above = axis.outNumber, below = axis.inNumber;
  if (op.getFactors()) {
    above = axis.above ? axis.above : axis.scale;
    below = axis.below ? axis.below : one;
  } else if (!op.getScales().empty()) {
    Fraction fraction = simplestFraction(op.getScales()[axis.entry]);
    above = n.of(static_cast<double>(fraction.above));
    below = n.of(static_cast<double>(fraction.below));
  }
  Value twiceAbove = n.mul(two, above), twiceBelow = n.mul(two, below), center = n.sub(below, above);
  Value several = n.greater(axis.outNumber, one);
  switch (op.getCoordinates()) {
  case CoordinateMode::half_pixel: // (o + 1/2) below / above - 1/2
    return {twiceBelow, center, twiceAbove};
  case CoordinateMode::pytorch_half_pixel:
    return {n.select(several, twiceBelow, zero), n.select(several, center, zero), twiceAbove};
  case CoordinateMode::half_pixel_symmetric: {
    // The rounded size is centred on the one that the scale asks for.
    Value offset = n.sub(n.mul(axis.inNumber, above), n.mul(axis.outNumber, below));
    return {twiceBelow, n.add(offset, center), twiceAbove};
  }
  case CoordinateMode::align_corners: {
    Value gaps = n.select(several, n.sub(axis.outNumber, one), one);
    Value way = n.select(several, n.sub(axis.inNumber, one), zero);
    return {n.mul(two, way), zero, n.mul(two, gaps)};
  }
  case CoordinateMode::asymmetric:
    return {twiceBelow, zero, twiceAbove};
  }
  llvm_unreachable("every mode is handled above");
}

/// Halves are `divisor / 2`, a whole number too: divisors are even.
static Value roundNearest(Number n, NearestMode mode, const ExactPlace &place, Value position) {
  Value above = n.add(n.mul(place.factor, position), place.offset);
  Value half = n.mul(place.divisor, n.of(0.5));
  switch (mode) {
  case NearestMode::round_prefer_floor:
    return n.ceil(n.div(n.sub(above, half), place.divisor));
  case NearestMode::round_prefer_ceil:
    return n.floor(n.div(n.add(above, half), place.divisor));
  case NearestMode::floor:
    return n.floor(n.div(above, place.divisor));
  case NearestMode::ceil:
    return n.ceil(n.div(above, place.divisor));
  }
  llvm_unreachable("every mode is handled above");
}

//===----------------------------------------------------------------------===//
// Linear and cubic
//===----------------------------------------------------------------------===//

/// The two neighbours, weighted by their distance.
static SmallVector<Tap> linearTaps(Number n, const Axis &axis, Value x) {
  Value last = n.sub(axis.inNumber, n.of(1));
  Value inside = n.clamp(x, last), first = n.floor(inside);
  Value second = n.clamp(n.add(first, n.of(1)), last);
  Value way = n.sub(inside, first);
  return {{n.index(first), n.sub(n.of(1), way)}, {n.index(second), way}};
}

/// Keys' cubic convolution of four neighbours (IEEE TASSP 29, 1981) with the
/// coefficient `a`. Neighbours outside repeat the edge, or with
/// `excludeOutside` do not count.
static SmallVector<Tap> cubicTaps(Number n, const Axis &axis, Value x, double a, bool excludeOutside) {
  Value last = n.sub(axis.inNumber, n.of(1));
  Value whole = n.floor(x), way = n.sub(x, whole);
  /// Within one of the place: (a + 2) d^3 - (a + 3) d^2 + 1.
  auto near = [&](Value d) {
    Value inner = n.sub(n.mul(n.of(a + 2), d), n.of(a + 3));
    return n.add(n.mul(n.mul(inner, d), d), n.of(1));
  };
  /// From one to two: a d^3 - 5 a d^2 + 8 a d - 4 a.
  auto far = [&](Value d) {
    Value inner = n.sub(n.mul(n.of(a), d), n.of(5 * a));
    inner = n.add(n.mul(inner, d), n.of(8 * a));
    return n.sub(n.mul(inner, d), n.of(4 * a));
  };
  Value rest = n.sub(n.of(1), way);
  SmallVector<Value> weights = {far(n.add(way, n.of(1))), near(way), near(rest), far(n.add(rest, n.of(1)))};
  SmallVector<Tap> taps;
  Value total;
  for (auto [i, weight] : llvm::enumerate(weights)) {
    Value place = n.add(whole, n.of(static_cast<double>(i) - 1));
    Value inside = n.clamp(place, last);
    if (excludeOutside) {
      Value isInside = arith::CmpFOp::create(n.b, n.loc, arith::CmpFPredicate::OEQ, place, inside);
      weight = n.select(isInside, weight, n.of(0));
      total = total ? n.add(total, weight) : weight;
    }
    taps.push_back({n.index(inside), weight});
  }
  if (excludeOutside)
    for (Tap &tap : taps)
      tap.weight = n.div(tap.weight, total);
  return taps;
}

/// The weighted sum over all combinations of taps, axis by axis.
static Value interpolate(Number n, Value x, ArrayRef<Axis> axes, ArrayRef<SmallVector<Tap>> taps,
                         SmallVector<Value> &position, llvm::function_ref<Value(Value)> toNumber) {
  if (axes.empty())
    return toNumber(tensor::ExtractOp::create(n.b, n.loc, x, position));
  Value sum;
  for (const Tap &tap : taps.front()) {
    position[axes.front().dim] = tap.position;
    Value part = interpolate(n, x, axes.drop_front(), taps.drop_front(), position, toNumber);
    part = n.mul(part, tap.weight);
    sum = sum ? n.add(sum, part) : part;
  }
  return sum;
}

//===----------------------------------------------------------------------===//
// Nearest by whole factors
//===----------------------------------------------------------------------===//

/// The factor by which every element along axis `i` is repeated, if that is
/// what the op does; 1 leaves the axis as it is.
static std::optional<int64_t> repetition(ResizeOp op, unsigned i) {
  int64_t axis = op.getAxes()[i];
  int64_t in = op.getX().getType().getDimSize(axis);
  int64_t out = op.getType().getDimSize(axis);
  int64_t factor = 0;
  if (op.getFactors())
    return std::nullopt;
  if (!op.getScales().empty()) {
    double scale = op.getScales()[i];
    if (scale != std::floor(scale))
      return std::nullopt;
    factor = static_cast<int64_t>(scale);
  } else if (ShapedType::isStatic(in) && ShapedType::isStatic(out) && in > 0 && out % in == 0) {
    factor = out / in;
  } else {
    return std::nullopt;
  }
  if (factor == 1)
    return factor;
  if (factor < 1)
    return std::nullopt;
  bool rounds = op.getNearest() == NearestMode::round_prefer_floor || op.getNearest() == NearestMode::round_prefer_ceil;
  switch (op.getCoordinates()) {
  case CoordinateMode::asymmetric: // floor(o / factor)
    if (op.getNearest() == NearestMode::floor)
      return factor;
    return std::nullopt;
  case CoordinateMode::half_pixel: // o / factor is never half way here
  case CoordinateMode::half_pixel_symmetric:
  case CoordinateMode::pytorch_half_pixel:
    if (rounds)
      return factor;
    return std::nullopt;
  case CoordinateMode::align_corners:
    return std::nullopt;
  }
  llvm_unreachable("every mode is handled above");
}

/// Repeats elements: the result has a dimension of `factors[i]` behind axis
/// `i`, which then merges with it.
static Value repeat(ResizeOp op, LinalgBuilder &b, Value x, ArrayRef<int64_t> factors) {
  MLIRContext *context = b.getContext();
  Sizes in = b.sizesOf(op.getX().getType()), sizes;
  SmallVector<ReassociationIndices> merged;
  SmallVector<AffineExpr> read;
  for (int64_t dim = 0, e = in.size(); dim < e; ++dim) {
    read.push_back(getAffineDimExpr(sizes.size(), context));
    merged.push_back({static_cast<int64_t>(sizes.size())});
    sizes.push_back(in[dim]);
    const auto *axis = llvm::find(op.getAxes(), dim);
    int64_t factor = axis == op.getAxes().end() ? 1 : factors[axis - op.getAxes().begin()];
    if (factor == 1)
      continue;
    merged.back().push_back(sizes.size());
    sizes.push_back(b.getIndexAttr(factor));
  }
  Value apart = b.elementwise(x, emptyTensor(b, sizes, elementOf(x)), loopMap(context, sizes.size(), read),
                              [](OpBuilder &, Location, ValueRange args) { return args[0]; });
  if (sizes.size() == in.size())
    return apart;
  return collapse(b, apart, merged);
}

//===----------------------------------------------------------------------===//
// The op
//===----------------------------------------------------------------------===//

/// A float as one of another type.
static Value toFloat(OpBuilder &b, Location loc, Value number, Type type) {
  unsigned from = number.getType().getIntOrFloatBitWidth(), to = type.getIntOrFloatBitWidth();
  if (from == to)
    return number;
  return from < to ? arith::ExtFOp::create(b, loc, type, number).getResult()
                   : arith::TruncFOp::create(b, loc, type, number).getResult();
}

/// Axes along which something happens.
static SmallVector<Axis> describeAxes(ResizeOp op, LinalgBuilder &b, Value factors, Type type) {
  Sizes in = b.sizesOf(op.getX().getType()), out = b.sizesOf(op.getType());
  SmallVector<Axis> axes;
  for (auto [i, dim] : llvm::enumerate(op.getAxes())) {
    std::optional<int64_t> before = getConstantIntValue(in[dim]);
    bool isUnit = !factors && (op.getScales().empty() || op.getScales()[i] == 1);
    if (isUnit && before && before == getConstantIntValue(out[dim]))
      continue;
    Axis axis;
    axis.dim = dim;
    axis.entry = i;
    axis.in = indexValue(b, in[dim]);
    axis.inNumber = fromIndex(b, b.getLoc(), axis.in, type);
    axis.outNumber = fromIndex(b, b.getLoc(), indexValue(b, out[dim]), type);
    if (factors) {
      auto entry = [&](ArrayRef<Value> place) -> Value {
        return tensor::ExtractOp::create(b, b.getLoc(), factors, place);
      };
      Value at = b.indexConstant(i), factor;
      if (cast<RankedTensorType>(factors.getType()).getRank() == 1) {
        factor = entry({at});
      } else {
        Value above = entry({b.indexConstant(0), at}), below = entry({b.indexConstant(1), at});
        factor = arith::DivFOp::create(b, b.getLoc(), above, below);
        axis.above = toFloat(b, b.getLoc(), above, type), axis.below = toFloat(b, b.getLoc(), below, type);
      }
      axis.scale = toFloat(b, b.getLoc(), factor, type);
    } else {
      axis.scale = op.getScales().empty()
                       ? arith::DivFOp::create(b, b.getLoc(), axis.outNumber, axis.inNumber).getResult()
                       : constant(b, b.getLoc(), type, op.getScales()[i]);
    }
    axes.push_back(axis);
  }
  return axes;
}

/// `x` as the nearest number that the integer type has: weights of cubic
/// interpolation overshoot.
static Value saturated(Number n, Value x, Type element, bool isUnsignedType) {
  unsigned bits = element.getIntOrFloatBitWidth() - (isUnsignedType ? 0 : 1);
  // The largest number below 2^bits that the float type has.
  unsigned precision = cast<FloatType>(n.type).getFPMantissaWidth();
  double most = bits <= precision ? std::ldexp(1, bits) - 1 : std::ldexp(1, bits) - std::ldexp(1, bits - precision);
  double least = isUnsignedType ? 0 : -std::ldexp(1, bits);
  Value rounded = math::RoundEvenOp::create(n.b, n.loc, x);
  Value atMost = arith::MinNumFOp::create(n.b, n.loc, rounded, n.of(most));
  return arith::MaxNumFOp::create(n.b, n.loc, atMost, n.of(least));
}

static Lowered lowerResize(ResizeOp op, LinalgBuilder &b, ValueRange operands) {
  Value x = operands[0];
  Type graphElement = op.getType().getElementType(), element = elementOf(x);
  bool isNearest = op.getMode() == ResizeMode::nearest;
  // Interpolation in f32, as other runtimes do.
  Type type = element.isF64() || isNearest ? b.getF64Type() : b.getF32Type();
  if (isNearest) {
    SmallVector<int64_t> factors;
    for (size_t i = 0; i < op.getAxes().size(); ++i)
      if (std::optional<int64_t> factor = repetition(op, i))
        factors.push_back(*factor);
    if (factors.size() == op.getAxes().size())
      return SmallVector<Value>{repeat(op, b, x, factors)};
  }

  SmallVector<Axis> axes = describeAxes(op, b, op.getFactors() ? operands.back() : Value(), type);
  SmallVector<ExactPlace> places;
  if (isNearest)
    for (const Axis &axis : axes)
      places.push_back(exactPlace({b, b.getLoc(), type}, op, axis));
  Value y = b.elementwise({}, b.empty(op.getType()), {}, [&](OpBuilder &body, Location loc, ValueRange) -> Value {
    Number n{body, loc, type};
    SmallVector<Value> position;
    for (int64_t i = 0, e = op.getType().getRank(); i < e; ++i)
      position.push_back(linalg::IndexOp::create(body, loc, i));
    SmallVector<SmallVector<Tap>> taps;
    for (auto [i, axis] : llvm::enumerate(axes)) {
      Value at = fromIndex(body, loc, position[axis.dim], type);
      if (isNearest) {
        Value nearest = roundNearest(n, op.getNearest(), places[i], at);
        position[axis.dim] = n.index(n.clamp(nearest, n.sub(axis.inNumber, n.of(1))));
        continue;
      }
      Value place = coordinate(n, axis, op.getCoordinates(), at);
      if (op.getMode() == ResizeMode::linear) {
        taps.push_back(linearTaps(n, axis, place));
      } else {
        taps.push_back(cubicTaps(n, axis, place, op.getCubicCoefficient().convertToDouble(), op.getExcludeOutside()));
      }
    }
    if (isNearest || axes.empty())
      return tensor::ExtractOp::create(body, loc, x, position);
    auto toNumber = [&](Value value) -> Value {
      if (isa<FloatType>(element))
        return widen(body, loc, value);
      if (isUnsigned(graphElement))
        return arith::UIToFPOp::create(body, loc, type, value);
      return arith::SIToFPOp::create(body, loc, type, value);
    };
    Value sum = interpolate(n, x, axes, taps, position, toNumber);
    if (isa<FloatType>(element))
      return narrow(body, loc, sum, element);
    sum = saturated(n, sum, element, isUnsigned(graphElement));
    Value wide = arith::FPToSIOp::create(body, loc, b.getI64Type(), sum);
    if (element.isInteger(64))
      return wide;
    return arith::TruncIOp::create(body, loc, element, wide);
  });
  return SmallVector<Value>{y};
}

void attachResize(MLIRContext *context) { attach<&lowerResize>(context); }

} // namespace lathe::lowering
