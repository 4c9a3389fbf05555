// lib/Import/ONNX/Window.cpp: the attributes that convolution and pooling
// share.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Window.h"

#include "ElementType.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::ArrayRef;
using llvm::failure;
using llvm::FailureOr;
using llvm::LogicalResult;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::success;
using llvm::Twine;

/// Window attributes beyond this are damage: sums of them must not overflow.
static constexpr int64_t largest = int64_t(1) << 31;

LogicalResult onnx_import::checkEntries(Node &node, StringRef name, ArrayRef<int64_t> values, size_t count,
                                        int64_t least) {
  bool good = values.size() == count && llvm::all_of(values, [&](int64_t v) { return v >= least && v <= largest; });
  if (good)
    return success();
  node.error("onnx-window-attribute", "attribute '" + name + "' is " + formatDims(values) + ", but " + Twine(count) +
                                          " entries from " + Twine(least) + " to " + Twine(largest) + " are expected")
      .note("there must be one entry per spatial dimension of the input, two "
            "for 'pads'");
  return failure();
}

LogicalResult onnx_import::checkSpatialRank(Node &node, Value x) {
  if (node.rank(x) >= 3)
    return success();
  node.error("onnx-shape-mismatch", "input '" + node.inputName(0) + "' has rank " + Twine(node.rank(x)) +
                                        ", but a batch, a channel and at least one spatial "
                                        "dimension are expected")
      .note("reshape the input to [N, C, D1, ...]");
  return failure();
}

FailureOr<Window> onnx_import::readWindow(Node &node, Value x, ArrayRef<int64_t> kernel) {
  if (failed(checkSpatialRank(node, x)))
    return failure();
  int64_t spatial = node.rank(x) - 2;
  Window window;
  window.kernel.assign(kernel.begin(), kernel.end());
  auto read = [&](StringRef name, int64_t count, int64_t otherwise) {
    SmallVector<int64_t> values = node.integers(name);
    if (values.empty())
      values.assign(count, otherwise);
    return values;
  };
  window.strides = read("strides", spatial, 1);
  window.dilations = read("dilations", spatial, 1);
  window.pads = read("pads", 2 * spatial, 0);
  if (failed(checkEntries(node, "kernel_shape", kernel, spatial, 1)) ||
      failed(checkEntries(node, "strides", window.strides, spatial, 1)) ||
      failed(checkEntries(node, "dilations", window.dilations, spatial, 1)) ||
      failed(checkEntries(node, "pads", window.pads, 2 * spatial, 0)))
    return failure();
  return window;
}

FailureOr<AutoPad> onnx_import::readAutoPad(Node &node) {
  StringRef mode = node.string("auto_pad");
  if (mode.empty() || mode == "NOTSET")
    return AutoPad::Explicit;
  if (mode == "SAME_UPPER")
    return AutoPad::SameUpper;
  if (mode == "SAME_LOWER")
    return AutoPad::SameLower;
  if (mode == "VALID")
    return AutoPad::Valid;
  node.unsupported("auto_pad", quoted(mode),
                   "\"NOTSET\", \"SAME_UPPER\", \"SAME_LOWER\" and \"VALID\" "
                   "are");
  return failure();
}

std::pair<mlir::AffineExpr, mlir::AffineExpr> onnx_import::samePadding(graph::ShapeSolver &solver, AutoPad mode,
                                                                       mlir::AffineExpr in, int64_t stride,
                                                                       mlir::AffineExpr span) {
  mlir::AffineExpr total = stride == 1 ? span - 1 : (in.ceilDiv(stride) - 1) * stride + span - in;
  total = solver.max(solver.simplify(total), solver.constant(0));
  mlir::AffineExpr less = solver.simplify(total.floorDiv(2)), more = solver.simplify(total.ceilDiv(2));
  return mode == AutoPad::SameUpper ? std::pair(less, more) : std::pair(more, less);
}

LogicalResult onnx_import::applySamePadding(Node &node, AutoPad mode, Window &window, Value &x, double fill) {
  if (mode == AutoPad::Explicit)
    return success();
  unsigned rank = window.rank();
  window.pads.assign(2 * rank, 0);
  if (mode == AutoPad::Valid)
    return success();

  graph::ShapeSolver &solver = node.solver();
  Dims sizes = node.dims(x);
  // Two leading dimensions are the batch and the channels.
  Dims amounts(2 * (rank + 2), solver.constant(0));
  bool dynamic = false;
  for (unsigned i = 0; i < rank; ++i) {
    auto [begin, end] = samePadding(solver, mode, sizes[i + 2], window.strides[i], solver.constant(window.span(i)));
    auto fixedBegin = mlir::dyn_cast<mlir::AffineConstantExpr>(begin);
    auto fixedEnd = mlir::dyn_cast<mlir::AffineConstantExpr>(end);
    if (fixedBegin && fixedEnd) {
      window.pads[i] = fixedBegin.getValue();
      window.pads[rank + i] = fixedEnd.getValue();
      continue;
    }
    dynamic = true;
    amounts[i + 2] = begin;
    amounts[rank + 2 + i + 2] = end;
  }
  if (!dynamic)
    return success();
  window.paddedBefore.assign(amounts.begin() + 2, amounts.begin() + 2 + rank);
  auto attribute = graph::DimsAttr::get(node.builder().getContext(), solver.map(amounts));
  x = node.create<graph::PadOp>(x, Value(), node.scalar(node.element(x), fill), graph::PadMode::constant, attribute);
  return success(!node.failed());
}
