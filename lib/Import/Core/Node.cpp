// lib/Import/Core/Node.cpp: inputs, attributes and errors of a node;
// NodeBuilder.cpp makes its ops.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Node.h"

#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using namespace lathe::importer;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

Node::Node(ImportContext &context, const Operator &op, const OpSchema &schema, std::string place, mlir::Location loc,
           llvm::ArrayRef<Value> operands, DeclaredRankFn declaredRank)
    : context(context), loc(loc), op(op), schema(schema), place(std::move(place)), operands(operands),
      declaredRankFn(declaredRank) {}

StringRef Node::inputName(unsigned index) const {
  const ParameterSchema *parameter = schema.input(index);
  return parameter ? StringRef(parameter->name) : StringRef("?");
}

void Node::setOutput(unsigned index, Value value) {
  if (results.size() <= index)
    results.resize(index + 1);
  results[index] = value;
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

template <typename T> const T *Node::find(StringRef name) {
  readAttributes.insert(name);
  const Attribute *attribute = op.find(name);
  return attribute ? std::get_if<T>(&attribute->value) : nullptr;
}

bool Node::has(StringRef name) {
  readAttributes.insert(name);
  return op.find(name) != nullptr;
}

int64_t Node::integer(StringRef name) {
  if (const auto *value = find<int64_t>(name))
    return *value;
  const AttributeSchema *known = schema.attribute(name);
  return known ? known->intDefault : 0;
}

int64_t Node::positiveCount(StringRef name) {
  int64_t count = integer(name), most = int64_t(1) << 31;
  if (failed() || (count >= 1 && count <= most))
    return failed() ? 0 : count;
  error("onnx-count-range", "'" + name + "' is " + Twine(count) + ", but it must be from 1 to " + Twine(most))
      .note("export the model again");
  return 0;
}

double Node::number(StringRef name) {
  if (const auto *value = find<double>(name))
    return *value;
  const AttributeSchema *known = schema.attribute(name);
  return known ? known->floatDefault : 0;
}

StringRef Node::string(StringRef name) {
  if (const auto *value = find<StringRef>(name))
    return *value;
  const AttributeSchema *known = schema.attribute(name);
  return known ? known->stringDefault : StringRef();
}

SmallVector<int64_t> Node::integers(StringRef name) {
  if (const auto *value = find<SmallVector<int64_t>>(name))
    return *value;
  SmallVector<int64_t> result;
  if (const AttributeSchema *known = schema.attribute(name)) {
    SmallVector<StringRef> parts;
    known->intsDefault.split(parts, ' ', -1, /*KeepEmpty=*/false);
    for (StringRef part : parts) {
      int64_t value = 0;
      if (!part.getAsInteger(10, value))
        result.push_back(value);
    }
  }
  return result;
}

SmallVector<double> Node::numbers(StringRef name) {
  const auto *value = find<SmallVector<double>>(name);
  return value ? *value : SmallVector<double>();
}

SmallVector<StringRef> Node::strings(StringRef name) {
  const auto *value = find<SmallVector<StringRef>>(name);
  return value ? *value : SmallVector<StringRef>();
}

const GraphAttribute *Node::graph(StringRef name) { return find<GraphAttribute>(name); }

bool Node::importGraph(StringRef name, llvm::ArrayRef<Value> inputs, llvm::SmallVectorImpl<Value> &outputs,
                       size_t expected) {
  const GraphAttribute *subgraph = failed() ? nullptr : graph(name);
  if (!subgraph)
    return false;
  if (subgraph->outputElements.size() != expected) {
    error("onnx-subgraph-arity", "attribute '" + name + "' is a graph with " + Twine(subgraph->outputElements.size()) +
                                     " outputs, but the node needs " + Twine(expected))
        .note("export the model again");
    return false;
  }
  if (subgraph->import(inputs, outputs))
    return true;
  hasFailed = true;
  return false;
}

void Node::lookInto(StringRef name) {
  llvm::SmallVector<Value> outputs;
  if (const GraphAttribute *subgraph = graph(name))
    subgraph->import({}, outputs);
}

const TensorAttribute *Node::tensor(StringRef name) { return find<TensorAttribute>(name); }

int64_t Node::axis(StringRef name, Value x) { return normalizeAxis(integer(name), rank(x), name); }

void Node::ignore(std::initializer_list<StringRef> names) {
  for (StringRef name : names)
    readAttributes.insert(name);
}

StringRef Node::unreadAttribute() const {
  for (const Attribute &attribute : op.attributes)
    // A hint of ONNX's first opsets about memory that may be overwritten.
    if (!readAttributes.contains(attribute.name) && attribute.name != "consumed_inputs")
      return attribute.name;
  return {};
}

//===----------------------------------------------------------------------===//
// Knowledge of values
//===----------------------------------------------------------------------===//

int64_t Node::rank(Value x) const { return x ? mlir::cast<mlir::RankedTensorType>(x.getType()).getRank() : 0; }

Dims Node::dims(Value x) { return x ? context.solver.dims(x) : Dims(); }

Type Node::element(Value x) const { return x ? mlir::getElementTypeOrSelf(x.getType()) : Type(); }

bool Node::isFloat(Value x) const { return x && mlir::isa<mlir::FloatType>(element(x)); }

int64_t Node::staticDim(Value x, unsigned i, StringRef what) {
  if (failed())
    return 1;
  auto type = mlir::cast<mlir::RankedTensorType>(x.getType());
  if (i < type.getRank() && !type.isDynamicDim(i))
    return type.getDimSize(i);
  error("onnx-dynamic-dim", what + " needs dimension " + Twine(i) +
                                " of its input, which is known only at run "
                                "time")
      .note("fix the dimension with --dim NAME=VALUE or export the model with "
            "a fixed size");
  return 1;
}

int64_t Node::normalizeAxis(int64_t axis, int64_t rank, StringRef what) {
  if (axis >= -rank && axis < rank)
    return axis < 0 ? axis + rank : axis;
  if (!failed())
    error("onnx-axis-range", "'" + what + "' is " + Twine(axis) + ", but the operand has rank " + Twine(rank))
        .note(rank == 0 ? Twine("a scalar has no axes")
                        : "an axis from " + Twine(-rank) + " to " + Twine(rank - 1) + " is expected");
  return 0;
}

SmallVector<int64_t> Node::normalizeAxes(llvm::ArrayRef<int64_t> axes, int64_t rank, StringRef what) {
  SmallVector<int64_t> result;
  for (int64_t axis : axes)
    result.push_back(normalizeAxis(axis, rank, what));
  llvm::sort(result);
  if (!failed() && llvm::adjacent_find(result) != result.end())
    error("onnx-axis-range", "'" + what + "' names a dimension twice").note("give every axis once");
  return result;
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

Diagnostic &Node::error(StringRef id, const Twine &message) {
  hasFailed = true;
  return context.diagnostics.error(id, place, message);
}

Value Node::noteFailure() {
  // The solver or verifier has reported it through MLIR's diagnostics.
  hasFailed = true;
  return {};
}

Value Node::unsupported(StringRef attribute, const Twine &value, const Twine &supported) {
  if (!failed())
    error("onnx-unsupported-attribute", "attribute '" + attribute + "' is " + value + ", which is not supported")
        .note(supported);
  return {};
}
