// lib/Pipeline/Trigonometry.cpp: sin, cos and their inverses that are right for arguments of any size.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Trigonometry.h"
#include "Lanes.h"
#include "QuarterTurns.h"
#include <limits>

using namespace mlir;

namespace lathe {

namespace {

/// An angle as a number of quarters of a turn, an i32 of which the last two bits count, and what is left of it, an f64
/// in [-pi/4, pi/4] and little more.
struct Angle {
  Value quarters, left;
};

/// From the multiple k of pi/2 that is nearest (W. J. Cody and W. Waite, Software Manual for the Elementary
/// Functions, 1980), in f64: pi/2 is split into parts of 31, 31 and 53 bits, so that k times the first two is exact for
/// |k| < 2^22.
Angle reduceSmall(Lanes l, Value wide) {
  Type f64 = l.b.getF64Type();
  Value k = math::RoundEvenOp::create(l.b, l.loc, l.mul(wide, l.constant(f64, 0x1.45f306dc9c883p-1)));
  Value left = wide;
  for (double part : {0x1.921fb544p+0, 0x1.0b4611a4p-34, 0x1.13198a2e03707p-65})
    left = l.fused(k, l.constant(f64, -part), left);
  return {arith::FPToSIOp::create(l.b, l.loc, l.of(l.b.getI32Type()), k), left};
}

/// For |x| >= 2^22: x = m 2^s with an integer m < 2^24. The bits of 2/pi in front of some 2^(1 - s) make whole turns of
/// it. Of the 96 bits behind, times m, the last 96 are a fraction of a turn whose error is 2^-70 (M. H. Payne and R. N.
/// Hanek, Radian reduction for trigonometric functions, 1983), of which 63 are used: no f32 is nearer to a multiple of
/// pi/2 than 2^-30. Without branches and tables, so that loops of it are vectors.
struct LargeAngles {
  Lanes l;
  Type i32 = l.b.getI32Type(), i64 = l.b.getI64Type(), f64 = l.b.getF64Type();

  Value bits(Type type, uint64_t value) { return l.integer(type, value); }
  Value add(Value x, Value y) { return arith::AddIOp::create(l.b, l.loc, x, y); }
  Value sub(Value x, Value y) { return arith::SubIOp::create(l.b, l.loc, x, y); }
  Value both(Value x, Value y) { return arith::AndIOp::create(l.b, l.loc, x, y); }
  Value either(Value x, Value y) { return arith::OrIOp::create(l.b, l.loc, x, y); }
  Value left(Value x, Value by) { return arith::ShLIOp::create(l.b, l.loc, x, by); }
  Value right(Value x, Value by) { return arith::ShRUIOp::create(l.b, l.loc, x, by); }
  Value toWide(Value x) { return arith::ExtUIOp::create(l.b, l.loc, l.of(i64), x); }
  Value toShort(Value x) { return arith::TruncIOp::create(l.b, l.loc, l.of(i32), x); }
  Value toFloat(Value x) { return arith::SIToFPOp::create(l.b, l.loc, l.of(f64), x); }

  /// 96 bits of 2/pi from `start` on, behind 32 zeros, in words.
  SmallVector<Value> bitsFrom(Value start) {
    constexpr uint32_t perQuarter[] = {0,          0xa2f9836e, 0x4e441529, 0xfc2757d1,
                                       0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab};
    constexpr unsigned starts = 5, count = 4;
    Value word = right(start, bits(i32, 5)), by = both(start, bits(i32, 31));
    SmallVector<Value> words;
    for (unsigned i = 0; i < count; ++i)
      words.push_back(bits(i32, perQuarter[i]));
    for (unsigned from = 1; from < starts; ++from) {
      Value isThere = arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::uge, word, bits(i32, from));
      for (unsigned i = 0; i < count; ++i)
        words[i] = l.select(isThere, bits(i32, perQuarter[from + i]), words[i]);
    }
    // A shift by 32 is none: the word behind is shifted by one and by what is left.
    Value rest = sub(bits(i32, 31), by);
    for (unsigned i = 0; i + 1 < count; ++i)
      words[i] = either(left(words[i], by), right(right(words[i + 1], bits(i32, 1)), rest));
    words.pop_back();
    return words;
  }

