// lib/Conversion/TileToVector/AmxTile.cpp: AMX through the intrinsics that name
// its registers.
//
// LLVM can allocate tile registers, too, but never gives one two shapes in a
// function: the blocks of full rows and those of the rows that are left need more
// than eight, and the allocator then ends the process.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "AmxTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe;

/// Of one row of a tile register.
static constexpr int64_t bytesOfRow = 64;
/// The operand of LDTILECFG: its bytes, and where the widths and heights of the registers are in it (Intel SDM,
/// volume 1, "TILECFG").
static constexpr int64_t configBytes = 64, widthsAt = 16, heightsAt = 48;
static constexpr int64_t tileRegisters = 8;

namespace {
/// The registers of a block and what they hold.
class Registers {
public:
  Registers(ArrayRef<int64_t> heights, int64_t vectors) : heights(heights), vectors(vectors) {
    assert(factors(heights.size()) <= tileRegisters && "the block needs more registers than there are");
  }

  int64_t sum(int64_t block, int64_t vector) const { return block * vectors + vector; }
  int64_t columns(int64_t vector) const { return sum(blocks(), vector); }
  int64_t factors(int64_t block) const { return columns(vectors) + block; }

  /// The operand of LDTILECFG for steps of `width` bytes of each row of A.
  SmallVector<int8_t> config(int64_t width) const {
    SmallVector<int8_t> bytes(configBytes, 0);
    bytes[0] = 1; // The palette.
    auto set = [&](int64_t index, int64_t height, int64_t rowBytes) {
      bytes[widthsAt + 2 * index] = static_cast<int8_t>(rowBytes);
      bytes[heightsAt + index] = static_cast<int8_t>(height);
    };
    for (int64_t block = 0; block < blocks(); ++block) {
      for (int64_t vector = 0; vector < vectors; ++vector)
        set(sum(block, vector), heights[block], bytesOfRow);
      set(factors(block), heights[block], width);
    }
    for (int64_t vector = 0; vector < vectors; ++vector)
      set(columns(vector), width / 4, bytesOfRow);
    return bytes;
  }

private:
  int64_t blocks() const { return static_cast<int64_t>(heights.size()); }

  ArrayRef<int64_t> heights;
  int64_t vectors;
};

class Calls {
public:
  explicit Calls(Emitter &e) : e(e) {}

  void configure(Value memref, ArrayRef<int8_t> bytes) {
    auto type = VectorType::get({configBytes}, e.b.getI8Type());
    Value value = arith::ConstantOp::create(e.b, e.loc, DenseElementsAttr::get(type, bytes));
    vector::StoreOp::create(e.b, e.loc, value, memref, ValueRange{e.index(0)});
    call("llvm.x86.ldtilecfg", {pointer(base(memref))});
  }
  void zero(int64_t index) { call("llvm.x86.tilezero", {number(index)}); }
  void load(int64_t index, Value address, int64_t pitch) {
    call("llvm.x86.tileloadd64", {number(index), pointer(address), wide(pitch)});
  }
  void store(int64_t index, Value address, int64_t pitch) {
    call("llvm.x86.tilestored64", {number(index), pointer(address), wide(pitch)});
  }
  void multiply(StringRef name, int64_t sum, int64_t a, int64_t b) { call(name, {number(sum), number(a), number(b)}); }
  void release() { call("llvm.x86.tilerelease", {}); }
  /// The address of the first byte of `memref`.
  Value base(Value memref) { return memref::ExtractAlignedPointerAsIndexOp::create(e.b, e.loc, memref); }

private:
  void call(StringRef name, ValueRange operands) {
    LLVM::CallIntrinsicOp::create(e.b, e.loc, e.b.getStringAttr(name), operands);
  }
  Value number(int64_t value) {
    return arith::ConstantOp::create(e.b, e.loc, e.b.getI8IntegerAttr(static_cast<int8_t>(value)));
  }
  Value wide(int64_t value) { return arith::ConstantOp::create(e.b, e.loc, e.b.getI64IntegerAttr(value)); }
  Value pointer(Value address) {
    Value number = arith::IndexCastOp::create(e.b, e.loc, e.b.getI64Type(), address);
    return LLVM::IntToPtrOp::create(e.b, e.loc, LLVM::LLVMPointerType::get(e.b.getContext()), number);
  }

  Emitter &e;
};
} // namespace

AmxTile::Scratch AmxTile::createScratch(Emitter &e, Type sum, int64_t vectors) {
  auto allocate = [&](ArrayRef<int64_t> shape, Type element) -> Value {
    return memref::AllocaOp::create(e.b, e.loc, MemRefType::get(shape, element), e.b.getI64IntegerAttr(bytesOfRow));
  };
  return {allocate({2 * amxRows, vectors * amxRows}, sum), allocate({configBytes}, e.b.getI8Type())};
}

void AmxTile::release(Emitter &e) { Calls(e).release(); }

void AmxTile::emit(Emitter &e, Value row, int64_t rows, Value panel) const {
  Calls calls(e);
  SmallVector<int64_t> heights;
  for (int64_t left = rows; left > 0; left -= amxRows)
    heights.push_back(std::min(left, amxRows));
  Registers registers(heights, vectors);
  int64_t blocks = static_cast<int64_t>(heights.size());
  int64_t bytes = bytesOf(unit.a), pitchA = terms * bytes;
  int64_t groups = terms / unit.step, pitchB = vectors * bytesOfRow;
  Value a = e.add(calls.base(lhs), e.mul(row, pitchA));
  Value b = e.add(calls.base(rhs), e.mul(panel, groups * pitchB));
  Value sums = calls.base(scratch.sums);

  auto forSums = [&](function_ref<void(int64_t index, Value place)> emit) {
    for (int64_t block = 0; block < blocks; ++block)
      for (int64_t vector = 0; vector < vectors; ++vector)
        emit(registers.sum(block, vector), e.add(sums, (block * amxRows * vectors + vector) * bytesOfRow));
  };
  // One step of the loop: as many bytes of each row of A as it was configured for, as many groups of B.
  auto step = [&](Value offset) {
    Value fromB = e.add(b, e.mul(e.floorDiv(offset, 4), pitchB));
    for (int64_t vector = 0; vector < vectors; ++vector)
      calls.load(registers.columns(vector), e.add(fromB, vector * bytesOfRow), pitchB);
    for (int64_t block = 0; block < blocks; ++block) {
      calls.load(registers.factors(block), e.add(e.add(a, offset), block * amxRows * pitchA), pitchA);
      for (int64_t vector = 0; vector < vectors; ++vector)
        calls.multiply(unit.instruction, registers.sum(block, vector), registers.factors(block),
                       registers.columns(vector));
    }
  };
  int64_t full = pitchA / bytesOfRow * bytesOfRow;
  calls.configure(scratch.config, registers.config(full ? bytesOfRow : pitchA));
  forSums([&](int64_t index, Value) { calls.zero(index); });
  if (full)
    e.loop({e.index(0), e.index(full)}, bytesOfRow, step);
  if (full && full != pitchA) {
    // Another shape empties all registers.
    forSums([&](int64_t index, Value place) { calls.store(index, place, pitchB); });
    calls.configure(scratch.config, registers.config(pitchA - full));
    forSums([&](int64_t index, Value place) { calls.load(index, place, pitchB); });
  }
  if (full != pitchA)
    step(e.index(full));
  forSums([&](int64_t index, Value place) { calls.store(index, place, pitchB); });
}
