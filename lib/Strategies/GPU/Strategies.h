// lib/Strategies/GPU/Strategies.h: what the ordered list for GPUs refers to.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_STRATEGIES_GPU_STRATEGIES_H
#define LATHE_STRATEGIES_GPU_STRATEGIES_H

#include "lathe/Strategies/Strategy.h"

namespace lathe {

/// Attention on tensor cores, in one kernel.
extern const Strategy gpuAttention;

/// Products and convolutions: on tensor cores, by four warps together or each by itself, or by threads that have some
/// sums each.
extern const Strategy gpuProductTma, gpuProductWgmma, gpuProductMma, gpuProductFma;

/// Sums over rows and what is computed of them, with a block of threads for each row.
extern const Strategy gpuRows;

/// Permutations that move the innermost dim, through the memory of a block.
extern const Strategy gpuTranspose;

/// Anything, with a thread for each element of what is computed. The fallback.
extern const Strategy gpuLoops;

} // namespace lathe

#endif // LATHE_STRATEGIES_GPU_STRATEGIES_H
