// lib/Import/ONNX/MachineLearning.cpp: operators of ai.onnx.ml that are a few
// elementwise steps.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "MachineLearning.h"
#include "OpTable.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

/// Elements of the last dimension.
static Value importArrayFeatureExtractor(Node &node) {
  Value x = node.input(0), indices = node.input(1);
  if (node.rank(x) == 0) {
    node.error("onnx-shape-mismatch", "'X' is a scalar, which has no features").note("give a vector or more");
    return {};
  }
  Value list = node.failed() ? Value() : node.reshape(indices, {node.solver().product(node.dims(indices))});
  Value y = node.create<graph::GatherOp>(x, list, node.rank(x) - 1);
  // A vector is a single row.
  return node.rank(x) == 1 ? node.unsqueeze(y, {0}) : y;
}

static Value importBinarizer(Node &node) {
  Value x = node.input(0);
  // The threshold need not be a number of the element type.
  Type wide = node.isFloat(x) ? node.element(x) : Type(node.builder().getF64Type());
  Value above = node.createAs<graph::GreaterOp>(node.builder().getI1Type(), node.cast(x, wide),
                                                node.scalar(wide, node.number("threshold")));
  return node.cast(above, node.element(x));
}

static Value importScaler(Node &node) {
  SmallVector<double> offset = node.numbers("offset"), scale = node.numbers("scale");
  Value x = node.cast(node.input(0), node.builder().getF32Type());
  if (!offset.empty())
    x = node.sub(x, vectorOf(node, offset));
  return scale.empty() ? x : node.mul(x, vectorOf(node, scale));
}

static Value importNormalizer(Node &node) {
  StringRef norm = node.string("norm");
  Value x = node.cast(node.input(0), node.builder().getF32Type());
  if (node.rank(x) == 0) {
    node.error("onnx-shape-mismatch", "'X' is a scalar, which has no rows").note("give a vector or a matrix");
    return {};
  }
  int64_t last = node.rank(x) - 1;
  auto reduce = [&](graph::ReduceKind kind, Value of) { return node.reduce(kind, of, {last}, /*keepDims=*/true); };
  Value divisor;
  if (norm == "MAX")
    divisor = reduce(graph::ReduceKind::max, x);
  else if (norm == "L1")
    divisor = reduce(graph::ReduceKind::sum, node.create<graph::AbsOp>(x));
  else if (norm == "L2")
    divisor = node.create<graph::SqrtOp>(reduce(graph::ReduceKind::sum, node.mul(x, x)));
  else
    return node.unsupported("norm", "\"" + norm + "\"", "'MAX', 'L1' and 'L2' are");
  Value isZero = node.createAs<graph::EqualOp>(node.builder().getI1Type(), divisor, node.scalar(node.element(x), 0));
  divisor = node.createAs<graph::SelectOp>(node.element(x), isZero, node.scalar(node.element(x), 1), divisor);
  return node.div(x, divisor);
}

static Value importLinearRegressor(Node &node) {
  SmallVector<double> coefficients = node.numbers("coefficients"), intercepts = node.numbers("intercepts");
  int64_t targets = node.integer("targets");
  StringRef transform = node.string("post_transform");
  Value x = node.cast(node.input(0), node.builder().getF32Type());
  if (!node.failed() && node.rank(x) == 1)
    x = node.unsqueeze(x, {0});
  int64_t count = static_cast<int64_t>(coefficients.size());
  if (!node.failed() && (node.rank(x) != 2 || targets < 1 || count == 0 || count % targets != 0 ||
                         (!intercepts.empty() && static_cast<int64_t>(intercepts.size()) != targets)))
    node.error("onnx-shape-mismatch", "there are " + Twine(count) + " coefficients and " + Twine(intercepts.size()) +
                                          " intercepts for " + Twine(targets) + " targets of rows of rank " +
                                          Twine(node.rank(x)))
        .note("give one coefficient for each feature and target, and rows of features");
  if (node.failed())
    return {};
  SmallVector<float> values(coefficients.begin(), coefficients.end());
  auto type = mlir::RankedTensorType::get({targets, count / targets}, node.builder().getF32Type());
  Value matrix = node.constant(mlir::DenseElementsAttr::get(type, ArrayRef<float>(values)));
  Value y = node.create<graph::MatmulOp>(x, node.transpose(matrix, {1, 0}));
  if (!intercepts.empty())
    y = node.add(y, vectorOf(node, intercepts));
  return transformScores(node, y, transform);
}

void onnx_import::registerMachineLearningOps(OpTable &ops) {
  constexpr StringRef domain = machineLearningDomain;
  ops.add({domain, "ArrayFeatureExtractor"}, {1}, importArrayFeatureExtractor);
  ops.add({domain, "Binarizer"}, {1}, importBinarizer);
  ops.add({domain, "Scaler"}, {1}, importScaler);
  ops.add({domain, "Normalizer"}, {1}, importNormalizer);
  ops.add({domain, "LinearRegressor"}, {1}, importLinearRegressor);
}
