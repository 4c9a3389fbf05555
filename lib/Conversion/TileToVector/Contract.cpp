// lib/Conversion/TileToVector/Contract.cpp: loops over batch, panels and rows
// around a microkernel that runs over all of K, or over a block of it.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Epilogue.h"
#include "Lowerings.h"
#include "MicroKernel.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace lathe;
using lathe::tile::ContractOp;

namespace {
class ContractLowering {
public:
  ContractLowering(Emitter &e, ContractOp op)
      : e(e), op(op), tiling(op.getTiling()), lanes(tiling.getLanes()), vectors(tiling.getVectors()),
        width(lanes * vectors), rank(op.getInitType().getRank()), batchRank(op.getBatchRank()),
        k(e.dim(op.getLhs(), rank - 1)), n(e.dim(op.getInit(), rank - 1)), lhs(op.getLhs()), init(op.getInit()),
        extras(extrasOf(op)) {}

  void emit() {
    if (op.getPacked() && tiling.getPrefetch() > 0)
      panels = collapse(e, op.getRhs(), groupDims(3, 1, 3));
    m = e.index(1);
    for (int64_t dim = batchRank; dim < rank - 1; ++dim) {
      rowSizes.push_back(e.dim(op.getInit(), dim));
      m = e.mul(m, rowSizes.back());
    }
    if (rowSizes.size() > 1)
      flattenRows();
    // Rows are innermost: a panel stays in the cache while all rows pass it.
    SmallVector<TaskDim> dims;
    for (int64_t dim = 0; dim < batchRank; ++dim)
      dims.push_back({e.dim(op.getInit(), dim), 1});
    dims.push_back({e.ceilDiv(n, width), tiling.getTaskPanels()});
    dims.push_back({m, wholeTiles(tiling.getTaskRows(), tiling.getRows())});
    e.tasks(dims, [&](ArrayRef<IndexRange> ranges) {
      for (const IndexRange &range : ranges.drop_back(2))
        batch.push_back(range.begin);
      emitBlocks(ranges.take_back(2)[0], ranges.back());
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

  void emitBlocks(IndexRange panelRange, IndexRange rows) {
    int64_t block = tiling.getBlock();
    if (block == 0)
      return emitPanels(panelRange, rows, {e.index(0), k});
    e.loop({e.index(0), k}, block,
           [&](Value begin) { emitPanels(panelRange, rows, {begin, e.min(e.add(begin, block), k)}); });
  }

  void emitPanels(IndexRange panelRange, IndexRange rows, IndexRange steps) {
    // With blocks, a row is updated more than once, so none may run twice.
    DynamicTail tail = tiling.getBlock() ? DynamicTail::Shrink : DynamicTail::MoveBack;
    e.loop(panelRange, 1, [&](Value panel) {
      Value column = e.mul(panel, width);
      Columns columns = chooseColumns(e, column, n, vectors, lanes);
      e.rowTiles(rows, m, tiling.getRows(), tail,
                 [&](Value row, int64_t count) { emitTile(panel, columns, row, count, steps); });
    });
  }

  Value loadRhs(Value panel, const Columns &columns, Value step, int64_t vector) {
    int64_t width = columns.lanes[vector];
    if (op.getPacked())
      return loadVector(e, op.getRhs(), {panel, step, e.index(vector * lanes)}, width, nullptr);
    auto type = cast<MemRefType>(op.getRhs().getType());
    SmallVector<Value> position;
    for (auto [dim, index] : llvm::enumerate(batch))
      position.push_back(type.getDimSize(dim) == 1 ? e.index(0) : index);
    position.push_back(step);
    position.push_back(e.add(e.mul(panel, this->width), vector * lanes));
    return loadVector(e, op.getRhs(), position, width, columns.masks[vector]);
  }

  void emitTile(Value panel, const Columns &columns, Value row, int64_t count, IndexRange steps) {
    MicroKernel kernel;
    kernel.rows = count;
    kernel.vectors = vectors;
    kernel.unroll = tiling.getUnroll();
    kernel.inner = steps;
    SmallVector<SmallVector<Value>> lhsRows;
    for (int64_t i = 0; i < count; ++i)
      lhsRows.push_back(rowIndices(lhs, e.add(row, i)));
    kernel.lhs = [&](ValueRange, Value step, int64_t i) -> Value {
      SmallVector<Value> indices(lhsRows[i]);
      indices.push_back(step);
      return memref::LoadOp::create(e.b, e.loc, lhs, indices);
    };
    kernel.rhs = [&](ValueRange, Value step, int64_t vector) { return loadRhs(panel, columns, step, vector); };
    if (panels)
      kernel.prefetch = [&](ValueRange, Value step) {
        Value rounds = e.floorDiv(k, kernel.unroll);
        Value tileIndex = e.floorDiv(row, tiling.getRows());
        Value round = e.add(e.mul(tileIndex, rounds), e.floorDiv(step, kernel.unroll));
        PanelPrefetch{panels, panel, tiling.getPrefetch()}.emit(e, round);
      };

    OutputTile output{op, init, extras, count, columns.lanes, {}, {}, {}, {}, columns.masks};
    output.leading = [&](Value i) { return rowIndices(init, e.add(row, i)); };
    output.original = [&](Value i) { return rowIndices(op.getInit(), e.add(row, i)); };
    output.flat = [&](Value i) {
      SmallVector<Value> indices(batch);
      indices.push_back(e.add(row, i));
      return indices;
    };
    Value column = e.mul(panel, width);
    for (int64_t vector = 0; vector < vectors; ++vector)
      output.columns.push_back(e.add(column, vector * lanes));

    SmallVector<Value> zeros = columns.zeros(e, op.getAccumulatorType(), count);
    if (tiling.getBlock() == 0)
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
  int64_t lanes, vectors, width, rank, batchRank;
  Value m, k, n;
  Value lhs, init; ///< With one dim for all rows, if the layout allows it.
  SmallVector<Extra> extras;
  SmallVector<Value> rowSizes; ///< The dims that make up the rows.
  SmallVector<Value> batch;    ///< The batch indices of the task.
  Value panels;                ///< The packed rhs as [panel][element], if it is prefetched.
};
} // namespace

void lathe::lowerContract(Emitter &e, ContractOp op) { ContractLowering(e, op).emit(); }
