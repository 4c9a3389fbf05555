// lib/Import/ONNX/Resize.cpp: resampling.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Resize.h"
#include "OpTable.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

/// Sorts axes together with their scales.
static void sortAxes(SmallVector<int64_t> &axes, SmallVector<double> &scales) {
  SmallVector<std::pair<int64_t, double>> pairs;
  for (auto [axis, scale] : llvm::zip(axes, scales))
    pairs.push_back({axis, scale});
  llvm::sort(pairs);
  for (auto [index, pair] : llvm::enumerate(pairs))
    std::tie(axes[index], scales[index]) = pair;
}

/// Makes the op for scales per axis; axes that keep their size are left out.
static Value resizeByScales(Node &node, llvm::ArrayRef<int64_t> axes, llvm::ArrayRef<double> scales,
                            const Sampling &sampling) {
  Value x = node.input(0);
  if (node.failed())
    return {};
  if (axes.size() != scales.size()) {
    node.error("onnx-shape-mismatch",
               "'scales' has " + Twine(scales.size()) + " elements, but " + Twine(axes.size()) + " are expected")
        .note("give one scale for every axis");
    return {};
  }
  SmallVector<int64_t> changed;
  SmallVector<double> factors;
  for (auto [axis, scale] : llvm::zip(axes, scales)) {
    if (!(scale > 0) || scale > 1e6) {
      node.error("onnx-scale-range",
                 "a scale is " + Twine(std::to_string(scale)) + ", but scales must be positive and at most 10^6")
          .note("correct the scale of dimension " + Twine(axis));
      return {};
    }
    if (scale == 1)
      continue;
    changed.push_back(axis);
    factors.push_back(scale);
  }
  if (changed.empty())
    return x;
  sortAxes(changed, factors);
  return node.create<graph::ResizeOp>(x, Value(), changed, factors, sampling.mode, sampling.coordinates,
                                      sampling.nearest, llvm::APFloat(sampling.cubic), sampling.excludeOutside);
}

static Value resizeToSizes(Node &node, llvm::ArrayRef<int64_t> axes, Value sizes, const Sampling &sampling) {
  Value x = node.input(0);
  if (node.failed())
    return {};
  std::optional<Dims> known = node.solver().contents(sizes);
  if (!known)
    return node.create<graph::ResizeOp>(x, sizes, axes, llvm::ArrayRef<double>(), sampling.mode, sampling.coordinates,
                                        sampling.nearest, llvm::APFloat(sampling.cubic), sampling.excludeOutside);
  if (axes.size() != known->size()) {
    node.error("onnx-shape-mismatch",
               "'sizes' has " + Twine(known->size()) + " elements, but " + Twine(axes.size()) + " are expected")
        .note("give one size for every axis");
    return {};
  }
  Dims result = node.dims(x);
  SmallVector<int64_t> changed;
  for (auto [axis, size] : llvm::zip(axes, *known)) {
    auto fixed = mlir::dyn_cast<mlir::AffineConstantExpr>(size);
    if (fixed && fixed.getValue() < 0) {
      node.error("onnx-shape-mismatch", "a size is " + Twine(fixed.getValue()) + ", but sizes are not negative")
          .note("correct the size of dimension " + Twine(axis));
      return {};
    }
    if (result[axis] == size)
      continue;
    result[axis] = size;
    changed.push_back(axis);
  }
  if (changed.empty())
    return x;
  llvm::sort(changed);
  return node.createTyped<graph::ResizeOp>(node.solver().type(result, node.element(x)), x, Value(), changed,
                                           llvm::ArrayRef<double>(), sampling.mode, sampling.coordinates,
                                           sampling.nearest, llvm::APFloat(sampling.cubic), sampling.excludeOutside);
}

static SmallVector<int64_t> allAxes(Node &node) {
  return llvm::to_vector(llvm::seq<int64_t>(0, node.rank(node.input(0))));
}

/// Upsample and Resize-10: scales, and positions without any offset.
static Value importScales(Node &node, llvm::ArrayRef<double> scales) {
  Sampling sampling;
  StringRef mode = node.string("mode");
  if (mode != "nearest" && mode != "linear")
    return node.unsupported("mode", quoted(mode), "\"nearest\" and \"linear\" are");
  if (mode == "linear")
    sampling.mode = graph::ResizeMode::linear;
  if (llvm::any_of(scales, [](double scale) { return scale < 1; }))
    sampling.nearest = graph::NearestMode::ceil;
  return resizeByScales(node, allAxes(node), scales, sampling);
}

static Value importResize10(Node &node) { return importScales(node, node.constantNumbers(1)); }

static Value importUpsample7(Node &node) { return importScales(node, node.numbers("scales")); }

template <typename Enum>
static bool readChoice(Node &node, StringRef attribute, std::optional<Enum> (*parse)(StringRef), Enum &result) {
  StringRef value = node.string(attribute);
  std::optional<Enum> known = parse(value);
  if (!known) {
    node.unsupported(attribute, quoted(value), "see the reference of graph.resize for those that are");
    return false;
  }
  result = *known;
  return true;
}

static bool readSampling(Node &node, Sampling &sampling) {
  sampling.cubic = node.number("cubic_coeff_a");
  sampling.excludeOutside = node.flag("exclude_outside");
  sampling.extrapolation = node.number("extrapolation_value");
  sampling.antialias = node.version() >= 18 && node.flag("antialias");
  sampling.crops = node.string("coordinate_transformation_mode") == "tf_crop_and_resize";
  return readChoice(node, "mode", graph::symbolizeResizeMode, sampling.mode) &&
         (sampling.crops ||
          readChoice(node, "coordinate_transformation_mode", graph::symbolizeCoordinateMode, sampling.coordinates)) &&
         readChoice(node, "nearest_mode", graph::symbolizeNearestMode, sampling.nearest);
}

