// lib/Transforms/Kernel/DeduplicateKernels.cpp: equal kernels are compiled once.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Transforms/Kernel/Passes.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace lathe::kernel {
#define GEN_PASS_DEF_DEDUPLICATEKERNELSPASS
#include "lathe/Transforms/Kernel/Passes.h.inc"

namespace {

/// The text of a kernel without its name: the same for equal kernels.
std::string textOf(FuncOp kernel) {
  std::string text;
  llvm::raw_string_ostream os(text);
  StringRef name = kernel.getSymName();
  os << kernel.getSizes();
  for (auto [i, type] : llvm::enumerate(kernel.getArgumentTypes()))
    os << type << kernel.getArgAttrDict(i);
  // Without a name, the operation prints alike for equal kernels.
  OpPrintingFlags flags;
  flags.useLocalScope();
  std::string body;
  llvm::raw_string_ostream bodyStream(body);
  kernel.print(bodyStream, flags);
  size_t at = body.find(("@" + name).str());
  os << body.substr(0, at) << body.substr(at + name.size() + 1);
  return text;
}

struct DeduplicateKernelsPass final : impl::DeduplicateKernelsPassBase<DeduplicateKernelsPass> {
  void runOnOperation() override {
    llvm::StringMap<FuncOp> first;
    llvm::StringMap<std::string> replacement;
    for (FuncOp kernel : llvm::make_early_inc_range(getOperation().getOps<FuncOp>())) {
      auto [entry, isNew] = first.try_emplace(textOf(kernel), kernel);
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
