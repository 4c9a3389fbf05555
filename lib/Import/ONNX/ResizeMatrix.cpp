// lib/Import/ONNX/ResizeMatrix.cpp: resampling whose positions or weights
// graph.resize does not have, as a product with a matrix per axis.
//
// The matrix is computed by graph ops from sizes and scales, which may be read
// when the program runs; from constants it is computed when the model is
// compiled.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Resize.h"

#include <cmath>

using namespace lathe;
using namespace lathe::onnx_import;
using graph::ReduceKind;

namespace {

/// The matrix of one axis: a row per output element, a column per element of
/// the input.
class AxisMatrix {
public:
  AxisMatrix(Node &node, const Sampling &sampling, const ResizedAxis &axis, AffineExpr in)
      : node(node), solver(node.solver()), f64(node.builder().getF64Type()), i1(node.builder().getI1Type()),
        sampling(sampling), axis(axis), in(in) {}

  /// [size, in] in f64.
  Value build();
  /// [size, 1]: where the row lies outside of the input; null if nowhere.
  Value outside;

private:
  Node &node;
  graph::ShapeSolver &solver;
  Type f64, i1;
  const Sampling &sampling;
  const ResizedAxis &axis;
  AffineExpr in;

  Value number(double value) { return node.scalar(f64, value); }
  Value size(AffineExpr expr) { return node.cast(node.size(expr), f64); }
  /// 0, 1 ... as a column or a row.
  Value count(AffineExpr length, bool isRow);
  Value select(Value condition, Value a, Value b) { return node.createAs<graph::SelectOp>(f64, condition, a, b); }
  template <typename OpT> Value compare(Value a, Value b) { return node.createAs<OpT>(i1, a, b); }
  Value position(Value at);
  Value nearest(Value x);
  Value kernel(Value distance);
  Value slice(Value matrix, AffineExpr first, AffineExpr length);
  Value sumOfRow(Value matrix) { return node.reduce(ReduceKind::sum, matrix, {1}, /*keepDims=*/true); }
  Value weights(Value x);
};

} // namespace

Value AxisMatrix::count(AffineExpr length, bool isRow) {
  if (node.failed())
    return {};
  Dims dims(2, solver.constant(1));
  dims[isRow] = length;
  Type i64 = node.builder().getI64Type();
  return node.cast(node.createTyped<graph::IotaOp>(solver.type(dims, i64), int64_t(isRow)), f64);
}

/// Where the output elements `at` lie in the input.
Value AxisMatrix::position(Value at) {
  Value scale = axis.scale, have = size(in), wide = node.mul(scale, have);
  Value isOne = compare<graph::EqualOp>(size(axis.size), number(1));
  auto halfPixel = [&] { return node.add(node.div(node.add(at, 0.5), scale), -0.5); };
  if (sampling.crops) {
    Value last = node.add(have, -1.0);
    Value span = node.mul(node.sub(axis.end, axis.start), last);
    Value spread = node.div(node.mul(at, span), node.add(wide, -1.0));
    Value way = select(isOne, node.broadcast(node.mul(span, 0.5), node.dims(at)), spread);
    Value x = node.add(node.mul(axis.start, last), way);
    outside = node.create<graph::OrOp>(compare<graph::LessOp>(x, number(0)), compare<graph::GreaterOp>(x, last));
    return x;
  }
  switch (sampling.coordinates) {
  case graph::CoordinateMode::asymmetric:
    return node.div(at, scale);
  case graph::CoordinateMode::align_corners:
    return select(isOne, number(0), node.div(node.mul(at, node.add(have, -1.0)), node.add(wide, -1.0)));
  case graph::CoordinateMode::pytorch_half_pixel:
    return select(isOne, number(0), halfPixel());
  case graph::CoordinateMode::half_pixel_symmetric: {
    Value rest = node.sub(number(1), node.div(size(axis.size), wide));
    return node.add(halfPixel(), node.mul(node.mul(have, 0.5), rest));
  }
  case graph::CoordinateMode::half_pixel:
    return halfPixel();
  }
  return {};
}

Value AxisMatrix::nearest(Value x) {
  switch (sampling.nearest) {
  case graph::NearestMode::round_prefer_floor:
    return node.create<graph::CeilOp>(node.add(x, -0.5));
  case graph::NearestMode::round_prefer_ceil:
    return node.create<graph::FloorOp>(node.add(x, 0.5));
  case graph::NearestMode::floor:
    return node.create<graph::FloorOp>(x);
  case graph::NearestMode::ceil:
    return node.create<graph::CeilOp>(x);
  }
  return {};
}

/// The weight of elements at `distance`: a triangle, or Keys' cubic.
Value AxisMatrix::kernel(Value distance) {
  Value d = node.create<graph::AbsOp>(distance);
  if (sampling.mode == graph::ResizeMode::linear)
    return node.create<graph::MaxOp>(node.sub(number(1), d), number(0));
  double a = sampling.cubic;
  Value near = node.add(node.mul(node.mul(node.add(node.mul(d, a + 2), -(a + 3)), d), d), 1.0);
  Value far = node.add(node.mul(node.add(node.mul(node.add(node.mul(d, a), -5 * a), d), 8 * a), d), -4 * a);
  Value rest = select(compare<graph::LessOp>(d, number(2)), far, number(0));
  return select(compare<graph::LessOp>(d, number(1)), near, rest);
}

