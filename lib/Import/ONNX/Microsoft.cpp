// lib/Import/ONNX/Microsoft.cpp: operators of ONNX Runtime's domain com.microsoft,
// and those that its optimizer puts into ONNX's own: fusions of what ONNX has.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compose.h"
#include "OpTable.h"

#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

static Value importExactGelu(Node &node) { return node.create<graph::GeluOp>(node.input(0), /*tanh=*/false); }

static Value importFastGelu(Node &node) {
  Value x = node.input(1) ? node.add(node.input(0), node.input(1)) : node.input(0);
  return node.create<graph::GeluOp>(x, /*tanh=*/true);
}

static Value importBiasGelu(Node &node) {
  return node.create<graph::GeluOp>(node.add(node.input(0), node.input(1)), /*tanh=*/false);
}

/// x sigmoid(alpha x)
static Value importQuickGelu(Node &node) {
  return node.create<graph::SwishOp>(node.input(0), llvm::APFloat(node.number("alpha")));
}

namespace {

/// A function that 'activation' names, of `x` and as many numbers as it needs.
struct ActivationRow {
  StringRef name;
  size_t needs;
  Value (*make)(Node &node, Value x, llvm::ArrayRef<double> numbers);
};

} // namespace

template <typename OpT> static Value makePlain(Node &node, Value x, llvm::ArrayRef<double>) {
  return node.create<OpT>(x);
}

template <typename OpT> static Value makeAlpha(Node &node, Value x, llvm::ArrayRef<double> numbers) {
  return node.create<OpT>(x, llvm::APFloat(numbers[0]));
}

template <typename OpT> static Value makeAlphaBeta(Node &node, Value x, llvm::ArrayRef<double> numbers) {
  return node.create<OpT>(x, llvm::APFloat(numbers[0]), llvm::APFloat(numbers[1]));
}

/// Its numbers are those of ONNX's HardSwish.
static Value makeHardSwish(Node &node, Value x, llvm::ArrayRef<double>) {
  return node.mul(x, node.create<graph::HardSigmoidOp>(x, llvm::APFloat(1.0 / 6.0), llvm::APFloat(0.5)));
}

static Value makeClip(Node &node, Value x, llvm::ArrayRef<double> numbers) {
  x = node.create<graph::MaxOp>(x, node.scalar(node.element(x), numbers[0]));
  return node.create<graph::MinOp>(x, node.scalar(node.element(x), numbers[1]));
}

static const ActivationRow activations[] = {
    {"Relu", 0, makePlain<graph::ReluOp>},
    {"Tanh", 0, makePlain<graph::TanhOp>},
    {"Sigmoid", 0, makePlain<graph::SigmoidOp>},
    {"HardSwish", 0, makeHardSwish},
    {"Softplus", 0, makePlain<graph::SoftplusOp>},
    {"Softsign", 0, makePlain<graph::SoftsignOp>},
    {"Elu", 1, makeAlpha<graph::EluOp>},
    {"LeakyRelu", 1, makeAlpha<graph::LeakyReluOp>},
    {"ThresholdedRelu", 1, makeAlpha<graph::ThresholdedReluOp>},
    {"HardSigmoid", 2, makeAlphaBeta<graph::HardSigmoidOp>},
    {"Selu", 2, makeAlphaBeta<graph::SeluOp>},
    {"Clip", 2, makeClip},
};

