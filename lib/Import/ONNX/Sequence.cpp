// lib/Import/ONNX/Sequence.cpp: operators on sequences and optional values,
// followed while the model is imported.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Sequence.h"

#include "ElementType.h"
#include "OpTable.h"
#include "Tensor.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::Twine;
using mlir::AffineExpr;

/// Name of the attribute that holds the element type.
static constexpr llvm::StringLiteral elementAttribute = "element";

Type onnx_import::elementTypeOf(Value sequence) {
  Type type = sequence.getType();
  if (auto optional = mlir::dyn_cast<graph::OptionalType>(type))
    type = optional.getContent();
  if (auto runtime = mlir::dyn_cast<graph::SequenceType>(type))
    type = runtime.getElement();
  if (auto tensor = mlir::dyn_cast<mlir::TensorType>(type))
    return tensor.getElementType();
  return sequence.getDefiningOp()->getAttrOfType<mlir::TypeAttr>(elementAttribute).getValue();
}

Value onnx_import::makeSequence(Node &node, Type element, ArrayRef<Value> elements) {
  if (node.failed() || !element)
    return node.noteFailure();
  for (Value value : elements)
    if (node.element(value) != element) {
      node.error("onnx-input-dtype", "an element is " + elementTypeName(toONNXType(node.element(value))) +
                                         ", but the sequence is of " + elementTypeName(toONNXType(element)))
          .note("all elements of a sequence need one type; add a Cast");
      return {};
    }
  auto type = mlir::TupleType::get(element.getContext(), mlir::ValueRange(elements).getTypes());
  auto op = mlir::UnrealizedConversionCastOp::create(node.builder(), node.loc, type, elements);
  op->setAttr(elementAttribute, mlir::TypeAttr::get(element));
  return op.getResult(0);
}

/// The elements of input 0, which is static.
static SmallVector<Value> readElements(Node &node) {
  return node.failed() ? SmallVector<Value>() : SmallVector<Value>(elementsOf(node.input(0)));
}

/// Whether a sequence input is no optional value; an error where it is.
static bool checkSequence(Node &node, unsigned index) {
  Value sequence = node.input(index);
  if (node.failed() || isStatic(sequence) || (sequence && mlir::isa<graph::SequenceType>(sequence.getType())))
    return !node.failed();
  node.error("onnx-input-dtype", "input '" + node.inputName(index) +
                                     "' is an optional value or a tensor, but the operator takes a sequence")
      .note("get the sequence with OptionalGetElement");
  return false;
}

/// Input `index`, a sequence, as one of the graph dialect.
static Value runtimeSequence(Node &node, unsigned index) {
  Value sequence = node.input(index);
  return toRuntime(node.builder(), node.loc, sequence, runtimeType(sequence));
}

/// Whether the elements of an integer input are known, so that what depends on them
/// can be followed while the model is imported.
static bool isKnown(Node &node, unsigned index) {
  Value value = node.input(index);
  if (node.failed() || !value || graph::ShapeSolver::constantContents(value))
    return true;
  std::optional<Dims> known = node.solver().contents(value);
  return known && llvm::all_of(*known, llvm::IsaPred<mlir::AffineConstantExpr>);
}

/// Requires one element, as positions have.
static bool checkPosition(Node &node, unsigned index) {
  Value position = node.input(index);
  if (node.failed() || !position)
    return !node.failed();
  auto type = mlir::cast<mlir::RankedTensorType>(position.getType());
  if (type.hasStaticShape() && type.getNumElements() == 1)
    return true;
  node.error("onnx-sequence-position", "'" + node.inputName(index) + "' must have one element").note("give a scalar");
  return false;
}

/// The elements of an integer input that is known.
static SmallVector<int64_t> constantIntegers(Node &node, unsigned index) {
  SmallVector<int64_t> result;
  if (node.failed())
    return result;
  std::optional<Dims> known = node.solver().contents(node.input(index));
  if (auto constants = graph::ShapeSolver::constantContents(node.input(index)))
    return *constants;
  for (mlir::AffineExpr entry : *known)
    result.push_back(mlir::cast<mlir::AffineConstantExpr>(entry).getValue());
  return result;
}

