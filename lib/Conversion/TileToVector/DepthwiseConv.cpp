// lib/Conversion/TileToVector/DepthwiseConv.cpp: vectors over channels, where
// neighbouring outputs share the inputs that they both need.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "DotEmitter.h"
#include "Epilogue.h"
#include "Lowerings.h"

using namespace mlir;
using namespace lathe;
using lathe::tile::DepthwiseConvOp;

namespace {
class DepthwiseLowering {
public:
  DepthwiseLowering(Emitter &e, DepthwiseConvOp op)
      : e(e), op(op), extras(extrasOf(op)), lanes(op.getTiling().getLanes()), channels(op.getInitType().getDimSize(3)),
        height(e.dim(op.getInit(), 1)), lineWidth(e.dim(op.getInit(), 2)),
        dot(DotEmitter::create(op.getTiling().getDotUnit(), op.getAccumulatorType())) {
    auto filter = cast<ShapedType>(op.getFilter().getType());
    kernelHeight = filter.getDimSize(0);
    kernelWidth = filter.getDimSize(1);
  }

  void emit() {
    Value lines = e.mul(e.dim(op.getInit(), 0), height);
    e.tasks({{lines, op.getTiling().getTaskRows()}},
            [&](ArrayRef<IndexRange> ranges) { emitChannels(ranges.front()); });
  }

private:
  /// Channels are outermost: the window of one block of them stays in L1 from
  /// line to line.
  void emitChannels(IndexRange lines) {
    int64_t width = op.getTiling().getVectors() * lanes;
    int64_t full = channels - channels % width;
    e.loop({e.index(0), e.index(full)}, width,
           [&](Value channel) { emitLines(lines, channel, op.getTiling().getVectors()); });
    if (full != channels)
      emitLines(lines, e.index(full), (channels - full + lanes - 1) / lanes);
  }

  void emitLines(IndexRange lines, Value channel, int64_t vectors) {
    // Only the block at the end can reach past the last channel.
    Columns columns{SmallVector<int64_t>(vectors, lanes), SmallVector<Value>(vectors)};
    if (std::optional<int64_t> first = constantIndex(channel); first && *first + vectors * lanes > channels)
      columns = chooseColumns(e, channel, e.index(channels), vectors, lanes);
    e.loop(lines, 1, [&](Value line) {
      Value image = e.floorDiv(line, height), y = e.rem(line, height);
      e.rowTiles({e.index(0), lineWidth}, lineWidth, op.getTiling().getRows(), DynamicTail::MoveBack,
                 [&](Value x, int64_t count) { emitTile(image, y, x, count, channel, columns); });
    });
  }

  void emitTile(Value image, Value y, Value x, int64_t count, Value channel, const Columns &columns) {
    OutputTile output{op, op.getInit(), extras, count, columns.lanes, {}, {}, {}, {}, columns.masks};
    output.leading = [&](Value row) { return SmallVector<Value>{image, y, e.add(x, row)}; };
    for (unsigned vector = 0; vector < columns.lanes.size(); ++vector)
      output.columns.push_back(e.add(channel, vector * lanes));
    output.original = output.leading;
    SmallVector<Value> sums = columns.zeros(e, op.getAccumulatorType(), count);
    // Rows of a large filter are a loop: written out, they are mostly code.
    bool inLine = kernelHeight * kernelWidth <= 32;
    auto addRow = [&](Value i, ValueRange carried) { return accumulateRow(image, y, x, count, output, i, carried); };
    if (!inLine) {
      sums = e.loop({e.index(0), e.index(kernelHeight)}, 1, sums, addRow);
    } else {
      for (int64_t i = 0; i < kernelHeight; ++i)
        sums = addRow(e.index(i), sums);
    }
    storeOutput(e, output, sums);
  }

  /// Adds the taps of filter row `i` to the sums of `count` outputs.
  SmallVector<Value> accumulateRow(Value image, Value y, Value x, int64_t count, const OutputTile &output, Value i,
                                   ValueRange carried) {
    int64_t stride = op.getStrides()[1], dilation = op.getDilations()[1];
    int64_t vectors = output.columns.size();
    Value inputY = e.add(e.mul(y, op.getStrides()[0]), e.mul(i, op.getDilations()[0]));
    Value first = e.mul(x, stride);
    SmallVector<Value> sums(carried);
    for (int64_t vector = 0; vector < vectors; ++vector) {
      int64_t width = output.lanes[vector];
      SmallVector<SmallVector<Value>> taps;
      for (int64_t j = 0; j < kernelWidth; ++j)
        taps.push_back(
            dot->spreadB(e, loadVector(e, asStored(e, op.getFilter()), {i, e.index(j), output.columns[vector]}, width,
                                       output.masks[vector])));
      int64_t span = (count - 1) * stride + (kernelWidth - 1) * dilation + 1;
      for (int64_t offset = 0; offset < span; ++offset) {
        SmallVector<Value> input;
        for (int64_t row = 0; row < count; ++row) {
          int64_t apart = offset - row * stride;
          if (apart < 0 || apart % dilation != 0 || apart / dilation >= kernelWidth)
            continue;
          if (input.empty())
            input = dot->widenA(e, loadVector(e, asStored(e, op.getInput()),
                                              {image, inputY, e.add(first, offset), output.columns[vector]}, width,
                                              output.masks[vector]));
          Value &sum = sums[row * vectors + vector];
          sum = dot->multiply(e, sum, input, taps[apart / dilation]);
        }
      }
    }
    return sums;
  }

  Emitter &e;
  DepthwiseConvOp op;
  SmallVector<Extra> extras;
  int64_t lanes, channels;
  Value height, lineWidth;
  int64_t kernelHeight, kernelWidth;
  std::unique_ptr<DotEmitter> dot;
};
} // namespace

void lathe::lowerDepthwiseConv(Emitter &e, DepthwiseConvOp op) { DepthwiseLowering(e, op).emit(); }
