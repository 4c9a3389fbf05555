// lib/Strategies/TileTranspose.h: a transpose that moves the innermost dim becomes a tile op, on CPUs and GPUs alike.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_STRATEGIES_TILETRANSPOSE_H
#define LATHE_LIB_STRATEGIES_TILETRANSPOSE_H

#include "lathe/Strategies/Strategy.h"

namespace lathe {

/// Makes a `tile.transpose` of the root of `kernel`, with what follows it as the epilogue. Reports where the root is
/// something else, as where the strategy was set by hand.
llvm::LogicalResult tileTranspose(kernel::FuncOp kernel, Config config);

} // namespace lathe

#endif // LATHE_LIB_STRATEGIES_TILETRANSPOSE_H
