// lib/Compiler/NativeModel.h: what makes text or bytecode of MLIR a model: MLIR's parser takes much more than the
// phases do.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_COMPILER_NATIVEMODEL_H
#define LATHE_LIB_COMPILER_NATIVEMODEL_H

#include "lathe/Support/Diagnostics.h"
#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// False, with an error, if MLIR's parser would run out of stack: it calls
/// itself for every bracket and for every operator in an expression.
bool isShallow(llvm::StringRef text, llvm::StringRef name, Diagnostics &diagnostics);

/// Fails, with errors at their places, unless the module has one function
/// `@main`, of tensors that the runtime can take, and only operations of
/// models in it; or kernels only, of such tensors.
llvm::LogicalResult verifyNativeModel(mlir::ModuleOp module);

/// Whether the type is of a tensor that the runtime's ABI can describe.
bool isModelType(mlir::Type type);

/// Whether the module holds kernels, and no model that calls them.
bool isKernelLibrary(mlir::ModuleOp module);

/// Whether functions of the module call kernels: it is IR from behind the phase `partition`.
bool callsKernels(mlir::ModuleOp module);

/// Whether the module is IR from behind the phase `bufferize`: programs of the
/// host or LLVM functions instead of a function of tensors.
bool isBehindBufferize(mlir::ModuleOp module);

} // namespace lathe

#endif // LATHE_LIB_COMPILER_NATIVEMODEL_H
