// lib/Conversion/TileToThreads/TileToThreads.cpp: products and convolutions as tasks for blocks of threads.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Conversion/TileToThreads.h"
#include "../BufferizeKernels/KernelPhases.h"
#include "../TileToVector/Lowerings.h"
#include "Attention.h"
#include "Elements.h"
#include "RolesProduct.h"
#include "dialects/Device/Device.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using lathe::tile::AttentionOp;
using lathe::tile::ContractOp;
using lathe::tile::ConvOp;
using lathe::tile::TransposeOp;

namespace lathe {
#define GEN_PASS_DEF_CONVERTTILETOTHREADSPASS
#include "lathe/Conversion/TileToThreads.h.inc"

ProductTile productTile(tile::TilingAttr tiling, int64_t threads) {
  return {tiling.getRows(), tiling.getVectors() * tiling.getLanes(), tiling.getUnroll(),
          std::max<int64_t>(tiling.getPrefetch(), 2), threads};
}

int64_t chunkOf(Value memref, SmallVector<int64_t> pitches) {
  auto type = cast<MemRefType>(memref.getType());
  int64_t bytes = type.getElementTypeBitWidth() / 8, chunk = chunkBytes;
  if (!type.getLayout().isIdentity()) {
    int64_t offset = ShapedType::kDynamic;
    SmallVector<int64_t> strides;
    // A view may start anywhere.
    if (failed(type.getStridesAndOffset(strides, offset)) || offset != 0 || strides.back() != 1)
      return bytes;
    strides.pop_back();
    llvm::append_range(pitches, strides);
  }
  for (int64_t pitch : pitches)
    while (chunk > bytes && (ShapedType::isDynamic(pitch) || pitch * bytes % chunk != 0))
      chunk /= 2;
  return chunk;
}

void explainNarrow(Operation *op, const Source &source, StringRef which) {
  if (!source.isNarrow())
    return;
  auto kernel = op->getParentOfType<kernel::FuncOp>();
  op->emitRemark() << "kernel '" << kernel.getSymName() << "' copies its " << which << ", " << source.memref.getType()
                   << ", element by element: its rows begin at multiples of " << source.chunk
                   << " bytes, and the hardware copies " << Source::leastAsyncBytes
                   << " or more; sizes that are known and even let it [gpu-narrow-rows]";
}

namespace {

/// What all products share: tasks, and the way from sums to the output.
class ProductLowering {
public:
  ProductLowering(Emitter &e, tile::EpilogueOpInterface op, int64_t threads)
      : e(e), op(op), tile(productTile(op.getTiling(), threads)), rank(op.getInitType().getRank()),
        columns(e.dim(op.getInit(), rank - 1)) {}

protected:
  /// Sees the dims from `first` on, but the last, as the rows.
  void setRows(int64_t first) {
    rows = e.index(1);
    for (int64_t dim = first; dim < rank - 1; ++dim) {
      rowSizes.push_back(e.dim(op.getInit(), dim));
      rows = e.mul(rows, rowSizes.back());
    }
  }

  /// All indices but the last of row `row`.
  SmallVector<Value> rowIndices(Value row) {
    SmallVector<Value> indices(batch);
    llvm::append_range(indices, e.delinearize(row, rowSizes));
    return indices;
  }

  void emitTile(const Source &a, const Source &b, Value rowBegin, Value columnBegin, Value terms) {
    explainNarrow(op.getOperation(), a, "left factor");
    explainNarrow(op.getOperation(), b, "right factor");
    emitProduct(e, tile, op.getTiling().getDotUnit(), op.getAccumulatorType(), a, b, rowBegin, terms,
                [&](ValueRange sums, ArrayRef<SumPlace> places, int64_t neighbours) {
                  storeRows(sums, places, storedTogether(op, neighbours), rowBegin, columnBegin);
                });
  }

  void storeRows(ValueRange sums, ArrayRef<SumPlace> places, int64_t together, Value rowBegin, Value columnBegin) {
    for (size_t i = 0; i < places.size();) {
      size_t end = i;
      while (end < places.size() && places[end].row == places[i].row)
        ++end;
      Value row = e.add(rowBegin, places[i].row);
      e.ifLess(row, rows, [&] {
        SmallVector<Value> indices = rowIndices(row);
        for (size_t k = i; k < end; k += together) {
          Value column = e.add(columnBegin, places[k].column);
          e.ifLess(column, columns, [&] {
            SmallVector<Value> place(indices);
            place.push_back(column);
            storeElements(e, op, sums.slice(k, together), place);
          });
        }
      });
      i = end;
    }
  }

