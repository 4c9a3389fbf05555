// lib/Conversion/GraphToLinalg/Selection.cpp: ops that keep some of their
// elements, by what these hold.
//
// The number of results is known only when they have been counted, so these are
// loops that append: they run in order, and write each result once.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Lowerings.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace lathe::graph;

namespace lathe::lowering {

static SmallVector<Value> sizeValues(LinalgBuilder &b, Type graphType) {
  SmallVector<Value> result;
  for (OpFoldResult size : b.sizesOf(graphType))
    result.push_back(indexValue(b, size));
  return result;
}

//===----------------------------------------------------------------------===//
// nonzero
//===----------------------------------------------------------------------===//

static Value isNonzero(OpBuilder &b, Location loc, Value scalar) {
  if (isa<FloatType>(scalar.getType()))
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, scalar, constant(b, loc, scalar.getType(), 0));
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(scalar.getType()));
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, scalar, zero);
}

static Lowered lowerNonzero(NonzeroOp op, LinalgBuilder &b, ValueRange operands) {
  Location loc = b.getLoc();
  SmallVector<Value> sizes = sizeValues(b, op.getX().getType());
  Value room = sizeValues(b, op.getType())[1];
  Value zero = b.indexConstant(0), one = b.indexConstant(1);
  SmallVector<Value> lower(sizes.size(), zero), steps(sizes.size(), one);
  // Behind a wrong number nothing is left as it was.
  Value y = b.filled(op.getType(), arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(0)));
  auto body = [&](OpBuilder &in, Location, ValueRange at, ValueRange carried) -> scf::ValueVector {
    Value element = tensor::ExtractOp::create(in, loc, operands[0], at);
    Value hasRoom = arith::CmpIOp::create(in, loc, arith::CmpIPredicate::ult, carried[1], room);
    Value counts = arith::AndIOp::create(in, loc, isNonzero(in, loc, element), hasRoom);
    auto choice = scf::IfOp::create(
        in, loc, counts,
        [&](OpBuilder &then, Location) {
          Value written = carried[0];
          for (auto [dim, position] : llvm::enumerate(at)) {
            Value number = arith::IndexCastOp::create(then, loc, then.getI64Type(), position);
            Value row = arith::ConstantIndexOp::create(then, loc, dim);
            written = tensor::InsertOp::create(then, loc, number, written, ValueRange{row, carried[1]});
          }
          Value next = arith::AddIOp::create(then, loc, carried[1], one);
          scf::YieldOp::create(then, loc, ValueRange{written, next});
        },
        [&](OpBuilder &otherwise, Location) { scf::YieldOp::create(otherwise, loc, carried); });
    return {choice.getResult(0), choice.getResult(1)};
  };
  return SmallVector<Value>{scf::buildLoopNest(b, loc, lower, sizes, steps, ValueRange{y, zero}, body).results[0]};
}

//===----------------------------------------------------------------------===//
// suppress_boxes
//===----------------------------------------------------------------------===//

namespace {

/// A box as its least and largest coordinates, and its area.
struct Box {
  Value top, left, bottom, right, area;
};

class Suppression {
public:
  Suppression(SuppressBoxesOp op, LinalgBuilder &b, ValueRange operands)
      : op(op), b(b), loc(b.getLoc()), boxes(operands[0]), scores(operands[1]), order(operands[2]),
        zero(b.indexConstant(0)), one(b.indexConstant(1)) {
    overlap = tensor::ExtractOp::create(b, loc, operands[3], ValueRange());
    if (op.getLeast())
      least = tensor::ExtractOp::create(b, loc, operands[4], ValueRange());
  }

  Value lower();

private:
  SuppressBoxesOp op;
  LinalgBuilder &b;
  Location loc;
  Value boxes, scores, order, zero, one, overlap, least, room, lastBox;

  Box read(OpBuilder &in, Value image, Value number);
  Value overlaps(OpBuilder &in, const Box &x, const Box &y);
  Value isSuppressed(OpBuilder &in, ValueRange row, Value taken, Value count, const Box &box);
  SmallVector<Value> tryBox(OpBuilder &in, ValueRange row, Value place, ValueRange carried);

  Value max(OpBuilder &in, Value x, Value y) { return arith::MaxNumFOp::create(in, loc, x, y); }
  Value min(OpBuilder &in, Value x, Value y) { return arith::MinNumFOp::create(in, loc, x, y); }
  Value sub(OpBuilder &in, Value x, Value y) { return arith::SubFOp::create(in, loc, x, y); }
  Value mul(OpBuilder &in, Value x, Value y) { return arith::MulFOp::create(in, loc, x, y); }
  Value greater(OpBuilder &in, Value x, Value y) {
    return arith::CmpFOp::create(in, loc, arith::CmpFPredicate::OGT, x, y);
  }
  Value isBelow(OpBuilder &in, Value x, Value y) {
    return arith::CmpIOp::create(in, loc, arith::CmpIPredicate::ult, x, y);
  }
};

} // namespace

Box Suppression::read(OpBuilder &in, Value image, Value number) {
  SmallVector<Value> c;
  for (int64_t i = 0; i < 4; ++i)
    c.push_back(tensor::ExtractOp::create(in, loc, boxes,
                                          ValueRange{image, number, arith::ConstantIndexOp::create(in, loc, i)}));
  Box box;
  if (op.getCenters()) {
    Value half = constant(in, loc, in.getF32Type(), 0.5);
    Value x = mul(in, c[2], half), y = mul(in, c[3], half);
    box.left = sub(in, c[0], x);
    box.right = arith::AddFOp::create(in, loc, c[0], x);
    box.top = sub(in, c[1], y);
    box.bottom = arith::AddFOp::create(in, loc, c[1], y);
  } else {
    box.top = min(in, c[0], c[2]);
    box.bottom = max(in, c[0], c[2]);
    box.left = min(in, c[1], c[3]);
    box.right = max(in, c[1], c[3]);
  }
  box.area = mul(in, sub(in, box.right, box.left), sub(in, box.bottom, box.top));
  return box;
}

