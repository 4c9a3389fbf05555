// lib/Conversion/TileToThreads/Multiplier.cpp: what multiplies tiles: tensor cores, or each thread by itself.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Product.h"
#include "TensorCore.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace lathe {

namespace {

//===----------------------------------------------------------------------===//
// Tensor cores
//===----------------------------------------------------------------------===//

/// `mma.sync` of 16 rows, 8 columns and 32 bytes of terms, of which a lane holds 4 side by
/// side. A warp has half of the rows and 32 columns of the tile.
///
/// Halves come from memory as squares that the hardware turns. For what is of another size it
/// does not: the lanes with one eighth of the columns have words of four neighbours, and each of
/// those goes to another instruction, so that column `c` of instruction `j` is column `4 c + j`.
class WarpMultiplier final : public Multiplier {
public:
  static constexpr int64_t mmaRows = TensorCore::rows, mmaColumns = TensorCore::columns,
                           mmaTermBytes = TensorCore::termBytes, wordBytes = 4;
  static constexpr int64_t warpColumns = 32, warpsOfRows = 2, mmasOfRow = warpColumns / mmaColumns;

  WarpMultiplier(Emitter &e, const DotUnit &unit, Type element, const ProductTile &tile, Value thread)
      : core(unit, element), tile(tile), warpRows(tile.rows / warpsOfRows), bytes(bytesOf(unit.a)) {
    lane = e.rem(thread, warpLanes);
    group = e.floorDiv(lane, 4);
    member = e.rem(lane, 4);
    Value warp = e.floorDiv(thread, warpLanes);
    int64_t warpsOfColumns = tile.columns / warpColumns;
    rowBegin = e.mul(e.floorDiv(warp, warpsOfColumns), warpRows);
    columnBegin = e.mul(e.rem(warp, warpsOfColumns), warpColumns);
  }

  SlotLayout layoutOfA() const override { return {tile.rows, tile.terms, bytes, /*shift=*/1}; }
  SlotLayout layoutOfB() const override {
    // The lanes of four members read at once what is as many rows apart as terms are in a word.
    if (!isOfHalves())
      return {tile.terms, tile.columns, bytes, llvm::Log2_64(wordBytes / bytes), /*permutesPairs=*/true};
    return {tile.terms, tile.columns, bytes, /*shift=*/0};
  }
  int64_t sums() const override { return warpRows / mmaRows * mmasOfRow * 4; }

  SmallVector<Value> multiply(Emitter &e, Value a, Value b, ValueRange sums,
                              llvm::function_ref<void()> meanwhile) override {
    meanwhile();
    SmallVector<Value> result(sums);
    for (int64_t term = 0; term < tile.terms; term += mmaTermBytes / bytes) {
      SmallVector<SmallVector<Value>> ofA;
      // Lane l of each half of a warp says where row l is.
      Value row = e.rem(lane, 16), half = e.mul(e.floorDiv(lane, 16), chunkBytes / bytes);
      for (int64_t i = 0; i < warpRows; i += mmaRows)
        ofA.push_back(load(e, a, layoutOfA(), e.add(e.add(rowBegin, row), i), e.add(half, term), false));
      SmallVector<SmallVector<Value>> ofB = isOfHalves() ? loadHalves(e, b, term) : loadWords(e, b, term);
      for (auto [i, x] : llvm::enumerate(ofA))
        for (auto [j, y] : llvm::enumerate(ofB)) {
          SmallVector<Value> four;
          for (int64_t n = 0; n < 4; ++n)
            four.push_back(result[sumAt(i, j, n)]);
          for (auto [n, next] : llvm::enumerate(core.multiplyAdd(e, x, y, four)))
            result[sumAt(i, j, n)] = next;
        }
    }
    return result;
  }

  SmallVector<SumPlace> places(Emitter &e) override {
    SmallVector<SumPlace> result(sums());
    Value first = e.add(rowBegin, group), column = e.add(columnBegin, e.mul(member, isOfHalves() ? 2 : 2 * mmasOfRow));
    for (int64_t i = 0; i < warpRows / mmaRows; ++i)
      for (int64_t half = 0; half < 2; ++half) {
        Value row = e.add(first, i * mmaRows + half * 8);
        for (int64_t j = 0; j < mmasOfRow; ++j)
          for (int64_t n = 0; n < 2; ++n) {
            int64_t offset = isOfHalves() ? j * mmaColumns + n : n * mmasOfRow + j;
            result[sumAt(i, j, 2 * half + n)] = {row, e.add(column, offset)};
          }
      }
    return result;
  }
  int64_t neighbours() const override { return isOfHalves() ? 2 : 2 * mmasOfRow; }

private:
  bool isOfHalves() const { return bytes == 2; }

  /// Where number `n` of the four of instruction `j` in rows `i` is: those of one row are side by side, and of them
  /// those of neighbouring columns.
  size_t sumAt(int64_t i, int64_t j, int64_t n) const {
    int64_t row = i * 2 + n / 2, column = isOfHalves() ? j * 2 + n % 2 : n % 2 * mmasOfRow + j;
    return row * mmasOfRow * 2 + column;
  }

