// lib/Conversion/TileToThreads/Product.cpp: the ring of tiles, and the loop over the terms of the sums.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Product.h"
#include "dialects/Kernel/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace lathe {

static constexpr int64_t chunkBytes = 16;
/// All banks of shared memory, in chunks.
static constexpr int64_t bankChunks = 8;
/// Copies of a thread that are written out; more are a loop.
static constexpr int64_t mostWrittenOut = 8;

static Value asInt(Emitter &e, Value index) { return arith::IndexCastOp::create(e.b, e.loc, e.b.getI64Type(), index); }

Value addressAt(Emitter &e, Value base, Value bytes) {
  return LLVM::GEPOp::create(e.b, e.loc, base.getType(), e.b.getI8Type(), base,
                             ArrayRef<LLVM::GEPArg>{asInt(e, bytes)});
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

namespace {

/// Copies tiles of a source to slots.
class Copier {
public:
  Copier(Emitter &e, const Source &source, SlotLayout layout, int64_t threads, Value thread)
      : source(source), layout(layout), threads(threads), thread(thread) {
    if (source.isNarrow())
      return;
    auto type = cast<MemRefType>(source.memref.getType());
    auto metadata = memref::ExtractStridedMetadataOp::create(e.b, e.loc, source.memref);
    Value base = memref::ExtractAlignedPointerAsIndexOp::create(e.b, e.loc, source.memref);
    origin = e.add(base, e.mul(metadata.getOffset(), layout.elementBytes));
    for (unsigned i = 0, rank = type.getRank(); i < rank; ++i)
      strides.push_back(metadata.getStrides()[i]);
  }

  /// Begins to copy the tile from (`outer`, `inner`) on to the slot at `slot`.
  void copy(Emitter &e, Value slot, Value outer, Value inner) {
    // What is too small for the hardware to copy goes one by one.
    int64_t perChunk = source.isNarrow() ? 1 : source.chunk / layout.elementBytes,
            chunksOfRow = layout.inner / perChunk;
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

private:
  Value isThere(Emitter &e, Value outer, Value inner) {
    auto isBelow = [&](Value x, Value end) -> Value {
      return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::slt, x, end);
    };
    Value is = isBelow(outer, source.outerEnd);
    return source.innerEnd ? Value(arith::AndIOp::create(e.b, e.loc, is, isBelow(inner, source.innerEnd))) : is;
  }

  void copyChunk(Emitter &e, Value slot, Value row, Value column, Value outer, Value inner) {
    int64_t perWhole = chunkBytes / layout.elementBytes;
    Value within = e.rem(column, perWhole);
    Value offset = e.add(layout.offset(e, row, e.sub(column, within)), e.mul(within, layout.elementBytes));
    Value target = addressAt(e, slot, offset), is = isThere(e, outer, inner);
    SmallVector<Value> indices = source.indices(outer, inner);
    if (source.isNarrow()) {
      Type element = cast<MemRefType>(source.memref.getType()).getElementType();
      auto branch = scf::IfOp::create(e.b, e.loc, TypeRange{element}, is, /*addThenBlock=*/true, /*addElseBlock=*/true);
      {
        OpBuilder::InsertionGuard guard(e.b);
        e.b.setInsertionPointToStart(branch.thenBlock());
        Value loaded = memref::LoadOp::create(e.b, e.loc, source.memref, indices);
        scf::YieldOp::create(e.b, e.loc, loaded);
        e.b.setInsertionPointToStart(branch.elseBlock());
        Value zero = arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(element));
        scf::YieldOp::create(e.b, e.loc, zero);
      }
      LLVM::StoreOp::create(e.b, e.loc, branch.getResult(0), target);
      return;
    }
    // What is not there is not read, wherever its address leads, and 0.
    Value bytes = arith::SelectOp::create(e.b, e.loc, is, arith::ConstantIntOp::create(e.b, e.loc, source.chunk, 32),
                                          arith::ConstantIntOp::create(e.b, e.loc, 0, 32));
    Value position = e.index(0);
    for (auto [index, stride] : llvm::zip_equal(indices, strides))
      position = e.add(position, e.mul(index, stride));
    Value address = asInt(e, e.add(origin, e.mul(position, layout.elementBytes)));
    auto global = LLVM::LLVMPointerType::get(e.b.getContext(), static_cast<unsigned>(NVVM::NVVMMemorySpace::Global));
    Value from = LLVM::IntToPtrOp::create(e.b, e.loc, global, address);
    auto modifier = source.chunk == chunkBytes ? NVVM::LoadCacheModifierKind::CG : NVVM::LoadCacheModifierKind::CA;
    NVVM::CpAsyncOp::create(e.b, e.loc, target, from, static_cast<uint32_t>(source.chunk), modifier, bytes);
  }

  const Source &source;
  SlotLayout layout;
  int64_t threads;
  Value thread, origin;
  SmallVector<Value> strides;
};

} // namespace

Value createBlockMemory(Emitter &e, int64_t bytes) {
  Value memory = kernel::BlockMemoryOp::create(e.b, e.loc, MemRefType::get({bytes}, e.b.getI8Type()));
  Value place = memref::ExtractAlignedPointerAsIndexOp::create(e.b, e.loc, memory);
  MLIRContext *context = e.b.getContext();
  Value generic = LLVM::IntToPtrOp::create(e.b, e.loc, LLVM::LLVMPointerType::get(context), asInt(e, place));
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
