// lib/Pipeline/Register.cpp: everything that the phases need to be known in a context.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Device/Device.h"
#include "dialects/Host/Host.h"
#include "dialects/Kernel/Kernel.h"
#include "dialects/Tile/Tile.h"
#include "lathe/Conversion/Buffers.h"
#include "lathe/Conversion/Passes.h"
#include "lathe/Conversion/TileToThreads.h"
#include "lathe/Conversion/TileToVector.h"
#include "lathe/Pipeline/Pipeline.h"
#include "lathe/Strategies/Passes.h"
#include "lathe/Transforms/Kernel/Passes.h"
#include "mlir/Dialect/Affine/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/Dialect/Arith/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/Transforms/FuncBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Linalg/Transforms/AllInterfaces.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/Dialect/SCF/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/Dialect/SCF/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/IR/TensorInferTypeOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/IR/TensorTilingInterfaceImpl.h"
#include "mlir/Dialect/Tensor/IR/ValueBoundsOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"

using namespace mlir;

namespace lathe {

void registerDialects(DialectRegistry &registry) {
  registry.insert<graph::GraphDialect, kernel::KernelDialect, tile::TileDialect, host::HostDialect,
                  device::DeviceDialect>();
  registry.insert<affine::AffineDialect, arith::ArithDialect, bufferization::BufferizationDialect,
                  cf::ControlFlowDialect, DLTIDialect, func::FuncDialect, linalg::LinalgDialect, LLVM::LLVMDialect,
                  math::MathDialect, memref::MemRefDialect, NVVM::NVVMDialect, scf::SCFDialect, tensor::TensorDialect,
                  ub::UBDialect, vector::VectorDialect>();
  registerGraphToLinalgModels(registry);
  arith::registerBufferizableOpInterfaceExternalModels(registry);
  bufferization::func_ext::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerAllDialectInterfaceImplementations(registry);
  scf::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerInferTypeOpInterfaceExternalModels(registry);
  tensor::registerSubsetOpInterfaceExternalModels(registry);
  tensor::registerTilingInterfaceExternalModels(registry);
  vector::registerBufferizableOpInterfaceExternalModels(registry);
  affine::registerValueBoundsOpInterfaceExternalModels(registry);
  arith::registerValueBoundsOpInterfaceExternalModels(registry);
  memref::registerValueBoundsOpInterfaceExternalModels(registry);
  scf::registerValueBoundsOpInterfaceExternalModels(registry);
  tensor::registerValueBoundsOpInterfaceExternalModels(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
}

namespace {
struct PhaseOptions final : PassPipelineOptions<PhaseOptions> {
  Option<std::string> target{*this, "target", llvm::cl::desc("The target string."), llvm::cl::init("host")};
};
} // namespace

void registerPasses(graph::ConstantEvaluator evaluator) {
  // The first registration of a pass counts: this one has its evaluator.
  ::mlir::registerPass([evaluator] { return graph::createFoldConstantsPass(evaluator); });
  graph::registerLatheGraphPasses();
  kernel::registerLatheKernelPasses();
  registerConversionPasses();
  registerTileToThreadsPasses();
  registerTileToVectorPasses();
  registerBuffersPasses();
  registerLatheStrategiesPasses();
  registerLathePipelinePasses();
  for (StringRef name : getPhaseNames()) {
    Phase phase = *parsePhase(name);
    if (phase == Phase::Import || phase == Phase::Emit)
      continue;
    using Registration = PassPipelineRegistration<PhaseOptions>;
    static SmallVector<std::unique_ptr<Registration>> registered;
    registered.push_back(
        std::make_unique<Registration>(("lathe-" + name).str(), ("The passes of phase '" + name + "'.").str(),
                                       [phase, evaluator](OpPassManager &manager, const PhaseOptions &given) {
                                         PipelineOptions options;
                                         options.evaluator = evaluator;
                                         options.target = given.target;
                                         buildPhase(manager, phase, options);
                                       }));
  }
}

} // namespace lathe
