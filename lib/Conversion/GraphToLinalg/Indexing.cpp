// lib/Conversion/GraphToLinalg/Indexing.cpp: reads and writes at positions that
// tensors hold.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Lowerings.h"
#include "dialects/Kernel/Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace lathe::graph;

namespace lathe::lowering {

/// `position`, an integer that may count from the end, as an index in `[0, size)`:
/// no read or write leaves the tensor. One that lies outside is an error of the
/// call where `op` makes a check, and else is known not to be there.
static Value safePosition(OpBuilder &b, Location loc, Operation *op, Value position, Value size) {
  Value at = arith::IndexCastOp::create(b, loc, b.getIndexType(), position);
  if (auto check = op->getAttrOfType<IntegerAttr>(kernel::FuncOp::checkAttrName))
    return kernel::CheckIndexOp::create(b, loc, b.getIndexType(), at, size, check);
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  Value isNegative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, at, zero);
  Value fromEnd = arith::AddIOp::create(b, loc, at, size);
  at = arith::SelectOp::create(b, loc, isNegative, fromEnd, at);
  Value last = arith::SubIOp::create(b, loc, size, one);
  at = arith::MinSIOp::create(b, loc, at, last);
  return arith::MaxSIOp::create(b, loc, at, zero);
}

static SmallVector<Value> sizeValues(LinalgBuilder &b, Type graphType) {
  SmallVector<Value> result;
  for (OpFoldResult size : b.sizesOf(graphType))
    result.push_back(indexValue(b, size));
  return result;
}

/// The loops' positions inside of the body of a `linalg.generic`.
static SmallVector<Value> loopPositions(OpBuilder &b, Location loc, int64_t first, int64_t end) {
  SmallVector<Value> result;
  for (int64_t i = first; i < end; ++i)
    result.push_back(linalg::IndexOp::create(b, loc, i));
  return result;
}

//===----------------------------------------------------------------------===//
// gather, gather_elements, gather_nd
//===----------------------------------------------------------------------===//

/// The only position of a constant `indices`.
static std::optional<int64_t> constantPosition(Value indices) {
  auto constant = indices.getDefiningOp<ConstantOp>();
  auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : DenseElementsAttr();
  if (!dense || dense.getNumElements() != 1)
    return std::nullopt;
  return dense.getValues<APInt>()[0].getSExtValue();
}

/// One slice at a constant position.
static Value gatherSlice(GatherOp op, LinalgBuilder &b, Value x, int64_t position) {
  int64_t axis = op.getAxis(), rank = typeOf(x).getRank();
  Sizes sizes = b.sizesOf(op.getX().getType());
  Sizes offsets(rank, b.getIndexAttr(0)), strides(rank, b.getIndexAttr(1));
  if (std::optional<int64_t> size = getConstantIntValue(sizes[axis])) {
    position = position < 0 ? position + *size : position;
    position = std::max<int64_t>(0, std::min(position, *size - 1));
    offsets[axis] = b.getIndexAttr(position);
  } else {
    Value at = constant(b, b.getLoc(), b.getI64Type(), 0);
    at = arith::ConstantOp::create(b, b.getLoc(), b.getI64IntegerAttr(position));
    offsets[axis] = safePosition(b, b.getLoc(), op, at, indexValue(b, sizes[axis]));
  }
  sizes[axis] = b.getIndexAttr(1);
  Value slice = tensor::ExtractSliceOp::create(b, b.getLoc(), x, offsets, sizes, strides);
  // The axis becomes the dimensions of `indices`, all of size one.
  int64_t added = cast<RankedTensorType>(op.getIndices().getType()).getRank();
  SmallVector<ReassociationIndices> groups;
  if (added == 1)
    return slice;
  if (added > 1) {
    for (int64_t i = 0, at = 0; i < rank; ++i) {
      groups.emplace_back();
      for (int64_t e = i == axis ? added : 1; e > 0; --e)
        groups.back().push_back(at++);
    }
    return expand(b, slice, groups, b.sizesOf(op.getType()));
  }
  for (int64_t i = 0; i < rank; ++i) {
    // The axis joins a neighbour; of a vector, nothing is left.
    if (rank == 1)
      break;
    bool joinsPrevious = i == axis ? i > 0 : (i == 1 && axis == 0);
    if (joinsPrevious)
      groups.back().push_back(i);
    else
      groups.push_back({i});
  }
  return collapse(b, slice, groups);
}

