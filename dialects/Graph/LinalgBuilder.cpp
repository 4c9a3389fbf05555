// dialects/Graph/LinalgBuilder.cpp: sizes, empty tensors and generic loops for lowerings.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/LinalgBuilder.h"
#include "dialects/Graph/Graph.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace lathe::graph {

OpFoldResult LinalgBuilder::size(AffineExpr expr) {
  if (auto fixed = dyn_cast<AffineConstantExpr>(expr))
    return getIndexAttr(fixed.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return sizes[symbol.getPosition()];
  AffineMap map = AffineMap::get(0, sizes.size(), expr);
  return affine::AffineApplyOp::create(*this, loc, map, sizes).getResult();
}

Value LinalgBuilder::index(AffineExpr expr) { return getValueOrCreateConstantIndexOp(*this, loc, size(expr)); }

Value LinalgBuilder::indexConstant(int64_t value) { return arith::ConstantIndexOp::create(*this, loc, value); }

SmallVector<OpFoldResult> LinalgBuilder::sizesOf(Type graphType) {
  auto tensor = cast<RankedTensorType>(graphType);
  SmallVector<OpFoldResult> result;
  auto encoding = dyn_cast_or_null<DimsAttr>(tensor.getEncoding());
  for (auto [i, dim] : llvm::enumerate(tensor.getShape())) {
    if (ShapedType::isStatic(dim))
      result.push_back(getIndexAttr(dim));
    else
      result.push_back(size(encoding.getMap().getResult(i)));
  }
  return result;
}

Value LinalgBuilder::empty(Type graphType, Type element) {
  auto tensor = cast<RankedTensorType>(graphType);
  if (!element)
    element = getSignlessType(tensor.getElementType());
  return tensor::EmptyOp::create(*this, loc, sizesOf(graphType), element);
}

Value LinalgBuilder::filled(Type graphType, Value value) {
  Value init = empty(graphType, value.getType());
  return linalg::FillOp::create(*this, loc, value, init).getResult(0);
}

Value LinalgBuilder::scalar(Type element, double value) {
  if (isa<FloatType>(element))
    return arith::ConstantOp::create(*this, loc, getFloatAttr(element, value));
  if (isa<IndexType>(element))
    return indexConstant(static_cast<int64_t>(value));
  auto integer = cast<IntegerType>(getSignlessType(element));
  return arith::ConstantOp::create(*this, loc, getIntegerAttr(integer, static_cast<int64_t>(value)));
}

Value LinalgBuilder::generic(ValueRange inputs, Value init, ArrayRef<AffineMap> maps,
                             ArrayRef<utils::IteratorType> iterators, BodyFn body) {
  return linalg::GenericOp::create(*this, loc, init.getType(), inputs, init, maps, iterators,
                                   [&](OpBuilder &b, Location bodyLoc, ValueRange args) {
                                     Value result = body(b, bodyLoc, args);
                                     linalg::YieldOp::create(b, bodyLoc, result);
                                   })
      .getResult(0);
}

Value LinalgBuilder::elementwise(ValueRange inputs, Value init, ArrayRef<AffineMap> inputMaps, BodyFn body) {
  unsigned rank = cast<RankedTensorType>(init.getType()).getRank();
  SmallVector<AffineMap> maps(inputMaps);
  maps.push_back(getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  return generic(inputs, init, maps, iterators, body);
}

Value LinalgBuilder::castFloat(Value tensor, Type element) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (type.getElementType() == element)
    return tensor;
  SmallVector<OpFoldResult> dims = tensor::getMixedSizes(*this, loc, tensor);
  Value init = tensor::EmptyOp::create(*this, loc, dims, element);
  bool widens = type.getElementTypeBitWidth() < element.getIntOrFloatBitWidth();
  return elementwise(tensor, init, getMultiDimIdentityMap(type.getRank()),
                     [&](OpBuilder &b, Location bodyLoc, ValueRange args) -> Value {
                       if (widens)
                         return arith::ExtFOp::create(b, bodyLoc, element, args[0]);
                       return arith::TruncFOp::create(b, bodyLoc, element, args[0]);
                     });
}

} // namespace lathe::graph
