// lib/Import/ONNX/ListOperators.cpp: what operators a model has, and how each is
// imported.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CheckModel.h"
#include "CustomOps.h"
#include "FunctionBodies.h"
#include "ModelFile.h"
#include "OpTable.h"
#include "lathe/Import/ONNX.h"
#include "lathe/Import/ONNXInputs.h"

#include "llvm/ADT/StringSet.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::StringRef;
using ::onnx::AttributeProto;
using ::onnx::GraphProto;
using ::onnx::ModelProto;
using ::onnx::NodeProto;

namespace {

class OperatorList {
public:
  OperatorList(const ModelProto &model, const ImportOptions &options) : model(model), options(options) {}

  std::vector<ONNXOperatorUse> list();

private:
  using Nodes = google::protobuf::RepeatedPtrField<NodeProto>;
  using How = ONNXOperatorUse::How;

  const ModelProto &model;
  const ImportOptions &options;
  std::map<std::pair<std::string, How>, std::vector<std::string>> uses;

  std::pair<std::string, How> describe(const NodeProto &node, const OpsetImports &opsets) const;
  void walk(const Nodes &nodes, const OpsetImports &opsets, const std::string &prefix);
};

} // namespace

std::pair<std::string, ONNXOperatorUse::How> OperatorList::describe(const NodeProto &node,
                                                                    const OpsetImports &opsets) const {
  StringRef domain = canonicalDomain(node.domain());
  std::string name = ((domain.empty() ? "" : domain + ".") + node.op_type()).str();
  if (!findCustomOps(options.customOps, node).empty())
    return {name, How::Own};
  for (const auto &function : model.functions())
    if (function.name() == node.op_type() && function.overload() == node.overload() &&
        canonicalDomain(function.domain()) == domain)
      return {name, How::Function};
  const OpSchema *schema = findSchema(domain, node.op_type(), opsets.lookup(domain));
  if (!schema)
    return {name, How::Missing};
  if (getOpTable().find(*schema))
    return {schema->label(), How::Direct};
  return {schema->label(), findFunctionBody(*schema) ? How::Expanded : How::Missing};
}

void OperatorList::walk(const Nodes &nodes, const OpsetImports &opsets, const std::string &prefix) {
  for (auto [index, node] : llvm::enumerate(nodes)) {
    std::string name = prefix + nodeName(node, static_cast<int>(index));
    uses[describe(node, opsets)].push_back(name);
    for (const AttributeProto &attribute : node.attribute()) {
      std::string inner = name + "/" + attribute.name() + "/";
      if (attribute.has_g())
        walk(attribute.g().node(), opsets, inner);
      for (const GraphProto &graph : attribute.graphs())
        walk(graph.node(), opsets, inner);
    }
  }
}

std::vector<ONNXOperatorUse> OperatorList::list() {
  walk(model.graph().node(), getOpsetImports(model.opset_import()), "");
  for (const auto &function : model.functions())
    walk(function.node(), getOpsetImports(function.opset_import()), function.name() + "/");
  std::vector<ONNXOperatorUse> result;
  for (auto &[key, nodes] : uses)
    result.push_back({key.first, key.second, std::move(nodes)});
  return result;
}

static llvm::FailureOr<std::vector<ONNXOperatorUse>> listOperators(llvm::FailureOr<std::unique_ptr<ModelFile>> file,
                                                                   const ImportOptions &options) {
  if (failed(file))
    return llvm::failure();
  return OperatorList((*file)->model(), options).list();
}

llvm::FailureOr<std::vector<ONNXOperatorUse>> lathe::listONNXOperators(StringRef path, const ImportOptions &options) {
  Diagnostics unheard;
  return listOperators(ModelFile::open(path, options, unheard), options);
}

llvm::FailureOr<std::vector<ONNXOperatorUse>> lathe::listONNXOperators(std::unique_ptr<llvm::MemoryBuffer> bytes,
                                                                       const ImportOptions &options) {
  Diagnostics unheard;
  return listOperators(ModelFile::parse(std::move(bytes), "", options.limits, unheard), options);
}

/// The inputs of a file, if it was read.
static ONNXInputs listInputs(llvm::FailureOr<std::unique_ptr<ModelFile>> file) {
  ONNXInputs inputs;
  if (failed(file))
    return inputs;
  const GraphProto &graph = (*file)->model().graph();
  llvm::StringSet<> initializers;
  for (const auto &tensor : graph.initializer())
    initializers.insert(tensor.name());
  for (const auto &input : graph.input()) {
    if (initializers.contains(input.name()))
      inputs.defaults.push_back(input.name());
    if (!input.type().has_tensor_type())
      continue;
    inputs.tensors.push_back(input.name());
    if (!input.type().tensor_type().has_shape())
      inputs.unranked.push_back(input.name());
  }
  return inputs;
}

ONNXInputs lathe::listONNXInputs(StringRef path, bool allowLinks, const Limits &limits) {
  Diagnostics unheard;
  return listInputs(ModelFile::open(path, {.allowLinks = allowLinks, .limits = limits}, unheard));
}

ONNXInputs lathe::listONNXInputs(std::unique_ptr<llvm::MemoryBuffer> bytes, const Limits &limits) {
  Diagnostics unheard;
  return listInputs(ModelFile::parse(std::move(bytes), "", limits, unheard));
}
