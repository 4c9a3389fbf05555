// lib/Conversion/TileToVector/WinogradConv.cpp: squares of the image are
// transformed, multiplied at each point, and transformed back, a block at a
// time, so that what lies between stays in a cache.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Epilogue.h"
#include "Lowerings.h"
#include "MicroKernel.h"

#include "lathe/Support/Winograd.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe;
using lathe::tile::WinogradConvOp;

namespace {

/// The transforms of vectors, one lane a channel.
class Transforms {
public:
  Transforms(Emitter &e, const Winograd &winograd) : e(e), winograd(winograd) {}

  /// `size` inputs, at all points.
  SmallVector<Value> ofInputs(ArrayRef<Value> inputs) {
    SmallVector<double> all = winograd.vanishing();
    SmallVector<Value> result = {combine(inputs, 0, all)};
    for (auto [i, point] : llvm::enumerate(winograd.points)) {
      // Even and odd powers, which the points +p and -p share.
      SmallVector<double> others = winograd.vanishing(i);
      Value even = combine(inputs, 2, others), odd = combine(inputs, 1, others);
      result.append({multiplyAdd(point, odd, even), multiplyAdd(-point, odd, even)});
    }
    result.push_back(combine(inputs, 1, all));
    return result;
  }

  /// Products at all points, as `outputs` sums.
  SmallVector<Value> ofProducts(ArrayRef<Value> products) {
    SmallVector<Value> even, odd;
    for (size_t pair = 0; pair < winograd.points.size(); ++pair) {
      Value plus = products[1 + 2 * pair], minus = products[2 + 2 * pair];
      even.push_back(arith::AddFOp::create(e.b, e.loc, plus, minus));
      odd.push_back(arith::SubFOp::create(e.b, e.loc, plus, minus));
    }
    SmallVector<Value> result;
    for (int64_t i = 0; i < winograd.outputs; ++i) {
      Value sum = i == 0 ? products.front() : i == winograd.outputs - 1 ? products.back() : Value();
      for (auto [pair, point] : llvm::enumerate(winograd.points)) {
        double power = 1.0;
        for (int64_t k = 0; k < i; ++k)
          power *= point;
        sum = multiplyAdd(power, (i % 2 == 0 ? even : odd)[pair], sum);
      }
      result.push_back(sum);
    }
    return result;
  }

private:
  /// `factor * value + sum`, where `sum` may be null.
  Value multiplyAdd(double factor, Value value, Value sum) {
    if (sum && factor == 1.0)
      return arith::AddFOp::create(e.b, e.loc, sum, value);
    if (sum && factor == -1.0)
      return arith::SubFOp::create(e.b, e.loc, sum, value);
    if (factor == 1.0)
      return value;
    auto type = cast<VectorType>(value.getType());
    auto splat = SplatElementsAttr::get(type, e.b.getF32FloatAttr(static_cast<float>(factor)));
    Value constant = arith::ConstantOp::create(e.b, e.loc, splat);
    if (!sum)
      return arith::MulFOp::create(e.b, e.loc, constant, value);
    return vector::FMAOp::create(e.b, e.loc, constant, value, sum);
  }

  /// The sum of `coefficients` times every second input from `first` on; the
  /// largest power, whose coefficient is 1, first.
  Value combine(ArrayRef<Value> inputs, int64_t first, ArrayRef<double> coefficients) {
    Value sum;
    for (size_t i = coefficients.size(); i-- > 0;)
      sum = multiplyAdd(coefficients[i], inputs[first + 2 * i], sum);
    return sum;
  }

  Emitter &e;
  const Winograd &winograd;
};

class WinogradLowering {
public:
  WinogradLowering(Emitter &e, WinogradConvOp op)
      : e(e), op(op), extras(extrasOf(op)), tiling(op.getTiling()), lanes(tiling.getLanes()),
        vectors(tiling.getVectors()), width(lanes * vectors), outputs(op.getOutputs()), squares(tiling.getTaskRows()),
        channels(cast<ShapedType>(op.getInput().getType()).getDimSize(3)), winograd(*Winograd::find(outputs)),
        size(winograd.size()), transforms(e, winograd),
        vectorType(VectorType::get(lanes, cast<MemRefType>(op.getInput().getType()).getElementType())),
        dot(DotEmitter::create(nullptr, vectorType.getElementType())) {
    for (int64_t dim = 0; dim < 2; ++dim) {
      outputSizes[dim] = e.dim(op.getInit(), dim + 1);
      inputSizes[dim] = e.dim(op.getInput(), dim + 1);
    }
  }

