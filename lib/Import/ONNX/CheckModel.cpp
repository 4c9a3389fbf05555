// lib/Import/ONNX/CheckModel.cpp: what must hold of a model before its nodes
// are imported.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CheckModel.h"

#include "ElementType.h"
#include "OpTable.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::StringRef;
using llvm::Twine;
using ::onnx::AttributeProto;
using ::onnx::GraphProto;
using ::onnx::NodeProto;

OpsetImports
onnx_import::getOpsetImports(const google::protobuf::RepeatedPtrField<::onnx::OperatorSetIdProto> &imports) {
  OpsetImports result;
  for (const auto &import : imports)
    result[canonicalDomain(import.domain())] = import.version();
  return result;
}

std::string onnx_import::nodeName(const NodeProto &node, int index) {
  if (!node.name().empty())
    return node.name();
  for (const std::string &output : node.output())
    if (!output.empty())
      return output;
  return "#" + std::to_string(index);
}

std::string onnx_import::describeNode(const NodeProto &node, int index, const OpSchema *schema) {
  std::string label;
  if (schema) {
    label = schema->label();
  } else {
    StringRef domain = canonicalDomain(node.domain());
    label = quoted(((domain.empty() ? "" : domain + ".") + node.op_type()).str());
    label = label.substr(1, label.size() - 2);
  }
  return "node " + quoted(nodeName(node, index)) + " (" + label + ")";
}

namespace {

/// The names that a graph may use: its own and those of the graphs around it.
struct Scope {
  const Scope *outer = nullptr;
  llvm::StringSet<> names;

  bool contains(StringRef name) const { return names.contains(name) || (outer && outer->contains(name)); }
};

class Checker {
public:
  Checker(const ::onnx::ModelProto &model, StringRef file, Diagnostics &diagnostics)
      : model(model), file(file), diagnostics(diagnostics) {}

  void check();

private:
  const ::onnx::ModelProto &model;
  StringRef file;
  Diagnostics &diagnostics;
  OpsetImports opsets;
  /// Set while a model-local function is checked.
  const ::onnx::FunctionProto *function = nullptr;

  using Nodes = google::protobuf::RepeatedPtrField<NodeProto>;

