// lib/Transforms/Kernel/DeduplicateKernels.cpp: equal kernels are compiled once.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Transforms/Kernel/Passes.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace lathe::kernel {
#define GEN_PASS_DEF_DEDUPLICATEKERNELSPASS
#include "lathe/Transforms/Kernel/Passes.h.inc"

namespace {

struct DeduplicateKernelsPass final : impl::DeduplicateKernelsPassBase<DeduplicateKernelsPass> {
  void runOnOperation() override {
    llvm::StringMap<FuncOp> first;
    llvm::StringMap<std::string> replacement;
    for (FuncOp kernel : llvm::make_early_inc_range(getOperation().getOps<FuncOp>())) {
      kernel.setKey(computeKey(kernel));
      auto [entry, isNew] = first.try_emplace(*kernel.getKey(), kernel);
      if (isNew)
        continue;
      replacement[kernel.getSymName()] = entry->second.getSymName().str();
      kernel.erase();
      ++numRemoved;
    }
    getOperation().walk([&](CallOp call) {
      if (auto found = replacement.find(call.getCallee()); found != replacement.end())
        call.setCallee(found->second);
    });
  }
};

} // namespace
} // namespace lathe::kernel