  void emit() {
    filter = collapse(e, op.getFilter(), groupDims(5, 1, 3));
    transformed = view(0, channels);
    products = view(size * size * WinogradConvOp::matrixElements(squares, channels), op.getHeld() * width);
    grid = {e.dim(op.getInit(), 0), e.ceilDiv(outputSizes[0], outputs), e.ceilDiv(outputSizes[1], outputs)};
    Value count = e.mul(e.mul(grid[0], grid[1]), grid[2]);
    e.tasks({{count, squares}, {e.dim(op.getFilter(), 0), tiling.getTaskPanels()}},
            [&](ArrayRef<IndexRange> ranges) { emitTask(ranges[0], ranges[1]); });
  }

private:
  /// Where a square begins in the output.
  struct Square {
    Value image, y, x;
    Value place; ///< Among the squares of the task.
  };

  /// `[point][square][column]` in the scratch memory, from element `offset` on.
  Value view(int64_t offset, int64_t columns) {
    int64_t stride = WinogradConvOp::matrixElements(squares, columns);
    SmallVector<int64_t> shape = {size * size, squares, columns}, strides = {stride, columns, 1};
    auto layout = StridedLayoutAttr::get(e.b.getContext(), offset, strides);
    auto type = MemRefType::get(shape, vectorType.getElementType(), layout);
    return memref::ReinterpretCastOp::create(e.b, e.loc, type, op.getScratch(), offset, shape, strides);
  }

  void emitTask(IndexRange range, IndexRange panels) {
    forSquares(range, [&](const Square &square) { transformInputs(square); });
    Value count = e.sub(range.end, range.begin);
    e.loop(panels, op.getHeld(), [&](Value first) {
      IndexRange held{first, e.min(e.add(first, op.getHeld()), panels.end)};
      e.loop({e.index(0), e.index(size * size)}, 1, [&](Value point) {
        e.loop(held, 1, [&](Value panel) { multiply(point, panel, e.sub(panel, first), count); });
      });
      Value begin = e.mul(first, width), end = e.min(e.mul(held.end, width), e.dim(op.getInit(), 3));
      forSquares(range, [&](const Square &square) {
        e.loop({begin, end}, lanes, [&](Value column) { transformProducts(square, column, e.sub(column, begin)); });
      });
    });
  }

  void forSquares(IndexRange range, function_ref<void(const Square &)> body) {
    e.loop(range, 1, [&](Value index) {
      SmallVector<Value> at = e.delinearize(index, grid);
      body({at[0], e.mul(at[1], outputs), e.mul(at[2], outputs), e.sub(index, range.begin)});
    });
  }

  /// The least of the numbers that are not sure to be 0 or more; null if all are.
  Value leastOf(ArrayRef<Value> numbers) {
    Value least;
    for (Value number : numbers)
      if (std::optional<int64_t> known = constantIndex(number); !known || *known < 0)
        least = least ? e.min(least, number) : number;
    return least;
  }

  /// How many elements there are behind a square that begins at `at` in dim `dim` and is `side`
  /// long, if the dim has `total`: negative if it reaches beyond. 0 if no square does.
  Value room(int64_t dim, Value at, int64_t side, Value total) {
    std::optional<int64_t> known = constantIndex(total), last = constantIndex(outputSizes[dim]);
    if (known && last && (*last - 1) / outputs * outputs + side <= *known)
      return e.index(0);
    return e.sub(e.sub(total, e.index(side)), at);
  }

  //===--- Inputs ---------------------------------------------------------===//

