// lib/Conversion/TileToThreads/Attention.cpp: attention on tensor cores.
//
// A block computes some rows of queries, a warp 16 or 32 of them, and passes all keys and values through a ring. The
// sums of a product of queries and keys lie in the registers of lanes as the left factor of the next product wants its
// terms, so weights never leave them (Dao, arXiv:2307.08691). Queries that share keys are rows of one matrix.
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Attention.h"
#include "../TileToVector/Epilogue.h"
#include "Copier.h"
#include "Elements.h"
#include "TensorCore.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <limits>

using namespace mlir;
using lathe::tile::AttentionOp;

namespace lathe {

/// Lanes that have sums of one row.
static constexpr int64_t lanesOfRow = 4;
/// Of a block, for whom numbers of threads are known to be less.
static constexpr int64_t mostThreads = 1024;
static constexpr double log2e = 1.4426950408889634;

namespace {

enum Place : unsigned { q, k, v, y };

/// Rows of `count` elements in a slot, whole chunks and those whole factors of tensor cores, of which the lanes of a
/// warp read eight rows at once from different banks.
SlotLayout layoutOf(int64_t outer, int64_t count, int64_t bytes) {
  int64_t chunks = llvm::alignTo(count * bytes, TensorCore::termBytes) / chunkBytes;
  chunks = chunks <= bankChunks ? llvm::PowerOf2Ceil(chunks) : llvm::alignTo(chunks, bankChunks);
  int64_t shift = chunks < bankChunks ? llvm::Log2_64(bankChunks / chunks) : 0;
  return {outer, chunks * chunkBytes / bytes, bytes, shift};
}

class AttentionOnThreads {
public:
  AttentionOnThreads(Emitter &e, AttentionOp op, int64_t threads)
      : e(e), op(op), threads(threads), unit(*op.getTiling().getDotUnit()),
        element(cast<MemRefType>(op.getQ().getType()).getElementType()), core(unit, element), bytes(bytesOf(unit.a)),
        perTerm(TensorCore::termBytes / bytes), size(llvm::alignTo(op.sizeOf(q, 3), perTerm)),
        width(llvm::alignTo(op.sizeOf(v, 3), perTerm)), block(op.getTiling().getBlock()),
        rowsOfTask(op.getTiling().getRows()), tiles(rowsOfTask / (threads / warpLanes) / TensorCore::rows),
        ofQ(layoutOf(rowsOfTask, size, bytes)), ofK(layoutOf(block, size, bytes)), ofV(layoutOf(block, width, bytes)),
        f32(e.b.getF32Type()) {
    double factor = op.getScale().convertToDouble() * log2e, hidden = op.getHidden().convertToDouble();
    isPlain = !op.getBias() && op.getSoftcap().convertToDouble() == 0 && factor > 0 && factor <= 1 &&
              std::isinf(hidden) && hidden < 0;
    exponent = isPlain ? factor : log2e;
  }

  void emit() {
    queries = dimOf(q, 2);
    keys = dimOf(k, 2);
    share = op.sizeOf(q, 1) == op.sizeOf(k, 1) ? 1 : op.sizeOf(q, 1) / op.sizeOf(k, 1);
    rows = e.mul(queries, share);
    e.tasks({{dimOf(y, 0), 1}, {dimOf(k, 1), 1}, {rows, rowsOfTask}}, [&](ArrayRef<IndexRange> ranges) {
      batch = ranges[0].begin;
      sharedHead = ranges[1].begin;
      first = ranges[2].begin;
      emitTask(e.sub(ranges[2].end, 1));
    });
  }

private:
  /// A row of the sums of a thread.
  struct Row {
    Value number, head, query;
  };

  //===--- Places ---------------------------------------------------------===//

  Value memrefOf(Place place) { return place == y ? op.getInit() : op->getOperand(place); }

  Value dimOf(Place place, int64_t dim) {
    bool isMoved = op.getHeadsInside()[place] && (dim == 1 || dim == 2);
    return e.dim(memrefOf(place), isMoved ? 3 - dim : dim);
  }

