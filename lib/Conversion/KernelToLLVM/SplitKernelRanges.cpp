// lib/Conversion/KernelToLLVM/SplitKernelRanges.cpp: kernels meet the calling convention of the runtime.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../BufferizeKernels/KernelPhases.h"
#include "../BufferizeKernels/KernelSizes.h"
#include "DeviceEntry.h"
#include "LowerChecks.h"
#include "SplitRoles.h"
#include "lathe-runtime/module_abi.h"
#include "lathe/Conversion/Buffers.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_SPLITKERNELRANGESPASS
#include "lathe/Conversion/Buffers.h.inc"

/// What the threads of a block have together, of which the launch says the size.
static constexpr StringLiteral blockMemoryName = "lathe_shared";
/// Of what is as large, so that the order of chunks that `wgmma` reads starts with it; and of what is smaller.
static constexpr int64_t blockAlignment = 1024, smallAlignment = 128;

namespace {

/// The functions of one phase of a kernel. `kernel` has no other phase.
class Splitter {
public:
  Splitter(kernel::FuncOp kernel, std::string suffix)
      : kernel(kernel), suffix(std::move(suffix)), fails(hasChecks(kernel)), builder(kernel) {}

  FailureOr<kernel::PhaseAttr> split(scf::ForallOp tasks);

private:
  unsigned sizes() { return kernel.getSizes(); }
  void sequentialize(scf::ForallOp keep);
  FailureOr<func::FuncOp> createTasks(scf::ForallOp tasks);
  void replaceTasks(scf::ForallOp tasks, Value begin, Value end);
  FailureOr<func::FuncOp> createExtents();
  void placeInBlock(kernel::BlockMemoryOp memory);
  /// A size as code may count on it.
  Value stated(Value size, const SizeRange &range);
  func::FuncOp createBody(scf::ForallOp tasks);
  func::FuncOp createEntry(func::FuncOp callee);
  Value descriptor(MemRefType type, AffineMap dims, AffineMap strides, Value pointer, ValueRange sizeValues);
  /// The number of steps of each dim of the tasks, and their product last.
  SmallVector<Value> counts(OpBuilder &b, Location loc, scf::ForallOp tasks, IRMapping *mapping);

  kernel::FuncOp kernel;
  std::string suffix;      ///< Of the names of functions, different in each phase.
  int64_t sharedBytes = 0; ///< Of the memory of a block.
  SmallVector<device::TensorMapOp> maps;
  SmallVector<Attribute> mapAttrs; ///< A `#device.map` for each of them.
  bool fails;                      ///< The body makes checks: the call is its last argument.
  OpBuilder builder;
};

} // namespace

void Splitter::sequentialize(scf::ForallOp keep) {
  SmallVector<scf::ForallOp> others;
  kernel.walk([&](scf::ForallOp forall) {
    if (forall != keep)
      others.push_back(forall);
  });
  for (scf::ForallOp forall : others) {
    IRRewriter rewriter(forall);
    (void)scf::forallToForLoop(rewriter, forall);
  }
}

SmallVector<Value> Splitter::counts(OpBuilder &b, Location loc, scf::ForallOp tasks, IRMapping *mapping) {
  auto value = [&](OpFoldResult operand) -> Value {
    if (auto known = dyn_cast<Value>(operand))
      return mapping ? mapping->lookupOrDefault(known) : known;
    return getValueOrCreateConstantIndexOp(b, loc, operand);
  };
  SmallVector<Value> result;
  Value total = arith::ConstantIndexOp::create(b, loc, 1);
  for (auto [low, high, step] :
       llvm::zip(tasks.getMixedLowerBound(), tasks.getMixedUpperBound(), tasks.getMixedStep())) {
    Value span = arith::SubIOp::create(b, loc, value(high), value(low));
    Value count = arith::CeilDivSIOp::create(b, loc, span, value(step));
    result.push_back(count);
    total = arith::MulIOp::create(b, loc, total, count);
  }
  result.push_back(total);
  return result;
}

