// lib/Compiler/NativeText.h: reads models as text, with the lines of the text as the places of their operations.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_COMPILER_NATIVETEXT_H
#define LATHE_LIB_COMPILER_NATIVETEXT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/MemoryBuffer.h"

namespace lathe {

/// Parses text of MLIR and verifies nothing; null after MLIR's own errors. An operation keeps the
/// names of the nodes that its `loc` has, but is placed at its line of this text: what the text
/// says about files is about those that it was made from, before somebody edited it.
mlir::OwningOpRef<mlir::ModuleOp> parseText(std::unique_ptr<llvm::MemoryBuffer> text, mlir::MLIRContext &context);

} // namespace lathe

#endif // LATHE_LIB_COMPILER_NATIVETEXT_H
