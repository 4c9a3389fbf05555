// lib/Pipeline/Trigonometry.cpp: sin, cos and their inverses that are right for arguments of any size.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Trigonometry.h"
#include "Lanes.h"
#include "QuarterTurns.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace lathe {

namespace {

/// sin(x + quarters * pi / 2). The argument is reduced to r in [-pi/4, pi/4] by
/// the multiple k of pi/2 that is nearest (W. J. Cody and W. Waite, Software
/// Manual for the Elementary Functions, 1980), in f64: pi/2 is split into parts
/// of 31, 31 and 53 bits, so that k times the first two is exact for |k| < 2^22.
/// Then Taylor's series, whose rests are below 2^-33. Larger arguments, which
/// need more of pi, are computed in f64 one by one, by libm where there is one; no
/// loop over the others waits for them, since LLVM makes the call conditional lane by lane.
Value sine(Lanes l, Value x, int64_t quarters) {
  Type f32 = getElementTypeOrSelf(x), f64 = l.b.getF64Type(), i32 = l.b.getI32Type();
  constexpr double largest = 0x1p22;
  constexpr double high = 0x1.921fb544p+0, middle = 0x1.0b4611a4p-34, low = 0x1.13198a2e03707p-65;
  Value wide = arith::ExtFOp::create(l.b, l.loc, l.of(f64), x);
  Value k = math::RoundEvenOp::create(l.b, l.loc, l.mul(wide, l.constant(f64, 0x1.45f306dc9c883p-1)));
  Value r = wide;
  for (double part : {high, middle, low})
    r = l.sub(r, l.mul(k, l.constant(f64, part)));
  Value z = l.mul(r, r);
  Value sin = l.polynomial(z, {-1.0 / 39916800, 1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6, 1});
  sin = l.mul(sin, r);
  Value cos = l.polynomial(z, {-1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24, -0.5, 1});
  Value quadrant = arith::FPToSIOp::create(l.b, l.loc, l.of(i32), k);
  if (quarters)
    quadrant = arith::AddIOp::create(l.b, l.loc, quadrant, l.constant(i32, static_cast<double>(quarters)));
  Value y = l.select(l.hasBit(quadrant, 1), cos, sin);
  y = l.select(l.hasBit(quadrant, 2), l.neg(y), y);
  y = arith::TruncFOp::create(l.b, l.loc, l.of(f32), y);
  if (!quarters) // The sign of zero.
    y = l.select(l.compare(arith::CmpFPredicate::OEQ, x, l.like(x, 0)), x, y);

  // Infinity and NaN as well: their quadrants mean nothing.
  Value isLarge = l.compare(arith::CmpFPredicate::UGT, l.abs(x), l.like(x, largest));
  auto call = [&](OpBuilder &b, Location loc) {
    Value exact =
        quarters ? math::CosOp::create(b, loc, wide).getResult() : math::SinOp::create(b, loc, wide).getResult();
    exact = arith::TruncFOp::create(b, loc, l.of(f32), exact);
    scf::YieldOp::create(b, loc, arith::SelectOp::create(b, loc, isLarge, exact, y).getResult());
  };
  auto keep = [&](OpBuilder &b, Location loc) { scf::YieldOp::create(b, loc, y); };
  return scf::IfOp::create(l.b, l.loc, l.any(isLarge), call, keep).getResult(0);
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
