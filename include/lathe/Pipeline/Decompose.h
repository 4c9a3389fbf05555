// include/lathe/Pipeline/Decompose.h: models without the ops that other formats do not have.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_PIPELINE_DECOMPOSE_H
#define LATHE_PIPELINE_DECOMPOSE_H

#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// Writes out the ops of `module`, a model as `import` ends with it, that stand for several operators of other
/// formats; fails after an error.
llvm::LogicalResult decompose(mlir::ModuleOp module);

} // namespace lathe

#endif // LATHE_PIPELINE_DECOMPOSE_H
