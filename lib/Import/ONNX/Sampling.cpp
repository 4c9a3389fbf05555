// lib/Import/ONNX/Sampling.cpp: operators that read between the elements of an
// image, at positions that a tensor holds.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ImageRegions.h"
#include "Import/Core/Axes.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;
using mlir::AffineExpr;

namespace {

enum class Padding { Zeros, Border, Reflection };

/// One neighbour of a position in one dimension.
struct Tap {
  Value index;  ///< Inside of the dimension, i64.
  Value weight; ///< Null where it is the only one.
  Value inside; ///< Whether it exists; null where padding always gives one.
};

/// GridSample for any number of spatial dimensions. The channels are gathered
/// together: they come last inside.
class GridSampler {
public:
  explicit GridSampler(Node &node) : node(node), i64(node.builder().getI64Type()), i1(node.builder().getI1Type()) {}
  Value import();

private:
  Node &node;
  Type i64, i1, wide;
  StringRef mode;
  Padding padding = Padding::Zeros;
  bool alignCorners = false;

  bool readAttributes();
  Value scalar(double value) { return node.scalar(wide, value); }
  Value floor(Value x) { return node.create<graph::FloorOp>(x); }
  Value clamp(Value x, Value low, Value high) {
    return node.create<graph::MinOp>(node.create<graph::MaxOp>(x, low), high);
  }
  Value reflect(Value x, Value size);
  Tap tap(Value position, Value weight, Value size);
  SmallVector<Tap> taps(Value grid, int64_t component, Value size);
  Value gather(Value x, llvm::ArrayRef<Tap> taps);
};

bool GridSampler::readAttributes() {
  mode = node.string("mode");
  if (mode == "bilinear") // The names of version 16.
    mode = "linear";
  if (mode == "bicubic")
    mode = "cubic";
  StringRef name = node.string("padding_mode");
  alignCorners = node.flag("align_corners");
  if (mode != "linear" && mode != "nearest" && mode != "cubic")
    return node.unsupported("mode", quoted(mode), "\"linear\", \"nearest\" and \"cubic\" are"), false;
  if (name != "zeros" && name != "border" && name != "reflection")
    return node.unsupported("padding_mode", quoted(name), "\"zeros\", \"border\" and \"reflection\" are"), false;
  padding = name == "zeros" ? Padding::Zeros : name == "border" ? Padding::Border : Padding::Reflection;
  return true;
}

/// Folds positions back at both borders, which lie on the outer elements or,
/// without `alignCorners`, half an element further out.
Value GridSampler::reflect(Value x, Value size) {
  Value least = scalar(alignCorners ? 0 : -0.5);
  Value range = alignCorners ? node.create<graph::MaxOp>(node.add(size, -1), scalar(1e-30)) : size;
  Value distance = node.create<graph::AbsOp>(node.sub(x, least));
  Value turns = floor(node.div(distance, range));
  Value rest = node.sub(distance, node.mul(turns, range));
  Value half = node.mul(turns, 0.5);
  Value isOdd = node.createAs<graph::GreaterOp>(i1, half, floor(half));
  Value folded = node.createAs<graph::SelectOp>(wide, isOdd, node.sub(range, rest), rest);
  return node.add(folded, least);
}

/// The element at the whole number `position`.
Tap GridSampler::tap(Value position, Value weight, Value size) {
  Value zero = scalar(0), last = node.add(size, -1);
  Tap result{nullptr, weight, nullptr};
  if (padding == Padding::Reflection)
    position = reflect(position, size);
  Value inside = clamp(position, zero, last);
  if (padding == Padding::Zeros)
    result.inside = node.createAs<graph::EqualOp>(i1, inside, position);
  // What is no number is nowhere, and its weight makes the result none, too.
  Value isNowhere = node.createAs<graph::IsNanOp>(i1, inside);
  // A size of zero leaves -1; no position is read then.
  result.index = node.cast(node.createAs<graph::SelectOp>(wide, isNowhere, zero, inside), i64);
  return result;
}

/// The neighbours along one dimension of `size` elements.
SmallVector<Tap> GridSampler::taps(Value grid, int64_t component, Value size) {
  Value at = node.create<graph::GatherOp>(grid, node.scalar(i64, component), node.rank(grid) - 1);
  // From [-1, 1] to positions.
  Value x = alignCorners ? node.mul(node.mul(node.add(at, 1), 0.5), node.add(size, -1))
                         : node.mul(node.add(node.mul(node.add(at, 1), size), -1), 0.5);
  if (mode == "nearest")
    x = node.create<graph::RoundOp>(x);
  // A cubic goes on changing between the border and what repeats it; PyTorch
  // and ONNX Runtime clamp its neighbours only.
  if (padding == Padding::Border && mode != "cubic")
    x = clamp(x, scalar(0), node.add(size, -1));
  else if (padding == Padding::Reflection)
    x = reflect(x, size);
  if (mode == "nearest")
    return {tap(x, nullptr, size)};
  Value first = floor(x), t = node.sub(x, first);
  if (mode == "linear")
    return {tap(first, node.sub(scalar(1), t), size), tap(node.add(first, 1), t, size)};

  // Keys' cubic convolution with a = -0.75, by the distance from each tap.
  constexpr double a = -0.75;
  auto polynomial = [&](Value d, double c3, double c2, double c1, double c0) {
    Value y = node.add(node.mul(d, c3), c2);
    y = node.add(node.mul(y, d), c1);
    return node.add(node.mul(y, d), c0);
  };
  Value u = node.sub(scalar(1), t);
  auto near = [&](Value d) { return polynomial(d, a + 2, -(a + 3), 0, 1); };
  auto far = [&](Value d) { return polynomial(node.add(d, 1), a, -5 * a, 8 * a, -4 * a); };
  return {tap(node.add(first, -1), far(t), size), tap(first, near(t), size), tap(node.add(first, 1), near(u), size),
          tap(node.add(first, 2), far(u), size)};
}

/// The elements of all channels at one neighbour, weighted.
Value GridSampler::gather(Value x, llvm::ArrayRef<Tap> chosen) {
  SmallVector<Value> indices;
  Value weight, inside;
  for (const Tap &tap : chosen) {
    int64_t rank = node.rank(tap.index);
    indices.push_back(node.unsqueeze(tap.index, {rank}));
    if (tap.weight)
      weight = weight ? node.mul(weight, tap.weight) : tap.weight;
    if (tap.inside)
      inside = inside ? node.create<graph::AndOp>(inside, tap.inside) : tap.inside;
  }
  Value at = node.createAs<graph::ConcatOp>(i64, mlir::ValueRange(indices), node.rank(indices[0]) - 1);
  Value y = node.create<graph::GatherNdOp>(x, at, int64_t(1));
  auto spread = [&](Value v) { return node.unsqueeze(v, {node.rank(v)}); };
  if (inside)
    y = node.createAs<graph::SelectOp>(node.element(y), spread(inside), y, node.scalar(node.element(y), 0));
  return weight ? node.mul(y, spread(node.cast(weight, node.element(y)))) : y;
}

Value GridSampler::import() {
  Value x = node.input(0), grid = node.input(1);
  int64_t spatial = node.rank(x) - 2;
  if (!readAttributes() || node.failed())
    return {};
  grid = node.withDim(grid, node.rank(grid) - 1, spatial, "the last dimension of 'grid' and spatial dimensions");
  if (spatial < 1 || node.rank(grid) != spatial + 2 || node.staticDim(grid, spatial + 1, "GridSample") != spatial) {
    if (!node.failed())
      node.error("onnx-shape-mismatch",
                 "'X' has rank " + Twine(node.rank(x)) + " and 'grid' rank " + Twine(node.rank(grid)))
          .note("[N, C, D1, ...] and [N, E1, ..., number of D's] are expected");
    return {};
  }
  Type element = node.element(x);
  Dims dims = node.dims(x);
  wide = graph::getAccumulatorType(node.element(grid));
  grid = node.cast(grid, wide);
  SmallVector<SmallVector<Tap>> all;
  for (int64_t i = 0; i < spatial; ++i) {
    // The last dimension of the grid begins with that of `x` that is last.
    Value size = node.cast(node.size(dims[i + 2]), wide);
    all.push_back(taps(grid, spatial - 1 - i, size));
  }
  SmallVector<int64_t> inner = {0}, outer = {0, spatial + 1};
  for (int64_t i = 0; i < spatial; ++i) {
    inner.push_back(i + 2);
    outer.push_back(i + 1);
  }
  inner.push_back(1);
  x = node.transpose(x, inner);
  if (mode != "nearest") // Weights are floats.
    x = node.cast(x, node.isFloat(x) ? graph::getAccumulatorType(element) : node.builder().getF32Type());
  Value y;
  SmallVector<size_t> counter(spatial, 0);
  for (bool more = true; more && !node.failed();) {
    SmallVector<Tap> chosen;
    for (int64_t i = 0; i < spatial; ++i)
      chosen.push_back(all[i][counter[i]]);
    Value part = gather(x, chosen);
    y = y ? node.add(y, part) : part;
    more = false;
    for (int64_t i = 0; i < spatial && !more; ++i) {
      more = ++counter[i] < all[i].size();
      if (!more)
        counter[i] = 0;
    }
  }
  return node.cast(node.transpose(y, outer), element);
}

} // namespace

