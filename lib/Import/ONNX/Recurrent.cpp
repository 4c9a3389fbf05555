// lib/Import/ONNX/Recurrent.cpp: recurrent layers, whole, in the layout that
// the dialect has.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Import/Core/Node.h"
#include "OpTable.h"
#include "Quantize.h"

#include "dialects/Graph/Recurrent.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using namespace lathe::onnx_import;
using graph::Activation;
using llvm::StringRef;
using llvm::Twine;

namespace {

/// A function of a cell: its name in lower case, and the spec's alpha and beta
/// where it has them.
struct ActivationRow {
  StringRef name;
  Activation kind;
  std::optional<double> alpha, beta;
};

const ActivationRow activationTable[] = {
    {"relu", Activation::relu, {}, {}},
    {"tanh", Activation::tanh, {}, {}},
    {"sigmoid", Activation::sigmoid, {}, {}},
    {"affine", Activation::affine, 1.0, 0.0},
    {"leakyrelu", Activation::leakyRelu, 0.01, {}},
    {"thresholdedrelu", Activation::thresholdedRelu, 1.0, {}},
    {"scaledtanh", Activation::scaledTanh, 1.0, 1.0},
    {"hardsigmoid", Activation::hardSigmoid, 0.2, 0.5},
    {"elu", Activation::elu, 1.0, {}},
    {"softsign", Activation::softsign, {}, {}},
    {"softplus", Activation::softplus, {}, {}},
};

/// What all three operators are described by.
struct Layer {
  Value x, w, r, b, lengths;
  graph::Direction direction = graph::Direction::forward;
  mlir::ArrayAttr activations = {};
  llvm::SmallVector<double> alphas = {}, betas = {};
  llvm::APFloat clip = llvm::APFloat(0.0);
  bool batchFirst = false;
};

} // namespace

static void readActivations(Node &node, Layer &layer, llvm::ArrayRef<StringRef> defaults) {
  llvm::SmallVector<StringRef> names = node.strings("activations");
  size_t directions = layer.direction == graph::Direction::bidirectional ? 2 : 1;
  if (names.empty())
    for (size_t i = 0; i < directions; ++i)
      names.append(defaults.begin(), defaults.end());
  if (names.size() != directions * defaults.size()) {
    node.error("onnx-recurrent-activations", "'activations' has " + Twine(names.size()) + " entries, but " +
                                                 Twine(directions * defaults.size()) + " are expected")
        .note("give " + Twine(defaults.size()) + " for each direction");
    return;
  }
  // Parameters are consumed by the functions that have one, in their order.
  llvm::SmallVector<double> alphas = node.numbers("activation_alpha"), betas = node.numbers("activation_beta");
  size_t nextAlpha = 0, nextBeta = 0;
  llvm::SmallVector<StringRef> kinds;
  for (StringRef name : names) {
    const ActivationRow *row =
        llvm::find_if(activationTable, [&](const ActivationRow &other) { return other.name == name.lower(); });
    if (row == std::end(activationTable)) {
      llvm::SmallVector<StringRef> known;
      for (const ActivationRow &other : activationTable)
        known.push_back(other.name);
      node.error("onnx-recurrent-activations",
                 "there is no activation " + quoted(name) + didYouMean(name.lower(), known))
          .note("the activations are: " + llvm::join(known, ", "));
      return;
    }
    kinds.push_back(graph::activationNames[static_cast<size_t>(row->kind)]);
    auto next = [](std::optional<double> otherwise, llvm::ArrayRef<double> given, size_t &position) {
      if (!otherwise)
        return 0.0;
      return position < given.size() ? given[position++] : *otherwise;
    };
    layer.alphas.push_back(next(row->alpha, alphas, nextAlpha));
    layer.betas.push_back(next(row->beta, betas, nextBeta));
  }
  layer.activations = node.builder().getStrArrayAttr(kinds);
}

/// What weights leave open, 'hidden_size' says.
static void fixSizes(Node &node, Layer &layer, int64_t gates) {
  int64_t size = node.integer("hidden_size"), most = int64_t(1) << 30;
  if (size < 1 || size > most)
    return;
  StringRef what = "'hidden_size' and a dim of the weights";
  layer.w = node.withDim(layer.w, 1, gates * size, what);
  layer.r = node.withDim(node.withDim(layer.r, 1, gates * size, what), 2, size, what);
  if (layer.b)
    layer.b = node.withDim(layer.b, 1, 2 * gates * size, what);
}

static Layer readLayer(Node &node, llvm::ArrayRef<StringRef> defaults, Value x, Value w, Value r) {
  Layer layer{x, w, r, node.input(3), node.input(4)};
  node.ignore({"output_sequence"}); // The first version's way to say which outputs it has.
  std::string direction = node.string("direction").lower();
  if (direction == "reverse") {
    layer.direction = graph::Direction::reverse;
  } else if (direction == "bidirectional") {
    layer.direction = graph::Direction::bidirectional;
  } else if (!direction.empty() && direction != "forward") {
    node.unsupported("direction", quoted(direction), "forward, reverse and bidirectional are");
    return layer;
  }
  readActivations(node, layer, defaults);
  bool hasClip = node.has("clip");
  double clip = node.number("clip");
  if (hasClip && clip <= 0) {
    node.unsupported("clip", Twine(std::to_string(clip)), "a bound above 0 is");
    return layer;
  }
  layer.clip = llvm::APFloat(hasClip ? clip : 0.0);
  layer.batchFirst = node.version() >= 14 && node.integer("layout") != 0;
  if (layer.batchFirst && node.rank(layer.x) == 3)
    layer.x = node.transpose(layer.x, {1, 0, 2});
  if (node.has("hidden_size") && !node.failed())
    fixSizes(node, layer, defaults.size() == 3 ? 4 : defaults.size() == 2 ? 3 : 1);
  if (node.has("hidden_size") && !node.failed() && node.rank(layer.r) == 3) {
    auto type = mlir::cast<mlir::RankedTensorType>(layer.r.getType());
    if (int64_t size = node.integer("hidden_size"); !type.isDynamicDim(2) && type.getDimSize(2) != size)
      node.error("onnx-shape-mismatch",
                 "'hidden_size' is " + Twine(size) + ", but the last dim of 'R' is " + Twine(type.getDimSize(2)))
          .note("export the model again");
  }
  return layer;
}

