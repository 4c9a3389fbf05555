// dialects/Graph/ElementwiseScalars.cpp: what every elementwise op computes, on one element.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/ElementTypes.h"
#include "dialects/Graph/FloatFormats.h"
#include "dialects/Graph/Graph.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::arith;

namespace lathe::graph {

namespace {

/// Short names for the scalar ops that the definitions below are made of.
/// Everything works on the signless type of the arguments.
struct Scalar {
  OpBuilder &b;
  Location loc;

  Value of(Type type, double value) {
    if (isa<FloatType>(type))
      return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
    return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, static_cast<int64_t>(value)));
  }
  Value like(Value x, double value) { return of(x.getType(), value); }

  Value add(Value x, Value y) { return AddFOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return SubFOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return MulFOp::create(b, loc, x, y); }
  Value div(Value x, Value y) { return DivFOp::create(b, loc, x, y); }
  Value neg(Value x) { return NegFOp::create(b, loc, x); }
  Value exp(Value x) { return math::ExpOp::create(b, loc, x); }
  Value log(Value x) { return math::LogOp::create(b, loc, x); }
  Value log1p(Value x) { return math::Log1pOp::create(b, loc, x); }
  Value sqrt(Value x) { return math::SqrtOp::create(b, loc, x); }
  Value tanh(Value x) { return math::TanhOp::create(b, loc, x); }
  Value abs(Value x) { return math::AbsFOp::create(b, loc, x); }
  /// NaN if either is; of two zeros any, which saves processors most of the work.
  Value max(Value x, Value y) { return MaximumFOp::create(b, loc, x, y, FastMathFlags::nsz); }
  Value min(Value x, Value y) { return MinimumFOp::create(b, loc, x, y, FastMathFlags::nsz); }
  Value less(Value x, Value y) { return CmpFOp::create(b, loc, CmpFPredicate::OLT, x, y); }
  Value greater(Value x, Value y) { return CmpFOp::create(b, loc, CmpFPredicate::OGT, x, y); }
  Value equal(Value x, Value y) { return CmpFOp::create(b, loc, CmpFPredicate::OEQ, x, y); }
  Value select(Value c, Value x, Value y) { return arith::SelectOp::create(b, loc, c, x, y); }

  /// ln(1 + e^x) without overflow: max(x, 0) + log1p(e^-|x|).
  Value softplus(Value x) { return add(max(x, like(x, 0)), log1p(exp(neg(abs(x))))); }
  /// 1 / (1 + e^-x).
  Value sigmoid(Value x) {
    Value one = like(x, 1);
    return div(one, add(one, exp(neg(x))));
  }
};

bool isUnsigned(Operation *op) {
  Type element = getElementTypeOrSelf(op->getOperand(0));
  return element.isUnsignedInteger() || element.isInteger(1);
}
bool isFloat(Value value) { return isa<FloatType>(getElementTypeOrSelf(value)); }

} // namespace

// A definition: NAME(op, formula), where x is the first argument, y the second
// and s builds scalars.
#define LATHE_SCALAR(NAME, FORMULA)                                                                                    \
  Value NAME##Op::buildScalar(OpBuilder &builder, ValueRange args) {                                                   \
    [[maybe_unused]] Scalar s{builder, getLoc()};                                                                      \
    [[maybe_unused]] Value x = args[0], y = args.back();                                                               \
    return FORMULA;                                                                                                    \
  }

// The same for ops on integers and floats: FLOAT, SIGNED and UNSIGNED are ops.
#define LATHE_NUMERIC(NAME, FLOAT, SIGNED, UNSIGNED)                                                                   \
  Value NAME##Op::buildScalar(OpBuilder &builder, ValueRange args) {                                                   \
    if (isFloat(args[0]))                                                                                              \
      return FLOAT::create(builder, getLoc(), args[0], args[1]);                                                       \
    if (isUnsigned(*this))                                                                                             \
      return UNSIGNED::create(builder, getLoc(), args[0], args[1]);                                                    \
    return SIGNED::create(builder, getLoc(), args[0], args[1]);                                                        \
  }

