// lib/Pipeline/ErrorFunction.h: erf in f64 without a library of functions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_PIPELINE_ERRORFUNCTION_H
#define LATHE_LIB_PIPELINE_ERRORFUNCTION_H

#include "mlir/IR/PatternMatch.h"

namespace lathe {

/// A pattern for `math.erf` of f64 scalars and vectors. The error is below 3 ulp.
void populateWideErrorFunctionPatterns(mlir::RewritePatternSet &patterns);

} // namespace lathe

#endif // LATHE_LIB_PIPELINE_ERRORFUNCTION_H
