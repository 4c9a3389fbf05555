// lib/Conversion/HostToLLVM/HostToLLVM.cpp: launch programs become functions of the module ABI.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe-runtime/module_abi.h"
#include "lathe/Conversion/Buffers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_CONVERTHOSTTOLLVMPASS
#include "lathe/Conversion/Buffers.h.inc"

namespace {

/// Offsets of fields come from the header itself.
#define LATHE_OFFSET(STRUCT, FIELD) static_cast<int32_t>(offsetof(STRUCT, FIELD))

class Converter {
public:
  explicit Converter(ModuleOp module)
      : module(module), context(module.getContext()), builder(context), i64(builder.getI64Type()),
        ptr(LLVM::LLVMPointerType::get(context)), index(builder.getIndexType()) {}

  LogicalResult convert();

private:
  void placeConstants();
  void createLaunch();
  LogicalResult convert(host::ProgramOp program, StringRef name, unsigned arguments);
  LogicalResult convert(Operation *op);

  Value number(int64_t n) { return arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(n)); }
  Value asIndex(Value v) { return arith::IndexCastOp::create(builder, loc, index, v); }
  Value asInt(Value v) { return arith::IndexCastOp::create(builder, loc, i64, v); }
  Value at(Value base, int64_t bytes) {
    return LLVM::GEPOp::create(builder, loc, ptr, builder.getI8Type(), base,
                               ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)});
  }
  Value load(Type type, Value base, int64_t bytes) { return LLVM::LoadOp::create(builder, loc, type, at(base, bytes)); }
  void store(Value value, Value base, int64_t bytes) { LLVM::StoreOp::create(builder, loc, value, at(base, bytes)); }
  /// Entry `i` of an array of pointers that a field of the call points to.
  Value entry(int64_t field, int64_t i) { return load(ptr, load(ptr, call, field), i * sizeof(void *)); }
  FailureOr<func::FuncOp> partOf(Operation *user, StringRef kernel, StringRef part);
  FailureOr<Value> temporaryBytes(host::TemporariesOp op);
  LogicalResult launch(host::LaunchOp op);
  void check(host::CheckOp op);

  ModuleOp module;
  MLIRContext *context;
  OpBuilder builder;
  Type i64, ptr, index;
  Location loc = UnknownLoc::get(context);
  llvm::StringMap<int64_t> offsets; ///< Of constants, in the weights.
  func::FuncOp launchHelper;
  Value call, closure;
};

} // namespace

void Converter::placeConstants() {
  int64_t offset = 0;
  for (auto constant : module.getOps<host::ConstantOp>()) {
    auto type = cast<RankedTensorType>(constant.getValue().getType());
    int64_t elements = type.getNumElements();
    if (constant.getTile()) {
      int64_t size = type.getDimSize(*constant.getTiled()), tile = *constant.getTile();
      elements = size ? elements / size * static_cast<int64_t>(llvm::alignTo(size, tile)) : 0;
    }
    constant->setAttr("host.offset", builder.getI64IntegerAttr(offset));
    offsets[constant.getSymName()] = offset;
    int64_t bits = type.getElementTypeBitWidth();
    offset = llvm::alignTo(offset + elements * std::max<int64_t>(8, bits) / 8, LATHE_ALIGNMENT);
  }
  module->setAttr("host.weights_size", builder.getI64IntegerAttr(offset));
}

/// `@lathe.launch(call, tasks, kernel, closure)`: one task runs right here.
void Converter::createLaunch() {
  loc = module.getLoc();
  builder.setInsertionPointToEnd(module.getBody());
  launchHelper = func::FuncOp::create(builder, loc, "lathe.launch", builder.getFunctionType({ptr, i64, ptr, ptr}, {}));
  launchHelper.setPrivate();
  Block *start = launchHelper.addEntryBlock();
  Region &body = launchHelper.getBody();
  Block *one = builder.createBlock(&body), *many = builder.createBlock(&body), *end = builder.createBlock(&body);
  Value thisCall = start->getArgument(0), tasks = start->getArgument(1), kernel = start->getArgument(2),
        data = start->getArgument(3);
  builder.setInsertionPointToStart(start);
  Value isOne = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sle, tasks, number(1));
  cf::CondBranchOp::create(builder, loc, isOne, one, many);
  builder.setInsertionPointToStart(one);
  auto kernelType = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {i64, i64, ptr});
  LLVM::CallOp::create(builder, loc, kernelType, ValueRange{kernel, number(0), tasks, data});
  cf::BranchOp::create(builder, loc, end);
  builder.setInsertionPointToStart(many);
  Value imports = load(ptr, thisCall, LATHE_OFFSET(lathe_call, imports));
  Value parallelFor = load(ptr, imports, LATHE_OFFSET(lathe_imports, parallel_for));
  Value hostContext = load(ptr, imports, LATHE_OFFSET(lathe_imports, context));
  auto forType = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {ptr, i64, ptr, ptr});
  LLVM::CallOp::create(builder, loc, forType, ValueRange{parallelFor, hostContext, tasks, kernel, data});
  cf::BranchOp::create(builder, loc, end);
  builder.setInsertionPointToStart(end);
  func::ReturnOp::create(builder, loc);
}

