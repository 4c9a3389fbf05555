// lib/Conversion/TileToVector/AttentionBase.cpp: places and arithmetic of attention.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "AttentionBase.h"
#include "Epilogue.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cmath>

using namespace mlir;
using namespace lathe;

AttentionBase::AttentionBase(Emitter &e, tile::AttentionOp op)
    : e(e), op(op), tiling(op.getTiling()), lanes(tiling.getLanes()), size(op.sizeOf(q, 3)), width(op.sizeOf(v, 3)),
      f32(e.b.getF32Type()), factors(DotEmitter::create(tiling.getDotUnit(), f32)) {}

Value AttentionBase::dimOf(Place place, int64_t dim) {
  bool isMoved = op.getHeadsInside()[place] && (dim == 1 || dim == 2);
  return e.dim(memrefOf(place), isMoved ? 3 - dim : dim);
}

ElementPlace AttentionBase::at(Place place, Value row, Value element) {
  Value head = place == k || place == v ? task.sharedHead : task.head;
  SmallVector<Value> indices = {task.batch, head, row, element};
  if (op.getHeadsInside()[place])
    std::swap(indices[1], indices[2]);
  return {memrefOf(place), indices};
}

Value AttentionBase::cut(int64_t rows, int64_t columns) {
  auto layout = StridedLayoutAttr::get(e.b.getContext(), used, {columns, 1});
  auto type = MemRefType::get({rows, columns}, f32, layout);
  Value view = memref::ReinterpretCastOp::create(e.b, e.loc, type, op.getScratch(), used,
                                                 ArrayRef<int64_t>{rows, columns}, ArrayRef<int64_t>{columns, 1});
  used += rows * columns;
  return view;
}

Value AttentionBase::load(Value memref, Value row, Value column) {
  return loadVector(e, memref, {row, column}, lanes, nullptr);
}
void AttentionBase::store(Value value, Value memref, Value row, Value column) {
  vector::StoreOp::create(e.b, e.loc, value, memref, ValueRange{row, column});
}

Value AttentionBase::splat(double number, int64_t lanes) {
  return arith::ConstantOp::create(
      e.b, e.loc, SplatElementsAttr::get(VectorType::get(lanes, f32), e.b.getF32FloatAttr(static_cast<float>(number))));
}
Value AttentionBase::broadcast(Value scalar, int64_t lanes) {
  return vector::BroadcastOp::create(e.b, e.loc, VectorType::get(lanes, scalar.getType()), scalar);
}
Value AttentionBase::select(Value condition, Value a, Value b) {
  return arith::SelectOp::create(e.b, e.loc, condition, a, b);
}
Value AttentionBase::larger(Value a, Value b) {
  return select(arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::OGT, a, b), a, b);
}
Value AttentionBase::mul(Value a, Value b) { return arith::MulFOp::create(e.b, e.loc, a, b); }
Value AttentionBase::exponential(Value a, Value b) {
  return math::ExpOp::create(e.b, e.loc, arith::SubFOp::create(e.b, e.loc, a, b));
}

Value AttentionBase::loadWide(const ElementPlace &place, int64_t lanes) {
  return factors->widenA(e, loadVector(e, asStored(e, place.memref), place.indices, lanes, nullptr)).front();
}
Type AttentionBase::elementOf(Value memref) { return cast<MemRefType>(memref.getType()).getElementType(); }
Value AttentionBase::narrow(Value value) {
  Type element = elementOf(op.getInit());
  auto vector = dyn_cast<VectorType>(value.getType());
  Type type = vector ? Type(vector.clone(element)) : element;
  return element == f32 ? value : arith::TruncFOp::create(e.b, e.loc, type, value).getResult();
}
Value AttentionBase::toWide(Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  if (element == f32)
    return value;
  auto vector = dyn_cast<VectorType>(value.getType());
  Type wide = vector ? Type(vector.clone(f32)) : f32;
  if (element.isInteger(1))
    return arith::UIToFPOp::create(e.b, e.loc, wide, value);
  return arith::ExtFOp::create(e.b, e.loc, wide, value);
}

SmallVector<Value> AttentionBase::maskIndices(Value values, Value query, Value key) {
  SmallVector<Value> indices = {task.batch, task.head, query, key};
  for (auto [dim, index] : llvm::enumerate(indices))
    if (cast<MemRefType>(values.getType()).getDimSize(dim) == 1)
      index = e.index(0);
  return indices;
}

Value AttentionBase::capped(Value score, int64_t lanes) {
  double cap = op.getSoftcap().convertToDouble();
  if (cap <= 0)
    return score;
  Value part = arith::DivFOp::create(e.b, e.loc, score, splat(cap, lanes));
  return mul(math::TanhOp::create(e.b, e.loc, part), splat(cap, lanes));
}

bool AttentionBase::changesScores() {
  return op.getSoftcap().convertToDouble() > 0 || op.getBias() || op.getMask() || op.getCausal();
}

Value AttentionBase::countKeys() {
  if (!op.getCausal() || !std::isinf(op.getHidden().convertToDouble()))
    return keys;
  Value reach = e.add(e.add(task.last, e.index(1)), op.getCausal());
  return arith::MaxSIOp::create(e.b, e.loc, e.min(reach, keys), e.index(0));
}

Value AttentionBase::shareOf(Value sum, int64_t lanes) {
  Value factor = arith::DivFOp::create(e.b, e.loc, splat(1, lanes), sum);
  if (op.getZeroRows())
    factor = select(arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::OEQ, sum, splat(0, lanes)), splat(0, lanes),
                    factor);
  // Over no keys, sums are 0.
  if (constantIndex(keys).value_or(0) == 0) {
    Value isNone = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq, keys, e.index(0));
    factor = select(isNone, splat(0, lanes), factor);
  }
  return factor;
}
