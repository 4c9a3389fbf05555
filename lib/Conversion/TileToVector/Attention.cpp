// lib/Conversion/TileToVector/Attention.cpp: attention with queries in lanes, so that keys and values are
// read in place, an element at a time, and maxima and sums over keys need no step across lanes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Epilogue.h"
#include "Lowerings.h"
#include "MicroKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace lathe;
using lathe::tile::AttentionOp;

/// Steps in a round of the inner loops.
static constexpr int64_t unroll = 4;

namespace {

enum Place : unsigned { q, k, v, y };

class AttentionLowering {
public:
  AttentionLowering(Emitter &e, AttentionOp op)
      : e(e), op(op), tiling(op.getTiling()), lanes(tiling.getLanes()), size(op.sizeOf(q, 3)), width(op.sizeOf(v, 3)),
        f32(e.b.getF32Type()), vectorType(VectorType::get(lanes, f32)), plain(DotEmitter::create(nullptr, f32)),
        factors(DotEmitter::create(tiling.getDotUnit(), f32)) {}

  void emit() {
    Value batch = dimOf(y, 0), heads = dimOf(y, 1), queries = dimOf(y, 2);
    keys = dimOf(k, 2);
    int64_t share = op.sizeOf(q, 1) == op.sizeOf(k, 1) ? 1 : op.sizeOf(q, 1) / op.sizeOf(k, 1);
    int64_t most = tiling.getVectors() * lanes;
    e.tasks({{batch, 1}, {heads, 1}, {queries, most}}, [&](ArrayRef<IndexRange> ranges) {
      task = {ranges[0].begin, ranges[1].begin, e.floorDiv(ranges[1].begin, share), ranges[2].begin,
              e.sub(ranges[2].end, e.index(1))};
      auto whole = [&] { emitBlock(tiling.getVectors(), tiling.getRows()); };
      // A last block of few queries has vectors of its own.
      std::optional<int64_t> known = constantIndex(queries);
      bool hasFew = tiling.getVectors() > 1 && (!known || (*known % most > 0 && *known % most <= lanes));
      if (!hasFew)
        return whole();
      e.ifLess(e.index(lanes), e.sub(ranges[2].end, ranges[2].begin), whole,
               [&] { emitBlock(1, tiling.getRows() * tiling.getVectors()); });
    });
  }

private:
  /// What a task computes: queries from `first` to `last`.
  struct Task {
    Value batch, head, sharedHead, first, last;
  };

  //===--- Places ---------------------------------------------------------===//

  Value memrefOf(Place place) { return place == y ? op.getInit() : op->getOperand(place); }

  Value dimOf(Place place, int64_t dim) {
    bool isMoved = op.getHeadsInside()[place] && (dim == 1 || dim == 2);
    return e.dim(memrefOf(place), isMoved ? 3 - dim : dim);
  }

  /// Element `element` of row `row` of the task's head.
  ElementPlace at(Place place, Value row, Value element) {
    Value head = place == k || place == v ? task.sharedHead : task.head;
    SmallVector<Value> indices = {task.batch, head, row, element};
    if (op.getHeadsInside()[place])
      std::swap(indices[1], indices[2]);
    return {memrefOf(place), indices};
  }

  /// The query in lane `lane` of the task; lanes behind the last query compute that one again.
  Value query(Value lane) { return e.min(e.add(task.first, lane), task.last); }

  /// `[rows][columns]` in the scratch memory, behind what was cut off before.
  Value cut(int64_t rows, int64_t columns) {
    auto layout = StridedLayoutAttr::get(e.b.getContext(), used, {columns, 1});
    auto type = MemRefType::get({rows, columns}, f32, layout);
    Value view = memref::ReinterpretCastOp::create(e.b, e.loc, type, op.getScratch(), used,
                                                   ArrayRef<int64_t>{rows, columns}, ArrayRef<int64_t>{columns, 1});
    used += rows * columns;
    return view;
  }

  Value load(Value memref, Value row, Value column) { return loadVector(e, memref, {row, column}, lanes, nullptr); }
  void store(Value value, Value memref, Value row, Value column) {
    vector::StoreOp::create(e.b, e.loc, value, memref, ValueRange{row, column});
  }
  Value load(Value memref, int64_t row, int64_t vector) { return load(memref, e.index(row), e.index(vector * lanes)); }
  void store(Value value, Value memref, int64_t row, int64_t vector) {
    store(value, memref, e.index(row), e.index(vector * lanes));
  }

