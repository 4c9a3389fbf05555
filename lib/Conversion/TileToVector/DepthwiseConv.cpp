// lib/Conversion/TileToVector/DepthwiseConv.cpp: vectors over channels, where
// neighbouring outputs share the inputs that they both need.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "DotEmitter.h"
#include "Epilogue.h"
#include "Lowerings.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe;
using lathe::tile::DepthwiseConvOp;

namespace {
class DepthwiseLowering {
public:
  DepthwiseLowering(Emitter &e, DepthwiseConvOp op)
      : e(e), op(op), extras(extrasOf(op)), lanes(op.getTiling().getLanes()), spatial(op.getInitType().getRank() - 2),
        channels(op.getInitType().getDimSize(spatial + 1)), lineWidth(e.dim(op.getInit(), spatial)),
        dot(DotEmitter::create(op.getTiling().getDotUnit(), op.getAccumulatorType())) {
    auto filter = cast<ShapedType>(op.getFilter().getType());
    outerTaps = filter.getShape().take_front(spatial - 1);
    kernelWidth = filter.getDimSize(spatial - 1);
    for (int64_t dim = 0; dim < spatial; ++dim)
      outerSizes.push_back(e.dim(op.getInit(), dim));
  }

  void emit() {
    tile::TilingAttr tiling = op.getTiling();
    Value lines = e.index(1);
    for (Value size : outerSizes)
      lines = e.mul(lines, size);
    if (spatial > 1)
      return e.tasks({{lines, tiling.getTaskRows()}},
                     [&](ArrayRef<IndexRange> ranges) { emitChannels(ranges.front(), {e.index(0), lineWidth}); });
    // Lines are few, so each is several tasks.
    e.tasks({{lines, 1}, {lineWidth, wholeTiles(tiling.getTaskRows(), tiling.getRows())}},
            [&](ArrayRef<IndexRange> ranges) { emitChannels(ranges[0], ranges[1]); });
  }

private:
  /// Channels are outermost: the window of one block of them stays in L1 from
  /// line to line.
  void emitChannels(IndexRange lines, IndexRange columns) {
    int64_t width = op.getTiling().getVectors() * lanes;
    int64_t full = channels - channels % width;
    e.loop({e.index(0), e.index(full)}, width,
           [&](Value channel) { emitLines(lines, columns, channel, op.getTiling().getVectors()); });
    if (full != channels)
      emitLines(lines, columns, e.index(full), (channels - full + lanes - 1) / lanes);
  }

  void emitLines(IndexRange lines, IndexRange lineRange, Value channel, int64_t vectors) {
    // Only the block at the end can reach past the last channel.
    Columns columns{SmallVector<int64_t>(vectors, lanes), SmallVector<Value>(vectors)};
    if (std::optional<int64_t> first = constantIndex(channel); first && *first + vectors * lanes > channels)
      columns = chooseColumns(e, channel, e.index(channels), vectors, lanes);
    e.loop(lines, 1, [&](Value line) {
      SmallVector<Value> at = e.delinearize(line, outerSizes);
      e.rowTiles(lineRange, lineWidth, op.getTiling().getRows(), DynamicTail::MoveBack,
                 [&](Value x, int64_t count) { emitTile(at, x, count, channel, columns); });
    });
  }

  /// `at` has the image and the outer spatial indices.
  void emitTile(ArrayRef<Value> at, Value x, int64_t count, Value channel, const Columns &columns) {
    OutputTile output{op, op.getInit(), extras, count, columns.lanes, {}, {}, {}, {}, columns.masks};
    output.leading = [&](Value row) {
      SmallVector<Value> indices(at);
      indices.push_back(e.add(x, row));
      return indices;
    };
    for (unsigned vector = 0; vector < columns.lanes.size(); ++vector)
      output.columns.push_back(e.add(channel, vector * lanes));
    output.original = output.leading;
    SmallVector<Value> sums = columns.zeros(e, op.getAccumulatorType(), count);
    int64_t filterRows = 1;
    SmallVector<Value> rowSizes;
    for (int64_t taps : outerTaps) {
      filterRows *= taps;
      rowSizes.push_back(e.index(taps));
    }
    auto addRow = [&](Value row, ValueRange carried) {
      SmallVector<Value> outer = rowSizes.empty() ? SmallVector<Value>() : e.delinearize(row, rowSizes);
      return accumulateRow(at, x, count, output, outer, carried);
    };
    // Rows of a large filter are a loop: written out, they are mostly code.
    if (filterRows * kernelWidth > maxInlineTaps) {
      sums = e.loop({e.index(0), e.index(filterRows)}, 1, sums, addRow);
    } else {
      for (int64_t i = 0; i < filterRows; ++i)
        sums = addRow(e.index(i), sums);
    }
    storeOutput(e, output, sums);
  }

  /// The indices of the first element of the window of output `x`, at row `outer`
  /// of the filter, without the channel.
  SmallVector<Value> placeInput(ArrayRef<Value> at, Value x, ArrayRef<Value> outer) {
    SmallVector<Value> indices{at.front()};
    for (auto [dim, i] : llvm::enumerate(outer))
      indices.push_back(e.add(e.mul(at[dim + 1], op.getStrides()[dim]), e.mul(i, op.getDilations()[dim])));
    indices.push_back(e.mul(x, op.getStrides().back()));
    return indices;
  }

