// lib/Conversion/GraphToHost/Control.cpp: branches and loops of a launch program, and the memory that they hand on.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Converter.h"
#include "lathe-runtime/module_abi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using lathe::graph::Dims;

namespace lathe {

//===----------------------------------------------------------------------===//
// Memory of blocks
//===----------------------------------------------------------------------===//

void Converter::freeAfter(Location at, unsigned step) {
  llvm::erase_if(blocks.back().owned, [&](const Owned &entry) {
    if (lifetimes.last(entry.value) > step)
      return false;
    host::FreeOp::create(builder, at, entry.address);
    return true;
  });
}

Value Converter::release(Value value) {
  Value owner = lifetimes.ownerOf(value), address;
  llvm::erase_if(blocks.back().owned, [&](const Owned &entry) {
    if (entry.value != owner)
      return false;
    address = entry.address;
    return true;
  });
  return address;
}

std::pair<Value, Value> Converter::handOn(Location at, Value value) {
  Value owner = lifetimes.ownerOf(value);
  OpenBlock &block = blocks.back();
  // Two of what is handed on are never one memory, or it would be freed twice,
  // or once too early.
  bool isShared = llvm::any_of(block.handedOn, [&](Value other) { return lifetimes.mayBe(other, owner); }) ||
                  llvm::any_of(block.owned, [&](const Owned &entry) {
                    return entry.value != owner && lifetimes.mayBe(entry.value, owner);
                  });
  if (isShared) {
    Value own = allocate(at, value.getType(), spaces.of(value));
    copy(at, value, own);
    return {own, own};
  }
  Value from = address(at, value), memory = release(owner);
  if (memory)
    block.handedOn.push_back(owner);
  return {from, memory};
}

//===----------------------------------------------------------------------===//
// Branches
//===----------------------------------------------------------------------===//

Value Converter::isTrue(Location at, Value condition) {
  Value byte = host::LoadOp::create(builder, at, index, address(at, condition), 0, builder.getI1Type());
  return arith::CmpIOp::create(builder, at, arith::CmpIPredicate::ne, byte, sizes->get(at, 0));
}

SmallVector<std::pair<unsigned, AffineExpr>> Converter::newSymbols(TypeRange types, TypeRange sources) {
  SmallVector<std::pair<unsigned, AffineExpr>> result;
  for (auto [type, source] : llvm::zip_equal(types, sources))
    for (auto [dim, from] : llvm::zip_equal(dimsOf(type), dimsOf(source))) {
      auto symbol = dyn_cast<AffineSymbolExpr>(dim);
      bool isNew = symbol && !sizes->isKnown(dim) &&
                   llvm::none_of(result, [&](auto &entry) { return entry.first == symbol.getPosition(); });
      if (isNew)
        result.push_back({symbol.getPosition(), from});
    }
  return result;
}

/// Yields, for each result, its address and, where its size was not known at entry,
/// the memory to give back; then the symbols that the results define.
LogicalResult Converter::emitBranch(graph::IfOp op, Region &region, TypeRange results) {
  Location at = op.getLoc();
  auto yield = cast<graph::YieldOp>(region.front().getTerminator());
  SmallVector<std::pair<unsigned, AffineExpr>> defined = newSymbols(results, yield.getValues().getTypes());
  Sizes::Scope scope(*sizes);
  blocks.emplace_back();
  if (failed(emitBlock(region.front())))
    return failure();
  SmallVector<Value> values;
  for (Value value : yield.getValues()) {
    auto [from, memory] = handOn(at, value);
    values.push_back(from);
    values.push_back(memory ? memory : null(at, value));
  }
  for (auto [symbol, source] : defined)
    values.push_back(sizes->get(at, source));
  freeAfter(at, UINT_MAX);
  blocks.pop_back();
  scf::YieldOp::create(builder, at, values);
  return success();
}

LogicalResult Converter::emitIf(graph::IfOp op) {
  Location at = op.getLoc();
  TypeRange results = op.getResultTypes();
  size_t count = results.size();
  // The types are those of both branches but for what the results define.
  auto defined = newSymbols(results, op.thenYield().getValues().getTypes());
  SmallVector<Type> types;
  for (Value result : op.getResults())
    types.append(2, bufferOf(result));
  types.append(defined.size(), index);
  auto branch = scf::IfOp::create(builder, at, types, isTrue(at, op.getCondition()), /*addThenBlock=*/true,
                                  /*addElseBlock=*/true);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(branch.thenBlock());
    if (failed(emitBranch(op, op.getThenRegion(), results)))
      return failure();
    builder.setInsertionPointToStart(branch.elseBlock());
    if (failed(emitBranch(op, op.getElseRegion(), results)))
      return failure();
  }
  for (auto [i, result] : llvm::enumerate(op.getResults())) {
    buffers[result] = branch.getResult(2 * i);
    if (!isKnownAtEntry(result.getType()))
      own(result, branch.getResult(2 * i + 1));
  }
  for (auto [i, entry] : llvm::enumerate(defined))
    defineSymbol(at, entry.first, branch.getResult(2 * count + i));
  return checkWhatIsKnown(at, /*isEntry=*/false);
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

void Converter::planLoop(graph::LoopOp loop) {
  LoopPlan &loopPlan = loops[loop];
  Block *body = &loop.getBody().front();
  /// What a kernel of the body itself computes, and nobody has given a place yet.
  auto directly = [&](Value value) {
    Value owner = lifetimes.ownerOf(value);
    Place::Kind kind = places[owner].kind;
    bool isOwn = isa_and_nonnull<kernel::CallOp, kernel::CopyOp>(owner.getDefiningOp()) && lifetimes.isWhole(value) &&
                 owner.getParentBlock() == body;
    return isOwn && (kind == Place::Workspace || kind == Place::Heap) ? owner : Value();
  };
  DenseSet<Value> inScans, taken;
  for (auto [part, whole] : llvm::zip_equal(loop.scanned(), loop.scanResults())) {
    Dims parts = dimsOf(part.getType()), dims = dimsOf(whole.getType());
    bool isGrowing = loop.getCondition() || !loop.getTripCount() || ArrayRef(dims).drop_front() != ArrayRef(parts);
    Value direct = isGrowing ? Value() : directly(part);
    if (direct) {
      places[direct] = {Place::Buffer, 0, ""};
      inScans.insert(direct);
    }
    if (!isGrowing)
      places[whole] = {isKnownAtEntry(whole.getType()) ? Place::Workspace : Place::Heap, 0, ""};
    loopPlan.scans.push_back({isGrowing, direct});
  }
  for (auto [argument, next] : llvm::zip_equal(loop.carriedArguments(), loop.nextCarried())) {
    Value owner = lifetimes.ownerOf(next);
    if (!isa<RankedTensorType>(argument.getType())) {
      loopPlan.carried.push_back({Carried::Shared, 0, Value()});
    } else if (owner == argument && lifetimes.isWhole(next)) {
      loopPlan.carried.push_back({Carried::Unchanged, 0, Value()});
    } else if (!isKnownAtEntry(argument.getType())) {
      Value direct = directly(next);
      if (direct && (places[direct].kind != Place::Heap || !taken.insert(direct).second))
        direct = {};
      loopPlan.carried.push_back({Carried::Owned, 0, direct});
    } else if (inScans.contains(owner) && lifetimes.isWhole(next)) {
      loopPlan.carried.push_back({Carried::Scanned, 0, Value()});
    } else {
      Value direct = directly(next);
      if (direct)
        places[direct] = {Place::Buffer, 0, ""};
      loopPlan.carried.push_back({Carried::Swapped, 0, direct});
    }
  }
}

/// Writes one loop. The turns carry, in this order: the number of the turn, whether
/// it is to be, each carried value and the memory that it owns, each growing scan
/// output with its capacity, and the symbols that all these define.
class LoopEmitter {
public:
  LoopEmitter(Converter &c, graph::LoopOp op)
      : c(c), op(op), plan(c.loops[op]), b(c.builder), sizes(*c.sizes), loc(op.getLoc()) {}

