// lib/Import/ONNX/OpTable.cpp: which ONNX operators are imported, by which
// function.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "OpTable.h"

#include "lathe/Import/ONNX.h"

using namespace lathe;
using namespace lathe::onnx_import;

const OpTable &onnx_import::getOpTable() {
  static const OpTable table = [] {
    OpTable ops;
    registerElementwiseOps(ops);
    registerAttentionOps(ops);
    registerContractionOps(ops);
    registerEinsum(ops);
    registerLossOps(ops);
    registerConvolutionOps(ops);
    registerPoolingOps(ops);
    registerUnpoolingOps(ops);
    registerNormalizationOps(ops);
    registerReductionOps(ops);
    registerShapeOps(ops);
    registerSliceOps(ops);
    registerIndexingOps(ops);
    registerSelectionOps(ops);
    registerResizeOps(ops);
    registerQuantizationOps(ops);
    registerSamplingOps(ops);
    registerSignalOps(ops);
    registerTextOps(ops);
    registerRecurrentOps(ops);
    registerSequenceOps(ops);
    registerControlOps(ops);
    registerRecurrenceOps(ops);
    registerFlexAttention(ops);
    registerOptimizers(ops);
    registerDeterminant(ops);
    registerMachineLearningOps(ops);
    registerTextFeatures(ops);
    registerRandomOps(ops);
    registerDeformConv(ops);
    registerRegionPooling(ops);
    registerCropAndResize(ops);
    registerImageOps(ops);
    registerEncoders(ops);
    registerSupportVectors(ops);
    registerTreeEnsembles(ops);
    registerMaps(ops);
    registerMicrosoftAttentionOps(ops);
    registerMicrosoftNormalizationOps(ops);
    registerMicrosoftOps(ops);
    registerBlockQuantizedOps(ops);
    registerBlockedLayoutOps(ops);
    registerGroupQueryAttentionOps(ops);
    registerMicrosoftQuantizedOps(ops);
    return ops;
  }();
  return table;
}

std::vector<SupportedONNXOp> lathe::listSupportedONNXOps() {
  std::vector<SupportedONNXOp> result;
  for (const auto &[key, versions] : getOpTable().rows()) {
    SupportedONNXOp &op = result.emplace_back(SupportedONNXOp{key.domain, key.name, {}});
    for (const auto &[version, row] : versions)
      op.versions.push_back(version);
  }
  return result;
}
