// lib/Conversion/TileToThreads/Attention.h: attention whose scores stay in the registers of warps.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_CONVERSION_TILETOTHREADS_ATTENTION_H
#define LATHE_LIB_CONVERSION_TILETOTHREADS_ATTENTION_H

#include "../TileToVector/Emitter.h"
#include "dialects/Tile/Attention.h"

namespace lathe {

/// Emits attention, of which blocks of `threads` threads compute tasks.
void emitAttention(Emitter &e, tile::AttentionOp op, int64_t threads);

} // namespace lathe

#endif // LATHE_LIB_CONVERSION_TILETOTHREADS_ATTENTION_H
