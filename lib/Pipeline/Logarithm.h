// lib/Pipeline/Logarithm.h: log in f64, and what is computed from it, without a library of functions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_PIPELINE_LOGARITHM_H
#define LATHE_LIB_PIPELINE_LOGARITHM_H

#include "Lanes.h"

namespace lathe {

/// log of f64 numbers that are positive and finite, denormal ones too, as a pair whose error is 2^-64 of it.
Pair logarithmOf(Lanes l, mlir::Value x);

/// log of f64: -inf of 0, NaN below.
mlir::Value lowerLog(Lanes l, mlir::Value x);

/// Patterns for `math.log`, `math.log1p`, `math.asinh`, `math.acosh`, `math.atanh` and `math.powf` of f64 scalars and
/// vectors. Errors are below 3 ulp; `math.powf` has the special cases of C.
void populateWideLogarithmPatterns(mlir::RewritePatternSet &patterns);

} // namespace lathe

#endif // LATHE_LIB_PIPELINE_LOGARITHM_H
