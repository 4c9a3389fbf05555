// lib/Conversion/TileToThreads/Multiplier.cpp: what multiplies tiles: tensor cores, or each thread by itself.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Product.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace lathe {

static constexpr int64_t chunkBytes = 16, warpLanes = 32;

namespace {

//===----------------------------------------------------------------------===//
// Tensor cores
//===----------------------------------------------------------------------===//

/// `mma.sync` of 16 rows, 8 columns and 16 terms. A warp has half of the rows and 32
/// columns of the tile.
class WarpMultiplier final : public Multiplier {
public:
  static constexpr int64_t mmaRows = 16, mmaColumns = 8, mmaTerms = 16, warpColumns = 32, warpsOfRows = 2;

  WarpMultiplier(Emitter &e, Type element, const ProductTile &tile, Value thread)
      : element(element), tile(tile), warpRows(tile.rows / warpsOfRows) {
    lane = e.rem(thread, warpLanes);
    Value warp = e.floorDiv(thread, warpLanes);
    int64_t warpsOfColumns = tile.columns / warpColumns;
    rowBegin = e.mul(e.floorDiv(warp, warpsOfColumns), warpRows);
    columnBegin = e.mul(e.rem(warp, warpsOfColumns), warpColumns);
  }

  SlotLayout layoutOfA() const override { return {tile.rows, tile.terms, 2, /*shift=*/1}; }
  SlotLayout layoutOfB() const override { return {tile.terms, tile.columns, 2, /*shift=*/0}; }
  int64_t sums() const override { return warpRows / mmaRows * (warpColumns / mmaColumns) * 4; }

  SmallVector<Value> multiply(Emitter &e, Value a, Value b, ValueRange sums) override {
    SmallVector<Value> result(sums);
    for (int64_t term = 0; term < tile.terms; term += mmaTerms) {
      SmallVector<SmallVector<Value>> ofA, ofB;
      // Lane l of each half of a warp says where row l is.
      Value row = e.rem(lane, 16), half = e.mul(e.floorDiv(lane, 16), 8);
      for (int64_t i = 0; i < warpRows; i += mmaRows)
        ofA.push_back(load(e, a, layoutOfA(), e.add(e.add(rowBegin, row), i), e.add(half, term), false));
      for (int64_t j = 0; j < warpColumns; j += 2 * mmaColumns) {
        SmallVector<Value> two =
            load(e, b, layoutOfB(), e.add(row, term), e.add(e.add(columnBegin, half), j), /*isTransposed=*/true);
        ofB.push_back({two[0], two[1]});
        ofB.push_back({two[2], two[3]});
      }
      size_t at = 0;
      for (const SmallVector<Value> &x : ofA)
        for (const SmallVector<Value> &y : ofB) {
          SmallVector<Value> next = mma(e, x, y, ArrayRef(result).slice(at, 4));
          llvm::copy(next, result.begin() + at);
          at += 4;
        }
    }
    return result;
  }

  SmallVector<SumPlace> places(Emitter &e) override {
    SmallVector<SumPlace> result;
    Value row = e.add(rowBegin, e.floorDiv(lane, 4)), column = e.add(columnBegin, e.mul(e.rem(lane, 4), 2));
    for (int64_t i = 0; i < warpRows; i += mmaRows)
      for (int64_t j = 0; j < warpColumns; j += mmaColumns)
        for (int64_t n = 0; n < 4; ++n)
          result.push_back({e.add(row, i + n / 2 * 8), e.add(column, j + n % 2)});
    return result;
  }

private:
  /// Four squares of 8 x 8.
  SmallVector<Value> load(Emitter &e, Value base, const SlotLayout &layout, Value row, Value column,
                          bool isTransposed) {
    Value address = addressAt(e, base, layout.offset(e, row, column));
    Type i32 = e.b.getI32Type();
    auto type = LLVM::LLVMStructType::getLiteral(e.b.getContext(), SmallVector<Type>(4, i32));
    auto shape = NVVM::LdStMatrixShapeAttr::get(e.b.getContext(), 8, 8);
    Value all = NVVM::LdMatrixOp::create(e.b, e.loc, type, address, 4,
                                         isTransposed ? NVVM::MMALayout::col : NVVM::MMALayout::row, shape,
                                         NVVM::LdStMatrixEltType::B16);
    SmallVector<Value> parts;
    for (int64_t i = 0; i < 4; ++i) {
      Value part = LLVM::ExtractValueOp::create(e.b, e.loc, all, ArrayRef<int64_t>{i});
      if (element.isF16())
        part = LLVM::BitcastOp::create(e.b, e.loc, VectorType::get(2, element), part);
      parts.push_back(part);
    }
    return parts;
  }