static Lowered lowerGather(GatherOp op, LinalgBuilder &b, ValueRange operands) {
  Value x = operands[0], indices = operands[1];
  bool isEmpty = llvm::is_contained(op.getX().getType().getShape(), 0);
  if (std::optional<int64_t> position = constantPosition(op.getIndices()); position && !isEmpty)
    return SmallVector<Value>{gatherSlice(op, b, x, *position)};
  int64_t axis = op.getAxis(), rank = op.getType().getRank();
  int64_t behind = axis + typeOf(indices).getRank();
  SmallVector<Value> sizes = sizeValues(b, op.getX().getType());
  SmallVector<AffineExpr> at = loops(b.getContext(), axis, typeOf(indices).getRank());
  Value y = b.elementwise(indices, b.empty(op.getType()), loopMap(b.getContext(), rank, at),
                          [&](OpBuilder &body, Location loc, ValueRange args) -> Value {
                            SmallVector<Value> position = loopPositions(body, loc, 0, axis);
                            position.push_back(safePosition(body, loc, op, args[0], sizes[axis]));
                            position.append(loopPositions(body, loc, behind, rank));
                            return tensor::ExtractOp::create(body, loc, x, position);
                          });
  return SmallVector<Value>{y};
}

static Lowered lowerGatherElements(GatherElementsOp op, LinalgBuilder &b, ValueRange operands) {
  int64_t axis = op.getAxis(), rank = op.getType().getRank();
  SmallVector<Value> sizes = sizeValues(b, op.getX().getType());
  Value y = b.elementwise(operands[1], b.empty(op.getType()), b.getMultiDimIdentityMap(rank),
                          [&](OpBuilder &body, Location loc, ValueRange args) -> Value {
                            SmallVector<Value> position = loopPositions(body, loc, 0, rank);
                            position[axis] = safePosition(body, loc, op, args[0], sizes[axis]);
                            return tensor::ExtractOp::create(body, loc, operands[0], position);
                          });
  return SmallVector<Value>{y};
}

static Lowered lowerGatherNd(GatherNdOp op, LinalgBuilder &b, ValueRange operands) {
  MLIRContext *context = b.getContext();
  int64_t batch = op.getBatchDims(), rank = op.getType().getRank();
  int64_t given = typeOf(operands[1]).getRank() - 1;
  int64_t length = typeOf(operands[1]).getDimSize(given);
  SmallVector<Value> sizes = sizeValues(b, op.getX().getType());
  // One read of `indices` per entry of a position.
  SmallVector<Value> inputs(length, operands[1]);
  SmallVector<AffineMap> maps;
  for (int64_t i = 0; i < length; ++i) {
    SmallVector<AffineExpr> exprs = loops(context, 0, given);
    exprs.push_back(getAffineConstantExpr(i, context));
    maps.push_back(loopMap(context, rank, exprs));
  }
  Value y =
      b.elementwise(inputs, b.empty(op.getType()), maps, [&](OpBuilder &body, Location loc, ValueRange args) -> Value {
        SmallVector<Value> position = loopPositions(body, loc, 0, batch);
        for (int64_t i = 0; i < length; ++i)
          position.push_back(safePosition(body, loc, op, args[i], sizes[batch + i]));
        position.append(loopPositions(body, loc, given, rank));
        return tensor::ExtractOp::create(body, loc, operands[0], position);
      });
  return SmallVector<Value>{y};
}

//===----------------------------------------------------------------------===//
// scatter_elements, scatter_nd
//===----------------------------------------------------------------------===//