  //===--- Arithmetic -----------------------------------------------------===//

  Value splat(double number) {
    return arith::ConstantOp::create(
        e.b, e.loc, SplatElementsAttr::get(vectorType, e.b.getF32FloatAttr(static_cast<float>(number))));
  }
  Value broadcast(Value scalar) {
    return vector::BroadcastOp::create(e.b, e.loc, VectorType::get(lanes, scalar.getType()), scalar);
  }
  Value select(Value condition, Value a, Value b) { return arith::SelectOp::create(e.b, e.loc, condition, a, b); }
  /// The larger one; of a NaN on the left, what is on the right.
  Value larger(Value a, Value b) {
    return select(arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::OGT, a, b), a, b);
  }
  Value mul(Value a, Value b) { return arith::MulFOp::create(e.b, e.loc, a, b); }
  Value exponential(Value a, Value b) {
    return math::ExpOp::create(e.b, e.loc, arith::SubFOp::create(e.b, e.loc, a, b));
  }

  /// Elements of `place` in f32.
  Value loadWide(const ElementPlace &place) {
    return factors->widenA(e, loadVector(e, asStored(e, place.memref), place.indices, lanes, nullptr)).front();
  }
  Type elementOf(Value memref) { return cast<MemRefType>(memref.getType()).getElementType(); }
  Value toWide(Value value) {
    Type element = getElementTypeOrSelf(value.getType());
    if (element == f32)
      return value;
    auto vector = dyn_cast<VectorType>(value.getType());
    Type wide = vector ? Type(vector.clone(f32)) : f32;
    if (element.isInteger(1))
      return arith::UIToFPOp::create(e.b, e.loc, wide, value);
    return arith::ExtFOp::create(e.b, e.loc, wide, value);
  }

  /// Calls `whole` for each vector of `count` columns, of which the last moves back to be whole; or
  /// `one` for each column if there is no whole one.
  void forColumns(int64_t count, function_ref<void(Value)> whole, function_ref<void(Value)> one) {
    if (count < lanes)
      return e.loop({e.index(0), e.index(count)}, 1, one);
    e.loop({e.index(0), e.index(count)}, lanes,
           [&](Value column) { whole(count % lanes == 0 ? column : e.min(column, e.index(count - lanes))); });
  }

  void forVectors(int64_t vectors, function_ref<void(Value)> body) {
    e.loop({e.index(0), e.index(vectors * lanes)}, lanes, body);
  }

  //===--- A block of queries ---------------------------------------------===//

  void emitBlock(int64_t count, int64_t rows) {
    vectors = count;
    tileRows = rows;
    used = 0;
    int64_t columns = vectors * lanes, room = tiling.getBlock();
    queries = cut(size, columns);
    result = cut(width, columns);
    state = cut(2, columns);
    scores = cut(room, columns);
    // A vector of keys that moves back begins before its block.
    if (isOfQueries(op.getBias()))
      bias = cut(room + 2 * lanes, columns);
    if (isOfQueries(op.getMask()))
      mask = cut(room + 2 * lanes, columns);
    if (tiling.getUnit()) {
      wideKeys = cut(tiling.getBlock(), size);
      wideValues = cut(tiling.getBlock(), width);
    }
    takeQueries();
    e.loop({e.index(0), e.index(width)}, 1,
           [&](Value row) { forVectors(vectors, [&](Value column) { store(splat(0), result, row, column); }); });
    for (int64_t vector = 0; vector < vectors; ++vector) {
      store(splat(std::numeric_limits<float>::lowest()), state, 0, vector);
      store(splat(0), state, 1, vector);
    }
    Value reach = countKeys();
    std::optional<int64_t> known = constantIndex(reach);
    bool isEven = known && *known % tiling.getBlock() == 0;
    e.loop({e.index(0), reach}, tiling.getBlock(), [&](Value begin) {
      Value count = isEven ? e.index(tiling.getBlock()) : e.min(e.index(tiling.getBlock()), e.sub(reach, begin));
      emitKeys(begin, count);
    });
    giveResult();
  }

  /// Keys that some query of the task sees. Keys that a finite number hides count: for a query of which a mask or a
  /// bias hides all others, too, as much as these.
  Value countKeys() {
    if (!op.getCausal() || !std::isinf(op.getHidden().convertToDouble()))
      return keys;
    Value reach = e.add(e.add(task.last, e.index(1)), op.getCausal());
    return arith::MaxSIOp::create(e.b, e.loc, e.min(reach, keys), e.index(0));
  }