  void transformInputs(const Square &square) {
    ArrayRef<int64_t> offsets = op.getOffsets();
    Value top = e.index(offsets[0]), left = e.index(offsets[1]);
    auto before = [&](Value at, Value offset, int64_t known) { return known ? e.sub(at, offset) : e.index(0); };
    Value least = leastOf({before(square.y, top, offsets[0]), before(square.x, left, offsets[1]),
                           room(0, square.y, size, e.add(inputSizes[0], top)),
                           room(1, square.x, size, e.add(inputSizes[1], left))});
    auto whole = [&] {
      forChannels([&](Value channel) {
        transformSquare(square, channel, [&](int64_t i, int64_t j) {
          Value y = e.sub(e.add(square.y, i), top), x = e.sub(e.add(square.x, j), left);
          return load(op.getInput(), {square.image, y, x, channel});
        });
      });
    };
    if (!least)
      return whole();
    e.ifLess(e.index(-1), least, whole, [&] { transformBorder(square); });
  }

  /// A square that is not all inside of the input goes through a copy with zeros.
  void transformBorder(const Square &square) {
    Value patch = e.stack(MemRefType::get({size, size, lanes}, vectorType.getElementType()));
    auto inside = [&](Value at, int64_t dim) {
      Value offset = e.index(op.getOffsets()[dim]);
      return IndexRange{e.sub(offset, e.min(at, offset)),
                        e.min(e.index(size), e.sub(e.add(inputSizes[dim], offset), at))};
    };
    IndexRange rows = inside(square.y, 0), columns = inside(square.x, 1);
    forChannels([&](Value channel) {
      Value zero = e.zeros(vectorType.getElementType(), lanes);
      for (int64_t i = 0; i < size; ++i)
        for (int64_t j = 0; j < size; ++j)
          vector::StoreOp::create(e.b, e.loc, zero, patch, ValueRange{e.index(i), e.index(j), e.index(0)});
      e.loop(rows, 1, [&](Value i) {
        e.loop(columns, 1, [&](Value j) {
          Value y = e.sub(e.add(square.y, i), e.index(op.getOffsets()[0]));
          Value x = e.sub(e.add(square.x, j), e.index(op.getOffsets()[1]));
          Value vector = load(op.getInput(), {square.image, y, x, channel});
          vector::StoreOp::create(e.b, e.loc, vector, patch, ValueRange{i, j, e.index(0)});
        });
      });
      transformSquare(square, channel,
                      [&](int64_t i, int64_t j) { return load(patch, {e.index(i), e.index(j), e.index(0)}); });
    });
  }

  /// Calls `body` for each vector of channels; the last moves back to be whole.
  void forChannels(function_ref<void(Value)> body) {
    e.loop({e.index(0), e.index(channels)}, lanes,
           [&](Value channel) { body(channels % lanes == 0 ? channel : e.min(channel, e.index(channels - lanes))); });
  }

  void transformSquare(const Square &square, Value channel, function_ref<Value(int64_t, int64_t)> input) {
    SmallVector<SmallVector<Value>> columns;
    for (int64_t j = 0; j < size; ++j) {
      SmallVector<Value> column;
      for (int64_t i = 0; i < size; ++i)
        column.push_back(input(i, j));
      columns.push_back(transforms.ofInputs(column));
    }
    for (int64_t i = 0; i < size; ++i) {
      SmallVector<Value> row;
      for (int64_t j = 0; j < size; ++j)
        row.push_back(columns[j][i]);
      for (auto [j, value] : llvm::enumerate(transforms.ofInputs(row)))
        vector::StoreOp::create(e.b, e.loc, value, transformed,
                                ValueRange{e.index(i * size + static_cast<int64_t>(j)), square.place, channel});
    }
  }

  //===--- Products -------------------------------------------------------===//

  /// One panel of one of the matrices, for all squares. Rows behind the last square are computed
  /// from what is there, and nobody reads them.
  void multiply(Value point, Value panel, Value place, Value count) {
    e.rowTiles({e.index(0), count}, e.index(squares), tiling.getRows(), DynamicTail::MoveBack,
               [&](Value row, int64_t rows) {
                 MicroKernel kernel;
                 kernel.dot = dot.get();
                 kernel.rows = rows;
                 kernel.vectors = vectors;
                 kernel.unroll = tiling.getUnroll();
                 kernel.inner = {e.index(0), e.index(channels)};
                 kernel.lhs = [&](ValueRange, Value k, int64_t i) {
                   return ElementPlace{transformed, {point, e.add(row, i), k}};
                 };
                 kernel.rhs = [&](ValueRange, Value group, Value, int64_t, int64_t vector) {
                   return dot->loadB(e, {filter, {panel, point, group, e.index(vector * lanes)}}, lanes, nullptr);
                 };
                 SmallVector<Value> zeros(rows * vectors, e.zeros(vectorType.getElementType(), lanes));
                 SmallVector<Value> sums = kernel.emit(e, zeros);
                 Value column = e.mul(place, width);
                 for (int64_t i = 0; i < rows; ++i)
                   for (int64_t vector = 0; vector < vectors; ++vector)
                     vector::StoreOp::create(e.b, e.loc, sums[i * vectors + vector], products,
                                             ValueRange{point, e.add(row, i), e.add(column, vector * lanes)});
               });
  }

