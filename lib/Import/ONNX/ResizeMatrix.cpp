// lib/Import/ONNX/ResizeMatrix.cpp: resampling whose positions or weights
// graph.resize does not have, as a product with a matrix per axis.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Node.h"
#include "Resize.h"

#include <cmath>

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::SmallVector;
using llvm::Twine;

namespace {

/// The matrix of one axis: a row per output element.
class AxisMatrix {
public:
  AxisMatrix(const Sampling &sampling, const ResizedAxis &axis, int64_t in)
      : sampling(sampling), axis(axis), in(in), weights(axis.size * in, 0.0), outside(axis.size, false) {
    for (int64_t i = 0; i < axis.size; ++i)
      fillRow(i);
  }

  llvm::ArrayRef<double> getWeights() const { return weights; }
  llvm::ArrayRef<bool> getOutside() const { return outside; }

private:
  const Sampling &sampling;
  const ResizedAxis &axis;
  int64_t in;
  std::vector<double> weights;
  SmallVector<bool> outside;

  double position(int64_t i);
  void fillRow(int64_t i);
  double nearest(double x) const;
  double kernel(double distance) const;
};

} // namespace

/// Where output element `i` lies in the input.
double AxisMatrix::position(int64_t i) {
  double at = static_cast<double>(i), scale = axis.scale, size = static_cast<double>(in), wide = scale * size;
  if (sampling.crops) {
    double span = (axis.end - axis.start) * (size - 1);
    double x = axis.start * (size - 1) + (axis.size == 1 ? span / 2 : at * span / (wide - 1));
    outside[i] = x < 0 || x > size - 1;
    return x;
  }
  switch (sampling.coordinates) {
  case graph::CoordinateMode::asymmetric:
    return at / scale;
  case graph::CoordinateMode::align_corners:
    return axis.size == 1 ? 0 : at * (size - 1) / (wide - 1);
  case graph::CoordinateMode::pytorch_half_pixel:
    return axis.size == 1 ? 0 : (at + 0.5) / scale - 0.5;
  case graph::CoordinateMode::half_pixel_symmetric:
    return size / 2 * (1 - static_cast<double>(axis.size) / wide) + (at + 0.5) / scale - 0.5;
  case graph::CoordinateMode::half_pixel:
    return (at + 0.5) / scale - 0.5;
  }
  return 0;
}

double AxisMatrix::nearest(double x) const {
  switch (sampling.nearest) {
  case graph::NearestMode::round_prefer_floor:
    return std::ceil(x - 0.5);
  case graph::NearestMode::round_prefer_ceil:
    return std::floor(x + 0.5);
  case graph::NearestMode::floor:
    return std::floor(x);
  case graph::NearestMode::ceil:
    return std::ceil(x);
  }
  return x;
}

/// The weight of an element at `distance`: a triangle, or Keys' cubic.
double AxisMatrix::kernel(double distance) const {
  double d = std::abs(distance), a = sampling.cubic;
  if (sampling.mode == graph::ResizeMode::linear)
    return std::max(0.0, 1 - d);
  if (d < 1)
    return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

void AxisMatrix::fillRow(int64_t i) {
  double x = position(i);
  auto add = [&](double j, double weight) {
    double inside = std::clamp<double>(j, 0, static_cast<double>(in - 1));
    if (inside == j || !sampling.excludeOutside)
      weights[i * in + static_cast<int64_t>(inside)] += weight;
  };
  if (outside[i])
    return;
  if (sampling.mode == graph::ResizeMode::nearest)
    return add(nearest(x), 1);
  // Against aliasing, a smaller image takes in more of the larger one.
  double shrink = sampling.antialias ? std::min(axis.scale, 1.0) : 1.0;
  double reach = (sampling.mode == graph::ResizeMode::linear ? 1 : 2) / shrink;
  for (double j = std::ceil(x - reach); j <= x + reach; ++j)
    add(j, kernel((j - x) * shrink));
  double sum = 0;
  for (int64_t j = 0; j < in; ++j)
    sum += weights[i * in + j];
  for (int64_t j = 0; j < in && sum != 0; ++j)
    weights[i * in + j] /= sum;
}

/// The matrices are constants of the model: they must stay small beside it.
static constexpr int64_t maxMatrix = int64_t(1) << 26;

Value onnx_import::resizeByMatrices(Node &node, llvm::ArrayRef<ResizedAxis> axes, const Sampling &sampling) {
  Value x = node.input(0);
  Type element = node.element(x), i1 = node.builder().getI1Type();
  Type wide = node.isFloat(x) ? graph::getAccumulatorType(element) : Type(node.builder().getF64Type());
  int64_t rank = node.rank(x);
  Value y = node.cast(x, wide), outside;
  for (const ResizedAxis &axis : axes) {
    int64_t in = node.staticDim(x, axis.axis, "this kind of Resize");
    if (node.failed())
      return {};
    if (in < 1 || axis.size > maxMatrix / in) {
      node.error("onnx-scale-range", "dimension " + Twine(axis.axis) + " is resized from " + Twine(in) + " to " +
                                         Twine(axis.size) + ", which needs a matrix of more than " + Twine(maxMatrix) +
                                         " elements")
          .note("resize without 'antialias' and cropping, or to less");
      return {};
    }
    AxisMatrix matrix(sampling, axis, in);
    auto type = mlir::RankedTensorType::get({axis.size, in}, node.builder().getF64Type());
    Value weights = node.constant(mlir::DenseElementsAttr::get(type, matrix.getWeights()));
    weights = node.cast(node.transpose(weights, {1, 0}), wide);
    // The axis goes last and back.
    auto permutation = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    std::swap(permutation[axis.axis], permutation.back());
    y = node.transpose(y, permutation);
    y = rank == 1 ? node.unsqueeze(y, {0}) : y;
    y = node.create<graph::MatmulOp>(y, weights);
    y = rank == 1 ? node.squeeze(y, {0}) : node.transpose(y, permutation);
    if (!llvm::is_contained(matrix.getOutside(), true))
      continue;
    SmallVector<int64_t> along(rank, 1);
    along[axis.axis] = axis.size;
    Value part =
        node.constant(mlir::DenseElementsAttr::get(mlir::RankedTensorType::get(along, i1), matrix.getOutside()));
    outside = outside ? node.create<graph::OrOp>(outside, part) : part;
  }
  if (outside)
    y = node.createAs<graph::SelectOp>(wide, outside, node.scalar(wide, sampling.extrapolation), y);
  return node.cast(y, element);
}
