// lib/Import/ONNX/Normalization.cpp: operators that shift and scale by
// statistics.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compose.h"
#include "OpTable.h"

using namespace lathe;
using namespace lathe::onnx_import;
using graph::ReduceKind;
using llvm::SmallVector;

/// All axes of `x` from `first` on.
static SmallVector<int64_t> axesFrom(Node &node, Value x, int64_t first) {
  return llvm::to_vector(llvm::seq<int64_t>(first, node.rank(x)));
}

static Value square(Node &node, Value x) { return node.mul(x, x); }

/// 1 / sqrt(x + epsilon)
static Value inverseRoot(Node &node, Value x, double epsilon) {
  return node.create<graph::ReciprocalOp>(node.create<graph::SqrtOp>(node.add(x, epsilon)));
}

/// Batch normalization in training: by the statistics of the batch, which the
/// running ones then approach.
static void trainStatistics(Node &node, Value &mean, Value &variance) {
  double momentum = node.number("momentum");
  Value x = node.cast(node.input(0), node.element(variance));
  if (node.failed())
    return;
  SmallVector<int64_t> axes;
  for (int64_t i = 0; i < node.rank(x); ++i)
    if (i != 1)
      axes.push_back(i);
  Value batchMean = node.reduce(ReduceKind::mean, x, axes, /*keepDims=*/true);
  Value batchVariance = node.reduce(ReduceKind::mean, square(node, node.sub(x, batchMean)), axes, /*keepDims=*/false);
  batchMean = node.squeeze(batchMean, axes);
  auto approach = [&](Value running, Value current) {
    return node.add(node.mul(running, momentum), node.mul(current, 1 - momentum));
  };
  node.setOutput(1, approach(mean, node.cast(batchMean, node.element(mean))));
  node.setOutput(2, approach(variance, batchVariance));
  mean = node.cast(batchMean, node.element(mean));
  variance = batchVariance;
}

static void importBatchNormalization(Node &node) {
  // The first changes running statistics in training only. Before version 7,
  // the number of outputs says whether this is training, as exporters did not
  // always set the second.
  node.ignore({"momentum", "is_test"});
  Value x = node.input(0), scale = node.input(1), bias = node.input(2);
  Value mean = node.input(3), variance = node.input(4);
  if (node.version() >= 14 && node.flag("training_mode"))
    trainStatistics(node, mean, variance);
  Type statistics = node.element(variance);
  // y = x a + b with per-channel a and b, which constant folding computes.
  Value a = node.mul(node.cast(scale, statistics), inverseRoot(node, variance, node.number("epsilon")));
  Value b = node.sub(node.cast(bias, statistics), node.mul(mean, a));
  // Up to version 7 there can be statistics per element of a sample.
  bool perChannel = node.version() > 7 || node.flag("spatial");
  auto spread = [&](Value v) { return perChannel ? node.channels(v, x) : v; };
  Value wide = node.cast(x, statistics);
  Value y = node.add(node.mul(wide, spread(a)), spread(b));
  node.setOutput(0, node.cast(y, node.element(x)));
}

static Value importInstanceNormalization(Node &node) {
  Value x = node.input(0);
  if (node.rank(x) < 3) {
    node.error("onnx-shape-mismatch", "'input' has rank " + llvm::Twine(node.rank(x)) + ", but at least 3 is needed")
        .note("reshape the input to [N, C, D1, ...]");
    return {};
  }
  Value y = node.create<graph::LayerNormOp>(x, int64_t(2), llvm::APFloat(node.number("epsilon")));
  y = node.mul(y, node.channels(node.input(1), x));
  return node.add(y, node.channels(node.input(2), x));
}

/// Checks that statistics are wanted in 32 bits, as they are always computed;
/// for a 64-bit input they are wider.
static bool checkStashType(Node &node) {
  if (node.integer("stash_type") == 1)
    return true;
  node.unsupported("stash_type", llvm::Twine(node.integer("stash_type")), "1 (float32) is");
  return false;
}

