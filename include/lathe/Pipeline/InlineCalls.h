// include/lathe/Pipeline/InlineCalls.h: models whose functions call each other.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_PIPELINE_INLINECALLS_H
#define LATHE_PIPELINE_INLINECALLS_H

#include "lathe/Support/Limits.h"
#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// Writes out the calls in `module`, a model as it was read, and drops its private functions. Fails, after an error, at
/// a function that calls itself, and beyond the limits of nodes and depth.
llvm::LogicalResult inlineCalls(mlir::ModuleOp module, const Limits &limits);

} // namespace lathe

#endif // LATHE_PIPELINE_INLINECALLS_H
