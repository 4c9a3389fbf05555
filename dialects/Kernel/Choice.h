// dialects/Kernel/Choice.h: what the configuration of a strategy says where an alternative was taken.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_KERNEL_CHOICE_H
#define LATHE_DIALECTS_KERNEL_CHOICE_H

#include "llvm/ADT/StringRef.h"

namespace lathe::kernel {

/// The name of the alternative, and of what was chosen otherwise.
inline constexpr llvm::StringLiteral choiceName = "choice", insteadOfName = "instead_of";

/// Of a kernel that is measured: how many alternatives it has, its choice among them.
inline constexpr llvm::StringLiteral alternativesName = "alternatives";

} // namespace lathe::kernel

#endif // LATHE_DIALECTS_KERNEL_CHOICE_H
