// lib/Import/ONNX/OpTable.h: which ONNX operators are imported, by which
// function.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_OPTABLE_H
#define LATHE_LIB_IMPORT_ONNX_OPTABLE_H

#include "Import/Core/OpTable.h"

namespace lathe::onnx_import {

using namespace importer;

/// The table of all families.
const OpTable &getOpTable();

void registerElementwiseOps(OpTable &ops);
void registerAttentionOps(OpTable &ops);
void registerContractionOps(OpTable &ops);
void registerControlOps(OpTable &ops);
void registerConvolutionOps(OpTable &ops);
void registerDeformConv(OpTable &ops);
void registerDeterminant(OpTable &ops);
void registerEinsum(OpTable &ops);
void registerEncoders(OpTable &ops);
void registerFlexAttention(OpTable &ops);
void registerImageOps(OpTable &ops);
void registerLossOps(OpTable &ops);
void registerMachineLearningOps(OpTable &ops);
void registerMaps(OpTable &ops);
void registerOptimizers(OpTable &ops);
void registerPoolingOps(OpTable &ops);
void registerNormalizationOps(OpTable &ops);
void registerRandomOps(OpTable &ops);
void registerRecurrenceOps(OpTable &ops);
void registerRecurrentOps(OpTable &ops);
void registerReductionOps(OpTable &ops);
void registerRegionPooling(OpTable &ops);
void registerCropAndResize(OpTable &ops);
void registerSequenceOps(OpTable &ops);
void registerShapeOps(OpTable &ops);
void registerSliceOps(OpTable &ops);
void registerIndexingOps(OpTable &ops);
void registerSelectionOps(OpTable &ops);
void registerResizeOps(OpTable &ops);
void registerSamplingOps(OpTable &ops);
void registerSupportVectors(OpTable &ops);
void registerTextFeatures(OpTable &ops);
void registerTreeEnsembles(OpTable &ops);
void registerUnpoolingOps(OpTable &ops);
void registerMicrosoftAttentionOps(OpTable &ops);
void registerMicrosoftNormalizationOps(OpTable &ops);
void registerMicrosoftOps(OpTable &ops);
void registerBlockQuantizedOps(OpTable &ops);
void registerBlockedLayoutOps(OpTable &ops);
void registerGroupQueryAttentionOps(OpTable &ops);
void registerMicrosoftQuantizedOps(OpTable &ops);
void registerQuantizationOps(OpTable &ops);
void registerSignalOps(OpTable &ops);
void registerTextOps(OpTable &ops);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_OPTABLE_H
