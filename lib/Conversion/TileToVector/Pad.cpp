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
        spatial(cast<ShapedType>(init.getType()).getRank() - 2), width(e.dim(input, spatial)),
        channels(e.dim(input, spatial + 1)), lineWidth(e.dim(init, spatial)) {
    for (int64_t dim = 0; dim < spatial; ++dim) {
      outerSizes.push_back(e.dim(init, dim));
      inputSizes.push_back(e.dim(input, dim));
    }
  }

  void emit() {
    // Columns and channels as one run, if neither layout has gaps.
    SmallVector<ReassociationIndices> groups = groupDims(spatial + 2, spatial, spatial + 2);
    Value flatInput = collapse(e, input, groups);
    Value flatInit = collapse(e, init, groups);
    isFlat = flatInput && flatInit;
    if (isFlat) {
      input = flatInput;
      init = flatInit;
    }
    Value lines = e.index(1);
    for (Value size : outerSizes)
      lines = e.mul(lines, size);
    e.tasks({{lines, op.getTiling().getTaskRows()}}, [&](ArrayRef<IndexRange> ranges) {
      Type element = cast<MemRefType>(init.getType()).getElementType();
      filler = op.getValue() ? *op.getValue() : e.b.getZeroAttr(element);
      zero = arith::ConstantOp::create(e.b, e.loc, filler);
      e.loop(ranges.front(), 1, [&](Value line) { emitLine(e.delinearize(line, outerSizes)); });
    });
  }

private:
  /// `at` has the image and the outer spatial indices of a line of the output.
  void emitLine(ArrayRef<Value> at) {
    SmallVector<Value> from{at.front()};
    for (int64_t dim = 1; dim < spatial; ++dim)
      from.push_back(e.sub(at[dim], e.index(op.getOffsets()[dim - 1])));
    auto fillLine = [&] { fill(at, {e.index(0), lineWidth}); };
    auto copyLine = [&] {
      int64_t left = op.getOffsets().back();
      fill(at, {e.index(0), e.index(left)});
      Value end = e.add(width, left);
      copy(at, from, {e.index(left), end});
      fill(at, {end, lineWidth});
    };
    ifInside(at, 1, copyLine, fillLine);
  }

  /// Whether the input has the line: from spatial dim `dim` on.
  void ifInside(ArrayRef<Value> at, int64_t dim, function_ref<void()> inside, function_ref<void()> outside) {
    if (dim == spatial)
      return inside();
    int64_t before = op.getOffsets()[dim - 1];
    e.ifLess(at[dim], e.index(before), outside, [&] {
      e.ifLess(at[dim], e.add(inputSizes[dim], before), [&] { ifInside(at, dim + 1, inside, outside); }, outside);
    });
  }

  void fill(ArrayRef<Value> at, IndexRange columns) {
    forElements(columns, [&](ArrayRef<Value> inner, int64_t count) {
      SmallVector<Value> indices(at);
      llvm::append_range(indices, inner);
      store(count == 1 ? zero : fillers(count), indices);
    });
  }

  Value fillers(int64_t count) {
    auto type = VectorType::get(count, zero.getType());
    return arith::ConstantOp::create(e.b, e.loc, SplatElementsAttr::get(type, Attribute(filler)));
  }

  void copy(ArrayRef<Value> at, ArrayRef<Value> inputAt, IndexRange columns) {
    Value shift = e.mul(e.index(op.getOffsets().back()), isFlat ? channels : e.index(1));
    forElements(columns, [&](ArrayRef<Value> inner, int64_t count) {
      SmallVector<Value> from(inputAt), to(at);
      llvm::append_range(from, inner);
      llvm::append_range(to, inner);
      from[spatial] = e.sub(from[spatial], shift);
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
  int64_t spatial;                           ///< How many spatial dims there are.
  Value width, channels;                     ///< Of the input.
  Value lineWidth;                           ///< Of the output.
  SmallVector<Value> outerSizes, inputSizes; ///< Batch and outer spatial dims of the output and of the input.
  TypedAttr filler;
  Value zero; ///< Or what `filler` says.
  bool isFlat = false;
};
} // namespace

void lathe::lowerPad(Emitter &e, PadOp op) { PadLowering(e, op).emit(); }
