// lib/Conversion/TileToVector/Contract.cpp: loops over batch, panels and rows
// around a microkernel that runs over all of K, or over a block of it.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "AmxTile.h"
#include "CodePanels.h"
#include "Epilogue.h"
#include "Lowerings.h"
#include "MicroKernel.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe;
using lathe::tile::ContractOp;

/// What of a second-level cache panels may take.
static constexpr int64_t mostBytesNear = 1 << 19;

/// Tiles of rows up to which weights are decoded for each; for more, they go through memory once.
static constexpr int64_t mostTilesOfCodes = 2;

namespace {
class ContractLowering {
public:
  ContractLowering(Emitter &e, ContractOp op)
      : e(e), op(op), tiling(op.getTiling()), matrix(tiling.getMatrixUnit()), lanes(tiling.getLanes()),
        vectors(tiling.getVectors()), width(lanes * vectors), rank(op.getInitType().getRank()),
        batchRank(op.getBatchRank()), k(e.dim(op.getLhs(), rank - 1)), n(e.dim(op.getInit(), rank - 1)),
        lhs(op.getLhs()), init(op.getInit()), extras(extrasOf(op)),
        dot(DotEmitter::create(tiling.getDotUnit(), op.getAccumulatorType())) {
    masksAreSlow = hasSlowMasks(op);
  }

  void emit() {
    int64_t rhsRank = cast<ShapedType>(op.getRhs().getType()).getRank();
    if (op.getPacked() && tiling.getPrefetch() > 0)
      panels = collapse(e, op.getRhs(), groupDims(rhsRank, 1, rhsRank));
    packedRhs = rhsRank == 4 && op.getPacked() ? collapse(e, op.getRhs(), groupDims(4, 2, 4)) : op.getRhs();
    if (op.getScales())
      codes.emplace(op, packedRhs, *dot);
    m = e.index(1);
    for (int64_t dim = batchRank; dim < rank - 1; ++dim) {
      rowSizes.push_back(e.dim(op.getInit(), dim));
      m = e.mul(m, rowSizes.back());
    }
    if (rowSizes.size() > 1)
      flattenRows();
    if (copiesPanels())
      scratchRows = e.dim(op.getScratch(), 0);
    // Rows are innermost: a panel stays in the cache while all rows pass it.
    SmallVector<TaskDim> dims;
    for (int64_t dim = 0; dim < batchRank; ++dim)
      dims.push_back({e.dim(op.getInit(), dim), 1});
    dims.push_back({e.ceilDiv(n, width), tiling.getTaskPanels()});
    dims.push_back({m, wholeTiles(tiling.getTaskRows(), tiling.getRows())});
    e.tasks(dims, [&](ArrayRef<IndexRange> ranges) {
      for (const IndexRange &range : ranges.drop_back(2))
        batch.push_back(range.begin);
      if (matrix)
        scratch = AmxTile::createScratch(e, op.getAccumulatorType(), *matrix);
      emitTask(ranges.take_back(2)[0], ranges.back());
      if (matrix)
        AmxTile::release(e);
    });
  }

private:
  /// Sees all rows as one dim, in each operand whose layout allows it.
  void flattenRows() {
    SmallVector<ReassociationIndices> groups = groupDims(rank, 0, rank - 1);
    if (Value flat = collapse(e, lhs, groups))
      lhs = flat;
    if (Value flat = collapse(e, init, groups))
      init = flat;
    for (Extra &extra : extras)
      flattenExtra(extra);
  }

  void flattenExtra(Extra &extra) {
    MLIRContext *context = extra.map.getContext();
    AffineExpr row = getAffineDimExpr(0, context);
    AffineExpr column = getAffineDimExpr(1, context);
    ArrayRef<AffineExpr> results = extra.map.getResults();
    unsigned leading = rank - 1;
    auto toColumn = [&](AffineExpr expr) { return expr == getAffineDimExpr(leading, context) ? column : expr; };
    bool usesRows = false, hasAllRows = results.size() >= leading;
    for (unsigned dim = 0; dim < leading; ++dim) {
      usesRows |= extra.map.isFunctionOfDim(dim);
      hasAllRows &= dim < results.size() && results[dim] == getAffineDimExpr(dim, context);
    }
    SmallVector<AffineExpr> flat;
    if (hasAllRows) {
      flat.push_back(row);
      results = results.drop_front(leading);
    }
    for (AffineExpr expr : results)
      flat.push_back(toColumn(expr));
    auto type = cast<MemRefType>(extra.memref.getType());
    Value memref = hasAllRows ? collapse(e, extra.memref, groupDims(type.getRank(), 0, leading)) : extra.memref;
    if (usesRows && (!hasAllRows || !memref))
      return;
    extra = {memref, AffineMap::get(2, 0, flat, context), /*isFlat=*/true};
  }

