// lib/Import/ONNX/CheckModel.cpp: what must hold of a model before its nodes
// are imported.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CheckModel.h"
#include "CustomOps.h"

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
  Checker(const ::onnx::ModelProto &model, StringRef file, llvm::ArrayRef<mlir::func::FuncOp> customOps,
          Diagnostics &diagnostics)
      : model(model), file(file), customOps(customOps), diagnostics(diagnostics) {}

  CheckedModel check();

private:
  const ::onnx::ModelProto &model;
  StringRef file;
  llvm::ArrayRef<mlir::func::FuncOp> customOps;
  Diagnostics &diagnostics;
  OpsetImports opsets;
  /// Set while a model-local function is checked.
  const ::onnx::FunctionProto *function = nullptr;
  CheckedModel result;
  /// Operators that are not known, with how many more nodes have them.
  struct Unknown {
    lathe::Diagnostic *diagnostic = nullptr;
    int64_t more = 0;
  };
  llvm::StringMap<Unknown> unknown;

  using Nodes = google::protobuf::RepeatedPtrField<NodeProto>;

  void checkVersions();
  void checkImports(const OpsetImports &imports, const Twine &place);
  void checkInputTypes(const GraphProto &graph);
  void checkMapType(const ::onnx::TypeProto_Map &type, const std::string &place);
  bool checkValueType(const ::onnx::TypeProto &type, const std::string &place);
  void checkGraph(const GraphProto &graph, const Scope *outer, const std::string &place);
  void checkNodes(const Nodes &nodes, Scope &scope, const std::string &place);
  void checkNode(const NodeProto &node, int index, const Scope &scope, const std::string &place);
  void checkUses(const Nodes &nodes, int index, const Scope &scope, const llvm::StringMap<int> &producers,
                 const std::string &place);
  void define(Scope &scope, StringRef name, const std::string &place, StringRef what);
  lathe::Diagnostic &unsound(StringRef id, const Twine &place, const Twine &message);
  void reportOperator(StringRef id, const NodeProto &node, const std::string &at, const Twine &message,
                      const Twine &way);
  bool checkOperator(const NodeProto &node, const std::string &at);
  bool isLocalFunction(const NodeProto &node) const;
  const OpSchema *schemaOf(const NodeProto &node) const;
  std::string placeOf(const NodeProto &node, int index, const std::string &place) const {
    return place + ": " + describeNode(node, index, schemaOf(node));
  }
};

/// An error after which values cannot be followed.
lathe::Diagnostic &Checker::unsound(StringRef id, const Twine &place, const Twine &message) {
  result.isSound = false;
  return diagnostics.error(id, place, message);
}