  LogicalResult emit();

private:
  Value number(int64_t value) { return sizes.get(loc, value); }
  Value isLess(Value a, Value b2) { return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, a, b2); }
  void collect();
  void placeScans();
  LogicalResult emitTurn(Block *turn);
  LogicalResult emitBody();
  Value nextPlace(const Carried &carried, Value argument);
  Value stackedPlace(Value part, Value whole);
  void grow(unsigned scan, Value part);
  void defineResults(ValueRange finals);

  struct Growing {
    Value memory, capacity;
  };

  Converter &c;
  graph::LoopOp op;
  LoopPlan &plan;
  OpBuilder &b;
  Sizes &sizes;
  Location loc;
  SmallVector<std::pair<unsigned, AffineExpr>> argumentSymbols;
  /// Dims of scan outputs that the first turn says, and the same dim in the body.
  SmallVector<std::pair<unsigned, AffineExpr>> scanSymbols;
  SmallVector<unsigned> countSymbols; ///< Symbols that are the number of turns.
  SmallVector<Growing> growing;       ///< In the turn that is written, one for each scan output.
  SmallVector<Value> scanDims;        ///< ... what `scanSymbols` are.
  SmallVector<Value> current, memory; ///< ... of carried values.
  Value turn;
};

void LoopEmitter::collect() {
  argumentSymbols = c.newSymbols(op.carriedArguments().getTypes(), op.getInits().getTypes());
  for (auto [part, whole] : llvm::zip_equal(op.scanned(), op.scanResults())) {
    Dims parts = c.dimsOf(part.getType()), dims = c.dimsOf(whole.getType());
    if (auto count = dyn_cast<AffineSymbolExpr>(dims.front()); count && !sizes.isKnown(count))
      countSymbols.push_back(count.getPosition());
    for (auto [from, dim] : llvm::zip_equal(parts, ArrayRef(dims).drop_front()))
      if (auto symbol = dyn_cast<AffineSymbolExpr>(dim); symbol && from != dim)
        scanSymbols.push_back({symbol.getPosition(), from});
  }
}

