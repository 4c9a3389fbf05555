// lib/Conversion/TileToVector/AmxTile.cpp: AMX through LLVM's own intrinsics,
// whose tiles are values that the register allocator configures.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "AmxTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace lathe;

/// Of one row of a tile register.
static constexpr int64_t bytesOfRow = 64;

namespace {
class Calls {
public:
  Calls(Emitter &e) : e(e), tile(LLVM::LLVMX86AMXType::get(e.b.getContext())) {}

  Value zero(int64_t rows) { return call("llvm.x86.tilezero.internal", tile, {number(rows), number(bytesOfRow)}); }
  Value load(int64_t rows, int64_t bytes, Value address, int64_t pitch) {
    return call("llvm.x86.tileloadd64.internal", tile, {number(rows), number(bytes), pointer(address), wide(pitch)});
  }
  void store(int64_t rows, Value address, int64_t pitch, Value value) {
    LLVM::CallIntrinsicOp::create(e.b, e.loc, e.b.getStringAttr("llvm.x86.tilestored64.internal"),
                                  ValueRange{number(rows), number(bytesOfRow), pointer(address), wide(pitch), value});
  }
  Value multiply(StringRef name, int64_t rows, int64_t bytes, Value sum, Value a, Value b) {
    return call(name, tile, {number(rows), number(bytesOfRow), number(bytes), sum, a, b});
  }
  /// The address of the first byte of `memref`.
  Value base(Value memref) { return memref::ExtractAlignedPointerAsIndexOp::create(e.b, e.loc, memref); }

  Emitter &e;
  Type tile;

private:
  Value call(StringRef name, Type type, ValueRange operands) {
    return LLVM::CallIntrinsicOp::create(e.b, e.loc, type, e.b.getStringAttr(name), operands).getResult(0);
  }
  Value number(int64_t value) { return arith::ConstantOp::create(e.b, e.loc, e.b.getI16IntegerAttr(value)); }
  Value wide(int64_t value) { return arith::ConstantOp::create(e.b, e.loc, e.b.getI64IntegerAttr(value)); }
  Value pointer(Value address) {
    Value number = arith::IndexCastOp::create(e.b, e.loc, e.b.getI64Type(), address);
    return LLVM::IntToPtrOp::create(e.b, e.loc, LLVM::LLVMPointerType::get(e.b.getContext()), number);
  }
};
} // namespace

Value AmxTile::createScratch(Emitter &e, Type sum, int64_t vectors) {
  auto type = MemRefType::get({2 * amxRows, vectors * amxRows}, sum);
  return memref::AllocaOp::create(e.b, e.loc, type, e.b.getI64IntegerAttr(bytesOfRow));
}

void AmxTile::emit(Emitter &e, Value row, int64_t rows, Value panel) const {
  Calls calls(e);
  SmallVector<int64_t> heights;
  for (int64_t left = rows; left > 0; left -= amxRows)
    heights.push_back(std::min(left, amxRows));
  int64_t bytes = bytesOf(unit.a), pitchA = terms * bytes;
  int64_t groups = terms / unit.step, pitchB = vectors * bytesOfRow;
  Value a = e.add(calls.base(lhs), e.mul(row, pitchA));
  Value b = e.add(calls.base(rhs), e.mul(panel, groups * pitchB));

  SmallVector<Value> zeros;
  for (int64_t height : heights)
    for (int64_t vector = 0; vector < vectors; ++vector)
      zeros.push_back(calls.zero(height));

  // One step of the loop: `width` bytes of each row of A, as many groups of B.
  auto step = [&](Value offset, int64_t width, ValueRange sums) {
    SmallVector<Value> columns, result;
    Value fromB = e.add(b, e.mul(e.floorDiv(offset, 4), pitchB));
    for (int64_t vector = 0; vector < vectors; ++vector)
      columns.push_back(calls.load(width / 4, bytesOfRow, e.add(fromB, vector * bytesOfRow), pitchB));
    for (auto [i, height] : llvm::enumerate(heights)) {
      Value fromA = e.add(e.add(a, offset), static_cast<int64_t>(i) * amxRows * pitchA);
      Value factors = calls.load(height, width, fromA, pitchA);
      for (int64_t vector = 0; vector < vectors; ++vector)
        result.push_back(
            calls.multiply(unit.instruction, height, width, sums[result.size()], factors, columns[vector]));
    }
    return result;
  };
  int64_t full = pitchA / bytesOfRow * bytesOfRow;
  SmallVector<Value> sums = e.loop({e.index(0), e.index(full)}, bytesOfRow, zeros,
                                   [&](Value offset, ValueRange carried) { return step(offset, bytesOfRow, carried); });
  if (full != pitchA)
    sums = step(e.index(full), pitchA - full, sums);

  Value to = calls.base(scratch);
  for (auto [i, height] : llvm::enumerate(heights))
    for (int64_t vector = 0; vector < vectors; ++vector) {
      int64_t place = (static_cast<int64_t>(i) * amxRows * vectors + vector) * bytesOfRow;
      calls.store(height, e.add(to, place), pitchB, sums[i * vectors + vector]);
    }
}
