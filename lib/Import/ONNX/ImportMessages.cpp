// lib/Import/ONNX/ImportMessages.cpp: errors in the words of the model.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ElementType.h"
#include "Importer.h"

#include "dialects/Graph/NodeLocation.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using namespace lathe::onnx_import;
using namespace mlir;

/// `batch`, `3` or `(seq + 1)`: an expression with the names of the model.
std::string Importer::formatDim(AffineExpr expr) {
  if (auto name = symbolNames.find(expr); name != symbolNames.end())
    return name->second;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return graph::printDim(expr);
  StringRef sign;
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    sign = " + ";
    break;
  case AffineExprKind::Mul:
    sign = " * ";
    break;
  case AffineExprKind::FloorDiv:
    sign = " floordiv ";
    break;
  case AffineExprKind::CeilDiv:
    sign = " ceildiv ";
    break;
  default:
    sign = " mod ";
  }
  return "(" + formatDim(binary.getLHS()) + sign.str() + formatDim(binary.getRHS()) + ")";
}

/// `input 'A' is float32 [batch, 3], from node "conv1" (Conv-11)`.
std::string Importer::describeOperand(unsigned index) {
  Value value = currentOperands[index];
  std::string source = graph::describeNode(value.getLoc());
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return quoted(current->input(index)) + " is a sequence" + (source.empty() ? "" : ", from " + source);
  SmallVector<std::string> dims;
  if (auto encoding = dyn_cast_or_null<graph::DimsAttr>(type.getEncoding()))
    for (AffineExpr dim : encoding.getMap().getResults())
      dims.push_back(formatDim(dim));
  else
    for (int64_t size : type.getShape())
      dims.push_back(ShapedType::isDynamic(size) ? "?" : std::to_string(size));
  if (isa<BlockArgument>(value))
    source = "the model's inputs";
  return quoted(current->input(index)) + " is " + elementTypeName(toONNXType(type.getElementType())) + " [" +
         llvm::join(dims, ", ") + "]" + (source.empty() ? "" : ", from " + source);
}

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

/// Turns an MLIR error of the shape solver or a verifier into one of ours:
/// the node in place of the op, and the id from the end of the message.
void Importer::translate(mlir::Diagnostic &diagnostic) {
  std::string message = diagnostic.str();
  StringRef text = message;
  if (text.consume_front("'"))
    text = text.drop_front(std::min(text.size(), text.find("' op ") + 5));
  std::string id = "onnx-unsupported-operand";
  if (text.ends_with("]"))
    if (size_t open = text.rfind('['); open != StringRef::npos) {
      id = text.slice(open + 1, text.size() - 1).str();
      text = text.take_front(open).rtrim();
    }
  if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
    return;
  lathe::Diagnostic &error = diagnostics.error(id, place, text);
  if (!current)
    return;
  for (unsigned i = 0; i < currentOperands.size(); ++i)
    if (currentOperands[i])
      error.note(describeOperand(i));
}
