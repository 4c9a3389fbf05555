// lib/Import/ONNX/RuntimeSequence.cpp: sequences and optional values of which the
// importer knows the type only.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Sequence.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::SmallVector;
using mlir::RankedTensorType;
using mlir::TensorType;

Type onnx_import::runtimeType(Value value) {
  if (!value || graph::isValueType(value.getType()))
    return value ? value.getType() : Type();
  if (!isStatic(value))
    return graph::asElement(value.getType());
  Type element;
  for (Type type : elementsOf(value).getTypes())
    element = element ? graph::join(element, graph::asElement(type)) : graph::asElement(type);
  if (!element)
    element = mlir::UnrankedTensorType::get(elementTypeOf(value));
  return graph::SequenceType::get(value.getContext(), mlir::cast<TensorType>(element));
}

/// Nothing is known of its elements but their type, whatever the other one says.
static bool isEmptyStatic(Value value) { return isStatic(value) && elementsOf(value).empty(); }

Type onnx_import::commonType(Value a, Value b) {
  Type first = runtimeType(a), second = runtimeType(b);
  if (!first && !second)
    return {};
  auto contentOf = [](Type type) {
    auto optional = mlir::dyn_cast_or_null<graph::OptionalType>(type);
    return optional ? optional.getContent() : type;
  };
  bool isOptional =
      !first || !second || mlir::isa<graph::OptionalType>(first) || mlir::isa<graph::OptionalType>(second);
  Type x = contentOf(first), y = contentOf(second);
  auto elementOf = [](Type type) {
    auto sequence = mlir::dyn_cast_or_null<graph::SequenceType>(type);
    return sequence ? sequence.getElement().getElementType() : Type();
  };
  Type content;
  if (!x || !y)
    content = x ? x : y;
  else if (isEmptyStatic(a) && elementOf(x) == elementOf(y))
    content = y;
  else if (isEmptyStatic(b) && elementOf(x) == elementOf(y))
    content = x;
  else
    content = graph::join(x, y);
  // Two tensors of different shapes are one tensor, but not one value of a type.
  if (!content || (!isOptional && !mlir::isa<graph::SequenceType>(content)))
    return {};
  return isOptional ? Type(graph::OptionalType::get(content.getContext(), content)) : content;
}

Value onnx_import::toRuntime(mlir::OpBuilder &builder, mlir::Location loc, Value value, Type type) {
  if (auto optional = mlir::dyn_cast<graph::OptionalType>(type);
      optional && !(value && mlir::isa<graph::OptionalType>(value.getType()))) {
    if (isStatic(value))
      value = toRuntime(builder, loc, value, optional.getContent());
    return graph::OptionalOp::create(builder, loc, type, value);
  }
  if (isStatic(value))
    return graph::SequenceOp::create(builder, loc, type, elementsOf(value));
  return value.getType() == type ? value : Value(graph::GeneralizeOp::create(builder, loc, type, value));
}

/// A tensor type without expressions of symbols; unranked where the model says no shape.
static TensorType importElementType(mlir::MLIRContext *context, const ::onnx::TypeProto_Tensor &tensor) {
  Type element = toMLIRType(context, tensor.elem_type());
  if (!element || tensor.shape().dim_size() > static_cast<int>(graph::ShapeSolver::maxRank))
    return {};
  if (!tensor.has_shape())
    return mlir::UnrankedTensorType::get(element);
  SmallVector<int64_t> shape;
  for (const auto &dim : tensor.shape().dim())
    shape.push_back(dim.has_dim_value() && dim.dim_value() >= 0 ? dim.dim_value() : mlir::ShapedType::kDynamic);
  return RankedTensorType::get(shape, element);
}

/// A map, or a sequence of them; null for other types.
static Type importMapType(mlir::MLIRContext *context, const ::onnx::TypeProto &type) {
  bool isMany = type.has_sequence_type();
  const ::onnx::TypeProto &one = isMany ? type.sequence_type().elem_type() : type;
  if (!one.has_map_type() || !one.map_type().value_type().has_tensor_type())
    return {};
  Type key = toMLIRType(context, one.map_type().key_type());
  Type value = toMLIRType(context, one.map_type().value_type().tensor_type().elem_type());
  auto ignore = [&] { return mlir::emitError(mlir::UnknownLoc::get(context)); };
  mlir::ScopedDiagnosticHandler silent(context, [](mlir::Diagnostic &) { return mlir::success(); });
  return key && value ? Type(graph::MapType::getChecked(ignore, context, key, value, isMany)) : Type();
}

Type onnx_import::importValueType(mlir::MLIRContext *context, const ::onnx::TypeProto &type) {
  if (Type map = importMapType(context, type))
    return map;
  if (type.has_optional_type()) {
    const ::onnx::TypeProto &content = type.optional_type().elem_type();
    Type held = content.has_tensor_type()     ? Type(importElementType(context, content.tensor_type()))
                : content.has_sequence_type() ? importValueType(context, content)
                                              : Type();
    return held ? Type(graph::OptionalType::get(context, held)) : Type();
  }
  if (!type.has_sequence_type() || !type.sequence_type().elem_type().has_tensor_type())
    return {};
  TensorType element = importElementType(context, type.sequence_type().elem_type().tensor_type());
  return element ? Type(graph::SequenceType::get(context, element)) : Type();
}

Value onnx_import::elementAt(Node &node, Value sequence, Value position) {
  if (node.failed())
    return {};
  TensorType element = mlir::cast<graph::SequenceType>(sequence.getType()).getElement();
  std::optional<int64_t> declared = element.hasRank() ? element.getRank() : node.declaredRank(0);
  if (!declared || *declared > static_cast<int64_t>(graph::ShapeSolver::maxRank)) {
    node.error("onnx-unknown-rank", "the rank of the element is not known: the sequence may hold tensors of any")
        .note("declare the shape of the element in the model; single dims may stay unknown");
    return {};
  }
  int64_t rank = *declared;
  SmallVector<int64_t> shape(rank, mlir::ShapedType::kDynamic);
  if (element.hasRank())
    shape.assign(element.getShape().begin(), element.getShape().end());
  Dims dims;
  Value read;
  for (auto [d, size] : llvm::enumerate(shape)) {
    if (!mlir::ShapedType::isDynamic(size)) {
      dims.push_back(node.solver().constant(size));
      continue;
    }
    if (!read)
      read = graph::SequenceShapeOp::create(
          node.builder(), node.loc, RankedTensorType::get({rank}, node.builder().getI64Type()), sequence, position);
    dims.push_back(node.solver().element(node.builder(), read, static_cast<int64_t>(d)));
  }
  return node.createTyped<graph::SequenceAtOp>(node.solver().type(dims, element.getElementType()), sequence, position);
}

Value onnx_import::lengthOf(Node &node, Value sequence) {
  if (node.failed())
    return {};
  return node.createTyped<graph::SequenceLengthOp>(RankedTensorType::get({}, node.builder().getI64Type()), sequence);
}

Value onnx_import::append(Node &node, Value sequence, Value element) {
  if (node.failed())
    return {};
  SmallVector<Value> elements;
  if (isStatic(sequence))
    llvm::append_range(elements, elementsOf(sequence));
  elements.push_back(element);
  Value made = makeSequence(node, elementTypeOf(sequence), elements);
  if (node.failed() || isStatic(sequence))
    return made;
  Type type = commonType(sequence, made);
  return node.failed() ? Value() : node.createTyped<graph::SequenceInsertOp>(type, element, sequence, Value());
}
