// lib/Conversion/GraphToLinalg/Sort.cpp: the order of elements along an axis.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Lowerings.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace lathe::graph;

namespace lathe::lowering {

namespace {

/// Sorts the positions along one axis by merging: runs of 1, 2, 4 ... positions
/// become runs of twice as many, from one half of a buffer to the other and
/// back. The time does not depend on the data, and equal elements keep their
/// order.
class MergeSort {
public:
  MergeSort(TopKOp op, LinalgBuilder &b, Value x)
      : op(op), b(b), loc(b.getLoc()), x(x), axis(op.getAxis()),
        isUnsignedType(isUnsigned(op.getX().getType().getElementType())) {}

  Value lower();

private:
  TopKOp op;
  LinalgBuilder &b;
  Location loc;
  Value x;
  int64_t axis;
  bool isUnsignedType;
  Value zero, one, two, count, passes;

  Value index(OpBuilder &in, int64_t value) { return arith::ConstantIndexOp::create(in, loc, value); }
  Value less(OpBuilder &in, Value p, Value q) {
    return arith::CmpIOp::create(in, loc, arith::CmpIPredicate::ult, p, q);
  }
  Value countPasses();
  Value at(OpBuilder &in, Value buffer, Value half, Value place);
  Value isBefore(OpBuilder &in, ValueRange row, Value p, Value q);
  Value start(OpBuilder &in, Value buffer);
  Value merge(OpBuilder &in, ValueRange row, Value buffer);
  Value copyOut(OpBuilder &in, ValueRange row, Value buffer, Value y);
};

} // namespace

/// The least p with 2^p >= count.
Value MergeSort::countPasses() {
  auto loop = scf::ForOp::create(
      b, loc, zero, index(b, 62), one, zero, [&](OpBuilder &in, Location, Value power, ValueRange carried) {
        Value more = less(in, arith::ShLIOp::create(in, loc, one, power), count);
        Value next = arith::AddIOp::create(in, loc, carried[0], one);
        scf::YieldOp::create(in, loc, arith::SelectOp::create(in, loc, more, next, carried[0]).getResult());
      });
  return loop.getResult(0);
}

/// The position that `half` of the buffer holds at `place`, which may be one
/// past the end.
Value MergeSort::at(OpBuilder &in, Value buffer, Value half, Value place) {
  Value last = arith::SubIOp::create(in, loc, count, one);
  Value inside = arith::MinUIOp::create(in, loc, place, last);
  Value position = tensor::ExtractOp::create(in, loc, buffer, ValueRange{half, inside});
  return arith::IndexCastOp::create(in, loc, in.getIndexType(), position);
}

/// Whether the element at position `p` of `row` must come before that at `q`.
Value MergeSort::isBefore(OpBuilder &in, ValueRange row, Value p, Value q) {
  auto element = [&](Value position) -> Value {
    SmallVector<Value> where(row);
    where.insert(where.begin() + axis, position);
    return tensor::ExtractOp::create(in, loc, x, where);
  };
  Value a = element(p), c = element(q);
  if (op.getKind() == ReduceKind::max)
    std::swap(a, c);
  if (isa<FloatType>(a.getType()))
    return arith::CmpFOp::create(in, loc, arith::CmpFPredicate::OLT, a, c);
  return arith::CmpIOp::create(in, loc, isUnsignedType ? arith::CmpIPredicate::ult : arith::CmpIPredicate::slt, a, c);
}

/// Every position in its own place, in the first half.
Value MergeSort::start(OpBuilder &in, Value buffer) {
  auto loop = scf::ForOp::create(
      in, loc, zero, count, one, buffer, [&](OpBuilder &body, Location, Value place, ValueRange carried) {
        Value position = arith::IndexCastOp::create(body, loc, body.getI64Type(), place);
        Value next = tensor::InsertOp::create(body, loc, position, carried[0], ValueRange{zero, place});
        scf::YieldOp::create(body, loc, next);
      });
  return loop.getResult(0);
}

/// All passes over one row. A pass fills its half from the front, with `left`
/// and `right` the places of the next candidates in the other half.
Value MergeSort::merge(OpBuilder &in, ValueRange row, Value buffer) {
  auto step = [&](OpBuilder &body, Value pass, Value place, ValueRange carried) -> SmallVector<Value> {
    Value from = arith::RemUIOp::create(body, loc, pass, two);
    Value to = arith::SubIOp::create(body, loc, one, from);
    Value width = arith::ShLIOp::create(body, loc, one, pass);
    Value both = arith::ShLIOp::create(body, loc, width, one);
    Value into = arith::RemUIOp::create(body, loc, place, both);
    Value begin = arith::SubIOp::create(body, loc, place, into);
    Value beginRight = arith::AddIOp::create(body, loc, begin, width);
    Value middle = arith::MinUIOp::create(body, loc, beginRight, count);
    Value behind = arith::AddIOp::create(body, loc, begin, both);
    Value end = arith::MinUIOp::create(body, loc, behind, count);
    Value isFirst = arith::CmpIOp::create(body, loc, arith::CmpIPredicate::eq, into, zero);
    Value left = arith::SelectOp::create(body, loc, isFirst, begin, carried[0]);
    Value right = arith::SelectOp::create(body, loc, isFirst, middle, carried[1]);

    Value p = at(body, carried[2], from, left), q = at(body, carried[2], from, right);
    Value hasLeft = less(body, left, middle), hasRight = less(body, right, end);
    Value rightWins = isBefore(body, row, q, p);
    Value yes = arith::ConstantIntOp::create(body, loc, 1, 1);
    Value wanted = arith::SelectOp::create(body, loc, hasLeft, rightWins, yes);
    Value takesRight = arith::AndIOp::create(body, loc, hasRight, wanted);
    Value chosen = arith::SelectOp::create(body, loc, takesRight, q, p);
    chosen = arith::IndexCastOp::create(body, loc, body.getI64Type(), chosen);
    Value next = tensor::InsertOp::create(body, loc, chosen, carried[2], ValueRange{to, place});
    Value moved = arith::SelectOp::create(body, loc, takesRight, one, zero);
    Value kept = arith::SubIOp::create(body, loc, one, moved);
    Value nextLeft = arith::AddIOp::create(body, loc, left, kept);
    Value nextRight = arith::AddIOp::create(body, loc, right, moved);
    return {nextLeft, nextRight, next};
  };
  auto loop = scf::ForOp::create(
      in, loc, zero, passes, one, buffer, [&](OpBuilder &outer, Location, Value pass, ValueRange carried) {
        auto inner = scf::ForOp::create(outer, loc, zero, count, one, ValueRange{zero, zero, carried[0]},
                                        [&](OpBuilder &body, Location, Value place, ValueRange state) {
                                          scf::YieldOp::create(body, loc, step(body, pass, place, state));
                                        });
        scf::YieldOp::create(outer, loc, inner.getResult(2));
      });
  return loop.getResult(0);
}

/// The first positions of the half that the last pass filled.
Value MergeSort::copyOut(OpBuilder &in, ValueRange row, Value buffer, Value y) {
  Value half = arith::RemUIOp::create(in, loc, passes, two);
  Value taken = indexValue(b, b.sizesOf(op.getType())[axis]);
  auto loop =
      scf::ForOp::create(in, loc, zero, taken, one, y, [&](OpBuilder &body, Location, Value place, ValueRange carried) {
        Value position = tensor::ExtractOp::create(body, loc, buffer, ValueRange{half, place});
        SmallVector<Value> where(row);
        where.insert(where.begin() + axis, place);
        Value next = tensor::InsertOp::create(body, loc, position, carried[0], where);
        scf::YieldOp::create(body, loc, next);
      });
  return loop.getResult(0);
}

Value MergeSort::lower() {
  Sizes sizes = b.sizesOf(op.getX().getType());
  zero = index(b, 0);
  one = index(b, 1);
  two = index(b, 2);
  count = indexValue(b, sizes[axis]);
  passes = countPasses();
  Value buffer = emptyTensor(b, {b.getIndexAttr(2), sizes[axis]}, b.getI64Type());
  SmallVector<Value> lower, upper, steps;
  for (auto [i, size] : llvm::enumerate(sizes)) {
    if (static_cast<int64_t>(i) == axis)
      continue;
    lower.push_back(zero);
    upper.push_back(indexValue(b, size));
    steps.push_back(one);
  }
  auto body = [&](OpBuilder &in, Location, ValueRange row, ValueRange carried) -> scf::ValueVector {
    Value sorted = merge(in, row, start(in, carried[1]));
    return {copyOut(in, row, sorted, carried[0]), sorted};
  };
  Value y = b.empty(op.getType());
  if (lower.empty())
    return body(b, loc, {}, {y, buffer})[0];
  return scf::buildLoopNest(b, loc, lower, upper, steps, {y, buffer}, body).results[0];
}

static Lowered lowerTopK(TopKOp op, LinalgBuilder &b, ValueRange operands) {
  return SmallVector<Value>{MergeSort(op, b, operands[0]).lower()};
}

void attachSort(MLIRContext *context) { attach<&lowerTopK>(context); }

} // namespace lathe::lowering
