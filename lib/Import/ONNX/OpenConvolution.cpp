// lib/Import/ONNX/OpenConvolution.cpp: convolutions as products of gathered windows, for filters of open sizes.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "OpenConvolution.h"

#include "Compose.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::ArrayRef;
using llvm::SmallVector;
using mlir::AffineExpr;

/// `total` is split into `groups` equal parts.
static AffineExpr partOf(Node &node, AffineExpr total, int64_t groups, llvm::StringRef what) {
  AffineExpr part = node.solver().simplify(total.floorDiv(groups));
  node.check(Value(), total, part * groups, what);
  return part;
}

/// Zeros in front of and behind spatial dimensions; where they are less than none, elements go.
static Value padSpatial(Node &node, Value x, ArrayRef<std::pair<AffineExpr, AffineExpr>> padding) {
  if (node.failed())
    return {};
  graph::ShapeSolver &solver = node.solver();
  size_t rank = node.rank(x);
  Dims amounts(2 * rank, solver.constant(0));
  for (auto [i, pair] : llvm::enumerate(padding)) {
    amounts[2 + i] = pair.first;
    amounts[rank + 2 + i] = pair.second;
  }
  auto attribute = graph::DimsAttr::get(node.builder().getContext(), solver.map(amounts));
  return node.create<graph::PadOp>(x, Value(), node.scalar(node.element(x), 0), graph::PadMode::constant, attribute);
}

/// For each window of `count` and each of its `size` elements, where in the dimension it is: [count, size]. In a
/// mirrored window the first element is the last.
static Value positions(Node &node, AffineExpr count, AffineExpr size, int64_t stride, int64_t dilation, bool mirrored) {
  graph::ShapeSolver &solver = node.solver();
  Type i64 = node.builder().getI64Type();
  AffineExpr one = solver.constant(1);
  Value window = node.createTyped<graph::IotaOp>(solver.type({count, one}, i64), int64_t(0));
  Value element = node.createTyped<graph::IotaOp>(solver.type({one, size}, i64), int64_t(1));
  if (mirrored)
    element = node.sub(node.size(solver.simplify(size - 1)), element);
  return node.add(node.mul(window, stride), node.mul(element, dilation));
}

/// The sums over windows of `x` [N, C, ...], which needs no padding, by `filter` [groups, F / groups, C / groups, ...].
static Value sumWindows(Node &node, Value x, Value filter, ArrayRef<OpenWindow> windows, bool mirrored) {
  if (node.failed())
    return {};
  graph::ShapeSolver &solver = node.solver();
  Dims in = node.dims(x), taps = node.dims(filter);
  int64_t groups = mlir::cast<mlir::AffineConstantExpr>(taps[0]).getValue(), rank = windows.size();
  node.check({}, in[1], solver.simplify(taps[2] * groups), "the channels of the input and those that the filter takes");
  AffineExpr perGroup = taps[2];

  // A group of an image is an image.
  Dims split = {solver.simplify(in[0] * groups), perGroup};
  split.append(in.begin() + 2, in.end());
  Value patches = node.reshape(x, split);
  Dims out(rank);
  for (int64_t i = rank; i-- > 0 && !node.failed();) { // [N groups, C / groups, O1, K1, O2, K2, ...]
    const OpenWindow &window = windows[i];
    AffineExpr span = (taps[3 + i] - 1) * window.dilation + 1, zero = solver.constant(0);
    AffineExpr count = solver.simplify((in[2 + i] - span).floorDiv(window.stride) + 1);
    node.require(taps[3 + i], solver.constant(1), "a filter must have elements");
    node.require(count, zero, "the input is too small for the filter: a size of the result must not be negative");
    out[i] = solver.max(count, zero); // The check says the same; this is for what reasons about expressions.
    Value at = positions(node, out[i], taps[3 + i], window.stride, window.dilation, mirrored);
    patches = node.create<graph::GatherOp>(patches, at, int64_t(2 + i));
  }
  if (node.failed())
    return {};
  SmallVector<int64_t> order = {0}, filterOrder = {0, 2};
  for (int64_t i = 0; i < rank; ++i)
    order.push_back(2 + 2 * i);
  order.push_back(1);
  for (int64_t i = 0; i < rank; ++i) {
    order.push_back(3 + 2 * i);
    filterOrder.push_back(3 + i);
  }
  filterOrder.push_back(1);
  AffineExpr elements = solver.product(ArrayRef(taps).drop_front(3)), places = solver.product(out);
  patches =
      node.reshape(node.transpose(patches, order), {in[0], taps[0], places, solver.simplify(perGroup * elements)});
  filter = node.reshape(node.transpose(filter, filterOrder), {taps[0], solver.simplify(taps[2] * elements), taps[1]});
  Value y = makeMatmul(node, patches, filter); // [N, groups, O, F / groups]
  if (node.failed())
    return {};
  Dims result = {in[0], solver.simplify(taps[1] * groups)};
  result.append(out);
  return node.reshape(node.transpose(y, {0, 1, 3, 2}), result);
}

