// lib/Pipeline/Trigonometry.cpp: sin, cos and atan in f32 that are right for arguments of any size.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Trigonometry.h"
#include "Lanes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include <limits>

using namespace mlir;

namespace lathe {

namespace {

/// sin(x + quarters * pi / 2). The argument is reduced to r in [-pi/4, pi/4] by
/// the multiple k of pi/2 that is nearest (W. J. Cody and W. Waite, Software
/// Manual for the Elementary Functions, 1980), in f64: pi/2 is split into parts
/// of 31, 31 and 53 bits, so that k times the first two is exact for |k| < 2^22.
/// Then Taylor's series, whose rests are below 2^-33. Larger arguments, which
/// need more of pi, go to libm one by one; no loop over the others waits for
/// them, since LLVM makes the call conditional lane by lane.
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

/// atan(x) from atan(t) of t in [0, 1]: x or 1 / x, and from there, by
/// atan(t) = pi/4 + atan((t - 1) / (t + 1)), of u in [-tan(pi/8), tan(pi/8)]:
/// u + u z P(z), z = u^2, with P of degree 4 by least squares at 400 Chebyshev
/// nodes, whose error is 7e-10.
Value arctangent(Lanes l, Value x) {
  constexpr double pi = 3.14159265358979323846, tanEighth = 0.41421356237309503;
  Value one = l.like(x, 1), size = l.abs(x);
  Value isLarge = l.compare(arith::CmpFPredicate::OGT, size, one);
  Value t = l.select(isLarge, l.div(one, size), size);
  Value isUpper = l.compare(arith::CmpFPredicate::OGT, t, l.like(x, tanEighth));
  Value u = l.select(isUpper, l.div(l.sub(t, one), l.add(t, one)), t);
  Value z = l.mul(u, u);
  Value p = l.polynomial(
      z, {-0.06068994104862213, 0.10589900612831116, -0.14242951571941376, 0.1999843716621399, -0.3333331346511841});
  Value y = l.add(u, l.mul(l.mul(z, p), u));
  y = l.select(isUpper, l.add(y, l.like(x, pi / 4)), y);
  y = l.select(isLarge, l.sub(l.like(x, pi / 2), y), y);
  return math::CopySignOp::create(l.b, l.loc, y, x);
}

Value lowerSin(Lanes l, Value x) { return sine(l, x, 0); }
Value lowerCos(Lanes l, Value x) { return sine(l, x, 1); }

} // namespace

void populateTrigonometryPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerF32<math::SinOp, lowerSin>, LowerF32<math::CosOp, lowerCos>, LowerF32<math::AtanOp, arctangent>>(
      patterns.getContext());
}

} // namespace lathe
