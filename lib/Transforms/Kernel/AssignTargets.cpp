// lib/Transforms/Kernel/AssignTargets.cpp: from here on, the IR itself says what it is compiled for.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Support/Diagnostics.h"
#include "lathe/Transforms/Kernel/Passes.h"

using namespace mlir;

namespace lathe::kernel {
#define GEN_PASS_DEF_ASSIGNTARGETSPASS
#include "lathe/Transforms/Kernel/Passes.h.inc"

namespace {
struct AssignTargetsPass final : impl::AssignTargetsPassBase<AssignTargetsPass> {
  using AssignTargetsPassBase::AssignTargetsPassBase;

  void runOnOperation() override {
    Diagnostics diagnostics;
    std::optional<Target> value = Target::parse(target, diagnostics);
    if (!value) {
      getOperation().emitError(diagnostics.text());
      return signalPassFailure();
    }
    auto attr = TargetAttr::get(&getContext(), *value);
    for (FuncOp kernel : getOperation().getOps<FuncOp>()) {
      if (!kernel.getTarget())
        kernel.setTargetAttr(attr);
      if (kernel.getTargetAttr().getValue().kind() == TargetKind::Gpu)
        kernel.setSpace(host::Space::cuda);
    }
  }
};
} // namespace
} // namespace lathe::kernel
