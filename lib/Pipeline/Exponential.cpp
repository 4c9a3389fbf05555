// lib/Pipeline/Exponential.cpp: exp in f32 from a polynomial and a power of two.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Exponential.h"
#include "Lanes.h"

using namespace mlir;

namespace lathe {

namespace {

/// 2^k as f32, for k from -126 to 127: the bits of its exponent.
Value powerOfTwo(Lanes l, Value k) {
  Type i32 = l.b.getI32Type();
  Value biased = arith::AddIOp::create(l.b, l.loc, k, l.constant(i32, 127));
  Value bits = arith::ShLIOp::create(l.b, l.loc, biased, l.constant(i32, 23));
  return arith::BitcastOp::create(l.b, l.loc, l.type, bits);
}

/// exp(x) = 2^n exp(r) with the integer n nearest to x / ln 2. r = x - n ln 2 is taken in two parts, of which the
/// product of n and the first is exact (W. J. Cody and W. Waite, Software Manual for the Elementary Functions,
/// 1980). exp(r) = 1 + r + r^2 Q(r), with Q of degree 4 by weighted least squares at 400 Chebyshev nodes, whose error
/// is 4e-9. 2^n is two factors, since neither 2^128 nor 2^-150 is one number; the last of them rounds to infinity,
/// zero and denormal numbers.
Value exponential(Lanes l, Value x) {
  constexpr double least = -104, largest = 89; // From where on the result is 0, and infinity.
  Type i32 = l.b.getI32Type();
  // NaN stays, as it is on neither side.
  Value low = l.like(x, least), high = l.like(x, largest);
  Value inside = l.select(l.compare(arith::CmpFPredicate::OLT, high, x), high, x);
  inside = l.select(l.compare(arith::CmpFPredicate::OGT, low, inside), low, inside);
  // Where numbers are this large, the last bit counts ones: the sum is rounded to an integer, and its bits
  // less those of the shift are that integer.
  Value shift = l.like(x, 0x1.8p23);
  Value shifted = l.fused(inside, l.like(x, 1.4426950408889634), shift);
  Value n = l.sub(shifted, shift);
  Value r = l.fused(n, l.like(x, -0.693145751953125), inside);
  r = l.fused(n, l.like(x, -1.428606820309417e-06), r);
  Value q = l.like(x, 0.0013751279109773269);
  for (double coefficient : {0.008368951777479946, 0.04166953869098132, 0.16666518165325078, 0.4999998856149579})
    q = l.fused(q, r, l.like(x, coefficient));
  Value p = l.add(l.fused(q, l.mul(r, r), r), l.like(x, 1));
  Value whole = arith::BitcastOp::create(l.b, l.loc, l.of(i32), shifted);
  whole = arith::SubIOp::create(l.b, l.loc, whole, l.constant(i32, 0x4b400000));
  Value half = arith::ShRSIOp::create(l.b, l.loc, whole, l.constant(i32, 1));
  Value rest = arith::SubIOp::create(l.b, l.loc, whole, half);
  return l.mul(l.mul(p, powerOfTwo(l, half)), powerOfTwo(l, rest));
}

} // namespace

void populateExponentialPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerF32<math::ExpOp, exponential>>(patterns.getContext());
}

} // namespace lathe