LATHE_SCALAR(Ceil, math::CeilOp::create(builder, getLoc(), x))
LATHE_SCALAR(Floor, math::FloorOp::create(builder, getLoc(), x))
LATHE_SCALAR(Round, math::RoundEvenOp::create(builder, getLoc(), x))
LATHE_SCALAR(Reciprocal, s.div(s.like(x, 1), x))
LATHE_SCALAR(Sqrt, s.sqrt(x))
LATHE_SCALAR(Sin, math::SinOp::create(builder, getLoc(), x))
LATHE_SCALAR(Cos, math::CosOp::create(builder, getLoc(), x))
LATHE_SCALAR(Tan, math::TanOp::create(builder, getLoc(), x))
LATHE_SCALAR(Asin, math::AsinOp::create(builder, getLoc(), x))
LATHE_SCALAR(Acos, math::AcosOp::create(builder, getLoc(), x))
LATHE_SCALAR(Atan, math::AtanOp::create(builder, getLoc(), x))
LATHE_SCALAR(Sinh, math::SinhOp::create(builder, getLoc(), x))
LATHE_SCALAR(Cosh, math::CoshOp::create(builder, getLoc(), x))
LATHE_SCALAR(Tanh, s.tanh(x))
LATHE_SCALAR(Asinh, math::AsinhOp::create(builder, getLoc(), x))
LATHE_SCALAR(Acosh, math::AcoshOp::create(builder, getLoc(), x))
LATHE_SCALAR(Atanh, math::AtanhOp::create(builder, getLoc(), x))
LATHE_SCALAR(Erf, math::ErfOp::create(builder, getLoc(), x))
LATHE_SCALAR(Sigmoid, s.sigmoid(x))
LATHE_SCALAR(Softplus, s.softplus(x))
LATHE_SCALAR(Softsign, s.div(x, s.add(s.like(x, 1), s.abs(x))))
LATHE_SCALAR(Mish, s.mul(x, s.tanh(s.softplus(x))))
LATHE_SCALAR(Not, XOrIOp::create(builder, getLoc(), x, s.of(x.getType(), 1)))
LATHE_SCALAR(BitwiseNot, XOrIOp::create(builder, getLoc(), x, s.of(x.getType(), -1)))
LATHE_SCALAR(And, AndIOp::create(builder, getLoc(), x, y))
LATHE_SCALAR(Or, OrIOp::create(builder, getLoc(), x, y))
LATHE_SCALAR(Xor, XOrIOp::create(builder, getLoc(), x, y))
LATHE_SCALAR(BitwiseAnd, AndIOp::create(builder, getLoc(), x, y))
LATHE_SCALAR(BitwiseOr, OrIOp::create(builder, getLoc(), x, y))
LATHE_SCALAR(BitwiseXor, XOrIOp::create(builder, getLoc(), x, y))
LATHE_SCALAR(IsNan, CmpFOp::create(builder, getLoc(), CmpFPredicate::UNO, x, x))
LATHE_SCALAR(Select, s.select(args[0], args[1], args[2]))

LATHE_NUMERIC(Add, AddFOp, AddIOp, AddIOp)
LATHE_NUMERIC(Sub, SubFOp, SubIOp, SubIOp)
LATHE_NUMERIC(Mul, MulFOp, MulIOp, MulIOp)

// The approximations of exp and log that vectorize leave denormal numbers out:
// as results of one and arguments of the other they are scaled into the range
// of the others, and back. Functions that are made of them do without.
Value ExpOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Value x = args[0];
  if (!getX().getType().getElementType().isF32())
    return s.exp(x);
  // x + 32 is exact there, and one rounding more is no loss.
  constexpr double expOfMinus32 = 1.2664165549094176e-14;
  Value isSmall = s.less(x, s.like(x, -80));
  Value y = s.exp(s.select(isSmall, s.add(x, s.like(x, 32)), x));
  return s.select(isSmall, s.mul(y, s.like(x, expOfMinus32)), y);
}

Value LogOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Value x = args[0];
  if (!getX().getType().getElementType().isF32())
    return s.log(x);
  constexpr double logOfTwoTo24 = 16.635532333438686;
  Value isSmall = s.less(x, s.like(x, 0x1p-126));
  Value y = s.log(s.select(isSmall, s.mul(x, s.like(x, 0x1p24)), x));
  return s.select(isSmall, s.sub(y, s.like(x, logOfTwoTo24)), y);
}

//===----------------------------------------------------------------------===//
// Activations with attributes
//===----------------------------------------------------------------------===//

Value LeakyReluOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Value x = args[0], alpha = s.like(x, getAlpha().convertToDouble());
  return s.select(s.less(x, s.like(x, 0)), s.mul(alpha, x), x);
}

/// alpha (e^x - 1), by expm1 so that small values keep their digits.
static Value expMinusOne(Scalar &s, Value x) { return math::ExpM1Op::create(s.b, s.loc, x); }

