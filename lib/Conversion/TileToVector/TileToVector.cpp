// lib/Conversion/TileToVector/TileToVector.cpp: the pass, and what its
// lowerings share.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lathe/Conversion/TileToVector.h"

#include "Lowerings.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

namespace lathe {
#define GEN_PASS_DEF_CONVERTTILETOVECTORPASS
#include "lathe/Conversion/TileToVector.h.inc"
} // namespace lathe

using namespace mlir;
using namespace lathe;
using namespace lathe::tile;

/// The same on every target so far.
static constexpr int64_t bytesOfLine = 64;

int64_t lathe::wholeTiles(int64_t taskRows, int64_t rows) { return (taskRows + rows - 1) / rows * rows; }

Value lathe::collapse(Emitter &e, Value memref, ArrayRef<ReassociationIndices> groups) {
  auto type = cast<MemRefType>(memref.getType());
  if (static_cast<int64_t>(groups.size()) == type.getRank())
    return memref;
  if (!type.getLayout().isIdentity())
    return nullptr;
  // Not memref.collapse_shape: passes that fold it into loads would split each
  // index again, by a division in the innermost loop.
  SmallVector<OpFoldResult> sizes, strides;
  SmallVector<int64_t> shape;
  for (const ReassociationIndices &group : groups) {
    Value size = e.index(1);
    for (int64_t dim : group)
      size = e.mul(size, e.dim(memref, dim));
    sizes.push_back(getAsOpFoldResult(size));
    shape.push_back(constantIndex(size).value_or(ShapedType::kDynamic));
  }
  Value stride = e.index(1);
  for (OpFoldResult size : llvm::reverse(sizes)) {
    strides.push_back(getAsOpFoldResult(stride));
    stride = e.mul(stride, getValueOrCreateConstantIndexOp(e.b, e.loc, size));
  }
  std::reverse(strides.begin(), strides.end());
  return memref::ReinterpretCastOp::create(e.b, e.loc, MemRefType::get(shape, type.getElementType()), memref,
                                           e.b.getIndexAttr(0), sizes, strides);
}

SmallVector<ReassociationIndices> lathe::groupDims(int64_t rank, int64_t begin, int64_t end) {
  SmallVector<ReassociationIndices> groups;
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (dim > begin && dim < end)
      groups.back().push_back(dim);
    else
      groups.push_back({dim});
  }
  return groups;
}

void PanelPrefetch::emit(Emitter &e, Value round) const {
  Value next = e.min(e.add(panel, 1), e.sub(e.dim(panels, 0), e.index(1)));
  Value last = e.sub(e.dim(panels, 1), e.index(1));
  int64_t elementsPerLine = bytesOfLine / (cast<MemRefType>(panels.getType()).getElementTypeBitWidth() / 8);
  for (int64_t line = 0; line < lines; ++line) {
    Value position = e.mul(e.add(e.mul(round, lines), line), elementsPerLine);
    // Locality 2 stands for the second level: the first holds this panel.
    memref::PrefetchOp::create(e.b, e.loc, panels, ValueRange{next, e.min(position, last)},
                               /*isWrite=*/false, /*localityHint=*/2,
                               /*isDataCache=*/true);
  }
}

/// Whether an element and its neighbour in the innermost dim are neighbours in
/// memory, as vector loads need it.
static LogicalResult verifyInnerStride(Operation *op, Value operand) {
  auto type = cast<MemRefType>(operand.getType());
  if (type.getRank() == 0 || type.isLastDimUnitStride())
    return success();
  return op->emitOpError("operand of type ") << type
                                             << " needs an innermost stride of 1; copy it to a buffer without a "
                                                "layout [tile-inner-stride]";
}

/// A packed operand with a step has no gaps: of its last two dims become one.
static LogicalResult verifyPacked(Operation *op) {
  auto contract = dyn_cast<ContractOp>(op);
  auto conv = dyn_cast<ConvOp>(op);
  Value packed = contract && contract.getPacked() ? contract.getRhs() : conv ? conv.getFilter() : Value();
  if (!packed)
    return success();
  const DotUnit *unit = cast<EpilogueOpInterface>(op).getTiling().getDotUnit();
  auto hasNoLayout = [](Value value) { return cast<MemRefType>(value.getType()).getLayout().isIdentity(); };
  if (!unit || unit->step == 1 || hasNoLayout(packed)) {
    // A matrix unit reads rows at one distance: of a matrix, any.
    Value rows = contract ? contract.getLhs() : conv.getInput();
    bool isMatrix = contract && cast<MemRefType>(rows.getType()).getRank() == 2;
    if (!unit || !unit->matrixUnit() || hasNoLayout(rows) || isMatrix)
      return success();
    packed = rows;
  }
  return op->emitOpError("operand of type ") << packed.getType()
                                             << " must not have a layout for the unit; copy it to a buffer without "
                                                "one [tile-packed-layout]";
}

LogicalResult lathe::lowerTileOp(OpBuilder &builder, Operation *op) {
  for (Value operand : op->getOperands()) {
    if (operand.getType().isIndex())
      continue;
    if (!isa<MemRefType>(operand.getType()))
      return op->emitOpError("is on tensors; bufferize it first [tile-tensor]");
    if (failed(verifyInnerStride(op, operand)))
      return failure();
  }
  if (failed(verifyPacked(op)))
    return failure();
  Emitter e(builder, op->getLoc());
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](AttentionOp op) { return lowerAttention(e, op), success(); })
      .Case([&](ContractOp op) { return lowerContract(e, op), success(); })
      .Case([&](ConvOp op) { return lowerConv(e, op), success(); })
      .Case([&](DepthwiseConvOp op) { return lowerDepthwiseConv(e, op), success(); })
      .Case([&](PackOp op) { return lowerPack(e, op), success(); })
      .Case([&](PadOp op) { return lowerPad(e, op), success(); })
      .Case([&](TransposeOp op) { return lowerTranspose(e, op), success(); })
      .Case([&](WinogradConvOp op) { return lowerWinogradConv(e, op), success(); })
      .Default([](Operation *op) { return op->emitOpError("has no lowering to vectors [tile-unknown-op]"); });
}

namespace {
struct ConvertTileToVector final : lathe::impl::ConvertTileToVectorPassBase<ConvertTileToVector> {
  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (isa<TileDialect>(op->getDialect()) && !isa<YieldOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      OpBuilder builder(op);
      if (failed(lowerTileOp(builder, op)))
        return signalPassFailure();
      op->erase();
      ++numOps;
    }
  }
};
} // namespace