/// The position that input `index` says, from 0 to `limit`; negative ones count
/// from `length`.
static int64_t readPosition(Node &node, unsigned index, int64_t length, int64_t limit) {
  SmallVector<int64_t> given = constantIntegers(node, index);
  if (node.failed())
    return 0;
  int64_t position = given.size() == 1 ? given[0] : 0;
  if (given.size() == 1 && position >= -length && position <= limit)
    return position < 0 ? position + length : position;
  node.error("onnx-sequence-position", given.size() == 1 ? "'" + node.inputName(index) + "' is " + Twine(position) +
                                                               ", but the sequence has length " + Twine(length)
                                                         : "'" + node.inputName(index) + "' has " +
                                                               Twine(given.size()) + " elements, but one is expected")
      .note(limit < -length ? Twine("an empty sequence has no elements")
                            : "a position from " + Twine(-length) + " to " + Twine(limit) + " is expected");
  return 0;
}

static Value importSequenceConstruct(Node &node) {
  return makeSequence(node, node.element(node.input(0)), node.inputs());
}

static Value importSequenceEmpty(Node &node) {
  int32_t number = node.has("dtype") ? static_cast<int32_t>(node.integer("dtype")) : ::onnx::TensorProto::FLOAT;
  Type element = toMLIRType(node.builder().getContext(), number);
  if (!element)
    return node.unsupported("dtype", elementTypeName(number), "the element types of tensors are");
  return makeSequence(node, element, {});
}

static Value importSequenceInsert(Node &node) {
  if (!checkSequence(node, 0) || !checkPosition(node, 2))
    return {};
  if (!isStatic(node.input(0)) || !isKnown(node, 2)) {
    Value made = makeSequence(node, elementTypeOf(node.input(0)), node.input(1));
    Type type = node.failed() ? Type() : commonType(node.input(0), made);
    return node.failed() ? Value()
                         : node.createTyped<graph::SequenceInsertOp>(type, node.input(1), runtimeSequence(node, 0),
                                                                     node.input(2));
  }
  SmallVector<Value> elements = readElements(node);
  int64_t length = elements.size();
  int64_t position = node.input(2) ? readPosition(node, 2, length, length) : length;
  if (node.failed())
    return {};
  elements.insert(elements.begin() + position, node.input(1));
  return makeSequence(node, elementTypeOf(node.input(0)), elements);
}

static Value importSequenceErase(Node &node) {
  if (!checkSequence(node, 0) || !checkPosition(node, 1))
    return {};
  if (!isStatic(node.input(0)) || !isKnown(node, 1)) {
    Value sequence = runtimeSequence(node, 0);
    return node.createTyped<graph::SequenceEraseOp>(sequence.getType(), sequence, node.input(1));
  }
  SmallVector<Value> elements = readElements(node);
  int64_t length = elements.size();
  int64_t position = node.input(1) ? readPosition(node, 1, length, length - 1) : length - 1;
  if (!node.failed() && elements.empty())
    node.error("onnx-sequence-position", "the sequence is empty: there is nothing to erase")
        .note("insert an element before");
  if (node.failed())
    return {};
  elements.erase(elements.begin() + position);
  return makeSequence(node, elementTypeOf(node.input(0)), elements);
}

static Value importSequenceAt(Node &node) {
  if (!checkSequence(node, 0) || !checkPosition(node, 1))
    return {};
  if (!isStatic(node.input(0)) || !isKnown(node, 1))
    return elementAt(node, runtimeSequence(node, 0), node.input(1));
  SmallVector<Value> elements = readElements(node);
  int64_t length = elements.size();
  int64_t position = readPosition(node, 1, length, length - 1);
  return node.failed() ? Value() : elements[position];
}

static Value importSequenceLength(Node &node) {
  if (!checkSequence(node, 0))
    return {};
  if (!isStatic(node.input(0)))
    return lengthOf(node, node.input(0));
  SmallVector<Value> elements = readElements(node);
  return node.scalar(node.builder().getI64Type(), static_cast<double>(elements.size()));
}

/// The elements of a sequence that is known only at run time as one tensor.
static Value concatAtRunTime(Node &node, Value sequence, bool isNew) {
  mlir::TensorType element = mlir::cast<graph::SequenceType>(sequence.getType()).getElement();
  std::optional<int64_t> rank = node.declaredRank(0);
  if (element.hasRank())
    rank = element.getRank() + isNew;
  if (!rank) {
    node.error("onnx-unknown-rank", "the rank of the result is not known: the sequence may hold tensors of any")
        .note("declare the shape of the result in the model; single dims may stay unknown");
    return {};
  }
  int64_t axis = node.normalizeAxis(node.integer("axis"), *rank, "axis");
  if (node.failed())
    return {};
  SmallVector<int64_t> shape(*rank, mlir::ShapedType::kDynamic);
  if (element.hasRank()) {
    shape.assign(element.getShape().begin(), element.getShape().end());
    if (isNew)
      shape.insert(shape.begin() + axis, mlir::ShapedType::kDynamic);
    shape[axis] = mlir::ShapedType::kDynamic;
  }
  auto whole = mlir::RankedTensorType::get(shape, element.getElementType());
  Value made = node.createTyped<graph::ConcatFromSequenceOp>(graph::SequenceType::get(whole.getContext(), whole),
                                                             sequence, axis, isNew);
  return elementAt(node, made, node.scalar(node.builder().getI64Type(), 0));
}

