// lib/Strategies/TileAttention.h: attention as one op of the tile level.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_STRATEGIES_TILEATTENTION_H
#define LATHE_LIB_STRATEGIES_TILEATTENTION_H

#include "dialects/Graph/Attention.h"
#include "dialects/Kernel/Kernel.h"
#include "dialects/Tile/Tile.h"

namespace lathe {

/// Replaces `root`, in `kernel`, by the op that computes it as `tiling` says, with a scratch of `scratchElements` f32;
/// 0 for none.
void tileAttention(kernel::FuncOp kernel, graph::AttentionOp root, tile::TilingAttr tiling, int64_t scratchElements);

} // namespace lathe

#endif // LATHE_LIB_STRATEGIES_TILEATTENTION_H
