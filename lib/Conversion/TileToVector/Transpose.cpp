// lib/Conversion/TileToVector/Transpose.cpp: squares that are transposed in
// registers, so that both sides are read and written in whole vectors.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Epilogue.h"
#include "Lowerings.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe;
using lathe::tile::TransposeOp;

/// Bytes within which an x86 processor interleaves two registers in one
/// instruction.
static constexpr int64_t bytesOfPart = 16;

/// One half of `a` and `b` interleaved, `unit` elements of each in turn, within
/// every `block` elements: the first half of each block, or the second.
static Value interleave(Emitter &e, Value a, Value b, int64_t unit, int64_t block, bool second) {
  int64_t lanes = cast<VectorType>(a.getType()).getNumElements();
  SmallVector<int64_t> mask;
  for (int64_t start = 0; start < lanes; start += block)
    for (int64_t i = 0; i < block / 2; i += unit)
      for (int64_t from : {int64_t(0), lanes})
        for (int64_t j = 0; j < unit; ++j)
          mask.push_back(from + start + (second ? block / 2 : 0) + i + j);
  return vector::ShuffleOp::create(e.b, e.loc, a, b, mask);
}

/// Transposes every block of `count` units of `unit` elements in `count` rows,
/// by as many perfect shuffles as `count` has bits.
static SmallVector<Value> transposeBlocks(Emitter &e, SmallVector<Value> rows, int64_t unit) {
  int64_t count = rows.size();
  for (int64_t stage = 1; stage < count; stage *= 2) {
    SmallVector<Value> next;
    for (int64_t i = 0; i < count / 2; ++i)
      for (bool second : {false, true})
        next.push_back(interleave(e, rows[i], rows[i + count / 2], unit, unit * count, second));
    rows = std::move(next);
  }
  return rows;
}

/// First within parts of a register, then whole parts.
SmallVector<Value> lathe::transposeSquare(Emitter &e, ArrayRef<Value> rows, int64_t bytesOfElement) {
  int64_t lanes = rows.size(), part = std::min(lanes, bytesOfPart / bytesOfElement), parts = lanes / part;
  SmallVector<SmallVector<Value>> groups;
  for (int64_t group = 0; group < parts; ++group)
    groups.push_back(transposeBlocks(e, llvm::to_vector(rows.slice(group * part, part)), 1));
  SmallVector<Value> columns(lanes);
  for (int64_t i = 0; i < part; ++i) {
    SmallVector<Value> same;
    for (const SmallVector<Value> &group : groups)
      same.push_back(group[i]);
    for (auto [j, column] : llvm::enumerate(transposeBlocks(e, same, part)))
      columns[j * part + i] = column;
  }
  return columns;
}

namespace {
class TransposeLowering {
public:
  TransposeLowering(Emitter &e, TransposeOp op)
      : e(e), op(op), extras(extrasOf(op)), permutation(op.getPermutation()), rank(permutation.size()),
        lanes(op.getTiling().getLanes()), input(asStored(e, op.getInput())) {
    element = cast<MemRefType>(input.getType()).getElementType();
    movedDim = llvm::find(permutation, rank - 1) - permutation.begin();
    moved = e.dim(op.getInit(), movedDim);
    inner = e.dim(op.getInit(), rank - 1);
    for (int64_t dim = 0; dim + 1 < rank; ++dim)
      if (dim != movedDim)
        outerSizes.push_back(e.dim(op.getInit(), dim));
  }

