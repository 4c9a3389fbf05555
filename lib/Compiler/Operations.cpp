// lib/Compiler/Operations.cpp: the operations of a program in std types, for who wants kernels like its own.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Implementation.h"
#include "dialects/Graph/ElementTypes.h"
#include "dialects/Graph/Graph.h"

using namespace mlir;

namespace lathe {

static TensorInfo describe(Value value) {
  TensorInfo info;
  auto tensor = dyn_cast<RankedTensorType>(value.getType());
  const graph::ElementType *element = tensor ? graph::findElementType(tensor.getElementType()) : nullptr;
  if (!element)
    return info;
  info.dtype = element->name.str();
  for (int64_t size : tensor.getShape())
    info.shape.push_back(ShapedType::isDynamic(size) ? -1 : size);
  info.isConstant = value.getDefiningOp<graph::ConstantOp>() != nullptr;
  return info;
}

/// What alone uses the result of `op`, what alone uses that, and so on.
static std::vector<std::string> chainBehind(Operation *op) {
  std::vector<std::string> names;
  constexpr size_t most = 4;
  while (names.size() < most && op->getNumResults() == 1 && op->hasOneUse()) {
    op = *op->user_begin();
    if (!isa<graph::GraphDialect>(op->getDialect()))
      break;
    names.push_back(op->getName().stripDialect().str());
  }
  return names;
}

std::vector<OperationInfo> Program::operations() const {
  std::vector<OperationInfo> result;
  impl->module->walk([&](Operation *op) {
    if (!isa_and_nonnull<graph::GraphDialect>(op->getDialect()))
      return;
    OperationInfo &info = result.emplace_back();
    info.kind = op->getName().stripDialect().str();
    for (Value operand : op->getOperands())
      info.operands.push_back(describe(operand));
    for (Value value : op->getResults())
      info.results.push_back(describe(value));
    for (NamedAttribute attribute : op->getAttrDictionary()) {
      std::string name = attribute.getName().str();
      if (auto list = dyn_cast<DenseI64ArrayAttr>(attribute.getValue()))
        info.numbers[name] = std::vector<int64_t>(list.asArrayRef().begin(), list.asArrayRef().end());
      else if (auto number = dyn_cast<IntegerAttr>(attribute.getValue()))
        info.numbers[name] = {number.getValue().sextOrTrunc(64).getSExtValue()};
      else if (isa<UnitAttr>(attribute.getValue()))
        info.numbers[name] = {1};
      else if (auto real = dyn_cast<FloatAttr>(attribute.getValue()))
        info.reals[name] = real.getValueAsDouble();
    }
    info.behind = chainBehind(op);
  });
  return result;
}

} // namespace lathe
