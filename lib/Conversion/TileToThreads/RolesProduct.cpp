// lib/Conversion/TileToThreads/RolesProduct.cpp: products of which some threads copy the factors, and others multiply.
//
// One thread asks the hardware for boxes of both factors, as far ahead as the ring has slots, also for the tiles that
// come next. Each slot has two barriers in the memory of the block. `full` counts the bytes of the boxes; warps that
// multiply wait for it and then arrive at `empty`, for which the thread that copies waits before it fills the slot
// again. What the sums become goes the same way back: through panels in the memory of the block, of which one thread
// asks the hardware for a copy. A barrier is in its phase number n when the slot has been used n times; who waits says
// n modulo 2.
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RolesProduct.h"
#include "dialects/Device/Device.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace lathe {

static constexpr int64_t barrierBytes = 8;
/// Of a processor's 65,536 registers, 128 threads that copy and 256 that multiply have so many each.
static constexpr int64_t copyRegisters = 40, computeRegisters = 232;
/// Panels of the result that the hardware may read while others are written, and the barrier for those who write them.
static constexpr int64_t panelsOfResult = 2, resultBarrier = 1;
/// How long the hardware may let a thread sleep before it looks again, in nanoseconds.
static constexpr int32_t mostSleep = 10'000'000;

static Value word(Emitter &e, int64_t number) { return arith::ConstantIntOp::create(e.b, e.loc, number, 32); }
static Value asWord(Emitter &e, Value index) { return arith::IndexCastOp::create(e.b, e.loc, e.b.getI32Type(), index); }

RolesProduct::RolesProduct(Emitter &e, const DotUnit &unit, const ProductTile &tile, int64_t copiers, Boxes a, Boxes b)
    : e(e), unit(unit), tile(tile), copiers(copiers), a(std::move(a)), b(std::move(b)) {
  mapOfA = createMap(this->a, tile.rows);
  mapOfB = createMap(this->b, hasTermsInside(unit) ? tile.columns : tile.terms);
  ofA = tile.rows * SlotLayout::panelBytes;
  slotBytes = ofA + bytesOfB();
  ring = createBlockMemory(e, tile.slots * slotBytes);
  barriers = createBlockMemory(e, 2 * tile.slots * barrierBytes);
}

void RolesProduct::storeTo(Boxes boxes) {
  result = std::move(boxes);
  mapOfResult = createMap(result, tile.rows);
  panels = createBlockMemory(e, panelsOfResult * panelOfResult());
}

int64_t RolesProduct::bytesOfB() const {
  return hasTermsInside(unit) ? tile.columns * SlotLayout::panelBytes : tile.columns / perPanel(b) * panelOfB();
}

int64_t RolesProduct::perPanel(const Boxes &boxes) {
  Type element = cast<MemRefType>(boxes.memref.getType()).getElementType();
  return SlotLayout::panelBytes * 8 / element.getIntOrFloatBitWidth();
}

Value RolesProduct::createMap(const Boxes &boxes, int64_t outer) {
  Type map = LLVM::LLVMPointerType::get(e.b.getContext());
  return device::TensorMapOp::create(e.b, e.loc, map, boxes.memref, boxes.sizes, boxes.pitches,
                                     ArrayRef<int64_t>{perPanel(boxes), outer, 1});
}

Value RolesProduct::barrierAt(Emitter &at, Value slot, bool isFull) {
  Value bytes = at.mul(slot, barrierBytes);
  return addressAt(at, barriers, isFull ? bytes : at.add(bytes, tile.slots * barrierBytes));
}

void RolesProduct::wait(Value slot, bool isFull, Value parity) {
  NVVM::MBarrierTryWaitParityOp::create(e.b, e.loc, barrierAt(e, slot, isFull), asWord(e, parity), word(e, mostSleep));
}

void RolesProduct::emitSetup(Block *block) {
  OpBuilder inner = OpBuilder::atBlockBegin(block);
  Emitter s(inner, e.loc);
  Value thread = arith::IndexCastOp::create(s.b, s.loc, s.b.getIndexType(),
                                            NVVM::ThreadIdXOp::create(s.b, s.loc, s.b.getI32Type()));
  s.ifLess(thread, s.index(1), [&] {
    auto init = [&](int64_t slot, bool isFull, int64_t arrivals) {
      NVVM::MBarrierInitOp::create(s.b, s.loc, barrierAt(s, s.index(slot), isFull), word(s, arrivals), Value());
    };
    for (int64_t slot = 0; slot < tile.slots; ++slot) {
      init(slot, /*isFull=*/true, 1);
      init(slot, /*isFull=*/false, tile.threads / warpLanes);
    }
    NVVM::FenceMbarrierInitOp::create(s.b, s.loc);
  });
  NVVM::Barrier0Op::create(s.b, s.loc);
}