/// What the bounds of the loop are computed from, once more.
FailureOr<func::FuncOp> Splitter::createTasks(scf::ForallOp tasks) {
  Location loc = kernel.getLoc();
  builder.setInsertionPoint(kernel);
  SmallVector<Type> types(sizes(), builder.getIndexType());
  auto count = func::FuncOp::create(builder, loc, kernel.getSymName().str() + ".tasks" + suffix,
                                    builder.getFunctionType(types, builder.getIndexType()));
  OpBuilder body = OpBuilder::atBlockBegin(count.addEntryBlock());
  if (!tasks) {
    Value one = arith::ConstantIndexOp::create(body, loc, 1);
    func::ReturnOp::create(body, loc, one);
    return count;
  }
  IRMapping mapping;
  for (unsigned i = 0; i < sizes(); ++i)
    mapping.map(kernel.getArgument(i), count.getArgument(i));
  SmallVector<Value> bounds;
  llvm::copy_if(tasks.getOperands(), std::back_inserter(bounds), [](Value v) { return v.getType().isIndex(); });
  if (failed(cloneSizes(body, kernel, bounds, mapping)))
    return tasks.emitError("internal: the number of tasks depends on memory [split-ranges]");
  func::ReturnOp::create(body, loc, counts(body, loc, tasks, &mapping).back());
  return count;
}

/// What the launch needs for the tensor maps; null if there are none.
FailureOr<func::FuncOp> Splitter::createExtents() {
  kernel.walk([&](device::TensorMapOp map) { maps.push_back(map); });
  if (maps.empty())
    return func::FuncOp();
  SmallVector<Value> extents;
  for (device::TensorMapOp map : maps) {
    auto argument = dyn_cast<BlockArgument>(memoryOf(map.getMemref()));
    if (!argument || argument.getArgNumber() + kernel.getTemporaries().size() >= kernel.getNumArguments())
      return map.emitError("internal: the memory of a tensor map is no argument [split-ranges]");
    Type element = cast<BaseMemRefType>(map.getMemref().getType()).getElementType();
    mapAttrs.push_back(device::MapAttr::get(kernel.getContext(), argument.getArgNumber(), element, map.getBox()));
    llvm::append_range(extents, map.getSizes());
    llvm::append_range(extents, map.getPitches());
  }
  Location loc = kernel.getLoc();
  builder.setInsertionPoint(kernel);
  SmallVector<Type> types(sizes(), builder.getIndexType()), results(extents.size(), builder.getIndexType());
  auto function = func::FuncOp::create(builder, loc, kernel.getSymName().str() + ".extents" + suffix,
                                       builder.getFunctionType(types, results));
  OpBuilder body = OpBuilder::atBlockBegin(function.addEntryBlock());
  IRMapping mapping;
  for (unsigned i = 0; i < sizes(); ++i)
    mapping.map(kernel.getArgument(i), function.getArgument(i));
  if (failed(cloneSizes(body, kernel, extents, mapping)))
    return kernel.emitError("internal: a size of a tensor map depends on memory [split-ranges]");
  for (Value &extent : extents)
    extent = mapping.lookup(extent);
  func::ReturnOp::create(body, loc, extents);
  return function;
}

