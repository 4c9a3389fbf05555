// lib/Transforms/Graph/AssignLayouts.cpp: channels last inside; transposes sink until they cancel.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Windows.h"
#include "lathe/Transforms/Graph/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace lathe::graph {
#define GEN_PASS_DEF_ASSIGNLAYOUTSPASS
#include "lathe/Transforms/Graph/Passes.h.inc"

namespace {

using Permutation = SmallVector<int64_t>;

Permutation inverse(ArrayRef<int64_t> permutation) {
  Permutation result(permutation.size());
  for (auto [to, from] : llvm::enumerate(permutation))
    result[from] = to;
  return result;
}

/// [0, 2, 3, 1]: what turns channels first into channels last.
Permutation toChannelsLast(int64_t rank) {
  Permutation result = {0};
  for (int64_t i = 2; i < rank; ++i)
    result.push_back(i);
  result.push_back(1);
  return result;
}

/// The dimensions of a tensor whose shape has been inferred.
Dims dimsOf(RankedTensorType type) {
  if (auto encoding = dyn_cast_or_null<DimsAttr>(type.getEncoding()))
    return Dims(encoding.getMap().getResults());
  Dims result;
  for (int64_t size : type.getShape())
    result.push_back(getAffineConstantExpr(size, type.getContext()));
  return result;
}

RankedTensorType permuted(RankedTensorType type, ArrayRef<int64_t> permutation) {
  Dims from = dimsOf(type), to;
  for (int64_t axis : permutation)
    to.push_back(from[axis]);
  return tensorType(to, type.getElementType());
}

Value transpose(OpBuilder &builder, Location loc, Value x, ArrayRef<int64_t> permutation) {
  return TransposeOp::create(builder, loc, permuted(cast<RankedTensorType>(x.getType()), permutation), x, permutation);
}

/// `x` with leading dims of size one up to `rank`.
Value raiseRank(OpBuilder &builder, Location loc, Value x, int64_t rank) {
  auto type = cast<RankedTensorType>(x.getType());
  int64_t missing = rank - type.getRank();
  if (missing == 0)
    return x;
  Dims dims(missing, getAffineConstantExpr(1, type.getContext()));
  dims.append(dimsOf(type));
  return ReshapeOp::create(builder, loc, tensorType(dims, type.getElementType()), x, Value());
}

//===----------------------------------------------------------------------===//
// Ops that choose
//===----------------------------------------------------------------------===//

template <typename OpT> struct ToChannelsLast final : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpT op, PatternRewriter &rewriter) const override {
    if (op.getChannelsLast())
      return rewriter.notifyMatchFailure(op, "has channels last already");
    Permutation last = toChannelsLast(op.getType().getRank());
    Value x = transpose(rewriter, op.getLoc(), op.getX(), last);
    auto result = cast<OpT>(rewriter.clone(*op));
    rewriter.modifyOpInPlace(result, [&] {
      result.getXMutable().assign(x);
      result.setChannelsLast(true);
      result.getResult().setType(permuted(op.getType(), last));
    });
    rewriter.replaceOp(op, transpose(rewriter, op.getLoc(), result, inverse(last)));
    return success();
  }
};

/// A convolution of images with one column, by filters with one: it is one along
/// the dims before, whose lines are as long as the registers need them.
struct DropColumn final : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConvOp op, PatternRewriter &rewriter) const override {
    RankedTensorType x = op.getX().getType(), filter = op.getFilter().getType();
    int64_t rank = x.getRank(), spatial = rank - 2;
    if (rank < 4 || op.getChannelsLast() || x.getShape().back() != 1 || filter.getShape().back() != 1 ||
        op.getPads()[spatial - 1] != 0 || op.getPads()[2 * spatial - 1] != 0)
      return rewriter.notifyMatchFailure(op, "has several columns, or channels last");
    Location loc = op.getLoc();
    auto dropped = [&](Value value) -> Value {
      auto type = cast<RankedTensorType>(value.getType());
      RankedTensorType lower = tensorType(ArrayRef(dimsOf(type)).drop_back(), type.getElementType());
      return ReshapeOp::create(rewriter, loc, lower, value, Value());
    };
    SmallVector<int64_t> pads;
    for (int64_t i = 0; i < 2 * spatial; ++i)
      if (i % spatial != spatial - 1)
        pads.push_back(op.getPads()[i]);
    RankedTensorType type = op.getType();
    Value y = ConvOp::create(rewriter, loc, tensorType(ArrayRef(dimsOf(type)).drop_back(), type.getElementType()),
                             dropped(op.getX()), dropped(op.getFilter()), op.getStrides().drop_back(), pads,
                             op.getDilations().drop_back(), op.getGroups(), /*channels_last=*/false);
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, type, y, Value());
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Transposes sink
//===----------------------------------------------------------------------===//