RolesProduct::Place RolesProduct::placeOf(Value use) {
  return {e.rem(use, tile.slots), e.rem(e.floorDiv(use, tile.slots), 2)};
}

void RolesProduct::copyBox(Value map, Value target, Value full, ArrayRef<Value> place) {
  auto cluster =
      LLVM::LLVMPointerType::get(e.b.getContext(), static_cast<unsigned>(NVVM::NVVMMemorySpace::SharedCluster));
  Value to = LLVM::AddrSpaceCastOp::create(e.b, e.loc, cluster, target);
  SmallVector<Value> coordinates;
  for (Value one : place)
    coordinates.push_back(asWord(e, one));
  NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
      e.b, e.loc, to, map, coordinates, full, /*im2colOffsets=*/ValueRange(), /*multicastMask=*/Value(),
      /*l2CacheHint=*/Value(), NVVM::TMALoadMode::TILE, /*isCTAOnly=*/false, NVVM::CTAGroupKindAttr(),
      /*predicate=*/Value());
}

void RolesProduct::emitCopies(Value turn, const TileOfProduct &of) {
  Value thread = arith::IndexCastOp::create(e.b, e.loc, e.b.getIndexType(),
                                            NVVM::ThreadIdXOp::create(e.b, e.loc, e.b.getI32Type()));
  e.ifLess(thread, e.index(tile.threads + 1), [&] {
    e.loop({e.index(0), of.steps}, 1, [&](Value step) {
      Place at = placeOf(e.add(e.mul(turn, of.steps), step));
      // In the first round, slots are as after a phase of the other parity.
      wait(at.slot, /*isFull=*/false, e.sub(e.index(1), at.parity));
      Value full = barrierAt(e, at.slot, /*isFull=*/true), term = e.mul(step, tile.terms);
      NVVM::MBarrierArriveExpectTxOp::create(e.b, e.loc, Type(), full, word(e, slotBytes), NVVM::MemScopeKind::CTA,
                                             /*relaxed=*/false, /*predicate=*/Value());
      Value slot = addressAt(e, ring, e.mul(at.slot, slotBytes));
      copyBox(mapOfA, slot, full, {term, of.row, of.batchOfA});
      if (hasTermsInside(unit)) {
        copyBox(mapOfB, addressAt(e, slot, e.index(ofA)), full, {e.index(0), of.column, e.add(of.batchOfB, step)});
        return;
      }
      for (int64_t column = 0, at = ofA; column < tile.columns; column += perPanel(b), at += panelOfB())
        copyBox(mapOfB, addressAt(e, slot, e.index(at)), full, {e.add(of.column, column), term, of.batchOfB});
    });
  });
}

void RolesProduct::meet() {
  NVVM::BarrierOp::create(e.b, e.loc, /*res=*/Type(), word(e, resultBarrier), word(e, tile.threads),
                          NVVM::BarrierReductionAttr(), /*reductionPredicate=*/Value());
}

