// lib/Import/ONNX/FlexAttention.cpp: attention whose scores and weights the model
// changes by graphs of its own.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ElementType.h"
#include "Import/Core/Node.h"
#include "OpTable.h"
#include "Tensor.h"

#include <cmath>

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;
using mlir::AffineExpr;

/// Grouped queries: each head of `x` serves as many heads of queries in a row.
static Value repeatHeads(Node &node, Value x, int64_t queries) {
  int64_t heads = node.staticDim(x, 1, "FlexAttention");
  if (node.failed() || heads == queries)
    return x;
  if (heads < 1 || queries % heads != 0) {
    node.error("onnx-shape-mismatch", "'Q' has " + Twine(queries) + " heads and 'K' or 'V' " + Twine(heads))
        .note("the heads of keys and values must divide those of queries");
    return {};
  }
  Dims dims = node.dims(x);
  graph::ShapeSolver &solver = node.solver();
  Value many =
      node.broadcast(node.unsqueeze(x, {2}), {dims[0], dims[1], solver.constant(queries / heads), dims[2], dims[3]});
  return node.reshape(many, {dims[0], solver.constant(queries), dims[2], dims[3]});
}

/// What the graph in `attribute`, if there is one, makes of `x`.
static Value modify(Node &node, StringRef attribute, Value x) {
  if (node.failed() || !node.graph(attribute))
    return x;
  SmallVector<Value> results;
  if (!node.importGraph(attribute, x, results, 1))
    return {};
  Value y = results.front();
  auto type = y ? mlir::dyn_cast<mlir::RankedTensorType>(y.getType()) : mlir::RankedTensorType();
  if (!type || type.getElementType() != node.element(x) || type.getRank() != 4) {
    node.error("onnx-shape-mismatch", "'" + attribute + "' gives another type than it is given")
        .note("it takes and gives one tensor of rank 4");
    return {};
  }
  Dims from = node.dims(x), to = node.dims(y);
  for (unsigned d = 0; d < 4 && y.getDefiningOp(); ++d)
    node.check(y, from[d], to[d], "what '" + attribute + "' takes and gives");
  return y;
}

static Value importFlexAttention(Node &node) {
  for (unsigned i = 0; i < 3; ++i)
    if (!node.failed() && node.rank(node.input(i)) != 4) {
      node.error("onnx-shape-mismatch",
                 "'" + node.inputName(i) + "' has rank " + Twine(node.rank(node.input(i))) + ", but 4 is expected")
          .note("reshape to [batch, heads, length, size]");
      return {};
    }
  Value q = node.input(0), k = node.input(1), v = node.input(2);
  Type element = node.element(q);
  Type precision = element.isF64() ? element : Type(node.builder().getF32Type());
  if (node.has("softmax_precision")) {
    int32_t number = static_cast<int32_t>(node.integer("softmax_precision"));
    precision = toMLIRType(node.builder().getContext(), number);
    if (!mlir::isa_and_nonnull<mlir::FloatType>(precision))
      return node.unsupported("softmax_precision", elementTypeName(number), "float types are");
  }
  double scale = node.has("scale") ? node.number("scale") : 1 / std::sqrt(node.staticDim(q, 3, "FlexAttention"));
  int64_t queries = node.staticDim(q, 1, "FlexAttention");
  if (!node.failed() && scale < 0)
    return node.unsupported("scale", std::to_string(scale), "0 or more is");
  if (node.failed())
    return {};
  // Both factors are scaled, so that their product stays in range.
  Value root = node.scalar(element, std::sqrt(scale));
  Value keys = node.transpose(repeatHeads(node, k, queries), {0, 1, 3, 2});
  Value scores = node.create<graph::MatmulOp>(node.mul(q, root), node.mul(keys, root));
  scores = modify(node, "score_mod", node.cast(scores, precision));
  Value weights = node.create<graph::SoftmaxOp>(scores, int64_t(3), /*log=*/false);
  weights = modify(node, "prob_mod", weights);
  Value values = node.cast(repeatHeads(node, v, queries), precision);
  return node.cast(node.create<graph::MatmulOp>(weights, values), node.element(v));
}

void onnx_import::registerFlexAttention(OpTable &ops) {
  ops.add({"ai.onnx.preview", "FlexAttention"}, {1}, importFlexAttention);
}