static void importLayerNormalization(Node &node) {
  Value x = node.input(0), bias = node.input(2);
  double epsilon = node.number("epsilon");
  int64_t axis = node.axis("axis", x);
  if (!checkStashType(node) || node.failed())
    return;
  Value y = node.create<graph::LayerNormOp>(x, axis, llvm::APFloat(epsilon));
  y = node.mul(y, node.input(1));
  node.setOutput(0, bias ? node.add(y, bias) : y);

  if (!node.wantsOutput(1) && !node.wantsOutput(2))
    return;
  Value wide = node.cast(x, node.builder().getF32Type());
  SmallVector<int64_t> axes = axesFrom(node, x, axis);
  Value mean = node.reduce(ReduceKind::mean, wide, axes, /*keepDims=*/true);
  node.setOutput(1, mean);
  Value variance = node.reduce(ReduceKind::mean, square(node, node.sub(wide, mean)), axes, true);
  node.setOutput(2, inverseRoot(node, variance, epsilon));
}

Value onnx_import::makeRmsNorm(Node &node, Value x, int64_t axis, double epsilon) {
  Value wide = node.cast(x, graph::getAccumulatorType(node.element(x)));
  Value mean = node.reduce(ReduceKind::mean, square(node, wide), axesFrom(node, x, axis), /*keepDims=*/true);
  return node.mul(wide, inverseRoot(node, mean, epsilon));
}

static Value importRMSNormalization(Node &node) {
  Value x = node.input(0);
  double epsilon = node.number("epsilon");
  int64_t axis = node.axis("axis", x);
  if (!checkStashType(node) || node.failed())
    return {};
  Value y = makeRmsNorm(node, x, axis, epsilon);
  Value scale = node.input(1);
  return node.mul(node.cast(y, node.element(scale)), scale);
}

Value onnx_import::normalizeGroups(Node &node, Value x, llvm::StringRef attribute) {
  int64_t groups = node.positiveCount(attribute);
  double epsilon = node.number("epsilon");
  Dims grouped = node.dims(x);
  if (node.failed())
    return {};
  auto fixed = grouped.size() > 1 ? mlir::dyn_cast<mlir::AffineConstantExpr>(grouped[1]) : mlir::AffineConstantExpr();
  if (grouped.size() < 2 || (fixed && fixed.getValue() % groups != 0)) {
    node.error("onnx-shape-mismatch",
               "'" + attribute + "' is " + llvm::Twine(groups) + ", but 'X' has " +
                   (fixed ? llvm::Twine(fixed.getValue()) + " channels" : "rank " + llvm::Twine(grouped.size())))
        .note("the groups must divide the channels");
    return {};
  }
  mlir::AffineExpr inGroup = node.solver().simplify(grouped[1].floorDiv(groups));
  node.check({}, grouped[1], inGroup * groups, "the channels and as many equal groups as '" + attribute + "' says");
  grouped[1] = node.solver().constant(groups);
  grouped.insert(grouped.begin() + 2, inGroup);
  return node.create<graph::LayerNormOp>(node.reshape(x, grouped), int64_t(2), llvm::APFloat(epsilon));
}

static Value importGroupNormalization(Node &node) {
  Value x = node.input(0);
  if (node.version() >= 21 && !checkStashType(node))
    return {};
  Value y = normalizeGroups(node, x, "num_groups");
  if (node.failed())
    return {};
  Dims original = node.dims(x);
  if (node.version() >= 21) {
    y = node.reshape(y, original);
    y = node.mul(y, node.channels(node.input(1), x));
    return node.add(y, node.channels(node.input(2), x));
  }
  // Version 18 has one scale and one bias for each group.
  y = node.mul(y, node.channels(node.input(1), y));
  y = node.add(y, node.channels(node.input(2), y));
  return node.reshape(y, original);
}