Value onnx_import::makeOpenConv(Node &node, Value x, Value filter, ArrayRef<OpenWindow> windows, int64_t groups) {
  Dims taps = node.dims(filter),
       grouped = {node.solver().constant(groups), partOf(node, taps[0], groups, "output channels and 'group' of them")};
  grouped.append(taps.begin() + 1, taps.end());
  SmallVector<std::pair<AffineExpr, AffineExpr>> padding;
  for (const OpenWindow &window : windows)
    padding.emplace_back(window.before, window.behind);
  return sumWindows(node, padSpatial(node, x, padding), node.reshape(filter, grouped), windows, /*mirrored=*/false);
}

/// `stride - 1` zeros behind each element along the spatial dimensions.
static Value spread(Node &node, Value x, ArrayRef<OpenWindow> windows) {
  graph::ShapeSolver &solver = node.solver();
  for (auto [i, window] : llvm::enumerate(windows)) {
    if (window.stride == 1 || node.failed())
      continue;
    Dims dims = node.dims(x), merged = dims;
    merged[2 + i] = solver.simplify(dims[2 + i] * window.stride);
    x = node.unsqueeze(x, {static_cast<int64_t>(3 + i)});
    SmallVector<std::pair<AffineExpr, AffineExpr>> zeros(i + 2, {solver.constant(0), solver.constant(0)});
    zeros[i + 1].second = solver.constant(window.stride - 1);
    x = node.reshape(padSpatial(node, x, zeros), merged);
  }
  return x;
}

Value onnx_import::makeOpenConvTranspose(Node &node, Value x, Value filter, ArrayRef<OpenWindow> windows,
                                         int64_t groups) {
  graph::ShapeSolver &solver = node.solver();
  Dims taps = node.dims(filter),
       grouped = {solver.constant(groups), partOf(node, taps[0], groups, "input channels and 'group' of them")};
  grouped.append(taps.begin() + 1, taps.end());
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, grouped.size()));
  std::swap(order[1], order[2]);
  Value mirrored = node.transpose(node.reshape(filter, grouped), order);
  // Every element of a window that reaches a result: a convolution in single steps over what is spread.
  SmallVector<std::pair<AffineExpr, AffineExpr>> padding;
  SmallVector<OpenWindow> steps(windows);
  for (auto [i, window] : llvm::enumerate(steps)) {
    AffineExpr reach = (taps[2 + i] - 1) * window.dilation;
    padding.emplace_back(solver.simplify(reach - window.before),
                         solver.simplify(reach - window.behind + window.outputPadding - (window.stride - 1)));
  }
  x = padSpatial(node, spread(node, x, windows), padding);
  for (OpenWindow &window : steps)
    window.stride = 1;
  return sumWindows(node, x, mirrored, steps, /*mirrored=*/true);
}