/// Memory for scan outputs whose size is known before the loop, but was not at entry.
void LoopEmitter::placeScans() {
  for (Value whole : op.scanResults())
    if (c.places[whole].kind == Place::Heap) {
      c.buffers[whole] = c.allocate(loc, whole.getType(), c.spaces.of(whole));
      c.own(whole, c.buffers[whole]);
    }
}

/// The one of two places that the turn before did not write.
Value LoopEmitter::nextPlace(const Carried &carried, Value argument) {
  Value odd = arith::AndIOp::create(b, loc, turn, number(1));
  AffineExpr whole = c.bytesOf(argument.getType()).ceilDiv(LATHE_ALIGNMENT) * LATHE_ALIGNMENT;
  Value half = sizes.get(loc, simplifyAffineExpr(whole, 0, c.symbols.size()));
  return host::OffsetOp::create(b, loc, c.bufferOf(argument), c.workspace(loc, carried.temporary),
                                host::MulOp::create(b, loc, c.index, odd, half));
}

Value LoopEmitter::stackedPlace(Value part, Value whole) {
  Value bytes = sizes.get(loc, c.bytesOf(part.getType()));
  return host::OffsetOp::create(b, loc, c.bufferOf(whole), c.address(loc, whole),
                                host::MulOp::create(b, loc, c.index, turn, bytes));
}

