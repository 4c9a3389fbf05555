// lib/Conversion/TileToVector/Conv.cpp: a convolution as a matrix product whose
// left rows overlap in memory, so that nothing is gathered first.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Epilogue.h"
#include "Lowerings.h"
#include "MicroKernel.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace lathe;
using lathe::tile::ConvOp;

namespace {
class ConvLowering {
public:
  ConvLowering(Emitter &e, ConvOp op)
      : e(e), op(op), extras(extrasOf(op)), lanes(op.getTiling().getLanes()), vectors(op.getTiling().getVectors()),
        width(lanes * vectors), height(e.dim(op.getInit(), 1)), lineWidth(e.dim(op.getInit(), 2)),
        channels(cast<ShapedType>(op.getInput().getType()).getDimSize(3)) {
    auto filter = cast<ShapedType>(op.getFilter().getType());
    kernelHeight = filter.getDimSize(1);
    kernelWidth = filter.getDimSize(2);
  }

  void emit() {
    tile::TilingAttr tiling = op.getTiling();
    if (tiling.getPrefetch() > 0)
      panels = collapse(e, op.getFilter(), groupDims(5, 1, 5));
    // The taps of a filter row and their channels are one contiguous run of the
    // input, unless taps are apart or the layout has gaps.
    if (op.getDilations()[1] == 1 || kernelWidth == 1) {
      flatInput = collapse(e, op.getInput(), groupDims(4, 2, 4));
      flatFilter = collapse(e, op.getFilter(), groupDims(5, 2, 4));
      if (!flatFilter)
        flatInput = nullptr;
    }
    Value lines = e.mul(e.dim(op.getInit(), 0), height);
    Value panelCount = e.dim(op.getFilter(), 0);
    e.tasks({{panelCount, tiling.getTaskPanels()}, {lines, tiling.getTaskRows()}},
            [&](ArrayRef<IndexRange> ranges) { emitPanels(ranges[0], ranges[1]); });
  }

private:
  void emitPanels(IndexRange panelRange, IndexRange lines) {
    Value size = e.dim(op.getInit(), 3);
    e.loop(panelRange, 1, [&](Value panel) {
      Columns columns = chooseColumns(e, e.mul(panel, width), size, vectors, lanes);
      e.loop(lines, 1, [&](Value line) {
        Position at{panel, line, e.floorDiv(line, height), e.rem(line, height)};
        e.rowTiles({e.index(0), lineWidth}, lineWidth, op.getTiling().getRows(), DynamicTail::MoveBack,
                   [&](Value x, int64_t count) { emitTile(at, columns, x, count); });
      });
    });
  }

  /// What is fixed while one line of the output passes one panel.
  struct Position {
    Value panel, line, image, y;
  };

  /// Element (`i`, `j`, `c`) of the window of output (y, x), with `j` and `c`
  /// as one index if the input is flat.
  Value loadInput(const Position &at, Value x, ValueRange outer, Value step) {
    Value y = e.add(e.mul(at.y, op.getStrides()[0]), e.mul(outer[0], op.getDilations()[0]));
    Value column = e.mul(x, op.getStrides()[1]);
    if (flatInput)
      return memref::LoadOp::create(e.b, e.loc, flatInput,
                                    ValueRange{at.image, y, e.add(e.mul(column, channels), step)});
    column = e.add(column, e.mul(outer[1], op.getDilations()[1]));
    return memref::LoadOp::create(e.b, e.loc, op.getInput(), ValueRange{at.image, y, column, step});
  }

  Value loadFilter(const Position &at, const Columns &columns, ValueRange outer, Value step, int64_t vector) {
    int64_t width = columns.lanes[vector];
    Value offset = e.index(vector * lanes);
    if (flatInput)
      return loadVector(e, flatFilter, {at.panel, outer[0], step, offset}, width, nullptr);
    return loadVector(e, op.getFilter(), {at.panel, outer[0], outer[1], step, offset}, width, nullptr);
  }

  void emitTile(const Position &at, const Columns &columns, Value x, int64_t count) {
    MicroKernel kernel;
    kernel.rows = count;
    kernel.vectors = vectors;
    kernel.unroll = op.getTiling().getUnroll();
    kernel.outer.push_back(e.index(kernelHeight));
    if (!flatInput)
      kernel.outer.push_back(e.index(kernelWidth));
    kernel.inner = {e.index(0), e.index(flatInput ? kernelWidth * channels : channels)};
    kernel.lhs = [&](ValueRange outer, Value step, int64_t row) { return loadInput(at, e.add(x, row), outer, step); };
    kernel.rhs = [&](ValueRange outer, Value step, int64_t vector) {
      return loadFilter(at, columns, outer, step, vector);
    };
    if (panels)
      kernel.prefetch = [&](ValueRange outer, Value step) { emitPrefetch(at, x, kernel, outer, step); };

    OutputTile output{op, op.getInit(), extras, count, columns.lanes, {}, {}, {}, {}, columns.masks};
    output.leading = [&](Value row) { return SmallVector<Value>{at.image, at.y, e.add(x, row)}; };
    output.original = output.leading;
    Value column = e.mul(at.panel, width);
    for (int64_t vector = 0; vector < vectors; ++vector)
      output.columns.push_back(e.add(column, vector * lanes));
    storeOutput(e, output, kernel.emit(e, columns.zeros(e, op.getAccumulatorType(), count)));
  }

  void emitPrefetch(const Position &at, Value x, const MicroKernel &kernel, ValueRange outer, Value step) {
    int64_t rows = op.getTiling().getRows();
    Value tilesOfLine = e.ceilDiv(lineWidth, rows);
    Value round = e.add(e.mul(at.line, tilesOfLine), e.floorDiv(x, rows));
    for (auto [iv, extent] : llvm::zip_equal(outer, kernel.outer))
      round = e.add(e.mul(round, extent), iv);
    Value perRun = e.floorDiv(kernel.inner.end, kernel.unroll);
    round = e.add(e.mul(round, perRun), e.floorDiv(step, kernel.unroll));
    PanelPrefetch{panels, at.panel, op.getTiling().getPrefetch()}.emit(e, round);
  }

  Emitter &e;
  ConvOp op;
  SmallVector<Extra> extras;
  int64_t lanes, vectors, width;
  Value height, lineWidth;
  int64_t channels, kernelHeight, kernelWidth;
  Value panels;                ///< The filter as [panel][element].
  Value flatInput, flatFilter; ///< With taps and channels in one dim, or null.
};
} // namespace

void lathe::lowerConv(Emitter &e, ConvOp op) { ConvLowering(e, op).emit(); }
