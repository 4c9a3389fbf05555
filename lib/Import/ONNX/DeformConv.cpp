// lib/Import/ONNX/DeformConv.cpp: convolutions whose windows take their elements
// from places that the model computes.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compose.h"
#include "OpTable.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;
using mlir::AffineExpr;

namespace {

/// Images are rows of the channels of a group of offsets, one for each of H W pixels, so that what is taken from a
/// place lies side by side. Windows have K elements, and there are P of them. Places are tensors
/// [N, P, K, groups of offsets]; what is taken there has the channels of the group behind, which makes rows of a
/// product of it. All sizes but the numbers of groups may be open.
class DeformConv {
public:
  explicit DeformConv(Node &node) : node(node), element(node.element(node.input(0))), one(fixed(1)) {}
  Value import();

private:
  Node &node;
  Type element, i64 = node.builder().getI64Type();
  AffineExpr one, batch, channels, filters;
  int64_t offsetGroups = 1, groups = 1;
  AffineExpr in[2], out[2], kernel[2];
  AffineExpr window, places, perGroup, perOffset; ///< K, P, and the channels of a group.
  SmallVector<int64_t> strides, pads, dilations;

  AffineExpr fixed(int64_t value) { return node.solver().constant(value); }
  AffineExpr times(AffineExpr a, AffineExpr b) { return node.solver().product({a, b}); }
  Value number(double value) { return node.scalar(element, value); }
  Value iota(const Dims &dims, int64_t axis) {
    return node.createTyped<graph::IotaOp>(node.solver().type(dims, i64), axis);
  }
  bool hasRanks();
  bool read();
  bool sizesFit();
  SmallVector<int64_t> list(StringRef name, size_t size, int64_t otherwise);
  Value inWindow(unsigned axis);
  Value place(unsigned axis, Value offsets);
  Value byPlaces(Value planes);
  Value firstRows();
  Value corner(Value image, Value rows, Value y, Value x, Value weight);
  Value sample(Value image, Value y, Value x);
  Value multiply(Value taken);
};

} // namespace

SmallVector<int64_t> DeformConv::list(StringRef name, size_t size, int64_t otherwise) {
  SmallVector<int64_t> result = node.integers(name);
  if (result.empty())
    result.assign(size, otherwise);
  constexpr int64_t most = (1 << 20) - 1;
  bool isGood = result.size() == size && llvm::all_of(result, [&](int64_t v) { return v >= otherwise && v <= most; });
  if (!isGood && !node.failed())
    node.error("onnx-window-attribute",
               "'" + name + "' is [" +
                   llvm::join(llvm::map_range(result, [](int64_t v) { return std::to_string(v); }), ", ") + "], but " +
                   Twine(size) + " entries from " + Twine(otherwise) + " to " + Twine(most) + " are expected")
        .note("there must be one entry per spatial dimension, two of 'pads'");
  result.resize(size, 1);
  return result;
}

bool DeformConv::hasRanks() {
  for (auto [index, rank] : {std::pair(0u, 4), std::pair(1u, 4), std::pair(2u, 4), std::pair(3u, 1), std::pair(4u, 4)})
    if (Value x = node.input(index); x && !node.failed() && node.rank(x) != rank)
      node.error("onnx-shape-mismatch", "'" + node.inputName(index) + "' has rank " + Twine(node.rank(x)) + ", but " +
                                            Twine(rank) + " is supported")
          .note("images of two spatial dimensions are");
  return !node.failed();
}

bool DeformConv::read() {
  if (!hasRanks())
    return false;
  node.ignore({"kernel_shape"}); // That of the filter.
  strides = list("strides", 2, 1), dilations = list("dilations", 2, 1), pads = list("pads", 4, 0);
  groups = node.positiveCount("group"), offsetGroups = node.positiveCount("offset_group");
  if (node.failed())
    return false;
  Dims image = node.dims(node.input(0)), filter = node.dims(node.input(1)), offset = node.dims(node.input(2));
  batch = image[0], channels = image[1], filters = filter[0], perGroup = filter[1];
  for (unsigned d = 0; d < 2; ++d)
    in[d] = image[2 + d], kernel[d] = filter[2 + d], out[d] = offset[2 + d];
  graph::ShapeSolver &solver = node.solver();
  perOffset = solver.simplify(channels.floorDiv(offsetGroups));
  window = times(kernel[0], kernel[1]), places = times(out[0], out[1]);
  return sizesFit();
}

