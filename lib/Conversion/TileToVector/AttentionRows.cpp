// lib/Conversion/TileToVector/AttentionRows.cpp: attention of few queries, as of a decoder: lanes are elements of heads
// where keys and values are read, each once for all queries of the task, and keys where scores become weights.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "AttentionBase.h"
#include "Epilogue.h"
#include "Lowerings.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;
using namespace lathe;
using lathe::tile::AttentionOp;

/// Vectors of a head that are in registers together.
static constexpr int64_t mostVectors = 8;

/// Sums in flight that keep the multipliers busy.
static constexpr int64_t sumsInFlight = 8;

namespace {

/// A row of elements as vectors, of which the last moves back to be whole.
struct RowVectors {
  int64_t count, lanes, size;

  RowVectors(int64_t size, int64_t most)
      : lanes(std::min<int64_t>(most, llvm::bit_floor(static_cast<uint64_t>(size)))), size(size) {
    count = llvm::divideCeil(size, lanes);
  }
  int64_t first(int64_t vector) const { return std::min(vector * lanes, size - lanes); }
};

class AttentionRows : AttentionBase {
public:
  AttentionRows(Emitter &e, AttentionOp op, const Task &of)
      : AttentionBase(e, op), ofHead(size, lanes), ofValues(width, lanes) {
    task = of;
    keys = dimOf(k, 2);
  }

  void emit() {
    int64_t few = mostQueriesInRows(lanes), block = tiling.getBlock();
    // A vector of keys that moves back begins before its block, and the last one ends behind it.
    scores = cut(1, block + 2 * lanes);
    queries = cut(few, ofHead.count * ofHead.lanes);
    result = cut(few, ofValues.count * ofValues.lanes);
    state = cut(few, 2);
    forQueries([&](Value i, Value query) { takeQuery(i, query); });
    Value reach = countKeys();
    e.loop({e.index(0), reach}, block, [&](Value begin) {
      Value count = e.min(e.index(block), e.sub(reach, begin));
      forQueries([&](Value i, Value query) { emitKeys(i, query, begin, count); });
    });
    forQueries([&](Value i, Value query) { giveResult(i, query); });
  }

private:
  void forQueries(function_ref<void(Value, Value)> body) {
    Value count = e.sub(e.add(task.last, e.index(1)), task.first);
    e.loop({e.index(0), count}, 1, [&](Value i) { body(i, e.add(task.first, i)); });
  }

  Value vectorAt(Value memref, Value row, int64_t column, int64_t lanes) {
    return loadVector(e, memref, {row, e.index(column)}, lanes, nullptr);
  }
  Value scalarAt(Value memref, Value row, int64_t column) {
    return memref::LoadOp::create(e.b, e.loc, memref, ValueRange{row, e.index(column)});
  }
  void storeScalar(Value value, Value memref, Value row, int64_t column) {
    memref::StoreOp::create(e.b, e.loc, value, memref, ValueRange{row, e.index(column)});
  }
  Value number(double value) {
    return arith::ConstantOp::create(e.b, e.loc, e.b.getF32FloatAttr(static_cast<float>(value)));
  }
  Value fma(Value a, Value b, Value c) { return vector::FMAOp::create(e.b, e.loc, a, b, c); }
  Value sumOf(Value vector) {
    return vector::ReductionOp::create(e.b, e.loc, vector::CombiningKind::ADD, vector, arith::FastMathFlags::reassoc);
  }

  /// `vector`, the last of a head, with zeros where it has what the one before has, too.
  Value onlyNew(Value vector) {
    int64_t twice = ofHead.count * ofHead.lanes - size;
    if (twice == 0)
      return vector;
    SmallVector<bool> isNew(ofHead.lanes, true);
    std::fill_n(isNew.begin(), twice, false);
    auto type = VectorType::get(ofHead.lanes, e.b.getI1Type());
    Value mask = arith::ConstantOp::create(e.b, e.loc, DenseElementsAttr::get(type, ArrayRef<bool>(isNew)));
    return select(mask, vector, splat(0, ofHead.lanes));
  }

  /// The scaled query.
  void takeQuery(Value i, Value query) {
    Value scale = splat(op.getScale().convertToDouble(), ofHead.lanes);
    for (int64_t vector = 0; vector < ofHead.count; ++vector) {
      Value value = mul(loadWide(at(q, query, e.index(ofHead.first(vector))), ofHead.lanes), scale);
      value = vector + 1 == ofHead.count ? onlyNew(value) : value;
      store(value, queries, i, e.index(vector * ofHead.lanes));
    }
    for (int64_t vector = 0; vector < ofValues.count; ++vector)
      store(splat(0, ofValues.lanes), result, i, e.index(vector * ofValues.lanes));
    storeScalar(number(std::numeric_limits<float>::lowest()), state, i, 0);
    storeScalar(number(0), state, i, 1);
  }