/// `@NAME.PART`, which `split-kernel-ranges` and `plan-temporaries` make.
FailureOr<func::FuncOp> Converter::partOf(Operation *user, StringRef kernel, StringRef part) {
  auto func = module.lookupSymbol<func::FuncOp>((kernel + part).str());
  if (!func)
    return user->emitOpError("internal: kernel '") << kernel << "' has no '" << kernel << part << "' [host-no-kernel]";
  return func;
}

/// Those of one range, for as many ranges as there are tasks.
FailureOr<Value> Converter::temporaryBytes(host::TemporariesOp op) {
  auto tasks = partOf(op, op.getKernel(), ".tasks");
  auto each = failed(tasks) ? tasks : partOf(op, op.getKernel(), ".temporaries");
  if (failed(each))
    return failure();
  Value sum = arith::ConstantIndexOp::create(builder, loc, 0);
  for (Value bytes : func::CallOp::create(builder, loc, *each, op.getSizes()).getResults())
    sum = arith::AddIOp::create(builder, loc, sum, bytes);
  Value count = func::CallOp::create(builder, loc, *tasks, op.getSizes()).getResult(0);
  return arith::MulIOp::create(builder, loc, count, sum).getResult();
}

LogicalResult Converter::launch(host::LaunchOp op) {
  auto tasksOf = partOf(op, op.getKernel(), ".tasks");
  auto entry = failed(tasksOf) ? tasksOf : partOf(op, op.getKernel(), ".entry");
  if (failed(entry))
    return failure();
  SmallVector<Value> sizes(op.getSizes());
  Value tasks = asInt(func::CallOp::create(builder, loc, *tasksOf, sizes).getResult(0));
  int64_t field = 0;
  for (Value size : sizes)
    store(asInt(size), closure, 8 * field++);
  for (Value buffer : op.getBuffers())
    store(buffer, closure, 8 * field++);
  Value function = func::ConstantOp::create(builder, loc, entry->getFunctionType(), entry->getSymName());
  Value kernel = UnrealizedConversionCastOp::create(builder, loc, ptr, function).getResult(0);
  func::CallOp::create(builder, loc, launchHelper, ValueRange{call, tasks, kernel, closure});
  return success();
}

void Converter::check(host::CheckOp op) {
  auto predicate = op.getRelation() == host::Relation::eq ? arith::CmpIPredicate::eq : arith::CmpIPredicate::sge;
  Value holds = arith::CmpIOp::create(builder, loc, predicate, op.getA(), op.getB());
  Block *here = builder.getBlock();
  Block *next = here->splitBlock(std::next(op->getIterator()));
  Block *fails = builder.createBlock(next);
  store(asInt(op.getA()), call, LATHE_OFFSET(lathe_call, error_values));
  store(asInt(op.getB()), call, LATHE_OFFSET(lathe_call, error_values) + 8);
  func::ReturnOp::create(builder, loc, number(op.getId() + 1));
  builder.setInsertionPointToEnd(here);
  cf::CondBranchOp::create(builder, loc, holds, next, fails);
}