Value EluOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Value x = args[0], alpha = s.like(x, getAlpha().convertToDouble());
  return s.select(s.greater(x, s.like(x, 0)), x, s.mul(alpha, expMinusOne(s, x)));
}

Value CeluOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Value x = args[0], zero = s.like(x, 0), alpha = s.like(x, getAlpha().convertToDouble());
  return s.add(s.max(zero, x), s.min(zero, s.mul(alpha, expMinusOne(s, s.div(x, alpha)))));
}

Value ThresholdedReluOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Value x = args[0];
  return s.select(s.greater(x, s.like(x, getAlpha().convertToDouble())), x, s.like(x, 0));
}

Value SwishOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Value x = args[0];
  return s.mul(x, s.sigmoid(s.mul(s.like(x, getAlpha().convertToDouble()), x)));
}

Value HardSigmoidOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Value x = args[0];
  Value line = s.add(s.mul(s.like(x, getAlpha().convertToDouble()), x), s.like(x, getBeta().convertToDouble()));
  return s.max(s.like(x, 0), s.min(s.like(x, 1), line));
}

Value SeluOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Value x = args[0], alpha = s.like(x, getAlpha().convertToDouble());
  Value inner = s.select(s.greater(x, s.like(x, 0)), x, s.mul(alpha, expMinusOne(s, x)));
  return s.mul(s.like(x, getBeta().convertToDouble()), inner);
}

Value ShrinkOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Value x = args[0], zero = s.like(x, 0), bias = s.like(x, getBeta().convertToDouble());
  double lambda = getAlpha().convertToDouble();
  Value above = s.select(s.greater(x, s.like(x, lambda)), s.sub(x, bias), zero);
  return s.select(s.less(x, s.like(x, -lambda)), s.add(x, bias), above);
}

Value GeluOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Value x = args[0], one = s.like(x, 1);
  if (getApproximateTanh()) {
    // (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)), which keeps its digits where u is negative, for
    // -2 u = -x sqrt(8 / pi) (1 + 0.044715 x^2).
    Value slope = s.add(s.like(x, -1.5957691216057308), s.mul(s.like(x, -0.07135481627260025), s.mul(x, x)));
    return s.div(x, s.add(one, s.exp(s.mul(x, slope))));
  }
  Value inner = math::ErfOp::create(builder, getLoc(), s.mul(x, s.like(x, 0.7071067811865476)));
  return s.mul(s.mul(s.like(x, 0.5), x), s.add(one, inner));
}

//===----------------------------------------------------------------------===//
// Numbers of any kind
//===----------------------------------------------------------------------===//

Value AbsOp::buildScalar(OpBuilder &builder, ValueRange args) {
  if (isFloat(args[0]))
    return math::AbsFOp::create(builder, getLoc(), args[0]);
  return isUnsigned(*this) ? args[0] : math::AbsIOp::create(builder, getLoc(), args[0]);
}

Value NegOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  if (isFloat(args[0]))
    return s.neg(args[0]);
  return SubIOp::create(builder, getLoc(), s.like(args[0], 0), args[0]);
}

Value SignOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Value x = args[0], zero = s.like(x, 0), one = s.like(x, 1);
  if (isFloat(x))
    return s.select(s.less(x, zero), s.like(x, -1),
                    s.select(s.greater(x, zero), one, s.select(s.equal(x, zero), zero, x))); // NaN stays
  Value isZero = CmpIOp::create(builder, getLoc(), CmpIPredicate::eq, x, zero);
  Value sign = one;
  if (!isUnsigned(*this)) {
    Value isNegative = CmpIOp::create(builder, getLoc(), CmpIPredicate::slt, x, zero);
    sign = s.select(isNegative, s.like(x, -1), one);
  }
  return s.select(isZero, zero, sign);
}

Value MaxOp::buildScalar(OpBuilder &builder, ValueRange args) {
  if (isFloat(args[0]))
    return Scalar{builder, getLoc()}.max(args[0], args[1]);
  if (isUnsigned(*this))
    return MaxUIOp::create(builder, getLoc(), args[0], args[1]);
  return MaxSIOp::create(builder, getLoc(), args[0], args[1]);
}

Value MinOp::buildScalar(OpBuilder &builder, ValueRange args) {
  if (isFloat(args[0]))
    return Scalar{builder, getLoc()}.min(args[0], args[1]);
  if (isUnsigned(*this))
    return MinUIOp::create(builder, getLoc(), args[0], args[1]);
  return MinSIOp::create(builder, getLoc(), args[0], args[1]);
}

