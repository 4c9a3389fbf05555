// lib/Import/ONNX/Convolution.cpp: convolution and its transpose.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compose.h"
#include "ElementType.h"
#include "OpTable.h"
#include "Quantize.h"
#include "Window.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::FailureOr;
using llvm::SmallVector;
using llvm::Twine;

/// The spatial dimensions of the filter; 'kernel_shape', if given, must repeat
/// them.
static SmallVector<int64_t> readKernel(Node &node, Value x, Value filter) {
  SmallVector<int64_t> kernel;
  if (node.rank(filter) != node.rank(x)) {
    node.error("onnx-shape-mismatch", "'" + node.inputName(0) + "' has rank " + Twine(node.rank(x)) + ", but '" +
                                          node.inputName(1) + "' has rank " + Twine(node.rank(filter)))
        .note("both need the same rank");
    return kernel;
  }
  for (int64_t i = 2; i < node.rank(filter); ++i)
    kernel.push_back(node.staticDim(filter, i, node.opType()));
  SmallVector<int64_t> given = node.integers("kernel_shape");
  if (!node.failed() && !given.empty() && given != kernel)
    node.error("onnx-shape-mismatch", "'kernel_shape' is " + formatDims(given) + ", but '" + node.inputName(1) +
                                          "' has spatial dims " + formatDims(kernel))
        .note("the attribute must repeat the filter's dims");
  return kernel;
}

static Value addBias(Node &node, Value y, Value bias) { return bias ? node.add(y, node.channels(bias, y)) : y; }

/// Makes the convolution of Conv and the integer convolutions.
static Value makeConv(Node &node, Value x, Value filter) {
  SmallVector<int64_t> kernel = readKernel(node, x, filter);
  if (node.failed())
    return {};
  FailureOr<Window> window = readWindow(node, x, kernel);
  FailureOr<AutoPad> autoPad = readAutoPad(node);
  if (failed(window) || failed(autoPad) || failed(applySamePadding(node, *autoPad, *window, x, /*fill=*/0)))
    return {};
  return node.create<graph::ConvOp>(x, filter, window->strides, window->pads, window->dilations, node.integer("group"),
                                    /*channels_last=*/false);
}

Value onnx_import::makeConvWithBias(Node &node, Value x, Value filter, Value bias) {
  return addBias(node, makeConv(node, x, filter), bias);
}

static Value importConv(Node &node) { return makeConvWithBias(node, node.input(0), node.input(1), node.input(2)); }

/// The convolution of integers without their zero points; `zeroW` may have
/// one entry per output channel.
static Value makeIntegerConv(Node &node, Value x, Value zeroX, Value w, Value zeroW) {
  if (zeroW && node.rank(zeroW) == 1) {
    Dims perChannel = node.dims(zeroW);
    perChannel.resize(std::max<int64_t>(node.rank(w), 1), node.solver().constant(1));
    zeroW = node.reshape(zeroW, perChannel);
  }
  return makeConv(node, subtractZero(node, x, toScalar(node, zeroX)), subtractZero(node, w, zeroW));
}

static Value importConvInteger(Node &node) {
  return makeIntegerConv(node, node.input(0), node.input(2), node.input(1), node.input(3));
}

Value onnx_import::makeQuantizedConv(Node &node, Value x) {
  Value y = makeIntegerConv(node, x, node.input(2), node.input(3), node.input(5));
  if (Value bias = node.input(8))
    y = node.failed() ? y : node.add(y, node.channels(bias, y));
  if (node.failed())
    return {};
  Value scaleW = node.input(4);
  if (node.rank(scaleW) == 1)
    scaleW = node.channels(scaleW, y);
  y = node.mul(node.cast(y, node.builder().getF32Type()), node.mul(toScalar(node, node.input(1)), scaleW));
  return quantize(node, y, toScalar(node, node.input(6)), toScalar(node, node.input(7)), node.element(node.input(7)));
}

static Value importQLinearConv(Node &node) { return makeQuantizedConv(node, node.input(0)); }

