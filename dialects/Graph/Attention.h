// dialects/Graph/Attention.h: attention, for the few files that know it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_GRAPH_ATTENTION_H
#define LATHE_DIALECTS_GRAPH_ATTENTION_H

#include "dialects/Graph/Graph.h"

#include <limits>

#define GET_OP_CLASSES
#include "dialects/Graph/AttentionOps.h.inc"

#endif // LATHE_DIALECTS_GRAPH_ATTENTION_H