bool isConstant(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto reshape = dyn_cast_or_null<ReshapeOp>(op))
    return isConstant(reshape.getX());
  return isa_and_nonnull<ConstantOp>(op);
}

/// A transpose from channels last to channels first: the only kind that sinks.
/// Others stay where they are, so that no two chase each other; and those of
/// constants fold.
/// Nor does one sink into the body of a loop or a branch, to be made there in every turn.
TransposeOp layoutTranspose(Value value, Operation *user) {
  auto op = value.getDefiningOp<TransposeOp>();
  bool sinks = op && op->getBlock() == user->getBlock() && op.getType().getRank() >= 3 &&
               op.getPermutation() == ArrayRef(inverse(toChannelsLast(op.getType().getRank()))) &&
               !isConstant(op.getX());
  return sinks ? op : TransposeOp();
}

/// `value` as it was before `permutation`, or transposed back.
Value transposeBack(OpBuilder &builder, Location loc, Value value, ArrayRef<int64_t> permutation) {
  auto op = value.getDefiningOp<TransposeOp>();
  if (op && op.getPermutation() == permutation)
    return op.getX();
  return transpose(builder, loc, value, inverse(permutation));
}

/// Number of dims that are not of size one.
int64_t extents(Value value) {
  return llvm::count_if(cast<RankedTensorType>(value.getType()).getShape(), [](int64_t size) { return size != 1; });
}

struct SinkThroughElementwise final : OpInterfaceRewritePattern<ScalarComputation> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(ScalarComputation op, PatternRewriter &rewriter) const override {
    auto resultType = cast<RankedTensorType>(op->getResult(0).getType());
    TransposeOp first;
    for (Value operand : op->getOperands())
      if (auto candidate = layoutTranspose(operand, op);
          candidate && !isConstant(operand) && candidate.getType().getRank() == resultType.getRank())
        first = first ? first : candidate;
    if (!first)
      return rewriter.notifyMatchFailure(op, "no operand is transposed");
    ArrayRef<int64_t> permutation = first.getPermutation();
    // One transpose more above for one less below is as good, and it may meet
    // its inverse; more than that would only move the work.
    int64_t matched = 0, unmatched = 0;
    bool isLine = resultType.getRank() == 3;
    for (Value operand : op->getOperands()) {
      auto other = layoutTranspose(operand, op);
      if (other && other.getPermutation() == permutation)
        ++matched;
      else if (!isConstant(operand) && (isLine || extents(operand) > 1))
        ++unmatched;
    }
    // With one spatial dimension the layouts are each other's inverse: a new
    // transpose above would sink in its turn.
    if (unmatched > matched || (unmatched && isLine))
      return rewriter.notifyMatchFailure(op, "most operands would need a transpose of their own");
    Permutation back = inverse(permutation);
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(transposeBack(rewriter, op.getLoc(),
                                       raiseRank(rewriter, op.getLoc(), operand, resultType.getRank()), permutation));
    Operation *inner = rewriter.clone(*op.getOperation());
    rewriter.modifyOpInPlace(inner, [&] {
      inner->setOperands(operands);
      inner->getResult(0).setType(permuted(resultType, back));
    });
    rewriter.replaceOp(op, transpose(rewriter, op.getLoc(), inner->getResult(0), permutation));
    return success();
  }
};

/// Axes of the transposed tensor, as axes of the operand of the transpose.
SmallVector<int64_t> mapAxes(ArrayRef<int64_t> axes, ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> result;
  for (int64_t axis : axes)
    result.push_back(permutation[axis]);
  return result;
}

struct SinkThroughReduce final : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReduceOp op, PatternRewriter &rewriter) const override {
    auto inner = layoutTranspose(op.getX(), op);
    if (!inner)
      return rewriter.notifyMatchFailure(op, "the operand is not transposed");
    ArrayRef<int64_t> permutation = inner.getPermutation();
    SmallVector<int64_t> axes = mapAxes(op.getAxes(), permutation);
    llvm::sort(axes);
    // Always with kept dims: dropping them afterwards is a reshape.
    Dims dims = dimsOf(inner.getX().getType());
    for (int64_t axis : axes)
      dims[axis] = getAffineConstantExpr(1, op.getContext());
    auto type = tensorType(dims, op.getType().getElementType());
    Value reduced = ReduceOp::create(rewriter, op.getLoc(), type, inner.getX(), op.getKind(), axes, true);
    Value result = transpose(rewriter, op.getLoc(), reduced, permutation);
    if (!op.getKeepDims())
      result = ReshapeOp::create(rewriter, op.getLoc(), op.getType(), result, Value());
    rewriter.replaceOp(op, result);
    return success();
  }
};