Value ReluOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Value zero = s.like(args[0], 0);
  if (isFloat(args[0]))
    return s.max(args[0], zero);
  return isUnsigned(*this) ? args[0] : MaxSIOp::create(builder, getLoc(), args[0], zero);
}

Value PreluOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Value x = args[0];
  if (isFloat(x))
    return s.select(s.less(x, s.like(x, 0)), s.mul(args[1], x), x);
  if (isUnsigned(*this))
    return x;
  Value isNegative = CmpIOp::create(builder, getLoc(), CmpIPredicate::slt, x, s.like(x, 0));
  return s.select(isNegative, MulIOp::create(builder, getLoc(), args[1], x), x);
}

Value IsInfOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Value x = args[0], result = s.of(builder.getI1Type(), 0);
  auto orEqual = [&](double infinity) {
    Value is = CmpFOp::create(builder, getLoc(), CmpFPredicate::OEQ, x, s.like(x, infinity));
    result = OrIOp::create(builder, getLoc(), result, is);
  };
  if (getDetectPositive())
    orEqual(std::numeric_limits<double>::infinity());
  if (getDetectNegative())
    orEqual(-std::numeric_limits<double>::infinity());
  return result;
}

/// A divisor that traps no hardware: 1 in place of 0 and of -1 (whose
/// quotients the caller selects otherwise).
static Value safeDivisor(Scalar &s, Value b) {
  Value zero = s.like(b, 0), one = s.like(b, 1), minusOne = s.like(b, -1);
  Value isZero = CmpIOp::create(s.b, s.loc, CmpIPredicate::eq, b, zero);
  Value isMinusOne = CmpIOp::create(s.b, s.loc, CmpIPredicate::eq, b, minusOne);
  return s.select(OrIOp::create(s.b, s.loc, isZero, isMinusOne), one, b);
}

Value DivOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Value a = args[0], b = args[1];
  if (isFloat(a))
    return s.div(a, b);
  Value zero = s.like(b, 0), quotient;
  Value isZero = CmpIOp::create(builder, getLoc(), CmpIPredicate::eq, b, zero);
  if (isUnsigned(*this)) {
    quotient = DivUIOp::create(builder, getLoc(), a, s.select(isZero, s.like(b, 1), b));
  } else {
    // The lowest value divided by -1 would trap: negate instead, which wraps.
    Value isMinusOne = CmpIOp::create(builder, getLoc(), CmpIPredicate::eq, b, s.like(b, -1));
    quotient = DivSIOp::create(builder, getLoc(), a, safeDivisor(s, b));
    quotient = s.select(isMinusOne, SubIOp::create(builder, getLoc(), zero, a), quotient);
  }
  return s.select(isZero, zero, quotient);
}

/// The remainder with the sign of `a`; 0 where `b` is 0.
static Value truncatedRemainder(Scalar &s, Value a, Value b, bool isUnsignedType) {
  Value zero = s.like(b, 0);
  Value isZero = CmpIOp::create(s.b, s.loc, CmpIPredicate::eq, b, zero);
  Value rest;
  if (isUnsignedType)
    rest = RemUIOp::create(s.b, s.loc, a, s.select(isZero, s.like(b, 1), b));
  else
    rest = RemSIOp::create(s.b, s.loc, a, safeDivisor(s, b)); // a mod 1 = a mod -1 = 0
  return s.select(isZero, zero, rest);
}

Value FmodOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  if (isFloat(args[0]))
    return RemFOp::create(builder, getLoc(), args[0], args[1]);
  return truncatedRemainder(s, args[0], args[1], isUnsigned(*this));
}

Value ModOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Value b = args[1];
  if (isFloat(args[0])) {
    Value rest = RemFOp::create(builder, getLoc(), args[0], b), zero = s.like(b, 0);
    Value differs = XOrIOp::create(builder, getLoc(), s.less(rest, zero), s.less(b, zero));
    Value nonZero = CmpFOp::create(builder, getLoc(), CmpFPredicate::UNE, rest, zero);
    return s.select(AndIOp::create(builder, getLoc(), differs, nonZero), s.add(rest, b), rest);
  }
  Value rest = truncatedRemainder(s, args[0], b, isUnsigned(*this));
  if (isUnsigned(*this))
    return rest;
  Value zero = s.like(b, 0);
  auto isNegative = [&](Value v) -> Value { return CmpIOp::create(builder, getLoc(), CmpIPredicate::slt, v, zero); };
  Value differs = XOrIOp::create(builder, getLoc(), isNegative(rest), isNegative(b));
  Value nonZero = CmpIOp::create(builder, getLoc(), CmpIPredicate::ne, rest, zero);
  return s.select(AndIOp::create(builder, getLoc(), differs, nonZero), AddIOp::create(builder, getLoc(), rest, b),
                  rest);
}