/// Iterations `begin` to `end` of the loop in row-major order: all of them, or, where threads have roles, those that a
/// block takes in turn.
void Splitter::replaceTasks(scf::ForallOp tasks, Value begin, Value end) {
  Location loc = tasks.getLoc();
  OpBuilder b(tasks);
  SmallVector<Value> steps = counts(b, loc, tasks, nullptr);
  device::RolesOp roles = findRoles(*tasks.getBody());
  Value step = roles ? Value(arith::IndexCastOp::create(b, loc, b.getIndexType(), readRegister(b, loc, "nctaid.x")))
                     : arith::ConstantIndexOp::create(b, loc, 1);
  SmallVector<Value> lows, strides;
  for (auto [low, step] : llvm::zip(tasks.getMixedLowerBound(), tasks.getMixedStep())) {
    lows.push_back(getValueOrCreateConstantIndexOp(b, loc, low));
    strides.push_back(getValueOrCreateConstantIndexOp(b, loc, step));
  }
  auto loop = scf::ForOp::create(b, loc, begin, end, step);
  OpBuilder inner = OpBuilder::atBlockBegin(loop.getBody());
  Value rest = loop.getInductionVar();
  unsigned rank = tasks.getRank();
  SmallVector<Value> positions(rank);
  for (unsigned i = rank; i-- > 0;) {
    Value at = i == 0 ? rest : Value(arith::RemUIOp::create(inner, loc, rest, steps[i]));
    if (i > 0)
      rest = arith::DivUIOp::create(inner, loc, rest, steps[i]);
    Value scaled = arith::MulIOp::create(inner, loc, at, strides[i]);
    positions[i] = arith::AddIOp::create(inner, loc, lows[i], scaled);
  }
  Block *body = tasks.getBody();
  body->getTerminator()->erase();
  for (auto [argument, position] : llvm::zip(body->getArguments().take_front(rank), positions))
    argument.replaceAllUsesWith(position);
  loop.getBody()->getOperations().splice(std::prev(loop.getBody()->end()), body->getOperations());
  tasks.erase();
  if (roles)
    splitRoles(loop, roles, kernel.getBlockThreads());
}

/// A loop around `roles`, which are the only task.
static scf::ForOp createLoopFor(device::RolesOp roles, Value begin, Value end) {
  OpBuilder b(roles);
  Value one = arith::ConstantIndexOp::create(b, roles.getLoc(), 1);
  auto loop = scf::ForOp::create(b, roles.getLoc(), begin, end, one);
  roles->moveBefore(loop.getBody()->getTerminator());
  return loop;
}

/// A memref descriptor, as `finalize-memref-to-llvm` lays it out; in row-major order, if `strides` is null.
Value Splitter::descriptor(MemRefType type, AffineMap dims, AffineMap strides, Value pointer, ValueRange sizeValues) {
  Location loc = kernel.getLoc();
  MLIRContext *context = kernel.getContext();
  Type i64 = builder.getI64Type(), ptr = LLVM::LLVMPointerType::get(context);
  SmallVector<Type> fields = {ptr, ptr, i64};
  unsigned rank = type.getRank();
  if (rank)
    fields.append({LLVM::LLVMArrayType::get(i64, rank), LLVM::LLVMArrayType::get(i64, rank)});
  Value value = LLVM::PoisonOp::create(builder, loc, LLVM::LLVMStructType::getLiteral(context, fields));
  auto insert = [&](Value field, ArrayRef<int64_t> position) {
    value = LLVM::InsertValueOp::create(builder, loc, value, field, position);
  };
  auto number = [&](int64_t n) -> Value { return LLVM::ConstantOp::create(builder, loc, i64, n); };
  auto bySizes = [&](AffineExpr expr) -> Value {
    if (auto fixed = dyn_cast<AffineConstantExpr>(expr))
      return number(fixed.getValue());
    Value value = affine::expandAffineExpr(builder, loc, expr, {}, sizeValues);
    return arith::IndexCastOp::create(builder, loc, i64, value);
  };
  insert(pointer, 0);
  insert(pointer, 1);
  insert(number(0), 2);
  Value stride = number(1);
  int64_t fixed = 1;
  bool isFixed = true;
  for (int64_t i = static_cast<int64_t>(rank) - 1; i >= 0; --i) {
    Value size = type.isDynamicDim(i) ? bySizes(dims.getResult(i)) : number(type.getDimSize(i));
    insert(size, {3, i});
    if (strides) {
      insert(bySizes(strides.getResult(i)), {4, i});
      continue;
    }
    insert(isFixed ? number(fixed) : stride, {4, i});
    if (isFixed && !type.isDynamicDim(i)) {
      fixed *= type.getDimSize(i);
    } else {
      stride = LLVM::MulOp::create(builder, loc, isFixed ? number(fixed) : stride, size);
      isFixed = false;
    }
  }
  return UnrealizedConversionCastOp::create(builder, loc, type, value).getResult(0);
}

