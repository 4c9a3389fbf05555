// lib/Import/ONNX/RoiAlign.cpp: regions of images in bins, each of which is the mean or the largest of its samples.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ImageRegions.h"
#include "Import/Core/Axes.h"

#include <limits>

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::StringRef;
using llvm::Twine;
using mlir::AffineExpr;

namespace {

/// The samples of RoiAlign along one dimension, [regions, samples].
struct Samples {
  Value low, high;       ///< Neighbours, i64.
  Value lowPart, hiPart; ///< Their weights; both 0 outside of the image.
  Value isSample;        ///< False behind the last one of a bin; null if all are.
  Value count;           ///< Of one bin, [regions, 1]; null if it is `ratio`.
  AffineExpr perBin;     ///< The most of them in a bin.
};

/// RoiAlign. Shapes inside are [regions, rows of samples, columns of samples,
/// channels]. Without a fixed number of samples per bin, each region has as many
/// as its bins have elements, rounded up: all are computed as often as the
/// largest one needs, and what is too much does not count.
class RegionSampler {
public:
  explicit RegionSampler(Node &node)
      : node(node), images(node), i64(node.builder().getI64Type()), i1(node.builder().getI1Type()) {}
  Value import();

private:
  Node &node;
  ImageRegions images;
  Type i64, i1, element;
  double spatialScale = 1;
  bool halfPixel = false, isMax = false;
  int64_t height = 0, width = 0, ratio = 0;

  bool readAttributes();
  void requireSizes(Value count);
  Samples sample(int64_t first, int64_t bins, AffineExpr size);
  Value combineSamples(const Samples &rows, const Samples &columns);
  Value combineBins(Value y, const Samples &rows, const Samples &columns);
};

} // namespace

/// Requires each number of samples to be one: NaN and infinite regions have none.
void RegionSampler::requireSizes(Value count) {
  Value most = node.scalar(element, static_cast<double>(graph::ShapeSolver::maxElements));
  Value isSize = node.cast(node.createAs<graph::LessEqualOp>(i1, count, most), i64);
  Value areSizes = node.reduce(graph::ReduceKind::min, isSize, {0, 1}, /*keepDims=*/false);
  if (!node.failed())
    node.require(node.entry(areSizes, "whether regions are finite"), node.solver().constant(1),
                 "the regions of '" + node.inputName(1) + "' must be finite and of a size that can be sampled");
}

/// Samples between coordinates `first` and `first + 2` of each region.
Samples RegionSampler::sample(int64_t first, int64_t bins, AffineExpr size) {
  auto scalar = [&](double value) { return node.scalar(element, value); };
  auto bound = [&](int64_t which) {
    return node.add(node.mul(images.coordinate(which), spatialScale), halfPixel ? -0.5 : 0);
  };
  Value begin = bound(first), extent = node.sub(bound(first + 2), begin);
  if (!halfPixel) // Malformed regions become one element.
    extent = node.create<graph::MaxOp>(extent, scalar(1));
  graph::ShapeSolver &solver = node.solver();
  AffineExpr one = solver.constant(1);
  Value count;
  AffineExpr perBin = solver.constant(ratio);
  if (ratio == 0) {
    count = node.create<graph::CeilOp>(node.div(extent, static_cast<double>(bins)));
    count = node.create<graph::MaxOp>(count, scalar(0));
    requireSizes(count);
    // Of no regions, and of such as have no size.
    Value most = node.reduce(graph::ReduceKind::max, count, {0, 1}, /*keepDims=*/false);
    most = node.cast(node.create<graph::MaxOp>(most, scalar(1)), i64);
    if (node.failed())
      return {};
    perBin = asSize(node, node.entry(most, "the number of samples"), "the number of samples");
  }
  auto iota = [&](int64_t axis) {
    Value x = node.createTyped<graph::IotaOp>(solver.type({one, solver.constant(bins), perBin}, i64), axis);
    // One dimension has to be there to be counted along; the others are broadcast by it.
    return node.cast(node.reshape(x, {one, solver.product({solver.constant(bins), perBin})}), element);
  };
  Value bin = iota(1), place = iota(2);
  Value within = node.div(node.add(place, 0.5), count ? node.create<graph::MaxOp>(count, scalar(1)) : scalar(ratio));
  Value at = node.add(begin, node.mul(node.div(extent, static_cast<double>(bins)), node.add(bin, within)));

  Value sizeOf = node.cast(node.size(size), element), last = node.add(sizeOf, -1);
  Value inside = node.create<graph::AndOp>(node.createAs<graph::GreaterEqualOp>(i1, at, scalar(-1)),
                                           node.createAs<graph::LessEqualOp>(i1, at, sizeOf));
  at = node.create<graph::MinOp>(node.create<graph::MaxOp>(at, scalar(0)), last);
  Value low = node.create<graph::FloorOp>(at), high = node.create<graph::MinOp>(node.add(low, 1), last);
  Value t = node.sub(at, low);
  Value isSample;
  if (count) {
    isSample = node.createAs<graph::LessOp>(i1, place, count);
    inside = node.create<graph::AndOp>(inside, isSample);
  }
  auto masked = [&](Value part) { return node.createAs<graph::SelectOp>(element, inside, part, scalar(0)); };
  return {
      node.cast(low, i64), node.cast(high, i64), masked(node.sub(scalar(1), t)), masked(t), isSample, count, perBin};
}

