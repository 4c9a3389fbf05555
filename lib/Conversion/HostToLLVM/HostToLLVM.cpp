// lib/Conversion/HostToLLVM/HostToLLVM.cpp: launch programs become functions of the module ABI.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CallFields.h"
#include "CallHelpers.h"
#include "KernelLaunch.h"
#include "ValuePatterns.h"
#include "dialects/Kernel/Kernel.h"
#include "lathe/Conversion/Buffers.h"
#include "lathe/Conversion/PlaceConstants.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_CONVERTHOSTTOLLVMPASS
#include "lathe/Conversion/Buffers.h.inc"

/// Where a driver compiles several variants, it has placed the constants of all.
static LogicalResult findConstants(HostModule &host) {
  if (host.module.getOps<host::WeightsOp>().empty())
    placeConstants(host.module);
  for (auto constant : host.module.getOps<host::ConstantOp>()) {
    if (!constant.getOffset())
      return constant.emitOpError("has no 'offset', but there is a place for the weights [codegen-weights]");
    host.offsets[constant.getSymName()] = *constant.getOffset();
  }
  return success();
}

/// Loops that are run together: what calling the threads costs is little for each then, and their arguments are on
/// the stack.
static constexpr int64_t mostLoops = 64;

/// Has launches that follow each other, with nothing but addresses and sizes computed between, run together; returns
/// the bytes that the largest such group needs.
static size_t placeLaunches(HostModule &host, host::ProgramOp program) {
  size_t largest = 0;
  SmallVector<host::LaunchOp> group;
  int64_t loops = 0;
  auto entryOf = [&](host::LaunchOp launch) { return host.module.lookupSymbol<kernel::EntryOp>(launch.getKernel()); };
  auto finish = [&] {
    size_t closure = KernelLaunch::bytesOfLoops(loops);
    int64_t loop = 0;
    for (host::LaunchOp launch : group) {
      host.places[launch] = {Value(), loop, static_cast<int32_t>(closure), launch == group.back()};
      loop += KernelLaunch::loopsOf(entryOf(launch));
      closure += (1 + launch.getNumOperands()) * sizeof(uint64_t);
    }
    largest = std::max(largest, closure);
    group.clear();
    loops = 0;
  };
  program.walk<WalkOrder::PreOrder>([&](Block *block) {
    for (Operation &op : *block) {
      auto launch = dyn_cast<host::LaunchOp>(op);
      if (!launch) {
        if (op.getNumRegions() > 0 || !isMemoryEffectFree(&op))
          finish();
        continue;
      }
      if (entryOf(launch).isOnDevice()) {
        finish();
        // With place for what the launch is.
        host.places[launch] = LaunchPlace();
        largest = std::max<size_t>(largest, (1 + launch.getNumOperands() + KernelLaunch::deviceWords(entryOf(launch))) *
                                                sizeof(uint64_t));
        continue;
      }
      int64_t own = KernelLaunch::loopsOf(entryOf(launch));
      if (loops + own > mostLoops)
        finish();
      group.push_back(launch);
      loops += own;
    }
    finish();
  });
  return largest;
}

/// The function that takes the program's place, with its body.
static func::FuncOp createFunction(HostModule &host, host::ProgramOp program) {
  OpBuilder builder(program);
  Location loc = program.getLoc();
  CallBuilder c(builder, loc);
  unsigned arguments = program.getKind() == host::ProgramKind::plan ? 2 : 1;
  std::string name = ("lathe." + host::stringifyProgramKind(program.getKind()) + "." + program.getFunction()).str();
  auto func =
      func::FuncOp::create(builder, loc, name, builder.getFunctionType(SmallVector<Type>(arguments, c.ptr), c.i32));
  Block *block = func.addEntryBlock();
  size_t largest = std::max<size_t>(placeLaunches(host, program), sizeof(void *));
  program.walk([&](host::TextOp text) {
    largest = std::max(largest, sizeof(lathe_text_call) + text.getBuffers().size() * sizeof(lathe_text_tensor));
  });
  builder.setInsertionPointToStart(block);
  host.closures[func] =
      LLVM::AllocaOp::create(builder, loc, c.ptr, c.i64, c.number(largest / sizeof(void *)), /*alignment=*/8);
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
    if (failed(findConstants(host)))
      return signalPassFailure();
    SmallVector<host::SignatureOp> signatures(getOperation().getOps<host::SignatureOp>());
    // Kernels without a model: export-kernels made what they need.
    if (signatures.empty() && !getOperation().getOps<kernel::EntryOp>().empty())
      return renameEntries(getOperation());
    if (signatures.empty()) {
      getOperation().emitError("internal: no launch program to convert [host-no-program]");
      return signalPassFailure();
    }
    for (host::SignatureOp signature : signatures)
      if (failed(convert(host, signature)))
        return signalPassFailure();
    renameEntries(getOperation());
  }

  LogicalResult convert(HostModule &host, host::SignatureOp signature) {
    auto plan = host::ProgramOp::find(getOperation(), signature.getName(), host::ProgramKind::plan),
         run = host::ProgramOp::find(getOperation(), signature.getName(), host::ProgramKind::run);
    if (!plan || !run)
      return signature.emitError("internal: no launch program to convert [host-no-program]");
    if (failed(checkKernels(getOperation(), plan)) || failed(checkKernels(getOperation(), run)))
      return failure();
    if (run.walk([](host::PollOp) { return WalkResult::interrupt(); }).wasInterrupted())
      host.poll = pollHelper(getOperation());
    for (host::ProgramOp program : {plan, run}) {
      func::FuncOp code = createFunction(host, program);
      (program == plan ? signature.setPlan(code.getSymName()) : signature.setRun(code.getSymName()));
      if (failed(convertBody(host, code)))
        return failure();
    }
    return success();
  }
};
} // namespace
} // namespace lathe