  /// The indices of row `row` in `memref`, but for the innermost.
  SmallVector<Value> rowIndices(Value memref, Value row) {
    SmallVector<Value> indices(batch);
    if (cast<MemRefType>(memref.getType()).getRank() == batchRank + 2)
      indices.push_back(row);
    else
      llvm::append_range(indices, e.delinearize(row, rowSizes));
    return indices;
  }

  /// Where the factors of the right-hand side come from.
  enum class Weights {
    Direct,  ///< From where they are: panels, or a matrix.
    Codes,   ///< From panels of codes.
    Scratch, ///< From scratch memory, where those of the panel and the steps are.
  };

  void emitTask(IndexRange panelRange, IndexRange rows) {
    if (!copiesPanels())
      return emitBlocks(panelRange, rows);
    // Where few rows pass, there is no memory for copies.
    e.ifLess(
        e.index(0), scratchRows, [&] { emitBlocks(panelRange, rows); },
        [&] { emitPanels(panelRange, rows, {e.index(0), k}, Weights::Direct); });
  }

  void emitBlocks(IndexRange panelRange, IndexRange rows) {
    int64_t block = tiling.getBlock();
    Weights weights = codes ? Weights::Codes : copiesPanels() ? Weights::Scratch : Weights::Direct;
    if (block == 0)
      return emitPanels(panelRange, rows, {e.index(0), k}, weights);
    // Sums of no terms are written, too.
    Value end = constantIndex(k).value_or(0) > 0 ? k : arith::MaxSIOp::create(e.b, e.loc, k, e.index(1)).getResult();
    e.loop({e.index(0), end}, block,
           [&](Value begin) { emitPanels(panelRange, rows, {begin, e.min(e.add(begin, block), k)}, weights); });
  }

  /// Whether `steps` are all there are, so that no sum is in the output on the way.
  bool isWhole(IndexRange steps) const { return constantIndex(steps.begin) == 0 && steps.end == k; }

  void emitPanels(IndexRange panelRange, IndexRange rows, IndexRange steps, Weights weights) {
    // With blocks, a row is updated more than once, so none may run twice.
    DynamicTail tail = isWhole(steps) ? DynamicTail::MoveBack : DynamicTail::Shrink;
    // A matrix unit is done with a short panel before the next line of the output has come to the cache.
    if (matrix && keepsPanelsNear())
      return e.rowTiles(rows, m, tiling.getRows(), tail, [&](Value row, int64_t count) {
        forPanels(e, panelRange, n, vectors, lanes, masksAreSlow,
                  [&](Value panel, const Columns &columns) { emitTile(panel, columns, row, count, steps, weights); });
      });
    forPanels(e, panelRange, n, vectors, lanes, masksAreSlow, [&](Value panel, const Columns &columns) {
      auto emitRows = [&](Weights weights) {
        e.rowTiles(rows, m, tiling.getRows(), tail,
                   [&](Value row, int64_t count) { emitTile(panel, columns, row, count, steps, weights); });
      };
      if (weights == Weights::Scratch)
        copyPanel(panel, columns, steps);
      if (weights != Weights::Codes)
        return emitRows(weights);
      auto unpackOnce = [&] {
        codes->unpack(e, panel, steps);
        emitRows(Weights::Scratch);
      };
      Value few = e.index(mostTilesOfCodes * tiling.getRows());
      e.ifLess(few, e.sub(rows.end, rows.begin), unpackOnce, [&] { emitRows(Weights::Codes); });
    });
  }

  /// Whether panels of a matrix that is not packed go through scratch memory.
  bool copiesPanels() { return op.getScratch() && !op.getScales(); }

  /// Of columns that are not there, zeros.
  void copyPanel(Value panel, const Columns &columns, IndexRange steps) {
    e.loop(steps, 1, [&](Value step) {
      for (int64_t vector = 0; vector < vectors; ++vector)
        vector::StoreOp::create(e.b, e.loc, loadRhs(panel, columns, Value(), step, 1, vector), op.getScratch(),
                                ValueRange{e.sub(step, steps.begin), e.index(vector * lanes)});
    });
  }

