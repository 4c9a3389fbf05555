// lib/Codegen/CPU/EmitObject.cpp: LLVM's optimizer and code generator, set up for one target.

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

static std::unique_ptr<llvm::TargetMachine> createTargetMachine(ModuleOp module, const Target &target) {
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
  if (!backend) {
    module.emitError() << "LLVM has no code generator for '" << triple.str() << "': " << message
                       << " [codegen-no-backend]";
    return nullptr;
  }
  llvm::TargetOptions options;
  return std::unique_ptr<llvm::TargetMachine>(backend->createTargetMachine(triple, /*CPU=*/"", target.llvmFeatures(),
                                                                           options, llvm::Reloc::PIC_, std::nullopt,
                                                                           llvm::CodeGenOptLevel::Default));
}

static void optimize(llvm::Module &code, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = true;
  tuning.SLPVectorization = false; // Kernels are loops; it only costs time.
  tuning.LoopInterleaving = true;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(code, modules);
}

FailureOr<std::unique_ptr<llvm::MemoryBuffer>> emitObject(ModuleOp module, llvm::StringRef name, const Target &target,
                                                          unsigned threads) {
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(module, target);
  if (!machine)
    return failure();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = translateModuleToLLVMIR(module, context, name);
  if (!code)
    return module.emitError("internal: translation to LLVM IR failed [codegen-translate]");
  code->setTargetTriple(machine->getTargetTriple());
  code->setDataLayout(machine->createDataLayout());
  addDescriptors(*code, module, name, target.str());
  std::string width = std::to_string(target.vectorUnit().bits);
  for (llvm::Function &function : *code) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-features", target.llvmFeatures());
    // Some processors make the vectorizer prefer half the width they have.
    function.addFnAttr("prefer-vector-width", width);
    function.addFnAttr(llvm::Attribute::NoUnwind);
    if (!function.getName().starts_with("lathe_query_"))
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
  }
  std::string message;
  llvm::raw_string_ostream stream(message);
  if (llvm::verifyModule(*code, &stream))
    return module.emitError() << "internal: invalid LLVM IR: " << message << " [codegen-verify]";
  optimize(*code, *machine);

  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream output(bytes);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, output, nullptr, llvm::CodeGenFileType::ObjectFile))
    return module.emitError("internal: the target cannot write object files [codegen-no-object]");
  passes.run(*code);
  return std::unique_ptr<llvm::MemoryBuffer>(std::make_unique<llvm::SmallVectorMemoryBuffer>(
      std::move(bytes), (name + ".o").str(), /*RequiresNullTerminator=*/false));
}

} // namespace lathe
