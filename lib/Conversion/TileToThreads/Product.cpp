// lib/Conversion/TileToThreads/Product.cpp: the ring of tiles, and the loop over the terms of the sums.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Product.h"
#include "Copier.h"
#include "dialects/Kernel/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace lathe {

Value addressAt(Emitter &e, Value base, Value bytes) {
  return LLVM::GEPOp::create(e.b, e.loc, base.getType(), e.b.getI8Type(), base,
                             ArrayRef<LLVM::GEPArg>{e.toInteger(bytes)});
}

Value SlotLayout::offset(Emitter &e, Value row, Value column) const {
  int64_t perChunk = chunkBytes / elementBytes, chunks = inner / perChunk, perPanel = panelBytes / elementBytes;
  if (hasPanels && inner > perPanel) {
    SlotLayout panel = *this;
    panel.inner = perPanel;
    Value first = e.mul(e.floorDiv(column, perPanel), panel.bytes());
    return e.add(first, panel.offset(e, row, e.rem(column, perPanel)));
  }
  int64_t span = permutesPairs ? bankChunks : std::min(chunks, bankChunks),
          rowsOfSpan = std::max(span / chunks, int64_t(1));
  Value chunk = e.floorDiv(column, perChunk), number = e.floorDiv(row, int64_t(1) << shift);
  if (rowsOfSpan > 1)
    chunk = e.add(e.mul(e.rem(row, rowsOfSpan), chunks), chunk);
  Value order = permutesPairs ? e.mul(e.rem(number, span / 2), 2) : e.rem(number, span);
  Value place = arith::XOrIOp::create(e.b, e.loc, chunk, order);
  Value spans = rowsOfSpan > 1 ? e.floorDiv(row, rowsOfSpan) : row;
  return e.add(e.mul(spans, rowsOfSpan * rowBytes()), e.mul(place, chunkBytes));
}

Value createBlockMemory(Emitter &e, int64_t bytes) {
  Value memory = kernel::BlockMemoryOp::create(e.b, e.loc, MemRefType::get({bytes}, e.b.getI8Type()));
  Value place = memref::ExtractAlignedPointerAsIndexOp::create(e.b, e.loc, memory);
  MLIRContext *context = e.b.getContext();
  Value generic = LLVM::IntToPtrOp::create(e.b, e.loc, LLVM::LLVMPointerType::get(context), e.toInteger(place));
  auto shared = LLVM::LLVMPointerType::get(context, static_cast<unsigned>(NVVM::NVVMMemorySpace::Shared));
  return LLVM::AddrSpaceCastOp::create(e.b, e.loc, shared, generic);
}

void emitProduct(Emitter &e, const ProductTile &tile, const DotUnit *unit, Type sum, const Source &a, const Source &b,
                 Value rowBegin, Value terms, StoreSums store) {
  Value thread = arith::IndexCastOp::create(e.b, e.loc, e.b.getIndexType(),
                                            NVVM::ThreadIdXOp::create(e.b, e.loc, e.b.getI32Type()));
  auto elementOf = [](const Source &source) { return cast<MemRefType>(source.memref.getType()).getElementType(); };
  std::unique_ptr<Multiplier> multiplier = Multiplier::create(e, unit, elementOf(a), elementOf(b), sum, tile, thread);
  SlotLayout ofA = multiplier->layoutOfA(), ofB = multiplier->layoutOfB();
  int64_t slotBytes = ofA.bytes() + ofB.bytes(), ahead = tile.slots - 1;
  Value ring = createBlockMemory(e, tile.slots * slotBytes);
  Copier copyA(e, a, ofA, tile.threads, thread), copyB(e, b, ofB, tile.threads, thread);
  auto slotAt = [&](Value number) { return addressAt(e, ring, e.mul(number, slotBytes)); };
  auto behindA = [&](Value slot) { return addressAt(e, slot, e.index(ofA.bytes())); };
  auto fill = [&](Value number, Value step) {
    Value slot = slotAt(number), term = e.mul(step, tile.terms);
    copyA.copy(e, slot, rowBegin, term);
    copyB.copy(e, behindA(slot), term, e.index(0));
  };
  auto commit = [&] { NVVM::CpAsyncCommitGroupOp::create(e.b, e.loc); };
  auto barrier = [&] { NVVM::Barrier0Op::create(e.b, e.loc); };
  Value steps = e.ceilDiv(terms, tile.terms);
  for (int64_t i = 0; i < ahead; ++i) {
    fill(e.index(i), e.index(i));
    commit();
  }
  Value zero = arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(sum));
  SmallVector<Value> inits(multiplier->sums(), zero);
  inits.push_back(e.index(0));
  SmallVector<Value> results = e.loop({e.index(0), steps}, 1, inits, [&](Value step, ValueRange carried) {
    // All but the last copies are there, of every thread; and every thread is done
    // with the slot that is filled next.
    NVVM::CpAsyncWaitGroupOp::create(e.b, e.loc, static_cast<uint32_t>(ahead - 1));
    multiplier->publish(e);
    barrier();
    Value number = carried.back(), next = e.add(step, ahead), slot = slotAt(number);
    auto fillNext = [&] {
      e.ifLess(next, steps, [&] { fill(e.rem(e.add(number, ahead), tile.slots), next); });
      commit();
    };
    SmallVector<Value> sums = multiplier->multiply(e, slot, behindA(slot), carried.drop_back(), fillNext);
    sums.push_back(e.rem(e.add(number, 1), tile.slots));
    return sums;
  });
  // The next task has the ring from here on.
  NVVM::CpAsyncWaitGroupOp::create(e.b, e.loc, 0u);
  barrier();
  store(ArrayRef(results).drop_back(), multiplier->places(e), multiplier->neighbours());
}

} // namespace lathe
