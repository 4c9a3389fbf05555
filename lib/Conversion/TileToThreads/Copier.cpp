// lib/Conversion/TileToThreads/Copier.cpp: what is not there is 0 in a slot, and what the hardware cannot copy goes
// element by element.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Copier.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace lathe {

/// Copies of a thread that are written out; more are a loop.
static constexpr int64_t mostWrittenOut = 8;

Copier::Copier(Emitter &e, const Source &source, SlotLayout layout, int64_t threads, Value thread, int64_t columns)
    : source(source), layout(layout), threads(threads), columns(columns ? columns : layout.inner), thread(thread) {
  if (source.isNarrow())
    return;
  auto type = cast<MemRefType>(source.memref.getType());
  auto metadata = memref::ExtractStridedMetadataOp::create(e.b, e.loc, source.memref);
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(e.b, e.loc, source.memref);
  origin = e.add(base, e.mul(metadata.getOffset(), layout.elementBytes));
  for (unsigned i = 0, rank = type.getRank(); i < rank; ++i)
    strides.push_back(metadata.getStrides()[i]);
}

void Copier::copy(Emitter &e, Value slot, Value outer, Value inner) {
  if (copyRows(e, slot, outer, inner))
    return;
  // What is too small for the hardware to copy goes one by one.
  int64_t perChunk = source.isNarrow() ? 1 : source.chunk / layout.elementBytes, chunksOfRow = columns / perChunk;
  int64_t chunks = layout.outer * chunksOfRow, round = threads * mostWrittenOut;
  auto copyFrom = [&](Value first, int64_t count, bool mayEnd) {
    for (int64_t i = 0; i < count; ++i) {
      Value number = e.add(e.add(thread, first), i * threads);
      auto one = [&] {
        Value row = e.floorDiv(number, chunksOfRow), column = e.mul(e.rem(number, chunksOfRow), perChunk);
        copyChunk(e, slot, row, column, e.add(outer, row), e.add(inner, column));
      };
      if (mayEnd)
        e.ifLess(number, e.index(chunks), one);
      else
        one();
    }
  };
  if (chunks <= round) {
    copyFrom(e.index(0), chunks / threads, /*mayEnd=*/false);
    if (chunks % threads != 0)
      copyFrom(e.index(chunks / threads * threads), 1, /*mayEnd=*/true);
  } else {
    e.loop({e.index(0), e.index(chunks)}, round,
           [&](Value first) { copyFrom(first, mostWrittenOut, chunks % round != 0); });
  }
}

Value Copier::isThere(Emitter &e, Value outer, Value inner) {
  auto isBelow = [&](Value x, Value end) -> Value {
    return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::slt, x, end);
  };
  Value is = isBelow(outer, source.outerEnd);
  return source.innerEnd ? Value(arith::AndIOp::create(e.b, e.loc, is, isBelow(inner, source.innerEnd))) : is;
}

void Copier::copyChunk(Emitter &e, Value slot, Value row, Value column, Value outer, Value inner) {
  int64_t perWhole = chunkBytes / layout.elementBytes;
  Value within = e.rem(column, perWhole);
  Value offset = e.add(layout.offset(e, row, e.sub(column, within)), e.mul(within, layout.elementBytes));
  Value target = addressAt(e, slot, offset), is = isThere(e, outer, inner);
  if (source.isNarrow()) {
    Type element = cast<MemRefType>(source.memref.getType()).getElementType();
    auto branch = scf::IfOp::create(e.b, e.loc, TypeRange{element}, is, /*addThenBlock=*/true, /*addElseBlock=*/true);
    {
      OpBuilder::InsertionGuard guard(e.b);
      e.b.setInsertionPointToStart(branch.thenBlock());
      Value loaded = memref::LoadOp::create(e.b, e.loc, source.memref, source.indices(outer, inner));
      scf::YieldOp::create(e.b, e.loc, loaded);
      e.b.setInsertionPointToStart(branch.elseBlock());
      Value zero = arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(element));
      scf::YieldOp::create(e.b, e.loc, zero);
    }
    LLVM::StoreOp::create(e.b, e.loc, branch.getResult(0), target);
    return;
  }
  copyBytes(e, target, addressOf(e, outer, inner), is);
}

/// Where element (`outer`, `inner`) of the source is in memory.
Value Copier::addressOf(Emitter &e, Value outer, Value inner) {
  Value position = e.index(0);
  for (auto [index, stride] : llvm::zip_equal(source.indices(outer, inner), strides))
    position = e.add(position, e.mul(index, stride));
  return e.add(origin, e.mul(position, layout.elementBytes));
}

/// What is not there is not read, wherever its address leads, and 0.
void Copier::copyBytes(Emitter &e, Value target, Value address, Value isThere) {
  Value bytes = arith::SelectOp::create(e.b, e.loc, isThere, arith::ConstantIntOp::create(e.b, e.loc, source.chunk, 32),
                                        arith::ConstantIntOp::create(e.b, e.loc, 0, 32));
  auto global = LLVM::LLVMPointerType::get(e.b.getContext(), static_cast<unsigned>(NVVM::NVVMMemorySpace::Global));
  Value from = LLVM::IntToPtrOp::create(e.b, e.loc, global, e.toInteger(address));
  auto modifier = source.chunk == chunkBytes ? NVVM::LoadCacheModifierKind::CG : NVVM::LoadCacheModifierKind::CA;
  NVVM::CpAsyncOp::create(e.b, e.loc, target, from, static_cast<uint32_t>(source.chunk), modifier, bytes);
}

/// Copies chunks of one column that are some rows apart, each by a step from the first, where a thread has such.
bool Copier::copyRows(Emitter &e, Value slot, Value outer, Value inner) {
  constexpr int64_t mostRows = 16;
  int64_t perChunk = source.chunk / layout.elementBytes, chunksOfRow = columns / perChunk, rows = threads / chunksOfRow;
  bool fits = source.rowStride && !source.isNarrow() && threads % chunksOfRow == 0 && layout.outer % rows == 0 &&
              layout.outer / rows <= mostRows && rows % layout.period() == 0;
  if (!fits)
    return false;
  Value row = e.floorDiv(thread, chunksOfRow), column = e.mul(e.rem(thread, chunksOfRow), perChunk);
  Value within = e.rem(column, chunkBytes / layout.elementBytes);
  Value offset = e.add(layout.offset(e, row, e.sub(column, within)), e.mul(within, layout.elementBytes));
  Value target = addressAt(e, slot, offset), from = e.add(outer, row), of = e.add(inner, column);
  Value address = addressOf(e, from, of), step = e.mul(source.rowStride, rows * layout.elementBytes);
  for (int64_t i = 0; i < layout.outer / rows; ++i)
    copyBytes(e, addressAt(e, target, e.index(i * rows * layout.rowBytes())), e.add(address, e.mul(step, i)),
              isThere(e, e.add(from, i * rows), of));
  return true;
}

} // namespace lathe