LogicalResult Converter::convert(Operation *op) {
  loc = op->getLoc();
  builder.setInsertionPoint(op);
  auto replace = [&](Value value) { op->getResult(0).replaceAllUsesWith(value); };
  if (auto dim = dyn_cast<host::DimOp>(op)) {
    Value dims = entry(LATHE_OFFSET(lathe_call, input_dims), dim.getInput());
    replace(asIndex(load(i64, dims, 8 * dim.getDim())));
  } else if (auto element = dyn_cast<host::ElementOp>(op)) {
    Value data = entry(LATHE_OFFSET(lathe_call, inputs), element.getInput());
    auto declared = cast<IntegerType>(element.getType());
    unsigned width = std::max(8u, declared.getWidth()); // Booleans are bytes.
    Type type = builder.getIntegerType(width);
    Value value = load(type, data, static_cast<int64_t>(element.getPosition()) * (width / 8));
    bool hasSign = !declared.isUnsigned() && declared.getWidth() != 1;
    replace(hasSign ? asIndex(value) : Value(arith::IndexCastUIOp::create(builder, loc, index, value)));
  } else if (auto input = dyn_cast<host::InputOp>(op)) {
    replace(entry(LATHE_OFFSET(lathe_call, inputs), input.getIndex()));
  } else if (auto output = dyn_cast<host::OutputOp>(op)) {
    replace(entry(LATHE_OFFSET(lathe_call, outputs), output.getIndex()));
  } else if (auto workspace = dyn_cast<host::WorkspaceOp>(op)) {
    Value base = load(ptr, call, LATHE_OFFSET(lathe_call, workspace));
    Value offset = asInt(workspace.getOffset());
    replace(LLVM::GEPOp::create(builder, loc, ptr, builder.getI8Type(), base, ArrayRef<LLVM::GEPArg>{offset}));
  } else if (auto address = dyn_cast<host::AddressOfOp>(op)) {
    Value base = load(ptr, call, LATHE_OFFSET(lathe_call, weights));
    Value offset = number(offsets.at(address.getConstant()));
    replace(LLVM::GEPOp::create(builder, loc, ptr, builder.getI8Type(), base, ArrayRef<LLVM::GEPArg>{offset}));
  } else if (auto setDim = dyn_cast<host::SetDimOp>(op)) {
    Block *block = &op->getParentRegion()->front();
    Value dims = load(ptr, block->getArgument(1), 8 * setDim.getOutput());
    store(asInt(setDim.getSize()), dims, 8 * setDim.getDim());
  } else if (auto setWorkspace = dyn_cast<host::SetWorkspaceOp>(op)) {
    Block *block = &op->getParentRegion()->front();
    store(asInt(setWorkspace.getBytes()), block->getArgument(2), 0);
  } else if (auto temporaries = dyn_cast<host::TemporariesOp>(op)) {
    FailureOr<Value> bytes = temporaryBytes(temporaries);
    if (failed(bytes))
      return failure();
    replace(*bytes);
  } else if (auto launchOp = dyn_cast<host::LaunchOp>(op)) {
    if (failed(launch(launchOp)))
      return failure();
  } else if (auto copy = dyn_cast<host::CopyOp>(op)) {
    // The op's own accessors expect buffers, but its operands are pointers by now.
    LLVM::MemcpyOp::create(builder, loc, copy->getOperand(1), copy->getOperand(0), asInt(copy.getBytes()),
                           /*isVolatile=*/false);
  } else if (auto checkOp = dyn_cast<host::CheckOp>(op)) {
    check(checkOp);
  } else {
    return success(); // Arithmetic stays.
  }
  op->erase();
  return success();
}

LogicalResult Converter::convert(host::ProgramOp program, StringRef name, unsigned arguments) {
  loc = program.getLoc();
  builder.setInsertionPoint(program);
  auto func = func::FuncOp::create(builder, loc, name, builder.getFunctionType(SmallVector<Type>(arguments, ptr), i64));
  Block *block = func.addEntryBlock();
  call = block->getArgument(0);
  SmallVector<Operation *> ops;
  size_t largest = 1;
  for (Operation &op : program.getBody().front()) {
    ops.push_back(&op);
    if (auto launchOp = dyn_cast<host::LaunchOp>(op))
      largest = std::max<size_t>(largest, launchOp.getNumOperands());
  }
  builder.setInsertionPointToStart(block);
  closure = LLVM::AllocaOp::create(builder, loc, ptr, i64, number(largest), /*alignment=*/8);
  block->getOperations().splice(block->end(), program.getBody().front().getOperations());
  builder.setInsertionPointToEnd(block);
  func::ReturnOp::create(builder, loc, number(0));
  for (Operation *op : ops)
    if (failed(convert(op)))
      return failure();
  program.erase();
  return success();
}

LogicalResult Converter::convert() {
  auto plan = module.lookupSymbol<host::ProgramOp>("plan"), run = module.lookupSymbol<host::ProgramOp>("run");
  if (!plan || !run)
    return module.emitError("internal: no launch program to convert [host-no-program]");
  placeConstants();
  createLaunch();
  return success(succeeded(convert(plan, "lathe.plan", 3)) && succeeded(convert(run, "lathe.run", 1)));
}

namespace {
struct ConvertHostToLLVMPass final : impl::ConvertHostToLLVMPassBase<ConvertHostToLLVMPass> {
  void runOnOperation() override {
    if (failed(Converter(getOperation()).convert()))
      signalPassFailure();
  }
};
} // namespace
} // namespace lathe
