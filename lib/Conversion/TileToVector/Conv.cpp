// lib/Conversion/TileToVector/Conv.cpp: a convolution as a matrix product whose
// left rows overlap in memory, so that nothing is gathered first.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "AmxTile.h"
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
        width(lanes * vectors), spatial(op.getInitType().getRank() - 2), lineWidth(e.dim(op.getInit(), spatial)),
        channels(cast<ShapedType>(op.getInput().getType()).getDimSize(spatial + 1)),
        groupChannels(channels / op.getGroups()),
        dot(DotEmitter::create(op.getTiling().getDotUnit(), op.getAccumulatorType())),
        matrix(op.getTiling().getMatrixUnit()) {
    auto filter = cast<ShapedType>(op.getFilter().getType());
    outerTaps = filter.getShape().slice(1, spatial - 1);
    kernelWidth = op.getKernelWidth().value_or(filter.getDimSize(spatial));
    for (int64_t dim = 0; dim < spatial; ++dim)
      outerSizes.push_back(e.dim(op.getInit(), dim));
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
    // input, unless taps are apart, belong to a group or the layout has gaps.
    auto flatten = [&] { return collapse(e, op.getInput(), groupDims(spatial + 2, spatial, spatial + 2)); };
    if (op.getKernelWidth()) {
      isFlat = true;
      flatInput = flatten();
    } else if (dot->step() == 1 && (op.getDilations().back() == 1 || kernelWidth == 1) && op.getGroups() == 1) {
      flatInput = flatten();
      Value flatFilter = flatInput ? collapse(e, filter, groupDims(spatial + 3, spatial, spatial + 2)) : Value();
      isFlat = !!flatFilter;
      if (isFlat)
        filter = flatFilter;
    }
    Value lines = e.index(1);
    for (Value size : outerSizes)
      lines = e.mul(lines, size);
    Value panelCount = e.dim(op.getFilter(), 0);
    SmallVector<TaskDim> dims;
    bool cutsPanels = op.getGroups() == 1 || spatial == 1;
    if (cutsPanels)
      dims.push_back({panelCount, tiling.getTaskPanels()});
    if (spatial > 1)
      dims.push_back({lines, tiling.getTaskRows()});
    else // Lines are few, so each is several tasks.
      dims.append({{lines, 1}, {lineWidth, wholeTiles(tiling.getTaskRows(), tiling.getRows())}});
    e.tasks(dims, [&](ArrayRef<IndexRange> ranges) {
      IndexRange columns = spatial > 1 ? IndexRange{e.index(0), lineWidth} : ranges.back();
      if (matrix)
        scratch = AmxTile::createScratch(e, op.getAccumulatorType(), *matrix);
      IndexRange allPanels{e.index(0), panelCount}, linesOfTask = ranges[cutsPanels ? 1 : 0];
      if (op.getGroups() == 1)
        emitPanels(ranges[0], linesOfTask, columns);
      else // A line is in the nearest cache when the next group reads its channels.
        e.loop(linesOfTask, 1,
               [&](Value line) { emitPanels(cutsPanels ? ranges[0] : allPanels, {line, e.add(line, 1)}, columns); });
      if (matrix)
        AmxTile::release(e);
    });
  }

