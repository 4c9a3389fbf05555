// lib/Pipeline/Exponential.h: exp, and what is computed from it, without a library of functions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_PIPELINE_EXPONENTIAL_H
#define LATHE_LIB_PIPELINE_EXPONENTIAL_H

#include "Lanes.h"

namespace lathe {

/// exp(`high` + `low`) of f64, where `low` is below the last digit of `high`. The error is below 1 ulp.
mlir::Value exponentialOf(Lanes l, Pair x);

/// exp(`x`) of f64.
mlir::Value lowerExp(Lanes l, mlir::Value x);

/// A pattern for `math.exp` of f32 scalars and vectors, preferred to upstream's. The error is below 1.8 ulp,
/// denormal results included; NaN stays NaN. `hasScale`: the processor multiplies by powers of two, as `vscalefps`
/// does.
void populateExponentialPatterns(mlir::RewritePatternSet &patterns, bool hasScale);

/// The same for `math.exp`, `math.expm1`, `math.sinh`, `math.cosh` and `math.tanh` of f64. Errors are below 3 ulp.
void populateWideExponentialPatterns(mlir::RewritePatternSet &patterns);

} // namespace lathe

#endif // LATHE_LIB_PIPELINE_EXPONENTIAL_H
