// lib/Import/ONNX/ImportNode.cpp: imports one node, or the body of the function
// that it calls.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CustomOps.h"
#include "ElementType.h"
#include "FunctionBodies.h"
#include "Import/Core/ImportOperator.h"
#include "Importer.h"
#include "OpTable.h"

#include "dialects/Graph/NodeLocation.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using namespace lathe::onnx_import;
using namespace mlir;
using ::onnx::AttributeProto;
using ::onnx::FunctionProto;
using ::onnx::GraphProto;
using ::onnx::NodeProto;

/// "float32, float64 or bool" for a mask of element types.
static std::string formatTypes(uint32_t mask) {
  SmallVector<std::string> names;
  for (int32_t type = 1; type < 32; ++type)
    if (mask & (1u << type))
      if (findElementType(type))
        names.push_back(elementTypeName(type));
  return llvm::join(names, ", ");
}

/// The TensorProto.DataType of a tensor's elements; 0 for other types, as in
/// the masks of the schemas.
static int32_t typeNumber(Type type) {
  return isa<RankedTensorType>(type) ? toONNXType(getElementTypeOrSelf(type)) : 0;
}

static std::string typeName(int32_t type) { return type ? elementTypeName(type) : "a sequence"; }

/// Whether an operator needs a value there, which may be an empty optional all the same: those that handle optional
/// values ask for one as well.
static bool needsValue(const OpSchema &schema, const ParameterSchema &parameter) {
  bool isOfTensors =
      parameter.kind == ParameterKind::Single || (parameter.kind == ParameterKind::Variadic && parameter.homogeneous);
  return isOfTensors && schema.name != "Identity" && !StringRef(schema.name).starts_with("Optional");
}

bool Importer::checkTypes(const NodeProto &node, const OpSchema &schema, ArrayRef<Value> operands) {
  bool good = true;
  for (int index = 0; index < node.input_size(); ++index) {
    const ParameterSchema *parameter = schema.input(index);
    bool isGiven = static_cast<size_t>(index) < operands.size() && operands[index];
    if (isGiven || !parameter || !needsValue(schema, *parameter))
      continue;
    good = false;
    diagnostics
        .error("onnx-empty-optional", place,
               "input '" + parameter->name + "' is an empty optional value, but the operator needs a tensor")
        .note("test it with OptionalHasElement and If; in a loop, give a value for each that the body carries");
  }
  llvm::StringMap<int> first;
  for (auto [index, operand] : llvm::enumerate(operands)) {
    const ParameterSchema *parameter = schema.input(index);
    if (!operand || !parameter)
      continue;
    int32_t type = typeNumber(operand.getType());
    if (!(parameter->types & (1u << type))) {
      good = false;
      std::string takes = formatTypes(parameter->types);
      diagnostics
          .error("onnx-input-dtype", place,
                 "input '" + parameter->name + "' is " + typeName(type) + ", but the operator takes " +
                     (takes.empty() ? "a sequence" : takes))
          .note(type && !takes.empty() ? "add a Cast before the node" : "check which value the input names");
      continue;
    }
    bool shared =
        !parameter->typeVariable.empty() && (parameter->kind != ParameterKind::Variadic || parameter->homogeneous);
    if (!shared)
      continue;
    auto [entry, isFirst] = first.try_emplace(parameter->typeVariable, index);
    int32_t expected = typeNumber(operands[entry->second].getType());
    if (isFirst || expected == type)
      continue;
    good = false;
    diagnostics
        .error("onnx-input-dtype", place,
               "input '" + parameter->name + "' is " + typeName(type) + ", but input '" +
                   schema.input(entry->second)->name + "' is " + typeName(expected))
        .note("both must have one type; add a Cast before the node");
  }
  return good;
}

