// lib/Strategies/CPU/JoinReducedDims.h: sums over dims that lie side by side run along one line.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_STRATEGIES_CPU_JOINREDUCEDDIMS_H
#define LATHE_LIB_STRATEGIES_CPU_JOINREDUCEDDIMS_H

#include "dialects/Kernel/Kernel.h"

namespace lathe {

/// Makes one loop of those over neighbouring dims that reductions of `kernel` sum up, if all that it computes by
/// element can be seen so: an image of 28 x 28 is a line of 784 elements, where 28 fill few vectors and end in a rest.
void joinReducedDims(kernel::FuncOp kernel);

} // namespace lathe

#endif // LATHE_LIB_STRATEGIES_CPU_JOINREDUCEDDIMS_H
