// lib/Conversion/GraphToLinalg/KeepBest.cpp: a short list in order, into which better elements are put.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KeepBest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace lathe::graph;

namespace lathe::lowering {

namespace {

/// The list of one row: elements and their positions.
class KeepBest {
public:
  using IsBefore = llvm::function_ref<Value(OpBuilder &, Value, Value)>;

  KeepBest(LinalgBuilder &b, Type element, int64_t kept, Value count, IsBefore isBefore)
      : loc(b.getLoc()), element(element), kept(kept), count(count), isBefore(isBefore) {}

  /// The positions, from the elements that `read` gives for them.
  Value collect(OpBuilder &in, llvm::function_ref<Value(OpBuilder &, Value)> read);

private:
  Value index(OpBuilder &in, int64_t value) { return arith::ConstantIndexOp::create(in, loc, value); }
  SmallVector<Value> put(OpBuilder &in, Value candidate, Value place, Value elements, Value positions);

  Location loc;
  Type element;
  int64_t kept;
  Value count; ///< Elements of the row.
  IsBefore isBefore;
};

/// Puts `candidate`, element `place` of the row, before the first that it must come before, and moves those
/// behind; the last falls out. Slots that no element has filled yet come after all.
SmallVector<Value> KeepBest::put(OpBuilder &in, Value candidate, Value place, Value elements, Value positions) {
  Value no = arith::ConstantIntOp::create(in, loc, 0, 1);
  Value position = arith::IndexCastOp::create(in, loc, in.getI64Type(), place);
  auto loop = scf::ForOp::create(
      in, loc, index(in, 0), index(in, kept), index(in, 1), ValueRange{candidate, position, no, elements, positions},
      [&](OpBuilder &body, Location, Value slot, ValueRange carried) {
        Value own = tensor::ExtractOp::create(body, loc, carried[3], slot);
        Value ownPosition = tensor::ExtractOp::create(body, loc, carried[4], slot);
        Value isFree = arith::CmpIOp::create(body, loc, arith::CmpIPredicate::uge, slot, place);
        Value takes = arith::OrIOp::create(body, loc, isFree, isBefore(body, carried[0], own));
        takes = arith::OrIOp::create(body, loc, takes, carried[2]);
        auto choose = [&](Value a, Value c) { return arith::SelectOp::create(body, loc, takes, a, c).getResult(); };
        Value next = tensor::InsertOp::create(body, loc, choose(carried[0], own), carried[3], slot);
        Value nextPosition = tensor::InsertOp::create(body, loc, choose(carried[1], ownPosition), carried[4], slot);
        scf::YieldOp::create(
            body, loc, ValueRange{choose(own, carried[0]), choose(ownPosition, carried[1]), takes, next, nextPosition});
      });
  return {loop.getResult(3), loop.getResult(4)};
}

Value KeepBest::collect(OpBuilder &in, llvm::function_ref<Value(OpBuilder &, Value)> read) {
  Value elements = tensor::EmptyOp::create(in, loc, ArrayRef<int64_t>{kept}, element);
  Value positions = tensor::EmptyOp::create(in, loc, ArrayRef<int64_t>{kept}, in.getI64Type());
  Value last = index(in, kept - 1), full = index(in, kept);
  auto loop =
      scf::ForOp::create(in, loc, index(in, 0), count, index(in, 1), ValueRange{elements, positions},
                         [&](OpBuilder &body, Location, Value place, ValueRange carried) {
                           Value candidate = read(body, place);
                           // What the last slot holds means nothing until all are filled, and then is the worst that is
                           // kept.
                           Value worst = tensor::ExtractOp::create(body, loc, carried[0], last);
                           Value hasRoom = arith::CmpIOp::create(body, loc, arith::CmpIPredicate::ult, place, full);
                           Value enters = arith::OrIOp::create(body, loc, hasRoom, isBefore(body, candidate, worst));
                           auto branch = scf::IfOp::create(
                               body, loc, enters,
                               [&](OpBuilder &then, Location) {
                                 scf::YieldOp::create(then, loc, put(then, candidate, place, carried[0], carried[1]));
                               },
                               [&](OpBuilder &otherwise, Location) { scf::YieldOp::create(otherwise, loc, carried); });
                           scf::YieldOp::create(body, loc, branch.getResults());
                         });
  return loop.getResult(1);
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
