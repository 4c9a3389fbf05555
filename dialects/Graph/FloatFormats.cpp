// dialects/Graph/FloatFormats.cpp: narrow floats by arithmetic on the bits of an f32.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/FloatFormats.h"
#include "dialects/Graph/Graph.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::arith;

namespace lathe::graph {

namespace {

constexpr int64_t signBit = 0x80000000, infinity = 0x7f800000, quietNaN = 0x7fc00000;

/// Arithmetic on 32 bits, all of it without a sign.
struct Bits {
  OpBuilder &b;
  Location loc;

  Value of(int64_t value) {
    return arith::ConstantOp::create(b, loc, b.getIntegerAttr(b.getI32Type(), APInt(32, value, false, true)));
  }
  Value real(double value) { return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(static_cast<float>(value))); }
  Value add(Value x, Value y) { return AddIOp::create(b, loc, x, y); }
  Value add(Value x, int64_t y) { return add(x, of(y)); }
  Value sub(Value x, Value y) { return SubIOp::create(b, loc, x, y); }
  Value conj(Value x, int64_t y) { return AndIOp::create(b, loc, x, of(y)); }
  Value disj(Value x, Value y) { return OrIOp::create(b, loc, x, y); }
  Value left(Value x, int64_t n) { return ShLIOp::create(b, loc, x, of(n)); }
  Value right(Value x, int64_t n) { return ShRUIOp::create(b, loc, x, of(n)); }
  Value above(Value x, int64_t y) { return CmpIOp::create(b, loc, CmpIPredicate::ugt, x, of(y)); }
  Value equal(Value x, int64_t y) { return CmpIOp::create(b, loc, CmpIPredicate::eq, x, of(y)); }
  Value select(Value c, Value x, Value y) { return arith::SelectOp::create(b, loc, c, x, y); }
  Value select(Value c, int64_t x, Value y) { return select(c, of(x), y); }
  Value bitsOf(Value x) { return arith::BitcastOp::create(b, loc, b.getI32Type(), x); }
  Value floatOf(Value x) { return arith::BitcastOp::create(b, loc, b.getF32Type(), x); }
};

/// A format with a sign: what its codes mean.
struct Format {
  explicit Format(FloatType type) {
    const llvm::fltSemantics &semantics = type.getFloatSemantics();
    bits = type.getWidth();
    fraction = APFloat::semanticsPrecision(semantics) - 1;
    least = APFloat::semanticsMinExponent(semantics);
    largest = codeOf(APFloat::getLargest(semantics));
    hasInfinity = APFloat::semanticsHasInf(semantics);
    hasNaN = APFloat::semanticsHasNaN(semantics);
    if (hasInfinity)
      infinite = codeOf(APFloat::getInf(semantics));
    if (hasNaN)
      nan = codeOf(APFloat::getQNaN(semantics));
    // Where there is no -0, its code is that of what is not a number.
    hasNegativeZero = !hasNaN || nan != sign();
  }

  static int64_t codeOf(const APFloat &value) { return static_cast<int64_t>(value.bitcastToAPInt().getZExtValue()); }
  int64_t sign() const { return int64_t(1) << (bits - 1); }

