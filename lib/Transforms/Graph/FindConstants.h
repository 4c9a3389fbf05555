// lib/Transforms/Graph/FindConstants.h: what constants will be folded into.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_TRANSFORMS_GRAPH_FINDCONSTANTS_H
#define LATHE_LIB_TRANSFORMS_GRAPH_FINDCONSTANTS_H

#include "lathe/Transforms/Graph/Passes.h"

namespace lathe::graph {

/// The values of `func` that are computed from constants alone, and not kept in codes.
llvm::DenseSet<mlir::Value> findConstants(mlir::func::FuncOp func);

} // namespace lathe::graph

#endif // LATHE_LIB_TRANSFORMS_GRAPH_FINDCONSTANTS_H
