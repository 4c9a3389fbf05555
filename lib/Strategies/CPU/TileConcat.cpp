// lib/Strategies/CPU/TileConcat.cpp: each task copies its lines of all operands.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "TileConcat.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace lathe {

/// The insertions into one new tensor, in order, of which `value` is the last;
/// empty if `value` is something else.
static SmallVector<tensor::InsertSliceOp> findParts(Value value) {
  SmallVector<tensor::InsertSliceOp> parts;
  while (auto part = value.getDefiningOp<tensor::InsertSliceOp>()) {
    if (!part->hasOneUse() || part.getSourceType().getRank() != part.getType().getRank() ||
        !llvm::all_of(part.getMixedStrides(), [](OpFoldResult stride) { return isConstantIntValue(stride, 1); }))
      return {};
    parts.push_back(part);
    value = part.getDest();
  }
  if (!value.getDefiningOp<tensor::EmptyOp>())
    return {};
  return SmallVector<tensor::InsertSliceOp>(llvm::reverse(parts));
}

/// How many leading dims every part covers from end to end.
static unsigned countWholeDims(ArrayRef<tensor::InsertSliceOp> parts, ArrayRef<OpFoldResult> sizes) {
  unsigned count = sizes.size();
  for (tensor::InsertSliceOp part : parts) {
    SmallVector<OpFoldResult> offsets = part.getMixedOffsets(), own = part.getMixedSizes();
    for (unsigned dim = 0; dim < count; ++dim)
      if (!isConstantIntValue(offsets[dim], 0) || !isEqualConstantIntOrValue(own[dim], sizes[dim]))
        count = dim;
  }
  return count;
}

void tileConcat(kernel::FuncOp kernel, int64_t leastInner) {
  Operation *terminator = kernel.getBody().front().getTerminator();
  if (terminator->getNumOperands() != 1)
    return;
  SmallVector<tensor::InsertSliceOp> parts = findParts(terminator->getOperand(0));
  if (parts.empty())
    return;
  auto empty = parts.front().getDest().getDefiningOp<tensor::EmptyOp>();
  SmallVector<OpFoldResult> sizes = empty.getMixedSizes();
  unsigned outer = countWholeDims(parts, sizes);
  // Sizes that only the run knows count as long ones.
  ArrayRef<int64_t> shape = empty.getType().getShape();
  for (int64_t inner = 1; outer > 0; --outer) {
    inner = 1;
    for (int64_t size : shape.drop_front(outer))
      inner *= ShapedType::isDynamic(size) ? leastInner : std::min<int64_t>(std::max<int64_t>(size, 1), leastInner);
    if (inner >= leastInner)
      break;
  }
  if (outer == 0)
    return;

  IRRewriter rewriter(terminator);
  Location loc = parts.back().getLoc();
  auto forall = scf::ForallOp::create(rewriter, loc, ArrayRef(sizes).take_front(outer), ValueRange{empty.getResult()},
                                      /*mapping=*/std::nullopt);
  OpBuilder body = OpBuilder::atBlockBegin(forall.getBody());
  SmallVector<OpFoldResult> strides(sizes.size(), body.getIndexAttr(1));
  /// One line of a tensor that begins at `offsets` and is as large as `whole`.
  auto line = [&](SmallVector<OpFoldResult> &offsets, SmallVector<OpFoldResult> &whole) {
    for (unsigned dim = 0; dim < outer; ++dim) {
      offsets[dim] = forall.getInductionVar(dim);
      whole[dim] = body.getIndexAttr(1);
    }
  };
  SmallVector<OpFoldResult> outOffsets(sizes.size(), body.getIndexAttr(0)), outSizes(sizes);
  line(outOffsets, outSizes);
  Value result =
      tensor::ExtractSliceOp::create(body, loc, forall.getRegionOutArgs().front(), outOffsets, outSizes, strides);
  for (tensor::InsertSliceOp part : parts) {
    SmallVector<OpFoldResult> from(sizes.size(), body.getIndexAttr(0)), to = part.getMixedOffsets(),
                                                                        own = part.getMixedSizes();
    line(from, own);
    for (unsigned dim = 0; dim < outer; ++dim)
      to[dim] = body.getIndexAttr(0);
    Value source = tensor::ExtractSliceOp::create(body, part.getLoc(), part.getSource(), from, own, strides);
    result = tensor::InsertSliceOp::create(body, part.getLoc(), source, result, to, own, strides);
  }
  body.setInsertionPointToStart(forall.getTerminator().getBody());
  tensor::ParallelInsertSliceOp::create(body, loc, result, forall.getRegionOutArgs().front(), outOffsets, outSizes,
                                        strides);
  terminator->setOperand(0, forall.getResult(0));
  for (tensor::InsertSliceOp part : llvm::reverse(parts))
    rewriter.eraseOp(part);
}

} // namespace lathe