/// A `lathe_task_fn`. The closure has the call, the sizes, the buffers, and last
/// the memory of shared temporaries, where there are any.
func::FuncOp Splitter::createEntry(func::FuncOp callee) {
  Location loc = kernel.getLoc();
  MLIRContext *context = kernel.getContext();
  builder.setInsertionPointAfter(callee);
  Type i32 = builder.getI32Type(), i64 = builder.getI64Type(), ptr = LLVM::LLVMPointerType::get(context);
  auto entry = func::FuncOp::create(builder, loc, kernel.getSymName().str() + ".entry" + suffix,
                                    builder.getFunctionType({i64, i64, i32, ptr, ptr}, i32));
  builder.setInsertionPointToStart(entry.addEntryBlock());
  Value scratch = entry.getArgument(3), closure = entry.getArgument(4);
  int32_t word = 1;
  auto load = [&](Type type) -> Value {
    Value address = LLVM::GEPOp::create(builder, loc, ptr, i64, closure, ArrayRef<LLVM::GEPArg>{word++});
    return LLVM::LoadOp::create(builder, loc, type, address);
  };
  SmallVector<Value> arguments;
  for (unsigned i = 0; i < 2; ++i)
    arguments.push_back(arith::IndexCastOp::create(builder, loc, builder.getIndexType(), entry.getArgument(i)));
  unsigned temporaries = kernel.getShared() + kernel.getScratch();
  for (Type type : callee.getArgumentTypes().drop_front(2).drop_back(temporaries + fails))
    arguments.push_back(type.isIndex() ? arith::IndexCastOp::create(builder, loc, type, load(i64)).getResult()
                                       : load(ptr));
  if (temporaries) {
    SmallVector<Type> types(temporaries, builder.getIndexType());
    auto bytes =
        func::CallOp::create(builder, loc, kernel.getMemoryAttr(), types, ValueRange(arguments).slice(2, sizes()));
    auto place = [&](Value base, ValueRange list) {
      Value offset = arith::ConstantIndexOp::create(builder, loc, 0);
      for (Value size : list) {
        Value at = arith::IndexCastOp::create(builder, loc, i64, offset);
        arguments.push_back(
            LLVM::GEPOp::create(builder, loc, ptr, builder.getI8Type(), base, ArrayRef<LLVM::GEPArg>{at}));
        offset = arith::AddIOp::create(builder, loc, offset, size);
      }
    };
    if (kernel.getShared())
      place(load(ptr), bytes.getResults().take_front(kernel.getShared()));
    place(scratch, bytes.getResults().drop_front(kernel.getShared()));
  }
  Value call;
  if (fails) {
    call = LLVM::LoadOp::create(builder, loc, ptr, closure);
    arguments.push_back(call);
  }
  func::CallOp::create(builder, loc, callee, arguments);
  Value status;
  if (fails) {
    Value code = LLVM::GEPOp::create(builder, loc, ptr, builder.getI8Type(), call,
                                     ArrayRef<LLVM::GEPArg>{offsetof(lathe_call, error_code)});
    status = LLVM::LoadOp::create(builder, loc, i32, code, /*alignment=*/4, /*isVolatile=*/false,
                                  /*isNonTemporal=*/false, /*isInvariant=*/false, /*isInvariantGroup=*/false,
                                  LLVM::AtomicOrdering::monotonic);
  } else {
    status = arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(0));
  }
  func::ReturnOp::create(builder, loc, status);
  return entry;
}

