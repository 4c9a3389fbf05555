// lib/Import/Core/NodeBuilder.cpp: the small ops that import functions build
// with.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Messages.h"
#include "Node.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/APSInt.h"
#include "llvm/Support/InterleavedRange.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using namespace lathe::importer;
using llvm::ArrayRef;
using llvm::SmallVector;
using mlir::AffineExpr;
using mlir::RankedTensorType;

Value Node::verified(mlir::Operation *op) {
  // Checks operand types against ODS: what the spec allows but the dialect
  // does not becomes an error here and not a crash later.
  if (llvm::failed(mlir::verify(op, /*verifyRecursively=*/false)))
    return noteFailure();
  for (Type type : op->getResultTypes())
    if (mlir::isa<RankedTensorType>(type) && !checkSize(type))
      return {};
  return op->getNumResults() ? op->getResult(0) : Value();
}

/// The limits that the shape solver sets for shapes that it infers.
bool Node::checkSize(Type type) {
  llvm::ArrayRef<int64_t> shape = mlir::cast<RankedTensorType>(type).getShape();
  int64_t elements = 1;
  for (int64_t size : shape) {
    if (mlir::ShapedType::isDynamic(size) || size == 0)
      continue;
    if (size < 0 || size > graph::ShapeSolver::maxElements / elements || shape.size() > graph::ShapeSolver::maxRank) {
      std::string dims;
      llvm::raw_string_ostream(dims) << llvm::interleaved_array(shape);
      error("graph-size-overflow", "has a result of shape " + dims + ", but at most " +
                                       llvm::Twine(graph::ShapeSolver::maxElements) + " elements and rank " +
                                       llvm::Twine(graph::ShapeSolver::maxRank) + " are supported")
          .note("check the sizes that the node is given");
      return false;
    }
    elements *= size;
  }
  return true;
}

Value Node::constant(mlir::ElementsAttr value) {
  if (failed() || !value)
    return noteFailure();
  return createTyped<graph::ConstantOp>(value.getType(), value);
}

Value Node::constant(ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, context.builder.getI64Type());
  return constant(mlir::DenseElementsAttr::get(type, values));
}

Value Node::scalar(Type element, double value) {
  if (failed() || !element)
    return noteFailure();
  if (!element.isIntOrFloat()) {
    error("onnx-input-dtype", "elements of " + describeElement(element) + " are moved, but not computed with")
        .note("export the model with numbers");
    return {};
  }
  mlir::Attribute attribute;
  if (auto type = mlir::dyn_cast<mlir::FloatType>(element)) {
    attribute = mlir::FloatAttr::get(type, value);
  } else {
    // Saturates: an infinity becomes the end of the type's range.
    llvm::APSInt bits(element.getIntOrFloatBitWidth(), element.isUnsignedInteger() || element.isInteger(1));
    bool exact;
    llvm::APFloat(value).convertToInteger(bits, llvm::APFloat::rmTowardZero, &exact);
    attribute = mlir::IntegerAttr::get(element, bits);
  }
  return constant(mlir::DenseElementsAttr::get(RankedTensorType::get({}, element), attribute));
}

Value Node::constant(const TensorAttribute &tensor) {
  return constant(failed() ? mlir::ElementsAttr() : tensor.read(place));
}

Value Node::size(AffineExpr expr) {
  if (failed())
    return {};
  auto values = graph::DimsAttr::get(context.builder.getContext(), solver().map({expr}));
  return createTyped<graph::DimValuesOp>(RankedTensorType::get({}, context.builder.getI64Type()), values);
}

Value Node::cast(Value x, Type type) { return element(x) == type ? x : createAs<graph::CastOp>(type, x); }

Value Node::reshape(Value x, ArrayRef<AffineExpr> newDims) {
  if (failed() || dims(x) == Dims(newDims))
    return x;
  return createTyped<graph::ReshapeOp>(solver().type(newDims, element(x)), x, Value(), /*allow_zero=*/false);
}

Value Node::unsqueeze(Value x, ArrayRef<int64_t> sortedAxes) {
  if (failed())
    return {};
  Dims result = dims(x);
  for (int64_t axis : sortedAxes)
    result.insert(result.begin() + axis, solver().constant(1));
  return reshape(x, result);
}

Value Node::squeeze(Value x, ArrayRef<int64_t> sortedAxes) {
  if (failed())
    return {};
  Dims result = dims(x);
  for (int64_t axis : llvm::reverse(sortedAxes))
    result.erase(result.begin() + axis);
  return reshape(x, result);
}

Value Node::transpose(Value x, ArrayRef<int64_t> permutation) {
  if (llvm::equal(permutation, llvm::seq<int64_t>(0, permutation.size())))
    return x;
  return create<graph::TransposeOp>(x, permutation);
}

