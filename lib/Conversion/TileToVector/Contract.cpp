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
      : e(e), op(op), lanes(op.getTiling().getLanes()),
        vectors(op.getTiling().getVectors()), width(lanes * vectors),
        batched(op.getInitType().getRank() == 3),
        m(e.dim(op.getLhs(), batched ? 1 : 0)),
        k(e.dim(op.getLhs(), batched ? 2 : 1)),
        n(e.dim(op.getInit(), batched ? 2 : 1)) {}

  void emit() {
    tile::TilingAttr tiling = op.getTiling();
    if (op.getPacked() && tiling.getPrefetch() > 0)
      panels = collapseInner(e, op.getRhs(), 1);
    // Rows are innermost: a panel stays in the cache while all rows pass it.
    SmallVector<TaskDim> dims;
    if (batched)
      dims.push_back({e.dim(op.getInit(), 0), 1});
    dims.push_back({e.ceilDiv(n, width), tiling.getTaskPanels()});
    dims.push_back({m, wholeTiles(tiling.getTaskRows(), tiling.getRows())});
    e.tasks(dims, [&](ArrayRef<IndexRange> ranges) {
      if (batched)
        batch = ranges.front().begin;
      emitBlocks(ranges.take_back(2)[0], ranges.back());
    });
  }

private:
  void emitBlocks(IndexRange panelRange, IndexRange rows) {
    int64_t block = op.getTiling().getBlock();
    if (block == 0)
      return emitPanels(panelRange, rows, {e.index(0), k});
    e.loop({e.index(0), k}, block, [&](Value begin) {
      emitPanels(panelRange, rows, {begin, e.min(e.add(begin, block), k)});
    });
  }

  void emitPanels(IndexRange panelRange, IndexRange rows, IndexRange steps) {
    // With blocks, a row is updated more than once, so none may run twice.
    DynamicTail tail =
        op.getTiling().getBlock() ? DynamicTail::Shrink : DynamicTail::MoveBack;
    e.loop(panelRange, 1, [&](Value panel) {
      Value column = e.mul(panel, width);
      SmallVector<Value> masks = columnMasks(e, column, n, vectors, lanes);
      e.rowTiles(rows, m, op.getTiling().getRows(), tail,
                 [&](Value row, int64_t count) {
                   emitTile(panel, masks, row, count, steps);
                 });
    });
  }

  SmallVector<Value> indices(Value outer, Value inner) {
    if (!batched)
      return {outer, inner};
    return {batch, outer, inner};
  }

  Value loadRhs(Value panel, ArrayRef<Value> masks, Value step,
                int64_t vector) {
    if (op.getPacked())
      return loadVector(e, op.getRhs(), {panel, step, e.index(vector * lanes)},
                        lanes, nullptr);
    Value column = e.add(e.mul(panel, width), vector * lanes);
    SmallVector<Value> position{step, column};
    if (cast<ShapedType>(op.getRhs().getType()).getRank() == 3)
      position.insert(position.begin(), batch);
    return loadVector(e, op.getRhs(), position, lanes, masks[vector]);
  }

  void emitTile(Value panel, ArrayRef<Value> masks, Value row, int64_t count,
                IndexRange steps) {
    tile::TilingAttr tiling = op.getTiling();
    MicroKernel kernel;
    kernel.rows = count;
    kernel.vectors = vectors;
    kernel.unroll = tiling.getUnroll();
    kernel.inner = steps;
    kernel.lhs = [&](ValueRange, Value step, int64_t i) -> Value {
      return memref::LoadOp::create(e.b, e.loc, op.getLhs(),
                                    indices(e.add(row, i), step));
    };
    kernel.rhs = [&](ValueRange, Value step, int64_t vector) {
      return loadRhs(panel, masks, step, vector);
    };
    if (panels)
      kernel.prefetch = [&](ValueRange, Value step) {
        Value rounds = e.floorDiv(k, e.index(kernel.unroll));
        Value tileIndex = e.floorDiv(row, e.index(tiling.getRows()));
        Value round = e.add(e.mul(tileIndex, rounds),
                            e.floorDiv(step, e.index(kernel.unroll)));
        PanelPrefetch{panels, panel, tiling.getPrefetch()}.emit(e, round);
      };

    OutputTile output{op, count, lanes, {}, {}, llvm::to_vector(masks)};
    output.leading = [&](Value i) {
      SmallVector<Value> result = indices(e.add(row, i), nullptr);
      result.pop_back();
      return result;
    };
    Value column = e.mul(panel, width);
    for (int64_t vector = 0; vector < vectors; ++vector)
      output.columns.push_back(e.add(column, vector * lanes));

    SmallVector<Value> zeros(count * vectors,
                             e.zeros(op.getAccumulatorType(), lanes));
    if (tiling.getBlock() == 0)
      return storeOutput(e, output, kernel.emit(e, zeros));
    SmallVector<Value> sums =
        kernel.emit(e, firstOrLoaded(steps.begin, zeros, output));
    e.ifLess(
        steps.end, k, [&] { storeAccumulators(e, output, sums); },
        [&] { storeOutput(e, output, sums); });
  }

  /// Zeros in the first block of K; what the output holds in the others.
  SmallVector<Value> firstOrLoaded(Value begin, ArrayRef<Value> zeros,
                                   const OutputTile &output) {
    if (constantIndex(begin) == 0)
      return llvm::to_vector(zeros);
    Value isFirst = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq,
                                          begin, e.index(0));
    auto branch = scf::IfOp::create(e.b, e.loc, ValueRange(zeros).getTypes(),
                                    isFirst, /*addElseBlock=*/true);
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(e.b, e.loc, zeros);
    e.b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(e.b, e.loc, loadOutput(e, output));
    return llvm::to_vector_of<Value>(branch.getResults());
  }

  Emitter &e;
  ContractOp op;
  int64_t lanes, vectors, width;
  bool batched;
  Value m, k, n;
  Value batch;  ///< The batch index of the task, if there is a batch.
  Value panels; ///< The packed rhs as [panel][element], if it is prefetched.
};
} // namespace

void lathe::lowerContract(Emitter &e, ContractOp op) {
  ContractLowering(e, op).emit();
}