  /// The right factors of each instruction: two registers with the terms from `term` on.
  SmallVector<SmallVector<Value>> loadHalves(Emitter &e, Value b, int64_t term) {
    SmallVector<SmallVector<Value>> result;
    Value row = e.rem(lane, 16), half = e.mul(e.floorDiv(lane, 16), 8);
    for (int64_t j = 0; j < warpColumns; j += 2 * mmaColumns) {
      SmallVector<Value> two =
          load(e, b, layoutOfB(), e.add(row, term), e.add(e.add(columnBegin, half), j), /*isTransposed=*/true);
      result.push_back({two[0], two[1]});
      result.push_back({two[2], two[3]});
    }
    return result;
  }

  /// The same where a register has one term of 4 bytes, or four of one.
  SmallVector<SmallVector<Value>> loadWords(Emitter &e, Value b, int64_t term) {
    SmallVector<SmallVector<Value>> result(mmasOfRow);
    int64_t perWord = wordBytes / bytes, perHalf = mmaTermBytes / bytes / 2;
    for (int64_t half = 0; half < 2; ++half) {
      Value row = e.add(e.mul(member, perWord), term + half * perHalf);
      SmallVector<Value> words = bytes == 1 ? loadBytes(e, b, row) : loadFloats(e, b, row);
      for (auto [j, word] : llvm::enumerate(words))
        result[j].push_back(word);
    }
    return result;
  }

  /// Four neighbours of row `row`.
  SmallVector<Value> loadFloats(Emitter &e, Value b, Value row) {
    Value column = e.add(columnBegin, e.mul(group, mmasOfRow));
    Value address = addressAt(e, b, layoutOfB().offset(e, row, column));
    Value loaded = LLVM::LoadOp::create(e.b, e.loc, VectorType::get(mmasOfRow, e.b.getF32Type()), address, chunkBytes);
    SmallVector<Value> result;
    for (int64_t i = 0; i < mmasOfRow; ++i) {
      Value position = LLVM::ConstantOp::create(e.b, e.loc, e.b.getI32IntegerAttr(static_cast<int32_t>(i)));
      result.push_back(core.round(e, LLVM::ExtractElementOp::create(e.b, e.loc, loaded, position)));
    }
    return result;
  }

  /// Of four neighbouring columns, the bytes of the four rows from `row` on: a square that is turned.
  SmallVector<Value> loadBytes(Emitter &e, Value b, Value row) {
    SmallVector<Value> words;
    Value chunk = e.add(columnBegin, e.mul(e.floorDiv(group, wordBytes), chunkBytes));
    Value within = e.mul(e.rem(group, wordBytes), wordBytes);
    for (int64_t i = 0; i < wordBytes; ++i) {
      Value address = addressAt(e, b, e.add(layoutOfB().offset(e, e.add(row, i), chunk), within));
      words.push_back(LLVM::LoadOp::create(e.b, e.loc, e.b.getI32Type(), address, wordBytes));
    }
    // A digit of the selector is a byte of the result: 0 to 3 of the first word, 4 to 7 of the second.
    auto pick = [&](Value low, Value high, int32_t selector) -> Value {
      Value digits = LLVM::ConstantOp::create(e.b, e.loc, e.b.getI32IntegerAttr(selector));
      return NVVM::PermuteOp::create(e.b, e.loc, e.b.getI32Type(), low, high, digits, NVVM::PermuteMode::DEFAULT);
    };
    SmallVector<Value> result;
    SmallVector<Value> ofFirst, ofLast;
    for (int32_t selector : {0x5140, 0x7362}) {
      ofFirst.push_back(pick(words[0], words[1], selector));
      ofLast.push_back(pick(words[2], words[3], selector));
    }
    for (size_t i = 0; i < 2; ++i)
      for (int32_t selector : {0x5410, 0x7632})
        result.push_back(pick(ofFirst[i], ofLast[i], selector));
    return result;
  }

  SmallVector<Value> load(Emitter &e, Value base, const SlotLayout &layout, Value row, Value column,
                          bool isTransposed) {
    return core.load(e, addressAt(e, base, layout.offset(e, row, column)), isTransposed);
  }

  TensorCore core;
  ProductTile tile;
  int64_t warpRows, bytes;
  Value lane, group, member, rowBegin, columnBegin; ///< Lane `4 group + member`.
};

//===----------------------------------------------------------------------===//
// Threads by themselves
//===----------------------------------------------------------------------===//

/// A thread has a square of sums. It reads 16 bytes of each of its rows, and with each
/// term four neighbouring columns at once.
class ThreadMultiplier final : public Multiplier {
public:
  static constexpr int64_t side = 16, neighbourColumns = 4;

  ThreadMultiplier(Emitter &e, const DotUnit *unit, Type a, Type b, Type sum, const ProductTile &tile, Value thread)
      : unit(unit), a(a), b(b), sum(sum), tile(tile), rows(tile.rows / side), columns(tile.columns / side) {
    rowBegin = e.mul(e.floorDiv(thread, side), rows);
    columnBegin = e.mul(e.rem(thread, side), neighbourColumns);
  }