static Value importLpNormalization(Node &node) {
  Value x = node.input(0);
  int64_t p = node.integer("p"), axis = node.axis("axis", x);
  if (p != 1 && p != 2)
    return node.unsupported("p", llvm::Twine(p), "1 and 2 are");
  if (node.failed())
    return {};
  Value powers = p == 1 ? node.create<graph::AbsOp>(x) : square(node, x);
  Value norm = node.reduce(ReduceKind::sum, powers, {axis}, /*keepDims=*/true);
  if (p == 2)
    norm = node.create<graph::SqrtOp>(norm);
  // A zero vector stays zero.
  Value zero = node.scalar(node.element(x), 0);
  Value isZero = node.createAs<graph::EqualOp>(node.builder().getI1Type(), norm, zero);
  Value safe = node.createAs<graph::SelectOp>(node.element(x), isZero, node.scalar(node.element(x), 1), norm);
  return node.div(x, safe);
}

static Value importMeanVarianceNormalization(Node &node) {
  Value x = node.input(0);
  SmallVector<int64_t> axes = node.normalizeAxes(node.integers("axes"), node.rank(x), "axes");
  if (node.failed())
    return {};
  // Of few elements of 16 bits, a rounded mean is far from the middle; and the constant below is none of them.
  Value wide = node.cast(x, graph::getAccumulatorType(node.element(x)));
  Value centered = node.sub(wide, node.reduce(ReduceKind::mean, wide, axes, /*keepDims=*/true));
  Value variance = node.reduce(ReduceKind::mean, square(node, centered), axes,
                               /*keepDims=*/true);
  // The spec's function adds this to the standard deviation.
  Value deviation = node.add(node.create<graph::SqrtOp>(variance), 1e-9);
  return node.cast(node.div(centered, deviation), node.element(x));
}

/// y = x / (bias + alpha / size sum of squares over nearby channels)^beta
static Value importLRN(Node &node) {
  Value x = node.input(0);
  int64_t size = node.integer("size");
  double alpha = node.number("alpha"), beta = node.number("beta"), bias = node.number("bias");
  if (node.rank(x) < 3 || size < 1) {
    node.error("onnx-shape-mismatch", "'X' has rank " + llvm::Twine(node.rank(x)) + " and 'size' is " +
                                          llvm::Twine(size) + ", but at least rank 3 and size 1 are needed")
        .note("reshape the input to [N, C, D1, ...]");
    return {};
  }
  // The windows run over channels: make those a spatial dimension.
  Dims original = node.dims(x);
  Dims flat = {original[0], node.solver().constant(1), original[1],
               node.solver().product(llvm::ArrayRef(original).drop_front(2))};
  SmallVector<int64_t> kernel = {size, 1}, ones = {1, 1};
  SmallVector<int64_t> pads = {(size - 1) / 2, 0, size / 2, 0};
  Value mean =
      node.create<graph::AveragePoolOp>(node.reshape(square(node, x), flat), kernel, ones, pads, ones,
                                        /*ceil_mode=*/false, /*channels_last=*/false, /*count_include_pad=*/true);
  Value base = node.add(node.mul(node.reshape(mean, original), alpha), bias);
  return node.div(x, node.pow(base, beta));
}

void onnx_import::registerNormalizationOps(OpTable &ops) {
  ops.add("BatchNormalization", {1, 6, 7, 9, 14, 15}, importBatchNormalization);
  ops.add("InstanceNormalization", {1, 6, 22}, importInstanceNormalization);
  ops.add("LayerNormalization", {1, 17}, importLayerNormalization);
  ops.add("RMSNormalization", {23}, importRMSNormalization);
  ops.add("GroupNormalization", {18, 21}, importGroupNormalization);
  ops.add("LpNormalization", {1, 22}, importLpNormalization);
  ops.add("MeanVarianceNormalization", {9, 13}, importMeanVarianceNormalization);
  ops.add("LRN", {1, 13}, importLRN);
}
