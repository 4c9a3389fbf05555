// lib/Compiler/Signature.cpp: what a program takes and returns, in std types.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Functions.h"
#include "Implementation.h"
#include "dialects/Graph/ElementTypes.h"
#include "dialects/Graph/Graph.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace lathe {

/// `expr` in reverse Polish notation; "" where it has something that is no word of it.
static std::string printPolish(AffineExpr expr, ArrayRef<std::string> symbols) {
  if (auto number = dyn_cast<AffineConstantExpr>(expr))
    return std::to_string(number.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbol.getPosition() < symbols.size() ? symbols[symbol.getPosition()] : "";
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return "";
  std::string left = printPolish(binary.getLHS(), symbols), right = printPolish(binary.getRHS(), symbols), word;
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    word = "+";
    break;
  case AffineExprKind::Mul:
    word = "*";
    break;
  case AffineExprKind::FloorDiv:
    word = "/";
    break;
  case AffineExprKind::CeilDiv:
    word = "^/";
    break;
  case AffineExprKind::Mod:
    word = "%";
    break;
  default:
    return "";
  }
  return left.empty() || right.empty() ? "" : left + " " + right + " " + word;
}

static ValueInfo describe(Type type, std::string name, ArrayRef<std::string> symbols) {
  ValueInfo info;
  info.name = std::move(name);
  auto tensor = dyn_cast<RankedTensorType>(type);
  const graph::ElementType *element = tensor ? graph::findElementType(tensor.getElementType()) : nullptr;
  if (!element)
    return info;
  info.dtype = element->name.str();
  auto dims = dyn_cast_or_null<graph::DimsAttr>(tensor.getEncoding());
  for (auto [i, size] : llvm::enumerate(tensor.getShape()))
    info.dims.push_back(!ShapedType::isDynamic(size) ? std::to_string(size)
                        : dims                       ? printPolish(dims.getMap().getResult(i), symbols)
                                                     : "");
  return info;
}

SignatureInfo Program::signature(const std::string &function) const {
  SignatureInfo result;
  func::FuncOp main = findFunction(*impl->module, function);
  if (!main)
    return result;
  if (auto symbols = main->getAttrOfType<ArrayAttr>("graph.symbols"))
    for (auto symbol : symbols.getAsRange<graph::SymbolAttr>())
      result.symbols.push_back(symbol.getName().empty() ? "s" + std::to_string(result.symbols.size())
                                                        : symbol.getName().str());
  for (auto [i, type] : llvm::enumerate(main.getArgumentTypes()))
    result.inputs.push_back(describe(type, inputName(main, i), result.symbols));
  for (auto [i, type] : llvm::enumerate(main.getResultTypes()))
    result.outputs.push_back(describe(type, outputName(main, i), result.symbols));
  return result;
}

} // namespace lathe
