// lib/Import/ONNX/Pooling.cpp: operators that reduce windows of spatial
// dimensions.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compose.h"
#include "OpTable.h"
#include "Window.h"

#include <cmath>
#include <limits>

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::FailureOr;
using llvm::LogicalResult;
using llvm::SmallVector;
using llvm::Twine;

/// A window may not lie in the padding alone: nothing is the largest there.
static LogicalResult checkPadding(Node &node, const Window &window) {
  for (unsigned i = 0, rank = window.rank(); i < rank; ++i)
    for (int64_t pad : {window.pads[i], window.pads[rank + i]})
      if (pad >= window.span(i)) {
        node.error("onnx-window-attribute", "'pads' has " + Twine(pad) + " along spatial dimension " + Twine(i) +
                                                ", but a window spans " + Twine(window.span(i)) + " elements")
            .note("pad by less than a window");
        return llvm::failure();
      }
  return llvm::success();
}

/// Reads the window; `fill` is what padding at run time holds.
static FailureOr<Window> readPool(Node &node, Value &x, double fill) {
  SmallVector<int64_t> kernel = node.integers("kernel_shape");
  FailureOr<Window> window = readWindow(node, x, kernel);
  FailureOr<AutoPad> autoPad = readAutoPad(node);
  if (failed(window) || failed(autoPad) ||
      (node.opType() == "MaxPool" && *autoPad == AutoPad::Explicit && failed(checkPadding(node, *window))) ||
      failed(applySamePadding(node, *autoPad, *window, x, fill)))
    return llvm::failure();
  return window;
}

static Value makeAveragePool(Node &node, Value x, const Window &window, bool ceilMode, bool countPadding) {
  return node.create<graph::AveragePoolOp>(x, window.kernel, window.strides, window.pads, window.dilations, ceilMode,
                                           /*channels_last=*/false, countPadding);
}

Value onnx_import::averagePool(Node &node, Value x) {
  Value original = x;
  bool ceilMode = node.flag("ceil_mode");
  bool countPadding = node.flag("count_include_pad");
  FailureOr<Window> window = readPool(node, x, /*fill=*/0);
  if (failed(window))
    return {};
  if (x == original || countPadding)
    return makeAveragePool(node, x, *window, ceilMode, countPadding);
  // The padding was made by an op of its own: divide by what is not padding.
  Value y = makeAveragePool(node, x, *window, ceilMode, true);
  Value ones = node.broadcast(node.scalar(node.element(original), 1), node.dims(original));
  FailureOr<Window> again = readPool(node, ones, /*fill=*/0);
  if (failed(again))
    return {};
  return node.div(y, makeAveragePool(node, ones, *again, ceilMode, true));
}

static Value importAveragePool(Node &node) { return averagePool(node, node.input(0)); }

static void importMaxPool(Node &node) {
  bool columnMajor = node.version() >= 8 && node.flag("storage_order");
  bool ceilMode = node.flag("ceil_mode");
  Value x = node.input(0), original = x;
  FailureOr<Window> window = readPool(node, x, -std::numeric_limits<double>::infinity());
  if (failed(window))
    return;
  Value y = node.create<graph::MaxPoolOp>(x, window->kernel, window->strides, window->pads, window->dilations, ceilMode,
                                          /*channels_last=*/false);
  node.setOutput(0, y);
  if (node.wantsOutput(1))
    node.setOutput(1, makePoolIndices(node, original, x, y, *window, ceilMode, columnMajor));
}

Value onnx_import::maxPool(Node &node, Value x) {
  bool ceilMode = node.flag("ceil_mode");
  FailureOr<Window> window = readPool(node, x, -std::numeric_limits<double>::infinity());
  if (failed(window))
    return {};
  return node.create<graph::MaxPoolOp>(x, window->kernel, window->strides, window->pads, window->dilations, ceilMode,
                                       /*channels_last=*/false);
}

/// The exponent of a norm, which was a float at first; 0 after an error.
static int64_t readExponent(Node &node) {
  if (node.version() > 1)
    return node.integer("p");
  double p = node.number("p");
  if (p >= 1 && p <= std::numeric_limits<int32_t>::max() && p == std::floor(p))
    return static_cast<int64_t>(p);
  node.unsupported("p", Twine(std::to_string(p)), "whole numbers of 1 or more are");
  return 0;
}

/// (sum |x|^p)^(1/p) over each window; the sum is the mean times the size.
static Value importLpPool(Node &node) {
  int64_t p = readExponent(node);
  bool ceilMode = node.flag("ceil_mode");
  Value x = node.input(0);
  if (p < 1)
    return node.unsupported("p", Twine(p), "1 or more is");
  Value powers = node.create<graph::AbsOp>(x);
  if (p != 1)
    powers = node.pow(powers, p);
  FailureOr<Window> window = readPool(node, powers, /*fill=*/0);
  if (failed(window))
    return {};
  if (ceilMode) // The mean would be over less than the last window.
    powers = padExplicitly(node, powers, *window, ceilMode, /*fill=*/0);
  int64_t size = 1;
  for (int64_t k : window->kernel)
    size *= k;
  Value sum = node.mul(makeAveragePool(node, powers, *window, /*ceilMode=*/false, true), size);
  return p == 1 ? sum : node.pow(sum, 1.0 / p);
}

static SmallVector<int64_t> spatialAxes(Node &node, Value x) {
  SmallVector<int64_t> axes;
  for (int64_t i = 2; i < node.rank(x); ++i)
    axes.push_back(i);
  return axes;
}

template <graph::ReduceKind kind> static Value importGlobalPool(Node &node) {
  Value x = node.input(0);
  return node.reduce(kind, x, spatialAxes(node, x), /*keepDims=*/true);
}

static Value importGlobalLpPool(Node &node) {
  int64_t p = readExponent(node);
  Value x = node.create<graph::AbsOp>(node.input(0));
  if (p < 1)
    return node.unsupported("p", Twine(p), "1 or more is");
  Value sum = node.reduce(graph::ReduceKind::sum, p == 1 ? x : node.pow(x, p), spatialAxes(node, x), /*keepDims=*/true);
  return p == 1 ? sum : node.pow(sum, 1.0 / p);
}

void onnx_import::registerPoolingOps(OpTable &ops) {
  ops.add("AveragePool", {1, 7, 10, 11, 19, 22}, importAveragePool);
  ops.add("MaxPool", {1, 8, 10, 11, 12, 22}, importMaxPool);
  ops.add("LpPool", {1, 2, 11, 18, 22}, importLpPool);
  ops.add("GlobalAveragePool", {1, 22}, importGlobalPool<graph::ReduceKind::mean>);
  ops.add("GlobalMaxPool", {1, 22}, importGlobalPool<graph::ReduceKind::max>);
  ops.add("GlobalLpPool", {1, 2, 22}, importGlobalLpPool);
}
