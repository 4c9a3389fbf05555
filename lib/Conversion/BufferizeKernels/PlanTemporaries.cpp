// lib/Conversion/BufferizeKernels/PlanTemporaries.cpp: kernels get their temporaries from the plan, never from malloc.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelSizes.h"
#include "lathe-runtime/module_abi.h"
#include "lathe/Conversion/Buffers.h"
#include "mlir/Dialect/Affine/Transforms/Transforms.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_PLANTEMPORARIESPASS
#include "lathe/Conversion/Buffers.h.inc"

namespace {

/// Bytes that one kernel may put on the stack: rows and windows are in the
/// nearest cache there, and no thread has a stack too small for it.
constexpr int64_t mostStackBytes = 4096;

int64_t bytesOfElement(Type element) {
  return element.isIndex() ? 8 : llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
}

struct PlanTemporariesPass final : impl::PlanTemporariesPassBase<PlanTemporariesPass> {
  void runOnOperation() override {
    for (func::FuncOp func : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (func->hasAttr("kernel.sizes") && failed(plan(func)))
        return signalPassFailure();
    reserve();
  }

private:
  SmallVector<memref::AllocOp> moveToStack(func::FuncOp func);
  LogicalResult plan(func::FuncOp func);
  LogicalResult createSizes(func::FuncOp func, ArrayRef<memref::AllocOp> allocs);
  void reserve();

  DenseSet<StringRef> planned; ///< Kernels that take temporaries.
};

} // namespace

/// Small temporaries go to the stack; what is left is returned.
SmallVector<memref::AllocOp> PlanTemporariesPass::moveToStack(func::FuncOp func) {
  SmallVector<memref::AllocOp> allocs, rest;
  func.walk([&](memref::AllocOp alloc) { allocs.push_back(alloc); });
  int64_t used = 0;
  for (memref::AllocOp alloc : allocs) {
    MemRefType type = alloc.getType();
    int64_t bytes = type.hasStaticShape() ? type.getNumElements() * bytesOfElement(type.getElementType()) : INT64_MAX;
    if (bytes > mostStackBytes - used) {
      rest.push_back(alloc);
      continue;
    }
    used += llvm::alignTo(bytes, LATHE_ALIGNMENT);
    OpBuilder builder = OpBuilder::atBlockBegin(&func.getBody().front());
    Value stack = memref::AllocaOp::create(builder, alloc.getLoc(), type, builder.getI64IntegerAttr(LATHE_ALIGNMENT));
    alloc.replaceAllUsesWith(stack);
    alloc.erase();
    ++numOnStack;
  }
  return rest;
}

/// A size that holds for every iteration of the loops around it, where it
/// depends on them.
static FailureOr<Value> largestSize(OpBuilder &builder, func::FuncOp func, Value size) {
  Block *entry = &func.getBody().front();
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

/// `@NAME.temporaries`: from the sizes of a kernel to the bytes of each of its
/// temporaries, in whole lines.
LogicalResult PlanTemporariesPass::createSizes(func::FuncOp func, ArrayRef<memref::AllocOp> allocs) {
  OpBuilder builder(func);
  unsigned sizes = func->getAttrOfType<IntegerAttr>("kernel.sizes").getInt();
  Type index = builder.getIndexType();
  auto computes = func::FuncOp::create(
      builder, func.getLoc(), (func.getSymName() + ".temporaries").str(),
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
        mapping.map(func.getArgument(i), computes.getArgument(i));
      if (failed(cloneSizes(body, func, size, mapping))) {
        OpBuilder before(alloc);
        FailureOr<Value> largest = largestSize(before, func, size);
        if (failed(largest) || failed(cloneSizes(body, func, *largest, mapping)))
          return alloc.emitError("internal: the size of a temporary depends on data [temporary-size]");
        size = *largest;
      }
      bytes = arith::MulIOp::create(body, loc, bytes, mapping.lookupOrDefault(size));
    }
    Value line = arith::ConstantIndexOp::create(body, loc, LATHE_ALIGNMENT);
    Value lines = arith::CeilDivSIOp::create(body, loc, bytes, line);
    results.push_back(arith::MulIOp::create(body, loc, lines, line));
  }
  func::ReturnOp::create(body, func.getLoc(), results);
  return success();
}

LogicalResult PlanTemporariesPass::plan(func::FuncOp func) {
  resolveDims(func);
  SmallVector<memref::AllocOp> allocs = moveToStack(func);
  if (allocs.empty())
    return success();
  if (failed(createSizes(func, allocs)))
    return failure();
  planned.insert(func.getSymName());
  OpBuilder builder(func.getContext());
  auto bytesType = MemRefType::get(ShapedType::kDynamic, builder.getI8Type());
  for (memref::AllocOp alloc : allocs) {
    unsigned position = func.getNumArguments();
    auto attributes = builder.getDictionaryAttr(builder.getNamedAttr(temporaryAttrName, builder.getUnitAttr()));
    if (failed(func.insertArgument(position, bytesType, attributes, alloc.getLoc())))
      return failure();
    builder.setInsertionPoint(alloc);
    Value zero = arith::ConstantIndexOp::create(builder, alloc.getLoc(), 0);
    Value view = memref::ViewOp::create(builder, alloc.getLoc(), alloc.getType(), func.getArgument(position), zero,
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

/// Launches follow each other, so the temporaries of all share the memory
/// behind the arena.
void PlanTemporariesPass::reserve() {
  auto planProgram = getOperation().lookupSymbol<host::ProgramOp>("plan");
  auto run = getOperation().lookupSymbol<host::ProgramOp>("run");
  if (planned.empty() || !planProgram || !run)
    return;
  host::SetWorkspaceOp workspace;
  planProgram.walk([&](host::SetWorkspaceOp op) { workspace = op; });
  SmallVector<host::LaunchOp> launches;
  run.walk([&](host::LaunchOp launch) {
    if (planned.contains(launch.getKernel()))
      launches.push_back(launch);
  });
  if (!workspace || launches.empty())
    return;

  Location loc = workspace.getLoc();
  Value arena = workspace.getBytes();
  IRMapping toRun, toPlan;
  OpBuilder builder = OpBuilder::atBlockBegin(&run.getBody().front());
  Value offset = cloneInto(builder, arena, toRun);
  Value address = host::WorkspaceOp::create(builder, loc, host::BufferType::get(&getContext()), offset);
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
  workspace.getBytesMutable().assign(arith::AddIOp::create(builder, loc, arena, most));
}

} // namespace lathe
