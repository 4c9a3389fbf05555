// lib/Import/ONNX/Signal.cpp: window functions and transforms of signal
// processing.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ElementType.h"
#include "Import/Core/Axes.h"
#include "Import/Core/Node.h"
#include "OpTable.h"
#include "Tensor.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::SmallVector;
using llvm::Twine;
using mlir::AffineConstantExpr;
using mlir::AffineExpr;

/// The type that 'output_datatype' names, or null after an error.
static Type readOutputType(Node &node) {
  int32_t dtype = static_cast<int32_t>(node.integer("output_datatype"));
  Type element = toMLIRType(node.builder().getContext(), dtype);
  if (!element)
    node.unsupported("output_datatype", elementTypeName(dtype), "float, integer and bool types are");
  return element;
}

/// a0 - a1 cos(2 pi n / N) + a2 cos(4 pi n / N), with N the size or, for a
/// symmetric window, one less.
static Value makeWindow(Node &node, double a0, double a1, double a2) {
  bool periodic = node.flag("periodic");
  Type element = readOutputType(node);
  if (!element)
    return {};
  Type f32 = node.builder().getF32Type(), i64 = node.builder().getI64Type();
  Value size = node.cast(node.reshape(node.input(0), {}), i64);
  Value steps = node.create<graph::RangeOp>(node.scalar(i64, 0), size, node.scalar(i64, 1));
  Value period = node.cast(size, f32);
  if (!periodic)
    period = node.add(period, -1.0);
  Value angle = node.mul(node.cast(steps, f32), node.div(node.scalar(f32, 2 * llvm::numbers::pi), period));
  Value first = node.mul(node.create<graph::CosOp>(angle), -a1);
  Value second = node.mul(node.create<graph::CosOp>(node.mul(angle, 2.0)), a2);
  return node.cast(node.add(node.add(first, a0), second), element);
}

static Value importHannWindow(Node &node) { return makeWindow(node, 0.5, 0.5, 0); }

static Value importHammingWindow(Node &node) { return makeWindow(node, 25.0 / 46.0, 21.0 / 46.0, 0); }

static Value importBlackmanWindow(Node &node) { return makeWindow(node, 0.42, 0.5, 0.08); }

//===----------------------------------------------------------------------===//
// Fourier transforms
//===----------------------------------------------------------------------===//

namespace {

/// Which transform along one axis.
struct Transform {
  int64_t axis = 0;
  AffineExpr length;
  bool inverse = false;
  bool oneSided = false;
};

/// Cosines and sines of a transform, one row per element that goes in.
struct Waves {
  Value cosine, sine;
};

} // namespace

/// The factors cos and sin (2 pi j k / length). Angles are reduced as whole
/// numbers, so that large products lose nothing.
static Waves makeWaves(Node &node, const Transform &transform, AffineExpr rows, AffineExpr columns, Type element) {
  graph::ShapeSolver &solver = node.solver();
  AffineExpr one = solver.constant(1);
  Type i64 = node.builder().getI64Type(), f64 = node.builder().getF64Type(), i1 = node.builder().getI1Type();
  Value j = node.createTyped<graph::IotaOp>(solver.type({rows, one}, i64), int64_t(0));
  Value k = node.createTyped<graph::IotaOp>(solver.type({one, columns}, i64), int64_t(1));
  Value length = node.size(transform.length);
  Value turns = node.div(node.cast(node.create<graph::ModOp>(node.mul(j, k), length), f64), node.cast(length, f64));
  Value angle = node.mul(turns, 2 * llvm::numbers::pi);
  Value cosine = node.create<graph::CosOp>(angle), sine = node.create<graph::SinOp>(angle);
  Value scale;
  if (transform.inverse)
    scale = node.div(node.scalar(f64, 1), node.cast(length, f64));
  Value limit = length;
  if (transform.inverse && transform.oneSided) {
    // All frequencies but the outer ones stand for two.
    Value twice = node.mul(j, 2);
    Value isOuter = node.create<graph::OrOp>(node.createAs<graph::EqualOp>(i1, j, node.scalar(i64, 0)),
                                             node.createAs<graph::EqualOp>(i1, twice, length));
    scale = node.mul(scale, node.createAs<graph::SelectOp>(f64, isOuter, node.scalar(f64, 1), node.scalar(f64, 2)));
    limit = node.add(node.div(length, 2), 1);
  }
  // Elements beyond the length are cut off; missing ones are zero anyway.
  Value counts = node.createAs<graph::LessOp>(i1, j, limit);
  scale = scale ? scale : node.scalar(f64, 1);
  scale = node.createAs<graph::SelectOp>(f64, counts, scale, node.scalar(f64, 0));
  return {node.cast(node.mul(cosine, scale), element), node.cast(node.mul(sine, scale), element)};
}

