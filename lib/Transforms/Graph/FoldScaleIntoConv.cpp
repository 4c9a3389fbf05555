// lib/Transforms/Graph/FoldScaleIntoConv.cpp: the scale of a BatchNormalization costs nothing at run time.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Transforms/Graph/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace lathe::graph {
#define GEN_PASS_DEF_FOLDSCALEINTOCONVPASS
#include "lathe/Transforms/Graph/Passes.h.inc"

namespace {

bool isConstant(Value value) {
  if (auto reshape = value.getDefiningOp<ReshapeOp>())
    return isConstant(reshape.getX());
  Operation *op = value.getDefiningOp();
  if (op && isa<ScalarComputation>(op))
    return llvm::all_of(op->getOperands(), isConstant);
  return value.getDefiningOp<ConstantOp>() != nullptr;
}

/// `value` has one element per channel of a result of rank `rank` whose
/// channels are dim 1, and nothing else: [C, 1...] or [1, C, 1...].
bool isPerChannel(Value value, int64_t rank, int64_t channels) {
  auto type = cast<RankedTensorType>(value.getType());
  if (!type.hasStaticShape() || type.getRank() > rank)
    return false;
  for (int64_t i = 0; i < type.getRank(); ++i) {
    bool isChannel = i + rank - type.getRank() == 1;
    if (type.getDimSize(i) != (isChannel ? channels : 1))
      return false;
  }
  return type.getNumElements() == channels;
}

/// The operand of a commutative op that is not `known`, if it is constant and
/// per channel.
Value perChannelOther(Operation *op, Value known, int64_t rank, int64_t channels) {
  if (op->getOperand(0) == op->getOperand(1))
    return {};
  Value other = op->getOperand(0) == known ? op->getOperand(1) : op->getOperand(0);
  return isConstant(other) && isPerChannel(other, rank, channels) ? other : Value();
}

/// (conv + b) * s -> conv * s + b * s.
struct ScalePastBias final : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MulOp mul, PatternRewriter &rewriter) const override {
    for (Value operand : mul->getOperands()) {
      auto add = operand.getDefiningOp<AddOp>();
      // What stands outside of a loop must not move into it.
      if (!add || !add->hasOneUse() || add->getBlock() != mul->getBlock())
        continue;
      for (Value term : add->getOperands()) {
        auto conv = term.getDefiningOp<ConvOp>();
        if (!conv || !conv->hasOneUse() || conv.getChannelsLast() || conv->getBlock() != mul->getBlock() ||
            !isa<FloatType>(conv.getType().getElementType()))
          continue;
        int64_t rank = conv.getType().getRank(), channels = conv.getType().getDimSize(1);
        Value bias = perChannelOther(add, term, rank, channels);
        Value scale = perChannelOther(mul, operand, rank, channels);
        if (!bias || !scale)
          continue;
        auto biasType = cast<RankedTensorType>(bias.getType()), scaleType = cast<RankedTensorType>(scale.getType());
        Type product = biasType.getRank() > scaleType.getRank() ? biasType : scaleType;
        Value scaled = MulOp::create(rewriter, mul.getLoc(), conv.getType(), conv, scale);
        Value newBias = MulOp::create(rewriter, mul.getLoc(), product, bias, scale);
        rewriter.replaceOpWithNewOp<AddOp>(mul, mul.getType(), scaled, newBias);
        return success();
      }
    }
    return rewriter.notifyMatchFailure(mul, "not a biased convolution times a constant per channel");
  }
};

/// conv(x, w) * s -> conv(x, w * s).
struct ScaleIntoFilter final : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MulOp mul, PatternRewriter &rewriter) const override {
    for (Value operand : mul->getOperands()) {
      auto conv = operand.getDefiningOp<ConvOp>();
      if (!conv || !conv->hasOneUse() || conv.getChannelsLast() || conv->getBlock() != mul->getBlock() ||
          !isConstant(conv.getFilter()) ||
          conv.getFilter().getType().getElementType() != mul.getType().getElementType())
        continue;
      int64_t rank = conv.getType().getRank(), channels = conv.getType().getDimSize(1);
      Value scale = perChannelOther(mul, operand, rank, channels);
      if (!scale)
        continue;
      auto filterType = conv.getFilter().getType();
      SmallVector<int64_t> shape(rank, 1);
      shape[0] = channels;
      Value column = ReshapeOp::create(rewriter, mul.getLoc(),
                                       RankedTensorType::get(shape, filterType.getElementType()), scale, Value());
      Value filter = MulOp::create(rewriter, mul.getLoc(), filterType, conv.getFilter(), column);
      rewriter.setInsertionPointAfter(conv);
      auto fused = cast<ConvOp>(rewriter.clone(*conv));
      rewriter.moveOpBefore(fused, mul);
      rewriter.modifyOpInPlace(fused, [&] { fused.getFilterMutable().assign(filter); });
      rewriter.replaceOp(mul, fused.getResult());
      return success();
    }
    return rewriter.notifyMatchFailure(mul, "not a convolution times a constant per channel");
  }
};

struct FoldScaleIntoConvPass final : impl::FoldScaleIntoConvPassBase<FoldScaleIntoConvPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ScalePastBias, ScaleIntoFilter>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace lathe::graph
