// lib/Import/ONNX/OpTable.cpp: which ONNX operators are imported, by which
// function.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "OpTable.h"

#include "lathe/Import/ONNX.h"

#include "llvm/ADT/STLExtras.h"

#include <map>

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::StringRef;

const OpTable &OpTable::get() {
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
    registerRecurrentOps(ops);
    registerSequenceOps(ops);
    registerControlOps(ops);
    return ops;
  }();
  return table;
}

void OpTable::add(StringRef name, llvm::ArrayRef<int> versions, ImportFn import) {
  table[name].push_back({llvm::SmallVector<int>(versions), import, nullptr});
}

void OpTable::add(StringRef name, llvm::ArrayRef<int> versions, ImportManyFn import) {
  table[name].push_back({llvm::SmallVector<int>(versions), nullptr, import});
}

const OpRow *OpTable::find(const OpSchema &schema) const {
  if (!schema.domain.empty())
    return nullptr;
  auto rows = table.find(schema.name);
  if (rows == table.end())
    return nullptr;
  for (const OpRow &row : rows->second)
    if (llvm::is_contained(row.versions, schema.since))
      return &row;
  return nullptr;
}

std::vector<SupportedONNXOp> lathe::listSupportedONNXOps() {
  std::map<std::string, std::vector<int>> sorted;
  for (const auto &entry : OpTable::get().rows())
    for (const OpRow &row : entry.second)
      llvm::append_range(sorted[entry.first().str()], row.versions);
  std::vector<SupportedONNXOp> result;
  for (auto &[name, versions] : sorted) {
    llvm::sort(versions);
    result.push_back({name, versions});
  }
  return result;
}
