// lib/Compiler/CheckReport.h: fills the report of `check`.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_COMPILER_CHECKREPORT_H
#define LATHE_LIB_COMPILER_CHECKREPORT_H

#include "lathe/Compiler/Compiler.h"
#include "lathe/Import/ONNX.h"
#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// The operators of an ONNX model; none of other ones, of which `uses` is a failure.
void describeOperators(llvm::FailureOr<std::vector<ONNXOperatorUse>> uses, CheckReport &report);

/// What `@main` takes and gives, its weights, and the sizes that it reads.
void describeNeeds(mlir::ModuleOp module, CheckReport &report);

} // namespace lathe

#endif // LATHE_LIB_COMPILER_CHECKREPORT_H