  Value loadRhs(Value panel, const Columns &columns, Value group, Value k, int64_t count, int64_t vector) {
    int64_t width = columns.lanes[vector];
    if (op.getPacked())
      return dot->loadB(e, {packedRhs, {panel, group, e.index(vector * lanes * dot->storedTerms())}}, width, nullptr);
    auto type = cast<MemRefType>(op.getRhs().getType());
    SmallVector<Value> position;
    for (auto [dim, index] : llvm::enumerate(batch))
      position.push_back(type.getDimSize(dim) == 1 ? e.index(0) : index);
    Value column = e.add(e.mul(panel, this->width), vector * lanes);
    SmallVector<ElementPlace> rows;
    for (int64_t i = 0; i < count; ++i) {
      rows.push_back({op.getRhs(), position});
      rows.back().indices.append({e.add(k, i), column});
    }
    return dot->interleaveB(e, rows, width, columns.masks[vector]);
  }

  /// Whether all panels stay in the second-level cache while the rows pass them.
  bool keepsPanelsNear() const {
    auto type = cast<MemRefType>(packedRhs.getType());
    return type.hasStaticShape() && type.getNumElements() * bytesOf(tiling.getDotUnit()->b) <= mostBytesNear;
  }

  /// The sums of a block go through the stack: the matrix unit cannot apply an
  /// epilogue, and a loop over rows is less code than all of them in line.
  void emitMatrixTile(Value panel, const Columns &columns, Value row, int64_t count) {
    const DotUnit &unit = *tiling.getDotUnit();
    int64_t terms = *constantIndex(k);
    AmxTile block{unit, /*taps=*/{}, terms, AmxTile::pitchOfRows(e, lhs), scratch, {}, {}};
    block.rows = [&](ValueRange, int64_t i) {
      return AmxTile::addressOf(e, lhs, {e.add(row, i * matrix->rows), e.index(0)});
    };
    block.columns = [&](ValueRange) { return AmxTile::addressOf(e, packedRhs, {panel, e.index(0), e.index(0)}); };
    block.emit(e, heightsOfBlocks(*matrix, count));
    block.forRows(e, 0, count, columns.lanes, [&](Value i, ValueRange sums) {
      storeOutput(e, outputTile(panel, columns, e.add(row, i), 1), sums);
    });
  }

  OutputTile outputTile(Value panel, const Columns &columns, Value row, int64_t count) {
    OutputTile output{op, init, extras, count, columns.lanes, {}, {}, {}, {}, columns.masks};
    output.leading = [this, row](Value i) { return rowIndices(init, e.add(row, i)); };
    output.original = [this, row](Value i) { return rowIndices(op.getInit(), e.add(row, i)); };
    output.flat = [this, row](Value i) {
      SmallVector<Value> indices(batch);
      indices.push_back(e.add(row, i));
      return indices;
    };
    Value column = e.mul(panel, width);
    for (int64_t vector = 0; vector < vectors; ++vector)
      output.columns.push_back(e.add(column, vector * lanes));
    return output;
  }

  /// Lets `kernel` read codes block by block: an outer loop, unless there is one only.
  void readCodes(MicroKernel &kernel, Value panel, const Columns &columns, Value begin) {
    bool isOne = codes->count() == 1;
    int64_t size = codes->size();
    if (!isOne) {
      kernel.outer = {e.floorDiv(e.sub(kernel.inner.end, begin), size)};
      kernel.inner = {e.index(0), e.index(size)};
    }
    auto firstOf = [=, this](ValueRange outer) { return isOne ? e.index(0) : e.add(begin, e.mul(outer[0], size)); };
    kernel.enter = [=, this, &columns](ValueRange outer) {
      block = codes->load(e, panel, e.floorDiv(firstOf(outer), size), columns.lanes);
    };
    kernel.decode = [this](ArrayRef<Value> factors, int64_t vector) {
      return CodePanels::decode(e, block, vector, factors);
    };
    auto lhsOfTerm = kernel.lhs;
    kernel.lhs = [=, this](ValueRange outer, Value term, int64_t row) {
      return lhsOfTerm({}, e.add(firstOf(outer), term), row);
    };
    kernel.rhs = [=, this, &columns](ValueRange outer, Value group, Value, int64_t, int64_t vector) {
      Value step = e.add(e.floorDiv(firstOf(outer), dot->step()), group);
      return codes->loadCodes(e, panel, step, vector, columns.lanes[vector]);
    };
  }

  /// Lets `kernel` read what `copyPanel` or `CodePanels::unpack` wrote for terms from `begin` on.
  void readScratch(MicroKernel &kernel, const Columns &columns, Value begin) {
    kernel.dot = plain.get();
    kernel.inner = {e.index(0), e.sub(kernel.inner.end, begin)};
    auto lhsOfTerm = kernel.lhs;
    kernel.lhs = [=, this](ValueRange, Value term, int64_t row) { return lhsOfTerm({}, e.add(begin, term), row); };
    kernel.rhs = [=, this, &columns](ValueRange, Value term, Value, int64_t, int64_t vector) {
      return plain->loadB(e, {op.getScratch(), {term, e.index(vector * lanes)}}, columns.lanes[vector], nullptr);
    };
  }