/// There are two offsets and one mask for each element of a window and each group of offsets.
bool DeformConv::sizesFit() {
  graph::ShapeSolver &solver = node.solver();
  AffineExpr elements = solver.simplify(window * offsetGroups);
  Dims offset = node.dims(node.input(2));
  node.check({}, offset[0], batch, "the images of 'offset' and those of 'X'");
  node.check({}, channels, solver.simplify(perGroup * groups), "the channels of 'X' and those that 'W' takes");
  node.check({}, channels, solver.simplify(perOffset * offsetGroups), "the channels of 'X' and 'offset_group' of them");
  node.check({}, filters, solver.simplify(filters.floorDiv(groups) * groups), "the filters and 'group' of them");
  node.check({}, offset[1], solver.simplify(elements * 2), "the channels of 'offset' and two for each place");
  for (unsigned d = 0; d < 2 && !node.failed(); ++d) {
    node.require(in[d], one, "images must have elements");
    node.require(kernel[d], one, "a filter must have elements");
    AffineExpr padded = in[d] + pads[d] + pads[2 + d], span = (kernel[d] - 1) * dilations[d] + 1;
    AffineExpr windows = solver.simplify((padded - span).floorDiv(strides[d]) + 1);
    node.check({}, out[d], windows, "a spatial dimension of 'offset' and that of the result");
  }
  if (Value mask = node.input(4); mask && !node.failed()) {
    Dims dims = node.dims(mask);
    node.check({}, dims[0], batch, "the images of 'mask' and those of 'X'");
    node.check({}, dims[1], elements, "the channels of 'mask' and one for each place");
    for (unsigned d = 0; d < 2; ++d)
      node.check({}, dims[2 + d], out[d], "a spatial dimension of 'mask' and that of 'offset'");
  }
  return !node.failed();
}

/// Where the elements of a window are along a spatial dimension, from where it begins, padding aside: [K, 1, 1].
Value DeformConv::inWindow(unsigned axis) {
  auto high = mlir::dyn_cast<mlir::AffineConstantExpr>(kernel[0]);
  auto wide = mlir::dyn_cast<mlir::AffineConstantExpr>(kernel[1]);
  if (!high || !wide) {
    Value at = node.reshape(iota({kernel[0], kernel[1]}, axis), {window, one, one});
    at = node.mul(at, static_cast<double>(dilations[axis]));
    return node.cast(node.add(at, static_cast<double>(-pads[axis])), element);
  }
  SmallVector<double> places;
  for (int64_t ky = 0; ky < high.getValue(); ++ky)
    for (int64_t kx = 0; kx < wide.getValue(); ++kx)
      places.push_back(static_cast<double>((axis ? kx : ky) * dilations[axis] - pads[axis]));
  auto type = mlir::RankedTensorType::get({static_cast<int64_t>(places.size()), 1, 1}, node.builder().getF64Type());
  return node.cast(node.constant(mlir::DenseElementsAttr::get(type, ArrayRef<double>(places))), element);
}

/// Where the elements of the windows are along a spatial dimension.
Value DeformConv::place(unsigned axis, Value offsets) {
  Value first = inWindow(axis);
  if (node.failed())
    return {};
  // Rows count up the dimension before the last, columns the last.
  Value count = iota({axis ? one : out[0], axis ? out[1] : one}, axis);
  Value start = node.add(first, node.mul(node.cast(count, element), static_cast<double>(strides[axis])));
  Value part = node.create<graph::GatherOp>(offsets, node.scalar(i64, axis), int64_t(3));
  AffineExpr split = fixed(offsetGroups);
  Value planes = node.add(node.reshape(part, {batch, split, window, out[0], out[1]}), start);
  return byPlaces(node.reshape(planes, {batch, split, window, places}));
}

/// [N, groups of offsets, K, P] in the order of places.
Value DeformConv::byPlaces(Value planes) { return node.transpose(planes, {0, 3, 2, 1}); }

/// The number of the first row of each image and group of offsets.
Value DeformConv::firstRows() {
  Value image = node.mul(iota({batch, one, one, one}, 0), static_cast<double>(offsetGroups));
  Value group = node.add(image, iota({one, one, one, fixed(offsetGroups)}, 3));
  return node.mul(group, node.size(times(in[0], in[1])));
}