  void emit() {
    Value lines = e.index(1);
    for (Value size : outerSizes)
      lines = e.mul(lines, size);
    tile::TilingAttr tiling = op.getTiling();
    e.tasks({{lines, tiling.getTaskRows()}, {moved, tiling.getTaskPanels() * 2 * lanes}, {inner, tiling.getBlock()}},
            [&](ArrayRef<IndexRange> ranges) {
              e.loop(ranges[0], 1, [&](Value line) { emitLine(line, ranges[1], ranges[2]); });
            });
  }

private:
  void emitLine(Value line, IndexRange range, IndexRange columns) {
    SmallVector<Value> outer = outerSizes.empty() ? SmallVector<Value>() : e.delinearize(line, outerSizes);
    auto whole = [&] {
      cover(range, moved, [&](Value m, int64_t rows) {
        cover(columns, inner, [&](Value i, int64_t count) {
          for (int64_t down = 0; down < rows; down += lanes)
            for (int64_t right = 0; right < count; right += lanes)
              emitSquare(outer, e.add(m, down), e.add(i, right), lanes);
        });
      });
    };
    auto single = [&] {
      e.loop(range, 1, [&](Value m) { e.loop(columns, 1, [&](Value i) { emitSquare(outer, m, i, 1); }); });
    };
    // Only the run knows whether there is room for a square.
    auto ifFits = [&](Value size, function_ref<void()> then) {
      if (constantIndex(size))
        return then();
      e.ifLess(size, e.index(2 * lanes), single, then);
    };
    ifFits(moved, [&] { ifFits(inner, whole); });
  }

  /// Covers `range`, a part of [0, `total`), with calls of `body` for `count`
  /// elements, one square or two. The last may cover some a second time.
  void cover(IndexRange range, Value total, function_ref<void(Value, int64_t)> body) {
    int64_t two = 2 * lanes;
    std::optional<int64_t> size = constantIndex(total);
    if (!size) {
      Value last = e.sub(total, e.index(two));
      return e.loop(range, two, [&](Value at) { body(e.min(at, last), two); });
    }
    int64_t full = *size - *size % two, rest = *size - full;
    if (full > 0)
      e.loop({range.begin, e.min(range.end, e.index(full))}, two, [&](Value at) { body(at, two); });
    if (rest == 0)
      return;
    e.ifLess(e.index(full), range.end, [&] {
      if (rest > lanes && full == 0)
        body(e.index(0), lanes);
      int64_t count = rest > lanes && full > 0 ? two : lanes;
      body(e.index(*size - count), count);
    });
  }

  /// `width` elements from `m` on in the input's innermost dim, by as many from
  /// `i` on in the output's.
  void emitSquare(ArrayRef<Value> outer, Value m, Value i, int64_t width) {
    auto leading = [&](Value row) {
      SmallVector<Value> indices(outer);
      indices.insert(indices.begin() + movedDim, e.add(m, row));
      return indices;
    };
    SmallVector<Value> rows;
    for (int64_t row = 0; row < width; ++row) {
      SmallVector<Value> to = leading(e.index(0)), from(rank);
      to.push_back(e.add(i, row));
      for (auto [index, dim] : llvm::zip_equal(to, permutation))
        from[dim] = index;
      rows.push_back(loadVector(e, input, from, width, nullptr));
    }
    SmallVector<Value> columns;
    for (Value column : transposeSquare(e, rows, llvm::divideCeil(element.getIntOrFloatBitWidth(), 8)))
      columns.push_back(asMoved(column));
    OutputTile output{op, op.getInit(), extras, width, {width}, leading, leading, {}, {i}, {Value()}};
    storeOutput(e, output, columns);
  }

  /// What was loaded as it is stored, as the epilogue wants it.
  Value asMoved(Value vector) {
    Type wanted = op.getAccumulatorType();
    if (wanted == element)
      return vector;
    auto type = cast<VectorType>(vector.getType());
    if (wanted.isInteger(1))
      return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne, vector,
                                   e.zeros(element, type.getNumElements()));
    return vector::BitCastOp::create(e.b, e.loc, type.clone(wanted), vector);
  }

  Emitter &e;
  TransposeOp op;
  SmallVector<Extra> extras;
  ArrayRef<int64_t> permutation;
  int64_t rank, lanes;
  Value input;
  Type element;                  ///< As it is stored.
  int64_t movedDim;              ///< Of the output: what is innermost in the input.
  Value moved, inner;            ///< The sizes of that dim and of the output's innermost.
  SmallVector<Value> outerSizes; ///< Of the output's other dims.
};
} // namespace

void lathe::lowerTranspose(Emitter &e, TransposeOp op) { TransposeLowering(e, op).emit(); }