  Emitter &e;
  tile::EpilogueOpInterface op;
  ProductTile tile;
  int64_t rank;
  Value columns, rows;
  SmallVector<Value> rowSizes, batch;
};

class ContractOnThreads final : ProductLowering {
public:
  ContractOnThreads(Emitter &e, ContractOp op, int64_t threads)
      : ProductLowering(e, cast<tile::EpilogueOpInterface>(op.getOperation()), threads), op(op) {}

  void emit() {
    setRows(op.getBatchRank());
    e.tasks(tasks(), [&](ArrayRef<IndexRange> ranges) {
      for (const IndexRange &range : ranges.drop_back(2))
        batch.push_back(range.begin);
      Value panel = ranges.back().begin, terms = e.dim(op.getLhs(), rank - 1);
      Value rowBegin = e.mul(ranges[ranges.size() - 2].begin, tile.rows), columnBegin = e.mul(panel, tile.columns);
      emitTile(left(terms), right(terms, panel, columnBegin), rowBegin, columnBegin, terms);
    });
  }

  /// The same where the last `copiers` threads of the block copy for the others.
  LogicalResult emitByRoles(int64_t copiers) {
    setRows(op.getBatchRank());
    if (failed(checkBoxes(op.getLhs(), "left")) || failed(checkBoxes(op.getRhs(), "right")))
      return failure();
    tile.threads -= copiers;
    const DotUnit &unit = *op.getTiling().getDotUnit();
    Value terms = e.dim(op.getLhs(), rank - 1);
    bool isOfBoxes = op.getPacked() && !hasTermsInside(unit);
    RolesProduct product(e, unit, tile, copiers, boxesOf(op.getLhs(), op.getBatchRank(), /*outerDims=*/rank - 1),
                         boxesOf(op.getRhs(), isOfBoxes ? 1 : rankOf(op.getRhs()) - 2, rankOf(op.getRhs()) - 1));
    if (canCopyBoxes(op.getInit()))
      product.storeTo(boxesOf(op.getInit(), op.getBatchRank(), /*outerDims=*/rank - 1));
    e.tasks(tasks(), [&](ArrayRef<IndexRange> ranges) {
      for (const IndexRange &range : ranges.drop_back(2))
        batch.push_back(range.begin);
      auto [tileRow, panel] = orderForCache(ranges[ranges.size() - 2].begin, ranges.back().begin);
      Value rowBegin = e.mul(tileRow, tile.rows), columnBegin = e.mul(panel, tile.columns);
      // An op of its own even where the terms are known, so that `check-rings` can try other numbers.
      Value steps = arith::CeilDivUIOp::create(e.b, e.loc, terms, e.index(tile.terms));
      TileOfProduct of = {rowBegin,    batchOf(op.getLhs()),  columnBegin, batchOf(op.getRhs()),
                          columnBegin, batchOf(op.getInit()), steps};
      if (op.getPacked()) {
        of.column = e.index(0);
        of.batchOfB = isOfBoxes ? panel : e.mul(panel, e.dim(op.getRhs(), 1));
      }
      auto store = [&](ValueRange sums, ArrayRef<SumPlace> places, int64_t neighbours) {
        storeRows(sums, places, storedTogether(epilogue(), neighbours), rowBegin, columnBegin);
      };
      // Behind the ends, an epilogue reads what it reads of the last element.
      auto finish = [&](ValueRange sums, const SumPlace &place) {
        auto count = static_cast<int64_t>(sums.size());
        Value row = e.min(e.add(rowBegin, place.row), e.sub(rows, 1));
        SmallVector<Value> indices = rowIndices(row);
        indices.push_back(e.min(e.add(columnBegin, place.column), e.sub(columns, count)));
        return finishElements(e, epilogue(), sums, indices);
      };
      product.emit(of, op.getAccumulatorType(), store, finish);
    });
    return success();
  }

private:
  static int64_t rankOf(Value memref) { return cast<MemRefType>(memref.getType()).getRank(); }

  SmallVector<TaskDim> tasks() {
    SmallVector<TaskDim> dims;
    for (int64_t dim = 0; dim < op.getBatchRank(); ++dim)
      dims.push_back({e.dim(op.getInit(), dim), 1});
    dims.push_back({e.ceilDiv(rows, tile.rows), 1});
    dims.push_back({e.ceilDiv(columns, tile.columns), 1});
    return dims;
  }

  /// Of what rows are multiples of where there is a tensor map of them, in bytes.
  static constexpr int64_t pitch = 16;