  void emitTile(Value panel, const Columns &columns, Value row, int64_t count, IndexRange steps, Weights weights) {
    if (matrix)
      return emitMatrixTile(panel, columns, row, count);
    MicroKernel kernel;
    kernel.dot = dot.get();
    kernel.rows = count;
    kernel.vectors = vectors;
    // A masked load that is a branch for each lane is slow enough, once or four times.
    bool branches = weights == Weights::Direct && columns.masks.back() && branchesForLanes(op);
    kernel.unroll = branches ? 1 : tiling.getUnroll();
    kernel.inner = steps;
    SmallVector<SmallVector<Value>> lhsRows;
    for (int64_t i = 0; i < count; ++i)
      lhsRows.push_back(rowIndices(lhs, e.add(row, i)));
    kernel.lhs = [&](ValueRange, Value step, int64_t i) -> ElementPlace {
      SmallVector<Value> indices(lhsRows[i]);
      indices.push_back(step);
      return {lhs, indices};
    };
    kernel.rhs = [&](ValueRange, Value group, Value step, int64_t terms, int64_t vector) {
      return loadRhs(panel, columns, group, step, terms, vector);
    };
    if (weights == Weights::Codes)
      readCodes(kernel, panel, columns, steps.begin);
    else if (weights == Weights::Scratch)
      readScratch(kernel, columns, steps.begin);
    if (panels)
      kernel.prefetch = [&](ValueRange, Value step) {
        int64_t termsOfRound = kernel.unroll * dot->step();
        Value rounds = e.floorDiv(k, termsOfRound);
        Value tileIndex = e.floorDiv(row, tiling.getRows());
        Value round = e.add(e.mul(tileIndex, rounds), e.floorDiv(step, termsOfRound));
        PanelPrefetch{panels, panel, tiling.getPrefetch()}.emit(e, round);
      };

    OutputTile output = outputTile(panel, columns, row, count);
    SmallVector<Value> zeros = columns.zeros(e, op.getAccumulatorType(), count);
    if (isWhole(steps))
      return storeOutput(e, output, kernel.emit(e, zeros));
    SmallVector<Value> sums = kernel.emit(e, firstOrLoaded(steps.begin, zeros, output));
    e.ifLess(steps.end, k, [&] { storeAccumulators(e, output, sums); }, [&] { storeOutput(e, output, sums); });
  }

  /// Zeros in the first block of K; what the output holds in the others.
  SmallVector<Value> firstOrLoaded(Value begin, ArrayRef<Value> zeros, const OutputTile &output) {
    if (constantIndex(begin) == 0)
      return llvm::to_vector(zeros);
    Value isFirst = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq, begin, e.index(0));
    auto branch = scf::IfOp::create(e.b, e.loc, ValueRange(zeros).getTypes(), isFirst, /*addThenBlock=*/true,
                                    /*addElseBlock=*/true);
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(e.b, e.loc, zeros);
    e.b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(e.b, e.loc, loadOutput(e, output));
    return llvm::to_vector_of<Value>(branch.getResults());
  }

  Emitter &e;
  ContractOp op;
  tile::TilingAttr tiling;
  const MatrixUnit *matrix; ///< That multiplies, or null.
  int64_t lanes, vectors, width, rank, batchRank;
  Value m, k, n;
  Value lhs, init; ///< With one dim for all rows, if the layout allows it.
  SmallVector<Extra> extras;
  SmallVector<Value> rowSizes; ///< The dims that make up the rows.
  SmallVector<Value> batch;    ///< The batch indices of the task.
  Value panels;                ///< The packed rhs as [panel][element], if it is prefetched.
  AmxTile::Scratch scratch;    ///< Of the matrix unit.
  Value scratchRows;           ///< Of scratch memory for copies of panels.
  Value packedRhs;             ///< With what lies side by side in one dim.
  std::unique_ptr<DotEmitter> dot;
  std::optional<CodePanels> codes; ///< What `packedRhs` holds if it has scales.
  CodePanels::Block block;         ///< The one whose codes are read.
  /// Multiplies what is in scratch memory.
  std::unique_ptr<DotEmitter> plain = DotEmitter::create(nullptr, op.getAccumulatorType());
  bool masksAreSlow;
};
} // namespace

void lathe::lowerContract(Emitter &e, ContractOp op) { ContractLowering(e, op).emit(); }
