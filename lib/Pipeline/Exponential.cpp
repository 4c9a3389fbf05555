// lib/Pipeline/Exponential.cpp: exp from a polynomial and a power of two, and hyperbolic functions from it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Exponential.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace lathe {

namespace {

/// What exp is computed with in one type.
struct Form {
  unsigned bits, fraction;  ///< Of the type, and of those the stored ones of a significand.
  double least, largest;    ///< From where on the result is 0, and infinity.
  double shift;             ///< Where numbers are this large, the last bit counts ones.
  double high, low;         ///< ln 2; a whole number times the first is exact.
  ArrayRef<double> squares; ///< Q with exp(r) = 1 + r + r^2 Q(r), from the highest power down.

  Type integer(Lanes l) const { return l.b.getIntegerType(bits); }
};

/// Q of degree 4 by weighted least squares at 400 Chebyshev nodes, whose error is 4e-9.
constexpr double narrowSquares[] = {0.0013751279109773269, 0.008368951777479946, 0.04166953869098132,
                                    0.16666518165325078, 0.4999998856149579};
constexpr Form narrow = {32, 23, -104, 89, 0x1.8p23, 0.693145751953125, 1.428606820309417e-06, narrowSquares};

/// Taylor's series, whose rest is 4e-18.
constexpr double wideSquares[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
                                  1.0 / 362880,     1.0 / 40320,     1.0 / 5040,     1.0 / 720,
                                  1.0 / 120,        1.0 / 24,        1.0 / 6,        0.5};
constexpr Form wide = {64, 52, -746, 711, 0x1.8p52, 0x1.62e42fefp-1, 0x1.473de6af278edp-34, wideSquares};

/// 2^k, for a k that is the exponent of a normal number: its bits.
Value powerOfTwo(Lanes l, const Form &form, Value k) {
  Type type = form.integer(l);
  uint64_t bias = (uint64_t(1) << (form.bits - form.fraction - 2)) - 1;
  Value biased = arith::AddIOp::create(l.b, l.loc, k, l.integer(type, bias));
  Value bits = arith::ShLIOp::create(l.b, l.loc, biased, l.integer(type, form.fraction));
  return arith::BitcastOp::create(l.b, l.loc, l.type, bits);
}

/// A number between two; NaN stays, as it is on neither side.
Value clamp(Lanes l, Value x, double least, double largest) {
  Value low = l.like(x, least), high = l.like(x, largest);
  Value inside = l.select(l.compare(arith::CmpFPredicate::OLT, high, x), high, x);
  return l.select(l.compare(arith::CmpFPredicate::OGT, low, inside), low, inside);
}

/// exp(x) = 2^whole (1 + rest).
struct Parts {
  Value whole, rest;
};

/// The integer nearest to x / ln 2 and exp(r) - 1 of what is left, r = x - n ln 2, which is taken in two parts, of
/// which the product of n and the first is exact (W. J. Cody and W. Waite, Software Manual for the Elementary
/// Functions, 1980). `low` is added to r, if there is one.
Parts partsOf(Lanes l, const Form &form, Value x, Value low = {}) {
  // The sum is rounded to an integer, and its bits less those of the shift are that integer.
  Value shift = l.like(x, form.shift);
  Value shifted = l.fused(x, l.like(x, 1.4426950408889634), shift);
  Value n = l.sub(shifted, shift);
  Value r = l.fused(n, l.like(x, -form.high), x);
  r = l.fused(n, l.like(x, -form.low), r);
  if (low)
    r = l.add(r, low);
  Value q = l.like(x, form.squares.front());
  for (double coefficient : form.squares.drop_front())
    q = l.fused(q, r, l.like(x, coefficient));
  Value rest = l.fused(q, l.mul(r, r), r);
  Type type = form.integer(l);
  Value whole = arith::SubIOp::create(l.b, l.loc, l.reinterpret(type, shifted), l.reinterpret(type, shift));
  return {whole, rest};
}

/// exp(x + low) 2^scale. The power of two is two factors, since neither 2^128 nor 2^-150 is one number of f32; the last
/// of them rounds to infinity, zero and denormal numbers.
Value exponential(Lanes l, const Form &form, Value x, Value low = {}, int64_t scale = 0) {
  auto [whole, rest] = partsOf(l, form, clamp(l, x, form.least, form.largest), low);
  Type type = form.integer(l);
  if (scale)
    whole = arith::AddIOp::create(l.b, l.loc, whole, l.integer(type, static_cast<uint64_t>(scale)));
  Value p = l.add(rest, l.like(x, 1));
  Value half = arith::ShRSIOp::create(l.b, l.loc, whole, l.integer(type, 1));
  Value other = arith::SubIOp::create(l.b, l.loc, whole, half);
  return l.mul(l.mul(p, powerOfTwo(l, form, half)), powerOfTwo(l, form, other));
}

Value lowerNarrowExp(Lanes l, Value x) { return exponential(l, narrow, x); }

/// The same where an instruction multiplies by any power of two, rounding once.
Value lowerScaledExp(Lanes l, Value x) {
  auto [whole, rest] = partsOf(l, narrow, clamp(l, x, narrow.least, narrow.largest));
  SmallVector<Value> operands = {l.add(rest, l.like(x, 1)), whole};
  return LLVM::CallIntrinsicOp::create(l.b, l.loc, l.type, l.b.getStringAttr("llvm.ldexp"), operands).getResult(0);
}

/// exp(x) - 1 = 2^n (exp(r) - 1) + (2^n - 1). From 40 on, nothing is left of the one.
Value lowerExpM1(Lanes l, Value x) {
  constexpr double most = 40;
  auto [whole, rest] = partsOf(l, wide, clamp(l, x, -most, most));
  Value power = powerOfTwo(l, wide, whole);
  Value y = l.once(power, rest, l.sub(power, l.like(x, 1)));
  y = l.select(l.compare(arith::CmpFPredicate::OGT, x, l.like(x, most)), lowerExp(l, x), y);
  return l.select(l.compare(arith::CmpFPredicate::OEQ, x, l.like(x, 0)), x, y); // The sign of zero.
}

/// exp(|x|) / 2 and exp(-|x|) / 2.
struct Halves {
  Value large, small;
};
Halves halvesOf(Lanes l, Value size) {
  Value large = exponential(l, wide, size, /*low=*/{}, /*scale=*/-1);
  return {large, l.div(l.like(size, 0.25), large)};
}

Value lowerCosh(Lanes l, Value x) {
  auto [large, small] = halvesOf(l, l.abs(x));
  return l.add(large, small);
}

/// Below one, where the halves are of one size, from e = exp(|x|) - 1: (e + e / (e + 1)) / 2.
Value lowerSinh(Lanes l, Value x) {
  Value size = l.abs(x), one = l.like(x, 1);
  auto [large, small] = halvesOf(l, size);
  Value e = lowerExpM1(l, size);
  Value y = l.mul(l.add(e, l.div(e, l.add(e, one))), l.like(x, 0.5));
  y = l.select(l.compare(arith::CmpFPredicate::OLT, size, one), y, l.sub(large, small));
  return math::CopySignOp::create(l.b, l.loc, y, x);
}

/// e / (e + 2) with e = exp(2 |x|) - 1, or, where e is large, 1 - 2 / (e + 2).
Value lowerTanh(Lanes l, Value x) {
  Value two = l.like(x, 2), size = l.abs(x);
  Value e = lowerExpM1(l, l.mul(size, two)), sum = l.add(e, two);
  Value isSmall = l.compare(arith::CmpFPredicate::OLT, size, l.like(x, 0.5));
  Value quotient = l.div(l.select(isSmall, e, two), sum);
  Value y = l.select(isSmall, quotient, l.sub(l.like(x, 1), quotient));
  return math::CopySignOp::create(l.b, l.loc, y, x);
}

} // namespace

Value exponentialOf(Lanes l, Pair x) { return exponential(l, wide, x.high, x.low); }
Value lowerExp(Lanes l, Value x) { return exponential(l, wide, x); }

void populateExponentialPatterns(RewritePatternSet &patterns, bool hasScale) {
  if (hasScale)
    patterns.add<LowerFunction<math::ExpOp, 32, lowerScaledExp>>(patterns.getContext());
  else
    patterns.add<LowerFunction<math::ExpOp, 32, lowerNarrowExp>>(patterns.getContext());
}

void populateWideExponentialPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerFunction<math::ExpOp, 64, lowerExp>, LowerFunction<math::ExpM1Op, 64, lowerExpM1>,
               LowerFunction<math::SinhOp, 64, lowerSinh>, LowerFunction<math::CoshOp, 64, lowerCosh>,
               LowerFunction<math::TanhOp, 64, lowerTanh>>(patterns.getContext());
}

} // namespace lathe
