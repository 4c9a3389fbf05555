// lib/Import/Core/Messages.cpp: errors in the words of the model.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Messages.h"

#include "dialects/Graph/ElementTypes.h"
#include "dialects/Graph/Graph.h"
#include "dialects/Graph/NodeLocation.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using namespace lathe::importer;
using namespace mlir;

std::string importer::describeElement(Type element) {
  if (const graph::ElementType *row = graph::findElementType(element))
    return row->title().str();
  std::string text;
  llvm::raw_string_ostream(text) << element;
  return text;
}

/// `batch`, `3` or `(seq + 1)`: an expression with the names of the model.
std::string Messages::formatDim(AffineExpr expr) {
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
std::string Messages::describeOperand(unsigned index) {
  Value value = operands[index];
  std::string source = graph::describeNode(value.getLoc());
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return quoted(current->inputs[index]) + " is a sequence" + (source.empty() ? "" : ", from " + source);
  SmallVector<std::string> dims;
  if (auto encoding = dyn_cast_or_null<graph::DimsAttr>(type.getEncoding()))
    for (AffineExpr dim : encoding.getMap().getResults())
      dims.push_back(formatDim(dim));
  else
    for (int64_t size : type.getShape())
      dims.push_back(ShapedType::isDynamic(size) ? "?" : std::to_string(size));
  if (isa<BlockArgument>(value))
    source = "the model's inputs";
  return quoted(current->inputs[index]) + " is " + describeElement(type.getElementType()) + " [" +
         llvm::join(dims, ", ") + "]" + (source.empty() ? "" : ", from " + source);
}

/// Turns an MLIR error of the shape solver or a verifier into one of ours:
/// the node in place of the op, and the id from the end of the message.
void Messages::translate(mlir::Diagnostic &diagnostic) {
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
  for (unsigned i = 0; i < operands.size(); ++i)
    if (operands[i])
      error.note(describeOperand(i));
}
