// lib/Conversion/HostToLLVM/KernelLaunch.cpp: the phases of a kernel, by the calling convention of the runtime.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelLaunch.h"
#include "lathe-runtime/module_abi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace lathe {

namespace {

/// Offsets of fields come from the header itself.
#define LATHE_OFFSET(STRUCT, FIELD) static_cast<int32_t>(offsetof(STRUCT, FIELD))

/// Words that code at one place is written in.
struct Code {
  Code(OpBuilder &builder, Location loc)
      : b(builder), loc(loc), i32(b.getI32Type()), i64(b.getI64Type()),
        ptr(LLVM::LLVMPointerType::get(b.getContext())) {}

  Value at(Value base, int32_t bytes) {
    return LLVM::GEPOp::create(b, loc, ptr, b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{bytes});
  }
  Value load(Type type, Value base, int32_t bytes) { return LLVM::LoadOp::create(b, loc, type, at(base, bytes)); }
  void store(Value value, Value base, int32_t bytes) { LLVM::StoreOp::create(b, loc, value, at(base, bytes)); }
  Value number(int64_t n) { return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(n)); }
  Value status(int32_t n) { return arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(n)); }
  /// How many workers a loop of so many tasks has.
  Value workersOf(Value call, Value tasks, bool isOnDevice = false) {
    Value most = isOnDevice
                     ? number(LATHE_DEVICE_WORKERS)
                     : Value(arith::ExtUIOp::create(b, loc, i64, load(i32, call, LATHE_OFFSET(lathe_call, workers))));
    return arith::MinSIOp::create(b, loc, most, tasks);
  }

  OpBuilder &b;
  Location loc;
  Type i32, i64, ptr;
};