bool RegionSampler::readAttributes() {
  StringRef mode = node.string("mode");
  height = node.integer("output_height");
  width = node.integer("output_width");
  ratio = node.integer("sampling_ratio");
  spatialScale = node.number("spatial_scale");
  halfPixel = node.version() >= 16 && node.string("coordinate_transformation_mode") == "half_pixel";
  isMax = mode == "max";
  if (mode != "avg" && !isMax)
    return node.unsupported("mode", quoted(mode), "\"avg\" and \"max\" are"), false;
  if (ratio < 0)
    return node.unsupported("sampling_ratio", Twine(ratio), "0 or more is"), false;
  constexpr int64_t most = 4096;
  if (height < 1 || width < 1 || height > most || width > most || ratio > most)
    node.error("onnx-shape-mismatch", "the output is " + Twine(height) + " by " + Twine(width) + ", of " +
                                          Twine(ratio) + " samples a bin along each side")
        .note("sizes from 1 to " + Twine(most) + " and as many samples, or 0, are expected");
  return !node.failed();
}

/// The weighted elements at the four neighbours of all samples, summed up or the largest of them.
Value RegionSampler::combineSamples(const Samples &rows, const Samples &columns) {
  Value y;
  for (bool isHigh : {false, true})
    for (bool isRight : {false, true}) {
      Value found = images.gather(isHigh ? rows.high : rows.low, isRight ? columns.high : columns.low);
      Value weight = node.mul(node.unsqueeze(isHigh ? rows.hiPart : rows.lowPart, {2}),
                              node.unsqueeze(isRight ? columns.hiPart : columns.lowPart, {1}));
      Value part = node.mul(found, node.unsqueeze(weight, {3}));
      if (isMax)
        y = y ? node.create<graph::MaxOp>(y, part) : part;
      else
        y = y ? node.add(y, part) : part;
    }
  if (!rows.isSample || !isMax)
    return y;
  Value counts =
      node.create<graph::AndOp>(node.unsqueeze(rows.isSample, {2, 3}), node.unsqueeze(columns.isSample, {1, 3}));
  return node.createAs<graph::SelectOp>(element, counts, y,
                                        node.scalar(element, -std::numeric_limits<double>::infinity()));
}

/// The largest or the mean of the samples `y` of each bin.
Value RegionSampler::combineBins(Value y, const Samples &rows, const Samples &columns) {
  auto constant = [&](int64_t value) { return node.solver().constant(value); };
  y = node.reshape(y, {node.dims(y)[0], constant(height), rows.perBin, constant(width), columns.perBin,
                       node.dims(node.input(0))[1]});
  bool isSum = !isMax && rows.count;
  auto kind = isMax ? graph::ReduceKind::max : isSum ? graph::ReduceKind::sum : graph::ReduceKind::mean;
  y = node.reduce(kind, y, {2, 4}, /*keepDims=*/false);
  if (!rows.count)
    return y;
  Value all = node.unsqueeze(node.mul(rows.count, columns.count), {2, 3});
  if (isSum)
    return node.div(y, node.create<graph::MaxOp>(all, node.scalar(element, 1)));
  // Of a region without samples nothing is the largest.
  Value hasSamples = node.createAs<graph::GreaterOp>(i1, all, node.scalar(element, 0));
  return node.createAs<graph::SelectOp>(element, hasSamples, y, node.scalar(element, 0));
}

Value RegionSampler::import() {
  if (!readAttributes() || !images.read())
    return {};
  element = images.element();
  Dims dims = node.dims(node.input(0));
  Samples rows = sample(1, height, dims[2]), columns = sample(0, width, dims[3]);
  if (node.failed())
    return {};
  Value y = combineSamples(rows, columns);
  if (node.failed())
    return {};
  return images.finish(combineBins(y, rows, columns));
}

Value onnx_import::importRoiAlign(Node &node) { return RegionSampler(node).import(); }
