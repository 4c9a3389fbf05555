// lib/Conversion/TileToVector/Pad.cpp: line by line, zeros around a copy of the
// input, so that each element is written once.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Lowerings.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe;
using lathe::tile::PadOp;

namespace {
class PadLowering {
public:
  PadLowering(Emitter &e, PadOp op)
      : e(e), op(op), lanes(op.getTiling().getLanes()), input(op.getInput()), init(op.getInit()),
        height(e.dim(input, 1)), width(e.dim(input, 2)), channels(e.dim(input, 3)), lineCount(e.dim(init, 1)),
        lineWidth(e.dim(init, 2)) {}

  void emit() {
    // Columns and channels as one run, if neither layout has gaps.
    Value flatInput = collapse(e, input, groupDims(4, 2, 4));
    Value flatInit = collapse(e, init, groupDims(4, 2, 4));
    isFlat = flatInput && flatInit;
    if (isFlat) {
      input = flatInput;
      init = flatInit;
    }
    Value lines = e.mul(e.dim(init, 0), lineCount);
    e.tasks({{lines, op.getTiling().getTaskRows()}}, [&](ArrayRef<IndexRange> ranges) {
      Type element = cast<MemRefType>(init.getType()).getElementType();
      filler = op.getValue() ? *op.getValue() : e.b.getZeroAttr(element);
      zero = arith::ConstantOp::create(e.b, e.loc, filler);
      e.loop(ranges.front(), 1, [&](Value line) { emitLine(line); });
    });
  }

private:
  void emitLine(Value line) {
    Value image = e.floorDiv(line, lineCount), y = e.rem(line, lineCount);
    int64_t top = op.getOffsets()[0], left = op.getOffsets()[1];
    auto fillLine = [&] { fill(image, y, {e.index(0), lineWidth}); };
    auto copyLine = [&] {
      fill(image, y, {e.index(0), e.index(left)});
      Value end = e.add(width, left);
      copy(image, y, e.sub(y, e.index(top)), {e.index(left), end});
      fill(image, y, {end, lineWidth});
    };
    e.ifLess(y, e.index(top), fillLine, [&] { e.ifLess(y, e.add(height, top), copyLine, fillLine); });
  }

  void fill(Value image, Value y, IndexRange columns) {
    forElements(columns, [&](ArrayRef<Value> inner, int64_t count) {
      SmallVector<Value> indices{image, y};
      llvm::append_range(indices, inner);
      store(count == 1 ? zero : fillers(count), indices);
    });
  }

  Value fillers(int64_t count) {
    auto type = VectorType::get(count, zero.getType());
    return arith::ConstantOp::create(e.b, e.loc, SplatElementsAttr::get(type, Attribute(filler)));
  }

  void copy(Value image, Value y, Value inputY, IndexRange columns) {
    Value shift = e.mul(e.index(op.getOffsets()[1]), isFlat ? channels : e.index(1));
    forElements(columns, [&](ArrayRef<Value> inner, int64_t count) {
      SmallVector<Value> from{image, inputY}, to{image, y};
      llvm::append_range(from, inner);
      llvm::append_range(to, inner);
      from[2] = e.sub(from[2], shift);
      if (count == 1)
        return store(memref::LoadOp::create(e.b, e.loc, input, from), to);
      store(vector::LoadOp::create(e.b, e.loc, VectorType::get(count, zero.getType()), input, from), to);
    });
  }

  /// Calls `body` with the indices of the elements of `columns` in one line,
  /// `lanes` or one at a time.
  void forElements(IndexRange columns, function_ref<void(ArrayRef<Value>, int64_t)> body) {
    if (isFlat)
      return forRun({e.mul(columns.begin, channels), e.mul(columns.end, channels)},
                    [&](Value i, int64_t count) { body({i}, count); });
    e.loop(columns, 1,
           [&](Value x) { forRun({e.index(0), channels}, [&](Value c, int64_t count) { body({x, c}, count); }); });
  }

  void forRun(IndexRange range, function_ref<void(Value, int64_t)> body) {
    Value remainder = e.rem(e.sub(range.end, range.begin), lanes);
    Value middle = e.sub(range.end, remainder);
    e.loop({range.begin, middle}, lanes, [&](Value i) { body(i, lanes); });
    e.loop({middle, range.end}, 1, [&](Value i) { body(i, 1); });
  }

  void store(Value value, ValueRange indices) {
    if (isa<VectorType>(value.getType()))
      vector::StoreOp::create(e.b, e.loc, value, init, indices);
    else
      memref::StoreOp::create(e.b, e.loc, value, init, indices);
  }

  Emitter &e;
  PadOp op;
  int64_t lanes;
  Value input, init;
  Value height, width, channels; ///< Of the input.
  Value lineCount, lineWidth;    ///< Of the output.
  TypedAttr filler;
  Value zero; ///< Or what `filler` says.
  bool isFlat = false;
};
} // namespace

void lathe::lowerPad(Emitter &e, PadOp op) { PadLowering(e, op).emit(); }