/// Shifts by the width or more give 0 instead of an undefined value.
template <typename ShiftOp> static Value shift(Operation *op, OpBuilder &builder, ValueRange args) {
  Scalar s{builder, op->getLoc()};
  Value width = s.like(args[1], args[1].getType().getIntOrFloatBitWidth());
  Value fits = CmpIOp::create(builder, s.loc, CmpIPredicate::ult, args[1], width);
  Value amount = s.select(fits, args[1], s.like(args[1], 0));
  return s.select(fits, ShiftOp::create(builder, s.loc, args[0], amount), s.like(args[0], 0));
}

Value ShiftLeftOp::buildScalar(OpBuilder &builder, ValueRange args) { return shift<ShLIOp>(*this, builder, args); }

Value ShiftRightOp::buildScalar(OpBuilder &builder, ValueRange args) {
  if (isUnsigned(*this))
    return shift<ShRUIOp>(*this, builder, args);
  // The sign fills up: by the width or more (or a negative amount, which is
  // huge without a sign) nothing but the sign is left.
  Scalar s{builder, getLoc()};
  Value most = s.like(args[1], args[1].getType().getIntOrFloatBitWidth() - 1);
  return ShRSIOp::create(builder, getLoc(), args[0], MinUIOp::create(builder, getLoc(), args[1], most));
}

//===----------------------------------------------------------------------===//
// Comparisons
//===----------------------------------------------------------------------===//

static Value compare(Operation *op, OpBuilder &builder, ValueRange args, CmpFPredicate floats, CmpIPredicate signedInts,
                     CmpIPredicate unsignedInts) {
  if (isFloat(args[0]))
    return CmpFOp::create(builder, op->getLoc(), floats, args[0], args[1]);
  return CmpIOp::create(builder, op->getLoc(), isUnsigned(op) ? unsignedInts : signedInts, args[0], args[1]);
}

Value EqualOp::buildScalar(OpBuilder &builder, ValueRange args) {
  return compare(*this, builder, args, CmpFPredicate::OEQ, CmpIPredicate::eq, CmpIPredicate::eq);
}
Value LessOp::buildScalar(OpBuilder &builder, ValueRange args) {
  return compare(*this, builder, args, CmpFPredicate::OLT, CmpIPredicate::slt, CmpIPredicate::ult);
}
Value LessEqualOp::buildScalar(OpBuilder &builder, ValueRange args) {
  return compare(*this, builder, args, CmpFPredicate::OLE, CmpIPredicate::sle, CmpIPredicate::ule);
}
Value GreaterOp::buildScalar(OpBuilder &builder, ValueRange args) {
  return compare(*this, builder, args, CmpFPredicate::OGT, CmpIPredicate::sgt, CmpIPredicate::ugt);
}
Value GreaterEqualOp::buildScalar(OpBuilder &builder, ValueRange args) {
  return compare(*this, builder, args, CmpFPredicate::OGE, CmpIPredicate::sge, CmpIPredicate::uge);
}

//===----------------------------------------------------------------------===//
// Conversions and powers
//===----------------------------------------------------------------------===//

/// An f64 in half precision, rounded once. No processor does that, and the C
/// library has no function for it.
static Value narrowDouble(Scalar &s, Value x, Type half) {
  return TruncFOp::create(s.b, s.loc, half, roundToOdd(s.b, s.loc, x));
}

/// The lowest `bits` bits, 32 or less, of the whole part of an f32. Processors convert vectors to 32 bits, of which
/// the result would be undefined for larger numbers: x is split into multiples of 2^31 and what is left, both exact.
/// From 2^55 on, the lowest 32 bits are zeros.
static Value lowestBits(Scalar &s, Value x, unsigned bits) {
  Type i32 = s.b.getI32Type();
  Value y = s.select(s.less(s.abs(x), s.like(x, 0x1p55)), x, s.like(x, 0));
  Value high = FPToSIOp::create(s.b, s.loc, i32, s.mul(y, s.like(x, 0x1p-31)));
  Value rest = s.sub(y, s.mul(SIToFPOp::create(s.b, s.loc, x.getType(), high), s.like(x, 0x1p31)));
  Value low = FPToSIOp::create(s.b, s.loc, i32, rest);
  if (bits == 32)
    return AddIOp::create(s.b, s.loc, low, ShLIOp::create(s.b, s.loc, high, s.like(high, 31)));
  return TruncIOp::create(s.b, s.loc, s.b.getIntegerType(bits), low);
}