/// Collects the values of a node's inputs. Fails if one could not be made,
/// which has been reported where that happened.
bool Importer::findOperands(ImportContext &context, GraphScope &scope, const NodeProto &node,
                            SmallVectorImpl<Value> &operands) {
  SmallVector<StringRef> names(node.input().begin(), node.input().end());
  return scope.lookUpAll(context.builder, names, file.name(), place, operands);
}

/// The function that an operator is expanded to: what has a row needs none.
const FunctionProto *Importer::findBody(const OpSchema &schema) const {
  return options.expandFunctions || !getOpTable().find(schema) ? findFunctionBody(schema) : nullptr;
}

void Importer::importNode(ImportContext &context, GraphScope &scope, const NodeProto &node, int index) {
  for (const std::string &output : node.output())
    scope.values[output] = Value();
  if (SmallVector<func::FuncOp> declarations = findCustomOps(options.customOps, node); !declarations.empty())
    return importCustom(context, scope, node, index, declarations);
  if (const FunctionProto *function = findFunction(node))
    return importCall(context, scope, node, index, *function, /*schema=*/nullptr);

  StringRef domain = canonicalDomain(node.domain());
  const OpSchema *schema = findSchema(domain, node.op_type(), scope.opsets.lookup(domain));
  place = scope.place + ": " + describeNode(node, index, schema);
  if (!schema || checked.badNodes.contains(&node)) // Reported when the model was checked.
    return skipNode(context, scope, node, place);
  const OpRow *row = getOpTable().find(*schema);
  const FunctionProto *body = findBody(*schema);
  if (!row && !body) {
    noteUnsupported(schema->label(), place);
    return skipNode(context, scope, node, place);
  }
  SmallVector<Value> operands;
  if (!findOperands(context, scope, node, operands))
    return skipUnread(context, scope, node);
  if (!checkTypes(node, *schema, operands))
    return skipNode(context, scope, node, place);
  if (body)
    return importCall(context, scope, node, index, *body, schema);

  std::string name = scope.prefix + nodeName(node, index);
  Location loc = graph::getNodeLocation(&mlir, file.name(), name, schema->label());
  ImportGraphFn importGraph = [&](const GraphProto &subgraph, StringRef attribute, ArrayRef<Value> inputs,
                                  SmallVectorImpl<Value> &outputs) {
    return importSubgraph(context, scope, subgraph, attribute, inputs, outputs);
  };
  auto declared = [&](StringRef name) { return declaredRank(scope, name); };
  Operator op = convertNode(node, tensors, importGraph);
  std::string at = place;
  if (!importOperator(context, messages, scope, op, *schema, *row, loc, operands, declared))
    skipNode(context, scope, node, at);
}

/// A node of an operator that the user declares.
void Importer::importCustom(ImportContext &context, GraphScope &scope, const NodeProto &node, int index,
                            ArrayRef<func::FuncOp> declarations) {
  place = scope.place + ": " + describeNode(node, index, /*schema=*/nullptr);
  SmallVector<Value> operands;
  if (!findOperands(context, scope, node, operands))
    return skipUnread(context, scope, node);
  std::string label = node.domain() + "." + node.op_type();
  Location loc = graph::getNodeLocation(&mlir, file.name(), scope.prefix + nodeName(node, index), label);
  ImportGraphFn noGraphs = [](const GraphProto &, StringRef, ArrayRef<Value>, SmallVectorImpl<Value> &) {
    return false;
  };
  Operator op = convertNode(node, tensors, noGraphs);
  FailureOr<SmallVector<Value>> results = CustomNode(context, place, loc, op, operands).import(declarations);
  if (failed(results))
    return skipNode(context, scope, node, std::string(place));
  for (auto [output, value] : llvm::zip(node.output(), *results))
    scope.values[output] = value;
}

//===----------------------------------------------------------------------===//
// Subgraphs
//===----------------------------------------------------------------------===//

