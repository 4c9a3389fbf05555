// lib/Import/ONNX/Loss.cpp: losses over class scores.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Import/Core/Node.h"
#include "OpTable.h"

using namespace lathe;
using namespace lathe::onnx_import;
using graph::ReduceKind;

/// The negated log probability of each target, weighted and reduced. `x` is
/// [N, C, ...] and `target` [N, ...].
static Value negativeLogLikelihood(Node &node, Value x, Value target, Value weight) {
  llvm::StringRef reduction = node.string("reduction");
  if (reduction != "none" && reduction != "mean" && reduction != "sum")
    return node.unsupported("reduction", quoted(reduction), "\"none\", \"mean\" and \"sum\" are");
  bool ignores = node.has("ignore_index");
  int64_t ignored = node.integer("ignore_index");
  if (node.failed())
    return {};
  if (node.rank(x) < 2 || node.rank(target) != node.rank(x) - 1) {
    node.error("onnx-shape-mismatch", "the scores have rank " + llvm::Twine(node.rank(x)) + " and the targets rank " +
                                          llvm::Twine(node.rank(target)))
        .note("[N, C, ...] and [N, ...] are expected");
    return {};
  }
  Type element = node.element(x), index = node.element(target);
  Value counts; // Whether a target counts, if some do not.
  if (ignores) {
    Value skip = node.createAs<graph::EqualOp>(node.builder().getI1Type(), target,
                                               node.scalar(index, static_cast<double>(ignored)));
    counts = node.create<graph::NotOp>(skip);
    target = node.createAs<graph::SelectOp>(index, skip, node.scalar(index, 0), target);
  }
  Value picked = node.create<graph::GatherElementsOp>(x, node.unsqueeze(target, {1}), int64_t(1));
  Value loss = node.create<graph::NegOp>(node.squeeze(picked, {1}));
  Value factor;
  if (weight)
    factor = node.create<graph::GatherOp>(weight, target, int64_t(0));
  if (counts) {
    Value zero = node.scalar(element, 0);
    Value one = factor ? factor : node.scalar(element, 1);
    factor = node.createAs<graph::SelectOp>(element, counts, one, zero);
    // Not a product: an ignored target may have an infinite loss.
    loss = node.createAs<graph::SelectOp>(element, counts, loss, zero);
  }
  if (factor)
    loss = node.mul(loss, factor);
  auto axes = llvm::to_vector(llvm::seq<int64_t>(0, node.rank(target)));
  if (reduction == "none")
    return loss;
  if (reduction == "sum")
    return node.reduce(ReduceKind::sum, loss, axes, /*keepDims=*/false);
  if (!factor)
    return node.reduce(ReduceKind::mean, loss, axes, /*keepDims=*/false);
  return node.div(node.reduce(ReduceKind::sum, loss, axes, false), node.reduce(ReduceKind::sum, factor, axes, false));
}

static Value importNegativeLogLikelihoodLoss(Node &node) {
  return negativeLogLikelihood(node, node.input(0), node.input(1), node.input(2));
}

static void importSoftmaxCrossEntropyLoss(Node &node) {
  Value x = node.input(0);
  int64_t axis = node.normalizeAxis(1, node.rank(x), "the axis of classes");
  Value logarithm = node.create<graph::SoftmaxOp>(x, axis, /*log=*/true);
  node.setOutput(0, negativeLogLikelihood(node, logarithm, node.input(1), node.input(2)));
  node.setOutput(1, logarithm);
}

void onnx_import::registerLossOps(OpTable &ops) {
  ops.add("NegativeLogLikelihoodLoss", {12, 13, 22}, importNegativeLogLikelihoodLoss);
  ops.add("SoftmaxCrossEntropyLoss", {12, 13}, importSoftmaxCrossEntropyLoss);
}
