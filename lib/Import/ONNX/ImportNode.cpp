// lib/Import/ONNX/ImportNode.cpp: imports one node, or the body of the function
// that it calls.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ElementType.h"
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
using ::onnx::NodeProto;

/// "float32, float64 or bool" for a mask of element types.
static std::string formatTypes(uint32_t mask) {
  SmallVector<std::string> names;
  for (int32_t type = 1; type < 32; ++type)
    if (mask & (1u << type))
      if (const ElementType *known = findElementType(type))
        names.push_back(known->name.str());
  return llvm::join(names, ", ");
}

bool Importer::checkTypes(const NodeProto &node, const OpSchema &schema, ArrayRef<Value> operands) {
  bool good = true;
  llvm::StringMap<int> first;
  for (auto [index, operand] : llvm::enumerate(operands)) {
    const ParameterSchema *parameter = schema.input(index);
    if (!operand || !parameter)
      continue;
    int32_t type = toONNXType(getElementTypeOrSelf(operand.getType()));
    if (!(parameter->types & (1u << type))) {
      good = false;
      diagnostics
          .error("onnx-input-dtype", place,
                 "input '" + parameter->name + "' is " + elementTypeName(type) + ", but the operator takes " +
                     formatTypes(parameter->types))
          .note("add a Cast before the node");
      continue;
    }
    bool shared =
        !parameter->typeVariable.empty() && (parameter->kind != ParameterKind::Variadic || parameter->homogeneous);
    if (!shared)
      continue;
    auto [entry, isFirst] = first.try_emplace(parameter->typeVariable, index);
    int32_t expected = toONNXType(getElementTypeOrSelf(operands[entry->second].getType()));
    if (isFirst || expected == type)
      continue;
    good = false;
    diagnostics
        .error("onnx-input-dtype", place,
               "input '" + parameter->name + "' is " + elementTypeName(type) + ", but input '" +
                   schema.input(entry->second)->name + "' is " + elementTypeName(expected))
        .note("both must have one type; add a Cast before the node");
  }
  return good;
}

/// Collects the values of a node's inputs. Fails if one could not be made,
/// which has been reported where that happened.
bool Importer::findOperands(ImportContext &context, Scope &scope, const NodeProto &node,
                            SmallVectorImpl<Value> &operands) {
  for (const std::string &input : node.input()) {
    bool absent = input.empty() || scope.absent.contains(input);
    Value value = absent ? Value() : lookUp(context, scope, input);
    if (!value && !absent)
      return false;
    operands.push_back(value);
  }
  // Inputs at the end that are left out are as good as not there.
  while (!operands.empty() && !operands.back())
    operands.pop_back();
  return true;
}

void Importer::importNode(ImportContext &context, Scope &scope, const NodeProto &node, int index) {
  for (const std::string &output : node.output())
    scope.values[output] = Value();
  if (const FunctionProto *function = findFunction(node))
    return importCall(context, scope, node, index, *function);

  StringRef domain = canonicalDomain(node.domain());
  const OpSchema *schema = findSchema(domain, node.op_type(), scope.opsets.lookup(domain));
  place = scope.place + ": " + describeNode(node, index, schema);
  const OpRow *row = schema ? OpTable::get().find(*schema) : nullptr;
  if (!row) {
    std::string label = schema ? schema->label() : node.op_type();
    unsupported[StringAttr::get(&mlir, label)].push_back(place);
    return addPlaceholders(context, scope, node);
  }
  SmallVector<Value> operands;
  if (!findOperands(context, scope, node, operands) || !checkTypes(node, *schema, operands))
    return addPlaceholders(context, scope, node);

  std::string name = scope.prefix + nodeName(node, index);
  Location loc = graph::getNodeLocation(&mlir, file.name(), name, schema->label());
  current = &node;
  currentOperands = operands;
  llvm::scope_exit forget([&] {
    current = nullptr;
    currentOperands = {};
  });
  Node view(context, node, *schema, place, loc, operands);
  if (row->import)
    view.setOutput(0, row->import(view));
  else
    row->importMany(view);
  if (StringRef unread = view.unreadAttribute(); !view.failed() && !unread.empty())
    view.unsupported(unread, "given", "leave the attribute out");
  if (view.failed())
    return addPlaceholders(context, scope, node);
  for (auto [position, output] : llvm::enumerate(node.output())) {
    if (output.empty())
      continue;
    scope.values[output] = view.output(position);
    if (!view.output(position))
      diagnostics
          .error("onnx-unsupported-output", place, "output '" + schema->output(position)->name + "' is not supported")
          .note("remove what uses " + quoted(output));
  }
}

//===----------------------------------------------------------------------===//
// Functions of the model
//===----------------------------------------------------------------------===//

/// No exporter nests functions deeper, or makes larger models of them.
static constexpr size_t maxCallDepth = 32;
static constexpr int64_t maxExpandedNodes = 1'000'000;

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
    if (reference.empty())
      continue;
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

void Importer::importCall(ImportContext &context, Scope &scope, const NodeProto &node, int index,
                          const FunctionProto &function) {
  place = scope.place + ": " + describeNode(node, index, nullptr);
  if (llvm::is_contained(scope.calls, &function) || scope.calls.size() == maxCallDepth) {
    diagnostics
        .error("onnx-recursive-function", place,
               "function " + quoted(function.name()) +
                   (scope.calls.size() == maxCallDepth
                        ? " is called by more than " + std::to_string(maxCallDepth) + " functions, one inside the other"
                        : " calls itself"))
        .note("functions are expanded where they are called; use Loop instead");
    return;
  }
  expandedNodes += function.node_size();
  if (expandedNodes > maxExpandedNodes) {
    // Said once: a few small functions can stand for endless work.
    if (expandedNodes - function.node_size() <= maxExpandedNodes)
      diagnostics
          .error("onnx-too-large", place,
                 "the functions of the model expand to more than " + Twine(maxExpandedNodes) + " nodes")
          .note("export the model without functions that call each other");
    return;
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
    return addPlaceholders(context, scope, node);

  Scope body{getOpsetImports(function.opset_import()),   {},         {}, place,
             scope.prefix + nodeName(node, index) + "/", scope.calls};
  body.calls.push_back(&function);
  for (auto [position, input] : llvm::enumerate(function.input())) {
    if (position < operands.size() && operands[position])
      body.values[input] = operands[position];
    else
      body.absent.insert(input);
  }
  for (auto [position, inner] : llvm::enumerate(function.node())) {
    NodeProto bound = inner;
    bindAttributes(bound, node, function);
    importNode(context, body, bound, position);
  }
  for (auto [position, output] : llvm::enumerate(node.output()))
    scope.values[output] = body.values.lookup(function.output(position));
}

/// Lets the import go on after an error, so that later gaps are found too:
/// outputs whose type the model declares get a value of that type.
void Importer::addPlaceholders(ImportContext &context, Scope &scope, const NodeProto &node) {
  if (!scope.calls.empty()) // The model declares types of its own values only.
    return;
  for (const std::string &output : node.output()) {
    auto declared = llvm::find_if(graph.value_info(), [&](const auto &info) { return info.name() == output; });
    if (declared == graph.value_info().end())
      continue;
    const auto &tensor = declared->type().tensor_type();
    Type element = toMLIRType(&mlir, tensor.elem_type());
    if (!element || !tensor.has_shape() || tensor.shape().dim_size() > maxRank)
      continue;
    Type type = inputType(context, *declared);
    scope.values[output] =
        UnrealizedConversionCastOp::create(context.builder, fileLoc(), type, ValueRange()).getResult(0);
  }
}