  /// Whether a launch can make a tensor map of `tensor`.
  bool hasMap(Value tensor) {
    auto argument = dyn_cast<BlockArgument>(memoryOf(tensor));
    auto kernel = op->getParentOfType<kernel::FuncOp>();
    auto type = cast<MemRefType>(tensor.getType());
    unsigned arguments = kernel.getNumArguments() - static_cast<unsigned>(kernel.getTemporaries().size());
    return argument && argument.getArgNumber() < arguments && type.getLayout().isIdentity() &&
           chunkOf(tensor, {type.getShape().back()}) == pitch;
  }

  /// Whether the hardware can copy results to `tensor`: of two neighbouring ones, threads make a word or two.
  bool canCopyBoxes(Value tensor) {
    Type element = cast<MemRefType>(tensor.getType()).getElementType();
    unsigned bits = element.isSignlessInteger() || isa<FloatType>(element) ? element.getIntOrFloatBitWidth() : 0;
    return (bits == 16 || bits == 32) && hasMap(tensor);
  }

  LogicalResult checkBoxes(Value factor, StringRef which) {
    auto kernel = op->getParentOfType<kernel::FuncOp>();
    if (hasMap(factor))
      return success();
    return op->emitError("strategy ") << kernel.getStrategy()->getName() << " cannot copy its " << which << " factor, "
                                      << factor.getType()
                                      << ", by a tensor map: that takes an argument whose rows begin "
                                      << "at multiples of " << pitch
                                      << " bytes; remove the strategy to have one chosen [strategy-unfit]";
  }

  /// `factor`, in row-major order, as `[batch, outer, inner]`, where the dims from `batchDims` to `outerDims` are
  /// outer.
  Boxes boxesOf(Value factor, int64_t batchDims, int64_t outerDims) {
    int64_t bytes = cast<MemRefType>(factor.getType()).getElementTypeBitWidth() / 8;
    Value inner = e.dim(factor, outerDims), outer = e.index(1), batches = e.index(1);
    for (int64_t dim = 0; dim < batchDims; ++dim)
      batches = e.mul(batches, e.dim(factor, dim));
    for (int64_t dim = batchDims; dim < outerDims; ++dim)
      outer = e.mul(outer, e.dim(factor, dim));
    Value pitch = e.mul(inner, bytes);
    return {factor, {inner, outer, batches}, {pitch, e.mul(pitch, outer)}};
  }

  /// The number of the matrix of `factor` that this task needs.
  Value batchOf(Value factor) {
    auto type = cast<MemRefType>(factor.getType());
    Value number = e.index(0);
    for (auto [dim, index] : llvm::enumerate(batch)) {
      if (static_cast<int64_t>(dim) >= type.getRank() - 2)
        break;
      bool isOne = type.getDimSize(dim) == 1;
      number = e.add(e.mul(number, e.dim(factor, static_cast<int64_t>(dim))), isOne ? e.index(0) : index);
    }
    return number;
  }

  /// Which tile task (`row`, `column`) computes: tasks that run at the same time go down some rows of tiles before the
  /// next column, so that they read less of both factors together.
  std::pair<Value, Value> orderForCache(Value row, Value column) {
    constexpr int64_t rowsTogether = 16;
    Value tileRows = e.ceilDiv(rows, tile.rows), tileColumns = e.ceilDiv(columns, tile.columns);
    Value number = e.add(e.mul(row, tileColumns), column), ofBand = e.mul(tileColumns, rowsTogether);
    Value first = e.mul(e.floorDiv(number, ofBand), rowsTogether);
    Value count = e.min(e.sub(tileRows, first), e.index(rowsTogether)), within = e.rem(number, ofBand);
    return {e.add(first, e.rem(within, count)), e.floorDiv(within, count)};
  }

  tile::EpilogueOpInterface epilogue() { return cast<tile::EpilogueOpInterface>(op.getOperation()); }

  Source left(Value terms) {
    auto type = cast<MemRefType>(op.getLhs().getType());
    auto indices = [this](Value row, Value term) {
      SmallVector<Value> all = rowIndices(row);
      all.push_back(term);
      return all;
    };
    return {op.getLhs(), indices, chunkOf(op.getLhs(), {type.getShape().back()}), rows, terms};
  }

  Source right(Value terms, Value panel, Value columnBegin) {
    auto type = cast<MemRefType>(op.getRhs().getType());
    if (op.getPacked()) {
      auto indices = [panel](Value term, Value column) { return SmallVector<Value>{panel, term, column}; };
      return {op.getRhs(), indices, chunkOf(op.getRhs(), {type.getShape().back()}), terms, Value()};
    }
    auto indices = [this, type, columnBegin](Value term, Value column) {
      SmallVector<Value> all;
      for (auto [dim, index] : llvm::enumerate(batch))
        all.push_back(type.getDimSize(dim) == 1 ? e.index(0) : index);
      all.append({term, e.add(columnBegin, column)});
      return all;
    };
    return {op.getRhs(), indices, chunkOf(op.getRhs(), {type.getShape().back()}), terms, e.sub(columns, columnBegin)};
  }