/// `length` columns of `matrix` from `first` on.
Value AxisMatrix::slice(Value matrix, AffineExpr first, AffineExpr length) {
  if (node.failed())
    return {};
  Dims dims = node.dims(matrix);
  dims[1] = length;
  auto offset = graph::DimsAttr::get(node.builder().getContext(), solver.map({first}));
  return node.createTyped<graph::SliceOp>(solver.type(dims, f64), matrix, Value(), Value(), llvm::ArrayRef<int64_t>(1),
                                          llvm::ArrayRef<int64_t>(1), offset);
}

/// The weights of all elements for the positions `x`. Elements that would lie
/// outside do not count, or are the ones at the edge.
Value AxisMatrix::weights(Value x) {
  Value shrink = number(1);
  int64_t reach = sampling.mode == graph::ResizeMode::linear ? 1 : 2;
  AffineExpr margin = solver.constant(reach + 1);
  if (sampling.antialias) {
    // Against aliasing, a smaller image takes in more of the larger one, but no
    // output element takes in more than there is.
    shrink = node.create<graph::MinOp>(axis.scale, number(1));
    if (axis.known)
      margin =
          solver.constant(static_cast<int64_t>(std::ceil(static_cast<double>(reach) / std::min(*axis.known, 1.0))) + 1);
  }
  if (sampling.antialias && !axis.known) {
    Value most = node.add(node.create<graph::CeilOp>(node.div(number(reach), shrink)), 1.0);
    most = node.create<graph::MinOp>(most, size(solver.simplify(in * reach + 2)));
    margin = asSize(node, node.entry(node.cast(most, node.builder().getI64Type()), "the reach of 'antialias'"),
                    "the reach of 'antialias'");
  }
  if (node.failed())
    return {};
  Value column = node.sub(count(solver.simplify(in + margin * 2), true), size(margin));
  Value all = kernel(node.mul(node.sub(column, x), shrink));
  Value inside = slice(all, margin, in);
  if (!sampling.excludeOutside) {
    Value before = sumOfRow(slice(all, solver.constant(0), margin));
    Value behind = sumOfRow(slice(all, solver.simplify(in + margin), margin));
    Value place = count(in, true);
    Value isFirst = compare<graph::EqualOp>(place, number(0));
    Value isLast = compare<graph::EqualOp>(place, size(solver.simplify(in - 1)));
    inside = node.add(inside, node.mul(before, node.cast(isFirst, f64)));
    inside = node.add(inside, node.mul(behind, node.cast(isLast, f64)));
  }
  Value sum = sumOfRow(inside);
  return node.div(inside, select(compare<graph::EqualOp>(sum, number(0)), number(1), sum));
}

Value AxisMatrix::build() {
  Value x = position(count(axis.size, false));
  if (sampling.mode != graph::ResizeMode::nearest)
    return weights(x);
  Value last = size(solver.simplify(in - 1));
  Value place = node.create<graph::MaxOp>(node.create<graph::MinOp>(nearest(x), last), number(0));
  return node.cast(compare<graph::EqualOp>(count(in, true), place), f64);
}

Value onnx_import::resizeByMatrices(Node &node, llvm::ArrayRef<ResizedAxis> axes, const Sampling &sampling) {
  Value x = node.input(0);
  if (node.failed())
    return {};
  if (axes.empty())
    return x;
  Type element = node.element(x);
  Type wide = node.isFloat(x) ? graph::getAccumulatorType(element) : Type(node.builder().getF64Type());
  int64_t rank = node.rank(x);
  Value y = node.cast(x, wide), outside;
  for (const ResizedAxis &axis : axes) {
    AxisMatrix matrix(node, sampling, axis, node.dims(x)[axis.axis]);
    Value weights = matrix.build();
    weights = node.cast(node.transpose(weights, {1, 0}), wide);
    // The axis goes last and back.
    auto permutation = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    std::swap(permutation[axis.axis], permutation.back());
    y = node.transpose(y, permutation);
    y = rank == 1 ? node.unsqueeze(y, {0}) : y;
    y = node.create<graph::MatmulOp>(y, weights);
    y = rank == 1 ? node.squeeze(y, {0}) : node.transpose(y, permutation);
    if (!matrix.outside)
      continue;
    Dims along(rank, node.solver().constant(1));
    along[axis.axis] = axis.size;
    Value part = node.reshape(matrix.outside, along);
    outside = outside ? node.create<graph::OrOp>(outside, part) : part;
  }
  if (outside)
    y = node.createAs<graph::SelectOp>(wide, outside, node.scalar(wide, sampling.extrapolation), y);
  if (node.isFloat(x))
    return node.cast(y, element);
  // Whole numbers are the nearest ones, within the type: a cubic may go beyond what it is given.
  auto integer = mlir::cast<mlir::IntegerType>(element);
  bool isUnsigned = integer.isUnsigned();
  double beyond = std::ldexp(1.0, integer.getWidth() - !isUnsigned), low = isUnsigned ? 0 : -beyond;
  // The largest number of the type that f64 has.
  double high = std::min(beyond - 1, std::nextafter(beyond, 0));
  y = node.create<graph::MaxOp>(node.create<graph::RoundOp>(y), node.scalar(wide, low));
  return node.cast(node.create<graph::MinOp>(y, node.scalar(wide, high)), element);
}