/// Appends `part` to what the turns before have stacked; twice as much memory each
/// time that it is full.
void LoopEmitter::grow(unsigned scan, Value part) {
  Growing &state = growing[scan];
  Value bytes = sizes.get(loc, c.bytesOf(part.getType()));
  Value used = host::MulOp::create(b, loc, c.index, turn, bytes),
        needed = host::AddOp::create(b, loc, c.index, used, bytes);
  Value isFull = isLess(state.capacity, needed);
  auto more = scf::IfOp::create(b, loc, TypeRange{c.bufferOf(part), c.index}, isFull, /*addThenBlock=*/true,
                                /*addElseBlock=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    Sizes::Scope scope(sizes);
    b.setInsertionPointToStart(more.thenBlock());
    Value twice = host::MulOp::create(b, loc, c.index, state.capacity, number(2));
    Value capacity = c.limited(loc, arith::MaxSIOp::create(b, loc, twice, needed));
    Value memory = c.allocate(loc, c.bufferOf(part), capacity);
    host::CopyOp::create(b, loc, state.memory, memory, used);
    host::FreeOp::create(b, loc, state.memory);
    scf::YieldOp::create(b, loc, ValueRange{memory, capacity});
    b.setInsertionPointToStart(more.elseBlock());
    scf::YieldOp::create(b, loc, ValueRange{state.memory, state.capacity});
  }
  state = {more.getResult(0), more.getResult(1)};
  c.copy(loc, part, host::OffsetOp::create(b, loc, c.bufferOf(part), state.memory, used));
}

LogicalResult LoopEmitter::emit() {
  collect();
  placeScans();
  Value trips;
  if (Value count = op.getTripCount())
    trips = host::LoadOp::create(b, loc, c.index, c.address(loc, count), 0, getElementTypeOrSelf(count));
  SmallVector<Value> inits = {number(0)};
  if (op.getCondition())
    inits.push_back(c.isTrue(loc, op.getCondition()));
  for (Value init : op.getInits()) {
    inits.push_back(c.address(loc, init));
    inits.push_back(c.null(loc, init));
  }
  for (Value whole : op.scanResults()) {
    inits.push_back(c.null(loc, whole));
    inits.push_back(number(0));
  }
  for (auto [symbol, source] : argumentSymbols)
    inits.push_back(sizes.get(loc, source));
  inits.append(scanSymbols.size(), number(0));

  SmallVector<Type> types(ValueRange(inits).getTypes());
  SmallVector<Location> locations(types.size(), loc);
  auto loop = scf::WhileOp::create(b, loc, types, inits);
  OpBuilder::InsertionGuard guard(b);
  Block *before = b.createBlock(&loop.getBefore(), {}, types, locations);
  Value goesOn = op.getCondition() ? Value(before->getArgument(1)) : Value();
  if (trips) {
    Value isLeft = isLess(before->getArgument(0), trips);
    goesOn = goesOn ? Value(arith::AndIOp::create(b, loc, goesOn, isLeft)) : isLeft;
  }
  if (!goesOn)
    goesOn = arith::ConstantOp::create(b, loc, b.getBoolAttr(true));
  scf::ConditionOp::create(b, loc, goesOn, before->getArguments());
  if (failed(emitTurn(b.createBlock(&loop.getAfter(), {}, types, locations))))
    return failure();
  b.setInsertionPointAfter(loop);
  defineResults(loop.getResults());
  return c.checkWhatIsKnown(loc, /*isEntry=*/false);
}

LogicalResult LoopEmitter::emitTurn(Block *block) {
  Sizes::Scope scope(sizes);
  c.blocks.emplace_back();
  auto next = block->args_begin();
  turn = *next++;
  if (op.getCondition())
    ++next;
  for (Value argument : op.carriedArguments()) {
    c.buffers[argument] = *next;
    current.push_back(*next++);
    memory.push_back(*next++);
  }
  for ([[maybe_unused]] const Scan &scan : plan.scans) {
    Value at = *next++, capacity = *next++;
    growing.push_back({at, capacity});
  }
  for (auto [symbol, source] : argumentSymbols)
    sizes.define(symbol, *next++);
  for (size_t i = 0; i < scanSymbols.size(); ++i)
    scanDims.push_back(*next++);
  host::PollOp::create(b, loc,
                       c.addNodeMessage(loc, "the loops of a call may make %lld turns together, and this one needs "
                                             "more; raise the limit, or correct what ends it [call-loop-limit]"));
  if (failed(c.checkWhatIsKnown(loc, /*isEntry=*/false)))
    return failure();
  if (!op.turn().use_empty()) {
    c.buffers[op.turn()] = c.workspace(loc, plan.turn);
    host::StoreOp::create(b, loc, turn, c.buffers[op.turn()]);
  }
  for (auto [carried, argument] : llvm::zip_equal(plan.carried, op.carriedArguments()))
    if (carried.kind == Carried::Swapped && carried.direct)
      c.buffers[carried.direct] = nextPlace(carried, argument);
  for (auto [scan, part, whole] : llvm::zip_equal(plan.scans, op.scanned(), op.scanResults()))
    if (scan.direct)
      c.buffers[scan.direct] = stackedPlace(part, whole);
  return emitBody();
}