/// Sets sizes and scales from input 'sizes', under 'keep_aspect_ratio_policy'.
static void readSizes(Node &node, llvm::MutableArrayRef<ResizedAxis> axes, StringRef policy) {
  SmallVector<int64_t> sizes = node.constantIntegers(3);
  if (node.failed())
    return;
  if (sizes.size() != axes.size() || llvm::any_of(sizes, [](int64_t s) { return s < 0 || s > int64_t(1) << 31; })) {
    node.error("onnx-shape-mismatch", "'sizes' has " + Twine(sizes.size()) + " elements or negative ones, but " +
                                          Twine(axes.size()) + " sizes are expected")
        .note("give one size for every axis");
    return;
  }
  std::optional<double> common;
  for (auto [axis, size] : llvm::zip(axes, sizes)) {
    int64_t in = std::max<int64_t>(node.staticDim(node.input(0), axis.axis, "this kind of Resize"), 1);
    axis.size = size;
    axis.scale = static_cast<double>(size) / static_cast<double>(in);
    if (!common)
      common = axis.scale;
    common = policy == "not_larger" ? std::min(*common, axis.scale) : std::max(*common, axis.scale);
  }
  if (policy == "stretch" || !common || node.failed())
    return;
  for (ResizedAxis &axis : axes) {
    double in = static_cast<double>(node.staticDim(node.input(0), axis.axis, "this kind of Resize"));
    axis.scale = *common;
    axis.size = static_cast<int64_t>(std::floor(*common * in + 0.5));
  }
}

/// Sets sizes and scales from input 'scales'.
static void readScales(Node &node, llvm::MutableArrayRef<ResizedAxis> axes) {
  SmallVector<double> scales = node.constantNumbers(2);
  if (node.failed())
    return;
  if (scales.size() != axes.size()) {
    node.error("onnx-shape-mismatch",
               "'scales' has " + Twine(scales.size()) + " elements, but " + Twine(axes.size()) + " are expected")
        .note("give one scale for every axis");
    return;
  }
  for (auto [axis, scale] : llvm::zip(axes, scales)) {
    if (!(scale > 0) || scale > 1e6) {
      node.error("onnx-scale-range",
                 "a scale is " + Twine(std::to_string(scale)) + ", but scales must be positive and at most 10^6")
          .note("correct the scale of dimension " + Twine(axis.axis));
      return;
    }
    axis.scale = scale;
    axis.size = static_cast<int64_t>(
        std::floor(scale * static_cast<double>(node.staticDim(node.input(0), axis.axis, "this kind of Resize"))));
  }
}

/// What graph.resize cannot express: all sizes must be known.
static Value importByMatrices(Node &node, llvm::ArrayRef<int64_t> axes, StringRef policy, const Sampling &sampling) {
  SmallVector<ResizedAxis> resized;
  for (int64_t axis : axes)
    resized.push_back({axis, 0, 1.0});
  if (node.input(3))
    readSizes(node, resized, policy);
  else
    readScales(node, resized);
  if (sampling.crops && !node.failed()) {
    SmallVector<double> region = node.input(1) ? node.constantNumbers(1) : SmallVector<double>();
    if (!node.failed() && region.size() != 2 * resized.size())
      node.error("onnx-shape-mismatch",
                 "'roi' has " + Twine(region.size()) + " elements, but " + Twine(2 * resized.size()) + " are expected")
          .note("give all starts, then all ends, from 0 to 1");
    for (auto [index, axis] : llvm::enumerate(resized))
      if (!node.failed()) {
        axis.start = region[index];
        axis.end = region[resized.size() + index];
      }
  }
  llvm::erase_if(resized, [&](const ResizedAxis &axis) {
    return axis.scale == 1 && axis.start == 0 && axis.end == 1 && !node.failed() &&
           axis.size == node.staticDim(node.input(0), axis.axis, "this kind of Resize");
  });
  return node.failed() ? Value() : resizeByMatrices(node, resized, sampling);
}

static Value importResize11(Node &node) {
  Value x = node.input(0), scales = node.input(2), sizes = node.input(3);
  Sampling sampling;
  if (!readSampling(node, sampling))
    return {};
  SmallVector<int64_t> axes = allAxes(node);
  StringRef policy = "stretch";
  if (node.version() >= 18) {
    policy = node.string("keep_aspect_ratio_policy");
    if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller")
      return node.unsupported("keep_aspect_ratio_policy", quoted(policy),
                              "\"stretch\", \"not_larger\" and \"not_smaller\" are");
    if (node.has("axes")) {
      axes = node.integers("axes");
      for (int64_t &axis : axes)
        axis = node.normalizeAxis(axis, node.rank(x), "axes");
      node.normalizeAxes(axes, node.rank(x), "axes"); // Reports duplicates.
    }
  }
  if (node.failed())
    return {};
  // Version 11 has an empty tensor where there are sizes instead.
  if (!scales && !sizes) {
    node.error("onnx-arity", "has neither 'scales' nor 'sizes'").note("give one of both");
    return {};
  }
  bool fits = sizes && policy != "stretch";
  if (fits || sampling.crops || sampling.antialias)
    return importByMatrices(node, axes, policy, sampling);
  return sizes ? resizeToSizes(node, axes, sizes, sampling)
               : resizeByScales(node, axes, node.constantNumbers(2), sampling);
}

void onnx_import::registerResizeOps(OpTable &ops) {
  ops.add("Resize", {10}, importResize10);
  ops.add("Resize", {11, 13, 18, 19}, importResize11);
  ops.add("Upsample", {7}, importUpsample7);
  ops.add("Upsample", {9}, importResize10);
}
