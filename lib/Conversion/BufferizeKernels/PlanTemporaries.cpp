// lib/Conversion/BufferizeKernels/PlanTemporaries.cpp: kernels get their temporaries from the plan, never from malloc.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelPhases.h"
#include "KernelSizes.h"
#include "lathe-runtime/module_abi.h"
#include "lathe/Conversion/Buffers.h"
#include "mlir/Dialect/Affine/Transforms/Transforms.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_PLANTEMPORARIESPASS
#include "lathe/Conversion/Buffers.h.inc"

namespace {

/// Bytes that one kernel may put on the stack: rows and windows are in the
/// nearest cache there, and no thread has a stack too small for it.
constexpr int64_t mostStackBytes = 4096;

/// Bytes of the memory of a block: a launch may have 48 KiB without asking, and what
/// threads need to sum up together is some hundred bytes.
constexpr int64_t mostBlockBytes = 40 << 10;

int64_t bytesOfElement(Type element) {
  return element.isIndex() ? 8 : llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
}

struct PlanTemporariesPass final : impl::PlanTemporariesPassBase<PlanTemporariesPass> {
  void runOnOperation() override {
    for (kernel::FuncOp kernel : llvm::make_early_inc_range(getOperation().getOps<kernel::FuncOp>()))
      if (failed(plan(kernel)))
        return signalPassFailure();
    for (auto run : getOperation().getOps<host::ProgramOp>())
      for (unsigned space = 0; !planned.empty() && space <= host::getMaxEnumValForSpace(); ++space)
        if (run.getKind() == host::ProgramKind::run)
          reserve(run, static_cast<host::Space>(space));
  }

private:
  SmallVector<memref::AllocOp> moveToStack(kernel::FuncOp kernel, const DenseSet<Value> &shared);
  LogicalResult plan(kernel::FuncOp kernel);
  LogicalResult createSizes(kernel::FuncOp kernel, ArrayRef<memref::AllocOp> allocs);
  void reserve(host::ProgramOp run, host::Space space);

  llvm::StringMap<host::Space> planned; ///< Kernels that take temporaries, and where.
};

} // namespace

/// Temporaries of which more than one phase needs the contents.
static DenseSet<Value> findShared(kernel::FuncOp kernel) {
  DenseSet<Value> once, shared;
  DenseSet<Operation *> inPhases;
  SmallVector<KernelPhase> phases = findPhases(kernel);
  if (phases.size() < 2)
    return shared;
  auto add = [&](const llvm::SetVector<Value> &memory) {
    for (Value value : memory)
      if (!once.insert(value).second)
        shared.insert(value);
  };
  for (const KernelPhase &phase : phases) {
    llvm::SetVector<Value> memory;
    for (Operation *op : phase.ops) {
      memory.insert_range(accessedMemory(op));
      inPhases.insert(op);
    }
    add(memory);
  }
  // What all phases read, for the loop bounds of all of them.
  for (Operation &op : kernel.getBody().front().without_terminator())
    if (!inPhases.contains(&op) && !isMemoryEffectFree(&op) && !isa<memref::AllocOp>(op))
      add(accessedMemory(&op));
  return shared;
}

/// Small temporaries go to the stack, where each task has its own, or to the memory of
/// the block that computes it; what is left is returned, shared ones first.
SmallVector<memref::AllocOp> PlanTemporariesPass::moveToStack(kernel::FuncOp kernel, const DenseSet<Value> &shared) {
  SmallVector<memref::AllocOp> allocs, rest;
  for (bool isShared : {true, false})
    kernel.walk([&](memref::AllocOp alloc) {
      if (shared.contains(alloc) == isShared)
        allocs.push_back(alloc);
    });
  bool isForBlocks = kernel.getBlockThreads() > 0;
  int64_t used = 0, most = isForBlocks ? mostBlockBytes : mostStackBytes;
  for (memref::AllocOp alloc : allocs) {
    MemRefType type = alloc.getType();
    int64_t bytes = type.hasStaticShape() ? type.getNumElements() * bytesOfElement(type.getElementType()) : INT64_MAX;
    if (shared.contains(alloc) || bytes > most - used) {
      rest.push_back(alloc);
      continue;
    }
    used += llvm::alignTo(bytes, LATHE_ALIGNMENT);
    OpBuilder builder = OpBuilder::atBlockBegin(&kernel.getBody().front());
    Value memory = isForBlocks ? Value(kernel::BlockMemoryOp::create(builder, alloc.getLoc(), type))
                               : memref::AllocaOp::create(builder, alloc.getLoc(), type,
                                                          builder.getI64IntegerAttr(LATHE_ALIGNMENT));
    alloc.replaceAllUsesWith(memory);
    alloc.erase();
    ++numOnStack;
  }
  return rest;
}

