// lib/Import/ONNX/Convolution.cpp: convolution and its transpose.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compose.h"
#include "ElementType.h"
#include "OpTable.h"
#include "OpenConvolution.h"
#include "Quantize.h"
#include "Window.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::FailureOr;
using llvm::SmallVector;
using llvm::Twine;

/// The spatial dimensions of the filter; 'kernel_shape', if given, must repeat
/// them, and says what the filter leaves open. None if one stays open.
static std::optional<SmallVector<int64_t>> readKernel(Node &node, Value x, Value &filter) {
  if (node.rank(filter) != node.rank(x))
    node.error("onnx-shape-mismatch", "'" + node.inputName(0) + "' has rank " + Twine(node.rank(x)) + ", but '" +
                                          node.inputName(1) + "' has rank " + Twine(node.rank(filter)))
        .note("both need the same rank");
  if (node.failed() || failed(checkSpatialRank(node, x)))
    return std::nullopt;
  SmallVector<int64_t> given = node.integers("kernel_shape"), kernel;
  if (!given.empty() && failed(checkEntries(node, "kernel_shape", given, node.rank(filter) - 2, 1)))
    return std::nullopt;
  for (auto [i, size] : llvm::enumerate(given))
    filter = node.withDim(filter, 2 + i, size, "'kernel_shape' and the filter's dims");
  if (node.failed())
    return std::nullopt;
  Dims dims = node.dims(filter);
  for (mlir::AffineExpr dim : llvm::ArrayRef(dims).drop_front(2))
    if (auto fixed = mlir::dyn_cast<mlir::AffineConstantExpr>(dim))
      kernel.push_back(fixed.getValue());
  if (kernel.size() + 2 != dims.size())
    return std::nullopt;
  if (!given.empty() && given != kernel)
    node.error("onnx-shape-mismatch", "'kernel_shape' is " + formatDims(given) + ", but '" + node.inputName(1) +
                                          "' has spatial dims " + formatDims(kernel))
        .note("the attribute must repeat the filter's dims");
  return kernel;
}

/// Whether dimension `i` of `x` is known only at run time.
static bool isOpen(Value x, unsigned i) { return mlir::cast<mlir::RankedTensorType>(x.getType()).isDynamicDim(i); }

/// The windows of a convolution whose filter has open sizes, without padding by 'auto_pad'; none after an error.
static SmallVector<OpenWindow> readOpenWindows(Node &node, Value x) {
  FailureOr<Window> window = readWindow(node, x, SmallVector<int64_t>(node.rank(x) - 2, 1));
  SmallVector<OpenWindow> result;
  if (failed(window))
    return result;
  graph::ShapeSolver &solver = node.solver();
  for (unsigned i = 0, rank = window->rank(); i < rank; ++i)
    result.push_back({solver.constant(window->pads[i]), solver.constant(window->pads[rank + i]), window->strides[i],
                      window->dilations[i], solver.constant(0)});
  return result;
}

/// The elements that a window along spatial dimension `i` spans.
static mlir::AffineExpr spanOf(Node &node, Value filter, unsigned i, int64_t dilation) {
  return (node.dims(filter)[2 + i] - 1) * dilation + 1;
}

/// Conv with a filter of which more than the channels is open.
static Value importOpenConv(Node &node, Value x, Value filter, int64_t groups) {
  SmallVector<OpenWindow> windows = readOpenWindows(node, x);
  FailureOr<AutoPad> autoPad = readAutoPad(node);
  if (node.failed())
    return {};
  if (*autoPad != AutoPad::Explicit)
    for (auto [i, window] : llvm::enumerate(windows)) {
      window.before = window.behind = node.solver().constant(0);
      if (*autoPad != AutoPad::Valid)
        std::tie(window.before, window.behind) = samePadding(node.solver(), *autoPad, node.dims(x)[2 + i],
                                                             window.stride, spanOf(node, filter, i, window.dilation));
    }
  return makeOpenConv(node, x, filter, windows, groups);
}

static Value addBias(Node &node, Value y, Value bias) { return bias ? node.add(y, node.channels(bias, y)) : y; }