  /// Products of query `i` and the `count` keys from `key` on, each in a vector whose sum is the score.
  SmallVector<Value> multiply(Value i, Value key, int64_t count) {
    auto step = [&](Value column, Value first, ValueRange sums, bool isLast) {
      Value factor = loadVector(e, queries, {i, column}, ofHead.lanes, nullptr);
      SmallVector<Value> next;
      for (int64_t row = 0; row < count; ++row) {
        Value value = loadWide(at(k, e.add(key, row), first), ofHead.lanes);
        // A zero of the query alone is no number where the key is infinite.
        next.push_back(fma(isLast ? onlyNew(value) : value, factor, sums[row]));
      }
      return next;
    };
    SmallVector<Value> sums(count, splat(0, ofHead.lanes));
    int64_t last = ofHead.count - 1;
    if (last < mostVectors) {
      for (int64_t vector = 0; vector < last; ++vector)
        sums = step(e.index(vector * ofHead.lanes), e.index(ofHead.first(vector)), sums, false);
    } else {
      sums = e.loop({e.index(0), e.index(last * ofHead.lanes)}, ofHead.lanes, sums,
                    [&](Value column, ValueRange carried) { return step(column, column, carried, false); });
    }
    return step(e.index(last * ofHead.lanes), e.index(ofHead.first(last)), sums, true);
  }

  /// The scores of `count` keys from `key` on, one or a vector of them.
  Value score(Value i, Value query, Value key, int64_t count) {
    SmallVector<Value> products = multiply(i, key, count);
    Value result;
    if (count > 1 && ofHead.lanes == count) {
      SmallVector<Value> parts = transposeSquare(e, products, /*bytesOfElement=*/4);
      for (size_t some = parts.size() / 2; some > 0; some /= 2)
        for (size_t part = 0; part < some; ++part)
          parts[part] = arith::AddFOp::create(e.b, e.loc, parts[part], parts[part + some]);
      result = parts.front();
    } else {
      SmallVector<Value> sums;
      for (Value product : products)
        sums.push_back(sumOf(product));
      result = vector::FromElementsOp::create(e.b, e.loc, VectorType::get(count, f32), sums);
    }
    return finish(result, query, key, count);
  }

  /// Elements of a bias or a mask for `count` keys from `key` on.
  Value maskOf(Value values, Value query, Value key, int64_t count) {
    SmallVector<Value> indices = maskIndices(values, query, key);
    if (cast<MemRefType>(values.getType()).getDimSize(3) == 1)
      return broadcast(toWide(memref::LoadOp::create(e.b, e.loc, values, indices)), count);
    return toWide(loadVector(e, values, indices, count, nullptr));
  }