/// Converts a scalar; `from` and `to` are graph element types, which know
/// whether integers have a sign.
static Value convert(Scalar &s, Value x, Type from, Type to) {
  Type target = getSignlessType(to);
  bool fromUnsigned = from.isUnsignedInteger() || from.isInteger(1);
  if (isa<FloatType>(x.getType())) {
    if (to.isInteger(1))
      return CmpFOp::create(s.b, s.loc, CmpFPredicate::UNE, x, s.like(x, 0));
    if (isa<IntegerType>(target)) {
      unsigned bits = target.getIntOrFloatBitWidth();
      if (bits <= 32 && x.getType().getIntOrFloatBitWidth() <= 32)
        return lowestBits(s, x.getType().isF32() ? x : ExtFOp::create(s.b, s.loc, s.b.getF32Type(), x), bits);
      // Through 64 bits: narrow results wrap instead of being undefined.
      Type wide = s.b.getI64Type();
      Value number = to.isUnsignedInteger(64) ? Value(FPToUIOp::create(s.b, s.loc, wide, x))
                                              : Value(FPToSIOp::create(s.b, s.loc, wide, x));
      return target == wide ? number : TruncIOp::create(s.b, s.loc, target, number);
    }
    unsigned widthFrom = x.getType().getIntOrFloatBitWidth();
    unsigned widthTo = target.getIntOrFloatBitWidth();
    if (x.getType() == target)
      return x;
    if (widthFrom == widthTo) { // f16 and bf16
      Value wide = ExtFOp::create(s.b, s.loc, s.b.getF32Type(), x);
      return TruncFOp::create(s.b, s.loc, target, wide);
    }
    if (widthFrom < widthTo)
      return ExtFOp::create(s.b, s.loc, target, x);
    if (widthFrom == 64 && widthTo == 16)
      return narrowDouble(s, x, target);
    return TruncFOp::create(s.b, s.loc, target, x);
  }
  if (to.isInteger(1))
    return CmpIOp::create(s.b, s.loc, CmpIPredicate::ne, x, s.like(x, 0));
  if (isa<FloatType>(target))
    return fromUnsigned ? Value(UIToFPOp::create(s.b, s.loc, target, x))
                        : Value(SIToFPOp::create(s.b, s.loc, target, x));
  unsigned widthFrom = x.getType().getIntOrFloatBitWidth();
  unsigned widthTo = target.getIntOrFloatBitWidth();
  if (widthFrom == widthTo)
    return x;
  if (widthFrom > widthTo)
    return TruncIOp::create(s.b, s.loc, target, x);
  return fromUnsigned ? Value(ExtUIOp::create(s.b, s.loc, target, x)) : Value(ExtSIOp::create(s.b, s.loc, target, x));
}

LogicalResult CastOp::verify() {
  Type from = getX().getType().getElementType(), to = getY().getType().getElementType();
  bool isComplex = isa<ComplexType>(from) || isa<ComplexType>(to);
  if (from != to && isComplex) // cast_c1
    return emitOpError("cannot convert ") << from << " to " << to;
  return success();
}

Value CastOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  // Half precision comes widened (see the interface); the type of the argument
  // is what counts.
  return convert(s, args[0], getX().getType().getElementType(), getY().getType().getElementType());
}

LogicalResult BitcastOp::verify() {
  Type from = getX().getType().getElementType(), to = getY().getType().getElementType();
  if (bitsInMemory(from) != bitsInMemory(to)) // bitcast_c1
    return emitOpError("cannot read elements of ")
           << bitsInMemory(from) << " bits as elements of " << bitsInMemory(to) << " bits";
  return success();
}

Value BitcastOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Type from = getX().getType().getElementType(), to = getY().getType().getElementType();
  Value x = args[0];
  if (x.getType() != getSignlessType(from)) // Half precision comes widened, without loss.
    x = TruncFOp::create(builder, getLoc(), from, x);
  Type bits = builder.getIntegerType(bitsInMemory(from)), target = getSignlessType(to);
  if (from.isInteger(1))
    x = ExtUIOp::create(builder, getLoc(), bits, x);
  if (to.isInteger(1))
    return CmpIOp::create(builder, getLoc(), CmpIPredicate::ne, x, s.like(x, 0));
  return x.getType() == target ? x : arith::BitcastOp::create(builder, getLoc(), target, x).getResult();
}

