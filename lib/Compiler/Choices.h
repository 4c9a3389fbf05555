// lib/Compiler/Choices.h: which alternative of each kernel was found to be fastest, as `lathe tune` wrote it down.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_COMPILER_CHOICES_H
#define LATHE_LIB_COMPILER_CHOICES_H

#include "lathe/Compiler/Compiler.h"
#include "lathe/Support/Diagnostics.h"
#include <optional>

namespace lathe {

/// The table of `options`, "KEY=NAME" for each kernel, as `select-strategies` takes it. One of another version of Lathe
/// has none, which is a warning, or a remark where the table is optional. Nothing after an error: the table is damaged.
std::optional<std::vector<std::string>> readChoices(const CompileOptions &options, Diagnostics &diagnostics);

} // namespace lathe

#endif // LATHE_LIB_COMPILER_CHOICES_H