static Value importConcatFromSequence(Node &node) {
  if (!checkSequence(node, 0))
    return {};
  if (!isStatic(node.input(0)))
    return concatAtRunTime(node, node.input(0), node.flag("new_axis"));
  SmallVector<Value> elements = readElements(node);
  bool isNew = node.flag("new_axis");
  if (node.failed())
    return {};
  if (elements.empty()) {
    node.error("onnx-sequence-position", "the sequence is empty: there is nothing to concatenate")
        .note("insert an element before");
    return {};
  }
  int64_t axis = node.normalizeAxis(node.integer("axis"), node.rank(elements[0]) + isNew, "axis");
  if (isNew)
    for (Value &element : elements)
      element = axis <= node.rank(element) ? node.unsqueeze(element, {axis}) : element;
  return node.createAs<graph::ConcatOp>(node.element(elements[0]), mlir::ValueRange(elements), axis);
}

static Value importSplitToSequence(Node &node) {
  Value x = node.input(0), split = node.input(1);
  int64_t axis = node.axis("axis", x);
  bool keepDims = split || node.flag("keepdims");
  node.ignore({"keepdims"}); // Concerns parts of one element without 'split'.
  if (node.failed())
    return {};
  if (node.rank(x) == 0) {
    node.error("onnx-axis-range", "'input' is a scalar, which has no axis to split").note("reshape it to a vector");
    return {};
  }
  auto type = mlir::cast<mlir::RankedTensorType>(x.getType());
  if (!isKnown(node, 1) || type.isDynamicDim(axis)) {
    if (split && node.rank(split) > 1) {
      node.error("onnx-split-sizes", "'split' has rank " + Twine(node.rank(split)) + ", but 0 or 1 is expected")
          .note("give one size, or the size of each part");
      return {};
    }
    SmallVector<int64_t> shape(type.getShape());
    shape[axis] = split ? mlir::ShapedType::kDynamic : 1;
    if (!keepDims)
      shape.erase(shape.begin() + axis);
    auto part = mlir::RankedTensorType::get(shape, type.getElementType());
    return node.createTyped<graph::SplitToSequenceOp>(graph::SequenceType::get(part.getContext(), part), x, split, axis,
                                                      !keepDims);
  }
  int64_t size = type.getDimSize(axis);
  SmallVector<int64_t> sizes;
  if (!split) {
    sizes.assign(size, 1);
  } else if (node.rank(split) == 0) {
    SmallVector<int64_t> given = constantIntegers(node, 1);
    int64_t part = given.empty() ? 1 : given[0];
    if (!node.failed() && part <= 0)
      node.error("onnx-split-sizes", "'split' is " + Twine(part) + ", but parts have at least one element")
          .note("give a positive size");
    for (int64_t done = 0; !node.failed() && done < size; done += part)
      sizes.push_back(std::min(part, size - done));
  } else {
    sizes = constantIntegers(node, 1);
    int64_t sum = 0;
    bool isNegative = false;
    for (int64_t part : sizes) {
      sum += std::min(part, size + 1);
      isNegative |= part < 0;
    }
    if (!node.failed() && (sum != size || isNegative))
      node.error("onnx-split-sizes",
                 "the sizes in 'split' do not add up to " + Twine(size) + ", the size of dimension " + Twine(axis))
          .note("give sizes that are not negative and add up");
  }
  SmallVector<Value> parts;
  int64_t start = 0;
  for (int64_t part : sizes) {
    if (node.failed())
      return {};
    Dims dims = node.dims(x);
    dims[axis] = node.solver().constant(part);
    auto offset = graph::DimsAttr::get(node.builder().getContext(), node.solver().map({node.solver().constant(start)}));
    Value slice = node.createTyped<graph::SliceOp>(node.solver().type(dims, node.element(x)), x, Value(), Value(),
                                                   ArrayRef<int64_t>(axis), ArrayRef<int64_t>(1), offset);
    parts.push_back(keepDims ? slice : node.squeeze(slice, {axis}));
    start += part;
  }
  return makeSequence(node, node.element(x), parts);
}