/// A size that holds for every iteration of the loops around it, where it
/// depends on them.
static FailureOr<Value> largestSize(OpBuilder &builder, kernel::FuncOp kernel, Value size) {
  Block *entry = &kernel.getBody().front();
  auto isKnown = [&](Value value, std::optional<int64_t>, ValueBoundsConstraintSet &) {
    auto argument = dyn_cast<BlockArgument>(value);
    return argument && argument.getOwner() == entry;
  };
  FailureOr<OpFoldResult> bound =
      affine::reifyIndexValueBound(builder, size.getLoc(), presburger::BoundType::UB, size, isKnown, /*closedUB=*/true);
  if (failed(bound))
    return failure();
  return getValueOrCreateConstantIndexOp(builder, size.getLoc(), *bound);
}

/// The function `memory`: from the sizes of a kernel to the bytes of each of its
/// temporaries, in whole lines.
LogicalResult PlanTemporariesPass::createSizes(kernel::FuncOp kernel, ArrayRef<memref::AllocOp> allocs) {
  OpBuilder builder(kernel);
  unsigned sizes = kernel.getSizes();
  Type index = builder.getIndexType();
  auto computes = func::FuncOp::create(
      builder, kernel.getLoc(), (kernel.getSymName() + ".memory").str(),
      builder.getFunctionType(SmallVector<Type>(sizes, index), SmallVector<Type>(allocs.size(), index)));
  OpBuilder body = OpBuilder::atBlockBegin(computes.addEntryBlock());
  SmallVector<Value> results;
  for (memref::AllocOp alloc : allocs) {
    Location loc = alloc.getLoc();
    MemRefType type = alloc.getType();
    int64_t fixed = bytesOfElement(type.getElementType());
    for (int64_t size : type.getShape())
      fixed *= ShapedType::isDynamic(size) ? 1 : size;
    Value bytes = arith::ConstantIndexOp::create(body, loc, fixed);
    for (Value size : alloc.getDynamicSizes()) {
      IRMapping mapping;
      for (unsigned i = 0; i < sizes; ++i)
        mapping.map(kernel.getArgument(i), computes.getArgument(i));
      if (failed(cloneSizes(body, kernel, size, mapping))) {
        OpBuilder before(alloc);
        FailureOr<Value> largest = largestSize(before, kernel, size);
        if (failed(largest) || failed(cloneSizes(body, kernel, *largest, mapping)))
          return alloc.emitError("internal: the size of a temporary depends on data [temporary-size]");
        size = *largest;
      }
      bytes = arith::MulIOp::create(body, loc, bytes, mapping.lookupOrDefault(size));
    }
    Value line = arith::ConstantIndexOp::create(body, loc, LATHE_ALIGNMENT);
    Value lines = arith::CeilDivSIOp::create(body, loc, bytes, line);
    results.push_back(arith::MulIOp::create(body, loc, lines, line));
  }
  func::ReturnOp::create(body, kernel.getLoc(), results);
  kernel.setMemoryAttr(FlatSymbolRefAttr::get(computes));
  return success();
}

LogicalResult PlanTemporariesPass::plan(kernel::FuncOp kernel) {
  resolveDims(kernel);
  DenseSet<Value> shared = findShared(kernel);
  SmallVector<memref::AllocOp> allocs = moveToStack(kernel, shared);
  if (allocs.empty())
    return success();
  if (failed(createSizes(kernel, allocs)))
    return failure();
  int64_t numShared = llvm::count_if(allocs, [&](memref::AllocOp alloc) { return shared.contains(alloc); });
  kernel.setShared(numShared);
  kernel.setScratch(allocs.size() - numShared);
  planned[kernel.getSymName()] = kernel.getSpace();
  OpBuilder builder(kernel.getContext());
  auto bytesType = MemRefType::get(ShapedType::kDynamic, builder.getI8Type());
  for (memref::AllocOp alloc : allocs) {
    unsigned position = kernel.getNumArguments();
    if (failed(kernel.insertArgument(position, bytesType, DictionaryAttr(), alloc.getLoc())))
      return failure();
    builder.setInsertionPoint(alloc);
    Value zero = arith::ConstantIndexOp::create(builder, alloc.getLoc(), 0);
    Value view = memref::ViewOp::create(builder, alloc.getLoc(), alloc.getType(), kernel.getArgument(position), zero,
                                        alloc.getDynamicSizes());
    alloc.replaceAllUsesWith(view);
    alloc.erase();
    ++numPlanned;
  }
  return success();
}

