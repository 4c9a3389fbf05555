// lib/Conversion/TileToVector/Emitter.cpp: loop shapes with their tails.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Emitter.h"

#include "../BufferizeKernels/KernelSizes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace lathe;

/// Of a tile for the rows that larger ones leave over.
static constexpr int64_t rowsOfSmallTile = 4;

std::optional<int64_t> lathe::constantIndex(Value value) { return getConstantIntValue(value); }

Value Emitter::index(int64_t value) {
  Value &constant = constants.values[value];
  if (!constant) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(constants.block);
    constant = arith::ConstantIndexOp::create(b, loc, value);
  }
  return constant;
}

Value Emitter::add(Value lhs, Value rhs) {
  auto l = constantIndex(lhs), r = constantIndex(rhs);
  if (l && r)
    return index(*l + *r);
  if (l == 0)
    return rhs;
  if (r == 0)
    return lhs;
  return arith::AddIOp::create(b, loc, lhs, rhs);
}

Value Emitter::sub(Value lhs, Value rhs) {
  auto l = constantIndex(lhs), r = constantIndex(rhs);
  if (l && r)
    return index(*l - *r);
  if (r == 0)
    return lhs;
  return arith::SubIOp::create(b, loc, lhs, rhs);
}

Value Emitter::mul(Value lhs, Value rhs) {
  auto l = constantIndex(lhs), r = constantIndex(rhs);
  if (l && r)
    return index(*l * *r);
  if (l == 0 || r == 0)
    return index(0);
  if (l == 1)
    return rhs;
  if (r == 1)
    return lhs;
  return arith::MulIOp::create(b, loc, lhs, rhs);
}

Value Emitter::floorDiv(Value lhs, int64_t rhs) {
  if (auto l = constantIndex(lhs))
    return index(*l / rhs);
  return floorDiv(lhs, index(rhs));
}

Value Emitter::floorDiv(Value lhs, Value rhs) {
  if (constantIndex(rhs) == 1)
    return lhs;
  // Indices and sizes are not negative, and unsigned division is cheaper.
  return arith::DivUIOp::create(b, loc, lhs, rhs);
}

Value Emitter::ceilDiv(Value lhs, int64_t rhs) { return floorDiv(add(lhs, rhs - 1), rhs); }

Value Emitter::rem(Value lhs, int64_t rhs) {
  if (auto l = constantIndex(lhs))
    return index(*l % rhs);
  if (divisorOf(lhs) % rhs == 0)
    return index(0);
  return rem(lhs, index(rhs));
}

Value Emitter::rem(Value lhs, Value rhs) {
  if (constantIndex(rhs) == 1)
    return index(0);
  return arith::RemUIOp::create(b, loc, lhs, rhs);
}

Value Emitter::min(Value lhs, Value rhs) {
  auto l = constantIndex(lhs), r = constantIndex(rhs);
  if (l && r)
    return index(std::min(*l, *r));
  return arith::MinSIOp::create(b, loc, lhs, rhs);
}

Value Emitter::toInteger(Value index) { return arith::IndexCastOp::create(b, loc, b.getI64Type(), index); }

Value Emitter::dim(Value memref, int64_t dim) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dim))
    return index(type.getDimSize(dim));
  if (Value size = sizeOf(b, loc, memref, dim))
    return size;
  return memref::DimOp::create(b, loc, memref, dim);
}

SmallVector<Value> Emitter::delinearize(Value linear, ArrayRef<Value> sizes) {
  SmallVector<Value> indices(sizes.size());
  for (size_t i = sizes.size(); i-- > 1;) {
    indices[i] = rem(linear, sizes[i]);
    linear = floorDiv(linear, sizes[i]);
  }
  indices.front() = linear;
  return indices;
}

Value Emitter::stack(MemRefType type) {
  Value &memory = stackMemory[type];
  if (!memory) {
    // At the function's start: within a loop, it would grow with each turn.
    auto func = b.getInsertionBlock()->getParentOp();
    if (!isa<FunctionOpInterface>(func))
      func = func->getParentOfType<FunctionOpInterface>();
    OpBuilder start = OpBuilder::atBlockBegin(&cast<FunctionOpInterface>(func).getFunctionBody().front());
    memory = memref::AllocaOp::create(start, loc, type, start.getI64IntegerAttr(64));
  }
  return memory;
}

Value Emitter::zeros(Type element, int64_t lanes) {
  auto type = VectorType::get(lanes, element);
  return arith::ConstantOp::create(b, loc, type, b.getZeroAttr(type));
}

SmallVector<Value> Emitter::loop(IndexRange range, int64_t step, ValueRange inits, LoopBody body) {
  auto begin = constantIndex(range.begin), end = constantIndex(range.end);
  if (begin && end && *begin >= *end)
    return SmallVector<Value>(inits);
  if (begin && end && *end - *begin <= step)
    return body(range.begin, inits);
  auto loop = scf::ForOp::create(b, loc, range.begin, range.end, index(step), inits);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> results = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!inits.empty())
    scf::YieldOp::create(b, loc, results);
  return llvm::to_vector_of<Value>(loop.getResults());
}

void Emitter::loop(IndexRange range, int64_t step, function_ref<void(Value)> body) {
  loop(range, step, ValueRange(), [&](Value iv, ValueRange) {
    body(iv);
    return SmallVector<Value>();
  });
}