static Value importGridSample(Node &node) { return GridSampler(node).import(); }

/// Coordinates in [-1, 1] of an image, transformed by a matrix per sample.
static Value importAffineGrid(Node &node) {
  Value theta = node.input(0);
  bool alignCorners = node.flag("align_corners");
  Dims size = node.entries(1);
  if (node.failed())
    return {};
  for (AffineExpr &dim : size)
    dim = asSize(node, dim, "a size in 'size'");
  int64_t spatial = static_cast<int64_t>(size.size()) - 2;
  theta = node.withDim(theta, 1, spatial, "the rows of 'theta' and spatial dimensions");
  theta = node.withDim(theta, 2, spatial + 1, "the columns of 'theta' and spatial dimensions");
  if (node.rank(theta) != 3 || (spatial != 2 && spatial != 3) || node.staticDim(theta, 1, "AffineGrid") != spatial ||
      node.staticDim(theta, 2, "AffineGrid") != spatial + 1) {
    if (!node.failed())
      node.error("onnx-shape-mismatch",
                 "'theta' has rank " + Twine(node.rank(theta)) + " and 'size' " + Twine(size.size()) + " elements")
          .note("[N, 2, 3] with 4 sizes, or [N, 3, 4] with 5, are expected");
    return {};
  }
  graph::ShapeSolver &solver = node.solver();
  AffineExpr one = solver.constant(1);
  Type element = node.element(theta), i64 = node.builder().getI64Type();
  Type wide = graph::getAccumulatorType(element);
  theta = node.cast(theta, wide);
  Dims row(spatial + 2, one);
  row[0] = node.dims(theta)[0];
  row.back() = solver.constant(spatial);
  auto column = [&](int64_t j) {
    return node.reshape(node.create<graph::GatherOp>(theta, node.scalar(i64, j), int64_t(2)), row);
  };
  Value y = column(spatial);
  for (int64_t i = 0; i < spatial; ++i) {
    Dims along(spatial + 2, one);
    along[i + 1] = size[i + 2];
    Value at = node.cast(node.createTyped<graph::IotaOp>(solver.type(along, i64), i + 1), wide);
    Value count = node.cast(node.size(size[i + 2]), wide);
    Value x =
        alignCorners ? node.div(node.mul(at, 2), node.add(count, -1)) : node.div(node.add(node.mul(at, 2), 1), count);
    y = node.add(y, node.mul(column(spatial - 1 - i), node.add(x, -1)));
  }
  if (!node.failed())
    node.check(y, row[0], size[0], "the number of matrices in 'theta' and the first entry of 'size'");
  return node.cast(y, element);
}

void onnx_import::registerSamplingOps(OpTable &ops) {
  ops.add("GridSample", {16, 20, 22}, importGridSample);
  ops.add("AffineGrid", {20}, importAffineGrid);
  ops.add("RoiAlign", {10, 16, 22}, importRoiAlign);
}