/// Where it is open whether numbers have an imaginary part, one of 0 for those without.
static Value withBothParts(Node &node, Value x) {
  if (node.failed() || node.rank(x) < 1)
    return x;
  graph::ShapeSolver &solver = node.solver();
  Dims amounts(2 * node.rank(x), solver.constant(0));
  AffineExpr parts = node.dims(x).back(), two = solver.constant(2);
  if (mlir::isa<AffineConstantExpr>(parts))
    return x;
  node.require(parts, solver.constant(1), "the last dimension holds a real part");
  node.require(two, parts, "the last dimension holds at most a real and an imaginary part");
  amounts.back() = solver.simplify(two - parts);
  auto attribute = graph::DimsAttr::get(node.builder().getContext(), solver.map(amounts));
  x = node.create<graph::PadOp>(x, Value(), node.scalar(node.element(x), 0), graph::PadMode::constant, attribute);
  return node.withDim(x, node.rank(x) - 1, 2, "the parts of a number");
}

/// Transforms `x`, whose last dimension holds the real part and perhaps the
/// imaginary one, by products with matrices.
static Value makeTransform(Node &node, Value x, const Transform &transform) {
  if (node.failed())
    return {};
  graph::ShapeSolver &solver = node.solver();
  int64_t rank = node.rank(x);
  x = withBothParts(node, x);
  int64_t parts = node.staticDim(x, rank - 1, "a transform");
  if (!node.failed() && parts != 1 && parts != 2) {
    node.error("onnx-shape-mismatch", "the last dimension is " + Twine(parts) + ", but 1 or 2 is expected")
        .note("it holds the real part and the imaginary part of a number");
    return {};
  }
  Type element = node.element(x), wide = graph::getAccumulatorType(element), i64 = node.builder().getI64Type();
  // The axis becomes the last dimension of a matrix.
  SmallVector<int64_t> permutation;
  for (int64_t i = 0; i < rank - 1; ++i)
    if (i != transform.axis)
      permutation.push_back(i);
  permutation.push_back(transform.axis);
  auto part = [&](int64_t which) {
    Value y = node.create<graph::GatherOp>(node.cast(x, wide), node.scalar(i64, which), rank - 1);
    y = node.transpose(y, permutation);
    return rank == 2 ? node.unsqueeze(y, {0}) : y;
  };
  Value real = part(0), imaginary = parts == 2 ? part(1) : Value();
  if (node.failed())
    return {};
  AffineExpr rows = node.dims(real).back(), columns = transform.length;
  if (transform.oneSided && !transform.inverse)
    columns = solver.simplify(transform.length.floorDiv(2) + 1);
  Waves waves = makeWaves(node, transform, rows, columns, wide);
  auto product = [&](Value a, Value b) { return node.create<graph::MatmulOp>(a, b); };

  // (re + i im) (cos - i sin), or + i sin for the inverse.
  Value outReal = product(real, waves.cosine), outImaginary = product(real, waves.sine);
  if (!transform.inverse)
    outImaginary = node.create<graph::NegOp>(outImaginary);
  if (imaginary) {
    Value cross = product(imaginary, waves.sine);
    outReal = transform.inverse ? node.sub(outReal, cross) : node.add(outReal, cross);
    outImaginary = node.add(outImaginary, product(imaginary, waves.cosine));
  }
  SmallVector<Value> results = {outReal};
  if (!(transform.inverse && transform.oneSided))
    results.push_back(outImaginary);
  SmallVector<int64_t> back(rank - 1);
  for (auto [from, to] : llvm::enumerate(permutation))
    back[to] = from;
  for (Value &result : results) {
    if (rank == 2)
      result = node.squeeze(result, {0});
    result = node.unsqueeze(node.transpose(result, back), {rank - 1});
  }
  Value y = results[0];
  if (results.size() == 2)
    y = node.createAs<graph::ConcatOp>(wide, mlir::ValueRange(results), rank - 1);
  return node.cast(y, element);
}

