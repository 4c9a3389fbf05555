// lib/Pipeline/ErrorFunction.cpp: erf in f64 as a series near 0, and as one less what is left of it elsewhere.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ErrorFunction.h"
#include "Exponential.h"

using namespace mlir;

namespace lathe {

/// Below one, 2 / sqrt(pi) x (1 - z / 3 + z^2 / 10 - ...) with z = x^2: z^n / (n! (2 n + 1)) up to n = 17, whose rest
/// is 5e-18. From there to 6, behind which nothing but one is left, 1 - exp(-z) P(u) with u = (x - 2) / (x + 2) and P
/// of degree 16 by interpolation at Chebyshev nodes, whose error is 2.4e-18.
static Value lowerErf(Lanes l, Value x) {
  Value size = l.abs(x), one = l.like(x, 1), two = l.like(x, 2), six = l.like(x, 6);
  Value near = l.mul(x, x);
  Value p = l.series(near, {-1.0 / 35 / 355687428096000, 1.0 / 33 / 20922789888000, -1.0 / 31 / 1307674368000,
                            1.0 / 29 / 87178291200, -1.0 / 27 / 6227020800, 1.0 / 25 / 479001600, -1.0 / 23 / 39916800,
                            1.0 / 21 / 3628800, -1.0 / 19 / 362880, 1.0 / 17 / 40320, -1.0 / 15 / 5040, 1.0 / 13 / 720,
                            -1.0 / 11 / 120, 1.0 / 9 / 24, -1.0 / 7 / 6, 1.0 / 5 / 2, -1.0 / 3});
  Value first = l.mul(size, l.like(x, 0x1.20dd750429b6dp+0)); // 2 / sqrt(pi), of which the rest is added.
  Value rest = l.mul(size, l.like(x, 0x1.1ae3a914fed80p-56));
  Value small = l.add(first, l.once(l.mul(first, near), p, rest));

  Value far = l.select(l.compare(arith::CmpFPredicate::OGT, size, six), six, size);
  Value u = l.div(l.sub(far, two), l.add(far, two));
  Value q = l.series(u, {-1.1352571477273627e-06, 1.272567661840228e-06, 4.011749647325067e-06, 1.3058577122278017e-06,
                         -1.3998283772784976e-05, -2.7562209161129353e-05, 2.7527175557227246e-05,
                         0.00017435947400205157, 4.355558686575482e-05, -0.0009819769411038642, -0.00084714325299195,
                         0.006997461736971578, 0.0037328924043978336, -0.07897858101570611, 0.24165819424246585,
                         -0.4271858474139585, 0.25539567631050575});
  Value large = l.sub(one, l.mul(lowerExp(l, l.neg(l.mul(far, far))), q));
  Value y = l.select(l.compare(arith::CmpFPredicate::OLT, size, one), small, large);
  return math::CopySignOp::create(l.b, l.loc, y, x);
}

void populateWideErrorFunctionPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerFunction<math::ErfOp, 64, lowerErf>>(patterns.getContext());
}

} // namespace lathe
