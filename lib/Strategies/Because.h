// lib/Strategies/Because.h: where a configuration says why a faster strategy was not taken.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_STRATEGIES_BECAUSE_H
#define LATHE_STRATEGIES_BECAUSE_H

#include "llvm/ADT/StringRef.h"

namespace lathe {

/// A string in the configuration, which `lathe inspect` shows with the strategy.
inline constexpr llvm::StringLiteral becauseName = "because";

} // namespace lathe

#endif // LATHE_STRATEGIES_BECAUSE_H