/// The longest transform.
static constexpr int64_t maxLength = int64_t(1) << 24;

/// A length of zero would divide by it.
static bool checkLength(Node &node, AffineExpr length) {
  auto fixed = length ? mlir::dyn_cast<AffineConstantExpr>(length) : AffineConstantExpr();
  if (!node.failed() && !fixed) {
    node.require(length, node.solver().constant(1), "the length of a transform must be at least 1");
    node.require(node.solver().constant(maxLength), length, "the length of a transform must be at most 2^24");
  }
  if (node.failed() || !fixed || (fixed.getValue() > 0 && fixed.getValue() <= maxLength))
    return !node.failed();
  node.error("onnx-shape-mismatch",
             "the transform has length " + Twine(fixed.getValue()) + ", but 1 to 2^24 is expected")
      .note("correct 'dft_length' or the input's size");
  return false;
}

static Value importDFT(Node &node) {
  Value x = node.input(0);
  Transform transform;
  transform.inverse = node.flag("inverse");
  transform.oneSided = node.flag("onesided");
  graph::ShapeSolver &solver = node.solver();
  int64_t rank = node.rank(x);
  AffineExpr axis = solver.constant(-2);
  if (node.version() < 20)
    axis = solver.constant(node.integer("axis"));
  else if (node.input(2))
    axis = node.entry(2);
  axis = normalizeAxis(node, axis, rank, "axis");
  if (node.failed())
    return {};
  if (axis == solver.constant(rank - 1)) {
    node.error("onnx-axis-range", "'axis' is the last dimension, which holds the parts of a number")
        .note("name one of the dimensions before it");
    return {};
  }
  if (rank < 2) {
    node.error("onnx-shape-mismatch", "'input' has rank " + Twine(rank) + ", but at least 2 is expected")
        .note("its last dimension holds the real part and the imaginary part of a number");
    return {};
  }
  node.require(solver.constant(rank - 2), axis, "'axis' must not be the last dimension");
  // The last dimension is none that an axis may be.
  Dims dims = node.dims(x);
  AffineExpr parts = dims.pop_back_val(), size = dimAt(solver, dims, axis);
  if (node.input(1))
    transform.length = node.entry(1);
  else if (transform.inverse && transform.oneSided)
    transform.length = solver.simplify((size - 1) * 2);
  else
    transform.length = size;
  if (!checkLength(node, transform.length))
    return {};
  if (auto known = mlir::dyn_cast<AffineConstantExpr>(axis)) {
    transform.axis = known.getValue();
    return makeTransform(node, x, transform);
  }
  transform.axis = 1;
  Value y = makeTransform(node, foldAround(node, x, dims, axis, {parts}), transform);
  if (node.failed())
    return {};
  Dims result = withDimAt(solver, dims, axis, node.dims(y)[1]);
  result.push_back(node.dims(y).back());
  return node.reshape(y, result);
}

/// Transforms of windows that move over a signal of [batch, length, parts].
static Value importSTFT(Node &node) {
  Value signal = node.input(0), window = node.input(2);
  AffineExpr step = node.entry(1);
  Transform transform;
  transform.axis = 2;
  transform.oneSided = node.flag("onesided");
  if (node.failed())
    return {};
  auto known = mlir::dyn_cast<AffineConstantExpr>(step);
  if (node.rank(signal) != 3 || (window && node.rank(window) != 1) || (known && known.getValue() < 1)) {
    node.error("onnx-shape-mismatch", "'signal' has rank " + Twine(node.rank(signal)))
        .note("[batch, length, 1 or 2], one positive step and a vector as window are expected");
    return {};
  }
  graph::ShapeSolver &solver = node.solver();
  AffineExpr one = solver.constant(1), length = node.dims(signal)[1];
  if (node.input(3))
    transform.length = node.entry(3);
  else
    transform.length = window ? node.dims(window)[0] : length;
  if (!checkLength(node, transform.length))
    return {};
  AffineExpr width = window ? node.dims(window)[0] : transform.length;
  node.require(step, one, "'frame_step' must be at least 1");
  step = solver.max(one, step);
  AffineExpr frames = asSize(node, solver.simplify((length - transform.length).floorDiv(step) + 1),
                             "the number of windows in 'signal'");
  Type i64 = node.builder().getI64Type();
  Value first = node.mul(node.createTyped<graph::IotaOp>(solver.type({frames, one}, i64), int64_t(0)), node.size(step));
  Value offset = node.createTyped<graph::IotaOp>(solver.type({one, width}, i64), int64_t(1));
  Value x = node.create<graph::GatherOp>(signal, node.add(first, offset), int64_t(1));
  if (window)
    x = node.mul(x, node.unsqueeze(window, {1}));
  return makeTransform(node, x, transform);
}

