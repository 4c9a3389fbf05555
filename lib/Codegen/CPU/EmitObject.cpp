// lib/Codegen/CPU/EmitObject.cpp: LLVM's optimizer and code generator, set up for one target, on several threads.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../Backend.h"
#include "../GPU/Assemble.h"
#include "CodeUnits.h"
#include "Descriptors.h"
#include "SoftHalf.h"
#include "dialects/Device/Device.h"
#include "lathe/Codegen/Codegen.h"
#include "lathe/Codegen/KernelCache.h"
#include "lathe/Target/Target.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SHA256.h"
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
  std::string title; ///< Of the unit.
  std::string key;   ///< In the cache; empty: the code is the model's own.
  bool isFound = false;
  llvm::SmallVector<char, 0> bytes;
  std::string error; ///< With its id; empty if all went well.

  void compile(const llvm::Target &backend, const Target &target);
  void optimize(llvm::TargetMachine &machine);
  void nameByContent(ArrayRef<std::string> shared, const Target &target, llvm::StringMap<std::string> &symbols);
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
  if (needsSoftHalf(target))
    expandHalf(*code);
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

/// Booleans are bytes in memory: LLVM vectorizes loads and stores of bytes, but none of single bits.
/// And bf16 is in memory what it is computed as, an integer: LLVM would choose between two of them in f32 and call a
/// library function, which is not there, to make one of bf16 again.
static void moveAsIntegers(llvm::Function &function) {
  llvm::IRBuilder<> builder(function.getContext());
  for (llvm::Instruction &op : llvm::make_early_inc_range(llvm::instructions(function))) {
    builder.SetInsertPoint(&op);
    auto *load = llvm::dyn_cast<llvm::LoadInst>(&op);
    auto *store = llvm::dyn_cast<llvm::StoreInst>(&op);
    if (load && load->isSimple() && load->getType()->isIntegerTy(1)) {
      auto *byte = builder.CreateAlignedLoad(builder.getInt8Ty(), load->getPointerOperand(), load->getAlign());
      byte->setAAMetadata(load->getAAMetadata());
      load->replaceAllUsesWith(builder.CreateTrunc(byte, load->getType()));
    } else if (store && store->isSimple() && store->getValueOperand()->getType()->isIntegerTy(1)) {
      llvm::Value *byte = builder.CreateZExt(store->getValueOperand(), builder.getInt8Ty());
      builder.CreateAlignedStore(byte, store->getPointerOperand(), store->getAlign())
          ->setAAMetadata(store->getAAMetadata());
    } else if (load && load->isSimple() && load->getType()->isBFloatTy()) {
      auto *bits = builder.CreateAlignedLoad(builder.getInt16Ty(), load->getPointerOperand(), load->getAlign());
      bits->setAAMetadata(load->getAAMetadata());
      load->replaceAllUsesWith(builder.CreateBitCast(bits, load->getType()));
    } else if (store && store->isSimple() && store->getValueOperand()->getType()->isBFloatTy()) {
      llvm::Value *bits = builder.CreateBitCast(store->getValueOperand(), builder.getInt16Ty());
      builder.CreateAlignedStore(bits, store->getPointerOperand(), store->getAlign())
          ->setAAMetadata(store->getAAMetadata());
    } else {
      continue;
    }
    op.eraseFromParent();
  }
}

