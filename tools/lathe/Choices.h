// tools/lathe/Choices.h: which table of choices a compilation has, by --choices and --no-choices.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_TOOLS_LATHE_CHOICES_H
#define LATHE_TOOLS_LATHE_CHOICES_H

#include "llvm/ADT/StringRef.h"

namespace lathe {
struct CompileOptions;
class Diagnostics;
} // namespace lathe

namespace lathe::cli {

class Arguments;

/// Prints an error and returns WrongUsage if the command line asks for a table and for none.
int checkChoices(const Arguments &arguments, llvm::StringRef place);

/// Puts the table into `options` that the command line asks for, or the one beside the compiled models, if there is
/// one. Returns false after an error: it cannot be read.
bool addChoices(const Arguments &arguments, CompileOptions &options, Diagnostics &diagnostics);

} // namespace lathe::cli

#endif // LATHE_TOOLS_LATHE_CHOICES_H