  SmallVector<Value> mma(Emitter &e, ValueRange a, ValueRange b, ValueRange c) {
    Type f32 = e.b.getF32Type();
    auto type = LLVM::LLVMStructType::getLiteral(e.b.getContext(), SmallVector<Type>(4, f32));
    std::optional<std::array<NVVM::MMATypes, 2>> types;
    if (element.isBF16())
      types = {NVVM::MMATypes::bf16, NVVM::MMATypes::bf16};
    Value all = NVVM::MmaOp::create(e.b, e.loc, type, a, b, c, ArrayRef<int64_t>{mmaRows, mmaColumns, mmaTerms},
                                    std::nullopt, std::nullopt, types,
                                    std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row, NVVM::MMALayout::col});
    SmallVector<Value> parts;
    for (int64_t i = 0; i < 4; ++i)
      parts.push_back(LLVM::ExtractValueOp::create(e.b, e.loc, all, ArrayRef<int64_t>{i}));
    return parts;
  }

  Type element;
  ProductTile tile;
  int64_t warpRows;
  Value lane, rowBegin, columnBegin;
};

//===----------------------------------------------------------------------===//
// Threads by themselves
//===----------------------------------------------------------------------===//

/// A thread has a square of sums. It reads 16 bytes of each of its rows, and with each
/// term four neighbouring columns at once.
class ThreadMultiplier final : public Multiplier {
public:
  static constexpr int64_t side = 16, neighbours = 4;

  ThreadMultiplier(Emitter &e, const DotUnit *unit, Type a, Type b, Type sum, const ProductTile &tile, Value thread)
      : unit(unit), a(a), b(b), sum(sum), tile(tile), rows(tile.rows / side), columns(tile.columns / side) {
    rowBegin = e.mul(e.floorDiv(thread, side), rows);
    columnBegin = e.mul(e.rem(thread, side), neighbours);
  }

  SlotLayout layoutOfA() const override { return {tile.rows, tile.terms, bytesOf(a), /*shift=*/3}; }
  SlotLayout layoutOfB() const override { return {tile.terms, tile.columns, bytesOf(b), /*shift=*/3}; }
  int64_t sums() const override { return rows * columns; }

  SmallVector<Value> multiply(Emitter &e, Value atA, Value atB, ValueRange sums) override {
    int64_t terms = chunkBytes / bytesOf(a);
    return e.loop({e.index(0), e.index(tile.terms)}, terms, sums, [&](Value term, ValueRange carried) {
      SmallVector<Value> result(carried);
      SmallVector<SmallVector<Value>> ofA;
      for (int64_t i = 0; i < rows; ++i)
        ofA.push_back(load(e, atA, layoutOfA(), e.add(rowBegin, i), term, a, terms, isUnsigned(true)));
      for (int64_t t = 0; t < terms; ++t) {
        SmallVector<Value> ofB;
        for (int64_t j = 0; j < columns; j += neighbours)
          llvm::append_range(ofB, load(e, atB, layoutOfB(), e.add(term, t), e.add(columnBegin, j * side), b, neighbours,
                                       isUnsigned(false)));
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
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        result.push_back({e.add(rowBegin, i), e.add(columnBegin, j / neighbours * neighbours * side + j % neighbours)});
    return result;
  }

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
  if (unit && unit->kind == DotKind::Mma)
    return std::make_unique<WarpMultiplier>(e, a, tile, thread);
  return std::make_unique<ThreadMultiplier>(e, unit, a, b, sum, tile, thread);
}

} // namespace lathe