/// Gives memory of a block its place in what the launch asks for.
void Splitter::placeInBlock(kernel::BlockMemoryOp memory) {
  auto module = kernel->getParentOfType<ModuleOp>();
  MLIRContext *context = module.getContext();
  Location loc = memory.getLoc();
  auto global = module.lookupSymbol<LLVM::GlobalOp>(blockMemoryName);
  if (!global) {
    OpBuilder start = OpBuilder::atBlockBegin(module.getBody());
    auto bytes = LLVM::LLVMArrayType::get(start.getI8Type(), 0);
    global = LLVM::GlobalOp::create(start, loc, bytes, /*isConstant=*/false, LLVM::Linkage::External, blockMemoryName,
                                    Attribute(), blockAlignment, static_cast<unsigned>(NVVM::NVVMMemorySpace::Shared));
  }
  auto type = cast<MemRefType>(memory.getMemory().getType());
  int64_t bits =
      type.getNumElements() * (type.getElementType().isIndex() ? 64 : std::max(8u, type.getElementTypeBitWidth()));
  sharedBytes = llvm::alignTo(sharedBytes, bits / 8 >= blockAlignment ? blockAlignment : smallAlignment);
  builder.setInsertionPoint(memory);
  Type ptr = LLVM::LLVMPointerType::get(context);
  Value base = LLVM::AddressOfOp::create(builder, loc, global);
  Value generic = LLVM::AddrSpaceCastOp::create(builder, loc, ptr, base);
  Value place = LLVM::GEPOp::create(builder, loc, ptr, builder.getI8Type(), generic,
                                    ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(sharedBytes)});
  SmallVector<AffineExpr> dims;
  for (int64_t size : type.getShape())
    dims.push_back(getAffineConstantExpr(size, context));
  memory.getMemory().replaceAllUsesWith(descriptor(type, AffineMap::get(0, 0, dims, context), AffineMap(), place, {}));
  sharedBytes = llvm::alignTo(sharedBytes + bits / 8, smallAlignment);
  memory.erase();
}

/// LLVM sees in its arithmetic that it is a multiple, and believes the bounds.
Value Splitter::stated(Value size, const SizeRange &range) {
  Location loc = kernel.getLoc();
  auto number = [&](int64_t n) -> Value { return arith::ConstantIndexOp::create(builder, loc, n); };
  auto assume = [&](arith::CmpIPredicate predicate, int64_t bound) {
    Value holds = arith::CmpIOp::create(builder, loc, predicate, size, number(bound));
    LLVM::AssumeOp::create(builder, loc, holds);
  };
  if (range.divisor > 1) {
    Value divisor = number(range.divisor);
    Value parts = arith::DivUIOp::create(builder, loc, size, divisor);
    size = arith::MulIOp::create(builder, loc, parts, divisor,
                                 arith::IntegerOverflowFlags::nsw | arith::IntegerOverflowFlags::nuw);
  }
  if (range.least > 0)
    assume(arith::CmpIPredicate::sge, range.least);
  if (range.isBounded())
    assume(arith::CmpIPredicate::ule, range.most);
  return size;
}

