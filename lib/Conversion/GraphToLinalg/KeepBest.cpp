// lib/Conversion/GraphToLinalg/KeepBest.cpp: a short list in order, into which better elements are put, or a heap.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KeepBest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

using namespace lathe::graph;

namespace lathe::lowering {

/// Elements that are looked at together: a vector or two.
static constexpr int64_t blockSize = 16;

namespace {

/// What is kept of one row, elements and their positions: a list in order, or, of many, a heap with the worst at its
/// root (J. W. J. Williams, Algorithm 232: Heapsort, 1964), which is put in order at the end.
class KeepBest {
public:
  using IsBefore = llvm::function_ref<Value(OpBuilder &, Value, Value)>;

  KeepBest(LinalgBuilder &b, Type element, int64_t kept, Value count, IsBefore isBefore)
      : loc(b.getLoc()), element(element), kept(kept), count(count), isBefore(isBefore) {}

  using ReadFn = llvm::function_ref<Value(OpBuilder &, Value)>;

  /// The positions, from the elements that `read` gives for them.
  Value collect(OpBuilder &in, ReadFn read);

private:
  Value index(OpBuilder &in, int64_t value) { return arith::ConstantIndexOp::create(in, loc, value); }
  bool isHeap() const { return kept > mostListed; }
  Value worstSlot(OpBuilder &in) { return index(in, isHeap() ? 0 : kept - 1); }
  SmallVector<Value> put(OpBuilder &in, Value candidate, Value place, Value elements, Value positions);
  SmallVector<Value> sift(OpBuilder &in, Value candidate, Value position, Value hole, Value size, ValueRange heap);
  SmallVector<Value> sink(OpBuilder &in, Value slot, Value size, ValueRange heap);
  SmallVector<Value> makeHeap(OpBuilder &in, Value size, ValueRange heap, ReadFn read);
  SmallVector<Value> sortHeap(OpBuilder &in, Value size, ValueRange heap);
  SmallVector<Value> consider(OpBuilder &in, Value place, ValueRange list, ReadFn read);
  SmallVector<Value> considerAll(OpBuilder &in, Value begin, Value end, ValueRange list, ReadFn read);