/// Makes the convolution of Conv and the integer convolutions.
static Value makeConv(Node &node, Value x, Value filter) {
  std::optional<SmallVector<int64_t>> kernel = readKernel(node, x, filter);
  int64_t groups = node.positiveCount("group");
  if (node.failed())
    return {};
  bool openGroups = groups != 1 && isOpen(filter, 1) && isOpen(x, 1);
  if (!kernel || isOpen(filter, 0) || openGroups)
    return importOpenConv(node, x, filter, groups);
  FailureOr<Window> window = readWindow(node, x, *kernel);
  FailureOr<AutoPad> autoPad = readAutoPad(node);
  if (failed(window) || failed(autoPad) || failed(applySamePadding(node, *autoPad, *window, x, /*fill=*/0)))
    return {};
  return node.create<graph::ConvOp>(x, filter, window->strides, window->pads, window->dilations, groups,
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

/// The attributes of ConvTranspose that say how large the result is.
struct OutputSize {
  SmallVector<int64_t> padding, wanted; // An entry per spatial dimension; `wanted` may be empty.
  AutoPad mode = AutoPad::Explicit;
};

static FailureOr<OutputSize> readOutputSize(Node &node, unsigned rank) {
  FailureOr<AutoPad> autoPad = readAutoPad(node);
  if (failed(autoPad))
    return llvm::failure();
  SmallVector<int64_t> outputPadding = node.integers("output_padding");
  if (outputPadding.empty())
    outputPadding.assign(rank, 0);
  SmallVector<int64_t> wanted = node.integers("output_shape");
  // Some exporters give the whole shape of the output.
  if (wanted.size() == rank + 2)
    wanted.erase(wanted.begin(), wanted.begin() + 2);
  if (failed(checkEntries(node, "output_padding", outputPadding, rank, 0)) ||
      (!wanted.empty() && failed(checkEntries(node, "output_shape", wanted, rank, 0))))
    return llvm::failure();
  return OutputSize{outputPadding, wanted, *autoPad};
}

/// ConvTranspose with a filter of open sizes, or an 'output_shape' for an image of open sizes.
static Value importOpenConvTranspose(Node &node, Value x, Value filter, int64_t groups) {
  SmallVector<OpenWindow> windows = readOpenWindows(node, x);
  FailureOr<OutputSize> output = node.failed() ? FailureOr<OutputSize>() : readOutputSize(node, windows.size());
  if (failed(output))
    return {};
  graph::ShapeSolver &solver = node.solver();
  AutoPad mode = output->mode;
  for (auto [i, window] : llvm::enumerate(windows)) {
    window.outputPadding = solver.constant(output->padding[i]);
    if (output->wanted.empty() && mode == AutoPad::Explicit)
      continue;
    window.before = window.behind = solver.constant(0);
    if (mode == AutoPad::Valid)
      continue;
    mlir::AffineExpr total = window.outputPadding + spanOf(node, filter, i, window.dilation);
    total = output->wanted.empty() ? total - window.stride
                                   : total + (node.dims(x)[2 + i] - 1) * window.stride - output->wanted[i];
    mlir::AffineExpr kept = solver.max(solver.simplify(total), solver.constant(0));
    window.outputPadding = solver.simplify(window.outputPadding + kept - total);
    window.before = solver.simplify(mode == AutoPad::SameUpper ? kept.floorDiv(2) : kept.ceilDiv(2));
    window.behind = solver.simplify(kept - window.before);
  }
  return makeOpenConvTranspose(node, x, filter, windows, groups);
}

static Value transposeConv(Node &node, Value x, Value filter) {
  std::optional<SmallVector<int64_t>> kernel = readKernel(node, x, filter);
  int64_t groups = node.positiveCount("group");
  if (node.failed())
    return {};
  bool openImage = false;
  for (int64_t i = 2; i < node.rank(x); ++i)
    openImage |= isOpen(x, i) && !node.integers("output_shape").empty();
  if (!kernel || isOpen(filter, 0) || isOpen(filter, 1) || openImage)
    return importOpenConvTranspose(node, x, filter, groups);
  FailureOr<Window> window = readWindow(node, x, *kernel);
  FailureOr<OutputSize> output = failed(window) ? FailureOr<OutputSize>() : readOutputSize(node, window->rank());
  if (failed(output))
    return {};
  if (output->mode == AutoPad::Valid)
    window->pads.assign(size_t(2) * window->rank(), 0);
  else if (!output->wanted.empty() || output->mode != AutoPad::Explicit)
    padToOutputShape(node, x, *window, output->padding, output->wanted, output->mode);
  return node.create<graph::ConvTransposeOp>(x, filter, window->strides, window->pads, window->dilations,
                                             output->padding, groups, /*channels_last=*/false);
}

static Value importConvTranspose(Node &node) {
  return addBias(node, transposeConv(node, node.input(0), node.input(1)), node.input(2));
}

void onnx_import::registerConvolutionOps(OpTable &ops) {
  ops.add("Conv", {1, 11, 22}, importConv);
  ops.add("ConvTranspose", {1, 11, 22}, importConvTranspose);
  ops.add("ConvInteger", {10}, importConvInteger);
  ops.add("QLinearConv", {10}, importQLinearConv);
}
