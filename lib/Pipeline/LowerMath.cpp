// lib/Pipeline/LowerMath.cpp: transcendental functions as code that vectorizes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Pipeline/Pipeline.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_LOWERMATHPASS
#include "lathe/Pipeline/Passes.h.inc"

namespace {
struct LowerMathPass final : impl::LowerMathPassBase<LowerMathPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateMathPolynomialApproximationPatterns(patterns);
    // Not all that upstream can expand: LLVM knows a maximum as one instruction
    // and as a reduction that vectorizes, a comparison and selects it does not.
    arith::populateCeilFloorDivExpandOpsPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
} // namespace lathe
