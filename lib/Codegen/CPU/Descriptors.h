// lib/Codegen/CPU/Descriptors.h: the data of the module ABI as LLVM constants.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CODEGEN_CPU_DESCRIPTORS_H
#define LATHE_CODEGEN_CPU_DESCRIPTORS_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/Module.h"

namespace lathe {

/// Adds `lathe_module_desc` and what it points to, and the query function.
void addDescriptors(llvm::Module &code, mlir::ModuleOp module, llvm::StringRef name, llvm::StringRef target);

} // namespace lathe

#endif // LATHE_CODEGEN_CPU_DESCRIPTORS_H
