// lib/Compiler/EvaluateConstants.cpp: constants are evaluated by compiling them the way a model is.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Compiler/EvaluateConstants.h"
#include "CheckLimits.h"
#include "Implementation.h"
#include "dialects/Kernel/Kernel.h"
#include "lathe-runtime/runtime.h"
#include "lathe/Pipeline/Pipeline.h"
#include "lathe/Target/Target.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace lathe {

LogicalResult evaluateConstants(ModuleOp module, SmallVectorImpl<ElementsAttr> &results, FoldedResources *folded,
                                CompileWatch *watch) {
  Target host = Target::host();
  PipelineOptions options;
  options.target = host.str();
  options.isEvaluator = true;
  module->setAttr(kernel::KernelDialect::strictAttrName, UnitAttr::get(module.getContext()));
  auto main = module.lookupSymbol<func::FuncOp>("main");
  SmallVector<RankedTensorType> types;
  for (Type type : main.getResultTypes())
    types.push_back(cast<RankedTensorType>(type));
  auto goesOn = [&](Phase, bool) { return success(!watch || !watch->isOver()); };
  if (failed(runPhases(module, Phase::Optimize, Phase::Codegen, options, goesOn)))
    return failure();
  CompiledModel model;
  const ModelVariant variant = {module, host};
  if (failed(emitModel(variant, "constants", /*fingerprint=*/0, /*threads=*/1, nullptr, watch, model)))
    return failure();
  Diagnostics diagnostics;
  std::unique_ptr<LoadedModel> loaded = loadInProcess(model, diagnostics);
  lathe_module *handle = nullptr;
  if (!loaded || lathe_module_from_desc(loaded->desc(), &handle) != LATHE_OK)
    return module.emitError() << "internal: constants cannot be evaluated: "
                              << (loaded ? std::string(lathe_last_error()) : diagnostics.text()) << " [fold-constants]";
  auto bytesOf = [](RankedTensorType type) {
    return type.getNumElements() * std::max<int64_t>(8, type.getElementTypeBitWidth()) / 8;
  };
  // Of all of them: memory counts as used when it is written.
  if (watch && !watch->allows(llvm::sum_of(llvm::map_range(types, bytesOf))))
    return failure();
  SmallVector<lathe_tensor> outputs(types.size());
  SmallVector<AsmResourceBlob> blobs;
  for (auto [type, output] : llvm::zip(types, outputs)) {
    memset(&output, 0, sizeof(output));
    AsmResourceBlob blob =
        HeapAsmResourceBlob::allocate(std::max<size_t>(bytesOf(type), 1), LATHE_ALIGNMENT, /*dataIsMutable=*/true);
    output.data = blob.getMutableData().data();
    output.rank = type.getRank();
    const lathe_value_desc &desc = *loaded->desc()->variants[0]->functions[0]->outputs[&output - outputs.begin()];
    output.dtype = static_cast<lathe_dtype>(desc.dtype);
    llvm::copy(type.getShape(), output.dims);
    blobs.push_back(std::move(blob));
  }
  lathe_status status = lathe_module_call(handle, "main", nullptr, 0, outputs.data(), outputs.size());
  std::string message = status == LATHE_OK ? "" : lathe_last_error();
  lathe_module_free(handle);
  if (status != LATHE_OK)
    return module.emitError() << "internal: constants cannot be evaluated: " << message << " [fold-constants]";
  for (auto [type, blob] : llvm::zip(types, blobs)) {
    // Small constants are values that patterns and kernels look at.
    bool isSplat;
    ArrayRef<char> bytes = ArrayRef<char>(blob.getData()).take_front(bytesOf(type));
    if (type.getNumElements() <= 64 && !type.getElementType().isInteger(1) &&
        DenseElementsAttr::isValidRawBuffer(type, bytes, isSplat))
      results.push_back(DenseElementsAttr::getFromRawBuffer(type, bytes));
    else {
      auto resource = DenseResourceElementsAttr::get(type, "folded", std::move(blob));
      if (folded)
        folded->add(resource.getRawHandle());
      results.push_back(resource);
    }
  }
  return success();
}

LogicalResult evaluateConstants(ModuleOp module, SmallVectorImpl<ElementsAttr> &results) {
  return evaluateConstants(module, results, nullptr, nullptr);
}

} // namespace lathe