void RolesProduct::storeBoxes(const TileOfProduct &of, Multiplier &multiplier, ValueRange sums, FinishSums finish) {
  Value thread = arith::IndexCastOp::create(e.b, e.loc, e.b.getIndexType(),
                                            NVVM::ThreadIdXOp::create(e.b, e.loc, e.b.getI32Type()));
  SmallVector<SumPlace> places = multiplier.places(e);
  int64_t together = multiplier.neighbours(), columns = perPanel(result);
  SlotLayout layout{tile.rows, columns, SlotLayout::panelBytes / columns, /*shift=*/0};
  auto ofRow = static_cast<size_t>(
      llvm::count_if(places, [&](const SumPlace &place) { return place.row == places.front().row; }));
  auto waitForReads = [&](uint32_t left) { NVVM::CpAsyncBulkWaitGroupOp::create(e.b, e.loc, left, e.b.getUnitAttr()); };
  for (int64_t panel = 0; panel < tile.columns / columns; ++panel) {
    Value at = addressAt(e, panels, e.index(panel % panelsOfResult * panelOfResult()));
    if (panel >= panelsOfResult) {
      e.ifLess(thread, e.index(1), [&] { waitForReads(panelsOfResult - 1); });
      meet();
    }
    for (size_t i = 0; i < places.size(); i += static_cast<size_t>(together)) {
      // Sums of a row are side by side, and those of each panel of it.
      auto own = static_cast<int64_t>(i % ofRow) * tile.columns / static_cast<int64_t>(ofRow);
      if (own / columns != panel)
        continue;
      SmallVector<Value> values = finish(sums.slice(i, static_cast<size_t>(together)), places[i]);
      Value column = e.sub(places[i].column, panel * columns),
            perChunk = e.index(16 * columns / SlotLayout::panelBytes);
      Value within = e.rem(column, perChunk);
      Value offset = e.add(layout.offset(e, places[i].row, e.sub(column, within)), e.mul(within, layout.elementBytes));
      Value both =
          vector::FromElementsOp::create(e.b, e.loc, VectorType::get(together, values.front().getType()), values);
      LLVM::StoreOp::create(e.b, e.loc, both, addressAt(e, at, offset),
                            static_cast<unsigned>(together * layout.elementBytes));
    }
    multiplier.publish(e);
    meet();
    e.ifLess(thread, e.index(1), [&] {
      SmallVector<Value> place = {asWord(e, e.add(of.columnOfResult, panel * columns)), asWord(e, of.row),
                                  asWord(e, of.batchOfResult)};
      NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp::create(e.b, e.loc, mapOfResult, at, place, /*l2CacheHint=*/Value(),
                                                         NVVM::TMAStoreMode::TILE, /*predicate=*/Value());
      NVVM::CpAsyncBulkCommitGroupOp::create(e.b, e.loc);
    });
  }
  // The next task, or another kernel, has the memory from here on.
  e.ifLess(thread, e.index(1), [&] { waitForReads(0); });
  meet();
}

void RolesProduct::emitProducts(Value turn, const TileOfProduct &of, Type sum, StoreSums store, FinishSums finish) {
  Value thread = arith::IndexCastOp::create(e.b, e.loc, e.b.getIndexType(),
                                            NVVM::ThreadIdXOp::create(e.b, e.loc, e.b.getI32Type()));
  std::unique_ptr<Multiplier> multiplier = createWarpgroupMultiplier(e, unit, tile, thread);
  Value lane = e.rem(thread, warpLanes);
  Value zero = arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(sum));
  SmallVector<Value> inits(multiplier->sums(), zero);
  // Counted in words: a number of steps that wraps is of no more use, as slots are a power of two.
  Value before = asWord(e, e.mul(turn, of.steps));
  auto loop = scf::ForOp::create(e.b, e.loc, word(e, 0), asWord(e, of.steps), word(e, 1), inits);
  {
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(loop.getBody());
    Value use = arith::AddIOp::create(e.b, e.loc, before, loop.getInductionVar());
    Place at = placeOf(arith::IndexCastUIOp::create(e.b, e.loc, e.b.getIndexType(), use));
    wait(at.slot, /*isFull=*/true, at.parity);
    Value slot = addressAt(e, ring, e.mul(at.slot, slotBytes));
    SmallVector<Value> next =
        multiplier->multiply(e, slot, addressAt(e, slot, e.index(ofA)), loop.getRegionIterArgs(), [] {});
    // Of each warp, as another one may still read.
    e.ifLess(lane, e.index(1), [&] {
      NVVM::MBarrierArriveOp::create(e.b, e.loc, e.b.getI64Type(), barrierAt(e, at.slot, /*isFull=*/false), Value());
    });
    scf::YieldOp::create(e.b, e.loc, next);
  }
  ValueRange sums = loop.getResults();
  if (mapOfResult)
    storeBoxes(of, *multiplier, sums, finish);
  else
    store(sums, multiplier->places(e), multiplier->neighbours());
}

void RolesProduct::emit(const TileOfProduct &of, Type sum, StoreSums store, FinishSums finish) {
  auto roles = device::RolesOp::create(e.b, e.loc, copiers, copyRegisters, computeRegisters);
  OpBuilder::InsertionGuard guard(e.b);
  emitSetup(&roles.getSetup().emplaceBlock());
  auto fill = [&](Region &region, llvm::function_ref<void(Value)> body) {
    Block *block = &region.emplaceBlock();
    Value turn = block->addArgument(e.b.getIndexType(), e.loc);
    e.b.setInsertionPointToStart(block);
    body(turn);
  };
  fill(roles.getCopy(), [&](Value turn) { emitCopies(turn, of); });
  fill(roles.getCompute(), [&](Value turn) { emitProducts(turn, of, sum, store, finish); });
}

} // namespace lathe
