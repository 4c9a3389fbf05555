// dialects/Graph/SequenceOps.cpp: what must hold of sequences, optional values and the ops on them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/ElementTypes.h"
#include "dialects/Graph/Sequence.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "dialects/Graph/SequenceOps.cpp.inc"

namespace lathe::graph {

void GraphDialect::registerSequences() {
  addOperations<
#define GET_OP_LIST
#include "dialects/Graph/SequenceOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

bool isValueType(Type type) { return isa<SequenceType, OptionalType, MapType>(type); }

bool isValueOp(Operation *op) {
  return isa<SequenceOp, SequenceInsertOp, SequenceEraseOp, SequenceLengthOp, SequenceShapeOp, SequenceAtOp,
             SplitToSequenceOp, ConcatFromSequenceOp, OptionalOp, OptionalHasElementOp, OptionalGetElementOp,
             GeneralizeOp, MakeMapOp, MapKeysOp, MapValuesOp>(op);
}

TensorType asElement(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? TensorType(RankedTensorType::get(tensor.getShape(), tensor.getElementType()))
                : cast<TensorType>(type);
}

bool isSubtype(Type from, Type to) {
  if (from == to)
    return true;
  if (auto a = dyn_cast<SequenceType>(from), b = dyn_cast<SequenceType>(to); a && b)
    return isSubtype(a.getElement(), b.getElement());
  if (auto a = dyn_cast<OptionalType>(from), b = dyn_cast<OptionalType>(to); a && b)
    return isSubtype(a.getContent(), b.getContent());
  auto a = dyn_cast<TensorType>(from), b = dyn_cast<TensorType>(to);
  if (!a || !b || a.getElementType() != b.getElementType())
    return false;
  if (!b.hasRank())
    return true;
  return a.hasRank() && a.getRank() == b.getRank() &&
         llvm::all_of(llvm::zip_equal(a.getShape(), b.getShape()), [](auto sizes) {
           auto [x, y] = sizes;
           return x == y || ShapedType::isDynamic(y);
         });
}

Type join(Type first, Type second) {
  if (first == second)
    return first;
  if (auto a = dyn_cast<SequenceType>(first), b = dyn_cast<SequenceType>(second); a && b) {
    auto element = dyn_cast_or_null<TensorType>(join(a.getElement(), b.getElement()));
    return element ? Type(SequenceType::get(first.getContext(), element)) : Type();
  }
  if (auto a = dyn_cast<OptionalType>(first), b = dyn_cast<OptionalType>(second); a && b) {
    Type content = join(a.getContent(), b.getContent());
    return content ? Type(OptionalType::get(first.getContext(), content)) : Type();
  }
  auto a = dyn_cast<TensorType>(first), b = dyn_cast<TensorType>(second);
  if (!a || !b || a.getElementType() != b.getElementType())
    return {};
  if (!a.hasRank() || !b.hasRank() || a.getRank() != b.getRank())
    return UnrankedTensorType::get(a.getElementType());
  SmallVector<int64_t> shape;
  for (auto [x, y] : llvm::zip_equal(a.getShape(), b.getShape()))
    shape.push_back(x == y ? x : ShapedType::kDynamic);
  return RankedTensorType::get(shape, a.getElementType());
}

static bool isElementType(Type type) {
  auto tensor = dyn_cast<TensorType>(type);
  auto ranked = dyn_cast<RankedTensorType>(type);
  return tensor && findElementType(tensor.getElementType()) && (!ranked || !ranked.getEncoding());
}

LogicalResult SequenceType::verify(function_ref<InFlightDiagnostic()> emitError, TensorType element) {
  if (!isElementType(element)) // sequence_type_c1
    return emitError() << "a sequence of " << element
                       << " cannot be: its elements are tensors without expressions of dims [graph-sequence-type]";
  return success();
}

LogicalResult OptionalType::verify(function_ref<InFlightDiagnostic()> emitError, Type content) {
  if (!isa<SequenceType>(content) && !isElementType(content)) // optional_type_c1
    return emitError() << "an optional " << content
                       << " cannot be: it is a sequence, or a tensor without expressions of dims"
                       << " [graph-sequence-type]";
  return success();
}

LogicalResult MapType::verify(function_ref<InFlightDiagnostic()> emitError, Type key, Type value, bool) {
  const ElementType *first = findElementType(key), *second = findElementType(value);
  bool isKey = first && (first->kind == ElementKind::Signed || first->kind == ElementKind::Unsigned ||
                         first->kind == ElementKind::String);
  if (!isKey || isPacked(key) || !second || isPacked(value)) // map_type_c1
    return emitError() << "a map of " << key << " to " << value
                       << " cannot be: keys are integers or strings, values elements of whole bytes"
                       << " [graph-sequence-type]";
  return success();
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

static LogicalResult verifySubtype(Operation *op, StringRef what, Type from, Type to) {
  if (isSubtype(from, to))
    return success();
  return op->emitOpError("has ") << what << " of type " << from << ", which is no " << to << " [graph-sequence-type]";
}

static LogicalResult verifyPosition(Operation *op, Value position) {
  if (!position)
    return success();
  auto type = cast<RankedTensorType>(position.getType());
  if (type.hasStaticShape() && type.getNumElements() == 1)
    return success();
  return op->emitOpError("has a position of type ") << type << ", but one element is expected [graph-sequence-type]";
}

LogicalResult SequenceOp::verify() {
  for (Type type : getElements().getTypes()) // sequence_c1
    if (failed(verifySubtype(*this, "an element", type, getSequence().getType().getElement())))
      return failure();
  return success();
}

LogicalResult SequenceInsertOp::verify() {
  if (failed(verifySubtype(*this, "an element", getElement().getType(), getResult().getType().getElement())) ||
      failed(verifySubtype(*this, "a sequence", getSequence().getType(), getResult().getType()))) // sequence_insert_c1
    return failure();
  return verifyPosition(*this, getPosition()); // sequence_insert_c2
}

LogicalResult SequenceEraseOp::verify() {
  if (getSequence().getType() != getResult().getType()) // sequence_erase_c1
    return emitOpError("has a result of type ") << getResult().getType() << ", but the sequence is a "
                                                << getSequence().getType() << " [graph-sequence-type]";
  return verifyPosition(*this, getPosition()); // sequence_erase_c2
}

LogicalResult SequenceShapeOp::verify() {
  TensorType element = getSequence().getType().getElement();
  int64_t length = cast<RankedTensorType>(getDims().getType()).getDimSize(0);
  if (ShapedType::isDynamic(length) || (element.hasRank() && element.getRank() != length)) // sequence_shape_c1
    return emitOpError("has a result of type ")
           << getDims().getType() << " for the dims of a " << element << " [graph-sequence-type]";
  return verifyPosition(*this, getPosition()); // sequence_shape_c2
}

LogicalResult SequenceAtOp::verify() {
  if (failed(verifySubtype(*this, "a result", getElement().getType(),
                           getSequence().getType().getElement()))) // sequence_at_c1
    return failure();
  return verifyPosition(*this, getPosition()); // sequence_at_c2
}

LogicalResult SplitToSequenceOp::verify() {
  auto type = cast<RankedTensorType>(getX().getType());
  int64_t axis = getAxis();
  if (axis >= type.getRank()) // split_to_sequence_c1
    return emitOpError("has the axis ") << axis << " of a " << type << " [graph-sequence-type]";
  if (getSplit() && (cast<RankedTensorType>(getSplit().getType()).getRank() > 1 || getDropAxis()))
    return emitOpError("has sizes of rank 2 or more, or drops the axis of parts of more than one element"
                       " [graph-sequence-type]"); // split_to_sequence_c2
  SmallVector<int64_t> shape(type.getShape());
  shape[axis] = getSplit() ? ShapedType::kDynamic : 1;
  if (getDropAxis())
    shape.erase(shape.begin() + axis);
  return verifySubtype(*this, "a part", RankedTensorType::get(shape, type.getElementType()), // split_to_sequence_c3
                       getResult().getType().getElement());
}

LogicalResult ConcatFromSequenceOp::verify() {
  TensorType element = getSequence().getType().getElement(), whole = getResult().getType().getElement();
  int64_t axis = getAxis();
  bool fits = whole.hasRank() && element.getElementType() == whole.getElementType() &&
              (!element.hasRank() || element.getRank() + getNewAxis() == whole.getRank());
  if (!fits || axis >= whole.getRank()) // concat_from_sequence_c1
    return emitOpError("cannot make a ") << whole << " of a sequence of " << element << " along axis " << axis
                                         << " [graph-sequence-type]";
  return success();
}

LogicalResult OptionalOp::verify() {
  if (!getValue())
    return success();
  return verifySubtype(*this, "a value", getValue().getType(), getResult().getType().getContent()); // optional_c1
}

LogicalResult OptionalGetElementOp::verify() {
  Type content = getValue().getType().getContent(), result = getResult().getType();
  if (content == result || content == getResult().getType().getElement()) // optional_get_element_c1
    return success();
  return emitOpError("has a result of type ") << result << " for the content " << content << " [graph-sequence-type]";
}

LogicalResult GeneralizeOp::verify() {
  return verifySubtype(*this, "a value", getValue().getType(), getResult().getType()); // generalize_c1
}

static bool isVectorOf(Type type, Type element, int64_t rank) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getRank() == rank && tensor.getElementType() == element;
}

LogicalResult MakeMapOp::verify() {
  MapType map = getMap().getType();
  if (isVectorOf(getKeys().getType(), map.getKey(), 1) &&
      isVectorOf(getValues().getType(), map.getValue(), map.getMany() ? 2 : 1)) // make_map_c1
    return success();
  return emitOpError("makes ") << map << " of " << getKeys().getType() << " and " << getValues().getType()
                               << " [graph-sequence-type]";
}

LogicalResult MapKeysOp::verify() {
  if (isVectorOf(getKeys().getType().getElement(), getMap().getType().getKey(), 1)) // map_keys_c1
    return success();
  return emitOpError("gives ") << getKeys().getType() << " of " << getMap().getType() << " [graph-sequence-type]";
}

LogicalResult MapValuesOp::verify() {
  if (isVectorOf(getValues().getType().getElement(), getMap().getType().getValue(), 1)) // map_values_c1
    return success();
  return emitOpError("gives ") << getValues().getType() << " of " << getMap().getType() << " [graph-sequence-type]";
}

} // namespace lathe::graph
