// lib/Import/ONNX/OpTable.h: which ONNX operators are imported, by which
// function.
//
// Names, arity, attributes with their types and defaults, and element types
// come from the generated schemas (Schema.h); a row adds what only we know.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_OPTABLE_H
#define LATHE_LIB_IMPORT_ONNX_OPTABLE_H

#include "Schema.h"

#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"

namespace lathe::onnx_import {

class Node;

/// Makes the graph ops of a node and returns its first output, or null after
/// `node.error`.
using ImportFn = mlir::Value (*)(Node &node);
/// The same for nodes with several outputs, which it sets by
/// `node.setOutput`.
using ImportManyFn = void (*)(Node &node);

struct OpRow {
  /// The since-versions that the function was written for. A version that is
  /// not in the list is unsupported, however alike it may look.
  llvm::SmallVector<int> versions;
  ImportFn import = nullptr;
  ImportManyFn importMany = nullptr;
};

class OpTable {
public:
  /// The table of all families.
  static const OpTable &get();

  /// Adds an operator of the default domain.
  void add(llvm::StringRef name, llvm::ArrayRef<int> versions, ImportFn import);
  void add(llvm::StringRef name, llvm::ArrayRef<int> versions, ImportManyFn import);

  const OpRow *find(const OpSchema &schema) const;

  const llvm::StringMap<llvm::SmallVector<OpRow, 1>> &rows() const { return table; }

private:
  llvm::StringMap<llvm::SmallVector<OpRow, 1>> table;
};

void registerElementwiseOps(OpTable &ops);
void registerAttentionOps(OpTable &ops);
void registerContractionOps(OpTable &ops);
void registerControlOps(OpTable &ops);
void registerConvolutionOps(OpTable &ops);
void registerEinsum(OpTable &ops);
void registerLossOps(OpTable &ops);
void registerPoolingOps(OpTable &ops);
void registerNormalizationOps(OpTable &ops);
void registerRecurrentOps(OpTable &ops);
void registerReductionOps(OpTable &ops);
void registerSequenceOps(OpTable &ops);
void registerShapeOps(OpTable &ops);
void registerSliceOps(OpTable &ops);
void registerIndexingOps(OpTable &ops);
void registerSelectionOps(OpTable &ops);
void registerResizeOps(OpTable &ops);
void registerSamplingOps(OpTable &ops);
void registerUnpoolingOps(OpTable &ops);
void registerQuantizationOps(OpTable &ops);
void registerSignalOps(OpTable &ops);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_OPTABLE_H