/// What lies at whole places, and 0 outside of the image, times `weight`.
Value DeformConv::corner(Value image, Value rows, Value y, Value x, Value weight) {
  Type i1 = node.builder().getI1Type();
  Value isOutside, index;
  for (auto [axis, at] : {std::pair(0, y), std::pair(1, x)}) {
    Value last = node.cast(node.size(node.solver().simplify(in[axis] - 1)), element);
    Value isBefore = node.createAs<graph::LessOp>(i1, at, number(0)),
          isBehind = node.createAs<graph::LessOp>(i1, last, at);
    Value isOut = node.create<graph::OrOp>(isBefore, isBehind);
    isOutside = isOutside ? node.create<graph::OrOp>(isOutside, isOut) : isOut;
    // A place that is no number is nowhere.
    Value isNone = node.create<graph::NotOp>(node.createAs<graph::EqualOp>(i1, at, at));
    isOutside = node.create<graph::OrOp>(isOutside, isNone);
    Value near = node.create<graph::MinOp>(node.create<graph::MaxOp>(at, number(0)), last);
    near = node.cast(node.createAs<graph::SelectOp>(element, isNone, number(0), near), i64);
    index = index ? node.add(node.mul(index, node.size(in[1])), near) : near;
  }
  weight = node.createAs<graph::SelectOp>(element, isOutside, number(0), weight);
  Value taken = node.create<graph::GatherOp>(image, node.add(rows, index), int64_t(0));
  return node.mul(taken, node.unsqueeze(weight, {4}));
}

Value DeformConv::sample(Value image, Value y, Value x) {
  Value y0 = node.create<graph::FloorOp>(y), x0 = node.create<graph::FloorOp>(x), sum;
  Value rows = firstRows(), fy = node.sub(y, y0), fx = node.sub(x, x0);
  for (int64_t dy = 0; dy < 2; ++dy)
    for (int64_t dx = 0; dx < 2; ++dx) {
      Value wy = dy ? fy : node.sub(number(1), fy), wx = dx ? fx : node.sub(number(1), fx);
      Value part = corner(image, rows, node.add(y0, double(dy)), node.add(x0, double(dx)), node.mul(wy, wx));
      sum = sum ? node.add(sum, part) : part;
    }
  return sum;
}

/// The products of what was taken, [N, P, K, groups of offsets, channels of one], with the filters.
Value DeformConv::multiply(Value taken) {
  graph::ShapeSolver &solver = node.solver();
  AffineExpr depth = times(perGroup, window), split = fixed(groups);
  AffineExpr outputs = solver.simplify(filters.floorDiv(groups));
  Value filter = node.transpose(node.reshape(node.input(1), {split, outputs, perGroup, window}), {0, 3, 2, 1}), y;
  if (groups == 1) {
    filter = node.reshape(filter, {depth, outputs});
    y = node.create<graph::MatmulOp>(node.reshape(taken, {batch, places, depth}), filter);
    y = node.transpose(y, {0, 2, 1});
  } else {
    Value grouped = node.reshape(taken, {batch, places, window, split, perGroup});
    grouped = node.reshape(node.transpose(grouped, {0, 3, 1, 2, 4}), {batch, split, places, depth});
    y = node.create<graph::MatmulOp>(grouped, node.reshape(filter, {one, split, depth, outputs}));
    y = node.transpose(y, {0, 1, 3, 2});
  }
  return node.reshape(y, {batch, filters, out[0], out[1]});
}

Value DeformConv::import() {
  if (!read())
    return {};
  AffineExpr planes = times(in[0], in[1]), split = fixed(offsetGroups);
  Value image = node.transpose(node.reshape(node.input(0), {batch, split, perOffset, planes}), {0, 1, 3, 2});
  image = node.reshape(image, {node.solver().product({batch, split, planes}), perOffset});
  Value offsets = node.reshape(node.input(2), {batch, split, window, fixed(2), places});
  Value taken = sample(image, place(0, offsets), place(1, offsets));
  if (Value mask = node.input(4); mask && !node.failed())
    taken = node.mul(taken, node.unsqueeze(byPlaces(node.reshape(mask, {batch, split, window, places})), {4}));
  Value y = multiply(taken);
  return node.input(3) ? node.add(y, node.channels(node.input(3), y)) : y;
}

static Value importDeformConv(Node &node) { return DeformConv(node).import(); }

void onnx_import::registerDeformConv(OpTable &ops) { ops.add("DeformConv", {19, 22}, importDeformConv); }
