// lib/Pipeline/LowerMath.cpp: transcendental functions as code that vectorizes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ErrorFunction.h"
#include "Exponential.h"
#include "Logarithm.h"
#include "Trigonometry.h"
#include "lathe/Pipeline/Pipeline.h"
#include "lathe/Support/Diagnostics.h"
#include "lathe/Target/Target.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_LOWERMATHPASS
#include "lathe/Pipeline/Passes.h.inc"

namespace {
/// An integer becomes bf16 by way of f32: canonicalization takes the two steps
/// for one, which LLVM has a library round.
template <typename Op> struct NarrowIntegerToBF16 final : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    Type type = op.getType();
    if (!getElementTypeOrSelf(type).isBF16())
      return rewriter.notifyMatchFailure(op, "the result is not bf16");
    Type wide = rewriter.getF32Type();
    if (auto vector = dyn_cast<VectorType>(type))
      wide = vector.clone(wide);
    Value number = Op::create(rewriter, op.getLoc(), wide, op.getIn());
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, type, number);
    return success();
  }
};

/// Upstream's polynomials have products that are added without a rounding between. Where a processor cannot do that,
/// LLVM would call a library function for each element of a `math.fma`; of a `vector.fma` it makes two instructions.
struct FuseWhereThereAreInstructions final : OpRewritePattern<math::FmaOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::FmaOp op, PatternRewriter &rewriter) const override {
    Type type = op.getType();
    if (!getElementTypeOrSelf(type).isF32() && !getElementTypeOrSelf(type).isF64())
      return rewriter.notifyMatchFailure(op, "half precision is computed in f32");
    if (isa<VectorType>(type)) {
      rewriter.replaceOpWithNewOp<vector::FMAOp>(op, op.getA(), op.getB(), op.getC());
      return success();
    }
    auto one = VectorType::get({1}, type);
    auto widen = [&](Value x) { return vector::BroadcastOp::create(rewriter, op.getLoc(), one, x).getResult(); };
    Value sum = vector::FMAOp::create(rewriter, op.getLoc(), widen(op.getA()), widen(op.getB()), widen(op.getC()));
    rewriter.replaceOpWithNewOp<vector::ExtractOp>(op, sum, ArrayRef<int64_t>{0});
    return success();
  }
};

/// A function of f32 that has no code of its own is computed in f64 and rounded.
template <typename Op> struct ComputeWide final : OpRewritePattern<Op> {
  explicit ComputeWide(MLIRContext *context) : OpRewritePattern<Op>(context, /*benefit=*/0) {}

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    Type type = op.getType();
    if (!getElementTypeOrSelf(type).isF32())
      return rewriter.notifyMatchFailure(op, "the type is not f32");
    Type wide = Lanes{rewriter, op.getLoc(), type}.of(rewriter.getF64Type());
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(arith::ExtFOp::create(rewriter, op.getLoc(), wide, operand));
    Value y = Op::create(rewriter, op.getLoc(), TypeRange{wide}, operands);
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, type, y);
    return success();
  }
};

/// Functions that are calls of libm where there is one.
void populateWithoutLibrary(RewritePatternSet &patterns) {
  populateWideExponentialPatterns(patterns);
  populateWideLogarithmPatterns(patterns);
  populateWideTrigonometryPatterns(patterns);
  populateWideErrorFunctionPatterns(patterns);
  patterns
      .add<ComputeWide<math::PowFOp>, ComputeWide<math::TanOp>, ComputeWide<math::SinhOp>, ComputeWide<math::CoshOp>,
           ComputeWide<math::AsinhOp>, ComputeWide<math::AcoshOp>, ComputeWide<math::AtanhOp>>(patterns.getContext());
}

struct LowerMathPass final : impl::LowerMathPassBase<LowerMathPass> {
  using LowerMathPassBase::LowerMathPassBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    LowerMathPassBase::getDependentDialects(registry);
    registry.insert<LLVM::LLVMDialect>();
  }

  void runOnOperation() override {
    Diagnostics diagnostics;
    std::optional<Target> on = Target::parse(target, diagnostics);
    if (!on) {
      getOperation()->emitError(diagnostics.text());
      return signalPassFailure();
    }
    RewritePatternSet patterns(&getContext());
    populateMathPolynomialApproximationPatterns(patterns);
    if (on->kind() == TargetKind::Gpu)
      populateWithoutLibrary(patterns);
    populateExponentialPatterns(patterns, on->kind() == TargetKind::Cpu && on->has("avx512f"));
    // Before upstream's: those lose accuracy as the argument grows.
    populateTrigonometryPatterns(patterns);
    // Not all that upstream can expand: LLVM knows a maximum as one instruction
    // and as a reduction that vectorizes, a comparison and selects it does not.
    arith::populateCeilFloorDivExpandOpsPatterns(patterns);
    // LLVM makes a call of a library function of each element that is rounded.
    arith::populateExpandBFloat16Patterns(patterns);
    patterns
        .add<NarrowIntegerToBF16<arith::SIToFPOp>, NarrowIntegerToBF16<arith::UIToFPOp>, FuseWhereThereAreInstructions>(
            &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
} // namespace lathe