/// `@lathe.launch(call, count, loops)` runs loops in their order and returns the status of what failed: all at once
/// where the program's services can, else one by one, as where somebody observes the call.
func::FuncOp launchHelper(ModuleOp module) {
  constexpr StringLiteral name = "lathe.launch";
  if (auto made = module.lookupSymbol<func::FuncOp>(name))
    return made;
  Location loc = module.getLoc();
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Code c(builder, loc);
  auto helper = func::FuncOp::create(builder, loc, name, builder.getFunctionType({c.ptr, c.i32, c.ptr}, c.i32));
  helper.setPrivate();
  Block *start = helper.addEntryBlock();
  auto addBlock = [&](TypeRange arguments) {
    Block *block = &helper.getBody().emplaceBlock();
    for (Type type : arguments)
      block->addArgument(type, loc);
    return block;
  };
  Block *look = addBlock({}), *together = addBlock({}), *next = addBlock({c.i32}), *one = addBlock({}),
        *end = addBlock({c.i32});
  Value call = start->getArgument(0), count = start->getArgument(1), loops = start->getArgument(2);
  builder.setInsertionPointToStart(start);
  Value zero = c.status(0);
  Value imports = c.load(c.ptr, call, LATHE_OFFSET(lathe_call, imports));
  Value context = c.load(c.ptr, imports, LATHE_OFFSET(lathe_imports, context));
  Value workers = c.load(c.i32, call, LATHE_OFFSET(lathe_call, workers));
  Value size = c.load(c.i32, imports, LATHE_OFFSET(lathe_imports, struct_size));
  constexpr int32_t field = LATHE_OFFSET(lathe_imports, parallel_loops);
  Value isThere =
      arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::uge, size, c.status(field + sizeof(void *)));
  cf::CondBranchOp::create(builder, loc, isThere, look, ValueRange(), next, ValueRange(zero));

  builder.setInsertionPointToStart(look);
  Value runAll = c.load(c.ptr, imports, field);
  Value none = LLVM::ZeroOp::create(builder, loc, c.ptr);
  Value isGiven = LLVM::ICmpOp::create(builder, loc, LLVM::ICmpPredicate::ne, runAll, none);
  cf::CondBranchOp::create(builder, loc, isGiven, together, ValueRange(), next, ValueRange(zero));

  builder.setInsertionPointToStart(together);
  auto allType = LLVM::LLVMFunctionType::get(c.i32, {c.ptr, c.i32, c.i32, c.ptr});
  auto all = LLVM::CallOp::create(builder, loc, allType, ValueRange{runAll, context, workers, count, loops});
  cf::BranchOp::create(builder, loc, end, all.getResults());

  builder.setInsertionPointToStart(next);
  Value number = next->getArgument(0);
  Value isMore = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, number, count);
  cf::CondBranchOp::create(builder, loc, isMore, one, ValueRange(), end, ValueRange(zero));

  builder.setInsertionPointToStart(one);
  Value bytes = arith::MulIOp::create(builder, loc, number, c.status(sizeof(lathe_loop)));
  Value record = LLVM::GEPOp::create(builder, loc, c.ptr, builder.getI8Type(), loops, ArrayRef<LLVM::GEPArg>{bytes});
  Value tasks = c.load(c.i64, record, LATHE_OFFSET(lathe_loop, tasks));
  Value own = arith::TruncIOp::create(builder, loc, c.i32, c.workersOf(call, tasks));
  Value parallelFor = c.load(c.ptr, imports, LATHE_OFFSET(lathe_imports, parallel_for));
  auto forType = LLVM::LLVMFunctionType::get(c.i32, {c.ptr, c.i64, c.i32, c.ptr, c.ptr, c.i64, c.ptr});
  SmallVector<Value> arguments = {parallelFor,
                                  context,
                                  tasks,
                                  own,
                                  c.load(c.ptr, record, LATHE_OFFSET(lathe_loop, body)),
                                  c.load(c.ptr, record, LATHE_OFFSET(lathe_loop, scratch)),
                                  c.load(c.i64, record, LATHE_OFFSET(lathe_loop, scratch_stride)),
                                  c.load(c.ptr, record, LATHE_OFFSET(lathe_loop, closure))};
  Value status = LLVM::CallOp::create(builder, loc, forType, arguments).getResult();
  // Statuses below 0 are the runtime's.
  Value first = c.load(c.i32, record, LATHE_OFFSET(lathe_loop, first_check));
  Value isCheck = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sgt, status, zero);
  Value check = arith::AddIOp::create(builder, loc, status, first);
  Value result = arith::SelectOp::create(builder, loc, isCheck, check, status);
  Value isFine = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, status, zero);
  Value following = arith::AddIOp::create(builder, loc, number, c.status(1));
  cf::CondBranchOp::create(builder, loc, isFine, next, ValueRange(following), end, ValueRange(result));

  builder.setInsertionPointToStart(end);
  func::ReturnOp::create(builder, loc, end->getArgument(0));
  return helper;
}

} // namespace

KernelLaunch::KernelLaunch(OpBuilder &builder, Location loc, kernel::EntryOp entry, Value call, ValueRange sizes)
    : builder(builder), loc(loc), entry(entry), call(call), sizes(sizes) {}

void KernelLaunch::returnIf(OpBuilder &builder, Location loc, Value failed, llvm::function_ref<Value()> makeStatus) {
  Block *here = builder.getBlock();
  Block *next = here->splitBlock(builder.getInsertionPoint());
  Block *fails = builder.createBlock(next);
  func::ReturnOp::create(builder, loc, makeStatus());
  builder.setInsertionPointToEnd(here);
  cf::CondBranchOp::create(builder, loc, failed, fails, next);
  builder.setInsertionPointToStart(next);
}

Value KernelLaunch::asInt(Value index) { return arith::IndexCastOp::create(builder, loc, builder.getI64Type(), index); }

Value KernelLaunch::tasksOf(kernel::PhaseAttr phase) {
  return asInt(func::CallOp::create(builder, loc, phase.getTasks(), builder.getIndexType(), sizes).getResult(0));
}

/// The bytes of temporaries for all tasks, and of those for one worker; null if
/// there are none.
std::pair<Value, Value> KernelLaunch::memory() {
  if (!entry.getMemoryAttr())
    return {};
  auto function = entry->getParentOfType<ModuleOp>().lookupSymbol<func::FuncOp>(entry.getMemoryAttr());
  auto bytes = func::CallOp::create(builder, loc, function, sizes);
  auto sum = [&](ValueRange list) {
    Value total = arith::ConstantIndexOp::create(builder, loc, 0);
    for (Value one : list)
      total = arith::AddIOp::create(builder, loc, total, one);
    return total;
  };
  Value shared = sum(bytes.getResults().take_front(entry.getShared()));
  return {shared, sum(bytes.getResults().drop_front(entry.getShared()))};
}