/// Sets what the functions of a unit need for `target`, and who sees them: those
/// that other units and the description use are known to the model's objects
/// alone, by the names that `symbols` has for them.
static void finishFunctions(llvm::Module &code, const llvm::StringMap<std::string> &symbols, const Target &target) {
  std::string width = std::to_string(target.vectorUnit().bits);
  for (llvm::Function &function : llvm::make_early_inc_range(code)) {
    auto symbol = symbols.find(function.getName());
    bool isShared = symbol != symbols.end();
    // Kernels of the same code have one symbol.
    if (llvm::Function *same = isShared ? code.getFunction(symbol->second) : nullptr) {
      function.replaceAllUsesWith(same);
      function.eraseFromParent();
      continue;
    }
    if (isShared) {
      function.setName(symbol->second);
      function.setVisibility(llvm::GlobalValue::HiddenVisibility);
      function.setDSOLocal(true);
    }
    if (function.isDeclaration())
      continue;
    moveAsIntegers(function);
    function.addFnAttr("target-features", target.llvmFeatures());
    // Some processors make the vectorizer prefer half the width they have.
    function.addFnAttr("prefer-vector-width", width);
    function.addFnAttr(llvm::Attribute::NoUnwind);
    if (!isShared && !isCalledByName(function.getName()))
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
  ModelCode(ArrayRef<ModelVariant> variants, llvm::StringRef name, uint64_t fingerprint, unsigned threads,
            MayTake mayTake, KernelCache *cache)
      : variants(variants), name(name), fingerprint(fingerprint), threads(threads), mayTake(mayTake), cache(cache),
        host(hostOf(variants)) {}
  FailureOr<std::vector<std::unique_ptr<llvm::MemoryBuffer>>> emit(std::string *ptx);

private:
  LogicalResult start(const ModelVariant &variant);
  LogicalResult translate(CodeUnit &unit, const Target &target, llvm::StringMap<std::string> &symbols);
  static LogicalResult extractDevice(const ModelVariant &variant, DeviceCode &device);
  LogicalResult describe();

  ArrayRef<ModelVariant> variants;
  llvm::StringRef name;
  uint64_t fingerprint;
  unsigned threads;
  MayTake mayTake;
  KernelCache *cache; ///< Null: none.
  Target host;        ///< For the launch programs of devices, and the description.
  const llvm::Target *backend = nullptr;
  std::optional<llvm::DefaultThreadPool> pool;
  std::vector<std::unique_ptr<UnitCode>> codes;
  llvm::StringSet<> keys; ///< Of the units in `codes`.
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
  assemble(module, variant.target.gpu()->name, device);
  for (auto body : llvm::make_early_inc_range(module.getOps<device::BodyOp>()))
    body.erase();
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

/// Gives the functions of a unit that is alone names that follow from its title and its code,
/// so that profilers show what they are and models share it, in the cache and in a program that holds several of
/// them. `symbols` gets the new names of those called `shared`.
void UnitCode::nameByContent(ArrayRef<std::string> shared, const Target &target,
                             llvm::StringMap<std::string> &symbols) {
  code->setModuleIdentifier("kernel");
  code->setSourceFileName("kernel");
  SmallVector<llvm::Function *> functions;
  for (const std::string &name : shared)
    functions.push_back(code->getFunction(symbols[name]));
  unsigned count = 0;
  for (llvm::Function &function : *code)
    if (!function.isDeclaration())
      function.setName("lathe.kernel." + llvm::Twine(count++));
  for (llvm::GlobalVariable &global : code->globals())
    if (global.hasLocalLinkage())
      global.setName("lathe.data." + llvm::Twine(count++));
  std::string text = "3 " LLVM_VERSION_STRING " " + target.str() + (isLoops ? " loops " : " ") + title + " ";
  llvm::raw_string_ostream stream(text);
  llvm::WriteBitcodeToFile(*code, stream);
  llvm::SHA256 digest;
  digest.update(text);
  key = llvm::toHex(digest.final(), /*LowerCase=*/true);
  for (auto [i, function, name] : llvm::enumerate(functions, shared)) {
    function->setName("lathe_kernel." + title + "." + key.substr(0, 32) + "." + std::to_string(i));
    // The same code by the same name may be in several models of a program.
    function->setLinkage(llvm::GlobalValue::WeakODRLinkage);
    symbols[name] = function->getName().str();
  }
}

/// Translates a unit and has it compiled, if that was not done before.
LogicalResult ModelCode::translate(CodeUnit &unit, const Target &target, llvm::StringMap<std::string> &symbols) {
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(*backend, target);
  auto made = std::make_unique<UnitCode>();
  made->isLoops = unit.isLoops;
  made->title = unit.title;
  made->code = translateModuleToLLVMIR(*unit.module, made->context, name);
  if (!made->code)
    return failure();
  SmallVector<std::string> shared;
  for (auto function : unit.module->getOps<LLVM::LLVMFuncOp>())
    if (!function.isExternal() && symbols.contains(function.getSymName()))
      shared.push_back(function.getSymName().str());
  unit.module = nullptr;
  made->code->setTargetTriple(machine->getTargetTriple());
  made->code->setDataLayout(machine->createDataLayout());
  finishFunctions(*made->code, symbols, target);
  if (unit.isAlone) {
    made->nameByContent(shared, target, symbols);
    if (!keys.insert(made->key).second)
      return success();
  }
  UnitCode &added = *codes.emplace_back(std::move(made));
  if (cache && !added.key.empty())
    if (std::unique_ptr<llvm::MemoryBuffer> object = cache->find(added.key)) {
      added.bytes.assign(object->getBufferStart(), object->getBufferEnd());
      added.isFound = true;
      added.code.reset();
      return success();
    }
  auto compile = [&added, &target, this] {
    if (mayTake(0))
      added.compile(*backend, target);
  };
  if (pool)
    pool->async(compile);
  else
    compile();
  return success();
}

/// Translates a variant. Translation reads the one MLIR context, so this thread
/// does it while the others compile what is translated.
LogicalResult ModelCode::start(const ModelVariant &variant) {
  ModuleOp module = variant.module;
  bool isDevice = variant.target.kind() == TargetKind::Gpu;
  const Target &target = isDevice ? host : variant.target;
  DeviceCode device;
  if (isDevice && failed(extractDevice(variant, device)))
    return failure();
  CodeUnits units = divideIntoUnits(module);
  // A program may hold several models, and a model several variants.
  std::string prefix = symbolName("lathe_code_", name) + ".";
  if (variants.size() > 1)
    prefix += symbolName("", variant.target.name()) + ".";
  llvm::StringMap<std::string> symbols;
  llvm::StringSet<> wanted = describedFunctions(module);
  SmallVector<std::string> found;
  for (CodeUnit &unit : units.units)
    for (auto function : unit.module->getOps<LLVM::LLVMFuncOp>())
      if (!function.isExternal() && wanted.contains(function.getName())) {
        found.push_back(function.getName().str());
        units.shared.insert(function.getName());
      }
  for (const auto &function : units.shared)
    symbols[function.getKey()] = prefix + function.getKey().str();
  for (CodeUnit &unit : units.units)
    if (failed(translate(unit, target, symbols)))
      return module.emitError("internal: translation to LLVM IR failed [codegen-translate]");
  DescribedVariant &entry = described.emplace_back(DescribedVariant{module, variant.target, {}, 0, std::move(device)});
  for (const std::string &function : found)
    entry.functions[function] = symbols[function];
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
      if (cache && !codes[begin]->key.empty() && !codes[begin]->isFound)
        cache->keep(codes[begin]->key, StringRef(codes[begin]->bytes.data(), codes[begin]->bytes.size()));
    }
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(*backend, host);
  auto made = std::make_unique<UnitCode>();
  made->code = std::make_unique<llvm::Module>(name, made->context);
  made->code->setTargetTriple(machine->getTargetTriple());
  made->code->setDataLayout(machine->createDataLayout());
  addDescriptors(*made->code, described, name, fingerprint);
  finishFunctions(*made->code, {}, host);
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
    if (failed(verifyDescriptions(variant.module)))
      return failure();
  for (const ModelVariant &variant : variants)
    if (succeeded(started))
      started = start(variant);
  if (pool)
    pool->wait();
  if (!mayTake(0) || failed(started) || failed(describe()))
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
                                                                        unsigned threads, MayTake mayTake,
                                                                        std::string *ptx, KernelCache *cache) {
  return ModelCode(variants, name, fingerprint, threads, mayTake, cache).emit(ptx);
}

} // namespace lathe