/// Triangles that are evenly spaced on the mel scale, over the frequencies of a
/// transform.
static Value importMelWeightMatrix(Node &node) {
  Type element = readOutputType(node);
  graph::ShapeSolver &solver = node.solver();
  AffineExpr one = solver.constant(1);
  AffineExpr columns = asSize(node, node.entry(0), "'num_mel_bins'");
  AffineExpr length = asSize(node, node.entry(1), "'dft_length'");
  if (node.failed() || !element)
    return {};
  Type f64 = node.builder().getF64Type(), i64 = node.builder().getI64Type(), i1 = node.builder().getI1Type();
  auto number = [&](unsigned index) { return node.cast(node.reshape(node.input(index), {}), f64); };
  Value rate = number(2);
  auto toMel = [&](Value hertz) {
    Value ratio = node.add(node.div(hertz, 700.0), 1.0);
    return node.mul(node.create<graph::LogOp>(ratio), 2595 / std::log(10.0));
  };
  Value first = toMel(number(3));
  AffineExpr count = solver.simplify(columns + 2);
  Value step = node.div(node.sub(toMel(number(4)), first), node.cast(node.size(count), f64));
  // The bin of the transform where each triangle begins.
  Value at = node.cast(node.createTyped<graph::IotaOp>(solver.type({count}, i64), int64_t(0)), f64);
  Value mel = node.add(node.mul(at, step), first);
  Value hertz = node.create<graph::ExpOp>(node.mul(mel, std::log(10.0) / 2595));
  hertz = node.mul(node.add(hertz, -1.0), 700.0);
  Value bin = node.div(node.mul(hertz, node.cast(node.size(solver.simplify(length + 1)), f64)), rate);
  Value edges = node.create<graph::FloorOp>(bin);
  auto edge = [&](int64_t from) {
    auto offset = graph::DimsAttr::get(node.builder().getContext(), solver.map({solver.constant(from)}));
    return node.createTyped<graph::SliceOp>(solver.type({columns}, f64), edges, Value(), Value(),
                                            llvm::ArrayRef<int64_t>(0), llvm::ArrayRef<int64_t>(1), offset);
  };
  Value begin = edge(0), middle = edge(1), end = edge(2);
  AffineExpr rows = solver.simplify(length.floorDiv(2) + 1);
  Value row = node.cast(node.createTyped<graph::IotaOp>(solver.type({rows, one}, i64), int64_t(0)), f64);
  auto less = [&](Value a, Value b) { return node.createAs<graph::LessOp>(i1, a, b); };
  auto notLess = [&](Value a, Value b) { return node.createAs<graph::GreaterEqualOp>(i1, a, b); };
  auto both = [&](Value a, Value b) { return node.create<graph::AndOp>(a, b); };
  auto select = [&](Value c, Value a, Value b) { return node.createAs<graph::SelectOp>(f64, c, a, b); };
  Value rises = both(less(begin, middle), both(notLess(row, begin), less(row, middle)));
  Value falls = both(less(middle, end), both(notLess(row, middle), less(row, end)));
  // A side without any width: the peak is all there is of it.
  Value isPeak = node.createAs<graph::EqualOp>(i1, row, middle);
  Value up = node.div(node.sub(row, begin), node.sub(middle, begin));
  Value down = node.div(node.sub(end, row), node.sub(end, middle));
  Value y = select(isPeak, node.scalar(f64, 1), node.scalar(f64, 0));
  return node.cast(select(falls, down, select(rises, up, y)), element);
}

void onnx_import::registerSignalOps(OpTable &ops) {
  ops.add("HannWindow", {17}, importHannWindow);
  ops.add("HammingWindow", {17}, importHammingWindow);
  ops.add("BlackmanWindow", {17}, importBlackmanWindow);
  ops.add("DFT", {17, 20}, importDFT);
  ops.add("STFT", {17}, importSTFT);
  ops.add("MelWeightMatrix", {17}, importMelWeightMatrix);
}
