// lib/Conversion/TileToVector/Pack.cpp: panel by panel, in squares that are transposed in registers where the filters
// of a panel lie one behind the other; elsewhere zeros where something is filled up, and then every element at its
// place.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Epilogue.h"
#include "Lowerings.h"

#include "dialects/Kernel/Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe;
using lathe::tile::PackOp;

namespace {
class PackLowering {
public:
  PackLowering(Emitter &e, PackOp op)
      : e(e), op(op), type(cast<MemRefType>(op.getInput().getType())), target(cast<MemRefType>(op.getInit().getType())),
        step(op.getStep().value_or(1)) {
    for (int64_t dim : op.getOrder())
      filterSize *= type.getDimSize(dim);
  }

  void emit() {
    e.tasks({{e.dim(op.getInit(), 0), 1}}, [&](ArrayRef<IndexRange> ranges) {
      e.loop(ranges.front(), 1, [&](Value panel) {
        auto single = [&] {
          if (isFilledUp())
            fill({panel});
          copy(panel, {});
        };
        int64_t lanes = lanesOfSquares();
        if (lanes == 0)
          return single();
        Value whole = e.index(type.getDimSize(op.getTiled()) / op.getTile());
        e.ifLess(panel, whole, [&] { copySquares(panel, lanes); }, single);
      });
    });
  }

private:
  /// The sides of squares of a vector, or 0 if elements are copied one by one: a filter is to be one run in memory,
  /// with room for a vector.
  int64_t lanesOfSquares() {
    auto kernel = op->getParentOfType<kernel::FuncOp>();
    bool areRuns = op.getTiled() == 0 && type.getLayout().isIdentity() && step == 1 && !op.getStep();
    if (!kernel || !kernel.getTargetAttr() || !areRuns || !type.getElementType().isF32())
      return 0;
    int64_t lanes = kernel.getTargetAttr().getValue().vectorUnit().lanes();
    return op.getTile() % lanes == 0 && filterSize >= lanes ? lanes : 0;
  }

  void copySquares(Value panel, int64_t lanes) {
    Value filters = collapse(e, op.getInput(), groupDims(type.getRank(), 1, type.getRank()));
    Value first = e.mul(panel, op.getTile());
    auto copyFrom = [&](Value begin) {
      for (int64_t column = 0; column < static_cast<int64_t>(op.getTile()); column += lanes)
        copySquare(filters, panel, e.add(first, column), e.index(column), begin, lanes);
    };
    int64_t rest = filterSize % lanes;
    e.loop({e.index(0), e.index(filterSize - rest)}, lanes, copyFrom);
    if (rest > 0)
      copyFrom(e.index(filterSize - lanes));
  }

  /// Elements from `begin` on of the filters from `filter` on, as many of each, to columns of the panel.
  void copySquare(Value filters, Value panel, Value filter, Value column, Value begin, int64_t lanes) {
    SmallVector<Value> rows, sizes;
    for (int64_t i = 0; i < lanes; ++i)
      rows.push_back(loadVector(e, filters, {e.add(filter, i), begin}, lanes, nullptr));
    for (int64_t dim = 1; dim < type.getRank(); ++dim)
      sizes.push_back(e.index(type.getDimSize(dim)));
    for (auto [i, values] : llvm::enumerate(transposeSquare(e, rows, type.getElementTypeBitWidth() / 8))) {
      SmallVector<Value> place = e.delinearize(e.add(begin, i), sizes), places;
      for (int64_t dim : op.getOrder())
        places.push_back(place[dim - 1]);
      vector::StoreOp::create(e.b, e.loc, values, op.getInit(), placeOf(panel, places, column));
    }
  }

  /// Whether some elements of `init` come from nowhere.
  bool isFilledUp() const { return type.getNumElements() != target.getNumElements(); }

  void fill(SmallVector<Value> indices) {
    if (static_cast<int64_t>(indices.size()) == target.getRank()) {
      Value zero = arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(target.getElementType()));
      memref::StoreOp::create(e.b, e.loc, zero, op.getInit(), indices);
      return;
    }
    e.loop({e.index(0), e.dim(op.getInit(), indices.size())}, 1, [&](Value i) {
      SmallVector<Value> more(indices);
      more.push_back(i);
      fill(more);
    });
  }

  /// `places` are indices of the dims that `order` lists first.
  void copy(Value panel, SmallVector<Value> places) {
    if (places.size() < op.getOrder().size()) {
      e.loop({e.index(0), e.index(type.getDimSize(op.getOrder()[places.size()]))}, 1, [&](Value i) {
        SmallVector<Value> more(places);
        more.push_back(i);
        copy(panel, more);
      });
      return;
    }
    int64_t tile = op.getTile();
    Value first = e.mul(panel, tile), size = e.index(type.getDimSize(op.getTiled()));
    e.loop({e.index(0), e.min(e.index(tile), e.sub(size, first))}, 1, [&](Value column) {
      SmallVector<Value> from(type.getRank());
      for (auto [dim, place] : llvm::zip_equal(op.getOrder(), places))
        from[dim] = place;
      from[op.getTiled()] = e.add(first, column);
      Value element = memref::LoadOp::create(e.b, e.loc, op.getInput(), from);
      memref::StoreOp::create(e.b, e.loc, element, op.getInit(), placeOf(panel, places, column));
    });
  }

  SmallVector<Value> placeOf(Value panel, ArrayRef<Value> places, Value column) {
    SmallVector<Value> indices{panel};
    int64_t run = op.getStep() ? op.getRun().value_or(1) : 0;
    llvm::append_range(indices, places.drop_back(run));
    if (!op.getStep()) {
      indices.push_back(column);
      return indices;
    }
    Value term = e.index(0);
    for (int64_t i = places.size() - run; i < static_cast<int64_t>(places.size()); ++i)
      term = e.add(e.mul(term, type.getDimSize(op.getOrder()[i])), places[i]);
    indices.append({e.floorDiv(term, step), column, e.rem(term, step)});
    return indices;
  }

  Emitter &e;
  PackOp op;
  MemRefType type, target;
  int64_t step;
  int64_t filterSize = 1; ///< Elements of all dims but the tiled one.
};
} // namespace

void lathe::lowerPack(Emitter &e, PackOp op) { PackLowering(e, op).emit(); }