Value onnx_import::channelsToSecond(Node &node, Value x) {
  if (node.failed() || node.rank(x) < 2)
    return x;
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, node.rank(x)));
  std::rotate(order.begin() + 1, order.end() - 1, order.end());
  return node.transpose(x, order);
}

Value onnx_import::channelsToLast(Node &node, Value x) {
  if (node.failed() || node.rank(x) < 2)
    return x;
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, node.rank(x)));
  std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  return node.transpose(x, order);
}

Value onnx_import::withChannelsSecond(Node &node, Value x, bool isLast, llvm::function_ref<Value(Value x)> make) {
  int64_t rank = node.rank(x);
  if (!node.failed() && rank < 3)
    node.error("onnx-shape-mismatch",
               "'" + node.inputName(0) + "' has rank " + Twine(rank) + ", but at least 3 is needed")
        .note(isLast ? "reshape the input to [N, D1, ..., C]" : "reshape the input to [N, C, D1, ...]");
  if (node.failed())
    return {};
  if (!isLast)
    return make(x);
  return channelsToLast(node, make(channelsToSecond(node, x)));
}

/// Padding that makes the output of a transposed convolution as large as
/// 'output_shape' says, or `stride in` for the SAME modes.
static void padToOutputShape(Node &node, Value x, Window &window, SmallVector<int64_t> &outputPadding,
                             llvm::ArrayRef<int64_t> wanted, AutoPad mode) {
  unsigned rank = window.rank();
  for (unsigned i = 0; i < rank && !node.failed(); ++i) {
    int64_t stride = window.strides[i], total;
    if (wanted.empty()) {
      total = outputPadding[i] + window.span(i) - stride;
    } else {
      int64_t in = node.staticDim(x, i + 2, "'output_shape'");
      total = stride * (in - 1) + outputPadding[i] + window.span(i) - wanted[i];
    }
    if (total < 0) { // The output is larger than the windows reach.
      outputPadding[i] -= total;
      total = 0;
    }
    int64_t less = total / 2, more = total - less;
    window.pads[i] = mode == AutoPad::SameUpper ? less : more;
    window.pads[rank + i] = mode == AutoPad::SameUpper ? more : less;
  }
}

static Value importConvTranspose(Node &node) {
  Value x = node.input(0), filter = node.input(1);
  SmallVector<int64_t> kernel = readKernel(node, x, filter);
  if (node.failed())
    return {};
  FailureOr<Window> window = readWindow(node, x, kernel);
  FailureOr<AutoPad> autoPad = readAutoPad(node);
  if (failed(window) || failed(autoPad))
    return {};
  unsigned rank = window->rank();
  SmallVector<int64_t> outputPadding = node.integers("output_padding");
  if (outputPadding.empty())
    outputPadding.assign(rank, 0);
  SmallVector<int64_t> wanted = node.integers("output_shape");
  // Some exporters give the whole shape of the output.
  if (wanted.size() == rank + 2)
    wanted.erase(wanted.begin(), wanted.begin() + 2);
  if (outputPadding.size() != rank || (!wanted.empty() && wanted.size() != rank)) {
    node.error("onnx-window-attribute", "'output_padding' is " + formatDims(outputPadding) + " and 'output_shape' is " +
                                            formatDims(wanted) + ", but " + Twine(rank) + " entries are expected")
        .note("there must be one entry per spatial dimension");
    return {};
  }
  if (*autoPad == AutoPad::Valid)
    window->pads.assign(size_t(2) * rank, 0);
  else if (!wanted.empty() || *autoPad != AutoPad::Explicit)
    padToOutputShape(node, x, *window, outputPadding, wanted, *autoPad);
  Value y = node.create<graph::ConvTransposeOp>(x, filter, window->strides, window->pads, window->dilations,
                                                outputPadding, node.integer("group"), /*channels_last=*/false);
  return addBias(node, y, node.input(2));
}

void onnx_import::registerConvolutionOps(OpTable &ops) {
  ops.add("Conv", {1, 11, 22}, importConv);
  ops.add("ConvTranspose", {1, 11, 22}, importConvTranspose);
  ops.add("ConvInteger", {10}, importConvInteger);
  ops.add("QLinearConv", {10}, importQLinearConv);
}