struct SinkThroughConcat final : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatOp op, PatternRewriter &rewriter) const override {
    TransposeOp first;
    int64_t transposed = 0;
    for (Value x : op.getXs())
      if (auto candidate = layoutTranspose(x, op)) {
        first = first ? first : candidate;
        transposed += candidate.getPermutation() == first.getPermutation();
      }
    int64_t count = op.getXs().size();
    bool isLine = first && first.getType().getRank() == 3; // See above.
    if (!first || transposed * 2 < count || (isLine && transposed != count))
      return rewriter.notifyMatchFailure(op, "less than half of the operands are transposed");
    ArrayRef<int64_t> permutation = first.getPermutation();
    Permutation back = inverse(permutation);
    SmallVector<Value> operands;
    for (Value x : op.getXs())
      operands.push_back(transposeBack(rewriter, op.getLoc(), x, permutation));
    Value inner =
        ConcatOp::create(rewriter, op.getLoc(), permuted(op.getType(), back), operands, permutation[op.getAxis()]);
    rewriter.replaceOp(op, transpose(rewriter, op.getLoc(), inner, permutation));
    return success();
  }
};

/// Puts `op` before `inner`, the transpose that it follows; `adjust` puts right
/// which axes the new op names.
template <typename OpT>
void sinkThrough(OpT op, TransposeOp inner, PatternRewriter &rewriter, function_ref<void(OpT)> adjust) {
  ArrayRef<int64_t> permutation = inner.getPermutation();
  auto sunk = cast<OpT>(rewriter.clone(*op));
  rewriter.modifyOpInPlace(sunk, [&] {
    sunk.getXMutable().assign(inner.getX());
    sunk.getResult().setType(permuted(op.getType(), inverse(permutation)));
    adjust(sunk);
  });
  rewriter.replaceOp(op, transpose(rewriter, op.getLoc(), sunk, permutation));
}

struct SinkThroughSoftmax final : OpRewritePattern<SoftmaxOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SoftmaxOp op, PatternRewriter &rewriter) const override {
    auto inner = layoutTranspose(op.getX(), op);
    if (!inner)
      return rewriter.notifyMatchFailure(op, "the operand is not transposed");
    ArrayRef<int64_t> permutation = inner.getPermutation();
    // The last dimension is the one that vectorizes; do not move it away.
    if (op.getAxis() == permutation.size() - 1)
      return rewriter.notifyMatchFailure(op, "the axis is the innermost dimension already");
    sinkThrough<SoftmaxOp>(op, inner, rewriter, [&](SoftmaxOp sunk) { sunk.setAxis(permutation[op.getAxis()]); });
    return success();
  }
};

struct SinkThroughResize final : OpRewritePattern<ResizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ResizeOp op, PatternRewriter &rewriter) const override {
    auto inner = layoutTranspose(op.getX(), op);
    if (!inner || op.getSizes())
      return rewriter.notifyMatchFailure(op, "the operand is not transposed, or sizes are not inferred");
    sinkThrough<ResizeOp>(op, inner, rewriter,
                          [&](ResizeOp sunk) { sunk.setAxes(mapAxes(op.getAxes(), inner.getPermutation())); });
    return success();
  }
};

struct SinkThroughSlice final : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op, PatternRewriter &rewriter) const override {
    auto inner = layoutTranspose(op.getX(), op);
    if (!inner || !op.getOffsets())
      return rewriter.notifyMatchFailure(op, "the operand is not transposed, or offsets are not inferred");
    sinkThrough<SliceOp>(op, inner, rewriter,
                         [&](SliceOp sunk) { sunk.setAxes(mapAxes(op.getAxes(), inner.getPermutation())); });
    return success();
  }
};

struct SinkThroughBroadcast final : OpRewritePattern<BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BroadcastOp op, PatternRewriter &rewriter) const override {
    auto inner = layoutTranspose(op.getX(), op);
    if (!inner || op.getShape() || op.getType().getRank() != inner.getType().getRank())
      return rewriter.notifyMatchFailure(op, "the operand is not transposed, or gains dimensions");
    sinkThrough<BroadcastOp>(op, inner, rewriter, [](BroadcastOp) {});
    return success();
  }
};