  void takeQueries() {
    Value scale = splat(op.getScale().convertToDouble());
    forVectors(vectors, [&](Value lane) {
      forColumns(
          size,
          [&](Value column) {
            SmallVector<Value> rows;
            for (int64_t i = 0; i < lanes; ++i)
              rows.push_back(loadWide(at(q, query(e.add(lane, i)), column)));
            for (auto [i, values] : llvm::enumerate(transposeSquare(e, rows, /*bytesOfElement=*/4)))
              store(mul(values, scale), queries, e.add(column, i), lane);
          },
          [&](Value column) {
            e.loop({e.index(0), e.index(lanes)}, 1, [&](Value i) {
              Value value = factors->loadA(e, at(q, query(e.add(lane, i)), column), 1);
              Value factor = vector::ExtractOp::create(e.b, e.loc, scale, 0);
              memref::StoreOp::create(e.b, e.loc, mul(value, factor), queries, ValueRange{column, e.add(lane, i)});
            });
          });
    });
  }

  void giveResult() {
    for (int64_t vector = 0; vector < vectors; ++vector) {
      Value sum = load(state, 1, vector);
      Value factor = arith::DivFOp::create(e.b, e.loc, splat(1), sum);
      if (op.getZeroRows())
        factor = select(arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::OEQ, sum, splat(0)), splat(0), factor);
      // Over no keys, sums are 0.
      if (constantIndex(keys).value_or(0) == 0) {
        Value isNone = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq, keys, e.index(0));
        factor = select(isNone, splat(0), factor);
      }
      store(factor, state, 1, vector);
    }
    Type element = elementOf(op.getInit());
    auto narrow = [&](Value value) {
      auto vector = dyn_cast<VectorType>(value.getType());
      Type type = vector ? Type(vector.clone(element)) : element;
      return element == f32 ? value : arith::TruncFOp::create(e.b, e.loc, type, value).getResult();
    };
    forVectors(vectors, [&](Value lane) {
      Value factor = load(state, e.index(1), lane);
      forColumns(
          width,
          [&](Value column) {
            SmallVector<Value> rows;
            for (int64_t i = 0; i < lanes; ++i)
              rows.push_back(mul(load(result, e.add(column, i), lane), factor));
            for (auto [i, values] : llvm::enumerate(transposeSquare(e, rows, /*bytesOfElement=*/4))) {
              ElementPlace to = at(y, query(e.add(lane, i)), column);
              storeVector(e, narrow(values), to.memref, to.indices, nullptr);
            }
          },
          [&](Value column) {
            e.loop({e.index(0), e.index(lanes)}, 1, [&](Value i) {
              Value value = memref::LoadOp::create(e.b, e.loc, result, ValueRange{column, e.add(lane, i)});
              Value own = memref::LoadOp::create(e.b, e.loc, state, ValueRange{e.index(1), e.add(lane, i)});
              ElementPlace to = at(y, query(e.add(lane, i)), column);
              memref::StoreOp::create(e.b, e.loc, narrow(mul(value, own)), to.memref, to.indices);
            });
          });
    });
  }

  //===--- A block of keys ------------------------------------------------===//

  void emitKeys(Value begin, Value count) {
    if (tiling.getUnit()) {
      widen(k, size, begin, count, wideKeys);
      widen(v, width, begin, count, wideValues);
    }
    multiplyKeys(begin, count);
    if (bias)
      takeMask(op.getBias(), begin, count, bias);
    if (mask)
      takeMask(op.getMask(), begin, count, mask);
    SmallVector<Value> factors = weigh(begin, count);
    multiplyValues(begin, count, factors);
  }

  /// Rows of half precision, once for all queries.
  void widen(Place place, int64_t columns, Value begin, Value count, Value to) {
    e.loop({e.index(0), count}, 1, [&](Value row) {
      forColumns(
          columns, [&](Value column) { store(loadWide(at(place, e.add(begin, row), column)), to, row, column); },
          [&](Value column) {
            Value value = factors->loadA(e, at(place, e.add(begin, row), column), 1);
            memref::StoreOp::create(e.b, e.loc, value, to, ValueRange{row, column});
          });
    });
  }

  MicroKernel microKernel(int64_t rows, Value terms, Value right) {
    MicroKernel kernel;
    kernel.dot = plain.get();
    kernel.rows = rows;
    kernel.vectors = vectors;
    kernel.unroll = unroll;
    kernel.inner = {e.index(0), terms};
    kernel.rhs = [this, right](ValueRange, Value, Value term, int64_t, int64_t vector) {
      return load(right, term, e.index(vector * lanes));
    };
    return kernel;
  }

  void multiplyKeys(Value begin, Value count) {
    e.rowTiles({e.index(0), count}, count, tileRows, DynamicTail::MoveBack, [&](Value key, int64_t rows) {
      MicroKernel kernel = microKernel(rows, e.index(size), queries);
      kernel.lhs = [&](ValueRange, Value element, int64_t i) {
        Value row = e.add(key, i);
        return wideKeys ? ElementPlace{wideKeys, {row, element}} : at(k, e.add(begin, row), element);
      };
      SmallVector<Value> sums = kernel.emit(e, SmallVector<Value>(rows * vectors, splat(0)));
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t vector = 0; vector < vectors; ++vector)
          store(sums[i * vectors + vector], scores, e.add(key, i), e.index(vector * lanes));
    });
  }

  /// Whether `values`, a bias or a mask, differs from query to query.
  bool isOfQueries(Value values) { return values && cast<MemRefType>(values.getType()).getDimSize(2) != 1; }

  /// The element of a bias or a mask for `query` and `key`.
  SmallVector<Value> maskIndices(Value values, Value query, Value key) {
    SmallVector<Value> indices = {task.batch, task.head, query, key};
    for (auto [dim, index] : llvm::enumerate(indices))
      if (cast<MemRefType>(values.getType()).getDimSize(dim) == 1)
        index = e.index(0);
    return indices;
  }

  /// Rows of a bias or a mask as columns: key `begin + i` is row `lanes + i` of `to`.
  void takeMask(Value values, Value begin, Value count, Value to) {
    auto whole = [&] {
      Value last = e.sub(keys, e.index(lanes));
      e.loop({e.index(0), count}, lanes, [&](Value key) {
        Value from = e.min(e.add(begin, key), last), row = e.add(e.sub(from, begin), lanes);
        forVectors(vectors, [&](Value lane) {
          SmallVector<Value> rows;
          for (int64_t i = 0; i < lanes; ++i)
            rows.push_back(
                toWide(loadVector(e, values, maskIndices(values, query(e.add(lane, i)), from), lanes, nullptr)));
          for (auto [i, column] : llvm::enumerate(transposeSquare(e, rows, /*bytesOfElement=*/4)))
            store(column, to, e.add(row, i), lane);
        });
      });
    };
    auto single = [&] {
      e.loop({e.index(0), count}, 1, [&](Value key) {
        e.loop({e.index(0), e.index(vectors * lanes)}, 1, [&](Value lane) {
          Value value = memref::LoadOp::create(e.b, e.loc, values, maskIndices(values, query(lane), e.add(begin, key)));
          memref::StoreOp::create(e.b, e.loc, toWide(value), to, ValueRange{e.add(key, lanes), lane});
        });
      });
    };
    e.ifLess(keys, e.index(lanes), single, whole);
  }

  /// A vector of what `values` has for `key`, `columns` being its rows as columns if it differs by query.
  Value maskOf(Value values, Value columns, Value begin, Value key, int64_t vector) {
    if (columns)
      return load(columns, e.add(key, lanes), e.index(vector * lanes));
    Value scalar = memref::LoadOp::create(e.b, e.loc, values, maskIndices(values, e.index(0), e.add(begin, key)));
    return broadcast(toWide(scalar));
  }

  /// The score as the softmax takes it.
  Value finish(Value score, Value begin, Value key, int64_t vector) {
    if (double cap = op.getSoftcap().convertToDouble(); cap > 0)
      score = mul(math::TanhOp::create(e.b, e.loc, arith::DivFOp::create(e.b, e.loc, score, splat(cap))), splat(cap));
    if (op.getBias())
      score = arith::AddFOp::create(e.b, e.loc, score, maskOf(op.getBias(), bias, begin, key, vector));
    Value hidden = splat(op.getHidden().convertToDouble());
    if (op.getMask()) {
      Value seen = maskOf(op.getMask(), mask, begin, key, vector);
      score = select(arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::UNE, seen, splat(0)), score, hidden);
    }
    if (op.getCausal()) {
      // How many keys before this one the first lane's query sees last, against the lane.
      Value behind = e.sub(e.sub(e.add(begin, key), op.getCausal()), task.first);
      Type i64 = e.b.getI64Type();
      auto type = VectorType::get(lanes, i64);
      SmallVector<int64_t> numbers;
      for (int64_t lane = 0; lane < lanes; ++lane)
        numbers.push_back(vector * lanes + lane);
      Value lane = arith::ConstantOp::create(e.b, e.loc, DenseElementsAttr::get(type, ArrayRef<int64_t>(numbers)));
      Value least = broadcast(arith::IndexCastOp::create(e.b, e.loc, i64, behind));
      score = select(arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::sge, lane, least), score, hidden);
    }
    return score;
  }

  /// Scores become exponentials. Returns the factors by which what was summed before shrinks.
  SmallVector<Value> weigh(Value begin, Value count) {
    bool isChanged = op.getSoftcap().convertToDouble() > 0 || op.getBias() || op.getMask() || op.getCausal();
    SmallVector<Value> before, sums;
    for (int64_t vector = 0; vector < vectors; ++vector) {
      before.push_back(load(state, 0, vector));
      sums.push_back(splat(0));
    }
    SmallVector<Value> most = e.loop({e.index(0), count}, 1, before, [&](Value key, ValueRange carried) {
      SmallVector<Value> next;
      for (int64_t vector = 0; vector < vectors; ++vector) {
        Value score = load(scores, key, e.index(vector * lanes));
        if (isChanged) {
          score = finish(score, begin, key, vector);
          store(score, scores, key, e.index(vector * lanes));
        }
        next.push_back(larger(score, carried[vector]));
      }
      return next;
    });
    sums = e.loop({e.index(0), count}, 1, sums, [&](Value key, ValueRange carried) {
      SmallVector<Value> next;
      for (int64_t vector = 0; vector < vectors; ++vector) {
        Value weight = exponential(load(scores, key, e.index(vector * lanes)), most[vector]);
        store(weight, scores, key, e.index(vector * lanes));
        next.push_back(arith::AddFOp::create(e.b, e.loc, carried[vector], weight));
      }
      return next;
    });
    SmallVector<Value> factors;
    for (int64_t vector = 0; vector < vectors; ++vector) {
      factors.push_back(exponential(before[vector], most[vector]));
      store(most[vector], state, 0, vector);
      Value sum = vector::FMAOp::create(e.b, e.loc, load(state, 1, vector), factors[vector], sums[vector]);
      store(sum, state, 1, vector);
    }
    return factors;
  }

  void multiplyValues(Value begin, Value count, ArrayRef<Value> shrink) {
    e.rowTiles({e.index(0), e.index(width)}, e.index(width), tileRows, DynamicTail::Shrink,
               [&](Value first, int64_t rows) {
                 MicroKernel kernel = microKernel(rows, count, scores);
                 kernel.lhs = [&](ValueRange, Value key, int64_t i) {
                   Value element = e.add(first, i);
                   return wideValues ? ElementPlace{wideValues, {key, element}} : at(v, e.add(begin, key), element);
                 };
                 SmallVector<Value> sums;
                 for (int64_t i = 0; i < rows; ++i)
                   for (int64_t vector = 0; vector < vectors; ++vector)
                     sums.push_back(mul(load(result, e.add(first, i), e.index(vector * lanes)), shrink[vector]));
                 sums = kernel.emit(e, sums);
                 for (int64_t i = 0; i < rows; ++i)
                   for (int64_t vector = 0; vector < vectors; ++vector)
                     store(sums[i * vectors + vector], result, e.add(first, i), e.index(vector * lanes));
               });
  }

  Emitter &e;
  AttentionOp op;
  tile::TilingAttr tiling;
  int64_t lanes, size, width;
  Type f32;
  VectorType vectorType;
  std::unique_ptr<DotEmitter> plain, factors;
  Value keys;
  Task task;
  int64_t vectors = 0, tileRows = 0; ///< Of the block of queries.
  int64_t used = 0;                  ///< Of the scratch memory.
  /// Parts of the scratch memory, with a query in each column: queries and the result by element; the largest score
  /// and the sum of weights; scores, then weights, and masks by key.
  Value queries, result, state, scores, bias, mask;
  Value wideKeys, wideValues; ///< Keys and values of the block in f32.
};

} // namespace

void lathe::lowerAttention(Emitter &e, AttentionOp op) { AttentionLowering(e, op).emit(); }
