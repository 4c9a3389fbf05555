// lib/Pipeline/Trigonometry.h: sin, cos and their inverses that are right for arguments of any size.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_PIPELINE_TRIGONOMETRY_H
#define LATHE_LIB_PIPELINE_TRIGONOMETRY_H

#include "mlir/IR/PatternMatch.h"

namespace lathe {

/// Patterns for `math.sin`, `math.cos` and `math.atan` of f32 scalars and
/// vectors, preferred to upstream's. Errors are below 1 ulp for sin and cos,
/// whatever the argument, and below 3 ulp for atan.
void populateTrigonometryPatterns(mlir::RewritePatternSet &patterns);

/// The same for `math.sin`, `math.cos`, `math.tan`, `math.atan`, `math.asin` and `math.acos` of f64. Errors are below
/// 3 ulp, whatever the argument.
void populateWideTrigonometryPatterns(mlir::RewritePatternSet &patterns);

} // namespace lathe

#endif // LATHE_LIB_PIPELINE_TRIGONOMETRY_H
