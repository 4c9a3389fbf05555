// lib/OpLibrary/Execute.h: other programs, such as the C compiler and CMake.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_OPLIBRARY_EXECUTE_H
#define LATHE_LIB_OPLIBRARY_EXECUTE_H

#include "lathe/Support/Diagnostics.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace lathe::oplib {

/// Runs the program `words.front()`, which is looked for on PATH, and returns its status; -1 if it could not run.
/// `output` becomes what it writes to both streams, and, if it could not run, why.
int execute(const std::vector<std::string> &words, std::string &output);

/// Whether programs for `arch`, such as "aarch64", are for machines such as this.
bool isHost(llvm::StringRef arch);
/// The C compiler for `arch`, as Debian calls it; "cc" for machines such as this.
std::string compilerFor(llvm::StringRef arch);
/// Of "COMPILER" and "ARCH=COMPILER", the last that is for `arch`; empty if none is.
std::string chooseCompiler(llvm::ArrayRef<std::string> given, llvm::StringRef arch);
/// Whether one of `given` does not say for which of `archs` it is, of which there are several. There is an error then.
bool isUnclear(llvm::ArrayRef<std::string> given, llvm::ArrayRef<std::string> archs, llvm::StringRef place,
               Diagnostics &diagnostics);

} // namespace lathe::oplib

#endif // LATHE_LIB_OPLIBRARY_EXECUTE_H
