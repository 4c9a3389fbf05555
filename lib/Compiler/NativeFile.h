// lib/Compiler/NativeFile.h: the header of .lathe files, because MLIR's reader of bytecode must only be given what
// MLIR's writer wrote: it ends the process over a damaged length or alignment.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_COMPILER_NATIVEFILE_H
#define LATHE_LIB_COMPILER_NATIVEFILE_H

#include "lathe/Support/Diagnostics.h"

namespace lathe {

/// True if `bytes` are a `.lathe` file, damaged or not.
bool isNativeFile(llvm::StringRef bytes);

/// What stands before `bytecode` in a `.lathe` file. Its size keeps the
/// alignment that the bytecode has for its constants.
std::string nativeHeader(llvm::StringRef bytecode);

/// The bytecode in the `.lathe` file `bytes`, once version, size and checksum
/// are found right; an empty string after an error.
llvm::StringRef openNativeFile(llvm::StringRef bytes, llvm::StringRef name, Diagnostics &diagnostics);

} // namespace lathe

#endif // LATHE_LIB_COMPILER_NATIVEFILE_H