LogicalResult LoopEmitter::emitBody() {
  if (failed(c.emitBlock(op.getBody().front())))
    return failure();
  SmallVector<Value> yields = {arith::AddIOp::create(b, loc, turn, number(1))};
  if (Value condition = op.nextCondition())
    yields.push_back(c.isTrue(loc, condition));
  // Sizes of what is stacked: the first turn's, and all others the same.
  Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, turn, number(0));
  for (auto [dim, entry] : llvm::zip_equal(scanDims, scanSymbols)) {
    Value now = sizes.get(loc, entry.second);
    dim = arith::SelectOp::create(b, loc, isFirst, now, dim);
    unsigned id = c.addNodeMessage(
        loc, "what a loop stacks must have one size in all turns: %lld is not %lld [call-shape-check]");
    host::CheckOp::create(b, loc, host::Relation::eq, now, dim, id);
  }
  for (auto [i, scan] : llvm::enumerate(plan.scans)) {
    Value part = op.scanned()[i];
    if (scan.isGrowing)
      grow(i, part);
    else if (!scan.direct)
      c.copy(loc, part, stackedPlace(part, op.scanResults()[i]));
  }
  // Copies first: what they read may be what the next turn no longer has.
  SmallVector<Value> old;
  for (auto [carried, argument, next, at, mine] :
       llvm::zip_equal(plan.carried, op.carriedArguments(), op.nextCarried(), current, memory)) {
    switch (carried.kind) {
    case Carried::Unchanged:
      break;
    case Carried::Scanned:
    case Carried::Shared:
      at = c.address(loc, next);
      break;
    case Carried::Swapped: {
      Value place = carried.direct ? c.address(loc, next) : nextPlace(carried, argument);
      if (!carried.direct)
        c.copy(loc, next, place);
      at = place;
      break;
    }
    case Carried::Owned:
      old.push_back(mine);
      if (carried.direct) {
        at = mine = c.address(loc, next);
      } else {
        at = mine = c.allocate(loc, next.getType(), c.spaces.of(next));
        c.copy(loc, next, at);
      }
      break;
    }
  }
  for (const Carried &carried : plan.carried)
    if (carried.kind == Carried::Owned && carried.direct)
      (void)c.release(carried.direct);
  c.freeAfter(loc, UINT_MAX);
  for (Value unused : old)
    host::FreeOp::create(b, loc, unused);
  for (auto [at, mine] : llvm::zip_equal(current, memory))
    yields.append({at, mine});
  for (const Growing &state : growing)
    yields.append({state.memory, state.capacity});
  // The expressions of the next sizes are in symbols of this turn.
  DenseMap<unsigned, AffineExpr> nextSizes;
  for (auto [argument, next] : llvm::zip_equal(op.carriedArguments(), op.nextCarried()))
    for (auto [dim, size] : llvm::zip_equal(c.dimsOf(argument.getType()), c.dimsOf(next.getType())))
      if (auto symbol = dyn_cast<AffineSymbolExpr>(dim))
        nextSizes.try_emplace(symbol.getPosition(), size);
  for (auto [symbol, source] : argumentSymbols)
    yields.push_back(sizes.get(loc, nextSizes.lookup(symbol)));
  llvm::append_range(yields, scanDims);
  scf::YieldOp::create(b, loc, yields);
  c.blocks.pop_back();
  return success();
}

void LoopEmitter::defineResults(ValueRange finals) {
  unsigned at = 0;
  Value turns = finals[at++];
  at += !!op.getCondition();
  for (auto [carried, result] : llvm::zip_equal(plan.carried, op.carriedResults())) {
    c.buffers[result] = finals[at];
    if (carried.kind == Carried::Owned)
      c.own(result, finals[at + 1]);
    at += 2;
  }
  for (auto [scan, result] : llvm::zip_equal(plan.scans, op.scanResults())) {
    if (scan.isGrowing) {
      c.buffers[result] = finals[at];
      c.own(result, finals[at]);
    }
    at += 2;
  }
  DenseMap<AffineExpr, Value> last;
  for (auto [symbol, source] : argumentSymbols)
    last[getAffineSymbolExpr(symbol, c.context)] = finals[at++];
  for (auto [argument, result] : llvm::zip_equal(op.carriedArguments(), op.carriedResults()))
    for (auto [from, dim] : llvm::zip_equal(c.dimsOf(argument.getType()), c.dimsOf(result.getType())))
      if (auto symbol = dyn_cast<AffineSymbolExpr>(dim); symbol && last.contains(from) && !sizes.isKnown(dim))
        sizes.define(symbol.getPosition(), last.lookup(from));
  for (unsigned symbol : countSymbols)
    c.defineSymbol(loc, symbol, turns);
  for (auto [symbol, source] : scanSymbols)
    sizes.define(symbol, finals[at++]);
}

LogicalResult Converter::emitLoop(graph::LoopOp op) { return LoopEmitter(*this, op).emit(); }

} // namespace lathe
