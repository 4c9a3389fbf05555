// lib/Pipeline/InlineCalls.cpp: the pass that writes out calls, for a model that has some.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Pipeline/InlineCalls.h"
#include "lathe/Transforms/Graph/Passes.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace lathe {

LogicalResult inlineCalls(ModuleOp module, const Limits &limits) {
  auto isPrivate = [](func::FuncOp func) { return func.isPrivate(); };
  bool hasCalls = module.walk([](graph::CallOp) { return WalkResult::interrupt(); }).wasInterrupted();
  if (!hasCalls && llvm::none_of(module.getOps<func::FuncOp>(), isPrivate))
    return success();
  graph::InlineCallsPassOptions options;
  // Few calls may stand for any number of operations, which are there before anybody counts them.
  int64_t written = 0;
  module.walk([&](Operation *) { ++written; });
  options.mostOperations = std::max(written, limits[Limit::Nodes]);
  options.mostDepth = limits[Limit::Depth];
  PassManager manager(module.getContext());
  manager.addPass(graph::createInlineCallsPass(options));
  return manager.run(module);
}

} // namespace lathe
