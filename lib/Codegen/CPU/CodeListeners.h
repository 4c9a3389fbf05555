// lib/Codegen/CPU/CodeListeners.h: what `announceCode` asked for, where code is linked.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CODEGEN_CPU_CODELISTENERS_H
#define LATHE_CODEGEN_CPU_CODELISTENERS_H

#include "llvm/ExecutionEngine/Orc/LLJIT.h"

namespace lathe {

/// Lets those that listen learn of what `jit` links.
llvm::Error addCodeListeners(llvm::orc::LLJIT &jit);

} // namespace lathe

#endif // LATHE_CODEGEN_CPU_CODELISTENERS_H
