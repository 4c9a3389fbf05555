// lib/Pipeline/QuarterTurns.h: sin, cos and tan in f64 without a library of functions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_PIPELINE_QUARTERTURNS_H
#define LATHE_LIB_PIPELINE_QUARTERTURNS_H

#include "Lanes.h"

namespace lathe {

/// sin, cos and tan of f64 numbers of any size; NaN of those that are not finite.
mlir::Value lowerWideSin(Lanes l, mlir::Value x);
mlir::Value lowerWideCos(Lanes l, mlir::Value x);
mlir::Value lowerWideTan(Lanes l, mlir::Value x);

} // namespace lathe

#endif // LATHE_LIB_PIPELINE_QUARTERTURNS_H