/// The body once for each element of the first sequence.
static void importSequenceMap(Node &node) {
  for (auto [index, input] : llvm::enumerate(node.inputs()))
    if ((index == 0 || isSequence(input)) && !checkSequence(node, index))
      return;
  if (llvm::any_of(node.inputs(), [](Value input) { return isSequence(input) && !isStatic(input); }))
    return mapAtRunTime(node);
  SmallVector<Value> first = readElements(node);
  SmallVector<SmallVector<Value>> lists;
  for (auto [index, input] : llvm::enumerate(node.inputs())) {
    if (node.failed())
      return;
    if (!isSequence(input)) {
      lists.push_back(SmallVector<Value>(first.size(), input));
      continue;
    }
    lists.push_back(SmallVector<Value>(elementsOf(input)));
    if (lists.back().size() != first.size()) {
      node.error("onnx-sequence-position", "input " + Twine(index) + " has " + Twine(lists.back().size()) +
                                               " elements, but 'input_sequence' has " + Twine(first.size()))
          .note("all sequences need one length");
      return;
    }
  }
  size_t count = node.numOutputs();
  SmallVector<SmallVector<Value>> outputs(count);
  for (size_t turn = 0; turn < first.size(); ++turn) {
    SmallVector<Value> inputs, results;
    for (ArrayRef<Value> list : lists)
      inputs.push_back(list[turn]);
    if (!node.importGraph("body", inputs, results, count))
      return;
    for (auto [list, result] : llvm::zip_equal(outputs, results))
      list.push_back(result);
  }
  const GraphAttribute *body = node.graph("body");
  for (auto [index, list] : llvm::enumerate(outputs)) {
    if (node.failed() || !body)
      return;
    Type element = list.empty() ? body->outputElements[index] : node.element(list[0]);
    if (!element || llvm::any_of(list, isSequence)) {
      node.error("onnx-subgraph-output", "output " + Twine(index) + " of the body is no tensor").note("return tensors");
      return;
    }
    node.setOutput(index, makeSequence(node, element, list));
  }
}

//===----------------------------------------------------------------------===//
// Optional values: a tensor or sequence is its own optional
//===----------------------------------------------------------------------===//

static void importOptional(Node &node) {
  node.ignore({"type"}); // Says what an empty one would hold.
  if (node.input(0))
    node.setOutput(0, node.input(0));
  else
    node.setEmpty(0);
}

static Value importOptionalHasElement(Node &node) {
  if (node.input(0) && mlir::isa<graph::OptionalType>(node.input(0).getType()))
    return node.createTyped<graph::OptionalHasElementOp>(mlir::RankedTensorType::get({}, node.builder().getI1Type()),
                                                         node.input(0));
  return node.scalar(node.builder().getI1Type(), node.input(0) ? 1 : 0);
}

static Value importOptionalGetElement(Node &node) {
  if (!node.input(0))
    node.error("onnx-empty-optional", "the optional value is empty: it has no element to get")
        .note("ask with OptionalHasElement and If");
  if (node.failed() || !mlir::isa<graph::OptionalType>(node.input(0).getType()))
    return node.input(0);
  auto optional = mlir::cast<graph::OptionalType>(node.input(0).getType());
  Type content = optional.getContent();
  if (mlir::isa<graph::SequenceType>(content))
    return node.createTyped<graph::OptionalGetElementOp>(content, node.input(0));
  Value made = node.createTyped<graph::OptionalGetElementOp>(
      graph::SequenceType::get(content.getContext(), mlir::cast<mlir::TensorType>(content)), node.input(0));
  return elementAt(node, made, node.scalar(node.builder().getI64Type(), 0));
}

void onnx_import::registerSequenceOps(OpTable &ops) {
  ops.add("SequenceConstruct", {11}, importSequenceConstruct);
  ops.add("SequenceEmpty", {11}, importSequenceEmpty);
  ops.add("SequenceInsert", {11}, importSequenceInsert);
  ops.add("SequenceErase", {11}, importSequenceErase);
  ops.add("SequenceAt", {11}, importSequenceAt);
  ops.add("SequenceLength", {11}, importSequenceLength);
  ops.add("SplitToSequence", {11, 24}, importSplitToSequence);
  ops.add("ConcatFromSequence", {11}, importConcatFromSequence);
  ops.add("SequenceMap", {17}, importSequenceMap);
  ops.add("Optional", {15, 28}, importOptional);
  ops.add("OptionalHasElement", {15, 18, 28}, importOptionalHasElement);
  ops.add("OptionalGetElement", {15, 18, 28}, importOptionalGetElement);
}
