// lib/Codegen/GPU/EmitPtx.cpp: the kernels of a model as PTX, made in this process.
//
// Nothing of a CUDA toolkit is needed: what a library of device functions would
// give has to be code before this, and what is missing is an error here, not in
// the assembler of the machine that runs the model.
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../Backend.h"
#include "dialects/Device/Device.h"
#include "lathe/Codegen/Codegen.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/DiagnosticHandler.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"

using namespace mlir;

namespace lathe {

/// The most threads of a block where each thread has tasks of its own.
static constexpr unsigned plainThreads = 256;

/// The phases that run on the device, in the order of the image.
static SmallVector<kernel::PhaseAttr> phasesOf(ModuleOp module) {
  SmallVector<kernel::PhaseAttr> phases;
  for (auto entry : module.getOps<kernel::EntryOp>())
    if (entry.isOnDevice())
      llvm::append_range(phases, entry.getPhases().getAsRange<kernel::PhaseAttr>());
  return phases;
}

/// A name that PTX allows, which no other kernel has.
static std::string deviceSymbol(unsigned number, llvm::StringRef entry) {
  std::string name = "lathe_k" + std::to_string(number) + "_";
  for (char c : entry)
    name += llvm::isAlnum(c) ? c : '_';
  return name;
}

/// A module with the functions of `phases` and all that they use.
static OwningOpRef<ModuleOp> extract(ModuleOp module, ArrayRef<kernel::PhaseAttr> phases) {
  SymbolTable symbols(module);
  OwningOpRef<ModuleOp> device = ModuleOp::create(module.getLoc());
  OpBuilder builder = OpBuilder::atBlockEnd(device->getBody());
  llvm::SetVector<Operation *> needed;
  for (kernel::PhaseAttr phase : phases)
    needed.insert(symbols.lookup(phase.getBody().getValue()));
  for (size_t i = 0; i < needed.size(); ++i) {
    builder.clone(*needed[i]);
    if (auto uses = SymbolTable::getSymbolUses(needed[i]))
      for (const SymbolTable::SymbolUse &use : *uses)
        if (Operation *used = symbols.lookup(use.getSymbolRef().getRootReference()))
          needed.insert(used);
  }
  return device;
}

/// The `#device.map` of each tensor map that a phase takes.
static ArrayRef<Attribute> mapsOf(ModuleOp module, kernel::PhaseAttr phase) {
  device::BodyOp body = device::findBody(module, phase);
  return body ? body.getMaps().getValue() : ArrayRef<Attribute>();
}

/// Which functions the launch calls, and that these take in all others.
static void finishFunctions(llvm::Module &code, ModuleOp module, ArrayRef<kernel::PhaseAttr> phases) {
  for (auto [number, phase] : llvm::enumerate(phases)) {
    StringRef name = phase.getBody().getValue();
    llvm::Function *function = code.getFunction(name);
    function->setName(deviceSymbol(number, name));
    function->setCallingConv(llvm::CallingConv::PTX_Kernel);
    function->addFnAttr("nvvm.maxntid", std::to_string(phase.getThreads() ? phase.getThreads() : plainThreads));
    // Else the assembler spills some registers of a block with many sums, to have place for another block.
    if (phase.getThreads())
      function->addFnAttr("nvvm.minctasm", "1");
    // Tensor maps are parameters themselves, which nothing may copy.
    constexpr uint64_t mapBytes = 128, mapAlignment = 64;
    llvm::LLVMContext &context = code.getContext();
    llvm::Type *map = llvm::ArrayType::get(llvm::Type::getInt8Ty(context), mapBytes);
    unsigned count = mapsOf(module, phase).size();
    for (unsigned i = function->arg_size() - count, e = function->arg_size(); i < e; ++i)
      function->addParamAttrs(i, llvm::AttrBuilder(context)
                                     .addByValAttr(map)
                                     .addAlignmentAttr(llvm::Align(mapAlignment))
                                     .addAttribute("nvvm.grid_constant"));
  }
  for (llvm::Function &function : code) {
    if (function.isDeclaration() || function.getCallingConv() == llvm::CallingConv::PTX_Kernel)
      continue;
    function.setLinkage(llvm::GlobalValue::InternalLinkage);
    function.addFnAttr(llvm::Attribute::AlwaysInline);
  }
}

/// Whether PTX has no instruction for a math function of LLVM's in that type.
static bool isMissing(const llvm::IntrinsicInst &call) {
  switch (call.getIntrinsicID()) {
  case llvm::Intrinsic::exp:
  case llvm::Intrinsic::exp2:
  case llvm::Intrinsic::exp10:
  case llvm::Intrinsic::log:
  case llvm::Intrinsic::log2:
  case llvm::Intrinsic::log10:
  case llvm::Intrinsic::sin:
  case llvm::Intrinsic::cos:
  case llvm::Intrinsic::tan:
  case llvm::Intrinsic::asin:
  case llvm::Intrinsic::acos:
  case llvm::Intrinsic::atan:
  case llvm::Intrinsic::atan2:
  case llvm::Intrinsic::sinh:
  case llvm::Intrinsic::cosh:
  case llvm::Intrinsic::tanh:
  case llvm::Intrinsic::pow:
  case llvm::Intrinsic::powi:
  case llvm::Intrinsic::ldexp:
  case llvm::Intrinsic::frexp:
    return true;
  default:
    return false;
  }
}

/// The first function that is called and is nowhere, with who calls it.
static std::string findMissing(llvm::Module &code) {
  for (llvm::Function &function : code)
    for (llvm::Instruction &instruction : llvm::instructions(function)) {
      auto *call = dyn_cast<llvm::CallInst>(&instruction);
      llvm::Function *callee = call ? call->getCalledFunction() : nullptr;
      auto *intrinsic = dyn_cast<llvm::IntrinsicInst>(&instruction);
      if (!callee || !callee->isDeclaration() || (intrinsic && !isMissing(*intrinsic)))
        continue;
      return ("kernel '" + function.getName() + "' needs the function '" + callee->getName() + "'").str();
    }
  return "";
}

namespace {
/// Keeps what the code generator cannot do, which would otherwise end the process.
struct KeepErrors final : llvm::DiagnosticHandler {
  explicit KeepErrors(std::string &text) : text(text) {}
  bool handleDiagnostics(const llvm::DiagnosticInfo &info) override {
    if (info.getSeverity() != llvm::DS_Error)
      return true;
    llvm::raw_string_ostream stream(text);
    llvm::DiagnosticPrinterRawOStream printer(stream);
    info.print(printer);
    return true;
  }
  std::string &text;
};
} // namespace

FailureOr<DeviceCode> emitPtx(const ModelVariant &variant) {
  ModuleOp module = variant.module;
  std::string gpu = variant.target.str();
  const llvm::Target *backend = findBackend(module, variant.target);
  if (!backend)
    return failure();
  SmallVector<kernel::PhaseAttr> phases = phasesOf(module);
  OwningOpRef<ModuleOp> device = extract(module, phases);
  llvm::LLVMContext context;
  std::string message;
  context.setDiagnosticHandler(std::make_unique<KeepErrors>(message));
  std::unique_ptr<llvm::Module> code = translateModuleToLLVMIR(*device, context, "kernels");
  if (!code)
    return module.emitError("internal: translation to LLVM IR failed [codegen-translate]");
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(*backend, variant.target);
  code->setTargetTriple(machine->getTargetTriple());
  code->setDataLayout(machine->createDataLayout());
  finishFunctions(*code, module, phases);
  llvm::raw_string_ostream stream(message);
  if (llvm::verifyModule(*code, &stream))
    return module.emitError("internal: invalid LLVM IR: " + message + " [codegen-verify]");
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.LoopInterleaving = tuning.SLPVectorization = false; // Threads are the lanes.
  optimizeModule(*code, *machine, tuning);
  if (std::string missing = findMissing(*code); !missing.empty())
    return module.emitError("internal: " + missing + ", which Lathe has no code for on '" + gpu +
                            "': compile the model for a CPU [gpu-no-function]");
  DeviceCode result;
  for (auto [number, phase] : llvm::enumerate(phases)) {
    DeviceCode::Kernel kernel;
    kernel.name = deviceSymbol(number, phase.getBody().getValue());
    kernel.makesChecks = !code->getFunction(kernel.name)->getArg(3)->use_empty();
    kernel.isForBlocks = phase.getThreads() > 0;
    kernel.blockThreads = kernel.isForBlocks ? phase.getThreads() : plainThreads;
    kernel.sharedBytes = phase.getShared();
    if (device::BodyOp body = device::findBody(module, phase))
      kernel.stays = body.getStays();
    for (Attribute attr : mapsOf(module, phase)) {
      auto map = cast<device::MapAttr>(attr);
      kernel.maps.push_back(
          {static_cast<unsigned>(map.getArgument()), map.getElement(), SmallVector<int64_t>(map.getBox())});
    }
    result.kernels.push_back(kernel);
  }
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream output(text);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, output, nullptr, llvm::CodeGenFileType::AssemblyFile))
    return module.emitError("internal: the target cannot write PTX [codegen-no-object]");
  passes.run(*code);
  if (!message.empty())
    return module.emitError("internal: no PTX for '" + gpu + "': " + message + " [codegen-ptx]");
  result.ptx = text.str().str();
  return result;
}

} // namespace lathe
