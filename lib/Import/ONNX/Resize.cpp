// lib/Import/ONNX/Resize.cpp: resampling.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Resize.h"
#include "Compose.h"
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
static Value resizeByScales(Node &node, Value x, llvm::ArrayRef<int64_t> axes, llvm::ArrayRef<double> scales,
                            const Sampling &sampling) {
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
  return node.create<graph::ResizeOp>(x, Value(), Value(), changed, factors, sampling.mode, sampling.coordinates,
                                      sampling.nearest, llvm::APFloat(sampling.cubic), sampling.excludeOutside);
}

static Value resizeToSizes(Node &node, llvm::ArrayRef<int64_t> axes, Value sizes, const Sampling &sampling) {
  Value x = node.input(0);
  if (node.failed())
    return {};
  if (node.rank(sizes) == 1)
    sizes = node.withLength(3, static_cast<int64_t>(axes.size()));
  std::optional<Dims> known = node.solver().contents(sizes);
  if (!known)
    return node.create<graph::ResizeOp>(x, sizes, Value(), axes, llvm::ArrayRef<double>(), sampling.mode,
                                        sampling.coordinates, sampling.nearest, llvm::APFloat(sampling.cubic),
                                        sampling.excludeOutside);
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
  return node.createTyped<graph::ResizeOp>(node.solver().type(result, node.element(x)), x, Value(), Value(), changed,
                                           llvm::ArrayRef<double>(), sampling.mode, sampling.coordinates,
                                           sampling.nearest, llvm::APFloat(sampling.cubic), sampling.excludeOutside);
}

/// A float input, one entry per axis, as f64; null after an error.
static Value readNumbers(Node &node, unsigned index, size_t count) {
  Value x = node.withLength(index, static_cast<int64_t>(count));
  if (node.failed() || node.rank(x) != 1 ||
      node.staticDim(x, 0, "'" + node.inputName(index).str() + "'") != static_cast<int64_t>(count)) {
    if (!node.failed())
      node.error("onnx-shape-mismatch", "'" + node.inputName(index) + "' has " +
                                            (node.rank(x) == 1 ? Twine(node.staticDim(x, 0, "")) + " elements"
                                                               : "rank " + Twine(node.rank(x))) +
                                            ", but a vector of " + Twine(count) + " is expected")
          .note("give one number for every axis");
    return {};
  }
  return node.cast(x, node.builder().getF64Type());
}

/// Entry `index` of a vector, as a scalar.
static Value pick(Node &node, Value vector, int64_t index) {
  Value one = node.create<graph::GatherOp>(vector, node.constant(llvm::ArrayRef<int64_t>(index)), int64_t(0));
  return node.reshape(one, {});
}

/// The number of elements that an f64 scalar says, at most what there may be.
static AffineExpr sizeOfNumber(Node &node, Value number, StringRef what) {
  Value most = node.scalar(node.element(number), static_cast<double>(graph::ShapeSolver::maxElements));
  Value limited = node.create<graph::MinOp>(number, most);
  return asSize(node, node.entry(node.cast(limited, node.builder().getI64Type()), what), what);
}

/// The size of `in` elements times `scale`, an f64 scalar that may be `known`.
static AffineExpr scaledSize(Node &node, AffineExpr in, Value scale, std::optional<double> known = {}) {
  auto fixed = mlir::dyn_cast<mlir::AffineConstantExpr>(in);
  if (known && fixed)
    return node.solver().constant(static_cast<int64_t>(std::floor(*known * static_cast<double>(fixed.getValue()))));
  Value wide = node.mul(node.cast(node.size(in), node.builder().getF64Type()), scale);
  Value whole = node.create<graph::FloorOp>(wide);
  // A fraction of a size may be one that is followed.
  if (!node.failed() && known)
    if (std::optional<Dims> size = node.solver().contents(node.cast(whole, node.builder().getI64Type())))
      return size->front();
  return sizeOfNumber(node, whole, "a size times its scale");
}