/// The same with the weights as they are in the node.
static Layer readLayer(Node &node, llvm::ArrayRef<StringRef> defaults) {
  return readLayer(node, defaults, node.input(0), node.input(1), node.input(2));
}

/// An initial state; null where there is none.
static Value readState(Node &node, const Layer &layer, unsigned index) {
  Value state = node.input(index);
  return state && layer.batchFirst && node.rank(state) == 3 ? node.transpose(state, {1, 0, 2}) : state;
}

static void setOutputs(Node &node, const Layer &layer, mlir::Operation *op) {
  if (node.failed())
    return;
  for (auto [index, result] : llvm::enumerate(op->getResults())) {
    Value value = result;
    if (layer.batchFirst && node.wantsOutput(index))
      value = index == 0 ? node.transpose(value, {2, 0, 1, 3}) : node.transpose(value, {1, 0, 2});
    node.setOutput(index, value);
  }
}

static void importRNN(Node &node) {
  Layer layer = readLayer(node, {"tanh"});
  Value h = readState(node, layer, 5);
  Type element = node.element(layer.x);
  auto op = node.createMany<graph::RnnOp>({element, element}, layer.x, layer.w, layer.r, layer.b, layer.lengths, h,
                                          layer.direction, layer.activations, layer.alphas, layer.betas, layer.clip);
  setOutputs(node, layer, op);
}

static void importGRU(Node &node) {
  Layer layer = readLayer(node, {"sigmoid", "tanh"});
  Value h = readState(node, layer, 5);
  bool linearBeforeReset = node.flag("linear_before_reset");
  Type element = node.element(layer.x);
  auto op = node.createMany<graph::GruOp>({element, element}, layer.x, layer.w, layer.r, layer.b, layer.lengths, h,
                                          layer.direction, layer.activations, layer.alphas, layer.betas, layer.clip,
                                          linearBeforeReset);
  setOutputs(node, layer, op);
}

static void makeLSTM(Node &node, Value x, Value w, Value r) {
  Layer layer = readLayer(node, {"sigmoid", "tanh", "tanh"}, x, w, r);
  Value h = readState(node, layer, 5), c = readState(node, layer, 6), peepholes = node.input(7);
  bool inputForget = node.flag("input_forget");
  Type element = node.element(layer.x);
  auto op = node.createMany<graph::LstmOp>({element, element, element}, layer.x, layer.w, layer.r, layer.b,
                                           layer.lengths, h, c, peepholes, layer.direction, layer.activations,
                                           layer.alphas, layer.betas, layer.clip, inputForget);
  setOutputs(node, layer, op);
}

static void importLSTM(Node &node) { makeLSTM(node, node.input(0), node.input(1), node.input(2)); }

/// Weights of [directions, columns, 4 hidden] bytes as numbers, turned; a scale and
/// zero point for each direction, or for each column of it.
static Value readQuantizedWeights(Node &node, unsigned weights, unsigned scale) {
  Value w = node.input(weights);
  auto spread = [&](Value parameter) -> Value {
    if (node.failed() || !parameter)
      return parameter;
    Dims dims = node.dims(parameter);
    dims.resize(std::max<size_t>(dims.size(), 1), node.solver().constant(1));
    dims.insert(dims.begin() + 1, node.solver().constant(1));
    dims.resize(3, node.solver().constant(1));
    return node.reshape(parameter, dims);
  };
  Value real = node.createAs<graph::DequantizeOp>(node.element(node.input(scale)), w, spread(node.input(scale)),
                                                  spread(node.input(scale + 1)));
  return node.transpose(real, {0, 2, 1});
}

/// com.microsoft's LSTM with weights of bytes. The input is rounded to bytes, as
/// ONNX Runtime does; hidden states, which it rounds in each step, are not.
static void importDynamicQuantizeLSTM(Node &node) {
  DynamicallyQuantized x = quantizeDynamically(node, node.input(0));
  Value rounded = dequantize(node, x.values, x.scale, x.zero, node.element(node.input(0)));
  makeLSTM(node, rounded, readQuantizedWeights(node, 1, 8), readQuantizedWeights(node, 2, 10));
}

void onnx_import::registerRecurrentOps(OpTable &ops) {
  ops.add("RNN", {1, 7, 14, 22}, importRNN);
  ops.add("GRU", {1, 3, 7, 14, 22}, importGRU);
  ops.add("LSTM", {1, 7, 14, 22}, importLSTM);
  ops.add({"com.microsoft", "DynamicQuantizeLSTM"}, {1}, importDynamicQuantizeLSTM);
}