  Value finish(Value score, Value query, Value key, int64_t count) {
    score = capped(score, count);
    if (op.getBias())
      score = arith::AddFOp::create(e.b, e.loc, score, maskOf(op.getBias(), query, key, count));
    Value hidden = splat(op.getHidden().convertToDouble(), count);
    if (op.getMask()) {
      Value seen = maskOf(op.getMask(), query, key, count);
      score =
          select(arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::UNE, seen, splat(0, count)), score, hidden);
    }
    if (op.getCausal()) {
      Type i64 = e.b.getI64Type();
      SmallVector<int64_t> numbers = llvm::to_vector(llvm::seq<int64_t>(0, count));
      auto type = VectorType::get(count, i64);
      Value lane = arith::ConstantOp::create(e.b, e.loc, DenseElementsAttr::get(type, ArrayRef<int64_t>(numbers)));
      // How far behind the first of these keys the last one is that the query sees.
      Value reach = e.sub(e.add(query, op.getCausal()), key);
      Value most = broadcast(arith::IndexCastOp::create(e.b, e.loc, i64, reach), count);
      score = select(arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::sle, lane, most), score, hidden);
    }
    return score;
  }

  void emitKeys(Value i, Value query, Value begin, Value count) {
    Value zero = e.index(0);
    auto whole = [&] {
      Value last = e.sub(keys, e.index(lanes));
      e.loop({zero, count}, lanes, [&](Value key) {
        Value from = e.min(e.add(begin, key), last);
        store(score(i, query, from, lanes), scores, zero, e.add(e.sub(from, begin), lanes));
      });
    };
    auto single = [&] {
      e.loop({zero, count}, 1,
             [&](Value key) { store(score(i, query, e.add(begin, key), 1), scores, zero, e.add(key, lanes)); });
    };
    e.ifLess(keys, e.index(lanes), single, whole);
    // Lanes behind the last key weigh nothing.
    store(splat(-std::numeric_limits<double>::infinity()), scores, zero, e.add(count, lanes));
    multiplyValues(i, begin, count, weigh(i, count));
  }

  /// Scores become exponentials. Returns the factor by which what was summed before shrinks.
  Value weigh(Value i, Value count) {
    Value zero = e.index(0), before = scalarAt(state, i, 0);
    auto at = [&](Value key) { return load(scores, zero, e.add(key, lanes)); };
    Value most = e.loop({zero, count}, lanes, ValueRange{broadcast(before)}, [&](Value key, ValueRange carried) {
                    return SmallVector<Value>{larger(at(key), carried.front())};
                  }).front();
    most = vector::ReductionOp::create(e.b, e.loc, vector::CombiningKind::MAXNUMF, most);
    Value wide = broadcast(most);
    Value sum = e.loop({zero, count}, lanes, ValueRange{splat(0)}, [&](Value key, ValueRange carried) {
                   Value weight = exponential(at(key), wide);
                   store(weight, scores, zero, e.add(key, lanes));
                   return SmallVector<Value>{arith::AddFOp::create(e.b, e.loc, carried.front(), weight)};
                 }).front();
    Value factor = exponential(before, most);
    storeScalar(most, state, i, 0);
    Value old = mul(scalarAt(state, i, 1), factor);
    storeScalar(arith::AddFOp::create(e.b, e.loc, old, sumOf(sum)), state, i, 1);
    return factor;
  }

  void multiplyValues(Value i, Value begin, Value count, Value shrink) {
    for (int64_t from = 0; from < ofValues.count; from += mostVectors) {
      int64_t vectors = std::min(mostVectors, ofValues.count - from);
      // Keys in turn have sums of their own.
      int64_t sets = std::max<int64_t>(sumsInFlight / vectors, 1);
      Value factor = broadcast(shrink, ofValues.lanes);
      SmallVector<Value> sums;
      for (int64_t vector = from; vector < from + vectors; ++vector)
        sums.push_back(mul(vectorAt(result, i, vector * ofValues.lanes, ofValues.lanes), factor));
      sums.resize(sets * vectors, splat(0, ofValues.lanes));
      auto step = [&](Value key, int64_t set, SmallVector<Value> &sums) {
        Value weight = memref::LoadOp::create(e.b, e.loc, scores, ValueRange{e.index(0), e.add(key, lanes)});
        weight = broadcast(weight, ofValues.lanes);
        for (int64_t vector = 0; vector < vectors; ++vector) {
          Value value = loadWide(at(v, e.add(begin, key), e.index(ofValues.first(from + vector))), ofValues.lanes);
          Value &sum = sums[set * vectors + vector];
          sum = fma(value, weight, sum);
        }
      };
      Value rest = e.rem(count, sets), end = e.sub(count, rest);
      sums = e.loop({e.index(0), end}, sets, sums, [&](Value key, ValueRange carried) {
        SmallVector<Value> next(carried);
        for (int64_t set = 0; set < sets; ++set)
          step(e.add(key, set), set, next);
        return next;
      });
      for (int64_t set = 1; set < sets; ++set)
        for (int64_t vector = 0; vector < vectors; ++vector)
          sums[vector] = arith::AddFOp::create(e.b, e.loc, sums[vector], sums[set * vectors + vector]);
      sums.truncate(vectors);
      sums = e.loop({end, count}, 1, sums, [&](Value key, ValueRange carried) {
        SmallVector<Value> next(carried);
        step(key, 0, next);
        return next;
      });
      for (int64_t vector = 0; vector < vectors; ++vector)
        store(sums[vector], result, i, e.index((from + vector) * ofValues.lanes));
    }
  }

  void giveResult(Value i, Value query) {
    Value share = shareOf(broadcast(scalarAt(state, i, 1), ofValues.lanes), ofValues.lanes);
    for (int64_t vector = 0; vector < ofValues.count; ++vector) {
      Value value = mul(vectorAt(result, i, vector * ofValues.lanes, ofValues.lanes), share);
      ElementPlace to = at(y, query, e.index(ofValues.first(vector)));
      storeVector(e, narrow(value), to.memref, to.indices, nullptr);
    }
  }

  RowVectors ofHead, ofValues;
  /// Parts of the scratch memory: scores of one query, behind a vector's room; and a row of each query: itself, its
  /// result, the largest score and the sum of weights.
  Value scores, queries, result, state;
};

} // namespace

void lathe::emitAttentionRows(Emitter &e, AttentionOp op, const AttentionBase::Task &task) {
  AttentionRows(e, op, task).emit();
}