private:
  void emitPanels(IndexRange panelRange, IndexRange lines, IndexRange lineRange) {
    Value size = e.dim(op.getInit(), spatial + 1);
    forPanels(e, panelRange, size, vectors, lanes, hasSlowMasks(op), [&](Value panel, const Columns &columns) {
      int64_t panelsOfGroup = cast<ShapedType>(op.getFilter().getType()).getDimSize(0) / op.getGroups();
      Value channel = op.getGroups() == 1 ? e.index(0) : e.mul(e.floorDiv(panel, panelsOfGroup), groupChannels);
      auto position = [&](Value line) { return Position{panel, line, e.delinearize(line, outerSizes), channel}; };
      auto emitLine = [&](Value line) {
        Position at = position(line);
        e.rowTiles(lineRange, lineWidth, op.getTiling().getRows(), DynamicTail::MoveBack, [&](Value x, int64_t count) {
          if (matrix)
            return emitMatrixTile({at}, columns, x, count);
          emitTile(at, columns, x, count);
        });
      };
      if (op.getGroups() > 1)
        return emitLine(lines.begin);
      std::optional<int64_t> width = constantIndex(lineWidth);
      if (!matrix || spatial == 1 || !width || *width > matrix->rows)
        return e.loop(lines, 1, emitLine);
      // Short lines, a block each, fill the matrix unit as one long one does.
      Value together = e.sub(lines.end, e.rem(e.sub(lines.end, lines.begin), matrix->blocks));
      e.loop({lines.begin, together}, matrix->blocks, [&](Value line) {
        SmallVector<Position> positions;
        for (int64_t block = 0; block < matrix->blocks; ++block)
          positions.push_back(position(block == 0 ? line : e.add(line, block)));
        emitMatrixTile(positions, columns, lineRange.begin, *width);
      });
      e.loop({together, lines.end}, 1, emitLine);
    });
  }

  /// What is fixed while one line of the output passes one panel.
  struct Position {
    Value panel, line;
    SmallVector<Value> outer; ///< The image and the outer spatial indices.
    Value channel;            ///< The first of the group.
  };

  /// Element (`i`, `j`, `c`) of the window of output (y, x), with `j` and `c`
  /// as one index if they are a run.
  ElementPlace placeInput(const Position &at, Value x, ValueRange outer, Value step) {
    SmallVector<Value> indices{at.outer.front()};
    for (int64_t dim = 0; dim + 1 < spatial; ++dim)
      indices.push_back(
          e.add(e.mul(at.outer[dim + 1], op.getStrides()[dim]), e.mul(outer[dim], op.getDilations()[dim])));
    Value column = e.mul(x, op.getStrides().back());
    if (flatInput) {
      indices.push_back(e.add(e.mul(column, channels), step));
      return {flatInput, indices};
    }
    if (isFlat) // A run in a layout with gaps.
      indices.append({e.add(column, e.floorDiv(step, channels)), e.rem(step, channels)});
    else
      indices.append({e.add(column, e.mul(outer.back(), op.getDilations().back())), e.add(at.channel, step)});
    return {op.getInput(), indices};
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

  /// `count` outputs from `x` on of one line, or of several lines a block each.
  void emitMatrixTile(ArrayRef<Position> lines, const Columns &columns, Value x, int64_t count) {
    const DotUnit &unit = *op.getTiling().getDotUnit();
    bool areSeveral = lines.size() > 1;
    SmallVector<int64_t> heights =
        areSeveral ? SmallVector<int64_t>(lines.size(), count) : heightsOfBlocks(*matrix, count);
    auto lineOf = [&](int64_t block) -> const Position & { return lines[areSeveral ? block : 0]; };
    auto firstOf = [&](int64_t block) { return areSeveral ? x : e.add(x, block * matrix->rows); };
    AmxTile tile{unit, SmallVector<int64_t>(outerTaps), 0, {}, scratch, {}, {}};
    tile.pitch = e.index(op.getStrides().back() * channels * bytesOf(unit.a));
    tile.terms = isFlat ? kernelWidth * channels : groupChannels;
    if (!isFlat)
      tile.taps.push_back(kernelWidth);
    tile.rows = [&](ValueRange taps, int64_t block) {
      ElementPlace place = placeInput(lineOf(block), firstOf(block), taps, e.index(0));
      return AmxTile::addressOf(e, place.memref, place.indices);
    };
    tile.columns = [&](ValueRange taps) {
      SmallVector<Value> indices{lines.front().panel};
      llvm::append_range(indices, taps);
      indices.append({e.index(0), e.index(0)});
      return AmxTile::addressOf(e, filter, indices);
    };
    tile.emit(e, heights);
    for (auto [block, height] : llvm::enumerate(heights)) {
      const Position &at = lineOf(block);
      Value first = firstOf(block);
      tile.forRows(e, block, height, columns.lanes, [&](Value row, ValueRange sums) {
        storeOutput(e, outputTile(at, columns, e.add(first, row), 1), sums);
      });
    }
  }

  void emitTile(const Position &at, const Columns &columns, Value x, int64_t count) {
    MicroKernel kernel;
    kernel.dot = dot.get();
    kernel.rows = count;
    kernel.vectors = vectors;
    kernel.unroll = op.getTiling().getUnroll();
    for (int64_t taps : outerTaps)
      kernel.outer.push_back(e.index(taps));
    if (!isFlat)
      kernel.outer.push_back(e.index(kernelWidth));
    kernel.inner = {e.index(0), e.index(isFlat ? kernelWidth * channels : groupChannels)};
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

    storeOutput(e, outputTile(at, columns, x, count), kernel.emit(e, columns.zeros(e, op.getAccumulatorType(), count)));
  }

  OutputTile outputTile(const Position &at, const Columns &columns, Value x, int64_t count) {
    OutputTile output{op, op.getInit(), extras, count, columns.lanes, {}, {}, {}, {}, columns.masks};
    output.leading = [this, &at, x](Value row) {
      SmallVector<Value> indices(at.outer);
      indices.push_back(e.add(x, row));
      return indices;
    };
    output.original = output.leading;
    Value column = e.mul(at.panel, width);
    for (int64_t vector = 0; vector < vectors; ++vector)
      output.columns.push_back(e.add(column, vector * lanes));
    return output;
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
  int64_t spatial; ///< How many spatial dims there are.
  Value lineWidth;
  int64_t channels, groupChannels;
  ArrayRef<int64_t> outerTaps; ///< The filter's sizes but the innermost.
  int64_t kernelWidth;
  SmallVector<Value> outerSizes; ///< Of the output: batch and outer spatial dims.
  std::unique_ptr<DotEmitter> dot;
  const MatrixUnit *matrix; ///< That multiplies, or null.
  AmxTile::Scratch scratch; ///< For it.
  Value panels;             ///< The filter as [panel][element].
  Value filter;             ///< With a run in one dim, and what lies side by side.
  Value flatInput;          ///< With columns and channels in one dim, or null.
  bool isFlat = false;      ///< The taps of a filter row and their channels are one run.
};
} // namespace

void lathe::lowerConv(Emitter &e, ConvOp op) { ConvLowering(e, op).emit(); }
