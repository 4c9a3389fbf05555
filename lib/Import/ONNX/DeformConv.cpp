// lib/Import/ONNX/DeformConv.cpp: convolutions whose windows take their elements
// from places that the model computes.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Import/Core/Node.h"
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
/// product of it.
class DeformConv {
public:
  explicit DeformConv(Node &node) : node(node), element(node.element(node.input(0))) {}
  Value import();

private:
  Node &node;
  Type element;
  Dims batch; ///< N, alone.
  int64_t channels = 0, filters = 0, offsetGroups = 1, groups = 1;
  int64_t in[2] = {}, out[2] = {}, kernel[2] = {};
  SmallVector<int64_t> strides, pads, dilations;

  AffineExpr fixed(int64_t value) { return node.solver().constant(value); }
  Value number(double value) { return node.scalar(element, value); }
  int64_t window() const { return kernel[0] * kernel[1]; }
  int64_t places() const { return out[0] * out[1]; }
  bool read();
  SmallVector<int64_t> list(StringRef name, size_t size, int64_t otherwise);
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

bool DeformConv::read() {
  for (auto [index, rank] : {std::pair(0u, 4), std::pair(1u, 4), std::pair(2u, 4), std::pair(3u, 1), std::pair(4u, 4)})
    if (Value x = node.input(index); x && !node.failed() && node.rank(x) != rank)
      node.error("onnx-shape-mismatch", "'" + node.inputName(index) + "' has rank " + Twine(node.rank(x)) + ", but " +
                                            Twine(rank) + " is supported")
          .note("images of two spatial dimensions are");
  if (node.failed())
    return false;
  Value x = node.input(0), filter = node.input(1), offset = node.input(2), mask = node.input(4);
  batch = {node.dims(x)[0]};
  channels = node.staticDim(x, 1, "DeformConv");
  filters = node.staticDim(filter, 0, "DeformConv");
  for (unsigned d = 0; d < 2; ++d) {
    in[d] = node.staticDim(x, 2 + d, "DeformConv");
    kernel[d] = node.staticDim(filter, 2 + d, "DeformConv");
  }
  node.ignore({"kernel_shape"}); // That of the filter.
  strides = list("strides", 2, 1), dilations = list("dilations", 2, 1), pads = list("pads", 4, 0);
  groups = node.integer("group"), offsetGroups = node.integer("offset_group");
  int64_t perGroup = node.staticDim(filter, 1, "DeformConv"), offsets = node.staticDim(offset, 1, "DeformConv");
  if (node.failed())
    return false;
  for (unsigned d = 0; d < 2; ++d) {
    int64_t steps = in[d] + pads[d] + pads[2 + d] - dilations[d] * (kernel[d] - 1) - 1;
    out[d] = steps < 0 ? 0 : steps / strides[d] + 1;
  }
  bool fits = groups > 0 && offsetGroups > 0 && channels == perGroup * groups && channels % offsetGroups == 0 &&
              filters % groups == 0 && offsets == 2 * offsetGroups * window() && window() > 0 && in[0] > 0 && in[1] > 0;
  for (unsigned d = 0; d < 2; ++d)
    fits &= out[d] > 0 && node.staticDim(offset, 2 + d, "DeformConv") == out[d] &&
            (!mask || node.staticDim(mask, 2 + d, "DeformConv") == out[d]);
  fits &= !mask || node.staticDim(mask, 1, "DeformConv") == offsetGroups * window();
  if (!node.failed() && !fits)
    node.error("onnx-shape-mismatch", "the filter of " + Twine(filters) + " x " + Twine(perGroup) + " x " +
                                          Twine(kernel[0]) + " x " + Twine(kernel[1]) + ", " + Twine(offsets) +
                                          " channels of offsets, the mask, " + Twine(groups) + " groups or " +
                                          Twine(offsetGroups) + " groups of offsets do not fit " + Twine(channels) +
                                          " channels of " + Twine(in[0]) + " x " + Twine(in[1]) + ", which make " +
                                          Twine(out[0]) + " x " + Twine(out[1]) + " windows")
        .note("there are two offsets and one mask for each element of a window and each group of offsets");
  return !node.failed();
}

/// Where the elements of the windows are along a spatial dimension.
Value DeformConv::place(unsigned axis, Value offsets) {
  SmallVector<double> inWindow;
  for (int64_t ky = 0; ky < kernel[0]; ++ky)
    for (int64_t kx = 0; kx < kernel[1]; ++kx)
      inWindow.push_back(static_cast<double>((axis ? kx : ky) * dilations[axis] - pads[axis]));
  auto type = mlir::RankedTensorType::get({window(), 1, 1}, node.builder().getF64Type());
  Value first = node.cast(node.constant(mlir::DenseElementsAttr::get(type, ArrayRef<double>(inWindow))), element);
  if (node.failed())
    return {};
  // Rows count up the dimension before the last, columns the last.
  Dims line = {fixed(axis ? 1 : out[0]), fixed(axis ? out[1] : 1)};
  Value count = node.createTyped<graph::IotaOp>(node.solver().type(line, node.builder().getI64Type()), int64_t(axis));
  Value start = node.add(first, node.mul(node.cast(count, element), static_cast<double>(strides[axis])));
  Value part = node.create<graph::GatherOp>(offsets, node.scalar(node.builder().getI64Type(), axis), int64_t(3));
  Dims flat = {batch[0], fixed(offsetGroups), fixed(window()), fixed(places())}, planes = flat;
  planes[3] = fixed(out[0]);
  planes.push_back(fixed(out[1]));
  return byPlaces(node.reshape(node.add(node.reshape(part, planes), start), flat));
}

/// [N, groups of offsets, K, P] in the order of places.
Value DeformConv::byPlaces(Value planes) { return node.transpose(planes, {0, 3, 2, 1}); }

/// The number of the first row of each image and group of offsets.
Value DeformConv::firstRows() {
  Type i64 = node.builder().getI64Type();
  AffineExpr one = fixed(1);
  auto count = [&](const Dims &dims, int64_t axis) {
    return node.createTyped<graph::IotaOp>(node.solver().type(dims, i64), axis);
  };
  Value image = node.mul(count({batch[0], one, one, one}, 0), static_cast<double>(offsetGroups));
  Value group = node.add(image, count({one, one, one, fixed(offsetGroups)}, 3));
  return node.mul(group, static_cast<double>(in[0] * in[1]));
}

/// What lies at whole places, and 0 outside of the image, times `weight`.
Value DeformConv::corner(Value image, Value rows, Value y, Value x, Value weight) {
  Type i1 = node.builder().getI1Type(), i64 = node.builder().getI64Type();
  Value isOutside, index;
  for (auto [axis, at] : {std::pair(0, y), std::pair(1, x)}) {
    Value last = number(static_cast<double>(in[axis] - 1));
    Value isBefore = node.createAs<graph::LessOp>(i1, at, number(0)),
          isBehind = node.createAs<graph::LessOp>(i1, last, at);
    Value isOut = node.create<graph::OrOp>(isBefore, isBehind);
    isOutside = isOutside ? node.create<graph::OrOp>(isOutside, isOut) : isOut;
    // A place that is no number is nowhere.
    Value isNone = node.create<graph::NotOp>(node.createAs<graph::EqualOp>(i1, at, at));
    isOutside = node.create<graph::OrOp>(isOutside, isNone);
    Value near = node.create<graph::MinOp>(node.create<graph::MaxOp>(at, number(0)), last);
    near = node.cast(node.createAs<graph::SelectOp>(element, isNone, number(0), near), i64);
    index = index ? node.add(node.mul(index, node.scalar(i64, static_cast<double>(in[1]))), near) : near;
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
  AffineExpr n = batch[0], count = fixed(places()), k = fixed(window()), depth = fixed(channels / groups * window());
  AffineExpr split = fixed(groups), inputs = fixed(channels / groups), outputs = fixed(filters / groups);
  Value filter = node.transpose(node.reshape(node.input(1), {split, outputs, inputs, k}), {0, 3, 2, 1}), y;
  if (groups == 1) {
    filter = node.reshape(filter, {depth, outputs});
    y = node.create<graph::MatmulOp>(node.reshape(taken, {n, count, depth}), filter);
    y = node.transpose(y, {0, 2, 1});
  } else {
    taken = node.transpose(node.reshape(taken, {n, count, k, split, inputs}), {0, 3, 1, 2, 4});
    filter = node.reshape(filter, {fixed(1), split, depth, outputs});
    y = node.create<graph::MatmulOp>(node.reshape(taken, {n, split, count, depth}), filter);
    y = node.transpose(y, {0, 1, 3, 2});
  }
  return node.reshape(y, {n, fixed(filters), fixed(out[0]), fixed(out[1])});
}

Value DeformConv::import() {
  if (!read())
    return {};
  AffineExpr n = batch[0], planes = fixed(in[0] * in[1]), count = fixed(places());
  AffineExpr split = fixed(offsetGroups), each = fixed(channels / offsetGroups);
  Value image = node.transpose(node.reshape(node.input(0), {n, split, each, planes}), {0, 1, 3, 2});
  image = node.reshape(image, {n * (offsetGroups * in[0] * in[1]), each});
  Value offsets = node.reshape(node.input(2), {n, split, fixed(window()), fixed(2), count});
  Value taken = sample(image, place(0, offsets), place(1, offsets));
  if (Value mask = node.input(4))
    taken = node.mul(taken, node.unsqueeze(byPlaces(node.reshape(mask, {n, split, fixed(window()), count})), {4}));
  Value y = multiply(taken);
  return node.input(3) ? node.add(y, node.channels(node.input(3), y)) : y;
}

static Value importDeformConv(Node &node) { return DeformConv(node).import(); }

void onnx_import::registerDeformConv(OpTable &ops) { ops.add("DeformConv", {19, 22}, importDeformConv); }