  Location loc;
  Type element;
  int64_t kept;
  Value count; ///< Elements of the row.
  IsBefore isBefore;
};

/// Puts `candidate`, element `place` of the row, before the first that it must come before, and moves those
/// behind; the last falls out. Slots that no element has filled yet come after all. From the last slot down, each
/// needs only what it and the one before hold, so that no step waits for another.
SmallVector<Value> KeepBest::put(OpBuilder &in, Value candidate, Value place, Value elements, Value positions) {
  Value position = arith::IndexCastOp::create(in, loc, in.getI64Type(), place);
  Value zero = index(in, 0), one = index(in, 1), last = index(in, kept - 1);
  auto takes = [&](OpBuilder &body, Value slot, Value own) {
    Value isFree = arith::CmpIOp::create(body, loc, arith::CmpIPredicate::uge, slot, place);
    return arith::OrIOp::create(body, loc, isFree, isBefore(body, candidate, own)).getResult();
  };
  auto loop = scf::ForOp::create(
      in, loc, zero, last, one, ValueRange{elements, positions},
      [&](OpBuilder &body, Location, Value step, ValueRange carried) {
        Value slot = arith::SubIOp::create(body, loc, last, step);
        Value before = arith::SubIOp::create(body, loc, slot, one);
        Value own = tensor::ExtractOp::create(body, loc, carried[0], slot);
        Value other = tensor::ExtractOp::create(body, loc, carried[0], before);
        Value ownPosition = tensor::ExtractOp::create(body, loc, carried[1], slot);
        Value otherPosition = tensor::ExtractOp::create(body, loc, carried[1], before);
        Value moves = takes(body, before, other), changes = takes(body, slot, own);
        auto choose = [&](Value a, Value c, Value otherwise) {
          Value next = arith::SelectOp::create(body, loc, moves, a, c);
          return arith::SelectOp::create(body, loc, changes, next, otherwise).getResult();
        };
        Value next = tensor::InsertOp::create(body, loc, choose(other, candidate, own), carried[0], slot);
        Value nextPosition =
            tensor::InsertOp::create(body, loc, choose(otherPosition, position, ownPosition), carried[1], slot);
        scf::YieldOp::create(body, loc, ValueRange{next, nextPosition});
      });
  Value first = tensor::ExtractOp::create(in, loc, loop.getResult(0), zero);
  Value firstPosition = tensor::ExtractOp::create(in, loc, loop.getResult(1), zero);
  Value isFirst = takes(in, zero, first);
  first = arith::SelectOp::create(in, loc, isFirst, candidate, first);
  firstPosition = arith::SelectOp::create(in, loc, isFirst, position, firstPosition);
  return {tensor::InsertOp::create(in, loc, first, loop.getResult(0), zero),
          tensor::InsertOp::create(in, loc, firstPosition, loop.getResult(1), zero)};
}

/// Puts `candidate` into slot `hole` of the first `size`, or, as long as one of the two below comes after it, that one,
/// and goes on there. As many steps as there are levels, so that no branch depends on the data.
SmallVector<Value> KeepBest::sift(OpBuilder &in, Value candidate, Value position, Value hole, Value size,
                                  ValueRange heap) {
  Value zero = index(in, 0), one = index(in, 1), levels = index(in, llvm::Log2_64_Ceil(kept + 1));
  auto loop = scf::ForOp::create(
      in, loc, zero, levels, one, ValueRange{hole, heap[0], heap[1]},
      [&](OpBuilder &body, Location, Value, ValueRange carried) {
        auto less = [&](Value a, Value c) -> Value {
          return arith::CmpIOp::create(body, loc, arith::CmpIPredicate::ult, a, c);
        };
        auto select = [&](Value condition, Value a, Value c) -> Value {
          return arith::SelectOp::create(body, loc, condition, a, c);
        };
        auto at = [&](unsigned part, Value slot) -> Value {
          return tensor::ExtractOp::create(body, loc, carried[1 + part], slot);
        };
        /// Whether an element comes after another one: of equal ones, that which is further behind does.
        auto isAfter = [&](Value a, Value pa, Value c, Value pc) -> Value {
          Value isBehind = arith::CmpIOp::create(body, loc, arith::CmpIPredicate::sgt, pa, pc);
          Value yes = arith::ConstantIntOp::create(body, loc, 1, 1);
          Value notBefore = arith::XOrIOp::create(body, loc, isBefore(body, a, c), yes);
          isBehind = arith::AndIOp::create(body, loc, notBefore, isBehind);
          return arith::OrIOp::create(body, loc, isBefore(body, c, a), isBehind);
        };
        Value left = arith::AddIOp::create(body, loc, arith::AddIOp::create(body, loc, carried[0], carried[0]), one);
        Value right = arith::AddIOp::create(body, loc, left, one);
        Value hasLeft = less(left, size), hasRight = less(right, size);
        // What is not there reads what is.
        Value l = select(hasLeft, left, zero), r = select(hasRight, right, l);
        Value ownLeft = at(0, l), placeLeft = at(1, l), ownRight = at(0, r), placeRight = at(1, r);
        Value takesRight = isAfter(ownRight, placeRight, ownLeft, placeLeft);
        Value below = select(takesRight, r, l), element = select(takesRight, ownRight, ownLeft);
        Value place = select(takesRight, placeRight, placeLeft);
        Value moves = arith::AndIOp::create(body, loc, hasLeft, isAfter(element, place, candidate, position));
        Value elements = tensor::InsertOp::create(body, loc, select(moves, element, candidate), carried[1], carried[0]);
        Value positions = tensor::InsertOp::create(body, loc, select(moves, place, position), carried[2], carried[0]);
        scf::YieldOp::create(body, loc, ValueRange{select(moves, below, carried[0]), elements, positions});
      });
  return {loop.getResult(1), loop.getResult(2)};
}

/// Lets what is in `slot` go to its place below.
SmallVector<Value> KeepBest::sink(OpBuilder &in, Value slot, Value size, ValueRange heap) {
  Value element = tensor::ExtractOp::create(in, loc, heap[0], slot),
        position = tensor::ExtractOp::create(in, loc, heap[1], slot);
  return sift(in, element, position, slot, size, heap);
}

/// The first `size` elements of the row as a heap.
SmallVector<Value> KeepBest::makeHeap(OpBuilder &in, Value size, ValueRange heap, ReadFn read) {
  Value zero = index(in, 0), one = index(in, 1);
  auto fill = scf::ForOp::create(
      in, loc, zero, size, one, heap, [&](OpBuilder &body, Location, Value slot, ValueRange carried) {
        Value position = arith::IndexCastOp::create(body, loc, body.getI64Type(), slot);
        Value elements = tensor::InsertOp::create(body, loc, read(body, slot), carried[0], slot);
        Value positions = tensor::InsertOp::create(body, loc, position, carried[1], slot);
        scf::YieldOp::create(body, loc, ValueRange{elements, positions});
      });
  Value half = arith::DivUIOp::create(in, loc, size, index(in, 2));
  auto loop = scf::ForOp::create(in, loc, zero, half, one, fill.getResults(),
                                 [&](OpBuilder &body, Location, Value step, ValueRange carried) {
                                   Value behind = arith::SubIOp::create(body, loc, half, step);
                                   Value slot = arith::SubIOp::create(body, loc, behind, one);
                                   scf::YieldOp::create(body, loc, sink(body, slot, size, carried));
                                 });
  return loop.getResults();
}

/// A heap of `size` elements in order: the root, which comes after all others, changes places with the last.
SmallVector<Value> KeepBest::sortHeap(OpBuilder &in, Value size, ValueRange heap) {
  Value zero = index(in, 0), one = index(in, 1);
  auto loop =
      scf::ForOp::create(in, loc, one, size, one, heap, [&](OpBuilder &body, Location, Value step, ValueRange carried) {
        Value last = arith::SubIOp::create(body, loc, size, step);
        Value root = tensor::ExtractOp::create(body, loc, carried[0], zero);
        Value rootPosition = tensor::ExtractOp::create(body, loc, carried[1], zero);
        Value element = tensor::ExtractOp::create(body, loc, carried[0], last);
        Value position = tensor::ExtractOp::create(body, loc, carried[1], last);
        SmallVector<Value> rest = sift(body, element, position, zero, last, carried);
        Value elements = tensor::InsertOp::create(body, loc, root, rest[0], last);
        Value positions = tensor::InsertOp::create(body, loc, rootPosition, rest[1], last);
        scf::YieldOp::create(body, loc, ValueRange{elements, positions});
      });
  return loop.getResults();
}

/// What is kept behind element `place`.
SmallVector<Value> KeepBest::consider(OpBuilder &in, Value place, ValueRange list, ReadFn read) {
  Value candidate = read(in, place);
  if (isHeap()) {
    Value worst = tensor::ExtractOp::create(in, loc, list[0], worstSlot(in));
    auto branch = scf::IfOp::create(
        in, loc, isBefore(in, candidate, worst),
        [&](OpBuilder &then, Location) {
          Value position = arith::IndexCastOp::create(then, loc, then.getI64Type(), place);
          Value size = index(then, kept);
          scf::YieldOp::create(then, loc, sift(then, candidate, position, index(then, 0), size, list));
        },
        [&](OpBuilder &otherwise, Location) { scf::YieldOp::create(otherwise, loc, list); });
    return branch.getResults();
  }
  // What the last slot holds means nothing until all are filled, and then is the worst that is kept.
  Value worst = tensor::ExtractOp::create(in, loc, list[0], index(in, kept - 1));
  Value hasRoom = arith::CmpIOp::create(in, loc, arith::CmpIPredicate::ult, place, index(in, kept));
  Value enters = arith::OrIOp::create(in, loc, hasRoom, isBefore(in, candidate, worst));
  auto branch = scf::IfOp::create(
      in, loc, enters,
      [&](OpBuilder &then, Location) {
        scf::YieldOp::create(then, loc, put(then, candidate, place, list[0], list[1]));
      },
      [&](OpBuilder &otherwise, Location) { scf::YieldOp::create(otherwise, loc, list); });
  return branch.getResults();
}

/// What is kept behind the elements from `begin` to `end`.
SmallVector<Value> KeepBest::considerAll(OpBuilder &in, Value begin, Value end, ValueRange list, ReadFn read) {
  auto loop = scf::ForOp::create(in, loc, begin, end, index(in, 1), list,
                                 [&](OpBuilder &body, Location, Value place, ValueRange carried) {
                                   scf::YieldOp::create(body, loc, consider(body, place, carried, read));
                                 });
  return loop.getResults();
}

/// Most blocks have no element that enters, which a loop over all of one that LLVM makes vectors of finds out.
Value KeepBest::collect(OpBuilder &in, ReadFn read) {
  SmallVector<Value> list = {tensor::EmptyOp::create(in, loc, ArrayRef<int64_t>{kept}, element),
                             tensor::EmptyOp::create(in, loc, ArrayRef<int64_t>{kept}, in.getI64Type())};
  Value zero = index(in, 0), one = index(in, 1), size = index(in, blockSize);
  // The first fill the list, and the last are no whole block.
  Value first = arith::MinUIOp::create(in, loc, index(in, kept), count);
  list = isHeap() ? makeHeap(in, first, list, read) : considerAll(in, zero, first, list, read);
  Value rest = arith::RemUIOp::create(in, loc, arith::SubIOp::create(in, loc, count, first), size);
  Value end = arith::SubIOp::create(in, loc, count, rest);
  auto blocks = scf::ForOp::create(
      in, loc, first, end, size, list, [&](OpBuilder &body, Location, Value begin, ValueRange carried) {
        Value worst = tensor::ExtractOp::create(body, loc, carried[0], worstSlot(body));
        Value no = arith::ConstantIntOp::create(body, loc, 0, 1);
        auto look = scf::ForOp::create(
            body, loc, zero, size, one, no, [&](OpBuilder &inner, Location, Value step, ValueRange found) {
              Value place = arith::AddIOp::create(inner, loc, begin, step);
              Value enters = isBefore(inner, read(inner, place), worst);
              scf::YieldOp::create(inner, loc, arith::OrIOp::create(inner, loc, found[0], enters).getResult());
            });
        auto branch = scf::IfOp::create(
            body, loc, look.getResult(0),
            [&](OpBuilder &then, Location) {
              Value behind = arith::AddIOp::create(then, loc, begin, size);
              scf::YieldOp::create(then, loc, considerAll(then, begin, behind, carried, read));
            },
            [&](OpBuilder &otherwise, Location) { scf::YieldOp::create(otherwise, loc, carried); });
        scf::YieldOp::create(body, loc, branch.getResults());
      });
  list = considerAll(in, end, count, blocks.getResults(), read);
  return isHeap() ? sortHeap(in, first, list)[1] : list[1];
}

} // namespace

Value lowerKeepBest(LinalgBuilder &b, Value x, Sizes sizes, int64_t axis, RankedTensorType result,
                    llvm::function_ref<Value(OpBuilder &, Value, Value)> isBefore) {
  Location loc = b.getLoc();
  int64_t rank = sizes.size(), kept = result.getDimSize(axis);
  KeepBest list(b, elementOf(x), kept, indexValue(b, sizes[axis]), isBefore);
  auto readRow = [&](ValueRange row) {
    return [&, row = SmallVector<Value>(row)](OpBuilder &in, Value place) -> Value {
      SmallVector<Value> at(row);
      at.insert(at.begin() + axis, place);
      return tensor::ExtractOp::create(in, loc, x, at);
    };
  };
  Value y = b.empty(result);
  if (rank == 1)
    return list.collect(b, readRow({}));
  Sizes outer(sizes);
  outer.erase(outer.begin() + axis);
  auto forall = scf::ForallOp::create(b, loc, outer, y, /*mapping=*/std::nullopt);
  OpBuilder body = OpBuilder::atBlockBegin(forall.getBody());
  Value positions = list.collect(body, readRow(forall.getInductionVars()));
  // A row of the result keeps all dims: of several of size 1, MLIR 22 cannot tell which one a slice dropped.
  SmallVector<OpFoldResult> offsets = getAsOpFoldResult(forall.getInductionVars());
  offsets.insert(offsets.begin() + axis, b.getIndexAttr(0));
  SmallVector<OpFoldResult> lengths(rank, b.getIndexAttr(1)), strides(rank, b.getIndexAttr(1));
  lengths[axis] = b.getIndexAttr(kept);
  Value line = tensor::ExtractSliceOp::create(body, loc, forall.getRegionOutArgs().front(), offsets, lengths, strides);
  Value zero = arith::ConstantIndexOp::create(body, loc, 0), end = arith::ConstantIndexOp::create(body, loc, kept);
  Value one = arith::ConstantIndexOp::create(body, loc, 1);
  auto copy = scf::ForOp::create(
      body, loc, zero, end, one, line, [&](OpBuilder &in, Location, Value place, ValueRange carried) {
        Value position = tensor::ExtractOp::create(in, loc, positions, place);
        SmallVector<Value> at(rank, zero);
        at[axis] = place;
        scf::YieldOp::create(in, loc, tensor::InsertOp::create(in, loc, position, carried[0], at).getResult());
      });
  body.setInsertionPointToStart(forall.getTerminator().getBody());
  tensor::ParallelInsertSliceOp::create(body, loc, copy.getResult(0), forall.getRegionOutArgs().front(), offsets,
                                        lengths, strides);
  return forall.getResult(0);
}

} // namespace lathe::lowering
