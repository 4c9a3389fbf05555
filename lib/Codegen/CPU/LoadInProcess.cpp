// lib/Codegen/CPU/LoadInProcess.cpp: the object that a file would hold, linked into this process.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CodeListeners.h"
#include "lathe/Codegen/Codegen.h"
#include "lathe/Support/Diagnostics.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/TargetSelect.h"

using namespace llvm;

namespace lathe {

namespace {
class JitModel final : public LoadedModel {
public:
  JitModel(std::unique_ptr<orc::LLJIT> jit, const lathe_module_desc *found) : jit(std::move(jit)), found(found) {}
  const lathe_module_desc *desc() const override { return found; }

private:
  std::unique_ptr<orc::LLJIT> jit;
  const lathe_module_desc *found;
};
} // namespace

std::unique_ptr<LoadedModel> loadInProcess(const CompiledModel &model, Diagnostics &diagnostics) {
  auto fail = [&](Error error) -> std::unique_ptr<LoadedModel> {
    diagnostics.error("jit-link", model.name,
                      "internal: linking into this process failed: " + toString(std::move(error)));
    return nullptr;
  };
  static bool initialized = !InitializeNativeTarget() && !InitializeNativeTargetAsmPrinter();
  (void)initialized;
  auto jit = orc::LLJITBuilder().create();
  if (!jit)
    return fail(jit.takeError());
  if (Error error = addCodeListeners(**jit))
    return fail(std::move(error));
  orc::JITDylib &library = (*jit)->getMainJITDylib();
  // libm and libc come from this process.
  auto process = orc::DynamicLibrarySearchGenerator::GetForCurrentProcess((*jit)->getDataLayout().getGlobalPrefix());
  if (!process)
    return fail(process.takeError());
  library.addGenerator(std::move(*process));
  orc::SymbolMap weights;
  weights[(*jit)->mangleAndIntern(weightsSymbol(model.name))] = {
      orc::ExecutorAddr::fromPtr(model.weights ? model.weights->getBufferStart() : nullptr), JITSymbolFlags::Exported};
  if (Error error = library.define(orc::absoluteSymbols(std::move(weights))))
    return fail(std::move(error));
  for (const auto &object : model.objects) {
    auto view = MemoryBuffer::getMemBuffer(object->getMemBufferRef(), /*RequiresNullTerminator=*/false);
    if (Error error = (*jit)->addObjectFile(std::move(view)))
      return fail(std::move(error));
  }
  auto symbol = (*jit)->lookup(descriptorSymbol(model.name));
  if (!symbol)
    return fail(symbol.takeError());
  const auto *desc = symbol->toPtr<const lathe_module_desc *>();
  if (desc->abi_version != LATHE_ABI_VERSION) {
    diagnostics
        .error("artifact-wrong-version", model.name,
               "has version " + Twine(desc->abi_version) + " of the module ABI, but this is version " +
                   Twine(LATHE_ABI_VERSION))
        .note("compile the model again with this version of Lathe");
    return nullptr;
  }
  return std::make_unique<JitModel>(std::move(*jit), desc);
}

} // namespace lathe
