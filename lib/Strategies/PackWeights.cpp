// lib/Strategies/PackWeights.cpp: changes an argument's type in the kernel and
// at all of its calls at once.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "PackWeights.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lathe;

/// Corrects what the kernel says about argument `position`.
static void setArgumentType(kernel::FuncOp kernel, unsigned position, RankedTensorType type) {
  kernel.getBody().front().getArgument(position).setType(type);
  SmallVector<Type> inputs(kernel.getArgumentTypes());
  inputs[position] = type;
  kernel.setFunctionType(FunctionType::get(kernel.getContext(), inputs, kernel.getResultTypes()));
  auto dims = kernel->getAttrOfType<ArrayAttr>("kernel.dims");
  if (!dims)
    return;
  SmallVector<AffineExpr> sizes;
  for (int64_t size : type.getShape())
    sizes.push_back(getAffineConstantExpr(size, kernel.getContext()));
  SmallVector<Attribute> maps(dims.getValue());
  maps[position - kernel.getSizes()] = AffineMapAttr::get(AffineMap::get(0, 0, sizes, kernel.getContext()));
  kernel->setAttr("kernel.dims", ArrayAttr::get(kernel.getContext(), maps));
}

Value lathe::packWeights(kernel::FuncOp kernel, Value weights, int64_t tiled, ArrayRef<int64_t> order, int64_t tile) {
  unsigned position = cast<BlockArgument>(weights).getArgNumber();
  auto type = cast<RankedTensorType>(weights.getType());
  SmallVector<int64_t> shape{static_cast<int64_t>(llvm::divideCeil(type.getDimSize(tiled), tile))};
  for (int64_t dim : order)
    shape.push_back(type.getDimSize(dim));
  shape.push_back(tile);
  auto packed = RankedTensorType::get(shape, type.getElementType());
  setArgumentType(kernel, position, packed);

  auto module = kernel->getParentOfType<ModuleOp>();
  module.walk([&](kernel::CallOp call) {
    if (call.getCallee() != kernel.getSymName())
      return;
    OpBuilder builder(call);
    OpOperand &operand = call.getOperandsMutable()[position - kernel.getSizes()];
    operand.set(kernel::PackOp::create(builder, call.getLoc(), packed, operand.get(), tiled, order, tile));
  });
  return kernel.getBody().front().getArgument(position);
}

Value lathe::collapseDims(OpBuilder &builder, Value tensor, ArrayRef<SmallVector<int64_t, 2>> groups) {
  return tensor::CollapseShapeOp::create(builder, tensor.getLoc(), tensor, groups);
}
