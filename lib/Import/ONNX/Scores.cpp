// lib/Import/ONNX/Scores.cpp: lists, labels and scores of the operators of
// ai.onnx.ml.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Import/Core/Messages.h"
#include "MachineLearning.h"

#include "dialects/Graph/ElementTypes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;
using mlir::RankedTensorType;

//===----------------------------------------------------------------------===//
// Lists
//===----------------------------------------------------------------------===//

Value onnx_import::numbersOf(Node &node, Type element, ArrayRef<double> numbers, ArrayRef<int64_t> shape) {
  if (node.failed())
    return {};
  auto type = RankedTensorType::get(shape, element);
  if (auto real = mlir::dyn_cast<mlir::FloatType>(element)) {
    SmallVector<llvm::APFloat> values;
    for (double number : numbers) {
      bool isInexact = false;
      values.emplace_back(number);
      values.back().convert(real.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &isInexact);
    }
    return node.constant(mlir::DenseElementsAttr::get(type, values));
  }
  SmallVector<llvm::APInt> values;
  for (double number : numbers)
    values.push_back(llvm::APInt(element.getIntOrFloatBitWidth(), static_cast<uint64_t>(static_cast<int64_t>(number)),
                                 /*isSigned=*/true, /*implicitTrunc=*/true));
  return node.constant(mlir::DenseElementsAttr::get(type, values));
}

Value onnx_import::vectorOf(Node &node, ArrayRef<double> numbers) {
  Type f32 = node.builder().getF32Type();
  if (numbers.size() == 1)
    return node.scalar(f32, numbers[0]);
  return numbersOf(node, f32, numbers, static_cast<int64_t>(numbers.size()));
}

Value onnx_import::textsOf(Node &node, ArrayRef<StringRef> texts) {
  if (node.failed())
    return {};
  for (StringRef text : texts)
    if (text.contains('\0')) {
      node.error("onnx-string-zero", "a text among the attributes has a zero in it, where it would end")
          .note("remove what stands behind it");
      return {};
    }
  auto type =
      RankedTensorType::get(static_cast<int64_t>(texts.size()), graph::StringType::get(node.builder().getContext()));
  return node.constant(mlir::DenseStringElementsAttr::get(type, texts));
}

/// Element `i` of raw memory.
static double readNumber(Type element, const char *bytes, int64_t i) {
  auto read = [&](auto zero) {
    auto value = zero;
    std::memcpy(&value, bytes + i * sizeof value, sizeof value);
    return static_cast<double>(value);
  };
  if (element.isF32())
    return read(float());
  if (element.isF64())
    return read(double());
  return element.isInteger(64) ? read(int64_t()) : element.isInteger(32) ? read(int32_t()) : read(uint8_t());
}

