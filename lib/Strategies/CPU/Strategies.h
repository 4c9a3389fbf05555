// lib/Strategies/CPU/Strategies.h: what the ordered list refers to; each strategy is a file of its own.

#ifndef LATHE_STRATEGIES_CPU_STRATEGIES_H
#define LATHE_STRATEGIES_CPU_STRATEGIES_H

#include "lathe/Strategies/Strategy.h"

namespace lathe {

/// Anything, as loops that LLVM vectorizes: fused elementwise chains, rows of
/// reductions, gathers. The fallback.
extern const Strategy loops;

} // namespace lathe

#endif // LATHE_STRATEGIES_CPU_STRATEGIES_H
