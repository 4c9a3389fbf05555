// lib/Strategies/PackConstants.cpp: what kernels ask for is done where they are called.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "PackWeights.h"
#include "lathe/Strategies/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_PACKCONSTANTSPASS
#include "lathe/Strategies/Passes.h.inc"

namespace {
struct PackConstantsPass final : impl::PackConstantsPassBase<PackConstantsPass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    getOperation().walk([&](kernel::CallOp call) {
      auto kernel = symbols.lookup<kernel::FuncOp>(call.getCallee());
      if (!kernel)
        return;
      OpBuilder builder(call);
      for (OpOperand &operand : call.getOperandsMutable()) {
        unsigned argument = kernel.getSizes() + operand.getOperandNumber();
        Type expected = kernel.getArgument(argument).getType();
        auto packing = kernel.getArgAttrOfType<DictionaryAttr>(argument, packingAttrName);
        // The kernel's types have no signs.
        if (packing && cast<ShapedType>(operand.get().getType()).getShape() != cast<ShapedType>(expected).getShape())
          operand.set(pack(builder, call.getLoc(), operand.get(), expected, packing));
      }
    });
  }
};
} // namespace
} // namespace lathe
