// lib/Import/ONNX/RegionPooling.cpp: the largest elements of parts of regions of
// an image.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Loops.h"
#include "OpTable.h"

#include <limits>

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::SmallVector;
using llvm::Twine;
using mlir::AffineExpr;

namespace {

/// MaxRoiPool, one region after the other: rows of an image become parts of the
/// region's width, then columns parts of its height.
class RegionPool {
public:
  explicit RegionPool(Node &node)
      : node(node), element(node.element(node.input(0))), i64(node.builder().getI64Type()),
        i1(node.builder().getI1Type()) {}
  Value import();

private:
  Node &node;
  Type element, i64, i1;
  Value image, regions;
  double scale = 1;
  SmallVector<int64_t> pooled;

  bool read();
  AffineExpr fixed(int64_t value) { return node.solver().constant(value); }
  Value number(double value) { return node.scalar(element, value); }
  Value component(Value region, int64_t index) {
    return node.create<graph::GatherOp>(region, node.scalar(i64, static_cast<double>(index)), int64_t(0));
  }
  Value place(Value region, int64_t index);
  Value positions(AffineExpr count);
  Value isInPart(Value region, unsigned axis, Value &isEmpty);
  Value maximum(Value x, Value mask, int64_t axis);
  std::optional<Turn> pool(Value region);
};

} // namespace

bool RegionPool::read() {
  pooled = node.integers("pooled_shape");
  scale = node.number("spatial_scale");
  image = node.input(0), regions = node.input(1);
  if (node.failed())
    return false;
  if (node.rank(image) != 4 || node.rank(regions) != 2)
    node.error("onnx-shape-mismatch", "'X' has rank " + Twine(node.rank(image)) + " and 'rois' rank " +
                                          Twine(node.rank(regions)) + ", but 4 and 2 are expected")
        .note("give images [N, C, H, W] and regions [count, 5]");
  else if (pooled.size() != 2 || pooled[0] < 1 || pooled[1] < 1)
    node.error("onnx-window-attribute", "'pooled_shape' does not have 2 entries from 1 on")
        .note("give a height and a width");
  if (node.failed())
    return false;
  node.check(node.size(node.dims(regions)[1]), node.dims(regions)[1], fixed(5), "numbers of a region and 5");
  return !node.failed();
}

/// A coordinate of a region in elements of the image, with halves away from 0.
Value RegionPool::place(Value region, int64_t index) {
  Value x = node.mul(component(region, index), scale);
  Value size = node.create<graph::FloorOp>(node.add(node.create<graph::AbsOp>(x), 0.5));
  return node.mul(size, node.create<graph::SignOp>(x));
}

/// 0, 1, 2 ... as numbers of the images' type.
Value RegionPool::positions(AffineExpr count) {
  if (node.failed())
    return {};
  return node.cast(node.createTyped<graph::IotaOp>(node.solver().type({count}, i64), int64_t(0)), element);
}

/// Which elements along `axis`, 0 for rows, are in which part: [parts, elements].
/// `isEmpty` tells of each part whether it has none.
Value RegionPool::isInPart(Value region, unsigned axis, Value &isEmpty) {
  // A region is its image, x1, y1, x2, y2.
  Value begin = place(region, axis ? 1 : 2), end = place(region, axis ? 3 : 4);
  Value size = node.create<graph::MaxOp>(node.add(node.sub(end, begin), 1), number(1));
  Value step = node.div(size, static_cast<double>(pooled[axis]));
  Value part = positions(fixed(pooled[axis]));
  AffineExpr extent = node.failed() ? fixed(0) : node.dims(image)[2 + axis];
  Value last = node.cast(node.size(extent), element);
  auto clamp = [&](Value x) { return node.create<graph::MinOp>(node.create<graph::MaxOp>(x, number(0)), last); };
  Value low = clamp(node.add(node.create<graph::FloorOp>(node.mul(part, step)), begin));
  Value high = clamp(node.add(node.create<graph::CeilOp>(node.mul(node.add(part, 1), step)), begin));
  isEmpty = node.createAs<graph::LessEqualOp>(i1, high, low);
  Value at = positions(extent);
  return node.create<graph::AndOp>(node.createAs<graph::LessEqualOp>(i1, node.unsqueeze(low, {1}), at),
                                   node.createAs<graph::LessOp>(i1, at, node.unsqueeze(high, {1})));
}

Value RegionPool::maximum(Value x, Value mask, int64_t axis) {
  Value none = number(-std::numeric_limits<double>::infinity());
  return node.reduce(graph::ReduceKind::max, node.createAs<graph::SelectOp>(element, mask, x, none), {axis},
                     /*keepDims=*/false);
}

std::optional<Turn> RegionPool::pool(Value region) {
  Value index = node.cast(component(region, 0), i64);
  Value x = node.create<graph::GatherOp>(image, index, int64_t(0)); // [C, H, W]
  Value emptyRows, emptyColumns;
  Value rows = isInPart(region, 0, emptyRows), columns = isInPart(region, 1, emptyColumns);
  Value wide = maximum(node.unsqueeze(x, {2}), columns, 3);                               // [C, H, parts]
  Value y = maximum(node.unsqueeze(wide, {1}), node.unsqueeze(rows, {2}), 2);             // [C, parts, parts]
  Value isEmpty = node.create<graph::OrOp>(node.unsqueeze(emptyRows, {1}), emptyColumns); // [parts, parts]
  y = node.createAs<graph::SelectOp>(element, isEmpty, number(0), y);
  if (node.failed())
    return std::nullopt;
  return Turn{{}, {}, {y}};
}

Value RegionPool::import() {
  if (!read())
    return {};
  Value count = node.size(node.dims(regions)[0]);
  graph::LoopOp loop = makeLoop(node, count, {}, {}, 1, [&](Value index, mlir::ValueRange) {
    return pool(node.create<graph::GatherOp>(regions, index, int64_t(0)));
  });
  return loop ? loop.getResult(0) : Value();
}

static Value importMaxRoiPool(Node &node) { return RegionPool(node).import(); }

void onnx_import::registerRegionPooling(OpTable &ops) { ops.add("MaxRoiPool", {1, 22}, importMaxRoiPool); }