  SmallVector<Value> indicesOf(Place place, Value head, Value row, Value column) {
    SmallVector<Value> indices = {batch, head, row, column};
    if (op.getHeadsInside()[place])
      std::swap(indices[1], indices[2]);
    return indices;
  }

  /// The head and the query of row `number`.
  Row rowAt(Value number) {
    if (share == 1)
      return {number, sharedHead, number};
    return {number, e.add(e.mul(sharedHead, share), e.floorDiv(number, queries)), e.rem(number, queries)};
  }

  Source sourceOf(Place place, Value end) {
    Value memref = memrefOf(place);
    int64_t count = op.sizeOf(place, 3), filled = place == v ? width : size;
    auto indices = [this, place](Value outer, Value inner) {
      Row row = place == q ? rowAt(outer) : Row{outer, sharedHead, outer};
      return indicesOf(place, row.head, row.query, inner);
    };
    Source source = {memref, indices, chunkOf(memref, {count}), end, filled == count ? Value() : e.index(count)};
    if (place != q || share == 1) {
      auto metadata = memref::ExtractStridedMetadataOp::create(e.b, e.loc, memref);
      source.rowStride = metadata.getStrides()[op.getHeadsInside()[place] ? 1 : 2];
    }
    return source;
  }

  //===--- Arithmetic -----------------------------------------------------===//

  Value number(double value) {
    return arith::ConstantOp::create(e.b, e.loc, e.b.getF32FloatAttr(static_cast<float>(value)));
  }
  Value word(int64_t value) { return arith::ConstantIntOp::create(e.b, e.loc, value, 32); }
  Value asWord(Value index) { return arith::IndexCastOp::create(e.b, e.loc, e.b.getI32Type(), index); }
  Value mul(Value a, Value b) { return arith::MulFOp::create(e.b, e.loc, a, b); }
  Value add(Value a, Value b) { return arith::AddFOp::create(e.b, e.loc, a, b); }
  Value sub(Value a, Value b) { return arith::SubFOp::create(e.b, e.loc, a, b); }
  Value larger(Value a, Value b) { return arith::MaxNumFOp::create(e.b, e.loc, a, b); }
  Value select(Value condition, Value a, Value b) { return arith::SelectOp::create(e.b, e.loc, condition, a, b); }
  Value isLess(Value a, Value b) { return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::slt, a, b); }
  Value toWide(Value value) {
    return value.getType() == f32 ? value : arith::ExtFOp::create(e.b, e.loc, f32, value).getResult();
  }

  /// 2 to the power of `value`, to 22 bits.
  Value powerOf2(Value value) {
    return LLVM::CallIntrinsicOp::create(e.b, e.loc, f32, e.b.getStringAttr("llvm.nvvm.ex2.approx.ftz.f"),
                                         ValueRange{value})
        .getResult(0);
  }

  /// What the lanes with sums of a row make of `value` together.
  Value overRow(Value value, llvm::function_ref<Value(Value, Value)> combine) {
    for (int64_t lanes = 1; lanes < lanesOfRow; lanes *= 2) {
      Value bits = arith::BitcastOp::create(e.b, e.loc, e.b.getI32Type(), value);
      Value other = NVVM::ShflOp::create(e.b, e.loc, e.b.getI32Type(), word(-1), bits, word(lanes), word(warpLanes - 1),
                                         NVVM::ShflKind::bfly, UnitAttr());
      value = combine(value, arith::BitcastOp::create(e.b, e.loc, f32, other));
    }
    return value;
  }

  //===--- A task ---------------------------------------------------------===//

  void emitTask(Value last) {
    Value thread = arith::IndexCastOp::create(e.b, e.loc, e.b.getIndexType(),
                                              NVVM::ThreadIdXOp::create(e.b, e.loc, e.b.getI32Type()));
    lastRow = last;
    ownRows.clear();
    if (share > 1)
      findOwn(thread);
    findReach(last);
    SmallVector<Value> results = passKeys(thread);
    findOwn(thread);
    auto sumsAt = static_cast<size_t>(2 * tiles);
    store(ArrayRef(results).drop_front(2 * sumsAt), ArrayRef(results).slice(sumsAt, sumsAt));
  }

