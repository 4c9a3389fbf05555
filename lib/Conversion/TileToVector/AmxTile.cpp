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

#include "Epilogue.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lathe;

static constexpr int64_t bytesOfRow = amxUnit.rowBytes, lanesOfVector = amxUnit.lanes();
/// The operand of LDTILECFG: its bytes, and where the widths and heights of the registers are in it (Intel SDM,
/// volume 1, "TILECFG").
static constexpr int64_t configBytes = 64, widthsAt = 16, heightsAt = 48;

namespace {
/// The registers of a block and what they hold.
class Registers {
public:
  Registers(ArrayRef<int64_t> heights, int64_t vectors) : heights(heights), vectors(vectors) {
    assert(factors(heights.size()) <= amxUnit.registers && "the block needs more registers than there are");
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
    call("llvm.x86.ldtilecfg", {pointer(AmxTile::addressOf(e, memref, {}))});
  }
  void zero(int64_t index) { call("llvm.x86.tilezero", {number(index)}); }
  void load(int64_t index, Value address, int64_t pitch) { load(index, address, e.index(pitch)); }
  void load(int64_t index, Value address, Value pitch) {
    call("llvm.x86.tileloadd64", {number(index), pointer(address), e.toInteger(pitch)});
  }
  void store(int64_t index, Value address, int64_t pitch) {
    call("llvm.x86.tilestored64", {number(index), pointer(address), wide(pitch)});
  }
  void multiply(StringRef name, int64_t sum, int64_t a, int64_t b) { call(name, {number(sum), number(a), number(b)}); }
  void release() { call("llvm.x86.tilerelease", {}); }

private:
  void call(StringRef name, ValueRange operands) {
    LLVM::CallIntrinsicOp::create(e.b, e.loc, e.b.getStringAttr(name), operands);
  }
  Value number(int64_t value) {
    return arith::ConstantOp::create(e.b, e.loc, e.b.getI8IntegerAttr(static_cast<int8_t>(value)));
  }
  Value wide(int64_t value) { return arith::ConstantOp::create(e.b, e.loc, e.b.getI64IntegerAttr(value)); }
  Value pointer(Value address) {
    return LLVM::IntToPtrOp::create(e.b, e.loc, LLVM::LLVMPointerType::get(e.b.getContext()), e.toInteger(address));
  }

  Emitter &e;
};
} // namespace

AmxTile::Scratch AmxTile::createScratch(Emitter &e, Type sum, const MatrixUnit &unit) {
  auto allocate = [&](ArrayRef<int64_t> shape, Type element) -> Value {
    return memref::AllocaOp::create(e.b, e.loc, MemRefType::get(shape, element), e.b.getI64IntegerAttr(bytesOfRow));
  };
  return {allocate({unit.tileRows(), unit.tileColumns()}, sum), allocate({configBytes}, e.b.getI8Type())};
}

void AmxTile::release(Emitter &e) { Calls(e).release(); }

Value AmxTile::addressOf(Emitter &e, Value memref, ValueRange indices) {
  auto type = cast<MemRefType>(memref.getType());
  Value element = e.index(0);
  if (type.getLayout().isIdentity()) {
    for (auto [dim, index] : llvm::enumerate(indices))
      element = e.add(e.mul(element, e.dim(memref, dim)), index);
  } else {
    auto parts = memref::ExtractStridedMetadataOp::create(e.b, e.loc, memref);
    element = parts.getOffset();
    for (auto [index, stride] : llvm::zip_equal(indices, parts.getStrides()))
      element = e.add(element, e.mul(index, stride));
  }
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(e.b, e.loc, memref);
  return e.add(base, e.mul(element, type.getElementTypeBitWidth() / 8));
}

Value AmxTile::pitchOfRows(Emitter &e, Value matrix) {
  auto type = cast<MemRefType>(matrix.getType());
  int64_t bytes = type.getElementTypeBitWidth() / 8;
  if (type.getLayout().isIdentity())
    return e.index(type.getShape().back() * bytes);
  auto parts = memref::ExtractStridedMetadataOp::create(e.b, e.loc, matrix);
  return e.mul(parts.getStrides().front(), bytes);
}

