// lib/Codegen/Backend.cpp: LLVM's optimizer and code generator, set up for one target.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Backend.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;

namespace lathe {

/// Where a loop of one block has more constants than there are registers, the allocator splits their live ranges around
/// the loop and moves all of them in turn in each iteration, where reading one from memory is free. There is no
/// attribute for it: the option is the process's (docs/decisions/0104-constants-in-short-loops.md).
static void keepConstantsInMemory() {
  llvm::cl::Option *budget = llvm::cl::getRegisteredOptions().lookup("grow-region-complexity-budget");
  if (budget && budget->getNumOccurrences() == 0)
    (void)budget->addOccurrence(0, budget->ArgStr, "0");
}

/// Of the architectures that targets are for: all of LLVM's would be half of a program that is
/// linked statically.
static bool initializeBackends() {
#define LATHE_BACKEND(NAME)                                                                                            \
  LLVMInitialize##NAME##TargetInfo();                                                                                  \
  LLVMInitialize##NAME##Target();                                                                                      \
  LLVMInitialize##NAME##TargetMC();                                                                                    \
  LLVMInitialize##NAME##AsmPrinter();
  LATHE_BACKEND(X86)
  LATHE_BACKEND(AArch64)
  LATHE_BACKEND(RISCV)
  LATHE_BACKEND(NVPTX)
#undef LATHE_BACKEND
  LLVMInitializeX86AsmParser();
  LLVMInitializeAArch64AsmParser();
  LLVMInitializeRISCVAsmParser();
  keepConstantsInMemory();
  return true;
}

const llvm::Target *findBackend(ModuleOp module, const Target &target) {
  static bool initialized = initializeBackends();
  (void)initialized;
  std::string message;
  llvm::Triple triple(target.llvmTriple());
  const llvm::Target *backend = llvm::TargetRegistry::lookupTarget(triple, message);
  if (!backend)
    module.emitError() << "LLVM has no code generator for '" << triple.str() << "': " << message
                       << " [codegen-no-backend]";
  return backend;
}

std::unique_ptr<llvm::TargetMachine> createTargetMachine(const llvm::Target &backend, const Target &target) {
  llvm::TargetOptions options;
  options.MCOptions.ABIName = target.llvmAbi();
  return std::unique_ptr<llvm::TargetMachine>(
      backend.createTargetMachine(llvm::Triple(target.llvmTriple()), target.llvmCpu(), target.llvmFeatures(), options,
                                  llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Default));
}

void optimizeModule(llvm::Module &code, llvm::TargetMachine &machine, llvm::PipelineTuningOptions tuning) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(code, modules);
}

} // namespace lathe
