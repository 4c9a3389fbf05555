// include/lathe/Transforms/Graph/Passes.h: passes from graph to graph.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_TRANSFORMS_GRAPH_PASSES_H
#define LATHE_TRANSFORMS_GRAPH_PASSES_H

#include "dialects/Graph/Graph.h"
#include "mlir/Pass/Pass.h"
#include <functional>

namespace lathe::graph {

#define GEN_PASS_DECL
#include "lathe/Transforms/Graph/Passes.h.inc"

/// Runs a function without arguments and sets one dense attribute per result.
/// `module` holds just that function, `main`.
using ConstantEvaluator =
    std::function<llvm::LogicalResult(mlir::ModuleOp module, llvm::SmallVectorImpl<mlir::ElementsAttr> &results)>;

/// Of what could be folded, what has at most `mostBytes` together, in order; the rest stays, with a warning.
std::unique_ptr<mlir::Pass> createFoldConstantsPass(ConstantEvaluator evaluator, int64_t mostBytes = INT64_MAX);

#define GEN_PASS_REGISTRATION
#include "lathe/Transforms/Graph/Passes.h.inc"

} // namespace lathe::graph

#endif // LATHE_TRANSFORMS_GRAPH_PASSES_H
