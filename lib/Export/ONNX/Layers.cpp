// lib/Export/ONNX/Layers.cpp: products, convolutions, pooling, normalization and recurrent layers.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Writer.h"

#include "dialects/Graph/Recurrent.h"

using namespace lathe;
using namespace lathe::onnx_export;
using namespace mlir;
using llvm::StringRef;

/// The kinds of a product of floats and of bytes. Half precision whose sums are f32 is converted before.
static Name writeProduct(Writer &w, Operation *op, StringRef floats, StringRef bytes,
                         llvm::function_ref<void(::onnx::NodeProto &)> setAttributes, bool channelsLast = false) {
  Value a = op->getOperand(0), b = op->getOperand(1);
  Type sum = elementOf(op->getResult(0));
  bool areBytes = elementOf(a) != sum && isa<IntegerType>(sum);
  if (!areBytes && !isa<FloatType>(sum) && floats != "MatMul") {
    w.refuse(op, (floats + " takes floats").str());
    return w.fresh();
  }
  Name left = w.name(a), right = w.name(b);
  if (!areBytes) {
    left = w.cast(left, elementOf(a), sum);
    right = w.cast(right, elementOf(b), sum);
  }
  int64_t rank = typeOf(a).getRank();
  auto permute = [&](Name x, bool toFirst) {
    if (!channelsLast)
      return x;
    llvm::SmallVector<int64_t> permutation = {0};
    if (toFirst)
      permutation.push_back(rank - 1);
    for (int64_t i = toFirst ? 1 : 2; i < rank - (toFirst ? 1 : 0); ++i)
      permutation.push_back(i);
    if (!toFirst)
      permutation.push_back(1);
    Name result = w.fresh();
    w.setIntegers(w.node("Transpose", {x}, {result}), "perm", permutation);
    return result;
  };
  left = permute(left, /*toFirst=*/true);
  Name result = w.fresh();
  setAttributes(w.node(areBytes ? bytes : floats, {left, right}, {result}));
  return permute(result, /*toFirst=*/false);
}

static void writeMatmul(Writer &w, graph::MatmulOp op) {
  w.finish(op, writeProduct(w, op, "MatMul", "MatMulInteger", [](::onnx::NodeProto &) {}));
}

static llvm::SmallVector<int64_t> kernelShape(Value filter) {
  llvm::ArrayRef<int64_t> shape = typeOf(filter).getShape().drop_front(2);
  bool isKnown = llvm::none_of(shape, ShapedType::isDynamic);
  return isKnown ? llvm::to_vector(shape) : llvm::SmallVector<int64_t>();
}

template <class OpT> static void setWindows(Writer &w, ::onnx::NodeProto &node, OpT op) {
  w.setIntegers(node, "strides", op.getStrides());
  w.setIntegers(node, "pads", op.getPads());
  w.setIntegers(node, "dilations", op.getDilations());
}

template <class OpT> static void setConvolution(Writer &w, ::onnx::NodeProto &node, OpT op) {
  if (auto shape = kernelShape(op.getFilter()); !shape.empty())
    w.setIntegers(node, "kernel_shape", shape);
  setWindows(w, node, op);
  w.setInteger(node, "group", static_cast<int64_t>(op.getGroups()));
}

static void writeConv(Writer &w, graph::ConvOp op) {
  auto set = [&](::onnx::NodeProto &node) { setConvolution(w, node, op); };
  w.finish(op, writeProduct(w, op, "Conv", "ConvInteger", set, op.getChannelsLast()));
}

static void writeConvTranspose(Writer &w, graph::ConvTransposeOp op) {
  auto set = [&](::onnx::NodeProto &node) {
    setConvolution(w, node, op);
    w.setIntegers(node, "output_padding", op.getOutputPadding());
  };
  w.finish(op, writeProduct(w, op, "ConvTranspose", "", set, op.getChannelsLast()));
}

template <class OpT> static ::onnx::NodeProto *writePool(Writer &w, OpT op, StringRef kind) {
  if (op.getChannelsLast()) {
    w.refuse(op, "pooling has the channels before the other dimensions");
    return nullptr;
  }
  Name result = w.fresh();
  ::onnx::NodeProto &node = w.node(kind, {w.name(op.getX())}, {result});
  w.setIntegers(node, "kernel_shape", op.getKernel());
  setWindows(w, node, op);
  w.setInteger(node, "ceil_mode", op.getCeilMode());
  w.finish(op, result);
  return &node;
}

static void writeMaxPool(Writer &w, graph::MaxPoolOp op) { writePool(w, op, "MaxPool"); }

static void writeAveragePool(Writer &w, graph::AveragePoolOp op) {
  if (::onnx::NodeProto *node = writePool(w, op, "AveragePool"))
    w.setInteger(*node, "count_include_pad", op.getCountIncludePad());
}

