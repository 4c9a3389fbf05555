// lib/Codegen/CPU/EmitObject.cpp: LLVM's optimizer and code generator, set up for one target, on several threads.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CodeUnits.h"
#include "Descriptors.h"
#include "lathe/Codegen/Codegen.h"
#include "lathe/Target/Target.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;

namespace lathe {

static std::string symbolName(llvm::StringRef prefix, llvm::StringRef name) {
  std::string result = prefix.str();
  for (char c : name)
    result += llvm::isAlnum(c) ? c : '_';
  return result;
}

std::string querySymbol(llvm::StringRef name) { return symbolName("lathe_query_", name); }
std::string descriptorSymbol(llvm::StringRef name) { return symbolName("lathe_module_", name); }
std::string weightsSymbol(llvm::StringRef name) { return symbolName("lathe_weights_", name); }

static const llvm::Target *findBackend(ModuleOp module, const Target &target) {
  static bool initialized = [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers();
    return true;
  }();
  (void)initialized;
  std::string message;
  llvm::Triple triple(target.llvmTriple());
  const llvm::Target *backend = llvm::TargetRegistry::lookupTarget(triple, message);
  if (!backend)
    module.emitError() << "LLVM has no code generator for '" << triple.str() << "': " << message
                       << " [codegen-no-backend]";
  return backend;
}

static std::unique_ptr<llvm::TargetMachine> createTargetMachine(const llvm::Target &backend, const Target &target) {
  return std::unique_ptr<llvm::TargetMachine>(backend.createTargetMachine(
      llvm::Triple(target.llvmTriple()), /*CPU=*/"", target.llvmFeatures(), llvm::TargetOptions(), llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Default));
}

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
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  // Other kernels are in vectors already, and as unrolled as their strategy wants.
  tuning.LoopVectorization = tuning.LoopInterleaving = tuning.LoopUnrolling = isLoops;
  tuning.SLPVectorization = false; // Kernels are loops; it only costs time.
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(*code, modules);
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

/// Sets what the functions of a unit need for `target`, and who sees them: what
/// other units call is known to the model's objects alone.
static void finishFunctions(llvm::Module &code, const CodeUnits &units, llvm::StringRef name, const Target &target) {
  std::string width = std::to_string(target.vectorUnit().bits), prefix = symbolName("lathe_code_", name) + ".";
  for (llvm::Function &function : code) {
    bool isShared = units.shared.contains(function.getName());
    if (isShared) {
      // A program may hold several models.
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
    if (!isShared && !function.getName().starts_with("lathe_query_"))
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
  }
}

FailureOr<std::vector<std::unique_ptr<llvm::MemoryBuffer>>> emitObjects(ModuleOp module, llvm::StringRef name,
                                                                        const Target &target, unsigned threads) {
  const llvm::Target *backend = findBackend(module, target);
  if (!backend)
    return failure();
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(*backend, target);
  CodeUnits units = divideIntoUnits(module);
  std::vector<std::unique_ptr<UnitCode>> codes;
  {
    // Translation reads the one MLIR context, so this thread does it while
    // the others compile what is translated.
    std::optional<llvm::DefaultThreadPool> pool;
    if (threads != 1)
      pool.emplace(llvm::hardware_concurrency(threads));
    for (CodeUnit &unit : units.units) {
      UnitCode &made = *codes.emplace_back(std::make_unique<UnitCode>());
      made.isLoops = unit.isLoops;
      made.code = translateModuleToLLVMIR(*unit.module, made.context, name);
      if (!made.code)
        return module.emitError("internal: translation to LLVM IR failed [codegen-translate]");
      unit.module = nullptr;
      made.code->setTargetTriple(machine->getTargetTriple());
      made.code->setDataLayout(machine->createDataLayout());
      if (unit.isHost)
        addDescriptors(*made.code, module, name, target.str());
      finishFunctions(*made.code, units, name, target);
      if (pool)
        pool->async([&made, backend, &target] { made.compile(*backend, target); });
      else
        made.compile(*backend, target);
    }
  } // Joins.
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> objects;
  for (std::unique_ptr<UnitCode> &made : codes) {
    if (!made->error.empty())
      return module.emitError(made->error);
    objects.push_back(std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(made->bytes), (name + ".o").str(),
                                                                      /*RequiresNullTerminator=*/false));
  }
  return objects;
}

} // namespace lathe
