// lib/Conversion/HostToLLVM/HostToLLVM.cpp: launch programs become functions of the module ABI.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CallFields.h"
#include "CallHelpers.h"
#include "ValuePatterns.h"
#include "dialects/Kernel/Kernel.h"
#include "lathe/Conversion/Buffers.h"
#include "lathe/Conversion/PlaceConstants.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_CONVERTHOSTTOLLVMPASS
#include "lathe/Conversion/Buffers.h.inc"

/// Where a driver compiles several variants, it has placed the constants of all.
static void findConstants(HostModule &host) {
  if (!host.module->hasAttr("host.weights_size"))
    placeConstants(host.module);
  for (auto constant : host.module.getOps<host::ConstantOp>())
    host.offsets[constant.getSymName()] = constant->getAttrOfType<IntegerAttr>("host.offset").getInt();
}

/// The function that takes the program's place, with its body.
static func::FuncOp createFunction(HostModule &host, host::ProgramOp program, StringRef name, unsigned arguments) {
  OpBuilder builder(program);
  Location loc = program.getLoc();
  CallBuilder c(builder, loc);
  auto func =
      func::FuncOp::create(builder, loc, name, builder.getFunctionType(SmallVector<Type>(arguments, c.ptr), c.i32));
  Block *block = func.addEntryBlock();
  size_t largest = 1;
  program.walk([&](host::LaunchOp launch) {
    // On a device, with place for what the launch is.
    auto entry = host.module.lookupSymbol<kernel::EntryOp>(launch.getKernel());
    size_t ofDevice = entry.isOnDevice() ? sizeof(lathe_launch) / sizeof(void *) : 0;
    largest = std::max<size_t>(largest, 1 + launch.getNumOperands() + ofDevice);
  });
  program.walk([&](host::TextOp text) {
    size_t bytes = sizeof(lathe_text_call) + text.getBuffers().size() * sizeof(lathe_text_tensor);
    largest = std::max<size_t>(largest, bytes / sizeof(void *));
  });
  builder.setInsertionPointToStart(block);
  host.closures[func] = LLVM::AllocaOp::create(builder, loc, c.ptr, c.i64, c.number(largest), /*alignment=*/8);
  block->getOperations().splice(block->end(), program.getBody().front().getOperations());
  builder.setInsertionPointToEnd(block);
  func::ReturnOp::create(builder, loc, c.status(0));
  program.erase();
  return func;
}

/// The blocks that branches and loops became pass buffers on as pointers.
static void convertBlockArguments(func::FuncOp func) {
  Type pointer = LLVM::LLVMPointerType::get(func.getContext());
  for (Block &block : func.getBody()) {
    OpBuilder builder = OpBuilder::atBlockBegin(&block);
    for (BlockArgument argument : block.getArguments()) {
      Type buffer = argument.getType();
      if (!isa<host::BufferType>(buffer))
        continue;
      argument.setType(pointer);
      auto cast = UnrealizedConversionCastOp::create(builder, argument.getLoc(), buffer, ValueRange(argument));
      argument.replaceAllUsesExcept(cast.getResult(0), cast);
    }
  }
  func.walk([&](BranchOpInterface branch) {
    OpBuilder builder(branch);
    for (OpOperand &operand : branch->getOpOperands())
      if (isa<host::BufferType>(operand.get().getType()))
        operand.set(UnrealizedConversionCastOp::create(builder, branch.getLoc(), pointer, operand.get()).getResult(0));
  });
}

static LogicalResult convertBody(HostModule &host, func::FuncOp func) {
  MLIRContext *context = func.getContext();
  {
    // First, so that a check can leave the function from within a branch.
    RewritePatternSet patterns(context);
    populateSCFToControlFlowConversionPatterns(patterns);
    ConversionTarget target(*context);
    target.addIllegalOp<scf::IfOp, scf::WhileOp, scf::ForOp>();
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    if (failed(applyPartialConversion(func, target, std::move(patterns))))
      return failure();
  }
  convertBlockArguments(func);
  TypeConverter types;
  types.addConversion([](Type type) { return type; });
  types.addConversion([](host::BufferType type) { return LLVM::LLVMPointerType::get(type.getContext()); });
  auto cast = [](OpBuilder &builder, Type type, ValueRange inputs, Location loc) -> Value {
    return UnrealizedConversionCastOp::create(builder, loc, type, inputs).getResult(0);
  };
  types.addSourceMaterialization(cast);
  types.addTargetMaterialization(cast);
  RewritePatternSet patterns(context);
  populateHostToLLVMPatterns(types, host, patterns);
  populateValuePatterns(types, patterns);
  ConversionTarget target(*context);
  target.addIllegalDialect<host::HostDialect>();
  target.addLegalOp<func::FuncOp, UnrealizedConversionCastOp>();
  target.markUnknownOpDynamicallyLegal([&](Operation *op) { return types.isLegal(op); });
  return applyPartialConversion(func, target, std::move(patterns));
}

/// Whether all kernels that `program` names are there to be called.
static LogicalResult checkKernels(ModuleOp module, host::ProgramOp program) {
  auto check = [&](Operation *op, StringRef kernel) {
    if (module.lookupSymbol<kernel::EntryOp>(kernel))
      return WalkResult::advance();
    op->emitOpError("internal: kernel '") << kernel << "' was not split into its functions [host-no-kernel]";
    return WalkResult::interrupt();
  };
  WalkResult walked = program.walk([&](Operation *op) {
    if (auto launch = dyn_cast<host::LaunchOp>(op))
      return check(op, launch.getKernel());
    if (auto temporaries = dyn_cast<host::TemporariesOp>(op))
      return check(op, temporaries.getKernel());
    return WalkResult::advance();
  });
  return failure(walked.wasInterrupted());
}

static void renameEntries(ModuleOp module) {
  for (auto entry : module.getOps<kernel::EntryOp>())
    entry.setSymName(kernel::EntryOp::symbolInCode(entry.getSymName()));
}

namespace {
struct ConvertHostToLLVMPass final : impl::ConvertHostToLLVMPassBase<ConvertHostToLLVMPass> {
  void runOnOperation() override {
    HostModule host;
    host.module = getOperation();
    findConstants(host);
    auto plan = getOperation().lookupSymbol<host::ProgramOp>("plan"),
         run = getOperation().lookupSymbol<host::ProgramOp>("run");
    // Kernels without a model: export-kernels made what they need.
    if (!plan && !run && !getOperation().getOps<kernel::EntryOp>().empty())
      return renameEntries(getOperation());
    if (!plan || !run) {
      getOperation().emitError("internal: no launch program to convert [host-no-program]");
      return signalPassFailure();
    }
    if (failed(checkKernels(getOperation(), plan)) || failed(checkKernels(getOperation(), run)))
      return signalPassFailure();
    bool hasLoops = false;
    run.walk([&](host::PollOp) { hasLoops = true; });
    if (hasLoops)
      host.poll = pollHelper(getOperation());
    if (failed(convertBody(host, createFunction(host, plan, "lathe.plan", 2))) ||
        failed(convertBody(host, createFunction(host, run, "lathe.run", 1))))
      return signalPassFailure();
    renameEntries(getOperation());
  }
};
} // namespace
} // namespace lathe