/// LayerNormalization scales, too: by ones.
static void writeLayerNorm(Writer &w, graph::LayerNormOp op) {
  auto axis = static_cast<int64_t>(op.getAxis());
  graph::Dims dims = w.dims(op.getX());
  Name ones = w.add("Expand", {w.scalar(elementOf(op.getX()), 1), w.shape(llvm::ArrayRef(dims).drop_front(axis))});
  Name result = w.fresh();
  ::onnx::NodeProto &node = w.node("LayerNormalization", {w.name(op.getX()), ones}, {result});
  w.setInteger(node, "axis", axis);
  w.setNumber(node, "epsilon", op.getEpsilon().convertToDouble());
  w.finish(op, result);
}

static void writeSoftmax(Writer &w, graph::SoftmaxOp op) {
  w.finish(op, w.add(op.getLog() ? "LogSoftmax" : "Softmax", {w.name(op.getX())},
                     {{"axis", static_cast<int64_t>(op.getAxis())}}));
}

namespace {
/// What ONNX calls the function of a cell, and which parameters it takes.
struct ActivationName {
  StringRef name;
  bool alpha, beta;
};
} // namespace

/// In the order of graph::Activation.
static constexpr ActivationName activations[] = {
    {"Relu", false, false},     {"Tanh", false, false},      {"Sigmoid", false, false},
    {"Affine", true, true},     {"LeakyRelu", true, false},  {"ThresholdedRelu", true, false},
    {"ScaledTanh", true, true}, {"HardSigmoid", true, true}, {"Elu", true, false},
    {"Softsign", false, false}, {"Softplus", false, false},
};

/// What all three layers have; `states` are the inputs behind the lengths.
template <class OpT>
static ::onnx::NodeProto &writeRecurrent(Writer &w, OpT op, StringRef kind, llvm::ArrayRef<Value> states) {
  auto optional = [&](Value value) { return value ? w.name(value) : Name(); };
  Names inputs = {w.name(op.getX()), w.name(op.getW()), w.name(op.getR()), optional(op.getB())};
  if (Value lengths = op.getLengths())
    inputs.push_back(w.cast(w.name(lengths), elementOf(lengths), IntegerType::get(op.getContext(), 32)));
  else
    inputs.push_back("");
  for (Value state : states)
    inputs.push_back(optional(state));
  while (inputs.back().empty())
    inputs.pop_back();
  Names outputs;
  for (Value result : op->getResults()) {
    outputs.push_back(w.fresh());
    w.setName(result, outputs.back());
  }
  ::onnx::NodeProto &node = w.node(kind, inputs, outputs);
  w.setText(node, "direction", graph::stringifyDirection(op.getDirection()));
  std::vector<std::string> names;
  llvm::SmallVector<double> alphas, betas;
  for (auto [i, name] : llvm::enumerate(op.getActivations().template getAsValueRange<StringAttr>())) {
    const ActivationName &row = activations[static_cast<size_t>(*graph::findActivation(name))];
    names.push_back(row.name.str());
    if (row.alpha)
      alphas.push_back(op.getAlphas()[i]);
    if (row.beta)
      betas.push_back(op.getBetas()[i]);
  }
  w.setTexts(node, "activations", names);
  if (!alphas.empty())
    w.setNumbers(node, "activation_alpha", alphas);
  if (!betas.empty())
    w.setNumbers(node, "activation_beta", betas);
  if (double clip = op.getClip().convertToDouble(); clip != 0)
    w.setNumber(node, "clip", clip);
  if (int64_t size = typeOf(op.getR()).getShape()[2]; !ShapedType::isDynamic(size))
    w.setInteger(node, "hidden_size", size);
  return node;
}

static void writeRnn(Writer &w, graph::RnnOp op) { writeRecurrent(w, op, "RNN", {op.getH0()}); }

static void writeGru(Writer &w, graph::GruOp op) {
  w.setInteger(writeRecurrent(w, op, "GRU", {op.getH0()}), "linear_before_reset", op.getLinearBeforeReset());
}

static void writeLstm(Writer &w, graph::LstmOp op) {
  ::onnx::NodeProto &node = writeRecurrent(w, op, "LSTM", {op.getH0(), op.getC0(), op.getPeepholes()});
  w.setInteger(node, "input_forget", op.getInputForget());
}

void onnx_export::addLayerOps(OpTable &table) {
  addRow<graph::MatmulOp, writeMatmul>(table);
  addRow<graph::ConvOp, writeConv>(table);
  addRow<graph::ConvTransposeOp, writeConvTranspose>(table);
  addRow<graph::MaxPoolOp, writeMaxPool>(table);
  addRow<graph::AveragePoolOp, writeAveragePool>(table);
  addRow<graph::LayerNormOp, writeLayerNorm>(table);
  addRow<graph::SoftmaxOp, writeSoftmax>(table);
  addRow<graph::RnnOp, writeRnn>(table);
  addRow<graph::GruOp, writeGru>(table);
  addRow<graph::LstmOp, writeLstm>(table);
}