Value KernelLaunch::workspaceBytes() {
  auto [shared, scratch] = memory();
  if (!shared)
    return {};
  Code c(builder, loc);
  Value most;
  for (auto phase : entry.getPhases().getAsRange<kernel::PhaseAttr>()) {
    Value tasks = tasksOf(phase);
    most = most ? Value(arith::MaxSIOp::create(builder, loc, most, tasks)) : tasks;
  }
  Value workers =
      arith::IndexCastOp::create(builder, loc, builder.getIndexType(), c.workersOf(call, most, entry.isOnDevice()));
  Value all = arith::MulIOp::create(builder, loc, workers, scratch);
  return arith::AddIOp::create(builder, loc, shared, all);
}

int32_t KernelLaunch::deviceNumber(kernel::EntryOp entry) {
  int32_t number = 0;
  for (auto other : entry->getParentOfType<ModuleOp>().getOps<kernel::EntryOp>()) {
    if (other == entry)
      break;
    if (other.isOnDevice())
      number += static_cast<int32_t>(other.getPhases().size());
  }
  return number;
}

/// Of a map of rank n: n sizes and n - 1 pitches.
static int64_t extentsOf(device::BodyOp body) {
  int64_t words = 0;
  if (body)
    for (auto map : body.getMaps().getAsRange<device::MapAttr>())
      words += 2 * static_cast<int64_t>(map.getBox().size()) - 1;
  return words;
}

static device::BodyOp bodyOf(kernel::EntryOp entry, kernel::PhaseAttr phase) {
  return device::findBody(entry->getParentOfType<ModuleOp>(), phase);
}

int64_t KernelLaunch::mostExtents(kernel::EntryOp entry) {
  int64_t most = 0;
  for (auto phase : entry.getPhases().getAsRange<kernel::PhaseAttr>())
    most = std::max(most, extentsOf(bodyOf(entry, phase)));
  return most;
}

void KernelLaunch::storeExtents(kernel::PhaseAttr phase, Value closure, int32_t word) {
  device::BodyOp body = bodyOf(entry, phase);
  if (!body)
    return;
  Code c(builder, loc);
  SmallVector<Type> types(extentsOf(body), builder.getIndexType());
  auto extents = func::CallOp::create(builder, loc, body.getExtentsAttr(), types, sizes);
  for (auto [i, extent] : llvm::enumerate(extents.getResults()))
    c.store(asInt(extent), closure, 8 * (word + static_cast<int32_t>(i)));
}

Value KernelLaunch::runOnDevice(kernel::PhaseAttr phase, int32_t number, Value tasks, Value scratch, Value stride,
                                Value closure, int32_t words) {
  Code c(builder, loc);
  // Behind the words of the kernel, of which there is none for the call, and the sizes and pitches of its maps.
  storeExtents(phase, closure, words);
  Value launch = c.at(closure, 8 * (words + static_cast<int32_t>(mostExtents(entry))));
  Value first = c.at(closure, 8);
  c.store(c.status(sizeof(lathe_launch)), launch, LATHE_OFFSET(lathe_launch, struct_size));
  c.store(c.status(LATHE_SPACE_CUDA), launch, LATHE_OFFSET(lathe_launch, space));
  c.store(c.status(number), launch, LATHE_OFFSET(lathe_launch, kernel));
  c.store(c.status(words - 1), launch, LATHE_OFFSET(lathe_launch, word_count));
  c.store(tasks, launch, LATHE_OFFSET(lathe_launch, tasks));
  c.store(first, launch, LATHE_OFFSET(lathe_launch, words));
  c.store(scratch, launch, LATHE_OFFSET(lathe_launch, scratch));
  c.store(stride, launch, LATHE_OFFSET(lathe_launch, scratch_stride));
  Value spaces = c.load(c.ptr, call, LATHE_OFFSET(lathe_call, spaces));
  Value space = c.load(c.ptr, spaces, LATHE_SPACE_CUDA * static_cast<int32_t>(sizeof(void *)));
  Value services = c.load(c.ptr, space, LATHE_OFFSET(lathe_call_space, services));
  Value code = c.load(c.ptr, space, LATHE_OFFSET(lathe_call_space, code));
  Value function = c.load(c.ptr, services, LATHE_OFFSET(lathe_space_services, launch));
  Value context = c.load(c.ptr, services, LATHE_OFFSET(lathe_space_services, context));
  auto type = LLVM::LLVMFunctionType::get(c.i32, {c.ptr, c.ptr, c.ptr, c.ptr});
  return LLVM::CallOp::create(builder, loc, type, ValueRange{function, context, code, call, launch}).getResult();
}

