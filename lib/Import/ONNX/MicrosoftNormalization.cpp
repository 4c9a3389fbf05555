// lib/Import/ONNX/MicrosoftNormalization.cpp: normalizations that ONNX Runtime's
// optimizer fuses with what is in front of them: sums and embeddings.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compose.h"
#include "OpTable.h"
#include "Quantize.h"

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

/// Groups of channels with a scale and a bias for each channel, and an activation if that is wanted.
static Value scaleGroups(Node &node, Value x) {
  int64_t activation = node.integer("activation");
  if (activation != 0 && activation != 1)
    return node.unsupported("activation", Twine(activation), "0 (none) and 1 (SiLU) are");
  Value groups = normalizeGroups(node, x, "groups");
  if (node.failed())
    return {};
  // Scales may have more bits than images.
  Value y = node.cast(node.reshape(groups, node.dims(x)), node.element(node.input(1)));
  y = node.add(node.mul(y, node.channels(node.input(1), y)), node.channels(node.input(2), y));
  if (activation == 1)
    y = node.create<graph::SwishOp>(y, llvm::APFloat(1.0));
  return node.cast(y, node.element(x));
}

static Value importGroupNorm(Node &node) {
  return withChannelsSecond(node, node.input(0), node.flag("channels_last"),
                            [&](Value x) { return scaleGroups(node, x); });
}

/// The sum of the image, of one like it or of one row of channels for each sample, and of a bias is normalized.
static void importSkipGroupNorm(Node &node) {
  bool isLast = node.flag("channels_last");
  Value x = node.input(0), skip = node.input(3);
  if (!node.failed() && node.rank(x) != 4)
    node.error("onnx-shape-mismatch", "'X' has rank " + Twine(node.rank(x)) + ", but 4 is expected")
        .note("give [batch, height, width, channels], or channels second with 'channels_last' 0");
  if (node.failed())
    return;
  if (node.rank(skip) == 2)
    skip = node.unsqueeze(skip, isLast ? llvm::ArrayRef<int64_t>{1, 2} : llvm::ArrayRef<int64_t>{2, 3});
  Value sum = node.add(x, skip);
  if (Value bias = node.input(4))
    sum = node.add(sum, isLast ? bias : node.channels(bias, x));
  node.setOutput(1, sum);
  node.setOutput(0, withChannelsSecond(node, sum, isLast, [&](Value all) { return scaleGroups(node, all); }));
}

namespace {

/// What an embedding is made of; `segments` and its table may be null, and so may `mask` and `positions`.
struct Embedding {
  Value words, segments, mask, positions;
  /// Rows of the tables, and what scales and shifts their normalized sum.
  llvm::function_ref<Value(Value ids)> wordRows, positionRows, segmentRows;
  Value gamma, beta;
};

} // namespace

/// Rows for the words, their positions and, if there are any, segments of a text,
/// summed and normalized. 'mask_index' counts the words that the mask keeps.
static void embed(Node &node, const Embedding &from, bool hasSegmentTable) {
  auto [words, segments, mask, positions, wordRows, positionRows, segmentRows, gamma, beta] = from;
  graph::ShapeSolver &solver = node.solver();
  if (node.rank(words) != 2 || bool(segments) != hasSegmentTable) {
    node.error("onnx-shape-mismatch",
               "'input_ids' has rank " + Twine(node.rank(words)) +
                   (segments ? " and 'segment_ids' is given" : " and 'segment_ids' is not given"))
        .note("give [batch, length], and both or none of 'segment_ids' and 'segment_embedding'");
    return;
  }
  Dims dims = node.dims(words);
  if (!positions)
    positions = node.createTyped<graph::IotaOp>(solver.type({solver.constant(1), dims[1]}, node.builder().getI64Type()),
                                                int64_t(1));
  Value sum = node.add(wordRows(words), positionRows(positions));
  if (segments)
    sum = node.add(sum, segmentRows(segments));
  node.setOutput(2, sum);
  node.setOutput(0, normalize(node, sum, gamma, beta));
  if (!node.wantsOutput(1))
    return;
  Type i32 = node.builder().getI32Type();
  if (!mask)
    return node.setOutput(1, node.broadcast(node.scalar(i32, 0), {dims[0]}));
  Value counts = node.createAs<graph::EqualOp>(node.builder().getI1Type(), mask, node.scalar(node.element(mask), 1));
  node.setOutput(1, node.reduce(graph::ReduceKind::sum, node.cast(counts, i32), {1}, /*keepDims=*/false));
}

static void importEmbedLayerNormalization(Node &node) {
  node.ignore({"mask_index_type"}); // Says how the mask is used, not what is counted.
  auto rows = [&](unsigned table) {
    return [&node, table](Value ids) { return node.create<graph::GatherOp>(node.input(table), ids, int64_t(0)); };
  };
  auto words = rows(2), positions = rows(3), segments = rows(4);
  embed(node,
        {node.input(0), node.input(1), node.input(7), node.input(8), words, positions, segments, node.input(5),
         node.input(6)},
        bool(node.input(4)));
}

/// The same with tables of bytes, each with one scale and zero point.
static void importQEmbedLayerNormalization(Node &node) {
  auto real = [&](Value x, unsigned scale) {
    return dequantize(node, x, node.input(scale), node.input(scale + 5), node.element(node.input(scale)));
  };
  auto rows = [&](unsigned table, unsigned scale) {
    return [&node, &real, table, scale](Value ids) {
      return real(node.create<graph::GatherOp>(node.input(table), ids, int64_t(0)), scale);
    };
  };
  auto words = rows(2, 8), positions = rows(3, 9), segments = rows(4, 10);
  embed(node,
        {node.input(0), node.input(1), node.input(7), Value(), words, positions, segments, real(node.input(5), 11),
         real(node.input(6), 12)},
        bool(node.input(4)));
}

void onnx_import::registerMicrosoftNormalizationOps(OpTable &ops) {
  ops.add("SimplifiedLayerNormalization", {1}, importSimplifiedLayerNormalization);
  StringRef domain = "com.microsoft";
  ops.add({domain, "SkipLayerNormalization"}, {1}, importSkipLayerNormalization);
  ops.add({domain, "SkipSimplifiedLayerNormalization"}, {1}, importSkipSimplifiedLayerNormalization);
  ops.add({domain, "EmbedLayerNormalization"}, {1}, importEmbedLayerNormalization);
  ops.add({domain, "QEmbedLayerNormalization"}, {1}, importQEmbedLayerNormalization);
  ops.add({domain, "GroupNorm"}, {1}, importGroupNorm);
  ops.add({domain, "SkipGroupNorm"}, {1}, importSkipGroupNorm);
}
