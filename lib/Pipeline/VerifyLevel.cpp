// lib/Pipeline/VerifyLevel.cpp: a phase that did not finish its work is found where it happened.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Kernel/Kernel.h"
#include "lathe/Pipeline/Pipeline.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_VERIFYLEVELPASS
#include "lathe/Pipeline/Passes.h.inc"

namespace {

struct LevelInfo {
  StringRef name;
  SmallVector<StringRef> dialects;
};

const SmallVector<LevelInfo> &levels() {
  static const SmallVector<LevelInfo> table = {
      {"graph", {"builtin", "func", "graph"}},
      {"kernel", {"builtin", "func", "graph", "kernel"}},
      {"linalg", {"builtin", "func", "graph", "kernel", "linalg", "tensor", "arith", "math", "affine", "scf"}},
      {"scheduled",
       {"builtin", "func", "graph", "kernel", "linalg", "tensor", "arith", "math", "affine", "scf", "tile",
        "bufferization"}},
      {"buffers", {"builtin", "host", "func", "linalg", "memref", "arith", "math", "affine", "scf", "tile"}},
      {"llvm", {"builtin", "llvm", "host"}},
  };
  return table;
}

struct VerifyLevelPass final : impl::VerifyLevelPassBase<VerifyLevelPass> {
  using VerifyLevelPassBase::VerifyLevelPassBase;

  void runOnOperation() override {
    const LevelInfo *info = nullptr;
    for (const LevelInfo &entry : levels())
      if (entry.name == level)
        info = &entry;
    if (!info) {
      getOperation().emitError() << "there is no level '" << level << "' [verify-unknown-level]";
      return signalPassFailure();
    }
    WalkResult result = getOperation().walk([&](Operation *op) {
      StringRef dialect = op->getName().getDialectNamespace();
      bool allowed = llvm::is_contained(info->dialects, dialect);
      if (level == "scheduled" && dialect == "graph" && op->getParentOfType<kernel::FuncOp>())
        allowed = false;
      if (allowed)
        return WalkResult::advance();
      op->emitError() << "internal: '" << op->getName().getStringRef() << "' is left after phase '" << phase
                      << "' [level-" << level << "]";
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
} // namespace lathe