/// The kernel's body over a range of tasks, on pointers.
func::FuncOp Splitter::createBody(scf::ForallOp tasks) {
  Location loc = kernel.getLoc();
  MLIRContext *context = kernel.getContext();
  SmallVector<Type> types(2 + sizes(), builder.getIndexType());
  auto mapCount = static_cast<unsigned>(maps.size());
  types.append(kernel.getNumArguments() - sizes() + mapCount + fails, LLVM::LLVMPointerType::get(context));
  builder.setInsertionPoint(kernel);
  // Profiles show NAME, but not as it is: a kernel called `exp` would be what
  // calls of the C library's `exp` find.
  auto result = func::FuncOp::create(builder, loc, "kernel." + kernel.getSymName().str() + suffix,
                                     builder.getFunctionType(types, {}));
  // What one thread of a block writes, others read behind a barrier, of which LLVM
  // would not think if no one else could have the address.
  bool isForBlocks = kernel.getBlockThreads() > 0;
  unsigned written = 2 + kernel.getNumArguments() - kernel.getTemporaries().size() - kernel.getOutputs();
  for (unsigned i = 2 + sizes(); i < types.size() - fails - mapCount; ++i) {
    if (!isForBlocks || i < written)
      result.setArgAttr(i, "llvm.noalias", builder.getUnitAttr());
    result.setArgAttr(i, "llvm.nonnull", builder.getUnitAttr());
  }
  Block *block = result.addEntryBlock();
  builder.setInsertionPointToStart(block);
  Block &body = kernel.getBody().front();
  SmallVector<Value> sizeValues;
  for (unsigned i = 0; i < sizes(); ++i) {
    sizeValues.push_back(stated(block->getArgument(2 + i), kernel.getRangeOf(i)));
    body.getArgument(i).replaceAllUsesWith(sizeValues[i]);
  }
  for (unsigned i = sizes(); i < body.getNumArguments(); ++i) {
    AffineMap map = kernel.getDimsOf(i);
    if (!map)
      // A temporary: views of it say their sizes; this one is never looked at.
      map = AffineMap::getConstantMap(std::numeric_limits<int64_t>::max(), context);
    Value memref = descriptor(cast<MemRefType>(body.getArgument(i).getType()), map, kernel.getStridesOf(i),
                              block->getArgument(2 + i), sizeValues);
    body.getArgument(i).replaceAllUsesWith(memref);
  }
  for (auto [i, map] : llvm::enumerate(maps)) {
    map.replaceAllUsesWith(block->getArgument(2 + kernel.getNumArguments() + i));
    map.erase();
  }
  Operation *terminator = body.getTerminator();
  block->getOperations().splice(block->end(), body.getOperations());
  result.walk([&](kernel::BlockMemoryOp memory) { placeInBlock(memory); });
  builder.setInsertionPoint(terminator);
  func::ReturnOp::create(builder, loc);
  terminator->erase();
  if (tasks)
    replaceTasks(tasks, block->getArgument(0), block->getArgument(1));
  else if (device::RolesOp roles = findRoles(*block))
    splitRoles(createLoopFor(roles, block->getArgument(0), block->getArgument(1)), roles, kernel.getBlockThreads());
  if (fails)
    lowerChecks(result, block->getArguments().back());
  return result;
}

FailureOr<kernel::PhaseAttr> Splitter::split(scf::ForallOp tasks) {
  sequentialize(tasks);
  FailureOr<func::FuncOp> count = createTasks(tasks);
  if (failed(count))
    return failure();
  FailureOr<func::FuncOp> extents = createExtents();
  if (failed(extents))
    return failure();
  bool isVector = false, stays = findRoles(tasks ? *tasks.getBody() : kernel.getBody().front());
  if (stays && maps.empty())
    return kernel.emitError("internal: threads have roles, and none copies by a tensor map [split-ranges]");
  kernel.walk([&](Operation *op) { isVector |= isa_and_present<vector::VectorDialect>(op->getDialect()); });
  bool isDevice = kernel.getTarget() && kernel.getTargetAttr().getValue().kind() == TargetKind::Gpu;
  func::FuncOp body = createBody(tasks);
  DeviceBody is = {static_cast<unsigned>(mapAttrs.size()), fails, stays};
  func::FuncOp entry =
      isDevice ? createDeviceEntry(kernel, body, kernel.getSymName().str() + ".entry" + suffix, is) : createEntry(body);
  if (*extents) {
    builder.setInsertionPoint(kernel);
    device::BodyOp::create(builder, kernel.getLoc(), FlatSymbolRefAttr::get(entry), FlatSymbolRefAttr::get(*extents),
                           builder.getArrayAttr(mapAttrs), stays ? builder.getUnitAttr() : UnitAttr());
  }
  return kernel::PhaseAttr::get(kernel.getContext(), FlatSymbolRefAttr::get(*count), FlatSymbolRefAttr::get(entry),
                                /*loops=*/!isVector, kernel.getBlockThreads(), sharedBytes);
}