SmallVector<int64_t> lathe::heightsOfBlocks(const MatrixUnit &unit, int64_t rows) {
  SmallVector<int64_t> heights;
  for (; rows > 0; rows -= unit.rows)
    heights.push_back(std::min(rows, unit.rows));
  return heights;
}

/// How many bytes of a run of `bytes` are read in one step: the whole run in equal steps if it can be cut so.
static int64_t chooseStep(int64_t bytes) {
  if (bytes == 0) // A sum of nothing.
    return bytesOfRow;
  int64_t steps = llvm::divideCeil(bytes, bytesOfRow);
  return bytes % (4 * steps) == 0 ? bytes / steps : bytesOfRow;
}

/// Calls `body` in a nest of loops with the trip counts `counts`.
static void emitNest(Emitter &e, ArrayRef<int64_t> counts, function_ref<void(ValueRange)> body,
                     SmallVector<Value> outer = {}) {
  if (outer.size() == counts.size())
    return body(outer);
  e.loop({e.index(0), e.index(counts[outer.size()])}, 1, [&](Value iv) {
    SmallVector<Value> ivs(outer);
    ivs.push_back(iv);
    emitNest(e, counts, body, ivs);
  });
}

void AmxTile::emit(Emitter &e, ArrayRef<int64_t> heights) const {
  Calls calls(e);
  constexpr int64_t rowsOfBlock = amxUnit.rows, vectors = amxUnit.vectors;
  Registers registers(heights, vectors);
  int64_t blocks = static_cast<int64_t>(heights.size());
  int64_t run = terms * bytesOf(unit.a), pitchB = vectors * bytesOfRow, width = chooseStep(run);
  int64_t full = run / width * width;
  Value sums = addressOf(e, scratch.sums, {});
  auto forSums = [&](function_ref<void(int64_t index, Value place)> emit) {
    for (int64_t block = 0; block < blocks; ++block)
      for (int64_t vector = 0; vector < vectors; ++vector)
        emit(registers.sum(block, vector), e.add(sums, (block * rowsOfBlock * vectors + vector) * bytesOfRow));
  };
  // The steps from `begin` to `end` of every run: as many bytes of each row of A as it was configured for, as many
  // groups of B.
  auto emitSteps = [&](int64_t begin, int64_t end, int64_t width) {
    emitNest(e, taps, [&](ValueRange taps) {
      Value b = columns(taps);
      SmallVector<Value> a;
      for (int64_t block = 0; block < blocks; ++block)
        a.push_back(rows(taps, block));
      e.loop({e.index(begin), e.index(end)}, width, [&](Value offset) {
        Value fromB = e.add(b, e.mul(e.floorDiv(offset, 4), pitchB));
        for (int64_t vector = 0; vector < vectors; ++vector)
          calls.load(registers.columns(vector), e.add(fromB, vector * bytesOfRow), pitchB);
        for (int64_t block = 0; block < blocks; ++block) {
          calls.load(registers.factors(block), e.add(a[block], offset), pitch);
          for (int64_t vector = 0; vector < vectors; ++vector)
            calls.multiply(unit.instruction, registers.sum(block, vector), registers.factors(block),
                           registers.columns(vector));
        }
      });
    });
  };
  calls.configure(scratch.config, registers.config(width));
  forSums([&](int64_t index, Value) { calls.zero(index); });
  emitSteps(0, full, width);
  if (full != run) {
    // Another shape empties all registers.
    forSums([&](int64_t index, Value place) { calls.store(index, place, pitchB); });
    calls.configure(scratch.config, registers.config(run - full));
    forSums([&](int64_t index, Value place) { calls.load(index, place, pitchB); });
    emitSteps(full, run, run - full);
  }
  forSums([&](int64_t index, Value place) { calls.store(index, place, pitchB); });
}

void AmxTile::forRows(Emitter &e, int64_t block, int64_t height, ArrayRef<int64_t> lanes,
                      function_ref<void(Value, ValueRange)> body) const {
  int64_t first = block * amxUnit.rows;
  e.loop({e.index(0), e.index(height)}, 1, [&](Value row) {
    SmallVector<Value> sums;
    for (auto [vector, width] : llvm::enumerate(lanes)) {
      Value column = e.index(static_cast<int64_t>(vector) * lanesOfVector);
      sums.push_back(loadVector(e, scratch.sums, {e.add(row, first), column}, width, nullptr));
    }
    body(row, sums);
  });
}
