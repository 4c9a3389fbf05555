// lib/Conversion/GraphToLinalg/Lowerings.cpp: loops, sizes, tensors and scalars
// for the lowerings of all op families.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Lowerings.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace lathe::graph;

namespace lathe::lowering {

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

SmallVector<AffineExpr> loops(MLIRContext *context, unsigned first, unsigned count) {
  SmallVector<AffineExpr> result;
  for (unsigned i = first; i < first + count; ++i)
    result.push_back(getAffineDimExpr(i, context));
  return result;
}

AffineMap loopMap(MLIRContext *context, unsigned numLoops, ArrayRef<AffineExpr> results) {
  return AffineMap::get(numLoops, 0, results, context);
}

AffineMap broadcastMap(MLIRContext *context, ArrayRef<int64_t> shape, ArrayRef<int64_t> result) {
  size_t first = result.size() - shape.size();
  SmallVector<AffineExpr> exprs;
  for (auto [i, size] : llvm::enumerate(shape)) {
    bool repeats = size == 1 && result[first + i] != 1;
    exprs.push_back(repeats ? getAffineConstantExpr(0, context) : getAffineDimExpr(first + i, context));
  }
  return loopMap(context, result.size(), exprs);
}

//===----------------------------------------------------------------------===//
// Sizes and tensors
//===----------------------------------------------------------------------===//

OpFoldResult apply(LinalgBuilder &b, AffineExpr expr, ArrayRef<OpFoldResult> values) {
  return affine::makeComposedFoldedAffineApply(b, b.getLoc(), AffineMap::get(values.size(), 0, expr), values);
}

OpFoldResult add(LinalgBuilder &b, OpFoldResult x, OpFoldResult y) {
  return apply(b, b.getAffineDimExpr(0) + b.getAffineDimExpr(1), {x, y});
}

OpFoldResult sub(LinalgBuilder &b, OpFoldResult x, OpFoldResult y) {
  return apply(b, b.getAffineDimExpr(0) - b.getAffineDimExpr(1), {x, y});
}

OpFoldResult mul(LinalgBuilder &b, OpFoldResult x, OpFoldResult y) {
  std::optional<int64_t> known = getConstantIntValue(x);
  if (known)
    return apply(b, b.getAffineDimExpr(0) * *known, {y});
  if (std::optional<int64_t> other = getConstantIntValue(y))
    return apply(b, b.getAffineDimExpr(0) * *other, {x});
  return Value(arith::MulIOp::create(b, b.getLoc(), cast<Value>(x), cast<Value>(y)));
}

Value indexValue(LinalgBuilder &b, OpFoldResult size) { return getValueOrCreateConstantIndexOp(b, b.getLoc(), size); }

Value emptyTensor(LinalgBuilder &b, ArrayRef<OpFoldResult> sizes, Type element) {
  return tensor::EmptyOp::create(b, b.getLoc(), sizes, element);
}

Value filledTensor(LinalgBuilder &b, ArrayRef<OpFoldResult> sizes, Value element) {
  Value init = emptyTensor(b, sizes, element.getType());
  return linalg::FillOp::create(b, b.getLoc(), element, init).getResult(0);
}

Value castShape(LinalgBuilder &b, Value tensor, ArrayRef<int64_t> shape) {
  RankedTensorType type = typeOf(tensor), wanted = type.clone(shape);
  if (type == wanted)
    return tensor;
  return tensor::CastOp::create(b, b.getLoc(), wanted, tensor);
}

/// The shape that the dimensions `groups` of `shape` collapse to.
static SmallVector<int64_t> collapsedShape(ArrayRef<int64_t> shape, ArrayRef<ReassociationIndices> groups) {
  SmallVector<int64_t> result;
  for (const ReassociationIndices &group : groups) {
    int64_t size = 1;
    for (int64_t dim : group)
      size =
          ShapedType::isDynamic(size) || ShapedType::isDynamic(shape[dim]) ? ShapedType::kDynamic : size * shape[dim];
    result.push_back(size);
  }
  return result;
}

Value expand(LinalgBuilder &b, Value tensor, ArrayRef<ReassociationIndices> groups, ArrayRef<OpFoldResult> sizes) {
  SmallVector<int64_t> shape = decomposeMixedValues(sizes).first;
  auto type = typeOf(tensor).clone(shape);
  // Both sides must know the same of each size.
  Value source = castShape(b, tensor, collapsedShape(shape, groups));
  return tensor::ExpandShapeOp::create(b, b.getLoc(), type, source, groups, sizes);
}

Value collapse(LinalgBuilder &b, Value tensor, ArrayRef<ReassociationIndices> groups) {
  auto type = typeOf(tensor).clone(collapsedShape(typeOf(tensor).getShape(), groups));
  return tensor::CollapseShapeOp::create(b, b.getLoc(), type, tensor, groups);
}

Value permute(LinalgBuilder &b, Value tensor, ArrayRef<int64_t> permutation) {
  if (llvm::is_sorted(permutation))
    return tensor;
  RankedTensorType type = typeOf(tensor);
  Sizes from = tensor::getMixedSizes(b, b.getLoc(), tensor), sizes;
  SmallVector<AffineExpr> source(type.getRank());
  for (auto [i, dim] : llvm::enumerate(permutation)) {
    sizes.push_back(from[dim]);
    source[dim] = b.getAffineDimExpr(i);
  }
  Value init = emptyTensor(b, sizes, type.getElementType());
  return b.elementwise(tensor, init, loopMap(b.getContext(), type.getRank(), source),
                       [](OpBuilder &, Location, ValueRange args) { return args[0]; });
}

Value crop(LinalgBuilder &b, Value tensor, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) {
  bool isAll = true;
  for (auto [i, offset] : llvm::enumerate(offsets)) {
    std::optional<int64_t> size = getConstantIntValue(sizes[i]);
    isAll = isAll && isConstantIntValue(offset, 0) && size && *size == typeOf(tensor).getDimSize(i);
  }
  if (isAll)
    return tensor;
  Sizes strides(sizes.size(), b.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(b, b.getLoc(), tensor, offsets, sizes, strides);
}

Value pad(LinalgBuilder &b, Value tensor, ArrayRef<OpFoldResult> low, ArrayRef<OpFoldResult> high, Value value) {
  auto isZero = [](OpFoldResult size) { return isConstantIntValue(size, 0); };
  if (llvm::all_of(low, isZero) && llvm::all_of(high, isZero))
    return tensor;
  return tensor::PadOp::create(b, b.getLoc(), Type(), tensor, low, high, value);
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

Value constant(OpBuilder &b, Location loc, Type type, double value) {
  if (isa<FloatType>(type))
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
  return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, static_cast<int64_t>(value)));
}

Value widen(OpBuilder &b, Location loc, Value scalar) {
  Type wide = getAccumulatorType(scalar.getType());
  if (wide == scalar.getType())
    return scalar;
  return arith::ExtFOp::create(b, loc, wide, scalar);
}

Value narrow(OpBuilder &b, Location loc, Value scalar, Type element) {
  if (!isa<FloatType>(scalar.getType()) || scalar.getType() == element)
    return scalar;
  return arith::TruncFOp::create(b, loc, element, scalar);
}

Value fromIndex(OpBuilder &b, Location loc, Value index, Type element) {
  if (isa<IntegerType>(element))
    return arith::IndexCastOp::create(b, loc, element, index);
  Value number = arith::IndexCastOp::create(b, loc, b.getI64Type(), index);
  return arith::SIToFPOp::create(b, loc, element, number);
}

/// The least or the largest value of a signless type.
static Value extreme(OpBuilder &b, Location loc, Type type, bool isUnsigned, bool largest) {
  if (isa<FloatType>(type)) {
    double infinity = std::numeric_limits<double>::infinity();
    return constant(b, loc, type, largest ? infinity : -infinity);
  }
  unsigned width = type.getIntOrFloatBitWidth();
  APInt value = largest      ? (isUnsigned ? APInt::getMaxValue(width) : APInt::getSignedMaxValue(width))
                : isUnsigned ? APInt::getMinValue(width)
                             : APInt::getSignedMinValue(width);
  return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, value));
}