/// Removes what a phase does not need: the ops of the other phases, and what was
/// only for them. Others that write do so to the stack (`findPhases`).
static void keepOnly(kernel::FuncOp kernel, const DenseSet<Operation *> &kept, const DenseSet<Operation *> &others) {
  Block &body = kernel.getBody().front();
  DenseSet<Operation *> needed = kept;
  DenseSet<Value> memory;
  DenseSet<Operation *> followed;
  // With what it is computed from: a value may have been read from memory.
  auto need = [&](Operation *op) {
    SmallVector<Operation *> work = {op};
    while (!work.empty()) {
      Operation *at = work.pop_back_val();
      if (!followed.insert(at).second)
        continue;
      needed.insert(at);
      llvm::SetVector<Value> accessed = accessedMemory(at);
      memory.insert(accessed.begin(), accessed.end());
      at->walk([&](Operation *inner) {
        for (Value operand : inner->getOperands())
          if (Operation *source = operand.getDefiningOp();
              source && source->getBlock() == &body && !others.contains(source))
            work.push_back(source);
      });
    }
  };
  for (Operation *op : kept)
    need(op);
  for (bool changed = true; std::exchange(changed, false);)
    for (Operation &op : body.without_terminator())
      if (!needed.contains(&op) && !others.contains(&op) && !isMemoryEffectFree(&op) &&
          llvm::any_of(accessedMemory(&op), [&](Value value) { return memory.contains(value); })) {
        need(&op);
        changed = true;
      }
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(body)))
    if (others.contains(&op) || (!needed.contains(&op) && op.use_empty() && !op.hasTrait<OpTrait::IsTerminator>()))
      op.erase();
}

/// Makes functions of `kernel`, which becomes a `kernel.entry`.
static LogicalResult split(kernel::FuncOp kernel) {
  resolveDims(kernel);
  SmallVector<KernelPhase> phases = findPhases(kernel);
  SmallVector<Attribute> list;
  OpBuilder builder(kernel);
  for (auto [number, phase] : llvm::enumerate(phases)) {
    IRMapping mapping;
    kernel::FuncOp copy = kernel;
    if (phases.size() > 1)
      copy = cast<kernel::FuncOp>(builder.clone(*kernel, mapping));
    auto inCopy = [&](Operation *op) { return phases.size() > 1 ? mapping.lookup(op) : op; };
    DenseSet<Operation *> kept, others;
    for (auto [i, other] : llvm::enumerate(phases))
      for (Operation *op : other.ops)
        (i == number ? kept : others).insert(inCopy(op));
    keepOnly(copy, kept, others);
    auto tasks = phase.tasks ? cast<scf::ForallOp>(inCopy(phase.tasks)) : scf::ForallOp();
    FailureOr<kernel::PhaseAttr> attr = Splitter(copy, number ? "." + std::to_string(number) : "").split(tasks);
    if (failed(attr))
      return failure();
    list.push_back(*attr);
    if (copy != kernel)
      copy.erase();
  }
  SmallVector<Type> types(kernel.getArgumentTypes().drop_back(kernel.getTemporaries().size()));
  kernel::EntryOp::create(builder, kernel.getLoc(), kernel.getSymNameAttr(),
                          TypeAttr::get(builder.getFunctionType(types, {})), kernel.getSizesAttr(),
                          kernel.getDimsAttr(), kernel.getOutputsAttr(), kernel.getSharedAttr(), kernel.getMemoryAttr(),
                          builder.getArrayAttr(list), kernel.getStrategyAttr(), kernel.getTargetAttr(),
                          kernel.getKeyAttr());
  kernel.erase();
  return success();
}

namespace {
struct SplitKernelRangesPass final : impl::SplitKernelRangesPassBase<SplitKernelRangesPass> {
  void runOnOperation() override {
    for (kernel::FuncOp kernel : llvm::make_early_inc_range(getOperation().getOps<kernel::FuncOp>()))
      if (failed(split(kernel)))
        return signalPassFailure();
  }
};
} // namespace
} // namespace lathe
