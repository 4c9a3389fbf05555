// lib/Import/ONNX/CheckNode.cpp: a node's inputs, outputs and attributes
// against its schema.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CheckModel.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::StringRef;
using llvm::Twine;
using ::onnx::AttributeProto;
using ::onnx::NodeProto;

int onnx_import::getAttributeType(const AttributeProto &attribute) {
  if (attribute.type() != AttributeProto::UNDEFINED)
    return attribute.type();
  if (attribute.has_f())
    return AttributeProto::FLOAT;
  if (attribute.has_i())
    return AttributeProto::INT;
  if (attribute.has_s())
    return AttributeProto::STRING;
  if (attribute.has_t())
    return AttributeProto::TENSOR;
  if (attribute.has_g())
    return AttributeProto::GRAPH;
  if (attribute.floats_size())
    return AttributeProto::FLOATS;
  if (attribute.ints_size())
    return AttributeProto::INTS;
  if (attribute.strings_size())
    return AttributeProto::STRINGS;
  return AttributeProto::UNDEFINED;
}

StringRef onnx_import::attributeTypeName(int type) {
  switch (type) {
  case AttributeProto::FLOAT:
    return "a float";
  case AttributeProto::INT:
    return "an int";
  case AttributeProto::STRING:
    return "a string";
  case AttributeProto::TENSOR:
    return "a tensor";
  case AttributeProto::GRAPH:
    return "a graph";
  case AttributeProto::SPARSE_TENSOR:
    return "a sparse tensor";
  case AttributeProto::TYPE_PROTO:
    return "a type";
  case AttributeProto::FLOATS:
    return "a list of floats";
  case AttributeProto::INTS:
    return "a list of ints";
  case AttributeProto::STRINGS:
    return "a list of strings";
  case AttributeProto::TENSORS:
    return "a list of tensors";
  case AttributeProto::GRAPHS:
    return "a list of graphs";
  case AttributeProto::SPARSE_TENSORS:
    return "a list of sparse tensors";
  case AttributeProto::TYPE_PROTOS:
    return "a list of types";
  default:
    return "nothing";
  }
}

/// Whether the field that goes with a single-valued type is there at all.
static bool hasValue(const AttributeProto &attribute) {
  switch (getAttributeType(attribute)) {
  case AttributeProto::FLOAT:
    return attribute.has_f();
  case AttributeProto::INT:
    return attribute.has_i();
  case AttributeProto::STRING:
    return attribute.has_s();
  case AttributeProto::TENSOR:
    return attribute.has_t();
  case AttributeProto::GRAPH:
    return attribute.has_g();
  default:
    return true;
  }
}

/// "1 is", "2 are", "1 to 3 are" or "at least 2 are".
static std::string formatArity(int low, int high) {
  if (low == high)
    return std::to_string(low) + (low == 1 ? " is" : " are");
  if (high == OpSchema::unlimited)
    return "at least " + std::to_string(low) + " are";
  return std::to_string(low) + " to " + std::to_string(high) + " are";
}

bool onnx_import::checkArity(const NodeProto &node, const OpSchema &schema, StringRef place, Diagnostics &diagnostics) {
  size_t before = diagnostics.getNumErrors();
  auto report = [&](StringRef what, int have, int low, int high) {
    if (have >= low && have <= high)
      return true;
    diagnostics
        .error("onnx-arity", place, "has " + Twine(have) + " " + what + ", but " + formatArity(low, high) + " expected")
        .note("export the model again; the operator's signature depends on "
              "the opset");
    return false;
  };
  // Trailing empty names stand for optional values that are left out.
  int inputs = node.input_size(), outputs = node.output_size();
  while (inputs > schema.minInputs && node.input(inputs - 1).empty())
    --inputs;
  while (outputs > schema.minOutputs && node.output(outputs - 1).empty())
    --outputs;
  report("outputs", outputs, schema.minOutputs, schema.maxOutputs);
  if (!report("inputs", inputs, schema.minInputs, schema.maxInputs))
    return false;
  for (int i = 0; i < inputs; ++i) {
    const ParameterSchema *parameter = schema.input(i);
    if (node.input(i).empty() && parameter && parameter->kind != ParameterKind::Optional)
      diagnostics
          .error("onnx-arity", place,
                 "input '" + parameter->name +
                     "' is left out, but it is not "
                     "optional")
          .note("give the input a value");
  }
  return diagnostics.getNumErrors() == before;
}

bool onnx_import::checkAttributes(const NodeProto &node, const OpSchema &schema, StringRef place, bool inFunction,
                                  Diagnostics &diagnostics) {
  size_t before = diagnostics.getNumErrors();
  llvm::StringSet<> seen;
  for (const AttributeProto &attribute : node.attribute()) {
    const AttributeSchema *expected = schema.attribute(attribute.name());
    if (!expected) {
      llvm::SmallVector<StringRef> known;
      for (const AttributeSchema &other : schema.attributes)
        known.push_back(other.name);
      diagnostics
          .error("onnx-unknown-attribute", place,
                 "there is no attribute " + quoted(attribute.name()) + didYouMean(attribute.name(), known))
          .note(known.empty() ? "the operator has no attributes" : "the operator has: " + llvm::join(known, ", "));
      continue;
    }
    if (!seen.insert(attribute.name()).second)
      diagnostics.error("onnx-duplicate-name", place, "attribute '" + expected->name + "' is given twice")
          .note("give the attribute once");
    if (!attribute.ref_attr_name().empty()) {
      if (!inFunction)
        diagnostics
            .error("onnx-attribute-reference", place,
                   "attribute '" + expected->name + "' refers to " + quoted(attribute.ref_attr_name()) +
                       ", but only nodes of a function have such attributes")
            .note("give the attribute a value");
      continue;
    }
    int type = getAttributeType(attribute);
    // An empty list that an old exporter wrote without a type fits any list.
    bool emptyList = type == AttributeProto::UNDEFINED;
    if ((type != expected->type && !emptyList) || !hasValue(attribute))
      diagnostics
          .error("onnx-attribute-type", place,
                 "attribute '" + expected->name + "' is " +
                     attributeTypeName(hasValue(attribute) ? type : int(AttributeProto::UNDEFINED)) + ", but " +
                     attributeTypeName(expected->type) + " is expected")
          .note("export the model again; the attribute's type depends on the "
                "opset");
  }
  for (const AttributeSchema &attribute : schema.attributes)
    if (attribute.required && !seen.contains(attribute.name))
      diagnostics.error("onnx-missing-attribute", place, "attribute '" + attribute.name + "' is missing, but required")
          .note("give it as " + attributeTypeName(attribute.type));
  return diagnostics.getNumErrors() == before;
}
