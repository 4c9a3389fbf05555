// lib/Conversion/TileToVector/Attention.cpp: attention with queries in lanes, so that keys and values are
// read in place, an element at a time, and maxima and sums over keys need no step across lanes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "AttentionBase.h"
#include "Epilogue.h"
#include "Lowerings.h"
#include "MicroKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace lathe;
using lathe::tile::AttentionOp;

/// Steps in a round of the inner loops.
static constexpr int64_t unroll = 4;

namespace {

class AttentionLowering : AttentionBase {
public:
  AttentionLowering(Emitter &e, AttentionOp op)
      : AttentionBase(e, op), plain(DotEmitter::create(nullptr, e.b.getF32Type())) {}

  void emit() {
    Value batch = dimOf(y, 0), heads = dimOf(y, 1), queries = dimOf(y, 2);
    keys = dimOf(k, 2);
    int64_t share = op.sizeOf(q, 1) == op.sizeOf(k, 1) ? 1 : op.sizeOf(q, 1) / op.sizeOf(k, 1);
    int64_t most = tiling.getVectors() * lanes;
    e.tasks({{batch, 1}, {heads, 1}, {queries, most}}, [&](ArrayRef<IndexRange> ranges) {
      task = {ranges[0].begin, ranges[1].begin, e.floorDiv(ranges[1].begin, share), ranges[2].begin,
              e.sub(ranges[2].end, e.index(1))};
      Value count = e.sub(ranges[2].end, ranges[2].begin);
      std::optional<int64_t> known = constantIndex(queries);
      int64_t few = mostQueriesInRows(lanes);
      auto many = [&] { emitQueries(count, known); };
      if (known && (*known % most == 0 || *known % most > few))
        return many();
      e.ifLess(e.index(few), count, many, [&] { emitAttentionRows(e, op, task); });
    });
  }

private:
  /// The `count` queries of the task, of `all` if that is known.
  void emitQueries(Value count, std::optional<int64_t> all) {
    int64_t most = tiling.getVectors() * lanes;
    auto whole = [&] { emitBlock(tiling.getVectors(), tiling.getRows()); };
    // A last block of few queries has vectors of its own.
    bool hasFew = tiling.getVectors() > 1 && (!all || (*all % most > 0 && *all % most <= lanes));
    if (!hasFew)
      return whole();
    e.ifLess(e.index(lanes), count, whole, [&] { emitBlock(1, tiling.getRows() * tiling.getVectors()); });
  }

  /// The query in lane `lane` of the task; lanes behind the last query compute that one again.
  Value query(Value lane) { return e.min(e.add(task.first, lane), task.last); }

  using AttentionBase::load;
  using AttentionBase::store;
  Value load(Value memref, int64_t row, int64_t vector) { return load(memref, e.index(row), e.index(vector * lanes)); }
  void store(Value value, Value memref, int64_t row, int64_t vector) {
    store(value, memref, e.index(row), e.index(vector * lanes));
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

  void takeQueries() {
    Value scale = splat(op.getScale().convertToDouble());
    forVectors(vectors, [&](Value lane) {
      forColumns(
          size,
          [&](Value column) {
            SmallVector<Value> rows;
            for (int64_t i = 0; i < lanes; ++i)
              rows.push_back(loadWide(at(q, query(e.add(lane, i)), column), lanes));
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
      store(shareOf(load(state, 1, vector), lanes), state, 1, vector);
    }
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
          columns, [&](Value column) { store(loadWide(at(place, e.add(begin, row), column), lanes), to, row, column); },
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
    score = capped(score, lanes);
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
    bool isChanged = changesScores();
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

  std::unique_ptr<DotEmitter> plain;
  int64_t vectors = 0, tileRows = 0; ///< Of the block of queries.
  /// Parts of the scratch memory, with a query in each column: queries and the result by element; the largest score
  /// and the sum of weights; scores, then weights, and masks by key.
  Value queries, result, state, scores, bias, mask;
  Value wideKeys, wideValues; ///< Keys and values of the block in f32.
};

} // namespace

void lathe::lowerAttention(Emitter &e, AttentionOp op) { AttentionLowering(e, op).emit(); }
