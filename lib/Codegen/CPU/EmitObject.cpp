// lib/Codegen/CPU/EmitObject.cpp: LLVM's optimizer and code generator, set up for one target, on several threads.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../Backend.h"
#include "CodeUnits.h"
#include "Descriptors.h"
#include "dialects/Kernel/Kernel.h"
#include "lathe/Codegen/Codegen.h"
#include "lathe/Target/Target.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;

namespace lathe {

std::string symbolName(llvm::StringRef prefix, llvm::StringRef name) {
  std::string result = prefix.str();
  for (char c : name)
    if (llvm::isASCII(c))
      result += llvm::isAlnum(c) ? c : '_';
    else
      result += llvm::toHex(llvm::StringRef(&c, 1), /*LowerCase=*/true);
  return result;
}

std::string querySymbol(llvm::StringRef name) { return symbolName("lathe_query_", name); }
std::string querySymbol(llvm::StringRef name, uint64_t fingerprint) {
  return querySymbol(name) + "_" + llvm::utohexstr(fingerprint, /*LowerCase=*/true, /*Width=*/16);
}
std::string descriptorSymbol(llvm::StringRef name) { return symbolName("lathe_module_", name); }
std::string weightsSymbol(llvm::StringRef name) { return symbolName("lathe_weights_", name); }

namespace {

/// A unit as LLVM sees it, and then its object; nothing in it is shared, so each
/// may be on a thread of its own.
struct UnitCode {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code;
  bool isLoops = false;
  llvm::SmallVector<char, 0> bytes;
  std::string error; ///< With its id; empty if all went well.

  void compile(const llvm::Target &backend, const Target &target);
  void optimize(llvm::TargetMachine &machine);
};

} // namespace

void UnitCode::optimize(llvm::TargetMachine &machine) {
  llvm::PipelineTuningOptions tuning;
  // Other kernels are in vectors already, and as unrolled as their strategy wants.
  tuning.LoopVectorization = tuning.LoopInterleaving = tuning.LoopUnrolling = isLoops;
  tuning.SLPVectorization = false; // Kernels are loops; it only costs time.
  optimizeModule(*code, machine, tuning);
}

void UnitCode::compile(const llvm::Target &backend, const Target &target) {
  std::string message;
  llvm::raw_string_ostream stream(message);
  if (llvm::verifyModule(*code, &stream)) {
    error = "internal: invalid LLVM IR: " + message + " [codegen-verify]";
    return;
  }
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(backend, target);
  optimize(*machine);
  llvm::raw_svector_ostream output(bytes);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, output, nullptr, llvm::CodeGenFileType::ObjectFile)) {
    error = "internal: the target cannot write object files [codegen-no-object]";
    return;
  }
  passes.run(*code);
  code.reset();
}

/// Sets what the functions of a unit need for `target`, and who sees them: those
/// that other units and the description use are known to the model's objects
/// alone, by a name with `prefix`.
static void finishFunctions(llvm::Module &code, const llvm::StringSet<> &shared, llvm::StringRef prefix,
                            const Target &target) {
  std::string width = std::to_string(target.vectorUnit().bits);
  for (llvm::Function &function : code) {
    bool isShared = shared.contains(function.getName());
    if (isShared) {
      function.setName(prefix + function.getName());
      function.setVisibility(llvm::GlobalValue::HiddenVisibility);
      function.setDSOLocal(true);
    }
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-features", target.llvmFeatures());
    // Some processors make the vectorizer prefer half the width they have.
    function.addFnAttr("prefer-vector-width", width);
    function.addFnAttr(llvm::Attribute::NoUnwind);
    // What C code calls: docs of `export-kernels`.
    bool isApi = function.getName().starts_with("lathe_query_") || function.getName().starts_with("lathe_kernel_");
    if (!isShared && !isApi)
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
  }
}

/// What every processor of the variants' architecture has; this machine's, if all
/// are for devices.
static Target hostOf(ArrayRef<ModelVariant> variants) {
  for (const ModelVariant &variant : variants)
    if (variant.target.kind() == TargetKind::Cpu)
      return variant.target.baseline();
  return Target::host().baseline();
}

namespace {
/// The objects of all variants of a model, and the one that describes them.
class ModelCode {
public:
  ModelCode(ArrayRef<ModelVariant> variants, llvm::StringRef name, uint64_t fingerprint, unsigned threads)
      : variants(variants), name(name), fingerprint(fingerprint), threads(threads), host(hostOf(variants)) {}
  FailureOr<std::vector<std::unique_ptr<llvm::MemoryBuffer>>> emit(std::string *ptx);

private:
  LogicalResult start(const ModelVariant &variant);
  static LogicalResult extractDevice(const ModelVariant &variant, DeviceCode &device);
  LogicalResult describe();

  ArrayRef<ModelVariant> variants;
  llvm::StringRef name;
  uint64_t fingerprint;
  unsigned threads;
  Target host; ///< For the launch programs of devices, and the description.
  const llvm::Target *backend = nullptr;
  std::optional<llvm::DefaultThreadPool> pool;
  std::vector<std::unique_ptr<UnitCode>> codes;
  std::vector<DescribedVariant> described;
  std::vector<size_t> ends; ///< Of each variant's units in `codes`.
};
} // namespace

