// lib/Codegen/Backend.h: LLVM's optimizer and code generator for a target, of whatever kind.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_CODEGEN_BACKEND_H
#define LATHE_LIB_CODEGEN_BACKEND_H

#include "lathe/Target/Target.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>

namespace lathe {

/// LLVM's code generator for `target`; null, and an error on `module`, if it has none.
const llvm::Target *findBackend(mlir::ModuleOp module, const Target &target);

std::unique_ptr<llvm::TargetMachine> createTargetMachine(const llvm::Target &backend, const Target &target);

/// Runs LLVM's passes of -O2.
void optimizeModule(llvm::Module &code, llvm::TargetMachine &machine, llvm::PipelineTuningOptions tuning);

} // namespace lathe

#endif // LATHE_LIB_CODEGEN_BACKEND_H