/// Counts nodes that are about to be imported: a few small functions can stand for endless work.
bool Importer::countNodes(int64_t nodes) {
  int64_t most = options.limits[Limit::Nodes];
  countedNodes += nodes;
  if (countedNodes <= most)
    return true;
  if (countedNodes - nodes <= most) // Said once.
    diagnostics
        .error("onnx-too-large", place,
               "the model has more than " + Twine(most) + " nodes, those of functions and subgraphs as often as used")
        .note("export the model without functions that call each other; " + howToRaise(Limit::Nodes));
  return false;
}

/// Imports the nodes of `subgraph`, an attribute of the current node, at the
/// builder's insertion point. Null inputs and outputs are empty optionals.
/// False after an error.
bool Importer::importSubgraph(ImportContext &context, GraphScope &scope, const GraphProto &subgraph,
                              StringRef attribute, ArrayRef<Value> inputs, SmallVectorImpl<Value> &outputs) {
  std::string at = place;
  llvm::scope_exit restore([&] { place = at; });
  if (static_cast<size_t>(subgraph.input_size()) != inputs.size()) {
    diagnostics
        .error("onnx-subgraph-arity", place,
               "attribute '" + attribute + "' is a graph with " + Twine(subgraph.input_size()) +
                   " inputs, but the node gives it " + Twine(inputs.size()))
        .note("export the model again");
    return false;
  }
  if (!countNodes(subgraph.node_size()))
    return false;
  GraphScope inner{
      {place + ": attribute " + quoted(attribute), scope.prefix, &scope, context.builder.getInsertionBlock()},
      scope.opsets,
      scope.calls,
      &subgraph};
  addInitializers(inner);
  reportSparse(subgraph, inner.place);
  for (auto [input, value] : llvm::zip_equal(subgraph.input(), inputs)) {
    if (value)
      inner.values[input.name()] = value;
    else
      inner.absent.insert(input.name());
  }
  size_t errors = diagnostics.getNumErrors(), gaps = unsupportedPlaces.size();
  for (auto [position, nested] : llvm::enumerate(subgraph.node()))
    importNode(context, inner, nested, position);
  for (const auto &output : subgraph.output()) {
    std::optional<Value> value = lookUp(context, inner, output.name());
    if (value && !*value)
      return false;
    outputs.push_back(value.value_or(Value()));
  }
  return diagnostics.getNumErrors() == errors && unsupportedPlaces.size() == gaps;
}

//===----------------------------------------------------------------------===//
// Functions of the model
//===----------------------------------------------------------------------===//

const FunctionProto *Importer::findFunction(const NodeProto &node) {
  for (const FunctionProto &function : file.model().functions())
    if (function.name() == node.op_type() && function.overload() == node.overload() &&
        canonicalDomain(function.domain()) == canonicalDomain(node.domain()))
      return &function;
  return nullptr;
}

/// Replaces an attribute that refers to one of the function by its value at
/// the call or its default; without either, the attribute is left out.
static void bindAttributes(NodeProto &node, const NodeProto &call, const FunctionProto &function) {
  for (int i = node.attribute_size(); i-- > 0;) {
    AttributeProto &attribute = *node.mutable_attribute(i);
    std::string reference = attribute.ref_attr_name();
    if (reference.empty()) {
      if (attribute.has_g())
        for (NodeProto &inner : *attribute.mutable_g()->mutable_node())
          bindAttributes(inner, call, function);
      continue;
    }
    auto named = [&](const AttributeProto &other) { return other.name() == reference; };
    const AttributeProto *value = nullptr;
    if (auto given = llvm::find_if(call.attribute(), named); given != call.attribute().end())
      value = &*given;
    else if (auto otherwise = llvm::find_if(function.attribute_proto(), named);
             otherwise != function.attribute_proto().end())
      value = &*otherwise;
    if (!value) {
      node.mutable_attribute()->DeleteSubrange(i, 1);
      continue;
    }
    std::string name = attribute.name();
    attribute = *value;
    attribute.set_name(name);
  }
}

