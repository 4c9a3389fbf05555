// lib/Import/ONNX/ConvertNode.cpp: attributes leave protobuf behind.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ConvertNode.h"

#include "CheckModel.h"

using namespace lathe;
using namespace lathe::onnx_import;
using namespace lathe::importer;
using ::onnx::AttributeProto;

static GraphAttribute convertGraph(const AttributeProto &attribute, const TensorSource &source,
                                   const ImportGraphFn &importGraph) {
  GraphAttribute result;
  result.numInputs = attribute.g().input_size();
  for (const auto &output : attribute.g().output())
    result.outputElements.push_back(toMLIRType(source.context, output.type().tensor_type().elem_type()));
  result.import = [&attribute, &importGraph](llvm::ArrayRef<mlir::Value> inputs,
                                             llvm::SmallVectorImpl<mlir::Value> &outputs) {
    return importGraph(attribute.g(), attribute.name(), inputs, outputs);
  };
  return result;
}

static AttributeValue convertAttribute(const AttributeProto &attribute, const TensorSource &source,
                                       const ImportGraphFn &importGraph) {
  switch (getAttributeType(attribute)) {
  case AttributeProto::INT:
    return static_cast<int64_t>(attribute.i());
  case AttributeProto::FLOAT:
    return static_cast<double>(attribute.f());
  case AttributeProto::STRING:
    return llvm::StringRef(attribute.s());
  case AttributeProto::INTS:
    return llvm::SmallVector<int64_t>(attribute.ints().begin(), attribute.ints().end());
  case AttributeProto::FLOATS:
    return llvm::SmallVector<double>(attribute.floats().begin(), attribute.floats().end());
  case AttributeProto::STRINGS:
    return llvm::SmallVector<llvm::StringRef>(attribute.strings().begin(), attribute.strings().end());
  case AttributeProto::TENSOR:
    return TensorAttribute{
        [&attribute, &source](llvm::StringRef place) { return importTensor(source, attribute.t(), place); }};
  case AttributeProto::GRAPH:
    return convertGraph(attribute, source, importGraph);
  default:
    return std::monostate();
  }
}

Operator onnx_import::convertNode(const ::onnx::NodeProto &node, const TensorSource &source,
                                  const ImportGraphFn &importGraph) {
  Operator result;
  for (const std::string &name : node.input())
    result.inputs.push_back(name);
  for (const std::string &name : node.output())
    result.outputs.push_back(name);
  for (const AttributeProto &attribute : node.attribute())
    result.attributes.push_back({attribute.name(), convertAttribute(attribute, source, importGraph)});
  return result;
}