/// What a scatter writes: the update, or it combined with what is there.
static Value scattered(OpBuilder &b, Location loc, ScatterKind kind, Value old, Value update, Type graphElement) {
  if (kind == ScatterKind::none)
    return update;
  bool isBool = graphElement.isInteger(1);
  ReduceKind reduce = kind == ScatterKind::add   ? ReduceKind::sum
                      : kind == ScatterKind::mul ? ReduceKind::prod
                      : kind == ScatterKind::max ? ReduceKind::max
                                                 : ReduceKind::min;
  // One bit would wrap: of truth values, a sum is "any".
  if (isBool && reduce == ReduceKind::sum)
    reduce = ReduceKind::any;
  Value result = combine(b, loc, reduce, widen(b, loc, old), widen(b, loc, update), isUnsigned(graphElement));
  return narrow(b, loc, result, old.getType());
}

/// Loops in row-major order over `updates`, which write to a copy of `x`: two
/// updates of one place must not overtake each other. `target` says where the
/// update at a position goes.
static Value scatter(LinalgBuilder &b, Value x, Value updates, ArrayRef<Value> sizes, ScatterKind kind,
                     Type graphElement, llvm::function_ref<SmallVector<Value>(OpBuilder &, ArrayRef<Value>)> target) {
  Location loc = b.getLoc();
  SmallVector<Value> lower(sizes.size(), b.indexConstant(0));
  SmallVector<Value> steps(sizes.size(), b.indexConstant(1));
  auto body = [&](OpBuilder &in, Location, ValueRange at, ValueRange carried) -> scf::ValueVector {
    SmallVector<Value> where = target(in, llvm::to_vector(at));
    Value update = tensor::ExtractOp::create(in, loc, updates, at);
    Value old = tensor::ExtractOp::create(in, loc, carried[0], where);
    Value written = scattered(in, loc, kind, old, update, graphElement);
    return {tensor::InsertOp::create(in, loc, written, carried[0], where)};
  };
  return scf::buildLoopNest(b, loc, lower, sizes, steps, x, body).results[0];
}

static Lowered lowerScatterElements(ScatterElementsOp op, LinalgBuilder &b, ValueRange operands) {
  int64_t axis = op.getAxis();
  Value size = sizeValues(b, op.getX().getType())[axis];
  Value y = scatter(b, operands[0], operands[2], sizeValues(b, op.getUpdates().getType()), op.getKind(),
                    op.getX().getType().getElementType(), [&](OpBuilder &in, ArrayRef<Value> at) {
                      SmallVector<Value> where(at);
                      Value index = tensor::ExtractOp::create(in, b.getLoc(), operands[1], at);
                      where[axis] = safePosition(in, b.getLoc(), op, index, size);
                      return where;
                    });
  return SmallVector<Value>{y};
}

static Lowered lowerScatterNd(ScatterNdOp op, LinalgBuilder &b, ValueRange operands) {
  int64_t given = typeOf(operands[1]).getRank() - 1;
  int64_t length = typeOf(operands[1]).getDimSize(given);
  SmallVector<Value> sizes = sizeValues(b, op.getX().getType());
  Value y = scatter(b, operands[0], operands[2], sizeValues(b, op.getUpdates().getType()), op.getKind(),
                    op.getX().getType().getElementType(), [&](OpBuilder &in, ArrayRef<Value> at) {
                      SmallVector<Value> where, entry(at.take_front(given));
                      entry.push_back(nullptr);
                      for (int64_t i = 0; i < length; ++i) {
                        entry.back() = arith::ConstantIndexOp::create(in, b.getLoc(), i);
                        Value index = tensor::ExtractOp::create(in, b.getLoc(), operands[1], entry);
                        where.push_back(safePosition(in, b.getLoc(), op, index, sizes[i]));
                      }
                      llvm::append_range(where, at.drop_front(given));
                      return where;
                    });
  return SmallVector<Value>{y};
}

void attachIndexing(MLIRContext *context) {
  attach<&lowerGather, &lowerGatherElements, &lowerGatherNd, &lowerScatterElements, &lowerScatterNd>(context);
}

} // namespace lathe::lowering
