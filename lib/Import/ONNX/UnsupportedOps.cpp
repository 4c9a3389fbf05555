// lib/Import/ONNX/UnsupportedOps.cpp: one message for each operator without a
// row, with how often the model has it.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Importer.h"

#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using namespace lathe::onnx_import;
using namespace mlir;

void Importer::reportUnsupported() {
  size_t total = 0;
  SmallVector<std::string> counts;
  for (auto &[label, places] : unsupported) {
    total += places.size();
    counts.push_back(label.str() + " (" + std::to_string(places.size()) + ")");
  }
  lathe::Diagnostic *last = nullptr;
  for (auto &[label, places] : unsupported) {
    last = &diagnostics.error("onnx-unsupported-op", places.front(), "operator is not supported");
    if (places.size() > 1)
      last->note("so for " + Twine(places.size() - 1) + " more nodes with this operator");
  }
  if (!last)
    return;
  last->note(Twine(total) + " of " + Twine(graph.node_size()) + " nodes are unsupported: " + llvm::join(counts, ", "));
  last->note("docs/recipes/add-onnx-op.md shows how to add one");
}
