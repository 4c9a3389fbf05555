// lib/Import/ONNX/MicrosoftNormalization.cpp: normalizations that ONNX Runtime's
// optimizer fuses with what is in front of them: sums and embeddings.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compose.h"
#include "OpTable.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::StringRef;
using llvm::Twine;

/// RMSNormalization by an older name; its result has the type of the scale.
static Value importSimplifiedLayerNormalization(Node &node) {
  Value x = node.input(0), scale = node.input(1);
  int64_t axis = node.axis("axis", x);
  if (node.integer("stash_type") != 1)
    return node.unsupported("stash_type", Twine(node.integer("stash_type")), "1 (float32) is");
  if (node.failed())
    return {};
  return node.mul(node.cast(makeRmsNorm(node, x, axis, node.number("epsilon")), node.element(scale)), scale);
}

/// The sum of the inputs that are normalized, output 3.
static Value sumInputs(Node &node, Value bias) {
  Value sum = node.add(node.input(0), node.input(1));
  if (bias)
    sum = node.add(sum, bias);
  // The second may broadcast to the first, not the other way.
  if (!node.failed() && node.rank(sum) != node.rank(node.input(0))) {
    node.error("onnx-shape-mismatch", "'skip' has rank " + Twine(node.rank(node.input(1))) + ", but 'input' has rank " +
                                          Twine(node.rank(node.input(0))))
        .note("'skip' may broadcast to the shape of 'input'");
    return {};
  }
  node.setOutput(3, sum);
  return sum;
}

/// Layer normalization over the last dimension; `beta` may be null.
static Value normalize(Node &node, Value x, Value gamma, Value beta) {
  if (node.failed())
    return {};
  Value y = node.create<graph::LayerNormOp>(x, node.rank(x) - 1, llvm::APFloat(node.number("epsilon")));
  y = node.mul(y, gamma);
  return beta ? node.add(y, beta) : y;
}

static void importSkipLayerNormalization(Node &node) {
  Value sum = sumInputs(node, node.input(4));
  node.setOutput(0, normalize(node, sum, node.input(2), node.input(3)));
}

static void importSkipSimplifiedLayerNormalization(Node &node) {
  Value sum = sumInputs(node, node.input(3));
  if (node.failed())
    return;
  Value y = makeRmsNorm(node, sum, node.rank(sum) - 1, node.number("epsilon"));
  node.setOutput(0, node.mul(node.cast(y, node.element(sum)), node.input(2)));
}

/// Rows for the words, their positions and, if there are any, segments of a text,
/// summed and normalized. 'mask_index' counts the words that the mask keeps.
static void importEmbedLayerNormalization(Node &node) {
  Value words = node.input(0), segments = node.input(1), mask = node.input(7), positions = node.input(8);
  graph::ShapeSolver &solver = node.solver();
  if (node.rank(words) != 2 || bool(segments) != bool(node.input(4))) {
    node.error("onnx-shape-mismatch",
               "'input_ids' has rank " + Twine(node.rank(words)) +
                   (segments ? " and 'segment_ids' is given" : " and 'segment_ids' is not given"))
        .note("give [batch, length], and both or none of 'segment_ids' and 'segment_embedding'");
    return;
  }
  auto rows = [&](Value table, Value ids) { return node.create<graph::GatherOp>(table, ids, int64_t(0)); };
  Dims dims = node.dims(words);
  if (!positions)
    positions = node.createTyped<graph::IotaOp>(solver.type({solver.constant(1), dims[1]}, node.builder().getI64Type()),
                                                int64_t(1));
  Value sum = node.add(rows(node.input(2), words), rows(node.input(3), positions));
  if (segments)
    sum = node.add(sum, rows(node.input(4), segments));
  node.setOutput(2, sum);
  node.setOutput(0, normalize(node, sum, node.input(5), node.input(6)));
  if (!node.wantsOutput(1))
    return;
  node.ignore({"mask_index_type"}); // Says how the mask is used, not what is counted.
  Type i32 = node.builder().getI32Type();
  if (!mask)
    return node.setOutput(1, node.broadcast(node.scalar(i32, 0), {dims[0]}));
  Value counts = node.createAs<graph::EqualOp>(node.builder().getI1Type(), mask, node.scalar(node.element(mask), 1));
  node.setOutput(1, node.reduce(graph::ReduceKind::sum, node.cast(counts, i32), {1}, /*keepDims=*/false));
}

void onnx_import::registerMicrosoftNormalizationOps(OpTable &ops) {
  ops.add("SimplifiedLayerNormalization", {1}, importSimplifiedLayerNormalization);
  StringRef domain = "com.microsoft";
  ops.add({domain, "SkipLayerNormalization"}, {1}, importSkipLayerNormalization);
  ops.add({domain, "SkipSimplifiedLayerNormalization"}, {1}, importSkipSimplifiedLayerNormalization);
  ops.add({domain, "EmbedLayerNormalization"}, {1}, importEmbedLayerNormalization);
}