/// x^n for a whole number, by squaring; of integers, modulo 2^width.
static Value wholePower(Scalar &s, Value x, uint64_t n) {
  auto mul = [&](Value p, Value q) -> Value { return isFloat(x) ? s.mul(p, q) : MulIOp::create(s.b, s.loc, p, q); };
  Value result;
  for (Value square = x; n; n >>= 1, square = n ? mul(square, square) : square)
    if (n & 1)
      result = result ? mul(result, square) : square;
  return result ? result : s.like(x, 1);
}

/// x^n for integers x, where n is negative: 1, -1 or 0, as the quotient is cut off.
static Value powerBelowOne(Scalar &s, Value x, Value isOdd) {
  auto equals = [&](int64_t value) -> Value {
    return CmpIOp::create(s.b, s.loc, CmpIPredicate::eq, x, s.like(x, static_cast<double>(value)));
  };
  Value zero = s.like(x, 0), one = s.like(x, 1), minusOne = s.like(x, -1);
  Value ofMinusOne = s.select(isOdd, minusOne, one);
  return s.select(equals(1), one, s.select(equals(-1), ofMinusOne, zero));
}

/// x^n for integers, bit by bit of n.
static Value integerPower(Scalar &s, Value x, Value n, bool isUnsignedExponent) {
  Type type = n.getType();
  unsigned bits = type.getIntOrFloatBitWidth() - (isUnsignedExponent ? 0 : 1);
  Value result = s.like(x, 1), square = x, one = s.like(n, 1), zero = s.like(n, 0);
  for (unsigned i = 0; i < bits; ++i) {
    Value shifted = ShRUIOp::create(s.b, s.loc, n, s.like(n, i));
    Value bit = CmpIOp::create(s.b, s.loc, CmpIPredicate::ne, AndIOp::create(s.b, s.loc, shifted, one), zero);
    result = s.select(bit, MulIOp::create(s.b, s.loc, result, square), result);
    if (i + 1 < bits)
      square = MulIOp::create(s.b, s.loc, square, square);
  }
  if (isUnsignedExponent)
    return result;
  Value isOdd = CmpIOp::create(s.b, s.loc, CmpIPredicate::ne, AndIOp::create(s.b, s.loc, n, one), zero);
  Value isNegative = CmpIOp::create(s.b, s.loc, CmpIPredicate::slt, n, zero);
  return s.select(isNegative, powerBelowOne(s, x, isOdd), result);
}

/// The exponent of `op`, if it is one number known at compile time.
static std::optional<double> constantExponent(PowOp op) {
  auto def = op.getB().getDefiningOp<graph::ConstantOp>();
  auto constant = def ? dyn_cast<SplatElementsAttr>(def.getValue()) : SplatElementsAttr();
  if (!constant)
    return std::nullopt;
  Type type = constant.getElementType();
  if (isa<FloatType>(type)) {
    APFloat value = constant.getSplatValue<APFloat>();
    bool lost;
    value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
    return value.convertToDouble();
  }
  APInt value = constant.getSplatValue<APInt>();
  return type.isUnsignedInteger() ? static_cast<double>(value.getZExtValue())
                                  : static_cast<double>(value.getSExtValue());
}

Value PowOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Type base = getA().getType().getElementType(), exponent = getB().getType().getElementType();
  Value x = args[0], y = args[1];
  std::optional<double> n = constantExponent(*this);
  bool isWhole = n && *n == std::floor(*n);
  if (isFloat(x)) {
    if (n && *n == 0.5) { // pow(-inf, 0.5) is inf and pow(-0.0, 0.5) is 0; their roots are not.
      double infinity = std::numeric_limits<double>::infinity();
      Value root = s.sqrt(s.add(x, s.like(x, 0)));
      return s.select(s.equal(x, s.like(x, -infinity)), s.like(x, infinity), root);
    }
    if (isWhole && std::abs(*n) <= 16) {
      Value power = wholePower(s, x, static_cast<uint64_t>(std::abs(*n)));
      return *n < 0 ? s.div(s.like(x, 1), power) : power;
    }
    y = convert(s, y, exponent, x.getType());
    return math::PowFOp::create(builder, getLoc(), x, y);
  }
  // Integers: all bits are right, modulo 2^width as for a product.
  if (isWhole && *n >= 0 && *n < 0x1p62)
    return wholePower(s, x, static_cast<uint64_t>(*n));
  if (isa<IntegerType>(exponent))
    return integerPower(s, x, y, exponent.isUnsignedInteger());
  Type wide = builder.getF64Type();
  Value power = math::PowFOp::create(builder, getLoc(), convert(s, x, base, wide), convert(s, y, exponent, wide));
  return convert(s, power, wide, base);
}

