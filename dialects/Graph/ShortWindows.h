// dialects/Graph/ShortWindows.h: what passes and lowerings of pools have to agree on.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_GRAPH_SHORTWINDOWS_H
#define LATHE_DIALECTS_GRAPH_SHORTWINDOWS_H

#include "llvm/ADT/STLExtras.h"

namespace lathe::graph {

/// Whether windows of a pool have so few positions that each is an operand of its own, which is read at the border
/// instead of beside it.
template <typename OpT> bool hasShortWindows(OpT op) { return llvm::product_of(op.getKernel()) <= 16; }

} // namespace lathe::graph

#endif // LATHE_DIALECTS_GRAPH_SHORTWINDOWS_H