  unsigned bits, fraction;
  int least; ///< Exponent of the smallest normal number.
  int64_t largest, infinite = 0, nan = 0;
  bool hasInfinity, hasNaN, hasNegativeZero;
};

bool isPowerFormat(Type format) { return isa<Float8E8M0FNUType>(format); }

/// The code of a power of two, of the bits of an f32.
Value encodePower(Bits s, Value x, bool saturate, RoundMode mode) {
  constexpr int64_t most = 0xfe, nan = 0xff, least = 0x400000;
  Value bits = s.conj(s.bitsOf(x), ~signBit);
  Value isNormal = s.above(bits, 0x7fffff);
  // Below the normal numbers of f32 there is one more power of two.
  Value exponent = s.right(bits, 23);
  Value fraction = s.select(isNormal, s.conj(bits, 0x7fffff), s.left(s.sub(bits, s.of(least)), 1));
  Value code = exponent;
  if (mode != RoundMode::down) {
    Value goesUp = s.above(fraction, mode == RoundMode::up ? 0 : 0x3fffff);
    code = s.add(exponent, ExtUIOp::create(s.b, s.loc, s.b.getI32Type(), goesUp));
  }
  code = s.select(s.above(code, most), saturate ? most : nan, code);
  Value isBelow = CmpIOp::create(s.b, s.loc, CmpIPredicate::ult, bits, s.of(least));
  code = s.select(isBelow, saturate ? 0 : nan, code);
  return s.select(s.above(bits, infinity), nan, code);
}

Value encode(Bits s, Value x, const Format &format, bool saturate) {
  int64_t drop = 23 - format.fraction, firstExponent = 126 + format.least;
  Value bits = s.bitsOf(x), magnitude = s.conj(bits, ~signBit);
  // Normal results: round the fraction to even, and count exponents from another zero.
  Value isOdd = s.conj(s.right(magnitude, drop), 1);
  Value rounded = s.right(s.add(s.add(magnitude, (int64_t(1) << (drop - 1)) - 1), isOdd), drop);
  Value normal = s.sub(rounded, s.of(firstExponent << format.fraction));
  // Others: the processor rounds where it adds a number whose last bit is theirs.
  Value shift = s.real(std::ldexp(1.0, format.least + static_cast<int>(drop)));
  Value sum = AddFOp::create(s.b, s.loc, s.floatOf(magnitude), shift);
  Value small = s.sub(s.bitsOf(sum), s.bitsOf(shift));
  Value isNormal = s.above(magnitude, ((firstExponent + 1) << 23) - 1);
  Value code = s.select(isNormal, normal, small);

  int64_t beyond = saturate || !format.hasNaN ? format.largest : format.hasInfinity ? format.infinite : format.nan;
  code = s.select(s.above(code, format.largest), beyond, code);
  Value isNaN = s.above(magnitude, infinity);
  Value sign = s.left(s.right(bits, 31), format.bits - 1);
  if (!format.hasNaN) // Nothing stands for it: a zero, with the sign that it has not.
    return s.select(isNaN, s.sub(s.of(format.sign()), sign), s.disj(code, sign));
  code = s.select(isNaN, format.nan, code);
  if (format.hasNegativeZero)
    return s.disj(code, sign);
  Value hasSign = s.select(s.equal(s.conj(code, ~format.sign()), 0), 0, sign);
  return s.disj(code, hasSign);
}

Value decodePower(Bits s, Value code) {
  Value bits = s.select(s.equal(code, 0), 0x400000, s.left(code, 23));
  return s.floatOf(s.select(s.equal(code, 0xff), quietNaN, bits));
}

Value decode(Bits s, Value code, const Format &format) {
  int64_t drop = 23 - format.fraction, firstExponent = 126 + format.least;
  Value magnitude = s.conj(code, format.sign() - 1);
  Value normal = s.add(s.left(magnitude, drop), firstExponent << 23);
  Value unit = s.real(std::ldexp(1.0, format.least - static_cast<int>(format.fraction)));
  Value count = UIToFPOp::create(s.b, s.loc, s.b.getF32Type(), magnitude);
  Value small = s.bitsOf(MulFOp::create(s.b, s.loc, count, unit));
  Value isNormal = s.above(magnitude, (int64_t(1) << format.fraction) - 1);
  Value bits = s.select(isNormal, normal, small);
  if (format.hasInfinity)
    bits = s.select(s.above(magnitude, format.infinite - 1),
                    s.disj(s.of(infinity), s.left(s.conj(magnitude, (int64_t(1) << format.fraction) - 1), drop)), bits);
  else if (format.hasNaN && format.hasNegativeZero)
    bits = s.select(s.equal(magnitude, format.nan), quietNaN, bits);
  bits = s.disj(bits, s.left(s.right(code, format.bits - 1), 31));
  if (!format.hasNegativeZero)
    bits = s.select(s.equal(code, format.nan), quietNaN, bits);
  return s.floatOf(bits);
}

LogicalResult verifyFormat(Operation *op, Type format) {
  auto type = dyn_cast<FloatType>(format);
  if (type && type.getWidth() <= 8) // encode_c1, decode_c1
    return success();
  return op->emitOpError("has the format ") << format << ", but a float type of at most 8 bits is expected";
}

} // namespace

Value roundToOdd(OpBuilder &builder, Location loc, Value x) {
  Bits s{builder, loc};
  Value nearest = TruncFOp::create(builder, loc, builder.getF32Type(), x);
  Value back = ExtFOp::create(builder, loc, x.getType(), nearest);
  Value bits = s.bitsOf(nearest);
  auto compare = [&](CmpFPredicate predicate, Value a, Value b) {
    return CmpFOp::create(builder, loc, predicate, a, b);
  };
  auto abs = [&](Value value) { return math::AbsFOp::create(builder, loc, value); };
  Value isInexact = compare(CmpFPredicate::ONE, back, x);
  Value isEven = s.equal(s.conj(bits, 1), 0);
  Value towardsX = s.select(compare(CmpFPredicate::OGT, abs(back), abs(x)), s.of(-1), s.of(1));
  Value isOff = AndIOp::create(builder, loc, isInexact, isEven);
  return s.floatOf(s.select(isOff, s.add(bits, towardsX), bits));
}

LogicalResult EncodeOp::verify() { return verifyFormat(*this, getFormat()); }
LogicalResult DecodeOp::verify() { return verifyFormat(*this, getFormat()); }

Value EncodeOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Bits s{builder, getLoc()};
  Value x = args[0];
  if (x.getType().isF64())
    x = roundToOdd(builder, getLoc(), x);
  Value code = isPowerFormat(getFormat()) ? encodePower(s, x, getSaturate(), getRoundMode())
                                          : encode(s, x, Format(cast<FloatType>(getFormat())), getSaturate());
  return TruncIOp::create(builder, getLoc(), builder.getI8Type(), code);
}

Value DecodeOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Bits s{builder, getLoc()};
  Value code = ExtUIOp::create(builder, getLoc(), builder.getI32Type(), args[0]);
  return isPowerFormat(getFormat()) ? decodePower(s, code) : decode(s, code, Format(cast<FloatType>(getFormat())));
}

} // namespace lathe::graph