Value Suppression::overlaps(OpBuilder &in, const Box &x, const Box &y) {
  Value none = constant(in, loc, in.getF32Type(), 0);
  Value width = sub(in, min(in, x.right, y.right), max(in, x.left, y.left));
  Value height = sub(in, min(in, x.bottom, y.bottom), max(in, x.top, y.top));
  Value common = mul(in, max(in, width, none), max(in, height, none));
  Value both = sub(in, arith::AddFOp::create(in, loc, x.area, y.area), common);
  Value part = arith::DivFOp::create(in, loc, common, both);
  Value result = greater(in, part, overlap);
  for (Value area : {common, x.area, y.area, both})
    result = arith::AndIOp::create(in, loc, result, greater(in, area, none));
  return result;
}

/// Whether one of the first `count` boxes of `row` in `taken` overlaps `box`:
/// the first that does ends the search.
Value Suppression::isSuppressed(OpBuilder &in, ValueRange row, Value taken, Value count, const Box &box) {
  Value no = arith::ConstantIntOp::create(in, loc, 0, 1);
  auto loop = scf::WhileOp::create(
      in, loc, TypeRange{in.getIndexType(), in.getI1Type()}, ValueRange{zero, no},
      [&](OpBuilder &before, Location, ValueRange state) {
        Value yes = arith::ConstantIntOp::create(before, loc, 1, 1);
        Value searches = arith::XOrIOp::create(before, loc, state[1], yes);
        Value more = arith::AndIOp::create(before, loc, isBelow(before, state[0], count), searches);
        scf::ConditionOp::create(before, loc, more, state);
      },
      [&](OpBuilder &after, Location, ValueRange state) {
        Value number = tensor::ExtractOp::create(after, loc, taken, ValueRange{row[0], row[1], state[0]});
        number = arith::IndexCastOp::create(after, loc, after.getIndexType(), number);
        Value found = overlaps(after, box, read(after, row[0], number));
        Value next = arith::AddIOp::create(after, loc, state[0], one);
        scf::YieldOp::create(after, loc, ValueRange{next, found});
      });
  return loop.getResult(1);
}

/// Takes the box at `place` of the order, if nothing is against it.
SmallVector<Value> Suppression::tryBox(OpBuilder &in, ValueRange row, Value place, ValueRange carried) {
  Value y = carried[0], count = carried[1];
  Value candidate = tensor::ExtractOp::create(in, loc, order, ValueRange{row[0], row[1], place});
  // No read leaves the boxes, whatever the order says.
  Value number = arith::IndexCastOp::create(in, loc, in.getIndexType(), candidate);
  number = arith::MinUIOp::create(in, loc, number, lastBox);
  candidate = arith::IndexCastOp::create(in, loc, in.getI64Type(), number);
  Value eligible = isBelow(in, count, room);
  if (least) {
    Value score = tensor::ExtractOp::create(in, loc, scores, ValueRange{row[0], row[1], number});
    eligible = arith::AndIOp::create(in, loc, eligible, greater(in, score, least));
  }
  Value compared = arith::SelectOp::create(in, loc, eligible, count, zero);
  Value suppressed = isSuppressed(in, row, y, compared, read(in, row[0], number));
  Value yes = arith::ConstantIntOp::create(in, loc, 1, 1);
  Value taken = arith::AndIOp::create(in, loc, eligible, arith::XOrIOp::create(in, loc, suppressed, yes));
  auto choice = scf::IfOp::create(
      in, loc, taken,
      [&](OpBuilder &then, Location) {
        Value written = tensor::InsertOp::create(then, loc, candidate, y, ValueRange{row[0], row[1], count});
        Value next = arith::AddIOp::create(then, loc, count, one);
        scf::YieldOp::create(then, loc, ValueRange{written, next});
      },
      [&](OpBuilder &otherwise, Location) { scf::YieldOp::create(otherwise, loc, carried); });
  return {choice.getResult(0), choice.getResult(1)};
}

Value Suppression::lower() {
  SmallVector<Value> sizes = sizeValues(b, op.getOrder().getType());
  room = sizeValues(b, op.getType())[2];
  Value boxCount = sizeValues(b, op.getBoxes().getType())[1];
  lastBox = arith::SubIOp::create(b, loc, boxCount, one);
  Value y = b.filled(op.getType(), arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(-1)));
  auto body = [&](OpBuilder &in, Location, ValueRange row, ValueRange carried) -> scf::ValueVector {
    auto loop = scf::ForOp::create(in, loc, zero, sizes[2], one, ValueRange{carried[0], zero},
                                   [&](OpBuilder &inner, Location, Value place, ValueRange state) {
                                     scf::YieldOp::create(inner, loc, tryBox(inner, row, place, state));
                                   });
    return {loop.getResult(0)};
  };
  return scf::buildLoopNest(b, loc, {zero, zero}, {sizes[0], sizes[1]}, {one, one}, y, body).results[0];
}

static Lowered lowerSuppressBoxes(SuppressBoxesOp op, LinalgBuilder &b, ValueRange operands) {
  return SmallVector<Value>{Suppression(op, b, operands).lower()};
}

void attachSelection(MLIRContext *context) { attach<&lowerNonzero, &lowerSuppressBoxes>(context); }

} // namespace lathe::lowering