  /// `thread`, in a register of its own from here on: what is computed of it is not kept in others around the loop.
  Value anew(Value thread) {
    Value word = asWord(thread);
    Value same = LLVM::InlineAsmOp::create(e.b, e.loc, word.getType(), word, "mov.b32 $0, $1;", "=r,r",
                                           /*has_side_effects=*/true, /*is_align_stack=*/false,
                                           LLVM::tailcallkind::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr())
                     .getResult(0);
    return e.rem(arith::IndexCastUIOp::create(e.b, e.loc, e.b.getIndexType(), same), mostThreads);
  }

  /// What of the task is `thread`'s. What rows are takes quotients where queries share keys, and is kept.
  void findOwn(Value thread) {
    Value own = anew(thread);
    lane = e.rem(own, warpLanes);
    group = e.floorDiv(lane, lanesOfRow);
    member = e.rem(lane, lanesOfRow);
    warpRow = e.mul(e.floorDiv(own, warpLanes), tiles * TensorCore::rows);
    if (share > 1 && !ownRows.empty())
      return;
    ownRows.clear();
    for (int64_t i = 0; i < 2 * tiles; ++i) {
      Value row = e.add(e.add(e.add(first, warpRow), i * TensorCore::rows / 2), group);
      Row place = rowAt(e.min(row, lastRow));
      place.number = row;
      ownRows.push_back(place);
    }
  }

  /// Keys from `reach` on no query of the task sees, and before `seen` all see all. Keys that a finite number hides
  /// count: for a query of which a mask or a bias hides all others, too, as much as these.
  void findReach(Value last) {
    reach = seen = keys;
    if (!op.getCausal())
      return;
    Row from = rowAt(first), to = rowAt(last);
    Value most = to.query, least = from.query;
    if (share > 1) {
      Value isOne = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq, from.head, to.head);
      most = select(isOne, most, e.sub(queries, 1));
      least = select(isOne, least, e.index(0));
    }
    auto limit = [&](Value query) { return e.add(e.add(query, 1), op.getCausal()); };
    seen = e.min(limit(least), keys);
    if (std::isinf(op.getHidden().convertToDouble()))
      reach = arith::MaxSIOp::create(e.b, e.loc, e.min(limit(most), keys), e.index(0));
  }

  /// The largest score and the sum of weights of each row, and the sums of values.
  SmallVector<Value> passKeys(Value thread) {
    int64_t slots = std::max<int64_t>(op.getTiling().getPrefetch(), 2), ahead = slots - 1;
    int64_t slotBytes = ofK.bytes() + ofV.bytes();
    Value ofQueries = createBlockMemory(e, ofQ.bytes()), ring = createBlockMemory(e, slots * slotBytes);
    Source fromQ = sourceOf(q, rows), fromK = sourceOf(k, keys), fromV = sourceOf(v, keys);
    explainNarrow(op, fromQ, "queries");
    explainNarrow(op, fromK, "keys");
    explainNarrow(op, fromV, "values");
    auto slotAt = [&](Value slot) { return addressAt(e, ring, e.mul(slot, slotBytes)); };
    auto behindK = [&](Value slot) { return addressAt(e, slot, e.index(ofK.bytes())); };
    auto fill = [&](Value number, Value step) {
      Value slot = slotAt(number), key = e.mul(step, block), own = anew(thread);
      Copier(e, fromK, ofK, threads, own, size).copy(e, slot, key, e.index(0));
      Copier(e, fromV, ofV, threads, own, width).copy(e, behindK(slot), key, e.index(0));
    };
    auto commit = [&] { NVVM::CpAsyncCommitGroupOp::create(e.b, e.loc); };
    Value steps = e.ceilDiv(reach, block);
    Copier(e, fromQ, ofQ, threads, anew(thread), size).copy(e, ofQueries, first, e.index(0));
    for (int64_t i = 0; i < ahead; ++i) {
      fill(e.index(i), e.index(i));
      commit();
    }
    auto count = static_cast<size_t>(2 * tiles);
    SmallVector<Value> inits(count, number(std::numeric_limits<float>::lowest()));
    inits.append(count + static_cast<size_t>(tiles * width / 2), number(0));
    inits.push_back(e.index(0));
    SmallVector<Value> results = e.loop({e.index(0), steps}, 1, inits, [&](Value step, ValueRange carried) {
      // All but the last copies are there, of every thread; and every thread is done with the slot that is filled next.
      NVVM::CpAsyncWaitGroupOp::create(e.b, e.loc, static_cast<uint32_t>(ahead - 1));
      NVVM::Barrier0Op::create(e.b, e.loc);
      Value turn = carried.back(), next = e.add(step, ahead), slot = slotAt(turn);
      e.ifLess(next, steps, [&] { fill(e.rem(e.add(turn, ahead), slots), next); });
      commit();
      findOwn(thread);
      SmallVector<Value> scores = multiplyKeys(ofQueries, slot);
      finishScores(scores, e.mul(step, block));
      SmallVector<Value> state(carried.drop_back());
      weigh(scores, state);
      multiplyValues(scores, behindK(slot), MutableArrayRef(state).drop_front(2 * count));
      state.push_back(e.rem(e.add(turn, 1), slots));
      return state;
    });
    // The next task has the memory from here on.
    NVVM::CpAsyncWaitGroupOp::create(e.b, e.loc, 0u);
    NVVM::Barrier0Op::create(e.b, e.loc);
    results.pop_back();
    return results;
  }