/// Takes the functions that run on the device out of the module.
LogicalResult ModelCode::extractDevice(const ModelVariant &variant, DeviceCode &device) {
  FailureOr<DeviceCode> code = emitPtx(variant);
  if (failed(code))
    return failure();
  device = std::move(*code);
  ModuleOp module = variant.module;
  for (auto kernel : module.getOps<kernel::EntryOp>())
    for (auto phase : kernel.getPhases().getAsRange<kernel::PhaseAttr>())
      if (kernel.isOnDevice())
        module.lookupSymbol(phase.getBody())->erase();
  // Their bodies, and what only these used.
  DenseSet<StringAttr> bodies;
  for (auto kernel : module.getOps<kernel::EntryOp>())
    if (!kernel.isOnDevice())
      for (auto phase : kernel.getPhases().getAsRange<kernel::PhaseAttr>())
        if (auto uses = SymbolTable::getSymbolUses(module.lookupSymbol(phase.getBody())))
          for (const SymbolTable::SymbolUse &use : *uses)
            bodies.insert(use.getSymbolRef().getRootReference());
  for (auto function : llvm::make_early_inc_range(module.getOps<LLVM::LLVMFuncOp>()))
    if (function.getSymName().starts_with("kernel.") && !bodies.contains(function.getSymNameAttr()))
      function.erase();
  for (auto global : llvm::make_early_inc_range(module.getOps<LLVM::GlobalOp>()))
    if (global.getAddrSpace() != 0)
      global.erase();
  return success();
}

/// Translates a variant. Translation reads the one MLIR context, so this thread
/// does it while the others compile what is translated.
LogicalResult ModelCode::start(const ModelVariant &variant) {
  ModuleOp module = variant.module;
  bool isDevice = variant.target.kind() == TargetKind::Gpu;
  const Target &target = isDevice ? host : variant.target;
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(*backend, target);
  DeviceCode device;
  if (isDevice && failed(extractDevice(variant, device)))
    return failure();
  CodeUnits units = divideIntoUnits(module);
  // A program may hold several models, and a model several variants.
  std::string prefix = symbolName("lathe_code_", name) + ".";
  if (variants.size() > 1)
    prefix += symbolName("", variant.target.name()) + ".";
  DescribedVariant &entry =
      described.emplace_back(DescribedVariant{module, variant.target, prefix, {}, 0, std::move(device)});
  llvm::StringSet<> wanted = describedFunctions(module);
  for (CodeUnit &unit : units.units)
    for (auto function : unit.module->getOps<LLVM::LLVMFuncOp>())
      if (!function.isExternal() && wanted.contains(function.getName())) {
        entry.functions.insert(function.getName());
        units.shared.insert(function.getName());
      }
  for (CodeUnit &unit : units.units) {
    UnitCode &made = *codes.emplace_back(std::make_unique<UnitCode>());
    made.isLoops = unit.isLoops;
    made.code = translateModuleToLLVMIR(*unit.module, made.context, name);
    if (!made.code)
      return module.emitError("internal: translation to LLVM IR failed [codegen-translate]");
    unit.module = nullptr;
    made.code->setTargetTriple(machine->getTargetTriple());
    made.code->setDataLayout(machine->createDataLayout());
    finishFunctions(*made.code, units.shared, prefix, target);
    if (pool)
      pool->async([&made, &target, this] { made.compile(*backend, target); });
    else
      made.compile(*backend, target);
  }
  ends.push_back(codes.size());
  return success();
}

/// The object that describes the model; every machine that can load it can read
/// it and call its query function.
LogicalResult ModelCode::describe() {
  size_t begin = 0;
  for (auto [entry, end] : llvm::zip_equal(described, ends))
    for (; begin < end; ++begin) {
      if (!codes[begin]->error.empty())
        return entry.module.emitError(codes[begin]->error);
      entry.codeBytes += codes[begin]->bytes.size();
    }
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(*backend, host);
  auto made = std::make_unique<UnitCode>();
  made->code = std::make_unique<llvm::Module>(name, made->context);
  made->code->setTargetTriple(machine->getTargetTriple());
  made->code->setDataLayout(machine->createDataLayout());
  addDescriptors(*made->code, described, name, fingerprint);
  finishFunctions(*made->code, {}, "", host);
  made->compile(*backend, host);
  if (!made->error.empty())
    return described.front().module.emitError(made->error);
  codes.insert(codes.begin(), std::move(made));
  return success();
}

FailureOr<std::vector<std::unique_ptr<llvm::MemoryBuffer>>> ModelCode::emit(std::string *ptx) {
  backend = findBackend(variants.front().module, host);
  if (!backend)
    return failure();
  if (threads != 1)
    pool.emplace(llvm::hardware_concurrency(threads));
  LogicalResult started = success();
  for (const ModelVariant &variant : variants)
    if (succeeded(started))
      started = start(variant);
  if (pool)
    pool->wait();
  if (failed(started) || failed(describe()))
    return failure();
  if (ptx)
    *ptx = described.front().device.ptx;
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> objects;
  for (std::unique_ptr<UnitCode> &made : codes)
    objects.push_back(std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(made->bytes), (name + ".o").str(),
                                                                      /*RequiresNullTerminator=*/false));
  return objects;
}

FailureOr<std::vector<std::unique_ptr<llvm::MemoryBuffer>>> emitObjects(ArrayRef<ModelVariant> variants,
                                                                        llvm::StringRef name, uint64_t fingerprint,
                                                                        unsigned threads, std::string *ptx) {
  return ModelCode(variants, name, fingerprint, threads).emit(ptx);
}

} // namespace lathe
