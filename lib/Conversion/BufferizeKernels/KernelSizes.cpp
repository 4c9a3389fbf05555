// lib/Conversion/BufferizeKernels/KernelSizes.cpp: sizes of buffers and of task loops, from the kernel's arguments.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelSizes.h"
#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;

namespace lathe {

Value sizeOf(OpBuilder &b, Location loc, Value memref, int64_t index) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(index))
    return arith::ConstantIndexOp::create(b, loc, type.getDimSize(index));
  if (auto argument = dyn_cast<BlockArgument>(memref)) {
    auto kernel = dyn_cast<kernel::FuncOp>(argument.getOwner()->getParentOp());
    if (!kernel)
      return {};
    AffineMap map = kernel.getDimsOf(argument.getArgNumber());
    auto symbol = map ? dyn_cast<AffineSymbolExpr>(map.getResult(index)) : AffineSymbolExpr(nullptr);
    return symbol ? kernel.getArgument(symbol.getPosition()) : Value();
  }
  if (auto alloc = memref.getDefiningOp<memref::AllocOp>())
    return alloc.getDynamicSizes()[type.getDynamicDimIndex(index)];
  if (auto view = memref.getDefiningOp<memref::ViewOp>())
    return view.getSizes()[type.getDynamicDimIndex(index)];
  if (auto flat = memref.getDefiningOp<memref::ReinterpretCastOp>())
    return getValueOrCreateConstantIndexOp(b, loc, flat.getMixedSizes()[index]);
  if (auto part = memref.getDefiningOp<memref::SubViewOp>()) {
    // Dims that the view drops are of size 1, so which of several goes is all one.
    llvm::SmallBitVector dropped = part.getDroppedDims();
    for (auto [dim, size] : llvm::enumerate(part.getMixedSizes()))
      if (!dropped.test(dim) && index-- == 0)
        return getValueOrCreateConstantIndexOp(b, loc, size);
    return {};
  }
  if (auto cast = memref.getDefiningOp<memref::CastOp>())
    return sizeOf(b, loc, cast.getSource(), index);
  if (auto collapse = memref.getDefiningOp<memref::CollapseShapeOp>()) {
    Value product;
    SmallVector<ReassociationIndices> groups = collapse.getReassociationIndices();
    for (int64_t dim : groups[index]) {
      Value size = sizeOf(b, loc, collapse.getSrc(), dim);
      if (!size)
        return {};
      product = product ? Value(arith::MulIOp::create(b, loc, product, size)) : size;
    }
    return product;
  }
  if (auto expand = memref.getDefiningOp<memref::ExpandShapeOp>())
    return getValueOrCreateConstantIndexOp(b, loc, expand.getMixedOutputShape()[index]);
  return {};
}

void resolveDims(kernel::FuncOp kernel) {
  kernel.walk([&](memref::DimOp dim) {
    std::optional<int64_t> index = dim.getConstantIndex();
    if (!index || !isa<MemRefType>(dim.getSource().getType()))
      return;
    OpBuilder b(dim);
    if (Value size = sizeOf(b, dim.getLoc(), dim.getSource(), *index)) {
      dim.replaceAllUsesWith(size);
      dim.erase();
    }
  });
}

int64_t divisorOf(Value size) {
  if (std::optional<int64_t> fixed = getConstantIntValue(size))
    return *fixed;
  if (auto argument = dyn_cast<BlockArgument>(size)) {
    auto kernel = dyn_cast<kernel::FuncOp>(argument.getOwner()->getParentOp());
    return kernel && argument.getArgNumber() < kernel.getSizes() ? kernel.getRangeOf(argument.getArgNumber()).divisor
                                                                 : 1;
  }
  Operation *op = size.getDefiningOp();
  if (!isa<arith::AddIOp, arith::SubIOp, arith::MinSIOp, arith::MulIOp, arith::DivUIOp>(op))
    return 1;
  int64_t a = divisorOf(op->getOperand(0)), b = divisorOf(op->getOperand(1)), product;
  if (isa<arith::AddIOp, arith::SubIOp, arith::MinSIOp>(op))
    return std::gcd(a, b);
  if (isa<arith::MulIOp>(op))
    return llvm::MulOverflow(a, b, product) ? 1 : product;
  std::optional<int64_t> by = getConstantIntValue(op->getOperand(1));
  return by && *by > 0 && a % *by == 0 ? a / *by : 1;
}

/// What `values` are computed from, in the order of definition; null if that is more than the sizes of `kernel`.
static std::optional<llvm::SetVector<Operation *>> findSources(kernel::FuncOp kernel, ValueRange values) {
  llvm::SetVector<Operation *> slice;
  BackwardSliceOptions options;
  options.omitBlockArguments = true;
  options.inclusive = true;
  for (Value value : values)
    if (value.getDefiningOp())
      (void)getBackwardSlice(value, &slice, options);
  Block *entry = &kernel.getBody().front();
  auto isOther = [&](Value value) {
    auto argument = dyn_cast<BlockArgument>(value);
    return argument && (argument.getOwner() != entry || !argument.getType().isIndex());
  };
  for (Operation *op : slice)
    if (!isPure(op) || op->getNumRegions() || llvm::any_of(op->getOperands(), isOther))
      return std::nullopt;
  if (llvm::any_of(values, isOther))
    return std::nullopt;
  return slice;
}

bool comesFromSizes(kernel::FuncOp kernel, Value value) { return findSources(kernel, value).has_value(); }

LogicalResult cloneSizes(OpBuilder &builder, kernel::FuncOp kernel, ValueRange values, IRMapping &mapping) {
  std::optional<llvm::SetVector<Operation *>> sources = findSources(kernel, values);
  if (!sources)
    return failure();
  for (Operation *op : *sources)
    if (!mapping.contains(op->getResult(0)))
      builder.clone(*op, mapping);
  return success();
}

} // namespace lathe