  ContractOp op;
};

class ConvOnThreads final : ProductLowering {
public:
  ConvOnThreads(Emitter &e, ConvOp op, int64_t threads)
      : ProductLowering(e, cast<tile::EpilogueOpInterface>(op.getOperation()), threads), op(op), spatial(rank - 2),
        taps(cast<MemRefType>(op.getFilter().getType()).getShape().slice(1, spatial)),
        channels(cast<MemRefType>(op.getInput().getType()).getShape().back()),
        groupChannels(channels / op.getGroups()) {}

  void emit() {
    setRows(0);
    int64_t panels = cast<MemRefType>(op.getFilter().getType()).getDimSize(0);
    int64_t panelsOfGroup = panels / op.getGroups(), count = groupChannels;
    for (int64_t tap : taps)
      count *= tap;
    Value terms = e.index(count);
    e.tasks({{e.ceilDiv(rows, tile.rows), 1}, {e.index(panels), 1}}, [&](ArrayRef<IndexRange> ranges) {
      Value panel = ranges[1].begin, rowBegin = e.mul(ranges[0].begin, tile.rows);
      Value channel = op.getGroups() == 1 ? e.index(0) : e.mul(e.floorDiv(panel, panelsOfGroup), groupChannels);
      emitTile(left(terms, channel), right(terms, panel), rowBegin, e.mul(panel, tile.columns), terms);
    });
  }

private:
  /// The position of each tap, and the channel in the group.
  SmallVector<Value> split(Value term) {
    SmallVector<Value> sizes;
    for (int64_t tap : taps)
      sizes.push_back(e.index(tap));
    SmallVector<Value> all = e.delinearize(e.floorDiv(term, groupChannels), sizes);
    all.push_back(e.rem(term, groupChannels));
    return all;
  }

  Source left(Value terms, Value channel) {
    auto indices = [this, channel](Value row, Value term) {
      SmallVector<Value> place = rowIndices(row), at = split(term);
      for (int64_t dim = 0; dim < spatial; ++dim)
        place[dim + 1] = e.add(e.mul(place[dim + 1], op.getStrides()[dim]), e.mul(at[dim], op.getDilations()[dim]));
      place.push_back(e.add(channel, at.back()));
      return place;
    };
    return {op.getInput(), indices, chunkOf(op.getInput(), {channels, groupChannels}), rows, terms};
  }

  Source right(Value terms, Value panel) {
    auto indices = [this, panel](Value term, Value column) {
      SmallVector<Value> all{panel};
      llvm::append_range(all, split(term));
      all.push_back(column);
      return all;
    };
    return {op.getFilter(), indices, chunkOf(op.getFilter(), {tile.columns}), terms, Value()};
  }

  ConvOp op;
  int64_t spatial;
  ArrayRef<int64_t> taps;
  int64_t channels, groupChannels;
};

struct ConvertTileToThreadsPass final : impl::ConvertTileToThreadsPassBase<ConvertTileToThreadsPass> {
  void runOnOperation() override {
    kernel::FuncOp kernel = getOperation();
    int64_t threads = kernel.getBlockThreads();
    if (threads == 0)
      return;
    SmallVector<Operation *> ops;
    kernel.walk([&](Operation *op) {
      if (isa<AttentionOp, ContractOp, ConvOp, TransposeOp>(op))
        ops.push_back(op);
    });
    int64_t copiers = device::copiersOf(kernel);
    for (Operation *op : ops) {
      OpBuilder builder(op);
      Emitter e(builder, op->getLoc());
      if (copiers > 0 && !isa<ContractOp>(op)) {
        op->emitError("strategy ") << kernel.getStrategy()->getName() << " has " << copiers
                                   << " threads that copy by tensor maps for others, which only products have; remove "
                                      "the strategy to have one chosen [strategy-unfit]";
        return signalPassFailure();
      }
      if (auto contract = dyn_cast<ContractOp>(op)) {
        ContractOnThreads product(e, contract, threads);
        if (copiers == 0)
          product.emit();
        else if (failed(product.emitByRoles(copiers)))
          return signalPassFailure();
      } else if (auto conv = dyn_cast<ConvOp>(op)) {
        ConvOnThreads(e, conv, threads).emit();
      } else if (auto attention = dyn_cast<AttentionOp>(op)) {
        emitAttention(e, attention, threads);
      } else {
        emitTranspose(e, cast<TransposeOp>(op), threads);
      }
      op->erase();
      ++numOps;
    }
  }
};

} // namespace
} // namespace lathe