SmallVector<double> onnx_import::readNumbers(Node &node, StringRef attribute) {
  const TensorAttribute *tensor = node.tensor(attribute);
  mlir::ElementsAttr elements = tensor && !node.failed() ? tensor->read(node.where()) : mlir::ElementsAttr();
  if (!elements) {
    if (tensor)
      node.noteFailure();
    return {};
  }
  Type element = elements.getElementType();
  bool isKnown = element.isF16() || element.isF32() || element.isF64() || element.isInteger(64) ||
                 element.isInteger(32) || element.isInteger(8) || element.isUnsignedInteger(8);
  SmallVector<double> result;
  auto resource = mlir::dyn_cast<mlir::DenseResourceElementsAttr>(elements);
  if (resource && isKnown && !element.isF16()) {
    ArrayRef<char> bytes = resource.getRawHandle().getBlob()->getData();
    for (int64_t i = 0, e = elements.getNumElements(); i < e; ++i)
      result.push_back(readNumber(element, bytes.data(), i));
    return result;
  }
  if (resource && element.isF16()) {
    ArrayRef<char> bytes = resource.getRawHandle().getBlob()->getData();
    for (int64_t i = 0, e = elements.getNumElements(); i < e; ++i) {
      uint16_t code;
      std::memcpy(&code, bytes.data() + 2 * i, sizeof code);
      result.push_back(llvm::APFloat(llvm::APFloat::IEEEhalf(), llvm::APInt(16, code)).convertToFloat());
    }
    return result;
  }
  auto dense = mlir::dyn_cast<mlir::DenseElementsAttr>(elements);
  if (!isKnown || !dense) {
    node.unsupported(attribute, "a tensor of " + describeElement(element), "tensors of floats and integers are");
    return {};
  }
  if (mlir::isa<mlir::FloatType>(element)) {
    for (llvm::APFloat value : dense.getValues<llvm::APFloat>()) {
      bool isLossy;
      value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &isLossy);
      result.push_back(value.convertToDouble());
    }
  } else {
    for (const llvm::APInt &value : dense.getValues<llvm::APInt>())
      result.push_back(static_cast<double>(element.isUnsignedInteger() ? value.getZExtValue() : value.getSExtValue()));
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

Type onnx_import::wideOf(Node &node, Value x) {
  mlir::OpBuilder &b = node.builder();
  return x && node.element(x).isF64() ? Type(b.getF64Type()) : Type(b.getF32Type());
}

Value onnx_import::readRows(Node &node, Type element) {
  Value x = node.cast(node.input(0), element);
  int64_t rank = node.rank(node.input(0));
  if (node.failed() || rank == 2)
    return x;
  if (rank == 1)
    return node.unsqueeze(x, {0});
  node.error("onnx-shape-mismatch", "'X' has rank " + Twine(rank) + ", but 1 or 2 is expected")
      .note("give rows of features");
  return {};
}

Labels::Labels(Node &node, StringRef ints, StringRef strings)
    : node(node), numbers(node.integers(ints)), texts(node.strings(strings)) {
  if (node.failed() || numbers.empty() != texts.empty())
    return;
  node.error("onnx-labels", (numbers.empty() ? "neither '" : "both '") + ints +
                                (numbers.empty() ? "' nor '" : "' and '") + strings + "' " +
                                (numbers.empty() ? "is" : "are") + " given")
      .note("one of them names the classes");
}

Value onnx_import::findKeys(Node &node, Value values, Value keys) {
  if (node.failed())
    return {};
  SmallVector<Type> types = {node.solver().type(node.dims(values), node.builder().getI64Type())};
  StringRef kind = mlir::isa<graph::StringType>(node.element(values)) ? "text" : "numbers";
  return graph::TextOp::create(node.builder(), node.loc, types, "find", mlir::ValueRange{values, keys},
                               node.builder().getStrArrayAttr({kind}))
      .getResult(0);
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// The argument of the normal distribution function, times sqrt(2), by Winitzki's
/// approximation of the inverse error function, as all implementations of the
/// operators compute it.
static Value probit(Node &node, Value scores) {
  Type element = node.element(scores), i1 = node.builder().getI1Type();
  Value x = node.add(node.mul(scores, 2), -1);
  Value rest = node.mul(node.sub(node.scalar(element, 1), x), node.add(x, 1));
  Value log = node.create<graph::LogOp>(rest);
  constexpr double a = 0.147, pi = 3.14159265358979323846;
  Value v = node.add(node.mul(log, 0.5), 2 / (pi * a));
  Value w = node.mul(log, 1 / a);
  Value root = node.create<graph::SqrtOp>(node.sub(node.create<graph::SqrtOp>(node.sub(node.mul(v, v), w)), v));
  Value isNegative = node.createAs<graph::LessOp>(i1, x, node.scalar(element, 0));
  Value signedRoot = node.createAs<graph::SelectOp>(element, isNegative, node.create<graph::NegOp>(root), root);
  Value isEnd = node.createAs<graph::EqualOp>(i1, rest, node.scalar(element, 0));
  return node.mul(node.createAs<graph::SelectOp>(element, isEnd, node.scalar(element, 0), signedRoot), 1.41421356);
}

/// Softmax in which scores of zero get no part of the sum.
static Value softmaxZero(Node &node, Value scores) {
  Type element = node.element(scores);
  Value most = node.reduce(graph::ReduceKind::max, scores, {1}, true);
  Value isSome = node.createAs<graph::GreaterOp>(node.builder().getI1Type(), node.create<graph::AbsOp>(scores),
                                                 node.scalar(element, 1e-7));
  Value some = node.create<graph::ExpOp>(node.sub(scores, most));
  Value none = node.mul(scores, node.create<graph::ExpOp>(node.create<graph::NegOp>(most)));
  Value parts = node.createAs<graph::SelectOp>(element, isSome, some, none);
  Value sum = node.reduce(graph::ReduceKind::sum, parts, {1}, true);
  Value isZero = node.createAs<graph::EqualOp>(node.builder().getI1Type(), sum, node.scalar(element, 0));
  return node.createAs<graph::SelectOp>(element, isZero, node.scalar(element, 0.5), node.div(parts, sum));
}

Value onnx_import::transformScores(Node &node, Value scores, StringRef transform) {
  if (transform == "NONE" || transform.empty())
    return scores;
  if (transform == "LOGISTIC")
    return node.create<graph::SigmoidOp>(scores);
  if (transform == "SOFTMAX")
    return node.create<graph::SoftmaxOp>(scores, int64_t(1), /*log=*/false);
  if (transform == "SOFTMAX_ZERO")
    return softmaxZero(node, scores);
  if (transform == "PROBIT")
    return probit(node, scores);
  return node.unsupported("post_transform", quoted(transform),
                          "'NONE', 'LOGISTIC', 'SOFTMAX', 'SOFTMAX_ZERO' and 'PROBIT' are");
}

Value onnx_import::bestClass(Node &node, Value scores) {
  return node.createAs<graph::ArgOp>(node.builder().getI64Type(), scores, graph::ReduceKind::max, int64_t(1),
                                     /*keep_dims=*/false, /*last=*/false);
}
