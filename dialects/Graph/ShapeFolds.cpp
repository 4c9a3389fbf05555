// dialects/Graph/ShapeFolds.cpp: folds and canonicalizations of ops that move elements.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Graph.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace lathe::graph {

/// The same constant under another shape, without copying a resource.
static ElementsAttr reshapeConstant(Attribute value, RankedTensorType type) {
  if (!type.hasStaticShape())
    return {};
  if (auto dense = dyn_cast_or_null<DenseElementsAttr>(value))
    return dense.reshape(type);
  if (auto resource = dyn_cast_or_null<DenseResourceElementsAttr>(value))
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  return {};
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getShape())
    return {};
  if (getX().getType() == getType())
    return getX();
  return reshapeConstant(adaptor.getX(), getType());
}

namespace {

/// reshape(reshape(x)) is one reshape of x.
struct MergeReshapes final : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getX().getDefiningOp<ReshapeOp>();
    if (!inner || op.getShape() || inner.getShape())
      return rewriter.notifyMatchFailure(op, "not a reshape of a reshape to a known type");
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), inner.getX(), Value());
    return success();
  }
};

/// A reshape whose shape operand is no longer needed drops it.
struct DropShapeOperand final : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    if (!op.getShape() || (!op.getType().hasStaticShape() && !op.getType().getEncoding()))
      return rewriter.notifyMatchFailure(op, "no shape operand, or an unresolved result");
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), op.getX(), Value());
    return success();
  }
};

/// transpose(transpose(x)) is one transpose of x.
struct MergeTransposes final : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getX().getDefiningOp<TransposeOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "not a transpose of a transpose");
    SmallVector<int64_t> permutation;
    for (int64_t axis : op.getPermutation())
      permutation.push_back(inner.getPermutation()[axis]);
    rewriter.replaceOpWithNewOp<TransposeOp>(op, op.getType(), inner.getX(), permutation);
    return success();
  }
};

/// A transpose that only moves dimensions of size one is a reshape.
struct TransposeToReshape final : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    int64_t last = -1;
    for (int64_t axis : op.getPermutation()) {
      if (op.getX().getType().getDimSize(axis) == 1)
        continue;
      if (axis < last)
        return rewriter.notifyMatchFailure(op, "moves dimensions of more than one element");
      last = axis;
    }
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), op.getX(), Value());
    return success();
  }
};

} // namespace

void ReshapeOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<MergeReshapes, DropShapeOperand>(context);
}

OpFoldResult TransposeOp::fold(FoldAdaptor) { return llvm::is_sorted(getPermutation()) ? getX() : Value(); }

void TransposeOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<MergeTransposes, TransposeToReshape>(context);
}

OpFoldResult BroadcastOp::fold(FoldAdaptor adaptor) {
  if (getX().getType() == getType())
    return getX();
  auto splat = dyn_cast_or_null<SplatElementsAttr>(adaptor.getX());
  if (splat && getType().hasStaticShape())
    return splat.resizeSplat(getType());
  return {};
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  return getXs().size() == 1 && getXs().front().getType() == getType() ? getXs().front() : Value();
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  bool forward = llvm::all_of(getSteps(), [](int64_t step) { return step == 1; });
  // The same type with steps of one: nothing was cut off.
  return getOffsets() && forward && getX().getType() == getType() ? getX() : Value();
}

OpFoldResult PadOp::fold(FoldAdaptor) {
  bool none = getAmounts() && llvm::all_of(getAmounts()->getMap().getResults(), [](AffineExpr e) {
                auto fixed = dyn_cast<AffineConstantExpr>(e);
                return fixed && fixed.getValue() == 0;
              });
  return none && getX().getType() == getType() ? getX() : Value();
}

} // namespace lathe::graph
