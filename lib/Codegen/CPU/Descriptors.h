// lib/Codegen/CPU/Descriptors.h: the data of the module ABI as LLVM constants.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CODEGEN_CPU_DESCRIPTORS_H
#define LATHE_CODEGEN_CPU_DESCRIPTORS_H

#include "lathe/Codegen/Codegen.h"
#include "lathe/Target/Target.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/Module.h"

namespace lathe {

/// What the description of one variant is made of.
struct DescribedVariant {
  mlir::ModuleOp module; ///< With the attributes that describe the model.
  const Target &target;
  llvm::StringMap<std::string> functions; ///< That there are, and their symbols.
  uint64_t codeBytes;                     ///< Of its objects.
  DeviceCode device;                      ///< Of a variant for a GPU.
};

/// The functions that the description of a variant refers to, if they are there:
/// they must be known outside of their objects.
llvm::StringSet<> describedFunctions(mlir::ModuleOp module);

/// Whether all that `module` says of values and kernels has a place in the ABI: IR that was written and changed may
/// say anything.
mlir::LogicalResult verifyDescriptions(mlir::ModuleOp module);

/// Adds `lathe_module_desc` and what it points to, and the query function.
void addDescriptors(llvm::Module &code, llvm::ArrayRef<DescribedVariant> variants, llvm::StringRef name,
                    uint64_t fingerprint);

} // namespace lathe

#endif // LATHE_CODEGEN_CPU_DESCRIPTORS_H
