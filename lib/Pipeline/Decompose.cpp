// lib/Pipeline/Decompose.cpp: which passes write out what other formats do not have.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Pipeline/Decompose.h"
#include "dialects/Graph/Attention.h"
#include "lathe/Strategies/Passes.h"
#include "lathe/Transforms/Graph/Passes.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace lathe {

LogicalResult decompose(ModuleOp module) {
  bool hasAttention = module.walk([](graph::AttentionOp) { return WalkResult::interrupt(); }).wasInterrupted();
  if (!hasAttention)
    return success();
  PassManager manager(module.getContext());
  manager.addNestedPass<func::FuncOp>(graph::createInferShapesPass());
  manager.addNestedPass<func::FuncOp>(createDecomposeAttentionPass({/*target=*/""}));
  return manager.run(module);
}

} // namespace lathe