  /// Where number `i` of the four of an instruction for the tile of rows `tile` and the eighth `column` of `of`
  /// columns is.
  static size_t sumAt(int64_t tile, int64_t column, int64_t of, int64_t i) {
    return static_cast<size_t>((tile * of / TensorCore::columns + column) * 4 + i);
  }

  void multiplyAdd(MutableArrayRef<Value> sums, size_t at, ValueRange a, ValueRange b) {
    MutableArrayRef<Value> four = sums.slice(at, 4);
    llvm::copy(core.multiplyAdd(e, a, b, SmallVector<Value>(four)), four.begin());
  }

  /// Lane l says where row l modulo 8 of square l / 8 is: squares are side by side (`isRowMajor`) or first below each
  /// other.
  Value addressOfSquares(Value base, const SlotLayout &layout, Value row, int64_t column, bool isRowMajor) {
    Value low = e.rem(lane, 8), second = e.rem(e.floorDiv(lane, 8), 2), upper = e.floorDiv(lane, 16);
    Value down = e.add(low, e.mul(isRowMajor ? upper : second, 8));
    Value right = e.mul(isRowMajor ? second : upper, chunkBytes / bytes);
    return addressAt(e, base, layout.offset(e, e.add(row, down), e.add(right, column)));
  }

  /// The products of queries and of the block of keys.
  SmallVector<Value> multiplyKeys(Value ofQueries, Value slot) {
    SmallVector<Value> sums(static_cast<size_t>(tiles * block / 2), number(0));
    for (int64_t term = 0; term < size; term += perTerm) {
      SmallVector<SmallVector<Value>> left;
      for (int64_t tile = 0; tile < tiles; ++tile)
        left.push_back(core.load(
            e, addressOfSquares(ofQueries, ofQ, e.add(warpRow, tile * TensorCore::rows), term, /*isRowMajor=*/false),
            /*isTransposed=*/false));
      for (int64_t key = 0; key < block; key += 2 * TensorCore::columns) {
        SmallVector<Value> right = core.load(e, addressOfSquares(slot, ofK, e.index(key), term, /*isRowMajor=*/true),
                                             /*isTransposed=*/false);
        for (int64_t half = 0; half < 2; ++half)
          for (int64_t tile = 0; tile < tiles; ++tile)
            multiplyAdd(sums, sumAt(tile, key / TensorCore::columns + half, block, 0), left[static_cast<size_t>(tile)],
                        ArrayRef(right).slice(static_cast<size_t>(2 * half), 2));
      }
    }
    return sums;
  }

