// lib/Conversion/TileToVector/Pack.cpp: panel by panel, zeros where something is
// filled up and then every element at its place.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Lowerings.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace lathe;
using lathe::tile::PackOp;

namespace {
class PackLowering {
public:
  PackLowering(Emitter &e, PackOp op)
      : e(e), op(op), type(cast<MemRefType>(op.getInput().getType())), target(cast<MemRefType>(op.getInit().getType())),
        step(op.getStep().value_or(1)) {}

  void emit() {
    e.tasks({{e.dim(op.getInit(), 0), 1}}, [&](ArrayRef<IndexRange> ranges) {
      e.loop(ranges.front(), 1, [&](Value panel) {
        if (isFilledUp())
          fill({panel});
        copy(panel, {});
      });
    });
  }

private:
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
};
} // namespace

void lathe::lowerPack(Emitter &e, PackOp op) { PackLowering(e, op).emit(); }