  Angle reduce(Value x) {
    Value pattern = l.reinterpret(i32, l.abs(x));
    Value m = either(both(pattern, bits(i32, 0x7fffff)), bits(i32, 0x800000));
    // The exponent has 150 more than s. Two of the zeros stay in front.
    Value start = sub(right(pattern, bits(i32, 23)), bits(i32, 150 - 30));
    SmallVector<Value> words = bitsFrom(start);
    Value factor = toWide(m), half = bits(i64, 32);
    auto times = [&](Value word) { return arith::MulIOp::create(l.b, l.loc, factor, toWide(word)).getResult(); };
    Value last = times(words[2]), middle = add(times(words[1]), right(last, half));
    Value first = toShort(add(times(words[0]), right(middle, half)));
    // Two bits are quarters; what is left is from -1/2 to 1/2 of one.
    Value quarters = right(add(first, bits(i32, uint64_t(1) << 29)), bits(i32, 30));
    Value high = sub(first, left(quarters, bits(i32, 30))), low = right(toShort(middle), bits(i32, 1));
    constexpr double halfPi = 1.57079632679489661923;
    Value part = l.mul(toFloat(high), l.constant(f64, 0x1p-30 * halfPi));
    part = l.fused(toFloat(low), l.constant(f64, 0x1p-61 * halfPi), part);
    // The same angle with the sign of x.
    Value isNegative = l.compare(arith::CmpFPredicate::OLT, x, l.like(x, 0));
    return {l.select(isNegative, sub(bits(i32, 0), quarters), quarters), l.select(isNegative, l.neg(part), part)};
  }
};

/// sin(x + quarters * pi / 2) by Taylor's series, whose rests are below 2^-33, in f64.
Value sine(Lanes l, Value x, int64_t quarters) {
  constexpr double largest = 0x1p22;
  Type f32 = getElementTypeOrSelf(x), f64 = l.b.getF64Type(), i32 = l.b.getI32Type();
  Angle small = reduceSmall(l, arith::ExtFOp::create(l.b, l.loc, l.of(f64), x)), large = LargeAngles{l}.reduce(x);
  Value isLarge = l.compare(arith::CmpFPredicate::OGT, l.abs(x), l.like(x, largest));
  Value r = l.select(isLarge, large.left, small.left), quadrant = l.select(isLarge, large.quarters, small.quarters);
  Value z = l.mul(r, r);
  auto series = [&](std::initializer_list<double> coefficients) {
    Value sum = l.constant(f64, *coefficients.begin());
    for (double coefficient : llvm::drop_begin(coefficients))
      sum = l.fused(sum, z, l.constant(f64, coefficient));
    return sum;
  };
  Value sin = l.mul(series({-1.0 / 39916800, 1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6, 1}), r);
  Value cos = series({-1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24, -0.5, 1});
  if (quarters)
    quadrant = arith::AddIOp::create(l.b, l.loc, quadrant, l.constant(i32, static_cast<double>(quarters)));
  Value y = l.select(l.hasBit(quadrant, 1), cos, sin);
  y = l.select(l.hasBit(quadrant, 2), l.neg(y), y);
  y = arith::TruncFOp::create(l.b, l.loc, l.of(f32), y);
  if (!quarters) // The sign of zero.
    y = l.select(l.compare(arith::CmpFPredicate::OEQ, x, l.like(x, 0)), x, y);
  // Quadrants of infinity and NaN mean nothing.
  Value isFinite = l.compare(arith::CmpFPredicate::OLT, l.abs(x), l.like(x, std::numeric_limits<double>::infinity()));
  return l.select(isFinite, y, l.sub(x, x));
}

/// P with atan(u) = u + u z P(z), z = u^2, |u| <= tan(pi/8), from the highest power down: of degree 4 by least squares
/// at 400 Chebyshev nodes, whose error is 7e-10, and of degree 11 by interpolation at Chebyshev nodes, 1.2e-18.
constexpr double narrowCubes[] = {-0.06068994104862213, 0.10589900612831116, -0.14242951571941376, 0.1999843716621399,
                                  -0.3333331346511841};
constexpr double wideCubes[] = {0.016285756855221028, -0.034570561981427744, 0.04551593220626549, -0.05230454270650244,
                                0.05878928997834775,  -0.06666424885738255,  0.07692296375032143, -0.09090908753500877,
                                0.11111111105155447,  -0.14285714285659828,  0.19999999999999804, -0.3333333333333333};

/// atan(x) from atan(t) of t in [0, 1]: x or 1 / x, and from there, by
/// atan(t) = pi/4 + atan((t - 1) / (t + 1)), of u in [-tan(pi/8), tan(pi/8)].
Value arctangent(Lanes l, Value x) {
  constexpr double pi = 3.14159265358979323846, tanEighth = 0.41421356237309503;
  Value one = l.like(x, 1), size = l.abs(x);
  Value isLarge = l.compare(arith::CmpFPredicate::OGT, size, one);
  Value t = l.select(isLarge, l.div(one, size), size);
  Value isUpper = l.compare(arith::CmpFPredicate::OGT, t, l.like(x, tanEighth));
  Value u = l.select(isUpper, l.div(l.sub(t, one), l.add(t, one)), t);
  Value z = l.mul(u, u);
  Value p = getElementTypeOrSelf(x).isF64() ? l.series(z, wideCubes) : l.polynomial(z, narrowCubes);
  Value y = l.add(u, l.mul(l.mul(z, p), u));
  y = l.select(isUpper, l.add(y, l.like(x, pi / 4)), y);
  y = l.select(isLarge, l.sub(l.like(x, pi / 2), y), y);
  return math::CopySignOp::create(l.b, l.loc, y, x);
}

/// The angle of the point (sqrt((1 - x) (1 + x)), x).
Value arcsine(Lanes l, Value x) {
  Value one = l.like(x, 1);
  Value beside = math::SqrtOp::create(l.b, l.loc, l.mul(l.sub(one, x), l.add(one, x)));
  return arctangent(l, l.div(x, beside));
}

/// Twice the angle whose tangent is sqrt((1 - x) / (1 + x)).
Value arccosine(Lanes l, Value x) {
  Value one = l.like(x, 1);
  Value tangent = math::SqrtOp::create(l.b, l.loc, l.div(l.sub(one, x), l.add(one, x)));
  return l.mul(l.like(x, 2), arctangent(l, tangent));
}

Value lowerSin(Lanes l, Value x) { return sine(l, x, 0); }
Value lowerCos(Lanes l, Value x) { return sine(l, x, 1); }

} // namespace

void populateTrigonometryPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerFunction<math::SinOp, 32, lowerSin>, LowerFunction<math::CosOp, 32, lowerCos>,
               LowerFunction<math::AtanOp, 32, arctangent>>(patterns.getContext());
}

void populateWideTrigonometryPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerFunction<math::SinOp, 64, lowerWideSin>, LowerFunction<math::CosOp, 64, lowerWideCos>,
               LowerFunction<math::TanOp, 64, lowerWideTan>, LowerFunction<math::AtanOp, 64, arctangent>,
               LowerFunction<math::AsinOp, 64, arcsine>, LowerFunction<math::AcosOp, 64, arccosine>>(
      patterns.getContext());
}

} // namespace lathe
