// lib/Pipeline/Phases.cpp: which passes a phase runs, and why in this order.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Phases.h"
#include "lathe/Conversion/Buffers.h"
#include "lathe/Conversion/GraphToLinalg.h"
#include "lathe/Conversion/ReshapeToReinterpretCast.h"
#include "lathe/Conversion/TileToThreads.h"
#include "lathe/Conversion/TileToVector.h"
#include "lathe/Strategies/Passes.h"
#include "lathe/Transforms/Kernel/Passes.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace lathe {

void buildOptimizePhase(OpPassManager &manager, const PipelineOptions &options) {
  graph::InferShapesPassOptions shapes;
  shapes.dims.assign(options.dims.begin(), options.dims.end());
  shapes.elsewhere.assign(options.dimNames.begin(), options.dimNames.end());
  // A model that was read has none left: its limits count what its calls stand for.
  manager.addPass(graph::createInlineCallsPass());
  manager.addNestedPass<func::FuncOp>(graph::createInferShapesPass(shapes));
  manager.addNestedPass<func::FuncOp>(graph::createStoreElementsPass());
  manager.addNestedPass<func::FuncOp>(graph::createDecomposeRecurrentPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  if (!options.isEvaluator) {
    // While transposes are where the model has them.
    if (options.formAttention) {
      manager.addNestedPass<func::FuncOp>(graph::createFormAttentionPass());
      manager.addPass(createCanonicalizerPass());
    }
    // Before constants fold, among them the bytes that are widened.
    manager.addNestedPass<func::FuncOp>(graph::createFormIntegerProductsPass());
    // What is left: products whose weights alone are quantized.
    if (options.keepWeightCodes)
      manager.addNestedPass<func::FuncOp>(graph::createKeepWeightCodesPass());
    // Scales fold while channels are still in dim 1, where ONNX has them.
    manager.addNestedPass<func::FuncOp>(graph::createFoldScaleIntoConvPass());
    manager.addNestedPass<func::FuncOp>(graph::createMultiplyInBF16Pass({options.keepFiltered}));
  }
  // Before layouts: of short windows, that is the operand's.
  manager.addNestedPass<func::FuncOp>(graph::createSplitPoolsPass());
  manager.addNestedPass<func::FuncOp>(graph::createAssignLayoutsPass());
  manager.addNestedPass<func::FuncOp>(graph::createDecomposeConvTransposePass());
  manager.addNestedPass<func::FuncOp>(graph::createMaterializePaddingPass());
  manager.addNestedPass<func::FuncOp>(graph::createSplitResamplingPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  if (!options.isEvaluator) {
    // After layouts, so that transposed constants are computed too.
    manager.addNestedPass<func::FuncOp>(graph::createFoldConstantsPass(options.evaluator, options.foldedBytes));
    manager.addPass(createCanonicalizerPass());
    manager.addPass(createCSEPass());
  }
}

void buildPartitionPhase(OpPassManager &manager, const PipelineOptions &options) {
  manager.addNestedPass<func::FuncOp>(createDecomposeAttentionPass({options.target}));
  manager.addNestedPass<func::FuncOp>(createFormGroupsPass({options.target}));
  manager.addPass(kernel::createOutlineKernelsPass());
  // What moved into kernels as a constant, and what nobody uses.
  manager.addPass(createCSEPass());
  manager.addPass(kernel::createAssignTargetsPass({options.target}));
  manager.addPass(kernel::createDeduplicateKernelsPass());
}

void buildLowerPhase(OpPassManager &manager, const PipelineOptions &options) {
  OpPassManager &kernels = manager.nest<kernel::FuncOp>();
  SelectStrategiesPassOptions selection;
  selection.choices.assign(options.choices.begin(), options.choices.end());
  selection.alternative = options.alternative;
  kernels.addPass(createSelectStrategiesPass(selection));
  // Roots that a strategy takes whole stay graph ops.
  kernels.addPass(createLowerKernelsPass());
  manager.addPass(createCSEPass());
}

void buildSchedulePhase(OpPassManager &manager, const PipelineOptions &) {
  manager.addNestedPass<kernel::FuncOp>(createApplyStrategiesPass());
  manager.addPass(createPackConstantsPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
}

void buildBufferizePhase(OpPassManager &manager, const PipelineOptions &) {
  manager.addNestedPass<kernel::FuncOp>(createFindInplaceOperandsPass());
  // Calls of kernels go first: they refer to kernels on tensors.
  manager.addPass(createConvertGraphToHostPass());
  manager.addPass(createBufferizeKernelsPass());
  manager.addNestedPass<kernel::FuncOp>(createSplitSumsPass());
  // What becomes a phase decides which temporaries several phases share.
  manager.addNestedPass<kernel::FuncOp>(createAssignElementsPass());
  manager.addNestedPass<kernel::FuncOp>(createAssignTasksPass());
  manager.addPass(createCanonicalizerPass());
  // Of the temporaries that are left, some were folded away just now.
  manager.addPass(createPlanTemporariesPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
}

void buildCodegenPhase(OpPassManager &manager, const PipelineOptions &options) {
  // What is nested runs on several functions at once.
  OpPassManager &kernels = manager.nest<kernel::FuncOp>();
  kernels.addPass(createConvertTileToThreadsPass());
  kernels.addPass(createCheckRingsPass());
  kernels.addPass(createConvertTileToVectorPass());
  kernels.addPass(createConvertLinalgToLoopsPass());
  kernels.addPass(createSplitBordersPass());
  kernels.addPass(createSplitTailsPass());
  // Before aliases fold, which would divide the indices of dims that were joined.
  kernels.addPass(createConvertReshapeToReinterpretCastPass());
  kernels.addPass(memref::createFoldMemRefAliasOpsPass());
  manager.addPass(createSplitKernelRangesPass());
  manager.addPass(createExportKernelsPass());
  manager.addPass(createConvertHostToLLVMPass());
  OpPassManager &functions = manager.nest<func::FuncOp>();
  functions.addPass(createLowerMathPass({options.target}));
  functions.addPass(createLowerAffinePass());
  functions.addPass(createConvertReshapeToReinterpretCastPass());
  functions.addPass(memref::createExpandStridedMetadataPass());
  functions.addPass(createLowerAffinePass());
  functions.addPass(createCanonicalizerPass());
  functions.addPass(createCSEPass());
  functions.addPass(createLoopInvariantCodeMotionPass());
  functions.addPass(createSCFToControlFlowPass());
  functions.addPass(createConvertVectorToLLVMPass());
  // These declare functions that kernels call.
  manager.addPass(createFinalizeMemRefToLLVMConversionPass());
  OpPassManager &scalars = manager.nest<func::FuncOp>();
  scalars.addPass(createConvertMathToLLVMPass());
  manager.addPass(createConvertMathToLibmPass());
  manager.addPass(createConvertFuncToLLVMPass());
  manager.addPass(createConvertControlFlowToLLVMPass());
  OpPassManager &rest = manager.nest<LLVM::LLVMFuncOp>();
  // Of instructions of GPUs, those that LLVM knows as text alone.
  rest.addPass(createConvertNVVMToLLVMPass());
  rest.addPass(createArithToLLVMConversionPass());
  rest.addPass(createUBToLLVMConversionPass());
  rest.addPass(createReconcileUnrealizedCastsPass());
}

} // namespace lathe
