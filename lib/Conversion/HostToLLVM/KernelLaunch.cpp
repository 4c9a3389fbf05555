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

/// `@lathe.launch(call, tasks, kernel, scratch, stride, closure)` returns the
/// status of the tasks. One alone goes by `parallel_for`, too, so that whoever
/// observes the call sees it.
func::FuncOp launchHelper(ModuleOp module) {
  constexpr StringLiteral name = "lathe.launch";
  if (auto made = module.lookupSymbol<func::FuncOp>(name))
    return made;
  Location loc = module.getLoc();
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Code c(builder, loc);
  auto helper = func::FuncOp::create(builder, loc, name,
                                     builder.getFunctionType({c.ptr, c.i64, c.ptr, c.ptr, c.i64, c.ptr}, c.i32));
  helper.setPrivate();
  Block *start = helper.addEntryBlock();
  Value call = start->getArgument(0), tasks = start->getArgument(1), kernel = start->getArgument(2),
        scratch = start->getArgument(3), stride = start->getArgument(4), data = start->getArgument(5);
  builder.setInsertionPointToStart(start);
  c.store(call, data, 0);
  Value imports = c.load(c.ptr, call, LATHE_OFFSET(lathe_call, imports));
  Value parallelFor = c.load(c.ptr, imports, LATHE_OFFSET(lathe_imports, parallel_for));
  Value hostContext = c.load(c.ptr, imports, LATHE_OFFSET(lathe_imports, context));
  Value workers = arith::TruncIOp::create(builder, loc, c.i32, c.workersOf(call, tasks));
  auto forType = LLVM::LLVMFunctionType::get(c.i32, {c.ptr, c.i64, c.i32, c.ptr, c.ptr, c.i64, c.ptr});
  auto loop = LLVM::CallOp::create(builder, loc, forType,
                                   ValueRange{parallelFor, hostContext, tasks, workers, kernel, scratch, stride, data});
  func::ReturnOp::create(builder, loc, loop.getResult());
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

Value KernelLaunch::runOnHost(kernel::PhaseAttr phase, Value tasks, Value scratch, Value stride, Value closure) {
  auto module = entry->getParentOfType<ModuleOp>();
  auto body = module.lookupSymbol<func::FuncOp>(phase.getBody());
  Type ptr = LLVM::LLVMPointerType::get(builder.getContext());
  Value function = func::ConstantOp::create(builder, loc, body.getFunctionType(), phase.getBody());
  Value kernel = UnrealizedConversionCastOp::create(builder, loc, ptr, function).getResult(0);
  return func::CallOp::create(builder, loc, launchHelper(module),
                              ValueRange{call, tasks, kernel, scratch, stride, closure})
      .getResult(0);
}

Value KernelLaunch::runOnDevice(int32_t number, Value tasks, Value scratch, Value stride, Value closure,
                                int32_t words) {
  Code c(builder, loc);
  // Behind the words of the kernel, of which there is none for the call.
  Value launch = c.at(closure, 8 * words);
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

void KernelLaunch::run(ValueRange buffers, Value temporaries, Value closure, int32_t checks) {
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
  int32_t word = 1; // The first is the call.
  for (Value size : sizes)
    c.store(asInt(size), closure, 8 * word++);
  for (Value pointer : pointers)
    c.store(pointer, closure, 8 * word++);
  int32_t number = entry.isOnDevice() ? deviceNumber(entry) : 0;
  for (auto phase : entry.getPhases().getAsRange<kernel::PhaseAttr>()) {
    Value tasks = tasksOf(phase);
    Value result = entry.isOnDevice() ? runOnDevice(number++, tasks, scratch, stride, closure, word)
                                      : runOnHost(phase, tasks, scratch, stride, closure);
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
}

} // namespace lathe