  /// The factors for input `input` of each group.
  Value loadTap(ArrayRef<Value> outer, Value tap, int64_t input, const OutputTile &output, int64_t vector) {
    SmallVector<Value> indices(outer);
    indices.push_back(tap);
    if (op.getGroupInputs() > 1)
      indices.push_back(e.index(input));
    indices.push_back(output.columns[vector]);
    return dot
        ->spreadB(e, loadVector(e, asStored(e, op.getFilter()), indices, output.lanes[vector], output.masks[vector]))
        .front();
  }

  Value loadInput(SmallVector<Value> indices, Value offset, const OutputTile &output, int64_t vector) {
    int64_t inputs = op.getGroupInputs(), outputs = op.getGroupOutputs();
    indices.back() = e.add(indices.back(), offset);
    indices.push_back(e.mul(e.floorDiv(output.columns[vector], outputs), inputs));
    int64_t count = output.lanes[vector] / outputs * inputs;
    return dot->widenA(e, loadVector(e, asStored(e, op.getInput()), indices, count, output.masks[vector])).front();
  }

  /// Of what `loadInput` gives, channel `channel` of each group, for all of its outputs.
  Value spread(Value input, int64_t channel) {
    int64_t inputs = op.getGroupInputs(), outputs = op.getGroupOutputs();
    if (inputs == 1 && outputs == 1)
      return input;
    SmallVector<int64_t> mask;
    for (int64_t lane = 0; lane < lanes; ++lane)
      mask.push_back(lane / outputs * inputs + channel);
    return vector::ShuffleOp::create(e.b, e.loc, input, input, mask);
  }

  /// Adds the taps of filter row `outer` to the sums of `count` outputs.
  SmallVector<Value> accumulateRow(ArrayRef<Value> at, Value x, int64_t count, const OutputTile &output,
                                   ArrayRef<Value> outer, ValueRange carried) {
    int64_t stride = op.getStrides().back(), dilation = op.getDilations().back();
    int64_t vectors = output.columns.size();
    SmallVector<Value> first = placeInput(at, x, outer), sums(carried);
    int64_t inputs = op.getGroupInputs();
    if (kernelWidth > maxInlineTaps)
      return e.loop({e.index(0), e.index(kernelWidth)}, 1, sums, [&](Value tap, ValueRange inits) {
        SmallVector<Value> result(inits);
        for (int64_t vector = 0; vector < vectors; ++vector) {
          SmallVector<Value> factors;
          for (int64_t channel = 0; channel < inputs; ++channel)
            factors.push_back(loadTap(outer, tap, channel, output, vector));
          for (int64_t row = 0; row < count; ++row) {
            Value &sum = result[row * vectors + vector];
            Value input = loadInput(first, e.add(e.mul(tap, dilation), row * stride), output, vector);
            for (auto [channel, factor] : llvm::enumerate(factors))
              sum = dot->multiply(e, sum, spread(input, channel), factor);
          }
        }
        return result;
      });
    for (int64_t vector = 0; vector < vectors; ++vector) {
      SmallVector<SmallVector<Value>> taps(kernelWidth);
      for (int64_t j = 0; j < kernelWidth; ++j)
        for (int64_t channel = 0; channel < inputs; ++channel)
          taps[j].push_back(loadTap(outer, e.index(j), channel, output, vector));
      int64_t span = (count - 1) * stride + (kernelWidth - 1) * dilation + 1;
      for (int64_t offset = 0; offset < span; ++offset) {
        SmallVector<Value> input;
        for (int64_t row = 0; row < count; ++row) {
          int64_t apart = offset - row * stride;
          if (apart < 0 || apart % dilation != 0 || apart / dilation >= kernelWidth)
            continue;
          if (input.empty()) {
            Value whole = loadInput(first, e.index(offset), output, vector);
            for (int64_t channel = 0; channel < inputs; ++channel)
              input.push_back(spread(whole, channel));
          }
          Value &sum = sums[row * vectors + vector];
          for (auto [value, factor] : llvm::zip_equal(input, taps[apart / dilation]))
            sum = dot->multiply(e, sum, value, factor);
        }
      }
    }
    return sums;
  }

  /// Taps that are written out; more are loops.
  static constexpr int64_t maxInlineTaps = 32;

  Emitter &e;
  DepthwiseConvOp op;
  SmallVector<Extra> extras;
  int64_t lanes;
  int64_t spatial; ///< How many spatial dims there are.
  int64_t channels;
  Value lineWidth;
  ArrayRef<int64_t> outerTaps; ///< The filter's sizes but the innermost.
  int64_t kernelWidth;
  SmallVector<Value> outerSizes; ///< Of the output: batch and outer spatial dims.
  std::unique_ptr<DotEmitter> dot;
};
} // namespace

void lathe::lowerDepthwiseConv(Emitter &e, DepthwiseConvOp op) { DepthwiseLowering(e, op).emit(); }