Value neutralElement(OpBuilder &b, Location loc, ReduceKind kind, Type type, bool isUnsigned) {
  switch (kind) {
  case ReduceKind::sum:
  case ReduceKind::mean:
  case ReduceKind::any:
    return constant(b, loc, type, 0);
  case ReduceKind::prod:
    return constant(b, loc, type, 1);
  case ReduceKind::all:
    return extreme(b, loc, type, /*isUnsigned=*/true, /*largest=*/true);
  case ReduceKind::max:
    return extreme(b, loc, type, isUnsigned, /*largest=*/false);
  case ReduceKind::min:
    return extreme(b, loc, type, isUnsigned, /*largest=*/true);
  }
  llvm_unreachable("every kind is handled above");
}

Value combine(OpBuilder &b, Location loc, ReduceKind kind, Value x, Value y, bool isUnsigned) {
  bool isFloat = isa<FloatType>(x.getType());
  auto reassoc = arith::FastMathFlags::reassoc;
  switch (kind) {
  case ReduceKind::sum:
  case ReduceKind::mean:
    if (isFloat)
      return arith::AddFOp::create(b, loc, x, y, reassoc);
    return arith::AddIOp::create(b, loc, x, y);
  case ReduceKind::prod:
    if (isFloat)
      return arith::MulFOp::create(b, loc, x, y, reassoc);
    return arith::MulIOp::create(b, loc, x, y);
  case ReduceKind::any:
    return arith::OrIOp::create(b, loc, x, y);
  case ReduceKind::all:
    return arith::AndIOp::create(b, loc, x, y);
  case ReduceKind::max:
    if (isFloat)
      return arith::MaximumFOp::create(b, loc, x, y, arith::FastMathFlags::nsz);
    if (isUnsigned)
      return arith::MaxUIOp::create(b, loc, x, y);
    return arith::MaxSIOp::create(b, loc, x, y);
  case ReduceKind::min:
    if (isFloat)
      return arith::MinimumFOp::create(b, loc, x, y, arith::FastMathFlags::nsz);
    if (isUnsigned)
      return arith::MinUIOp::create(b, loc, x, y);
    return arith::MinSIOp::create(b, loc, x, y);
  }
  llvm_unreachable("every kind is handled above");
}

Value widenTo(OpBuilder &b, Location loc, Value scalar, Type element, Type sum) {
  if (scalar.getType() == sum)
    return scalar;
  if (isa<FloatType>(sum))
    return arith::ExtFOp::create(b, loc, sum, scalar);
  return isUnsigned(element) ? Value(arith::ExtUIOp::create(b, loc, sum, scalar))
                             : Value(arith::ExtSIOp::create(b, loc, sum, scalar));
}

Value multiplyAdd(OpBuilder &b, Location loc, Value sum, Value x, Value y) {
  if (!isa<FloatType>(sum.getType()))
    return arith::AddIOp::create(b, loc, sum, arith::MulIOp::create(b, loc, x, y));
  // `contract` lets the target fuse both, always or never.
  auto contract = arith::FastMathFlags::contract;
  Value product = arith::MulFOp::create(b, loc, x, y, contract);
  return arith::AddFOp::create(b, loc, sum, product, contract | arith::FastMathFlags::reassoc);
}

} // namespace lathe::lowering