Value Node::slice(Value x, int64_t axis, AffineExpr start, AffineExpr count, int64_t step) {
  if (failed())
    return {};
  Dims shape = dims(x);
  if (step == 1 && shape[axis] == count) // All of them, since they lie within.
    return x;
  require(shape[axis], solver().simplify(start + (count - 1) * step + 1),
          "a dimension must have the elements that the node reads of it");
  if (failed())
    return {};
  shape[axis] = count;
  auto offset = graph::DimsAttr::get(context.builder.getContext(), context.solver.map({start}));
  return createTyped<graph::SliceOp>(context.solver.type(shape, element(x)), x, Value(), Value(),
                                     llvm::ArrayRef<int64_t>(axis), llvm::ArrayRef<int64_t>(step), offset);
}

Value Node::broadcast(Value x, ArrayRef<AffineExpr> newDims) {
  if (failed() || dims(x) == Dims(newDims))
    return x;
  return createTyped<graph::BroadcastOp>(solver().type(newDims, element(x)), x, Value(), /*exact=*/false);
}

Value Node::reduce(graph::ReduceKind kind, Value x, ArrayRef<int64_t> sortedAxes, bool keepDims) {
  return create<graph::ReduceOp>(x, kind, sortedAxes, keepDims);
}

Value Node::withDim(Value x, int64_t i, int64_t size, const llvm::Twine &what) {
  if (failed() || i < 0 || i >= rank(x) || !mlir::cast<RankedTensorType>(x.getType()).isDynamicDim(i))
    return x;
  Dims shape = dims(x);
  check({}, shape[i], solver().constant(size), what);
  shape[i] = solver().constant(size);
  return reshape(x, shape);
}

Value Node::channels(Value vector, Value x) {
  if (failed())
    return {};
  Dims shape = dims(vector);
  shape.resize(std::max<int64_t>(rank(x) - 1, 1), solver().constant(1));
  Value result = reshape(vector, shape);
  // It is one entry per channel: neither may be 1 instead.
  if (rank(x) > 1 && !shape.empty() && result.getDefiningOp())
    check(result, dims(x)[1], shape.front(), "channels of the input and entries of a vector over channels");
  return result;
}

Dims Node::entries(Value x, llvm::StringRef what) {
  if (failed() || !x)
    return {};
  Dims result;
  if (auto constants = graph::ShapeSolver::constantContents(x)) {
    for (int64_t value : *constants)
      result.push_back(solver().constant(value));
    return result;
  }
  auto type = mlir::cast<RankedTensorType>(x.getType());
  if (!type.hasStaticShape() || type.getNumElements() > graph::ShapeSolver::maxContents) {
    error("onnx-dynamic-parameter", what + " may hold any values, but at most " +
                                        llvm::Twine(graph::ShapeSolver::maxContents) +
                                        " of them, and how many must be known when the model is compiled")
        .note("export the model with a fixed shape for it");
    return {};
  }
  if (std::optional<Dims> elements = solver().elements(builder(), x))
    return *elements;
  error("onnx-dynamic-parameter", what + " is " + describeElement(element(x)) + ", but integers are expected")
      .note("add a Cast before the node");
  return {};
}

AffineExpr Node::count(Value x, AffineExpr bound) {
  return failed() ? solver().constant(0) : solver().count(builder(), x, bound);
}

AffineExpr Node::entry(Value x, llvm::StringRef what) {
  Dims all = entries(x, what);
  if (all.size() == 1)
    return all.front();
  if (!failed())
    error("onnx-shape-mismatch", what + " has " + llvm::Twine(all.size()) + " elements, but 1 is expected")
        .note("give one number");
  return solver().constant(0);
}

std::optional<SmallVector<double>> Node::knownNumbers(unsigned index) {
  auto op = failed() ? graph::ConstantOp() : input(index).getDefiningOp<graph::ConstantOp>();
  auto dense = op ? mlir::dyn_cast<mlir::DenseElementsAttr>(op.getValue()) : mlir::DenseElementsAttr();
  if (!dense || !mlir::isa<mlir::FloatType>(dense.getElementType()))
    return std::nullopt;
  SmallVector<double> result;
  for (llvm::APFloat value : dense.getValues<llvm::APFloat>()) {
    bool lossy;
    value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &lossy);
    result.push_back(value.convertToDouble());
  }
  return result;
}

void Node::check(Value made, AffineExpr a, AffineExpr b, const llvm::Twine &what) {
  if (failed())
    return;
  // What the node was given, an op that nobody uses stands for.
  mlir::Operation *op = made ? made.getDefiningOp() : nullptr;
  if (llvm::failed(solver().unify(op ? op : size(a).getDefiningOp(), a, b, what)))
    noteFailure();
}

void Node::require(AffineExpr a, AffineExpr b, const llvm::Twine &what) {
  if (failed() || solver().isNonNegative(solver().simplify(a - b)))
    return;
  // An op that nobody uses says which node asks.
  if (llvm::failed(solver().require(size(a).getDefiningOp(), a, b, what)))
    noteFailure();
}