  /// Adds the product of weights and of the block of values.
  void multiplyValues(ArrayRef<Value> weights, Value slot, MutableArrayRef<Value> sums) {
    for (int64_t key = 0; key < block; key += perTerm) {
      SmallVector<SmallVector<Value>> left;
      for (int64_t tile = 0; tile < tiles; ++tile)
        left.push_back(weightsOf(weights, tile, key));
      for (int64_t column = 0; column < width; column += 2 * TensorCore::columns) {
        SmallVector<Value> right = valuesOf(slot, key, column);
        for (int64_t half = 0; half < static_cast<int64_t>(right.size()) / 2; ++half)
          for (int64_t tile = 0; tile < tiles; ++tile)
            multiplyAdd(sums, sumAt(tile, column / TensorCore::columns + half, width, 0),
                        left[static_cast<size_t>(tile)], ArrayRef(right).slice(static_cast<size_t>(2 * half), 2));
      }
    }
  }

  /// The left factor with the weights from `key` on. Of f32, a lane has words 2 m and 2 m + 1 of the terms instead of m
  /// and m + 4: the order of terms is free.
  SmallVector<Value> weightsOf(ArrayRef<Value> weights, int64_t tile, int64_t key) {
    auto at = [&](int64_t column, int64_t i) {
      return weights[sumAt(tile, key / TensorCore::columns + column, block, i)];
    };
    if (bytes == 4)
      return {core.round(e, at(0, 0)), core.round(e, at(0, 2)), core.round(e, at(0, 1)), core.round(e, at(0, 3))};
    return {core.narrow(e, at(0, 0), at(0, 1)), core.narrow(e, at(0, 2), at(0, 3)), core.narrow(e, at(1, 0), at(1, 1)),
            core.narrow(e, at(1, 2), at(1, 3))};
  }

  /// The right factors of two times eight columns, as far as there are so many.
  SmallVector<Value> valuesOf(Value slot, int64_t key, int64_t column) {
    if (bytes == 2)
      return core.load(e, addressOfSquares(slot, ofV, e.index(key), column, /*isRowMajor=*/false),
                       /*isTransposed=*/true);
    SmallVector<Value> words;
    constexpr int64_t perChunk = chunkBytes / 4;
    Value chunk = e.mul(e.floorDiv(group, perChunk), perChunk), within = e.mul(e.rem(group, perChunk), 4);
    for (int64_t eight = column; eight < std::min(column + 2 * TensorCore::columns, width);
         eight += TensorCore::columns)
      for (int64_t i = 0; i < 2; ++i) {
        Value row = e.add(e.mul(member, 2), key + i), offset = ofV.offset(e, row, e.add(chunk, eight));
        Value address = addressAt(e, slot, e.add(offset, within));
        words.push_back(core.round(e, LLVM::LoadOp::create(e.b, e.loc, f32, address, /*alignment=*/4)));
      }
    return words;
  }

  //===--- Scores ---------------------------------------------------------===//

  /// Calls `body` for each score of the thread's row `row`, with the key from the first of the lane on.
  void forScores(size_t row, llvm::function_ref<void(size_t at, int64_t key)> body) {
    for (int64_t column = 0; column < block / TensorCore::columns; ++column)
      for (int64_t i = 0; i < 2; ++i)
        body(sumAt(static_cast<int64_t>(row) / 2, column, block, static_cast<int64_t>(row) % 2 * 2 + i),
             column * TensorCore::columns + i);
  }

  /// What `values`, a bias or a mask, has for two neighbouring keys of `row`, of which the first is at an even place.
  SmallVector<Value> masksOf(Value values, const Row &row, Value key) {
    auto type = cast<MemRefType>(values.getType());
    Value last = e.sub(keys, 1);
    auto indicesAt = [&](Value at) {
      SmallVector<Value> indices = {batch, row.head, row.query, at};
      for (auto [dim, index] : llvm::enumerate(indices))
        if (type.getDimSize(static_cast<unsigned>(dim)) == 1)
          index = e.index(0);
      return indices;
    };
    if (areTogether(type, 2)) { // Then keys are even, too.
      auto two = VectorType::get(2, type.getElementType());
      Value at = e.min(key, e.sub(keys, 2));
      Value loaded = vector::LoadOp::create(
          e.b, e.loc, two, values, indicesAt(at), /*nontemporal=*/false,
          llvm::Align(static_cast<uint64_t>(llvm::divideCeil(2 * type.getElementTypeBitWidth(), 8))));
      return {vector::ExtractOp::create(e.b, e.loc, loaded, 0), vector::ExtractOp::create(e.b, e.loc, loaded, 1)};
    }
    SmallVector<Value> result;
    for (int64_t i = 0; i < 2; ++i)
      result.push_back(memref::LoadOp::create(e.b, e.loc, values, indicesAt(e.min(e.add(key, i), last))));
    return result;
  }

