// lib/Conversion/TileToVector/Conv.cpp: a convolution as a matrix product whose
// left rows overlap in memory, so that nothing is gathered first.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Epilogue.h"
#include "Lowerings.h"
#include "MicroKernel.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe;
using lathe::tile::ConvOp;

namespace {
class ConvLowering {
public:
  ConvLowering(Emitter &e, ConvOp op)
      : e(e), op(op), extras(extrasOf(op)), lanes(op.getTiling().getLanes()), vectors(op.getTiling().getVectors()),
        width(lanes * vectors), height(e.dim(op.getInit(), 1)), lineWidth(e.dim(op.getInit(), 2)),
        channels(cast<ShapedType>(op.getInput().getType()).getDimSize(3)),
        dot(DotEmitter::create(op.getTiling().getDotUnit(), op.getAccumulatorType())) {
    auto filter = cast<ShapedType>(op.getFilter().getType());
    kernelHeight = filter.getDimSize(1);
    kernelWidth = op.getKernelWidth().value_or(filter.getDimSize(2));
  }

  void emit() {
    tile::TilingAttr tiling = op.getTiling();
    filter = op.getFilter();
    int64_t rank = cast<ShapedType>(filter.getType()).getRank();
    if (tiling.getPrefetch() > 0)
      panels = collapse(e, filter, groupDims(rank, 1, rank));
    if (dot->step() > 1)
      filter = collapse(e, filter, groupDims(rank, rank - 2, rank));
    // The taps of a filter row and their channels are one contiguous run of the
    // input, unless taps are apart or the layout has gaps.
    if (op.getKernelWidth()) {
      isFlat = true;
      flatInput = collapse(e, op.getInput(), groupDims(4, 2, 4));
    } else if (dot->step() == 1 && (op.getDilations()[1] == 1 || kernelWidth == 1)) {
      flatInput = collapse(e, op.getInput(), groupDims(4, 2, 4));
      Value flatFilter = flatInput ? collapse(e, filter, groupDims(5, 2, 4)) : Value();
      isFlat = !!flatFilter;
      if (isFlat)
        filter = flatFilter;
    }
    Value lines = e.mul(e.dim(op.getInit(), 0), height);
    Value panelCount = e.dim(op.getFilter(), 0);
    e.tasks({{panelCount, tiling.getTaskPanels()}, {lines, tiling.getTaskRows()}},
            [&](ArrayRef<IndexRange> ranges) { emitPanels(ranges[0], ranges[1]); });
  }

private:
  void emitPanels(IndexRange panelRange, IndexRange lines) {
    Value size = e.dim(op.getInit(), 3);
    forPanels(e, panelRange, size, vectors, lanes, hasNarrowElements(op), [&](Value panel, const Columns &columns) {
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
  /// as one index if they are a run.
  ElementPlace placeInput(const Position &at, Value x, ValueRange outer, Value step) {
    Value y = e.add(e.mul(at.y, op.getStrides()[0]), e.mul(outer[0], op.getDilations()[0]));
    Value column = e.mul(x, op.getStrides()[1]);
    if (flatInput)
      return {flatInput, {at.image, y, e.add(e.mul(column, channels), step)}};
    if (isFlat) // A run in a layout with gaps.
      return {op.getInput(), {at.image, y, e.add(column, e.floorDiv(step, channels)), e.rem(step, channels)}};
    column = e.add(column, e.mul(outer[1], op.getDilations()[1]));
    return {op.getInput(), {at.image, y, column, step}};
  }

  /// `count` terms of a run whose pixels have gaps between them.
  Value gatherInput(const Position &at, Value x, ValueRange outer, Value step, int64_t count) {
    Value stored = asStored(e, op.getInput());
    Type element = cast<MemRefType>(stored.getType()).getElementType();
    Value vector = e.zeros(element, dot->step());
    for (int64_t i = 0; i < count; ++i) {
      ElementPlace place = placeInput(at, x, outer, e.add(step, i));
      Value scalar = memref::LoadOp::create(e.b, e.loc, stored, place.indices);
      vector = vector::InsertOp::create(e.b, e.loc, scalar, vector, i);
    }
    auto whole = VectorType::get(1, e.b.getIntegerType(dot->step() * element.getIntOrFloatBitWidth()));
    return vector::ExtractOp::create(e.b, e.loc, vector::BitCastOp::create(e.b, e.loc, whole, vector), 0);
  }

  Value loadFilter(const Position &at, const Columns &columns, ValueRange outer, Value group, int64_t vector) {
    SmallVector<Value> indices{at.panel};
    llvm::append_range(indices, outer);
    indices.append({group, e.index(vector * lanes * dot->step())});
    return dot->loadB(e, {filter, indices}, columns.lanes[vector], nullptr);
  }

  void emitTile(const Position &at, const Columns &columns, Value x, int64_t count) {
    MicroKernel kernel;
    kernel.dot = dot.get();
    kernel.rows = count;
    kernel.vectors = vectors;
    kernel.unroll = op.getTiling().getUnroll();
    kernel.outer.push_back(e.index(kernelHeight));
    if (!isFlat)
      kernel.outer.push_back(e.index(kernelWidth));
    kernel.inner = {e.index(0), e.index(isFlat ? kernelWidth * channels : channels)};
    kernel.lhs = [&](ValueRange outer, Value step, int64_t row) { return placeInput(at, e.add(x, row), outer, step); };
    kernel.rhs = [&](ValueRange outer, Value group, Value, int64_t, int64_t vector) {
      return loadFilter(at, columns, outer, group, vector);
    };
    if (isFlat && !flatInput)
      kernel.gather = [&](ValueRange outer, Value step, int64_t terms, int64_t row) {
        return gatherInput(at, e.add(x, row), outer, step, terms);
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
    int64_t termsOfRound = kernel.unroll * dot->step();
    Value perRun = e.floorDiv(kernel.inner.end, termsOfRound);
    round = e.add(e.mul(round, perRun), e.floorDiv(step, termsOfRound));
    PanelPrefetch{panels, at.panel, op.getTiling().getPrefetch()}.emit(e, round);
  }

  Emitter &e;
  ConvOp op;
  SmallVector<Extra> extras;
  int64_t lanes, vectors, width;
  Value height, lineWidth;
  int64_t channels, kernelHeight, kernelWidth;
  std::unique_ptr<DotEmitter> dot;
  Value panels;        ///< The filter as [panel][element].
  Value filter;        ///< With a run in one dim, and what lies side by side.
  Value flatInput;     ///< With columns and channels in one dim, or null.
  bool isFlat = false; ///< The taps of a filter row and their channels are one run.
};
} // namespace

void lathe::lowerConv(Emitter &e, ConvOp op) { ConvLowering(e, op).emit(); }
