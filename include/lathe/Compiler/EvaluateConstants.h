// include/lathe/Compiler/EvaluateConstants.h: the evaluator of constants, for drivers that run single passes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_COMPILER_EVALUATECONSTANTS_H
#define LATHE_COMPILER_EVALUATECONSTANTS_H

#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// A graph::ConstantEvaluator: compiles `module`, a program without inputs, for
/// this machine through all phases and runs it once. An error on `module` if
/// that fails.
llvm::LogicalResult evaluateConstants(mlir::ModuleOp module, llvm::SmallVectorImpl<mlir::ElementsAttr> &results);

} // namespace lathe

#endif // LATHE_COMPILER_EVALUATECONSTANTS_H