struct SinkThroughPad final : OpRewritePattern<PadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PadOp op, PatternRewriter &rewriter) const override {
    auto inner = layoutTranspose(op.getX(), op);
    if (!inner || !op.getAmounts())
      return rewriter.notifyMatchFailure(op, "the operand is not transposed, or amounts are not inferred");
    Permutation back = inverse(inner.getPermutation());
    AffineMap map = op.getAmounts()->getMap();
    SmallVector<AffineExpr> amounts;
    for (size_t side = 0; side < 2; ++side)
      for (int64_t axis : back)
        amounts.push_back(map.getResult(axis + side * back.size()));
    auto sunkMap = AffineMap::get(0, map.getNumSymbols(), amounts, op.getContext());
    sinkThrough<PadOp>(op, inner, rewriter,
                       [&](PadOp sunk) { sunk.setAmountsAttr(DimsAttr::get(op.getContext(), sunkMap)); });
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Pools that are alone
//===----------------------------------------------------------------------===//

/// Whether only the run knows which windows of a pool with channels last reach beside its operand.
template <typename OpT> bool hasOpenBorder(OpT op) {
  ArrayRef<int64_t> pads = op.getPads();
  for (size_t i = 0, spatial = op.getKernel().size(); i < spatial; ++i) {
    bool isOpen = op.getX().getType().isDynamicDim(1 + i) || op.getType().isDynamicDim(1 + i);
    if (isOpen && (op.getCeilMode() || pads[i] != 0 || pads[spatial + i] != 0))
      return true;
  }
  return false;
}

/// A pool between images with channels first: two transposes take longer than its windows.
template <typename OpT> struct ToChannelsFirst final : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpT op, PatternRewriter &rewriter) const override {
    Permutation last = toChannelsLast(op.getType().getRank()), first = inverse(last);
    auto given = op.getX().template getDefiningOp<TransposeOp>();
    if (!op.getChannelsLast() || !given || given.getPermutation() != ArrayRef(last))
      return rewriter.notifyMatchFailure(op, "the image comes with channels last");
    if (!hasShortWindows(op))
      return rewriter.notifyMatchFailure(op, "the windows are large");
    if (isa<AveragePoolOp>(op) && hasOpenBorder(op))
      return rewriter.notifyMatchFailure(op, "each position of a window would be compared with an open border");
    SmallVector<TransposeOp> wanted;
    for (Operation *user : op->getUsers()) {
      auto back = dyn_cast<TransposeOp>(user);
      if (!back || back.getPermutation() != ArrayRef(first))
        return rewriter.notifyMatchFailure(op, "the result is read with channels last");
      wanted.push_back(back);
    }
    auto result = cast<OpT>(rewriter.clone(*op));
    rewriter.modifyOpInPlace(result, [&] {
      result.getXMutable().assign(given.getX());
      result.setChannelsLast(false);
      result.getResult().setType(permuted(op.getType(), first));
    });
    for (TransposeOp back : wanted)
      rewriter.replaceOp(back, result);
    rewriter.eraseOp(op);
    return success();
  }
};

struct AssignLayoutsPass final : impl::AssignLayoutsPassBase<AssignLayoutsPass> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet choose(context);
    choose.add<DropColumn>(context, /*benefit=*/2);
    choose.add<ToChannelsLast<ConvOp>, ToChannelsLast<ConvTransposeOp>, ToChannelsLast<MaxPoolOp>,
               ToChannelsLast<AveragePoolOp>>(context);
    if (failed(applyPatternsGreedily(getOperation(), std::move(choose))))
      return signalPassFailure();
    RewritePatternSet sink(context);
    sink.add<SinkThroughElementwise, SinkThroughReduce, SinkThroughConcat, SinkThroughSoftmax, SinkThroughResize,
             SinkThroughSlice, SinkThroughBroadcast, SinkThroughPad>(context);
    TransposeOp::getCanonicalizationPatterns(sink, context);
    ReshapeOp::getCanonicalizationPatterns(sink, context);
    if (failed(applyPatternsGreedily(getOperation(), std::move(sink))))
      return signalPassFailure();
    RewritePatternSet alone(context);
    alone.add<ToChannelsFirst<MaxPoolOp>, ToChannelsFirst<AveragePoolOp>>(context);
    if (failed(applyPatternsGreedily(getOperation(), std::move(alone))))
      signalPassFailure();
  }
};

} // namespace
} // namespace lathe::graph
