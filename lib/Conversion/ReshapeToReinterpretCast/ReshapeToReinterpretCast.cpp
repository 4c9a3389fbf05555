// lib/Conversion/ReshapeToReinterpretCast/ReshapeToReinterpretCast.cpp: splits of dimensions into several free ones,
// which upstream's expand-strided-metadata cannot write out: it deduces one free size per group. And dimensions that
// become one: upstream's fold-memref-alias-ops divides each index into theirs, so that nothing is a vector behind it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Conversion/ReshapeToReinterpretCast.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/PatternMatch.h"

namespace lathe {
#define GEN_PASS_DEF_CONVERTRESHAPETOREINTERPRETCASTPASS
#include "lathe/Conversion/Passes.h.inc"
} // namespace lathe

using namespace mlir;

static OpFoldResult multiply(OpBuilder &b, Location loc, OpFoldResult x, OpFoldResult y) {
  std::optional<int64_t> left = getConstantIntValue(x);
  std::optional<int64_t> right = getConstantIntValue(y);
  if (left && right)
    return b.getIndexAttr(*left * *right);
  return arith::MulIOp::create(b, loc, getValueOrCreateConstantIndexOp(b, loc, x),
                               getValueOrCreateConstantIndexOp(b, loc, y))
      .getResult();
}

/// What the type knows, else what was computed.
static OpFoldResult known(OpBuilder &b, int64_t fixed, OpFoldResult computed) {
  return ShapedType::isDynamic(fixed) ? computed : OpFoldResult(b.getIndexAttr(fixed));
}

static bool hasFreeGroup(memref::ExpandShapeOp op) {
  MemRefType type = op.getResultType();
  return llvm::any_of(op.getReassociationIndices(), [&](ArrayRef<int64_t> group) {
    return llvm::count_if(group, [&](int64_t dim) { return type.isDynamicDim(dim); }) > 1;
  });
}

/// Elements of the dims of a group lie side by side, so that the last one's stride is that of all.
static void writeOut(memref::CollapseShapeOp op) {
  OpBuilder b(op);
  MemRefType to = op.getResultType();
  auto [strides, offset] = to.getStridesAndOffset();
  SmallVector<OpFoldResult> sizes, wanted;
  for (auto [size, stride] : llvm::zip_equal(to.getShape(), strides)) {
    sizes.push_back(b.getIndexAttr(size));
    wanted.push_back(b.getIndexAttr(stride));
  }
  Value cast =
      memref::ReinterpretCastOp::create(b, op.getLoc(), to, op.getSrc(), b.getIndexAttr(offset), sizes, wanted);
  op.replaceAllUsesWith(cast);
  op.erase();
}

/// Whether all that the result is of is in its type.
static bool isKnown(memref::CollapseShapeOp op) {
  auto [strides, offset] = op.getResultType().getStridesAndOffset();
  return op.getResultType().hasStaticShape() && !ShapedType::isDynamic(offset) &&
         llvm::none_of(strides, ShapedType::isDynamic) && op.getSrcType().getRank() > op.getResultType().getRank();
}

static void writeOut(memref::ExpandShapeOp op) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  auto source = memref::ExtractStridedMetadataOp::create(b, loc, op.getSrc());
  auto [strides, offset] = op.getResultType().getStridesAndOffset();
  SmallVector<OpFoldResult> sizes = op.getMixedOutputShape();
  SmallVector<OpFoldResult> wanted(sizes.size());
  for (auto [dim, group] : llvm::enumerate(op.getReassociationIndices())) {
    OpFoldResult stride = source.getConstifiedMixedStrides()[dim];
    for (int64_t i : llvm::reverse(group)) {
      wanted[i] = known(b, strides[i], stride);
      stride = multiply(b, loc, stride, sizes[i]);
    }
  }
  OpFoldResult begin = known(b, offset, source.getConstifiedMixedOffset());
  auto cast =
      memref::ReinterpretCastOp::create(b, loc, op.getResultType(), source.getBaseBuffer(), begin, sizes, wanted);
  op.replaceAllUsesWith(cast.getResult());
  op.erase();
}

namespace {
struct ConvertReshapeToReinterpretCast final
    : lathe::impl::ConvertReshapeToReinterpretCastPassBase<ConvertReshapeToReinterpretCast> {
  void runOnOperation() override {
    SmallVector<memref::ExpandShapeOp> ops;
    getOperation()->walk([&](memref::ExpandShapeOp op) {
      if (hasFreeGroup(op))
        ops.push_back(op);
    });
    SmallVector<memref::CollapseShapeOp> joined;
    getOperation()->walk([&](memref::CollapseShapeOp op) {
      if (isKnown(op))
        joined.push_back(op);
    });
    numOps += ops.size() + joined.size();
    for (memref::ExpandShapeOp op : ops)
      writeOut(op);
    for (memref::CollapseShapeOp op : joined)
      writeOut(op);
  }
};
} // namespace