  /// From products to what the softmax takes, where `begin` is the first key.
  void finishScores(SmallVector<Value> &scores, Value begin) {
    Value hidden = number(op.getHidden().convertToDouble()), own = e.add(begin, e.mul(member, 2));
    double cap = op.getSoftcap().convertToDouble();
    Value bias = op.getBias(), mask = op.getMask() ? asStored(e, op.getMask()) : Value();
    for (size_t row = 0; row < ownRows.size(); ++row) {
      SmallVector<Value> biases, masks;
      forScores(row, [&](size_t at, int64_t key) {
        Value &score = scores[at];
        auto read = [&](Value values, SmallVector<Value> &two) {
          if (key % 2 == 0)
            two = masksOf(values, ownRows[row], e.add(own, key));
          return two[static_cast<size_t>(key % 2)];
        };
        if (!isPlain)
          score = mul(score, number(op.getScale().convertToDouble()));
        if (cap > 0) {
          Value part = arith::DivFOp::create(e.b, e.loc, score, number(cap));
          score = mul(math::TanhOp::create(e.b, e.loc, part), number(cap));
        }
        if (bias)
          score = add(score, toWide(read(bias, biases)));
        if (mask) {
          Value stored = read(mask, masks),
                none = arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(stored.getType()));
          Value isSeen = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne, stored, none);
          score = select(isSeen, score, hidden);
        }
      });
    }
    cutKeys(scores, begin, own, hidden);
  }

  /// Hides the keys behind the last and those that a query does not see yet, where the block has some.
  void cutKeys(SmallVector<Value> &scores, Value begin, Value own, Value hidden) {
    std::optional<int64_t> known = constantIndex(keys);
    if (!op.getCausal() && known && *known % block == 0)
      return;
    Value isCut = isLess(seen, e.add(begin, block));
    auto branch = scf::IfOp::create(e.b, e.loc, TypeRange(ValueRange(scores)), isCut, /*addThenBlock=*/true,
                                    /*addElseBlock=*/true);
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(e.b, e.loc, scores);
    e.b.setInsertionPointToStart(branch.thenBlock());
    Value none = number(-std::numeric_limits<double>::infinity()), before = asWord(e.sub(keys, own));
    for (size_t row = 0; row < ownRows.size(); ++row) {
      Value seenHere;
      if (op.getCausal())
        seenHere = asWord(e.sub(e.add(e.add(ownRows[row].query, 1), op.getCausal()), own));
      forScores(row, [&](size_t at, int64_t key) {
        if (seenHere)
          scores[at] = select(isLess(word(key), seenHere), scores[at], hidden);
        if (!known || *known % block != 0)
          scores[at] = select(isLess(word(key), before), scores[at], none);
      });
    }
    scf::YieldOp::create(e.b, e.loc, scores);
    llvm::copy(branch.getResults(), scores.begin());
  }

  /// Scores become weights; `state` has the largest scores, the sums of weights that this lane has seen, and the sums
  /// of values, which shrink.
  void weigh(SmallVector<Value> &scores, SmallVector<Value> &state) {
    Value factor = number(exponent);
    size_t count = ownRows.size();
    for (size_t row = 0; row < count; ++row) {
      Value before = state[row], most = scores[sumAt(static_cast<int64_t>(row) / 2, 0, block, row % 2 * 2)];
      forScores(row, [&](size_t at, int64_t key) { most = key == 0 ? most : larger(most, scores[at]); });
      most = larger(before, overRow(most, [&](Value a, Value b) { return larger(a, b); }));
      // Scores may be so large that only their difference times the factor is a number; and sums of a row whose largest
      // score stays do not shrink.
      auto weightOf = [&](Value score) { return powerOf2(mul(sub(score, most), factor)); };
      Value shrink = weightOf(before), sum = mul(state[count + row], shrink);
      forScores(row, [&](size_t at, int64_t) {
        scores[at] = weightOf(scores[at]);
        sum = add(sum, scores[at]);
      });
      state[row] = most;
      state[count + row] = sum;
      for (int64_t column = 0; column < width / TensorCore::columns; ++column)
        for (int64_t i = 0; i < 2; ++i) {
          Value &value = state[2 * count + sumAt(static_cast<int64_t>(row) / 2, column, width,
                                                 static_cast<int64_t>(row) % 2 * 2 + i)];
          value = mul(value, shrink);
        }
    }
  }

  //===--- The result -----------------------------------------------------===//

  /// By what the sums of values of a row are multiplied at last.
  Value lastFactor(Value sum) {
    sum = overRow(sum, [&](Value a, Value b) { return add(a, b); });
    Value factor = arith::DivFOp::create(e.b, e.loc, number(1), sum);
    if (op.getZeroRows())
      factor = select(arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::OEQ, sum, number(0)), number(0), factor);
    // Over no keys, sums are 0.
    if (constantIndex(keys).value_or(0) == 0) {
      Value isNone = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq, keys, e.index(0));
      factor = select(isNone, number(0), factor);
    }
    return factor;
  }

  void store(ArrayRef<Value> sums, ArrayRef<Value> sumsOfWeights) {
    Value memref = op.getInit();
    int64_t columns = op.sizeOf(v, 3), together = areTogether(memref.getType(), 2) ? 2 : 1;
    auto narrow = [&](Value value, Type type) {
      return element == f32 ? value : arith::TruncFOp::create(e.b, e.loc, type, value).getResult();
    };
    for (size_t row = 0; row < ownRows.size(); ++row) {
      const Row &own = ownRows[row];
      Value factor = lastFactor(sumsOfWeights[row]);
      e.ifLess(own.number, rows, [&] {
        for (int64_t column = 0; column < columns; column += TensorCore::columns)
          for (int64_t i = 0; i < 2; i += together) {
            size_t at = sumAt(static_cast<int64_t>(row) / 2, column / TensorCore::columns, width,
                              static_cast<int64_t>(row) % 2 * 2 + i);
            Value place = e.add(e.mul(member, 2), column + i);
            auto one = [&] {
              SmallVector<Value> to = indicesOf(y, own.head, own.query, place);
              Value value = mul(sums[at], factor);
              if (together == 1) {
                memref::StoreOp::create(e.b, e.loc, narrow(value, element), memref, to);
                return;
              }
              auto two = VectorType::get(2, f32);
              Value both =
                  vector::FromElementsOp::create(e.b, e.loc, two, ValueRange{value, mul(sums[at + 1], factor)});
              vector::StoreOp::create(e.b, e.loc, narrow(both, two.clone(element)), memref, to, /*nontemporal=*/false,
                                      llvm::Align(static_cast<uint64_t>(2 * bytes)));
            };
            if (column + TensorCore::columns <= columns)
              one();
            else
              e.ifLess(place, e.index(columns), one);
          }
      });
    }
  }

  Emitter &e;
  AttentionOp op;
  int64_t threads;
  const DotUnit &unit;
  Type element;
  TensorCore core;
  int64_t bytes, perTerm;    ///< Of an element, and elements of 32 bytes.
  int64_t size, width;       ///< Of heads of keys and of values, in whole factors.
  int64_t block;             ///< Keys in a slot.
  int64_t rowsOfTask, tiles; ///< And tiles of 16 rows of a warp.
  SlotLayout ofQ, ofK, ofV;
  Type f32;
  bool isPlain = false; ///< Scores are products, of which exponentials take the scale.
  double exponent = 0;  ///< By which differences of scores are multiplied to be powers of 2.
  int64_t share = 1;    ///< Heads of queries for one of keys.
  Value queries, keys, rows;
  Value batch, sharedHead, first, lastRow; ///< Of the task, and its rows.
  Value reach, seen;
  Value lane, group, member, warpRow; ///< Lane `4 group + member`.
  SmallVector<Row, 4> ownRows;
};

} // namespace

void emitAttention(Emitter &e, AttentionOp op, int64_t threads) { AttentionOnThreads(e, op, threads).emit(); }

} // namespace lathe
