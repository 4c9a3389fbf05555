// lib/Conversion/GraphToLinalg/Sort.cpp: the order of elements along an axis.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KeepBest.h"
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
  /// Whether what is at position `p` of `row` must come before what is at `q`.
  using IsBefore = llvm::function_ref<Value(OpBuilder &, ValueRange row, Value p, Value q)>;

  /// Sorts along dimension `axis` of `sizes`; the result, of the graph type
  /// `result`, may have less positions there.
  MergeSort(LinalgBuilder &b, Sizes sizes, int64_t axis, RankedTensorType result, IsBefore isBefore)
      : b(b), loc(b.getLoc()), sizes(sizes), axis(axis), result(result), isBefore(isBefore) {}

  Value lower();

private:
  LinalgBuilder &b;
  Location loc;
  Sizes sizes;
  int64_t axis;
  RankedTensorType result;
  IsBefore isBefore;
  Value zero, one, two, count, passes;

  Value index(OpBuilder &in, int64_t value) { return arith::ConstantIndexOp::create(in, loc, value); }
  Value less(OpBuilder &in, Value p, Value q) {
    return arith::CmpIOp::create(in, loc, arith::CmpIPredicate::ult, p, q);
  }
  Value countPasses();
  Value at(OpBuilder &in, Value buffer, Value half, Value place);
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
    Value from = arith::AndIOp::create(body, loc, pass, one);
    Value to = arith::SubIOp::create(body, loc, one, from);
    Value width = arith::ShLIOp::create(body, loc, one, pass);
    Value both = arith::ShLIOp::create(body, loc, width, one);
    Value low = arith::SubIOp::create(body, loc, both, one); // Below a power of two.
    Value into = arith::AndIOp::create(body, loc, place, low);
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
  Value taken = indexValue(b, b.sizesOf(result)[axis]);
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
  Value y = b.empty(result);
  if (lower.empty())
    return body(b, loc, {}, {y, buffer})[0];
  return scf::buildLoopNest(b, loc, lower, upper, steps, {y, buffer}, body).results[0];
}

/// Whether `a` comes before `c`, with NaN as the greatest number.
static Value isLess(OpBuilder &b, Location loc, Value a, Value c, bool isUnsignedType) {
  if (!isa<FloatType>(a.getType()))
    return arith::CmpIOp::create(b, loc, isUnsignedType ? arith::CmpIPredicate::ult : arith::CmpIPredicate::slt, a, c);
  Value less = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::ULT, a, c);
  Value isNumber = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::ORD, a, a);
  return arith::AndIOp::create(b, loc, less, isNumber);
}

/// Elements that are kept while the others pass by, in memory of the task; of more, all are sorted.
static constexpr int64_t mostKept = 1 << 12;

/// So few of a line's that are faster to keep in a list, whatever the line has, or in a heap than to sort all.
static bool isWorthKeeping(int64_t kept, int64_t size) {
  bool isPart = ShapedType::isDynamic(size) || kept <= mostListed || 2 * kept <= size;
  return !ShapedType::isDynamic(kept) && kept > 0 && kept <= mostKept && isPart;
}

static Lowered lowerTopK(TopKOp op, LinalgBuilder &b, ValueRange operands) {
  Location loc = b.getLoc();
  int64_t axis = op.getAxis(), kept = op.getType().getDimSize(axis);
  bool isUnsignedType = isUnsigned(op.getX().getType().getElementType());
  if (isWorthKeeping(kept, op.getX().getType().getDimSize(axis)))
    return SmallVector<Value>{lowerKeepBest(
        b, operands[0], b.sizesOf(op.getX().getType()), axis, op.getType(), [&](OpBuilder &in, Value a, Value c) {
          return op.getKind() == ReduceKind::max ? isLess(in, loc, c, a, isUnsignedType)
                                                 : isLess(in, loc, a, c, isUnsignedType);
        })};
  auto isBefore = [&](OpBuilder &in, ValueRange row, Value p, Value q) -> Value {
    auto element = [&](Value position) -> Value {
      SmallVector<Value> where(row);
      where.insert(where.begin() + axis, position);
      return tensor::ExtractOp::create(in, loc, operands[0], where);
    };
    Value a = element(p), c = element(q);
    if (op.getKind() == ReduceKind::max)
      std::swap(a, c);
    return isLess(in, loc, a, c, isUnsignedType);
  };
  return SmallVector<Value>{MergeSort(b, b.sizesOf(op.getX().getType()), axis, op.getType(), isBefore).lower()};
}

/// Goes through the columns until two rows differ.
static Lowered lowerSortRows(SortRowsOp op, LinalgBuilder &b, ValueRange operands) {
  Location loc = b.getLoc();
  Sizes sizes = b.sizesOf(op.getX().getType());
  Value columns = indexValue(b, sizes[1]), zero = b.indexConstant(0), one = b.indexConstant(1);
  bool isUnsignedType = isUnsigned(op.getX().getType().getElementType());
  auto isBefore = [&](OpBuilder &in, ValueRange, Value p, Value q) -> Value {
    Value no = arith::ConstantIntOp::create(in, loc, 0, 1);
    auto loop = scf::WhileOp::create(
        in, loc, TypeRange{in.getIndexType(), in.getI1Type(), in.getI1Type()}, ValueRange{zero, no, no},
        [&](OpBuilder &before, Location, ValueRange state) {
          Value yes = arith::ConstantIntOp::create(before, loc, 1, 1);
          Value more = arith::CmpIOp::create(before, loc, arith::CmpIPredicate::ult, state[0], columns);
          Value isOpen = arith::XOrIOp::create(before, loc, arith::OrIOp::create(before, loc, state[1], state[2]), yes);
          scf::ConditionOp::create(before, loc, arith::AndIOp::create(before, loc, more, isOpen), state);
        },
        [&](OpBuilder &after, Location, ValueRange state) {
          Value a = tensor::ExtractOp::create(after, loc, operands[0], ValueRange{p, state[0]});
          Value c = tensor::ExtractOp::create(after, loc, operands[0], ValueRange{q, state[0]});
          Value next = arith::AddIOp::create(after, loc, state[0], one);
          scf::YieldOp::create(
              after, loc,
              ValueRange{next, isLess(after, loc, a, c, isUnsignedType), isLess(after, loc, c, a, isUnsignedType)});
        });
    return loop.getResult(1);
  };
  return SmallVector<Value>{MergeSort(b, {sizes[0]}, 0, op.getType(), isBefore).lower()};
}

void attachSort(MLIRContext *context) { attach<&lowerTopK, &lowerSortRows>(context); }

} // namespace lathe::lowering