CheckedModel Checker::check() {
  checkVersions();
  if (!model.has_graph()) {
    unsound("onnx-no-graph", file, "the model has no graph")
        .note("the file may be cut short at the end of a field, or be another "
              "kind of protobuf message; export or copy it again");
    return std::move(result);
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
  for (auto &entry : unknown)
    if (const Unknown &row = entry.second; row.more)
      row.diagnostic->note("so for " + Twine(row.more) + " more nodes with this operator");
  return std::move(result);
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
    unsound("onnx-no-opset", file, "the model imports no version of ONNX's operator set")
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

/// Reports keys and values that maps cannot have.
void Checker::checkMapType(const ::onnx::TypeProto_Map &type, const std::string &place) {
  int32_t value = type.value_type().tensor_type().elem_type();
  const graph::ElementType *key = findElementType(type.key_type()), *row = findElementType(value);
  bool isKey = key && key->bits >= 8 &&
               (key->kind == graph::ElementKind::Signed || key->kind == graph::ElementKind::Unsigned ||
                key->kind == graph::ElementKind::String);
  if (!isKey || !row || row->bits < 8)
    unsound("onnx-unsupported-dtype", place,
            "is a map from " + elementTypeName(type.key_type()) + " to " + elementTypeName(value) +
                ", which is not supported")
        .note("keys are integers of 8 bits or more, or strings; values elements of 8 bits or more");
}

/// Whether an input is a sequence of tensors, an optional value or a map; what is wrong with its
/// tensors is reported then.
bool Checker::checkValueType(const ::onnx::TypeProto &type, const std::string &place) {
  const ::onnx::TypeProto *held = &type;
  if (held->has_optional_type())
    held = &held->optional_type().elem_type();
  if (held->has_sequence_type())
    held = &held->sequence_type().elem_type();
  if (type.has_map_type()) {
    if (!type.map_type().value_type().has_tensor_type())
      return false;
    checkMapType(type.map_type(), place);
    return true;
  }
  if (held == &type || !held->has_tensor_type())
    return false;
  if (!findElementType(held->tensor_type().elem_type()))
    unsound("onnx-unsupported-dtype", place,
            "has element type " + elementTypeName(held->tensor_type().elem_type()) + ", which is none of ONNX")
        .note("export the model again, or update Lathe");
  else if (int rank = held->tensor_type().shape().dim_size(); rank > maxRank)
    unsound("onnx-rank-limit", place, "has rank " + Twine(rank) + ", but at most " + Twine(maxRank) + " is supported")
        .note("merge dimensions of the input");
  return true;
}

void Checker::checkInputTypes(const GraphProto &graph) {
  for (const ::onnx::ValueInfoProto &input : graph.input()) {
    std::string place = (file + ": input " + quoted(input.name())).str();
    const ::onnx::TypeProto &type = input.type();
    if (checkValueType(type, place))
      continue;
    if (!type.has_tensor_type()) {
      unsound("onnx-input-type", place,
              type.value_case() == ::onnx::TypeProto::VALUE_NOT_SET
                  ? "has no type"
                  : "is a sparse tensor, or a sequence of such or of maps, but only tensors, sequences of tensors, "
                    "optional ones and maps are supported")
          .note("export the model with tensors as inputs");
      continue;
    }
    const graph::ElementType *element = findElementType(type.tensor_type().elem_type());
    if (!element) {
      unsound("onnx-unsupported-dtype", place,
              "has element type " + elementTypeName(type.tensor_type().elem_type()) + ", which is none of ONNX")
          .note("export the model again, or update Lathe");
      continue;
    }
    if (!type.tensor_type().has_shape()) {
      unsound("onnx-unknown-rank", place, "has no shape")
          .note("say its rank, as in --rank " + input.name() +
                "=4, or export the model with a rank for every input; single dims may stay unknown; in Python, "
                "lathe.compile_unranked compiles it for the ranks of each call");
      continue;
    }
    int rank = type.tensor_type().shape().dim_size();
    if (rank > maxRank) {
      unsound("onnx-rank-limit", place, "has rank " + Twine(rank) + ", but at most " + Twine(maxRank) + " is supported")
          .note("merge dimensions of the input");
      continue;
    }
    llvm::SmallVector<int64_t> dims;
    for (const auto &dim : type.tensor_type().shape().dim())
      // Some exporters write -1 for an unknown dim.
      dims.push_back(dim.has_dim_value() && dim.dim_value() >= 0 ? dim.dim_value() : 1);
    if (failed(sizeInBytes(dims, element->bits)))
      unsound("onnx-tensor-dims", place, "has dims " + formatDims(dims) + ", but a tensor can have at most 2^47 bytes")
          .note("give the input a smaller shape");
  }
}

void Checker::define(Scope &scope, StringRef name, const std::string &place, StringRef what) {
  if (scope.names.insert(name).second)
    return;
  unsound("onnx-duplicate-name", place, what + " " + quoted(name) + " is defined a second time")
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
      unsound("onnx-undefined-value", place,
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
      unsound("onnx-undefined-value", at, "input " + quoted(input) + " is made by no node, graph input or initializer")
          .note("the model lacks an initializer or was cut out of a larger "
                "one; export it again");
      continue;
    }
    int producer = found->second;
    std::string other = describeNode(nodes[producer], producer, schemaOf(nodes[producer]));
    if (dependsOn(nodes, producers, producer, index))
      unsound("onnx-cycle", at,
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
  if (findCustomOps(customOps, node).empty() && !isLocalFunction(node) && !checkOperator(node, at))
    result.badNodes.insert(&node);
}

/// Reports an operator that is not known, once for all nodes that have it.
void Checker::reportOperator(StringRef id, const NodeProto &node, const std::string &at, const Twine &message,
                             const Twine &way) {
  auto [row, isFirst] = unknown.try_emplace((canonicalDomain(node.domain()) + "." + node.op_type()).str());
  if (isFirst)
    row->second.diagnostic = &diagnostics.error(id, at, message).note(way);
  else
    ++row->second.more;
}

/// Whether the node is one of its operator's version.
bool Checker::checkOperator(const NodeProto &node, const std::string &at) {
  StringRef domain = canonicalDomain(node.domain());
  auto opset = opsets.find(domain);
  if (!getNewestOpset(domain)) {
    llvm::SmallVector<StringRef> domains = knownDomains();
    for (const ::onnx::FunctionProto &local : model.functions())
      domains.push_back(local.domain());
    reportOperator("onnx-unknown-domain", node, at,
                   "operator domain " + quoted(domain) + " is not known" + didYouMean(domain, domains),
                   "export the model with operators of ONNX itself, add the function of this operator to the model, or "
                   "declare it (--custom-op)");
    return false;
  }
  if (opset == opsets.end()) {
    if (opsets.empty()) // Reported once for the model.
      return false;
    diagnostics.error("onnx-no-opset", at, "the model imports no version of operator domain " + quoted(domain))
        .note("add the domain to opset_import");
    return false;
  }
  const OpSchema *schema = schemaOf(node);
  if (!schema) {
    llvm::SmallVector<StringRef> known;
    for (const OpSchema &other : allSchemas())
      if (other.domain == domain && other.since <= opset->second)
        known.push_back(other.name);
    llvm::ArrayRef<OpSchema> later = findSchemas(domain, node.op_type());
    reportOperator("onnx-unknown-op", node, at,
                   later.empty() ? "there is no operator " + quoted(node.op_type()) +
                                       (domain.empty() ? std::string() : " in domain " + quoted(domain)) +
                                       didYouMean(node.op_type(), known)
                                 : "operator " + quoted(node.op_type()) + " exists from opset " +
                                       std::to_string(later.front().since) + " on, but the model uses opset " +
                                       std::to_string(opset->second),
                   "check the operator's name, domain and opset");
    return false;
  }
  // GroupNormalization-18 is deprecated from the start, but exporters wrote it.
  if (schema->deprecated && !getOpTable().find(*schema)) {
    reportOperator("onnx-deprecated-op", node, at,
                   "the operator was removed from ONNX in opset " + Twine(schema->since) +
                       ", but the model uses opset " + Twine(opset->second),
                   "convert the model with onnx.version_converter");
    return false;
  }
  bool hasArity = checkArity(node, *schema, at, diagnostics);
  return checkAttributes(node, *schema, at, /*inFunction=*/function, diagnostics) && hasArity;
}

} // namespace

CheckedModel onnx_import::checkModel(const ::onnx::ModelProto &model, StringRef file,
                                     llvm::ArrayRef<mlir::func::FuncOp> customOps, Diagnostics &diagnostics) {
  return Checker(model, file, customOps, diagnostics).check();
}
