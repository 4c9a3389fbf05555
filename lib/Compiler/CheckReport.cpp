// lib/Compiler/CheckReport.cpp: what a model needs: operators, inputs and outputs, weights, sizes from data.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CheckReport.h"
#include "dialects/Graph/ElementTypes.h"
#include "dialects/Graph/Graph.h"
#include "dialects/Graph/NodeLocation.h"
#include "lathe/Import/ONNX.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace lathe {

static const char *nameOf(ONNXOperatorUse::How how) {
  switch (how) {
  case ONNXOperatorUse::How::Direct:
    return "direct";
  case ONNXOperatorUse::How::Expanded:
    return "expanded";
  case ONNXOperatorUse::How::Function:
    return "function";
  case ONNXOperatorUse::How::Own:
    return "own";
  case ONNXOperatorUse::How::Missing:
    return "missing";
  }
  llvm_unreachable("all ways are named");
}

void describeOperators(llvm::FailureOr<std::vector<ONNXOperatorUse>> uses, CheckReport &report) {
  if (failed(uses))
    return;
  for (ONNXOperatorUse &use : *uses)
    report.operators.push_back({std::move(use.label), nameOf(use.how), std::move(use.nodes)});
}

/// "[batch, 3, ?]"
static std::string describeDims(RankedTensorType type, ArrayRef<std::string> symbols) {
  SmallVector<std::string> dims;
  auto sizes = dyn_cast_or_null<graph::DimsAttr>(type.getEncoding());
  for (int64_t i = 0, rank = type.getRank(); i < rank; ++i) {
    AffineExpr expr = sizes ? sizes.getMap().getResult(i) : AffineExpr();
    auto symbol = dyn_cast_or_null<AffineSymbolExpr>(expr);
    if (!type.isDynamicDim(i))
      dims.push_back(std::to_string(type.getDimSize(i)));
    else if (symbol && symbol.getPosition() < symbols.size() && !symbols[symbol.getPosition()].empty())
      dims.push_back(symbols[symbol.getPosition()]);
    else
      dims.push_back("?");
  }
  return "[" + llvm::join(dims, ", ") + "]";
}

static StringRef titleOf(Type type) {
  const graph::ElementType *element = graph::findElementType(type);
  return element ? element->title() : "";
}

/// What `lathe check` says of an input or an output, such as "sequence of float32" "[n]".
static ValueUse describeValue(Attribute name, Type type, ArrayRef<std::string> symbols) {
  auto text = dyn_cast_or_null<StringAttr>(name);
  ValueUse use{text ? text.str() : "", "", ""};
  if (auto optional = dyn_cast<graph::OptionalType>(type)) {
    use.dtype = "optional ";
    type = optional.getContent();
  }
  if (auto sequence = dyn_cast<graph::SequenceType>(type)) {
    use.dtype += "sequence of ";
    type = sequence.getElement();
  }
  if (auto map = dyn_cast<graph::MapType>(type)) {
    use.dtype += map.getMany() ? "sequence of map of " : "map of ";
    use.dtype += (titleOf(map.getKey()) + " to " + titleOf(map.getValue())).str();
    return use;
  }
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (auto any = dyn_cast<TensorType>(type))
    use.dtype += titleOf(any.getElementType());
  use.dims = tensor ? describeDims(tensor, symbols) : "of any rank";
  return use;
}

/// The bytes of all constants, each once.
static size_t countWeights(ModuleOp module) {
  llvm::SetVector<ElementsAttr> values;
  module.walk([&](graph::ConstantOp op) { values.insert(cast<ElementsAttr>(op.getValue())); });
  size_t bytes = 0;
  for (ElementsAttr value : values) {
    auto type = cast<RankedTensorType>(value.getType());
    bytes += llvm::divideCeil(type.getNumElements() * graph::bitsInMemory(type.getElementType()), 8);
  }
  return bytes;
}

static void describeFunction(func::FuncOp func, bool isOneOfSeveral, CheckReport &report) {
  SmallVector<std::string> symbols;
  if (auto list = func->getAttrOfType<ArrayAttr>("graph.symbols"))
    for (auto symbol : list.getAsRange<graph::SymbolAttr>()) {
      bool isNamed = symbol.isInputDim() && !symbol.getName().empty();
      symbols.push_back(isNamed ? symbol.getName().str() : "");
      if (isNamed && !llvm::is_contained(report.dims, symbols.back()))
        report.dims.push_back(symbols.back());
    }
  auto add = [&](std::vector<ValueUse> &values, Attribute name, Type type) {
    values.push_back(describeValue(name, type, symbols));
    if (isOneOfSeveral)
      values.back().name = (func.getSymName() + ": " + values.back().name).str();
  };
  for (unsigned i = 0; i < func.getNumArguments(); ++i)
    add(report.inputs, func.getArgAttr(i, "graph.name"), func.getArgument(i).getType());
  for (unsigned i = 0; i < func.getNumResults(); ++i)
    add(report.outputs, func.getResultAttr(i, "graph.name"), func.getResultTypes()[i]);
}

void describeNeeds(ModuleOp module, CheckReport &report) {
  auto functions = module.getOps<func::FuncOp>();
  bool areSeveral = !functions.empty() && !llvm::hasSingleElement(functions);
  for (func::FuncOp func : functions)
    describeFunction(func, areSeveral, report);
  if (functions.empty())
    return;
  llvm::StringSet<> seen;
  module.walk([&](graph::DefineSymbolOp op) {
    if (std::string node = graph::describeNode(op.getLoc()); !node.empty() && seen.insert(node).second)
      report.sizesFromData.push_back(node);
  });
  report.weightBytes = countWeights(module);
}

} // namespace lathe
