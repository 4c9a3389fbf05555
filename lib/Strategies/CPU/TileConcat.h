// lib/Strategies/CPU/TileConcat.h: concatenations as tasks; no op of linalg says them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_STRATEGIES_CPU_TILECONCAT_H
#define LATHE_LIB_STRATEGIES_CPU_TILECONCAT_H

#include "dialects/Kernel/Kernel.h"

namespace lathe {

/// If `kernel` returns tensors set side by side along one dim, writes that as
/// tasks over the dims before it, as far as `leastInner` elements are left for
/// each. Otherwise leaves the kernel as it is.
void tileConcat(kernel::FuncOp kernel, int64_t leastInner);

} // namespace lathe

#endif // LATHE_LIB_STRATEGIES_CPU_TILECONCAT_H
