// lib/Pipeline/Logarithm.cpp: log in f64 with more digits than that has, powers and inverse hyperbolic functions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Logarithm.h"
#include "Exponential.h"
#include <limits>

using namespace mlir;

namespace lathe {

static constexpr double infinity = std::numeric_limits<double>::infinity();
static constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// x = 2^k m with m in [sqrt(1/2), sqrt(2)], s = (m - 1) / (m + 1), and log(m) = 2 s (1 + z / 3 + z^2 / 5 + ...), z =
/// s^2 <= 0.0295, up to z^13 / 27, whose rest is 1e-23. All but what is behind z / 3 is computed in pairs.
Pair logarithmOf(Lanes l, Value x) {
  constexpr double high = 0x1.62e42fefp-1, low = 0x1.473de6af278edp-34; // ln 2; k times the first is exact.
  constexpr double third = 0x1.5555555555555p-2, restOfThird = 0x1.5555555555555p-56;
  constexpr uint64_t leastRoot = 0x3fe6a09e00000000; // The upper half of the bits of sqrt(1/2).
  Type i64 = l.b.getI64Type();
  Value one = l.like(x, 1), two = l.like(x, 2);
  Value isDenormal = l.compare(arith::CmpFPredicate::OLT, x, l.like(x, 0x1p-1022));
  Value bits = l.reinterpret(i64, l.select(isDenormal, l.mul(x, l.like(x, 0x1p54)), x));
  Value k = arith::SubIOp::create(l.b, l.loc, bits, l.integer(i64, leastRoot));
  k = arith::ShRSIOp::create(l.b, l.loc, k, l.integer(i64, 52));
  Value m = arith::SubIOp::create(l.b, l.loc, bits, arith::ShLIOp::create(l.b, l.loc, k, l.integer(i64, 52)));
  Value f = l.sub(l.reinterpret(getElementTypeOrSelf(x), m), one);
  Value power = arith::SIToFPOp::create(l.b, l.loc, l.type, k);
  power = l.sub(power, l.select(isDenormal, l.like(x, 54), l.like(x, 0)));

  Pair divisor = sumOf(l, two, f);
  Value quotient = l.div(f, divisor.high);
  Value left = l.once(l.neg(quotient), divisor.high, f);
  left = l.once(l.neg(quotient), divisor.low, left);
  Pair s = {quotient, l.div(left, divisor.high)};
  Pair z = productOf(l, s, s);
  Value behind = l.mul(z.high, l.series(z.high, {1.0 / 27, 1.0 / 25, 1.0 / 23, 1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15,
                                                 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5}));
  Pair factor = sumOf(l, l.like(x, third), behind);
  factor.low = l.add(factor.low, l.like(x, restOfThird));
  Pair tail = productOf(l, s, productOf(l, z, factor));
  Pair sum = sumOf(l, l.mul(power, l.like(x, high)), l.mul(two, s.high));
  Pair whole = sumOf(l, sum.high, l.mul(two, tail.high));
  Value rest = l.mul(two, l.add(s.low, tail.low));
  rest = l.add(l.once(power, l.like(x, low), rest), l.add(sum.low, whole.low));
  return sumOf(l, whole.high, rest);
}

/// What log is where `x` is not positive and finite, else `y`.
static Value finishLog(Lanes l, Value x, Value y) {
  Value zero = l.like(x, 0), inf = l.like(x, infinity);
  y = l.select(l.compare(arith::CmpFPredicate::OEQ, x, inf), inf, y);
  y = l.select(l.compare(arith::CmpFPredicate::OEQ, x, zero), l.like(x, -infinity), y);
  return l.select(l.compare(arith::CmpFPredicate::UGE, x, zero),
                  l.select(l.compare(arith::CmpFPredicate::UNO, x, x), x, y), l.like(x, nan));
}

Value lowerLog(Lanes l, Value x) { return finishLog(l, x, logarithmOf(l, x).high); }

namespace {

/// log(u) + r / u for the sum u + r = 1 + x.
Value lowerLog1p(Lanes l, Value x) {
  Value one = l.like(x, 1), u = l.add(one, x);
  Value ofX = l.sub(u, one);
  Value rest = l.add(l.sub(one, l.sub(u, ofX)), l.sub(x, ofX));
  Pair log = logarithmOf(l, u);
  Value y = finishLog(l, u, l.add(log.high, l.add(log.low, l.div(rest, u))));
  return l.select(l.compare(arith::CmpFPredicate::OEQ, x, l.like(x, 0)), x, y); // The sign of zero.
}

/// log(1 + `small`), but of large `x`, of which nothing is left of a one and whose square may be infinite,
/// log(x) + log(2).
Value lowerLogOfTwice(Lanes l, Value x, Value small) {
  Value isLarge = l.compare(arith::CmpFPredicate::OGT, x, l.like(x, 0x1p100));
  Value y = lowerLog1p(l, l.select(isLarge, x, small));
  return l.select(isLarge, l.add(y, l.like(x, 0x1.62e42fefa39efp-1)), y);
}

/// log(|x| + sqrt(x^2 + 1)), of which the one is taken out: |x| + x^2 / (1 + sqrt(x^2 + 1)).
Value lowerAsinh(Lanes l, Value x) {
  Value size = l.abs(x), one = l.like(x, 1), square = l.mul(x, x);
  Value root = math::SqrtOp::create(l.b, l.loc, l.add(square, one));
  Value small = l.add(size, l.div(square, l.add(one, root)));
  return math::CopySignOp::create(l.b, l.loc, lowerLogOfTwice(l, size, small), x);
}

/// log(x + sqrt(x^2 - 1)) with t = x - 1: log(1 + t + sqrt(t (t + 2))).
Value lowerAcosh(Lanes l, Value x) {
  Value one = l.like(x, 1), t = l.sub(x, one);
  Value root = math::SqrtOp::create(l.b, l.loc, l.mul(t, l.add(t, l.like(x, 2))));
  Value y = lowerLogOfTwice(l, x, l.add(t, root));
  return l.select(l.compare(arith::CmpFPredicate::OLT, x, one), l.like(x, nan), y);
}

Value lowerAtanh(Lanes l, Value x) {
  Value size = l.abs(x);
  Value ratio = l.div(l.mul(size, l.like(x, 2)), l.sub(l.like(x, 1), size));
  return math::CopySignOp::create(l.b, l.loc, l.mul(lowerLog1p(l, ratio), l.like(x, 0.5)), x);
}

/// exp(y log |x|), of which the product is a pair, with the sign of odd powers. The special cases are those of C: what
/// the plain product says where it is not a number of middling size, 1 where x is 1 or y is 0, NaN of a negative
/// number and a y that is not whole.
Value lowerPower(Lanes l, Value x, Value y) {
  constexpr double most = 746; // From where on exp is infinite, or 0.
  Value one = l.like(x, 1), zero = l.like(x, 0), size = l.abs(x);
  Pair log = logarithmOf(l, size);
  Pair product = productOf(l, log.high, y);
  product.low = l.once(log.low, y, product.low);
  Value plain = l.mul(y, finishLog(l, size, log.high));
  Value isMiddling = l.compare(arith::CmpFPredicate::OLT, l.abs(plain), l.like(x, most));
  Value isUp = l.compare(arith::CmpFPredicate::OGT, plain, zero);
  Value end = l.select(isUp, l.like(x, infinity), zero);
  end = l.select(l.compare(arith::CmpFPredicate::UNO, plain, plain), l.like(x, nan), end);
  Value power = l.select(isMiddling, exponentialOf(l, product), end);
  power = l.select(l.compare(arith::CmpFPredicate::OEQ, size, one), one, power);

  auto isWhole = [&](Value v) { return l.compare(arith::CmpFPredicate::OEQ, math::FloorOp::create(l.b, l.loc, v), v); };
  Value isWholePower = isWhole(y), isEven = isWhole(l.mul(y, l.like(y, 0.5)));
  Value sign = math::CopySignOp::create(l.b, l.loc, one, x);
  sign = l.select(isEven, one, l.select(isWholePower, sign, one));
  power = l.mul(power, sign);
  Value isNegative = arith::AndIOp::create(l.b, l.loc, l.compare(arith::CmpFPredicate::OLT, x, zero),
                                           l.compare(arith::CmpFPredicate::OGT, x, l.like(x, -infinity)));
  power = l.select(isNegative, l.select(isWholePower, power, l.like(x, nan)), power);
  power = l.select(l.compare(arith::CmpFPredicate::UNO, x, y), l.like(x, nan), power);
  Value isOne = arith::OrIOp::create(l.b, l.loc, l.compare(arith::CmpFPredicate::OEQ, x, one),
                                     l.compare(arith::CmpFPredicate::OEQ, y, zero));
  return l.select(isOne, one, power);
}

} // namespace

void populateWideLogarithmPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerFunction<math::LogOp, 64, lowerLog>, LowerFunction<math::Log1pOp, 64, lowerLog1p>,
               LowerFunction<math::AsinhOp, 64, lowerAsinh>, LowerFunction<math::AcoshOp, 64, lowerAcosh>,
               LowerFunction<math::AtanhOp, 64, lowerAtanh>, LowerFunction<math::PowFOp, 64, lowerPower>>(
      patterns.getContext());
}

} // namespace lathe