int32_t KernelLaunch::bytesOfLoops(int64_t count) { return static_cast<int32_t>(count * sizeof(lathe_loop)); }

void KernelLaunch::fail(Value result, int32_t checks) {
  Code c(builder, loc);
  Value failed = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, result, c.status(0));
  returnIf(builder, loc, failed, [&]() -> Value {
    if (checks == 0)
      return result;
    // Statuses below 0 are the runtime's.
    Value own = arith::AddIOp::create(builder, loc, result, c.status(checks));
    Value isOwn = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sgt, result, c.status(0));
    return arith::SelectOp::create(builder, loc, isOwn, own, result);
  });
}

void KernelLaunch::run(ValueRange buffers, Value temporaries, const LaunchPlace &place, int32_t checks) {
  Code c(builder, loc);
  SmallVector<Value> pointers(buffers);
  Value scratch = LLVM::ZeroOp::create(builder, loc, c.ptr), stride = c.number(0);
  if (auto [shared, each] = memory(); shared) {
    // Shared temporaries come first; the kernel gets their place.
    if (entry.getShared())
      pointers.push_back(temporaries);
    scratch = LLVM::GEPOp::create(builder, loc, c.ptr, builder.getI8Type(), temporaries,
                                  ArrayRef<LLVM::GEPArg>{asInt(shared)});
    stride = asInt(each);
  }
  Value closure = c.at(place.memory, place.closure);
  c.store(call, closure, 0);
  int32_t word = 1;
  for (Value size : sizes)
    c.store(asInt(size), closure, 8 * word++);
  for (Value pointer : pointers)
    c.store(pointer, closure, 8 * word++);
  auto phases = entry.getPhases().getAsRange<kernel::PhaseAttr>();
  if (entry.isOnDevice()) {
    int32_t number = deviceNumber(entry);
    for (kernel::PhaseAttr phase : phases)
      fail(runOnDevice(phase, number++, tasksOf(phase), scratch, stride, closure, word), checks);
    return;
  }
  auto module = entry->getParentOfType<ModuleOp>();
  for (auto [number, phase] : llvm::enumerate(phases)) {
    auto body = module.lookupSymbol<func::FuncOp>(phase.getBody());
    Value function = func::ConstantOp::create(builder, loc, body.getFunctionType(), phase.getBody());
    Value loop = c.at(place.memory, bytesOfLoops(place.loop + static_cast<int64_t>(number)));
    c.store(UnrealizedConversionCastOp::create(builder, loc, c.ptr, function).getResult(0), loop,
            LATHE_OFFSET(lathe_loop, body));
    c.store(closure, loop, LATHE_OFFSET(lathe_loop, closure));
    c.store(scratch, loop, LATHE_OFFSET(lathe_loop, scratch));
    c.store(stride, loop, LATHE_OFFSET(lathe_loop, scratch_stride));
    c.store(tasksOf(phase), loop, LATHE_OFFSET(lathe_loop, tasks));
    c.store(c.status(checks), loop, LATHE_OFFSET(lathe_loop, first_check));
    c.store(c.status(0), loop, LATHE_OFFSET(lathe_loop, reserved));
  }
  if (!place.isLast)
    return;
  Value count = c.status(static_cast<int32_t>(place.loop + loopsOf(entry)));
  auto loops = func::CallOp::create(builder, loc, launchHelper(module), ValueRange{call, count, place.memory});
  fail(loops.getResult(0), /*checks=*/0);
}

} // namespace lathe
