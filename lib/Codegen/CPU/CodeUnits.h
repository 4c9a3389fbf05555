// lib/Codegen/CPU/CodeUnits.h: a model's functions in groups that are compiled independently of each other.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CODEGEN_CPU_CODEUNITS_H
#define LATHE_CODEGEN_CPU_CODEUNITS_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringSet.h"

namespace lathe {

/// Functions that become one object.
struct CodeUnit {
  mlir::OwningOpRef<mlir::ModuleOp> module; ///< The functions, and declarations of what they use from other units.
  std::string title;                        ///< What it computes and how: "conv.conv.winograd". Empty for the host's.
  bool isLoops = false;                     ///< Has loops that LLVM should unroll and vectorize.
  bool isHost = false;                      ///< Has the launch program.
  /// Its code says nothing of the model that it is from: nothing of it is called by
  /// a name that users choose, and it uses nothing of other units.
  bool isAlone = false;
};

/// How a model's functions are divided. It depends on the model alone, so that
/// its code is the same however many threads compile it.
struct CodeUnits {
  llvm::SmallVector<CodeUnit> units;
  llvm::StringSet<> shared; ///< Functions that other units call.
};

/// Whether C code calls `function`: docs of `export-kernels`.
bool isCalledByName(llvm::StringRef function);

/// Moves the functions of `module`, a module at level `llvm`, into units. The
/// launch program comes last, after what it calls; each phase of a kernel is alone.
CodeUnits divideIntoUnits(mlir::ModuleOp module);

} // namespace lathe

#endif // LATHE_CODEGEN_CPU_CODEUNITS_H