Value onnx_import::activate(Node &node, Value x, llvm::ArrayRef<double> numbers) {
  StringRef name = node.string("activation");
  if (name.empty() || node.failed())
    return x;
  const ActivationRow *row = llvm::find_if(activations, [&](const ActivationRow &other) { return other.name == name; });
  if (row == std::end(activations))
    return node.unsupported(
        "activation", quoted(name),
        llvm::join(llvm::map_range(activations, [](const ActivationRow &r) { return r.name; }), ", ") + " are");
  if (numbers.size() < row->needs) {
    node.error("onnx-missing-attribute", "'activation' is " + quoted(name) + ", which needs " + Twine(row->needs) +
                                             " numbers, but " + Twine(numbers.size()) + " are given")
        .note("give the activation its numbers");
    return {};
  }
  return row->make(node, x, numbers);
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// `x` as FusedMatMul reads it: with `batch`, its first dimension becomes the one
/// before the last; with `swap`, the last two trade places. Vectors stay.
static Value arrange(Node &node, Value x, bool batch, bool swap) {
  int64_t rank = node.rank(x);
  if (node.failed() || rank < 2)
    return x;
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (batch)
    std::rotate(order.begin(), order.begin() + 1, order.end() - 1);
  if (swap)
    std::swap(order[rank - 1], order[rank - 2]);
  return node.transpose(x, order);
}

static Value importFusedMatMul(Node &node) {
  Value a = arrange(node, node.input(0), node.flag("transBatchA"), node.flag("transA"));
  Value b = arrange(node, node.input(1), node.flag("transBatchB"), node.flag("transB"));
  double alpha = node.number("alpha");
  Value y = makeMatmul(node, a, b);
  return alpha == 1 ? y : node.mul(y, alpha);
}

static Value importGemmFastGelu(Node &node) {
  Value y = makeMatmul(node, node.input(0), node.input(1));
  return node.create<graph::GeluOp>(node.input(2) ? node.add(y, node.input(2)) : y, /*tanh=*/true);
}

/// Softmax of a sum over all dimensions from 'axis' on.
static Value importBiasSoftmax(Node &node) {
  Value x = node.input(0), bias = node.input(1);
  int64_t axis = node.axis("axis", x);
  node.ignore({"is_inner_broadcast"}); // Says which dimensions of the bias are 1.
  if (node.failed())
    return {};
  Dims dims = node.dims(x), flat(dims.begin(), dims.begin() + axis);
  flat.push_back(node.solver().product(llvm::ArrayRef(dims).drop_front(axis)));
  Value sum = node.add(x, bias);
  if (!node.failed() && node.rank(sum) != node.rank(x)) {
    node.error("onnx-shape-mismatch",
               "'bias' has rank " + Twine(node.rank(bias)) + ", but 'data' has rank " + Twine(node.rank(x)))
        .note("'bias' may broadcast to the shape of 'data'");
    return {};
  }
  if (node.failed())
    return {};
  for (auto [own, wanted] : llvm::zip_equal(node.dims(sum), dims))
    node.check(sum, own, wanted, "sizes of 'data' and of what 'bias' makes of it");
  if (node.failed())
    return {};
  Value y = node.create<graph::SoftmaxOp>(node.reshape(sum, flat), axis, /*log=*/false);
  return node.reshape(y, dims);
}

/// Products of 16 bits, summed in 32; without a sign where neither has one.
static Value importMatMulInteger16(Node &node) {
  auto isUnsigned = [&](unsigned i) { return node.element(node.input(i)).isUnsignedInteger(); };
  bool areUnsigned = !node.failed() && isUnsigned(0) && isUnsigned(1);
  Type wide = areUnsigned ? node.builder().getIntegerType(32, /*isSigned=*/false) : node.builder().getI32Type();
  return makeMatmul(node, node.cast(node.input(0), wide), node.cast(node.input(1), wide));
}

/// Windows of 'size' elements along 'dim', 'step' apart, in a dimension of their own at the end.
static Value importUnfoldTensor(Node &node) {
  Value x = node.input(0);
  int64_t axis = node.axis("dim", x), size = node.integer("size"), step = node.integer("step");
  if (!node.failed() && (size < 1 || step < 1))
    node.error("onnx-window-attribute", "'size' is " + Twine(size) + " and 'step' is " + Twine(step))
        .note("windows need at least one element, and a distance");
  if (node.failed())
    return {};
  graph::ShapeSolver &solver = node.solver();
  Dims dims = node.dims(x);
  node.require(dims[axis], solver.constant(size),
               "the dimension that is unfolded must have as many elements as 'size' says");
  mlir::AffineExpr one = solver.constant(1);
  mlir::AffineExpr count = solver.simplify((dims[axis] - size).floorDiv(step) + 1);
  Type i64 = node.builder().getI64Type();
  auto iota = [&](const Dims &shape, int64_t along) {
    return node.createTyped<graph::IotaOp>(solver.type(shape, i64), along);
  };
  Value at =
      node.add(node.mul(iota({count, one}, 0), static_cast<double>(step)), iota({one, solver.constant(size)}, 1));
  Value y = node.create<graph::GatherOp>(x, at, axis);
  llvm::SmallVector<int64_t> order;
  for (int64_t i = 0; !node.failed() && i < node.rank(y); ++i)
    if (i != axis + 1)
      order.push_back(i);
  order.push_back(axis + 1);
  return node.transpose(y, order);
}

/// Gemm with what 'activation' names behind it.
static Value importFusedGemm(Node &node) {
  SmallVector<double> numbers;
  for (StringRef name : {"activation_alpha", "activation_beta", "activation_gamma"})
    if (node.has(name))
      numbers.push_back(node.number(name));
  return activate(node, makeGemm(node, node.input(0), node.input(1), node.input(2)), numbers);
}

/// Convolution with a sum and an activation behind it.
static Value importFusedConv(Node &node, bool isLast) {
  return withChannelsSecond(node, node.input(0), isLast, [&](Value x) {
    Value y = makeConvWithBias(node, x, node.input(1), node.input(2));
    if (Value z = node.input(3))
      y = node.add(y, isLast ? channelsToSecond(node, z) : z);
    return activate(node, y, node.numbers("activation_params"));
  });
}

/// Images and filters have their channels last.
static Value importNhwcConv(Node &node) {
  return withChannelsSecond(node, node.input(0), /*isLast=*/true, [&](Value x) {
    return makeConvWithBias(node, x, channelsToSecond(node, node.input(1)), node.input(2));
  });
}

static Value importNhwcMaxPool(Node &node) {
  return withChannelsSecond(node, node.input(0), /*isLast=*/true, [&](Value x) { return maxPool(node, x); });
}

/// The distances of rows, from the differences: squares of large numbers lose what little ones differ in.
static Value importCDist(Node &node) {
  Value a = node.input(0), b = node.input(1);
  StringRef metric = node.string("metric");
  if (metric != "euclidean" && metric != "sqeuclidean")
    return node.unsupported("metric", quoted(metric), "\"euclidean\" and \"sqeuclidean\" are");
  if (node.rank(a) != 2 || node.rank(b) != 2) {
    node.error("onnx-shape-mismatch",
               "the operands have ranks " + Twine(node.rank(a)) + " and " + Twine(node.rank(b)) + ", but 2 is expected")
        .note("give rows of numbers");
    return {};
  }
  Value each = node.unsqueeze(a, {1});
  node.check(each, node.dims(a)[1], node.dims(b)[1], "the lengths of the rows of 'A' and 'B'");
  Value apart = node.create<graph::SubOp>(each, node.unsqueeze(b, {0}));
  Value squares = node.reduce(graph::ReduceKind::sum, node.mul(apart, apart), {2}, /*keepDims=*/false);
  return metric == "euclidean" ? Value(node.create<graph::SqrtOp>(squares)) : squares;
}

//===----------------------------------------------------------------------===//
// Rotary embedding
//===----------------------------------------------------------------------===//

/// Rows of the caches for each position of each sample: 'position_ids' names
/// them, or the first one if it has one element.
static Value readPositions(Node &node, Value x) {
  Value positions = node.input(1);
  if (node.failed() || node.rank(positions) == 2)
    return positions;
  if (node.rank(positions) != 1 || node.dims(positions)[0] != node.solver().constant(1)) {
    node.error("onnx-shape-mismatch",
               "'position_ids' has rank " + Twine(node.rank(positions)) + ", but one element or rank 2 is expected")
        .note("give the first position, or [batch, length]");
    return {};
  }
  graph::ShapeSolver &solver = node.solver();
  Type i64 = node.builder().getI64Type();
  Value steps = node.createTyped<graph::IotaOp>(solver.type({solver.constant(1), node.dims(x)[1]}, i64), int64_t(1));
  return node.add(steps, positions);
}

static Value importRotaryEmbedding(Node &node) {
  Value x = node.input(0), cosine = node.input(2), sine = node.input(3);
  int64_t heads = node.integer("num_heads"), width = node.integer("rotary_embedding_dim");
  bool interleaved = node.flag("interleaved");
  if (node.flag("is_packed_batching"))
    return node.unsupported("is_packed_batching", "1", "0 is");
  if (node.has("scale") && node.number("scale") != 1)
    return node.unsupported("scale", Twine(std::to_string(node.number("scale"))), "1 is");
  bool isWide = node.rank(x) == 3;
  if ((!isWide && node.rank(x) != 4) || node.rank(cosine) != 2) {
    node.error("onnx-shape-mismatch", "'input' has rank " + Twine(node.rank(x)) + " and 'cos_cache' rank " +
                                          Twine(node.rank(cosine)) + ", but 3 or 4, and 2, are expected")
        .note("give [batch, length, hidden] or [batch, heads, length, size], and [positions, half]");
    return {};
  }
  graph::ShapeSolver &solver = node.solver();
  Dims original = node.dims(x);
  int64_t half = node.staticDim(cosine, 1, "RotaryEmbedding");
  if (isWide) {
    int64_t columns = node.staticDim(x, 2, "RotaryEmbedding");
    // Without their number, heads are as large as the caches say.
    if (!node.failed() && heads == 0)
      heads = columns / std::max<int64_t>(2 * half, 1);
    if (!node.failed() && (heads < 1 || columns % heads != 0))
      node.error("onnx-shape-mismatch",
                 "'num_heads' is " + Twine(heads) + ", but 'input' has " + Twine(columns) + " columns")
          .note("the heads must divide the columns");
    if (node.failed())
      return {};
    x = node.reshape(x, {original[0], original[1], solver.constant(heads), solver.constant(columns / heads)});
  } else {
    x = node.transpose(x, {0, 2, 1, 3});
  }
  Value positions = readPositions(node, x);
  cosine = node.create<graph::GatherOp>(cosine, positions, int64_t(0));
  sine = node.create<graph::GatherOp>(sine, positions, int64_t(0));
  Value y = makeRotation(node, x, cosine, sine, node.solver().constant(width == 0 ? 2 * half : width), interleaved);
  if (node.failed())
    return {};
  return isWide ? node.reshape(y, original) : node.transpose(y, {0, 2, 1, 3});
}

void onnx_import::registerMicrosoftOps(OpTable &ops) {
  StringRef domain = "com.microsoft";
  ops.add({domain, "Gelu"}, {1}, importExactGelu);
  ops.add({domain, "FastGelu"}, {1}, importFastGelu);
  ops.add({domain, "BiasGelu"}, {1}, importBiasGelu);
  ops.add({domain, "QuickGelu"}, {1}, importQuickGelu);
  ops.add({domain, "FusedMatMul"}, {1}, importFusedMatMul);
  ops.add({domain, "TransposeMatMul"}, {1}, importFusedMatMul);
  ops.add({domain, "FusedGemm"}, {1}, importFusedGemm);
  ops.add({domain, "CDist"}, {1}, importCDist);
  ops.add({domain, "GemmFastGelu"}, {1}, importGemmFastGelu);
  ops.add({domain, "BiasSoftmax"}, {1}, importBiasSoftmax);
  ops.add({domain, "MatMulInteger16"}, {1}, importMatMulInteger16);
  ops.add({domain, "UnfoldTensor"}, {1}, importUnfoldTensor);
  ops.add({domain, "FusedConv"}, {1}, [](Node &node) { return importFusedConv(node, /*isLast=*/false); });
  ops.add({domain, "NhwcFusedConv"}, {1}, [](Node &node) { return importFusedConv(node, /*isLast=*/true); });
  ops.add({domain, "NhwcConv"}, {1}, importNhwcConv);
  ops.add({domain, "NhwcMaxPool"}, {1}, importNhwcMaxPool);
  ops.add({domain, "RotaryEmbedding"}, {1}, importRotaryEmbedding);
}