/// Computes `value`, which comes from sizes of the inputs, in another program.
static Value cloneInto(OpBuilder &builder, Value value, IRMapping &mapping) {
  if (mapping.contains(value))
    return mapping.lookup(value);
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    (void)cloneInto(builder, operand, mapping);
  builder.clone(*op, mapping);
  return mapping.lookup(value);
}

/// Whether `value` follows from what is known when the program is entered, so that
/// `plan` can compute it, too.
static bool isKnownAtEntry(Value value, DenseMap<Value, bool> &known) {
  if (auto found = known.find(value); found != known.end())
    return found->second;
  Operation *op = value.getDefiningOp();
  bool result = op && !op->getNumRegions() && isPure(op) &&
                llvm::all_of(op->getOperands(), [&](Value operand) { return isKnownAtEntry(operand, known); });
  known[value] = result;
  return result;
}

/// Memory of its own for the temporaries of `launch`, whose sizes come from data.
static void allocateFor(host::LaunchOp launch, host::BufferType buffer) {
  OpBuilder builder(launch);
  Location loc = launch.getLoc();
  Value bytes =
      host::TemporariesOp::create(builder, loc, builder.getIndexType(), launch.getKernelAttr(), launch.getSizes());
  Value memory = host::AllocOp::create(builder, loc, buffer, bytes);
  launch.getBuffersMutable().append(memory);
  builder.setInsertionPointAfter(launch);
  host::FreeOp::create(builder, loc, memory);
}

/// What `plan` says of the workspace in `space`; of one that has none so far, 0.
static host::SetWorkspaceOp workspaceOf(host::ProgramOp planProgram, host::Space space) {
  host::SetWorkspaceOp found, last;
  planProgram.walk([&](host::SetWorkspaceOp op) {
    last = op;
    if (op.getSpace() == space)
      found = op;
  });
  if (found || !last)
    return found;
  OpBuilder builder(planProgram.getContext());
  builder.setInsertionPointAfter(last);
  Value none = arith::ConstantIndexOp::create(builder, last.getLoc(), 0);
  return host::SetWorkspaceOp::create(builder, last.getLoc(), none, space);
}

/// Launches follow each other, so the temporaries of all in a space share the memory
/// behind its arena; those of sizes that come from data have memory of their own.
void PlanTemporariesPass::reserve(host::ProgramOp run, host::Space space) {
  auto planProgram = host::ProgramOp::find(getOperation(), run.getFunction(), host::ProgramKind::plan);
  if (!planProgram)
    return;
  auto buffer = host::BufferType::get(&getContext(), space);
  SmallVector<host::LaunchOp> launches;
  DenseMap<Value, bool> known;
  run.walk([&](host::LaunchOp launch) {
    auto found = planned.find(launch.getKernel());
    if (found == planned.end() || found->second != space)
      return;
    if (llvm::all_of(launch.getSizes(), [&](Value size) { return isKnownAtEntry(size, known); }))
      launches.push_back(launch);
    else
      allocateFor(launch, buffer);
  });
  host::SetWorkspaceOp workspace = launches.empty() ? host::SetWorkspaceOp() : workspaceOf(planProgram, space);
  if (!workspace)
    return;

  Location loc = workspace.getLoc();
  Value arena = workspace.getBytes();
  IRMapping toRun, toPlan;
  OpBuilder builder = OpBuilder::atBlockBegin(&run.getBody().front());
  Value offset = cloneInto(builder, arena, toRun);
  Value address = host::WorkspaceOp::create(builder, loc, buffer, offset);
  builder.setInsertionPoint(workspace);
  Value most;
  for (host::LaunchOp launch : launches) {
    SmallVector<Value> sizes;
    for (Value size : launch.getSizes())
      sizes.push_back(cloneInto(builder, size, toPlan));
    Value bytes =
        host::TemporariesOp::create(builder, launch.getLoc(), builder.getIndexType(), launch.getKernelAttr(), sizes);
    most = most ? arith::MaxSIOp::create(builder, loc, most, bytes).getResult() : bytes;
    launch.getBuffersMutable().append(address);
  }
  workspace.getBytesMutable().assign(host::AddOp::create(builder, loc, arena.getType(), arena, most));
}

} // namespace lathe