  //===--- Outputs --------------------------------------------------------===//

  /// `column` is one of the output, `place` where its products are.
  void transformProducts(const Square &square, Value column, Value place) {
    SmallVector<SmallVector<Value>> columns;
    for (int64_t j = 0; j < size; ++j) {
      SmallVector<Value> sums;
      for (int64_t i = 0; i < size; ++i)
        sums.push_back(load(products, {e.index(i * size + j), square.place, place}));
      columns.push_back(transforms.ofProducts(sums));
    }
    SmallVector<SmallVector<Value>> rows;
    for (int64_t i = 0; i < outputs; ++i) {
      SmallVector<Value> row;
      for (int64_t j = 0; j < size; ++j)
        row.push_back(columns[j][i]);
      rows.push_back(transforms.ofProducts(row));
    }
    Value mask;
    if (int64_t results = op.getInitType().getDimSize(3); results % lanes != 0)
      mask = vector::CreateMaskOp::create(e.b, e.loc, VectorType::get(lanes, e.b.getI1Type()),
                                          ValueRange{e.sub(e.index(results), column)});
    auto store = [&](Value y, Value x, ArrayRef<Value> sums) {
      OutputTile output{op, op.getInit(), extras, static_cast<int64_t>(sums.size()), {lanes}, {}, {},
                        {}, {column},     {mask}};
      output.leading = [=, this](Value row) { return SmallVector<Value>{square.image, y, e.add(x, row)}; };
      output.original = output.leading;
      storeOutput(e, output, sums);
    };
    auto storeAll = [&] {
      for (int64_t i = 0; i < outputs; ++i)
        store(e.add(square.y, i), square.x, rows[i]);
    };
    Value least = leastOf({room(0, square.y, outputs, outputSizes[0]), room(1, square.x, outputs, outputSizes[1])});
    if (!least)
      return storeAll();
    e.ifLess(e.index(-1), least, storeAll, [&] {
      Value patch = e.stack(MemRefType::get({outputs, outputs, lanes}, vectorType.getElementType()));
      for (int64_t i = 0; i < outputs; ++i)
        for (int64_t j = 0; j < outputs; ++j)
          vector::StoreOp::create(e.b, e.loc, rows[i][j], patch, ValueRange{e.index(i), e.index(j), e.index(0)});
      auto inside = [&](Value at, int64_t dim) {
        return IndexRange{e.index(0), e.min(e.index(outputs), e.sub(outputSizes[dim], at))};
      };
      e.loop(inside(square.y, 0), 1, [&](Value i) {
        e.loop(inside(square.x, 1), 1,
               [&](Value j) { store(e.add(square.y, i), e.add(square.x, j), load(patch, {i, j, e.index(0)})); });
      });
    });
  }

  Value load(Value memref, ArrayRef<Value> indices) {
    return vector::LoadOp::create(e.b, e.loc, vectorType, memref, indices);
  }

  Emitter &e;
  WinogradConvOp op;
  SmallVector<Extra> extras;
  tile::TilingAttr tiling;
  int64_t lanes, vectors, width;
  int64_t outputs, squares, channels;
  const Winograd &winograd;
  int64_t size; ///< Of a square of the input.
  Transforms transforms;
  VectorType vectorType;
  std::unique_ptr<DotEmitter> dot;
  Value outputSizes[2], inputSizes[2];
  Value filter;                ///< As [panel][point][channel][column].
  Value transformed, products; ///< In the scratch memory.
  SmallVector<Value> grid;     ///< Images and squares in each dim.
};
} // namespace

void lathe::lowerWinogradConv(Emitter &e, WinogradConvOp op) { WinogradLowering(e, op).emit(); }
