// lib/Strategies/PrepareLoops.h: what both fallbacks, of CPUs and of GPUs, do first.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_STRATEGIES_PREPARELOOPS_H
#define LATHE_STRATEGIES_PREPARELOOPS_H

#include "dialects/Kernel/Kernel.h"

namespace lathe {

/// Removes the linalg ops of `kernel` that have no iteration, and inlines
/// elementwise ones into those that read them.
llvm::LogicalResult prepareLoops(kernel::FuncOp kernel);

} // namespace lathe

#endif // LATHE_STRATEGIES_PREPARELOOPS_H
