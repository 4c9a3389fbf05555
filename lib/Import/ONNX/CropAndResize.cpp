// lib/Import/ONNX/CropAndResize.cpp: com.microsoft.CropAndResize, regions of images
// brought to one size.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ImageRegions.h"
#include "Import/Core/Axes.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::StringRef;
using llvm::Twine;
using mlir::AffineExpr;

namespace {

/// Where the elements of the result lie in one dimension of an image, [regions, elements].
struct Places {
  Value low, high; ///< Neighbours inside of the image, i64.
  Value weight;    ///< Of the upper one; null where only the nearest is read.
  Value inside;    ///< Whether the place is in the image.
};

class Cropper {
public:
  explicit Cropper(Node &node)
      : node(node), images(node), i64(node.builder().getI64Type()), i1(node.builder().getI1Type()) {}
  Value import();

private:
  Node &node;
  ImageRegions images;
  Type i64, i1, element;
  bool isNearest = false;

  bool readMode();
  Value number(double value) { return node.scalar(element, value); }
  Value floor(Value x) { return node.create<graph::FloorOp>(x); }
  Places place(int64_t first, AffineExpr size, AffineExpr crop);
};

} // namespace

bool Cropper::readMode() {
  StringRef mode = node.string("mode");
  if (mode != "bilinear" && mode != "nearest")
    return node.unsupported("mode", quoted(mode), "\"bilinear\" and \"nearest\" are"), false;
  isNearest = mode == "nearest";
  return true;
}

/// Regions are y1, x1, y2, x2, as parts of the distance between the outer elements of an image; `first` is the first
/// coordinate of this dimension.
Places Cropper::place(int64_t first, AffineExpr size, AffineExpr crop) {
  Value begin = images.coordinate(first), end = images.coordinate(first + 2);
  Value last = node.add(node.cast(node.size(size), element), -1),
        steps = node.add(node.cast(node.size(crop), element), -1);
  Value at = node.cast(
      node.createTyped<graph::IotaOp>(node.solver().type({node.solver().constant(1), crop}, i64), int64_t(1)), element);
  // A single element is in the middle.
  Value isOne = node.createAs<graph::LessOp>(i1, steps, number(0.5));
  Value step = node.div(node.mul(node.sub(end, begin), last), node.create<graph::MaxOp>(steps, number(1)));
  Value x = node.createAs<graph::SelectOp>(element, isOne, node.mul(node.mul(node.add(begin, end), 0.5), last),
                                           node.add(node.mul(begin, last), node.mul(at, step)));
  Places result;
  result.inside = node.create<graph::AndOp>(node.createAs<graph::GreaterEqualOp>(i1, x, number(0)),
                                            node.createAs<graph::LessEqualOp>(i1, x, last));
  x = node.createAs<graph::SelectOp>(element, result.inside, x, number(0));
  Value low = floor(isNearest ? node.add(x, 0.5) : x);
  result.low = node.cast(low, i64);
  if (!isNearest) {
    result.weight = node.sub(x, low);
    result.high = node.cast(node.create<graph::CeilOp>(x), i64);
  }
  return result;
}

Value Cropper::import() {
  if (!readMode() || !images.read())
    return {};
  element = images.element();
  double outside = node.number("extrapolation_value");
  Dims crop = node.entries(3);
  if (!node.failed() && crop.size() != 2)
    node.error("onnx-shape-mismatch", "'crop_size' has " + Twine(crop.size()) + " elements, but 2 are expected")
        .note("give a height and a width");
  if (node.failed())
    return {};
  for (AffineExpr &size : crop)
    size = asSize(node, size, "a size in 'crop_size'");
  Dims dims = node.dims(node.input(0));
  Places rows = place(0, dims[2], crop[0]), columns = place(1, dims[3], crop[1]);
  auto mix = [&](Value a, Value b, Value weight) { return node.add(a, node.mul(node.sub(b, a), weight)); };
  auto alongRow = [&](Value row) {
    Value left = images.gather(row, columns.low);
    return isNearest ? left : mix(left, images.gather(row, columns.high), node.unsqueeze(columns.weight, {1, 3}));
  };
  Value y = alongRow(rows.low);
  if (!isNearest)
    y = mix(y, alongRow(rows.high), node.unsqueeze(rows.weight, {2, 3}));
  Value inside = node.create<graph::AndOp>(node.unsqueeze(rows.inside, {2, 3}), node.unsqueeze(columns.inside, {1, 3}));
  y = node.createAs<graph::SelectOp>(element, inside, y, number(outside));
  return images.finish(y);
}

static Value importCropAndResize(Node &node) { return Cropper(node).import(); }

void onnx_import::registerCropAndResize(OpTable &ops) {
  ops.add({"com.microsoft", "CropAndResize"}, {1}, importCropAndResize);
}
