// lib/Conversion/KernelToLLVM/SplitKernelRanges.cpp: kernels meet the calling convention of the runtime.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../BufferizeKernels/KernelSizes.h"
#include "lathe/Conversion/Buffers.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_SPLITKERNELRANGESPASS
#include "lathe/Conversion/Buffers.h.inc"

namespace {

/// More threads than this do not work on one kernel that has temporaries.
constexpr int64_t mostChunks = 64;

/// One kernel on its way.
class Splitter {
public:
  Splitter(func::FuncOp func, unsigned sizes) : func(func), sizes(sizes), builder(func) {
    for (BlockArgument argument : func.getArguments())
      temporaries += isTemporary(argument);
  }

  LogicalResult split();

private:
  bool isTemporary(Value argument) const;
  bool writesArgument(Operation *op);
  scf::ForallOp findTasks();
  void sequentialize(scf::ForallOp keep);
  LogicalResult createTasks(scf::ForallOp tasks);
  Value chunksOf(OpBuilder &b, Location loc, Value total);
  void replaceTasks(scf::ForallOp tasks, Value begin, Value end);
  void createEntry(func::FuncOp callee);
  Value descriptor(MemRefType type, AffineMap dims, Value pointer, ValueRange sizeValues);
  /// The number of steps of each dim of the tasks, and their product last.
  SmallVector<Value> counts(OpBuilder &b, Location loc, scf::ForallOp tasks, IRMapping *mapping);

  func::FuncOp func;
  unsigned sizes;
  unsigned temporaries = 0; ///< The last arguments.
  OpBuilder builder;
};

} // namespace

bool Splitter::isTemporary(Value value) const {
  auto argument = dyn_cast<BlockArgument>(value);
  func::FuncOp kernel = func; // Ops are handles without const methods.
  return argument && argument.getOwner() == &kernel.getBody().front() &&
         kernel.getArgAttr(argument.getArgNumber(), temporaryAttrName);
}

