// lib/Pipeline/Exponential.h: exp in f32, in half of the time of upstream's.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_PIPELINE_EXPONENTIAL_H
#define LATHE_LIB_PIPELINE_EXPONENTIAL_H

#include "mlir/IR/PatternMatch.h"

namespace lathe {

/// A pattern for `math.exp` of f32 scalars and vectors, preferred to upstream's. The error is below 1.5 ulp,
/// denormal results included; NaN stays NaN.
void populateExponentialPatterns(mlir::RewritePatternSet &patterns);

} // namespace lathe

#endif // LATHE_LIB_PIPELINE_EXPONENTIAL_H