void Importer::importCall(ImportContext &context, GraphScope &scope, const NodeProto &node, int index,
                          const FunctionProto &function, const OpSchema *schema) {
  place = scope.place + ": " + describeNode(node, index, schema);
  if (llvm::is_contained(scope.calls, &function)) {
    diagnostics.error("onnx-recursive-function", place, "function " + quoted(function.name()) + " calls itself")
        .note("functions are expanded where they are called; use Loop instead");
    return;
  }
  if (int64_t most = options.limits[Limit::Depth]; static_cast<int64_t>(scope.calls.size()) > most) {
    diagnostics
        .error("onnx-recursive-function", place,
               "function " + quoted(function.name()) + " is called by more than " + Twine(most) +
                   " functions, one inside the other")
        .note("functions are expanded where they are called; " + howToRaise(Limit::Depth));
    return;
  }
  if (!countNodes(function.node_size()))
    return;
  // Its nodes are copied when it is expanded, so none may be told from others then.
  if (hasBadNodes(function.node())) {
    findGaps(getOpsetImports(function.opset_import()), function.node(), place);
    return skipNode(context, scope, node, place);
  }
  if (node.input_size() > function.input_size() || node.output_size() > function.output_size()) {
    diagnostics
        .error("onnx-arity", place,
               "has " + Twine(node.input_size()) + " inputs and " + Twine(node.output_size()) +
                   " outputs, but the function " + "has only " + Twine(function.input_size()) + " and " +
                   Twine(function.output_size()))
        .note("export the model again");
    return;
  }
  SmallVector<Value> operands;
  if (!findOperands(context, scope, node, operands))
    return skipUnread(context, scope, node);

  GraphScope body{
      {place, scope.prefix + nodeName(node, index) + "/"}, getOpsetImports(function.opset_import()), scope.calls};
  body.calls.push_back(&function);
  for (auto [position, input] : llvm::enumerate(function.input())) {
    if (position < operands.size() && operands[position])
      body.values[input] = operands[position];
    else
      body.absent.insert(input);
  }
  body.block = context.builder.getInsertionBlock();
  for (auto [position, inner] : llvm::enumerate(function.node())) {
    NodeProto bound = inner;
    bindAttributes(bound, node, function);
    importNode(context, body, bound, position);
  }
  for (auto [position, output] : llvm::enumerate(node.output())) {
    std::optional<Value> value = lookUp(context, body, function.output(position));
    if (value)
      scope.values[output] = *value;
    else
      scope.setAbsent(output);
  }
}

/// Ranks that exporters write down for values and outputs say what a node was
/// meant to do where its operands leave that open. Follows elementwise nodes that
/// keep the rank of their first input.
std::optional<int64_t> Importer::declaredRank(const GraphScope &scope, StringRef name, int depth) {
  constexpr int maxDepth = 16;
  if (!scope.graph || depth == maxDepth)
    return std::nullopt;
  for (const auto *list : {&scope.graph->output(), &scope.graph->value_info()})
    for (const auto &info : *list)
      if (info.name() == name && info.type().tensor_type().has_shape())
        return info.type().tensor_type().shape().dim_size();
  static const llvm::StringSet<> keepsRank = {"Sigmoid", "Tanh", "Relu", "Exp",   "Log",  "Sqrt",      "Neg",
                                              "Abs",     "Cast", "Clip", "Mul",   "Add",  "Sub",       "Div",
                                              "Pow",     "Erf",  "Elu",  "Floor", "Ceil", "LeakyRelu", "Identity"};
  for (const NodeProto &user : scope.graph->node()) {
    // A second input of a higher rank says a rank that fits nowhere.
    if (user.input_size() == 0 || user.input(0) != name || user.output_size() != 1 ||
        !keepsRank.contains(user.op_type()))
      continue;
    if (std::optional<int64_t> rank = declaredRank(scope, user.output(0), depth + 1))
      return rank;
  }
  return std::nullopt;
}