  SlotLayout layoutOfA() const override { return {tile.rows, tile.terms, bytesOf(a), /*shift=*/3}; }
  SlotLayout layoutOfB() const override { return {tile.terms, tile.columns, bytesOf(b), /*shift=*/3}; }
  int64_t sums() const override { return rows * columns; }

  SmallVector<Value> multiply(Emitter &e, Value atA, Value atB, ValueRange sums,
                              llvm::function_ref<void()> meanwhile) override {
    meanwhile();
    int64_t terms = chunkBytes / bytesOf(a);
    return e.loop({e.index(0), e.index(tile.terms)}, terms, sums, [&](Value term, ValueRange carried) {
      SmallVector<Value> result(carried);
      SmallVector<SmallVector<Value>> ofA;
      for (int64_t i = 0; i < rows; ++i)
        ofA.push_back(load(e, atA, layoutOfA(), e.add(rowBegin, i), term, a, terms, isUnsigned(true)));
      for (int64_t t = 0; t < terms; ++t) {
        SmallVector<Value> ofB;
        for (int64_t j = 0; j < columns; j += neighbourColumns)
          llvm::append_range(ofB, load(e, atB, layoutOfB(), e.add(term, t), e.add(columnBegin, j * side), b,
                                       neighbourColumns, isUnsigned(false)));
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < columns; ++j) {
            Value &one = result[i * columns + j];
            one = multiplyAdd(e, ofA[i][t], ofB[j], one);
          }
      }
      return result;
    });
  }

  SmallVector<SumPlace> places(Emitter &e) override {
    SmallVector<SumPlace> result;
    for (int64_t i = 0; i < rows; ++i) {
      Value row = e.add(rowBegin, i);
      for (int64_t j = 0; j < columns; ++j)
        result.push_back(
            {row, e.add(columnBegin, j / neighbourColumns * neighbourColumns * side + j % neighbourColumns)});
    }
    return result;
  }
  int64_t neighbours() const override { return neighbourColumns; }

private:
  static int64_t bytesOf(Type type) { return type.getIntOrFloatBitWidth() / 8; }
  bool isUnsigned(bool isLeft) const { return unit && (isLeft ? unit->a : unit->b) == DotType::U8; }

  /// `count` neighbours in a row, in the type of the sums.
  SmallVector<Value> load(Emitter &e, Value base, const SlotLayout &layout, Value row, Value column, Type element,
                          int64_t count, bool isUnsigned) {
    int64_t perChunk = chunkBytes / layout.elementBytes;
    SmallVector<Value> result;
    for (int64_t first = 0; first < count; first += perChunk) {
      int64_t length = std::min(count - first, perChunk);
      Value at = e.add(column, first), within = e.rem(at, perChunk);
      Value offset = e.add(layout.offset(e, row, e.sub(at, within)), e.mul(within, layout.elementBytes));
      Value loaded = LLVM::LoadOp::create(e.b, e.loc, VectorType::get(length, element), addressAt(e, base, offset),
                                          /*alignment=*/static_cast<unsigned>(length * layout.elementBytes));
      for (int64_t i = 0; i < length; ++i) {
        Value position = LLVM::ConstantOp::create(e.b, e.loc, e.b.getI32IntegerAttr(static_cast<int32_t>(i)));
        result.push_back(widen(e, LLVM::ExtractElementOp::create(e.b, e.loc, loaded, position), isUnsigned));
      }
    }
    return result;
  }

  Value widen(Emitter &e, Value value, bool isUnsigned) {
    if (value.getType() == sum)
      return value;
    if (isa<FloatType>(sum))
      return arith::ExtFOp::create(e.b, e.loc, sum, value);
    return isUnsigned ? Value(arith::ExtUIOp::create(e.b, e.loc, sum, value))
                      : arith::ExtSIOp::create(e.b, e.loc, sum, value);
  }

  Value multiplyAdd(Emitter &e, Value x, Value y, Value z) {
    if (isa<FloatType>(sum))
      return math::FmaOp::create(e.b, e.loc, x, y, z);
    return arith::AddIOp::create(e.b, e.loc, z, arith::MulIOp::create(e.b, e.loc, x, y));
  }

  const DotUnit *unit;
  Type a, b, sum;
  ProductTile tile;
  int64_t rows, columns;
  Value rowBegin, columnBegin;
};

} // namespace

std::unique_ptr<Multiplier> Multiplier::create(Emitter &e, const DotUnit *unit, Type a, Type b, Type sum,
                                               const ProductTile &tile, Value thread) {
  if (unit && unit->isOfWarpgroups())
    return createWarpgroupMultiplier(e, *unit, tile, thread);
  if (unit && unit->isOnTensorCores())
    return std::make_unique<WarpMultiplier>(e, *unit, a, tile, thread);
  return std::make_unique<ThreadMultiplier>(e, unit, a, b, sum, tile, thread);
}

} // namespace lathe
