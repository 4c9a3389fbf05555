// lib/Compiler/ModelFormat.h: which of the formats that Lathe reads a model has, by its content.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_COMPILER_MODELFORMAT_H
#define LATHE_LIB_COMPILER_MODELFORMAT_H

#include "llvm/ADT/StringRef.h"
#include <optional>

namespace lathe {

class Diagnostics;

enum class ModelFormat { Onnx, Text, Bytecode };

/// A `.lathe` file has a magic number and text of MLIR is text; all else must be ONNX, also
/// where `name` has an ending that says so. Nothing, after an error, for what is known to be
/// something else: text that is no MLIR, and files of other programs.
std::optional<ModelFormat> modelFormat(llvm::StringRef bytes, llvm::StringRef name, Diagnostics &diagnostics);

} // namespace lathe

#endif // LATHE_LIB_COMPILER_MODELFORMAT_H