/// Whether `op`, or an op in it, may write memory that other ranges see, or so
/// much memory of its own that ranges should not each do it again.
bool Splitter::writesArgument(Operation *op) {
  WalkResult result = op->walk([&](Operation *inner) {
    auto effects = dyn_cast<MemoryEffectOpInterface>(inner);
    if (!effects)
      return inner->hasTrait<OpTrait::HasRecursiveMemoryEffects>() || isPure(inner) ? WalkResult::advance()
                                                                                    : WalkResult::interrupt();
    SmallVector<MemoryEffects::EffectInstance> list;
    effects.getEffects(list);
    for (const auto &effect : list) {
      if (!isa<MemoryEffects::Write>(effect.getEffect()))
        continue;
      Value target = effect.getValue();
      while (target) {
        if (auto view = target.getDefiningOp<ViewLikeOpInterface>())
          target = view.getViewSource();
        else
          break;
      }
      if (!target || !target.getDefiningOp<memref::AllocaOp>())
        return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return result.wasInterrupted();
}

/// The one parallel loop whose iterations may run on different threads: every
/// range executes all that is around it, so nothing there may write results.
scf::ForallOp Splitter::findTasks() {
  scf::ForallOp found;
  for (Operation &op : func.getBody().front().without_terminator()) {
    auto forall = dyn_cast<scf::ForallOp>(op);
    if (forall && found)
      return {};
    if (forall)
      found = forall;
    else if (writesArgument(&op))
      return {};
  }
  return found;
}

void Splitter::sequentialize(scf::ForallOp keep) {
  SmallVector<scf::ForallOp> others;
  func.walk([&](scf::ForallOp forall) {
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

/// Temporaries are reserved for each range that may run at the same time, so
/// tasks come in chunks, and chunks are the tasks that the runtime sees.
Value Splitter::chunksOf(OpBuilder &b, Location loc, Value total) {
  Value most = arith::ConstantIndexOp::create(b, loc, mostChunks);
  return arith::MinSIOp::create(b, loc, total, most);
}

/// `@NAME.tasks`: what the bounds of the loop are computed from, once more.
LogicalResult Splitter::createTasks(scf::ForallOp tasks) {
  Location loc = func.getLoc();
  builder.setInsertionPoint(func);
  SmallVector<Type> types(sizes, builder.getIndexType());
  auto count = func::FuncOp::create(builder, loc, (func.getSymName() + ".tasks").str(),
                                    builder.getFunctionType(types, builder.getIndexType()));
  OpBuilder body = OpBuilder::atBlockBegin(count.addEntryBlock());
  if (!tasks) {
    Value one = arith::ConstantIndexOp::create(body, loc, 1);
    func::ReturnOp::create(body, loc, one);
    return success();
  }
  IRMapping mapping;
  for (unsigned i = 0; i < sizes; ++i)
    mapping.map(func.getArgument(i), count.getArgument(i));
  SmallVector<Value> bounds;
  llvm::copy_if(tasks.getOperands(), std::back_inserter(bounds), [](Value v) { return v.getType().isIndex(); });
  if (failed(cloneSizes(body, func, bounds, mapping)))
    return tasks.emitError("internal: the number of tasks depends on memory [split-ranges]");
  Value total = counts(body, loc, tasks, &mapping).back();
  func::ReturnOp::create(body, loc, temporaries ? chunksOf(body, loc, total) : total);
  return success();
}

/// Iterations `begin` to `end` of the loop in row-major order.
void Splitter::replaceTasks(scf::ForallOp tasks, Value begin, Value end) {
  Location loc = tasks.getLoc();
  OpBuilder b(tasks);
  SmallVector<Value> steps = counts(b, loc, tasks, nullptr);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  if (temporaries) {
    Value chunks = arith::MaxSIOp::create(b, loc, chunksOf(b, loc, steps.back()), one);
    for (Value *bound : {&begin, &end}) {
      Value scaled = arith::MulIOp::create(b, loc, *bound, steps.back());
      *bound = arith::DivUIOp::create(b, loc, scaled, chunks);
    }
  }
  SmallVector<Value> lows, strides;
  for (auto [low, step] : llvm::zip(tasks.getMixedLowerBound(), tasks.getMixedStep())) {
    lows.push_back(getValueOrCreateConstantIndexOp(b, loc, low));
    strides.push_back(getValueOrCreateConstantIndexOp(b, loc, step));
  }
  auto loop = scf::ForOp::create(b, loc, begin, end, one);
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
}

/// A memref descriptor in row-major order, as `finalize-memref-to-llvm` lays it out.
Value Splitter::descriptor(MemRefType type, AffineMap dims, Value pointer, ValueRange sizeValues) {
  Location loc = func.getLoc();
  MLIRContext *context = func.getContext();
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
  insert(pointer, 0);
  insert(pointer, 1);
  insert(number(0), 2);
  Value stride = number(1);
  int64_t fixed = 1;
  bool isFixed = true;
  for (int64_t i = static_cast<int64_t>(rank) - 1; i >= 0; --i) {
    Value size;
    if (type.isDynamicDim(i)) {
      auto fixedSize = dyn_cast<AffineConstantExpr>(dims.getResult(i));
      size = fixedSize ? number(fixedSize.getValue())
                       : arith::IndexCastOp::create(
                             builder, loc, i64, sizeValues[cast<AffineSymbolExpr>(dims.getResult(i)).getPosition()]);
    } else {
      size = number(type.getDimSize(i));
    }
    insert(size, {3, i});
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

/// `@NAME.entry(begin, end, closure)`. The range has the temporaries of its
/// first chunk: ranges do not overlap.
void Splitter::createEntry(func::FuncOp callee) {
  Location loc = func.getLoc();
  MLIRContext *context = func.getContext();
  builder.setInsertionPointAfter(callee);
  Type i64 = builder.getI64Type(), ptr = LLVM::LLVMPointerType::get(context);
  auto entry = func::FuncOp::create(builder, loc, (callee.getSymName() + ".entry").str(),
                                    builder.getFunctionType({i64, i64, ptr}, {}));
  builder.setInsertionPointToStart(entry.addEntryBlock());
  SmallVector<Value> arguments;
  for (unsigned i = 0; i < 2; ++i)
    arguments.push_back(arith::IndexCastOp::create(builder, loc, builder.getIndexType(), entry.getArgument(i)));
  for (auto [i, type] : llvm::enumerate(callee.getArgumentTypes().drop_front(2).drop_back(temporaries))) {
    Value address = LLVM::GEPOp::create(builder, loc, ptr, i64, entry.getArgument(2),
                                        ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(i)});
    Value field = LLVM::LoadOp::create(builder, loc, type.isIndex() ? i64 : ptr, address);
    if (type.isIndex())
      field = arith::IndexCastOp::create(builder, loc, type, field);
    arguments.push_back(field);
  }
  if (temporaries) {
    size_t given = arguments.size() - 2;
    Value field = LLVM::GEPOp::create(builder, loc, ptr, i64, entry.getArgument(2),
                                      ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(given)});
    Value base = LLVM::LoadOp::create(builder, loc, ptr, field);
    SmallVector<Type> types(temporaries, builder.getIndexType());
    auto bytes = func::CallOp::create(builder, loc, func.getSymName().str() + ".temporaries", types,
                                      ValueRange(arguments).slice(2, sizes));
    Value stride = arith::ConstantIndexOp::create(builder, loc, 0);
    for (Value size : bytes.getResults())
      stride = arith::AddIOp::create(builder, loc, stride, size);
    Value offset = arith::MulIOp::create(builder, loc, arguments[0], stride);
    for (Value size : bytes.getResults()) {
      Value at = arith::IndexCastOp::create(builder, loc, i64, offset);
      arguments.push_back(
          LLVM::GEPOp::create(builder, loc, ptr, builder.getI8Type(), base, ArrayRef<LLVM::GEPArg>{at}));
      offset = arith::AddIOp::create(builder, loc, offset, size);
    }
  }
  func::CallOp::create(builder, loc, callee, arguments);
  func::ReturnOp::create(builder, loc);
}

LogicalResult Splitter::split() {
  resolveDims(func);
  scf::ForallOp tasks = findTasks();
  sequentialize(tasks);
  if (failed(createTasks(tasks)))
    return failure();

  Location loc = func.getLoc();
  MLIRContext *context = func.getContext();
  SmallVector<Type> types(2 + sizes, builder.getIndexType());
  types.append(func.getNumArguments() - sizes, LLVM::LLVMPointerType::get(context));
  builder.setInsertionPoint(func);
  auto result =
      func::FuncOp::create(builder, loc, (func.getSymName() + ".body").str(), builder.getFunctionType(types, {}));
  for (unsigned i = 2 + sizes; i < types.size(); ++i) {
    result.setArgAttr(i, "llvm.noalias", builder.getUnitAttr());
    result.setArgAttr(i, "llvm.nonnull", builder.getUnitAttr());
  }
  Block *block = result.addEntryBlock();
  builder.setInsertionPointToStart(block);
  ValueRange sizeValues = ValueRange(block->getArguments()).slice(2, sizes);
  Block &body = func.getBody().front();
  for (unsigned i = 0; i < sizes; ++i)
    body.getArgument(i).replaceAllUsesWith(sizeValues[i]);
  for (unsigned i = sizes; i < body.getNumArguments(); ++i) {
    auto map = func.getArgAttrOfType<AffineMapAttr>(i, "kernel.dims");
    if (isTemporary(body.getArgument(i)))
      // Views of it say their sizes; this one is never looked at.
      map = AffineMapAttr::get(AffineMap::getConstantMap(std::numeric_limits<int64_t>::max(), context));
    Value memref = descriptor(cast<MemRefType>(body.getArgument(i).getType()), map.getAffineMap(),
                              block->getArgument(2 + i), sizeValues);
    body.getArgument(i).replaceAllUsesWith(memref);
  }
  block->getOperations().splice(block->end(), body.getOperations());
  if (tasks)
    replaceTasks(tasks, block->getArgument(0), block->getArgument(1));
  for (StringRef name : {"kernel.strategy", "kernel.target"})
    if (Attribute attr = func->getAttr(name))
      result->setAttr(name, attr);
  createEntry(result);
  std::string name = func.getSymName().str();
  func.erase();
  // Profiles show NAME, but not as it is: a kernel called `exp` would be what
  // calls of the C library's `exp` find.
  SymbolTable::setSymbolName(result, "kernel." + name);
  auto module = result->getParentOfType<ModuleOp>();
  auto entry = module.lookupSymbol<func::FuncOp>(name + ".body.entry");
  SymbolTable::setSymbolName(entry, name + ".entry");
  entry.walk([&](func::CallOp call) {
    if (call.getCallee() == name + ".body")
      call.setCallee("kernel." + name);
  });
  return success();
}

namespace {
struct SplitKernelRangesPass final : impl::SplitKernelRangesPassBase<SplitKernelRangesPass> {
  void runOnOperation() override {
    for (func::FuncOp func : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (auto sizes = func->getAttrOfType<IntegerAttr>("kernel.sizes"))
        if (failed(Splitter(func, sizes.getInt()).split()))
          return signalPassFailure();
  }
};
} // namespace
} // namespace lathe