LogicalResult QuantizeOp::verify() {
  if (unsigned width = getY().getType().getElementType().getIntOrFloatBitWidth(); width > 16) // quantize_c2
    return emitOpError("rounds to integers of up to 16 bits, but the result has ") << width;
  if (getZero() && getZero().getType().getElementType() != getY().getType().getElementType()) // quantize_c1
    return emitOpError("has a zero point of type ")
           << getZero().getType().getElementType() << " for a result of type " << getY().getType().getElementType();
  return success();
}

/// The one form of weights in codes, which strategies read without a second look.
static bool isOfCodes(DequantizeOp op, int64_t bits) {
  auto x = op.getX().getType(), scale = op.getScale().getType();
  if ((bits != 4 && bits != 8) || !op.getZero() || x.getRank() != 3 || !x.hasStaticShape() ||
      x.getDimSize(2) % (8 / bits) != 0)
    return false;
  SmallVector<int64_t> shared = {x.getDimSize(0), x.getDimSize(1), 1};
  // In kernels, integers have lost their sign; the zero's type is that of 'x'.
  bool isModel = !!op->getParentOfType<func::FuncOp>();
  Type element = x.getElementType();
  return (isModel ? element.isUnsignedInteger(8) : element.isInteger(8)) && scale.getElementType().isF32() &&
         scale.getShape() == ArrayRef(shared) && op.getZero().getType().getShape() == ArrayRef(shared);
}

bool hasCodes(Operation *op) {
  auto dequantize = dyn_cast<DequantizeOp>(op);
  return dequantize && dequantize.getCodeBits();
}

LogicalResult DequantizeOp::verify() {
  if (getZero() && getZero().getType().getElementType() != getX().getType().getElementType()) // dequantize_c1
    return emitOpError("has a zero point of type ")
           << getZero().getType().getElementType() << " for 'x' of type " << getX().getType().getElementType();
  if (getCodeBits() && !isOfCodes(*this, *getCodeBits())) // dequantize_c2
    return emitOpError("has a 'code_bits' of ") << *getCodeBits()
                                                << ", but 4 or 8 are expected, of codes [n, blocks, m] of ui8 in whole "
                                                   "bytes with scales of f32 and zeros of "
                                                   "ui8 [n, blocks, 1] [graph-code-bits]";
  return success();
}

Value QuantizeOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  auto type = cast<IntegerType>(getY().getType().getElementType());
  Value y = math::RoundEvenOp::create(builder, getLoc(), s.div(args[0], args[1]));
  if (args.size() > 2)
    y = s.add(y, convert(s, args[2], type, y.getType()));
  bool isUnsigned = type.isUnsigned();
  double low = isUnsigned ? 0 : -std::exp2(type.getWidth() - 1);
  double high = std::exp2(type.getWidth() - (isUnsigned ? 0 : 1)) - 1;
  // Comparisons, for which processors have one instruction, unlike for a
  // maximum that keeps what is not a number.
  y = s.select(s.greater(y, s.like(y, low)), y, s.like(y, low));
  y = s.select(s.greater(s.like(y, high), y), y, s.like(y, high));
  Value number = FPToSIOp::create(builder, getLoc(), builder.getI32Type(), y);
  return TruncIOp::create(builder, getLoc(), getSignlessType(type), number);
}

Value DequantizeOp::buildScalar(OpBuilder &builder, ValueRange args) {
  Scalar s{builder, getLoc()};
  Type type = getX().getType().getElementType(), i32 = builder.getI32Type();
  Value x = convert(s, args[0], type, i32);
  if (args.size() > 2)
    x = SubIOp::create(builder, getLoc(), x, convert(s, args[2], type, i32));
  Value y = s.mul(SIToFPOp::create(builder, getLoc(), args[1].getType(), x), args[1]);
  Type wanted = getAccumulatorType(getY().getType().getElementType());
  return y.getType() == wanted ? y : convert(s, y, y.getType(), wanted);
}

} // namespace lathe::graph
