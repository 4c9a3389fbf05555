// lib/Strategies/PackWeights.cpp: changes the type of an argument in the kernel,
// and says there what the calls have to do.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "PackWeights.h"

#include "dialects/Kernel/Views.h"
#include "dialects/Tile/Tile.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lathe;

/// Corrects what the kernel says about argument `position`, which is now packed.
static void setArgumentType(kernel::FuncOp kernel, unsigned position, RankedTensorType type, const Packing &packing) {
  kernel.getBody().front().getArgument(position).setType(type);
  SmallVector<Type> inputs(kernel.getArgumentTypes());
  inputs[position] = type;
  kernel.setFunctionType(FunctionType::get(kernel.getContext(), inputs, kernel.getResultTypes()));
  ArrayAttr dims = kernel.getDimsAttr();
  if (!dims)
    return;
  SmallVector<Attribute> maps(dims.getValue());
  Attribute &own = maps[position - kernel.getSizes()];
  // Open sizes are those of a matrix without steps: the parts of one dim, then the other.
  AffineMap before = cast<AffineMapAttr>(own).getValue();
  SmallVector<AffineExpr> sizes;
  for (auto [i, size] : llvm::enumerate(type.getShape()))
    sizes.push_back(!ShapedType::isDynamic(size) ? getAffineConstantExpr(size, kernel.getContext())
                    : i == 0                     ? before.getResult(packing.tiled).ceilDiv(packing.tile)
                                                 : before.getResult(packing.order[i - 1]));
  own = AffineMapAttr::get(AffineMap::get(0, kernel.getSizes(), sizes, kernel.getContext()));
  kernel.setDimsAttr(ArrayAttr::get(kernel.getContext(), maps));
}

/// Whether every call of `kernel` gives a constant for `weights`, which nothing
/// else reads.
static bool isPackedBefore(kernel::FuncOp kernel, Value weights) {
  auto argument = dyn_cast<BlockArgument>(weights);
  return argument && weights.hasOneUse() &&
         kernel.getArgAttr(argument.getArgNumber(), kernel::FuncOp::constantAttrName);
}

Value lathe::packWeights(OpBuilder &builder, kernel::FuncOp kernel, Value weights, const Packing &packing) {
  auto type = cast<RankedTensorType>(weights.getType());
  IntegerAttr step, run;
  if (packing.step > 1) {
    step = builder.getI64IntegerAttr(packing.step);
    run = packing.run > 1 ? builder.getI64IntegerAttr(packing.run) : IntegerAttr();
  }
  auto number = [](IntegerAttr attr) { return attr ? std::optional(attr.getInt()) : std::nullopt; };
  IntegerAttr winograd = packing.winograd ? builder.getI64IntegerAttr(packing.winograd) : IntegerAttr();
  IntegerAttr bits = packing.bits ? builder.getI64IntegerAttr(packing.bits) : IntegerAttr();
  SmallVector<int64_t> shape = kernel::packedShape(type.getShape(), packing.tiled, packing.order, packing.tile,
                                                   number(step), number(run), number(winograd), number(bits));
  auto packed = RankedTensorType::get(shape, type.getElementType());
  if (!isPackedBefore(kernel, weights)) {
    Value init = tensor::EmptyOp::create(builder, weights.getLoc(), shape, type.getElementType());
    return tile::PackOp::create(builder, weights.getLoc(), packed, weights, init, packing.tiled, packing.order,
                                packing.tile, step, run)
        .getResult();
  }
  unsigned position = cast<BlockArgument>(weights).getArgNumber();
  setArgumentType(kernel, position, packed, packing);
  NamedAttrList list;
  list.append("order", builder.getDenseI64ArrayAttr(packing.order));
  list.append("tile", builder.getI64IntegerAttr(packing.tile));
  list.append("tiled", builder.getI64IntegerAttr(packing.tiled));
  if (step)
    list.append("step", step);
  if (run)
    list.append("run", run);
  if (winograd)
    list.append("winograd", winograd);
  if (bits)
    list.append("bits", bits);
  if (packing.keepsDenormals)
    list.append("keeps_denormals", builder.getUnitAttr());
  kernel.setArgAttr(position, packingAttrName, list.getDictionary(builder.getContext()));
  return kernel.getBody().front().getArgument(position);
}

Value lathe::pack(OpBuilder &builder, Location loc, Value constant, Type packed, DictionaryAttr packing) {
  // Callers know the sign of integers.
  auto type = cast<RankedTensorType>(packed).clone(getElementTypeOrSelf(constant.getType()));
  return kernel::PackOp::create(builder, loc, type, constant, packing.getAs<IntegerAttr>("tiled"),
                                packing.getAs<DenseI64ArrayAttr>("order"), packing.getAs<IntegerAttr>("tile"),
                                packing.getAs<IntegerAttr>("step"), packing.getAs<IntegerAttr>("run"),
                                packing.getAs<IntegerAttr>("winograd"), packing.getAs<IntegerAttr>("bits"),
                                packing.getAs<UnitAttr>("keeps_denormals"));
}

Value lathe::collapseDims(OpBuilder &builder, Value tensor, ArrayRef<SmallVector<int64_t, 2>> groups) {
  return tensor::CollapseShapeOp::create(builder, tensor.getLoc(), tensor, groups);
}
