// dialects/Tile/Attention.h: attention at the tile level, for the few files that know it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_TILE_ATTENTION_H
#define LATHE_DIALECTS_TILE_ATTENTION_H

#include "dialects/Tile/Tile.h"

#define GET_OP_CLASSES
#include "dialects/Tile/AttentionOps.h.inc"

#endif // LATHE_DIALECTS_TILE_ATTENTION_H