  void checkVersions();
  void checkImports(const OpsetImports &imports, const Twine &place);
  void checkInputTypes(const GraphProto &graph);
  void checkGraph(const GraphProto &graph, const Scope *outer, const std::string &place);
  void checkNodes(const Nodes &nodes, Scope &scope, const std::string &place);
  void checkNode(const NodeProto &node, int index, const Scope &scope, const std::string &place);
  void checkUses(const Nodes &nodes, int index, const Scope &scope, const llvm::StringMap<int> &producers,
                 const std::string &place);
  void define(Scope &scope, StringRef name, const std::string &place, StringRef what);
  bool isLocalFunction(const NodeProto &node) const;
  const OpSchema *schemaOf(const NodeProto &node) const;
  std::string placeOf(const NodeProto &node, int index, const std::string &place) const {
    return place + ": " + describeNode(node, index, schemaOf(node));
  }
};

void Checker::check() {
  checkVersions();
  if (!model.has_graph()) {
    diagnostics.error("onnx-no-graph", file, "the model has no graph")
        .note("the file may be cut short at the end of a field, or be another "
              "kind of protobuf message; export or copy it again");
    return;
  }
  checkInputTypes(model.graph());
  checkGraph(model.graph(), nullptr, file.str());
  for (const ::onnx::FunctionProto &local : model.functions()) {
    function = &local;
    opsets = getOpsetImports(local.opset_import());
    std::string place = (file + ": function " + quoted(local.name())).str();
    checkImports(opsets, place);
    Scope scope;
    for (const std::string &input : local.input())
      define(scope, input, place, "input");
    checkNodes(local.node(), scope, place);
  }
}

void Checker::checkVersions() {
  int64_t version = model.ir_version(), newest = getNewestIRVersion();
  if (version < 1 || version > newest)
    diagnostics
        .error("onnx-ir-version", file,
               "the model has IR version " + Twine(version) + ", but versions 1 to " + Twine(newest) + " are supported")
        .note("export the model with an older opset, or update Lathe");
  opsets = getOpsetImports(model.opset_import());
  if (model.has_graph() && model.opset_import().empty()) {
    diagnostics.error("onnx-no-opset", file, "the model imports no version of ONNX's operator set")
        .note("opset_import must name a version from " + Twine(oldestOpset) + " to " + Twine(*getNewestOpset("")));
    return;
  }
  checkImports(opsets, file);
}

void Checker::checkImports(const OpsetImports &imports, const Twine &place) {
  auto found = imports.find("");
  if (found == imports.end())
    return;
  int64_t version = found->second, newest = *getNewestOpset("");
  if (version < oldestOpset || version > newest)
    diagnostics
        .error("onnx-opset-version", place,
               "the model uses opset " + Twine(version) + ", but opsets " + Twine(oldestOpset) + " to " +
                   Twine(newest) + " are supported")
        .note(version < oldestOpset ? "convert the model with onnx.version_converter"
                                    : "export the model with an older opset, or update Lathe");
}

void Checker::checkInputTypes(const GraphProto &graph) {
  for (const ::onnx::ValueInfoProto &input : graph.input()) {
    std::string place = (file + ": input " + quoted(input.name())).str();
    const ::onnx::TypeProto &type = input.type();
    if (!type.has_tensor_type()) {
      diagnostics
          .error("onnx-input-type", place,
                 type.value_case() == ::onnx::TypeProto::VALUE_NOT_SET
                     ? "has no type"
                     : "is a sequence, map, optional or sparse tensor, but only "
                       "tensors are supported")
          .note("export the model with tensors as inputs");
      continue;
    }
    const graph::ElementType *element = findElementType(type.tensor_type().elem_type());
    if (!element) {
      diagnostics
          .error("onnx-unsupported-dtype", place,
                 "has element type " + elementTypeName(type.tensor_type().elem_type()) + ", which is none of ONNX")
          .note("export the model again, or update Lathe");
      continue;
    }
    if (!type.tensor_type().has_shape()) {
      diagnostics.error("onnx-unknown-rank", place, "has no shape")
          .note("export the model with a rank for every input; single dims "
                "may stay unknown");
      continue;
    }
    int rank = type.tensor_type().shape().dim_size();
    if (rank > maxRank) {
      diagnostics
          .error("onnx-rank-limit", place,
                 "has rank " + Twine(rank) + ", but at most " + Twine(maxRank) + " is supported")
          .note("merge dimensions of the input");
      continue;
    }
    llvm::SmallVector<int64_t> dims;
    for (const auto &dim : type.tensor_type().shape().dim())
      // Some exporters write -1 for an unknown dim.
      dims.push_back(dim.has_dim_value() && dim.dim_value() >= 0 ? dim.dim_value() : 1);
    if (failed(sizeInBytes(dims, element->bits)))
      diagnostics
          .error("onnx-tensor-dims", place,
                 "has dims " + formatDims(dims) + ", but a tensor can have at most 2^47 bytes")
          .note("give the input a smaller shape");
  }
}

void Checker::define(Scope &scope, StringRef name, const std::string &place, StringRef what) {
  if (scope.names.insert(name).second)
    return;
  diagnostics.error("onnx-duplicate-name", place, what + " " + quoted(name) + " is defined a second time")
      .note("every value of a graph needs a name of its own; export the model "
            "again");
}

void Checker::checkGraph(const GraphProto &graph, const Scope *outer, const std::string &place) {
  Scope scope{outer, {}};
  for (const auto &input : graph.input())
    define(scope, input.name(), place, "input");
  // An initializer may have the name of an input: it is its default value.
  llvm::StringSet<> initializers;
  auto defineInitializer = [&](StringRef name) {
    if (initializers.insert(name).second)
      scope.names.insert(name);
    else
      define(scope, name, place, "initializer");
  };
  for (const auto &tensor : graph.initializer())
    defineInitializer(tensor.name());
  for (const auto &tensor : graph.sparse_initializer())
    defineInitializer(tensor.values().name());

  checkNodes(graph.node(), scope, place);
  // An output may be listed twice: it is given twice then.
  for (const auto &output : graph.output())
    if (!scope.contains(output.name()))
      diagnostics
          .error("onnx-undefined-value", place,
                 "output " + quoted(output.name()) + " is made by no node, input or initializer")
          .note("the model is damaged or cut out of a larger one; export it "
                "again");
}

void Checker::checkNodes(const Nodes &nodes, Scope &scope, const std::string &place) {
  llvm::StringMap<int> producers;
  for (auto [index, node] : llvm::enumerate(nodes))
    for (const std::string &output : node.output())
      producers.try_emplace(output, index);
  for (auto [index, node] : llvm::enumerate(nodes)) {
    checkUses(nodes, index, scope, producers, place);
    checkNode(node, index, scope, place);
    for (const std::string &output : node.output())
      if (!output.empty()) // An optional output that is not wanted.
        define(scope, output, placeOf(node, index, place), "output");
  }
}

/// Whether the result of `from` needs, directly or not, the result of `to`.
static bool dependsOn(const google::protobuf::RepeatedPtrField<NodeProto> &nodes, const llvm::StringMap<int> &producers,
                      int from, int to) {
  llvm::SmallVector<int> stack = {from};
  llvm::DenseMap<int, bool> seen;
  while (!stack.empty()) {
    int node = stack.pop_back_val();
    if (node == to)
      return true;
    if (!seen.try_emplace(node, true).second)
      continue;
    for (const std::string &input : nodes[node].input())
      if (auto producer = producers.find(input); producer != producers.end())
        stack.push_back(producer->second);
  }
  return false;
}

void Checker::checkUses(const Nodes &nodes, int index, const Scope &scope, const llvm::StringMap<int> &producers,
                        const std::string &place) {
  const NodeProto &node = nodes[index];
  for (const std::string &input : node.input()) {
    if (input.empty() || scope.contains(input))
      continue;
    std::string at = placeOf(node, index, place);
    auto found = producers.find(input);
    if (found == producers.end()) {
      diagnostics
          .error("onnx-undefined-value", at,
                 "input " + quoted(input) + " is made by no node, graph input or initializer")
          .note("the model lacks an initializer or was cut out of a larger "
                "one; export it again");
      continue;
    }
    int producer = found->second;
    std::string other = describeNode(nodes[producer], producer, schemaOf(nodes[producer]));
    if (dependsOn(nodes, producers, producer, index))
      diagnostics
          .error("onnx-cycle", at,
                 "input " + quoted(input) + " comes from " + other + ", which itself needs a result of this node")
          .note("a graph must not have cycles; use Loop or Scan for "
                "recurrences");
    // Else it stands behind one that is on a cycle, which is reported there.
  }
}

bool Checker::isLocalFunction(const NodeProto &node) const {
  return llvm::any_of(model.functions(), [&](const auto &candidate) {
    return candidate.name() == node.op_type() && candidate.overload() == node.overload() &&
           canonicalDomain(candidate.domain()) == canonicalDomain(node.domain());
  });
}

const OpSchema *Checker::schemaOf(const NodeProto &node) const {
  auto opset = opsets.find(canonicalDomain(node.domain()));
  if (opset == opsets.end())
    return nullptr;
  return findSchema(node.domain(), node.op_type(), opset->second);
}

void Checker::checkNode(const NodeProto &node, int index, const Scope &scope, const std::string &place) {
  std::string at = placeOf(node, index, place);
  for (const AttributeProto &attribute : node.attribute()) {
    if (attribute.has_g())
      checkGraph(attribute.g(), &scope, at + ": attribute " + quoted(attribute.name()));
    for (const GraphProto &graph : attribute.graphs())
      checkGraph(graph, &scope, at + ": attribute " + quoted(attribute.name()));
  }
  if (isLocalFunction(node))
    return;

  StringRef domain = canonicalDomain(node.domain());
  auto opset = opsets.find(domain);
  if (!getNewestOpset(domain)) {
    diagnostics.error("onnx-unknown-domain", at, "operator domain " + quoted(domain) + " is not known")
        .note("export the model with operators of ONNX itself, or add the "
              "function of this operator to the model");
    return;
  }
  if (opset == opsets.end()) {
    if (opsets.empty()) // Reported once for the model.
      return;
    diagnostics.error("onnx-no-opset", at, "the model imports no version of operator domain " + quoted(domain))
        .note("add the domain to opset_import");
    return;
  }
  const OpSchema *schema = schemaOf(node);
  if (!schema) {
    llvm::SmallVector<StringRef> known;
    for (const OpSchema &other : allSchemas())
      if (other.domain == domain && other.since <= opset->second)
        known.push_back(other.name);
    llvm::ArrayRef<OpSchema> later = findSchemas(domain, node.op_type());
    diagnostics
        .error("onnx-unknown-op", at,
               later.empty() ? "there is no operator " + quoted(node.op_type()) + didYouMean(node.op_type(), known)
                             : "operator " + quoted(node.op_type()) + " exists from opset " +
                                   std::to_string(later.front().since) + " on, but the model uses opset " +
                                   std::to_string(opset->second))
        .note("check the operator's name, domain and opset");
    return;
  }
  // GroupNormalization-18 is deprecated from the start, but exporters wrote it.
  if (schema->deprecated && !getOpTable().find(*schema)) {
    diagnostics
        .error("onnx-deprecated-op", at,
               "the operator was removed from ONNX in opset " + Twine(schema->since) + ", but the model uses opset " +
                   Twine(opset->second))
        .note("convert the model with onnx.version_converter");
    return;
  }
  checkArity(node, *schema, at, diagnostics);
  checkAttributes(node, *schema, at, /*inFunction=*/function, diagnostics);
}

} // namespace

void onnx_import::checkModel(const ::onnx::ModelProto &model, StringRef file, Diagnostics &diagnostics) {
  Checker(model, file, diagnostics).check();
}