void Emitter::ifLess(Value lhs, Value rhs, function_ref<void()> then, function_ref<void()> otherwise) {
  if (auto l = constantIndex(lhs), r = constantIndex(rhs); l && r) {
    if (*l < *r)
      then();
    else if (otherwise)
      otherwise();
    return;
  }
  Value condition = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, lhs, rhs);
  auto branch = scf::IfOp::create(b, loc, TypeRange(), condition,
                                  /*addThenBlock=*/true,
                                  /*addElseBlock=*/bool(otherwise));
  OpBuilder::InsertionGuard guard(b);
  auto fill = [&](Block *block, function_ref<void()> body) {
    b.setInsertionPointToEnd(block);
    body();
    scf::YieldOp::create(b, loc);
  };
  fill(branch.thenBlock(), then);
  if (otherwise)
    fill(branch.elseBlock(), otherwise);
}

void Emitter::tasks(ArrayRef<TaskDim> dims, function_ref<void(ArrayRef<IndexRange>)> body) {
  SmallVector<OpFoldResult> counts;
  for (const TaskDim &dim : dims)
    counts.push_back(getAsOpFoldResult(dim.chunk == 0 ? index(1) : ceilDiv(dim.size, dim.chunk)));
  auto forall = scf::ForallOp::create(b, loc, counts, /*outputs=*/ValueRange(),
                                      /*mapping=*/std::nullopt);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(forall.getTerminator());
  // Tasks may be moved to a function of their own: they keep their constants.
  ConstantPool outside = std::exchange(constants, ConstantPool(forall.getBody()));
  SmallVector<IndexRange> ranges;
  for (auto [dim, iv] : llvm::zip_equal(dims, forall.getInductionVars())) {
    std::optional<int64_t> size = constantIndex(dim.size);
    if (dim.chunk == 0 || (size && *size <= dim.chunk)) {
      ranges.push_back({index(0), dim.size});
      continue;
    }
    Value begin = mul(iv, dim.chunk), end = add(begin, dim.chunk);
    bool even = divisorOf(dim.size) % dim.chunk == 0;
    ranges.push_back({begin, even ? end : min(end, dim.size)});
  }
  body(ranges);
  constants = std::move(outside);
}

void Emitter::rowTiles(IndexRange range, Value total, int64_t rows, DynamicTail tail,
                       function_ref<void(Value, int64_t)> body) {
  if (std::optional<int64_t> size = constantIndex(total)) {
    Value full = index(*size - *size % rows);
    if (*size >= rows)
      loop({range.begin, min(range.end, full)}, rows, [&](Value row) { body(row, rows); });
    if (*size % rows != 0)
      ifLess(full, range.end, [&] { body(full, *size % rows); });
    return;
  }
  if (divisorOf(total) % rows == 0)
    return loop(range, rows, [&](Value row) { body(row, rows); });

  if (rows == 1)
    return loop(range, 1, [&](Value row) { body(row, 1); });
  dynamicRowTiles(range, rows, tail, body);
}

void Emitter::dynamicRowTiles(IndexRange range, int64_t rows, DynamicTail tail,
                              function_ref<void(Value, int64_t)> body) {
  int64_t small = std::min(rows, rowsOfSmallTile);
  Value count = sub(range.end, range.begin), tiles = ceilDiv(count, rows);
  auto select = [&](Value condition, Value then, Value otherwise) -> Value {
    return arith::SelectOp::create(b, loc, condition, then, otherwise);
  };
  auto isLess = [&](Value lhs, Value rhs) -> Value {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, lhs, rhs);
  };
  // Enough rows are so many tiles, of which as many as rows are missing in the last one have a row less.
  Value missing = sub(mul(tiles, rows), count), isUneven = isLess(tiles, missing);
  auto emitLarge = [&](Value tallIfUneven, function_ref<Value(Value)> place) {
    Value tall = select(isUneven, tallIfUneven, sub(tiles, missing)), lower = select(isUneven, index(0), missing);
    Value middle = add(range.begin, mul(tall, rows)), end = add(middle, mul(lower, rows - 1));
    loop({range.begin, middle}, rows, [&](Value row) { body(place(row), rows); });
    loop({middle, end}, rows - 1, [&](Value row) { body(row, rows - 1); });
    return end;
  };
  auto single = [&](Value begin) { loop({begin, range.end}, 1, [&](Value row) { body(row, 1); }); };
  auto before = [&](int64_t size) {
    return [this, last = sub(range.end, index(size))](Value row) { return min(row, last); };
  };
  Value full = floorDiv(count, rows);
  if (tail == DynamicTail::Shrink) {
    Value begin = emitLarge(full, [](Value row) { return row; });
    if (small == rows)
      return single(begin);
    Value end = sub(range.end, rem(sub(range.end, begin), small));
    loop({begin, end}, small, [&](Value row) { body(row, small); });
    return single(end);
  }
  auto several = [&] {
    if (small == rows) {
      emitLarge(tiles, before(rows));
      return;
    }
    // Small tiles after all large ones, or in the place of one, too, where they compute fewer rows twice; or a large
    // one that moves back, where there is one: what costs least, a tile costing a row more than it has.
    Value fewer = sub(full, min(full, index(1)));
    auto costWith = [&](Value large) {
      return add(mul(large, rows + 1), mul(ceilDiv(sub(count, mul(large, rows)), small), small + 1));
    };
    Value most = costWith(full), least = costWith(fewer), large = select(isLess(least, most), fewer, full);
    Value isMoved = isLess(mul(tiles, rows + 1), min(most, least));
    isMoved = arith::AndIOp::create(b, loc, isMoved, isLess(index(0), full));
    Value begin = emitLarge(select(isMoved, tiles, large), before(rows));
    loop({begin, range.end}, small, [&, place = before(small)](Value row) { body(place(row), small); });
  };
  ifLess(count, index(small), [&] { single(range.begin); }, several);
}