/// Makes the op for scales that are read when the program runs.
static Value resizeByFactors(Node &node, Value x, Value factors, llvm::ArrayRef<int64_t> axes,
                             const Sampling &sampling) {
  if (node.failed())
    return {};
  Dims result = node.dims(x);
  for (auto [i, axis] : llvm::enumerate(axes))
    result[axis] = scaledSize(node, result[axis], pick(node, factors, i));
  if (node.failed())
    return {};
  return node.createTyped<graph::ResizeOp>(node.solver().type(result, node.element(x)), x, Value(), factors, axes,
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
  StringRef linear = node.opType() == "Upsample" && node.version() == 1 ? "bilinear" : "linear";
  if (mode != "nearest" && mode != linear)
    return node.unsupported("mode", quoted(mode), "\"nearest\" and " + quoted(linear) + " are");
  if (mode == linear)
    sampling.mode = graph::ResizeMode::linear;
  if (mode == linear)
    return resizeByScales(node, node.input(0), allAxes(node), scales, sampling);
  // Rounded down where an axis grows and up where it shrinks, as other runtimes
  // do: each axis on its own.
  auto part = [&](bool grows) {
    return llvm::to_vector(llvm::map_range(scales, [=](double s) { return (s < 1) == grows ? 1 : s; }));
  };
  Value x = resizeByScales(node, node.input(0), allAxes(node), part(/*grows=*/true), sampling);
  sampling.nearest = graph::NearestMode::ceil;
  return resizeByScales(node, x, allAxes(node), part(/*grows=*/false), sampling);
}

/// Upsample does not shrink; that is Resize.
static Value importUpsample(Node &node, llvm::ArrayRef<double> scales) {
  for (double scale : scales)
    if (!node.failed() && scale < 1) {
      node.error("onnx-scale-range", "a scale is " + Twine(std::to_string(scale)) + ", but Upsample takes 1 or more")
          .note("use Resize, version 10 or later");
      return {};
    }
  return importScales(node, scales);
}

/// Scales that are read when the program runs, and round as known ones do: first
/// the axes that grow, then those that shrink.
static Value importReadScales(Node &node) {
  Sampling sampling;
  StringRef mode = node.string("mode");
  if (mode != "nearest" && mode != "linear")
    return node.unsupported("mode", quoted(mode), "\"nearest\" and \"linear\" are");
  SmallVector<int64_t> axes = allAxes(node);
  Value x = node.input(0), factors = readNumbers(node, 1, axes.size());
  if (node.failed())
    return {};
  if (mode == "linear") {
    sampling.mode = graph::ResizeMode::linear;
    return resizeByFactors(node, x, factors, axes, sampling);
  }
  if (node.opType() == "Upsample")
    return resizeByFactors(node, x, factors, axes, sampling);
  Value one = node.scalar(node.element(factors), 1);
  Value grown = resizeByFactors(node, x, node.create<graph::MaxOp>(factors, one), axes, sampling);
  sampling.nearest = graph::NearestMode::ceil;
  return resizeByFactors(node, grown, node.create<graph::MinOp>(factors, one), axes, sampling);
}

static Value importResize10(Node &node) {
  if (std::optional<SmallVector<double>> scales = node.knownNumbers(1))
    return importScales(node, *scales);
  return importReadScales(node);
}

/// Images, and the two scales as attributes.
static Value importUpsample1(Node &node) {
  double scales[] = {1, 1, node.number("height_scale"), node.number("width_scale")};
  if (!node.failed() && node.rank(node.input(0)) != 4)
    node.error("onnx-shape-mismatch",
               "'X' has rank " + Twine(node.rank(node.input(0))) + ", but images have rank 4 in this version")
        .note("reshape the input to [N, C, H, W]");
  if (node.failed())
    return {};
  return importUpsample(node, scales);
}

static Value importUpsample7(Node &node) { return importUpsample(node, node.numbers("scales")); }

static Value importUpsample9(Node &node) {
  if (std::optional<SmallVector<double>> scales = node.knownNumbers(1))
    return importUpsample(node, *scales);
  return importReadScales(node);
}

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

Value onnx_import::upsample(Node &node, Value x, llvm::ArrayRef<double> scales) {
  Sampling sampling;
  if (!readChoice(node, "mode", graph::symbolizeResizeMode, sampling.mode) ||
      !readChoice(node, "coordinate_transformation_mode", graph::symbolizeCoordinateMode, sampling.coordinates))
    return {};
  return resizeByScales(node, x, allAxes(node), scales, sampling);
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

/// The axes with sizes and scales from input 'sizes', under
/// 'keep_aspect_ratio_policy'.
static SmallVector<ResizedAxis> axesOfSizes(Node &node, llvm::ArrayRef<int64_t> axes, StringRef policy) {
  SmallVector<ResizedAxis> result;
  Dims sizes = node.entries(node.withLength(3, static_cast<int64_t>(axes.size())), "'sizes'");
  Dims dims = node.dims(node.input(0));
  if (!node.failed() && sizes.size() != axes.size())
    node.error("onnx-shape-mismatch",
               "'sizes' has " + Twine(sizes.size()) + " elements, but " + Twine(axes.size()) + " sizes are expected")
        .note("give one size for every axis");
  if (node.failed())
    return {};
  Type f64 = node.builder().getF64Type();
  auto number = [&](AffineExpr size) { return node.cast(node.size(size), f64); };
  /// The extreme of the ratios, and the sizes whose ratio it is.
  Value common, above, below;
  for (auto [axis, size] : llvm::zip(axes, sizes)) {
    size = asSize(node, size, "a size");
    Value in = number(node.solver().max(node.solver().constant(1), dims[axis]));
    auto to = mlir::dyn_cast<mlir::AffineConstantExpr>(size),
         from = mlir::dyn_cast<mlir::AffineConstantExpr>(dims[axis]);
    ResizedAxis resized{axis, size, {}, node.div(number(size), in), {}, {}};
    if (to && from)
      resized.known = static_cast<double>(to.getValue()) / static_cast<double>(std::max<int64_t>(from.getValue(), 1));
    result.push_back(resized);
    if (policy == "stretch")
      continue;
    if (!common) {
      common = resized.scale, above = number(size), below = in;
      continue;
    }
    Value isFirst = policy == "not_larger"
                        ? node.createAs<graph::LessEqualOp>(node.builder().getI1Type(), common, resized.scale)
                        : node.createAs<graph::GreaterEqualOp>(node.builder().getI1Type(), common, resized.scale);
    common = node.createAs<graph::SelectOp>(f64, isFirst, common, resized.scale);
    above = node.createAs<graph::SelectOp>(f64, isFirst, above, number(size));
    below = node.createAs<graph::SelectOp>(f64, isFirst, below, in);
  }
  if (policy == "stretch")
    return result;
  std::optional<double> known;
  if (llvm::all_of(result, [](const ResizedAxis &axis) { return axis.known.has_value(); }))
    for (const ResizedAxis &axis : result) {
      double scale = known.value_or(*axis.known);
      known = policy == "not_larger" ? std::min(scale, *axis.known) : std::max(scale, *axis.known);
    }
  for (ResizedAxis &axis : result) {
    axis.scale = known ? node.scalar(f64, *known) : common;
    axis.known = known;
    axis.above = above, axis.below = below;
    if (known) {
      double in = static_cast<double>(mlir::cast<mlir::AffineConstantExpr>(dims[axis.axis]).getValue());
      axis.size = node.solver().constant(static_cast<int64_t>(std::floor(*known * in + 0.5)));
      continue;
    }
    Value rounded = node.create<graph::FloorOp>(node.add(node.mul(common, number(dims[axis.axis])), 0.5));
    axis.size = sizeOfNumber(node, rounded, "a size that keeps the ratio");
  }
  return result;
}

/// The axes with sizes and scales from input 'scales'.
static SmallVector<ResizedAxis> axesOfScales(Node &node, llvm::ArrayRef<int64_t> axes) {
  SmallVector<ResizedAxis> result;
  Value scales = readNumbers(node, 2, axes.size());
  std::optional<SmallVector<double>> known = node.knownNumbers(2);
  Dims dims = node.dims(node.input(0));
  for (auto [i, axis] : llvm::enumerate(axes)) {
    if (node.failed())
      return {};
    if (known && (!((*known)[i] > 0) || (*known)[i] > 1e6)) {
      node.error("onnx-scale-range",
                 "a scale is " + Twine(std::to_string((*known)[i])) + ", but scales must be positive and at most 10^6")
          .note("correct the scale of dimension " + Twine(axis));
      return {};
    }
    std::optional<double> factor = known ? std::optional((*known)[i]) : std::nullopt;
    Value scale = factor ? node.scalar(node.builder().getF64Type(), *factor) : pick(node, scales, i);
    result.push_back({axis, scaledSize(node, dims[axis], scale, factor), factor, scale, {}, {}});
  }
  return result;
}

/// What graph.resize cannot express.
static Value importByMatrices(Node &node, llvm::ArrayRef<int64_t> axes, StringRef policy, const Sampling &sampling) {
  SmallVector<ResizedAxis> resized = node.input(3) ? axesOfSizes(node, axes, policy) : axesOfScales(node, axes);
  Dims dims = node.dims(node.input(0));
  // A dimension that stays as it is needs no matrix.
  auto isKept = [&](const ResizedAxis &axis) { return axis.known == 1.0 && axis.size == dims[axis.axis]; };
  if (!sampling.crops || node.failed()) {
    llvm::erase_if(resized, isKept);
    return resizeByMatrices(node, resized, sampling);
  }
  if (!node.input(1)) {
    node.error("onnx-arity", "has no 'roi', which \"tf_crop_and_resize\" needs").note("give starts, then ends");
    return {};
  }
  Value region = readNumbers(node, 1, 2 * axes.size());
  for (ResizedAxis &axis : resized) {
    int64_t i = llvm::find(axes, axis.axis) - axes.begin();
    axis.start = pick(node, region, i);
    axis.end = pick(node, region, i + static_cast<int64_t>(axes.size()));
  }
  if (std::optional<SmallVector<double>> known = node.knownNumbers(1))
    llvm::erase_if(resized, [&](const ResizedAxis &axis) {
      size_t i = llvm::find(axes, axis.axis) - axes.begin();
      return isKept(axis) && (*known)[i] == 0 && (*known)[i + axes.size()] == 1;
    });
  return resizeByMatrices(node, resized, sampling);
}

/// Sizes that keep the ratio: positions follow the common scale, a fraction of two sizes.
static Value importFitted(Node &node, llvm::ArrayRef<int64_t> axes, StringRef policy, const Sampling &sampling) {
  SmallVector<ResizedAxis> resized = axesOfSizes(node, axes, policy);
  if (node.failed() || resized.empty())
    return node.failed() ? Value() : node.input(0);
  Value x = node.input(0);
  Dims result = node.dims(x);
  for (const ResizedAxis &axis : resized)
    result[axis.axis] = axis.size;
  auto row = [&](Value size) {
    return node.broadcast(size, {node.solver().constant(1), node.solver().constant(static_cast<int64_t>(axes.size()))});
  };
  Value above = row(resized.front().above), below = row(resized.front().below);
  Value factors = node.createAs<graph::ConcatOp>(node.element(above), mlir::ValueRange{above, below}, int64_t(0));
  if (node.failed())
    return {};
  return node.createTyped<graph::ResizeOp>(node.solver().type(result, node.element(x)), x, Value(), factors, axes,
                                           llvm::ArrayRef<double>(), sampling.mode, sampling.coordinates,
                                           sampling.nearest, llvm::APFloat(sampling.cubic), sampling.excludeOutside);
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
  if (sampling.crops || sampling.antialias)
    return importByMatrices(node, axes, policy, sampling);
  if (sizes && policy != "stretch")
    return importFitted(node, axes, policy, sampling);
  if (sizes)
    return resizeToSizes(node, axes, sizes, sampling);
  if (std::optional<SmallVector<double>> known = node.knownNumbers(2))
    return resizeByScales(node, x, axes, *known, sampling);
  return resizeByFactors(node, x, readNumbers(node, 2, axes.size()), axes, sampling);
}

void onnx_import::registerResizeOps(OpTable &ops) {
  ops.add("Resize", {10}, importResize10);
  ops.add("Resize", {11, 13, 18, 19}, importResize11);
  ops.add("Upsample", {1}, importUpsample1);
  ops.add("Upsample", {7}, importUpsample7);
  ops.add("Upsample", {9}, importUpsample9);
}
