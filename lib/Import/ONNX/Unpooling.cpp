// lib/Import/ONNX/Unpooling.cpp: where the maxima of windows were, and
// operators that put windows back together.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ElementType.h"
#include "Import/Core/Axes.h"
#include "OpTable.h"
#include "Window.h"

#include <limits>

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::FailureOr;
using llvm::SmallVector;
using llvm::Twine;
using mlir::AffineExpr;

/// Windows of more elements are damage: each becomes an op.
static constexpr int64_t maxWindow = 4096;

/// The product of `values`, or -1 above `most`.
static int64_t boundedProduct(llvm::ArrayRef<int64_t> values, int64_t most) {
  int64_t product = 1;
  for (int64_t value : values)
    if (value < 0 || (value && product > most / value))
      return -1;
    else
      product *= value;
  return product;
}

Value onnx_import::padExplicitly(Node &node, Value x, Window &window, bool ceilMode, double fill) {
  if (node.failed())
    return {};
  graph::ShapeSolver &solver = node.solver();
  unsigned rank = window.rank();
  Dims dims = node.dims(x), amounts(2 * (rank + 2), solver.constant(0));
  for (unsigned i = 0; i < rank; ++i) {
    AffineExpr in = dims[i + 2];
    int64_t begin = window.pads[i], end = window.pads[rank + i];
    AffineExpr out =
        solver.windowed(in, window.kernel[i], window.strides[i], begin, end, window.dilations[i], ceilMode);
    AffineExpr reach = solver.simplify((out - 1) * window.strides[i] + window.span(i) - in - begin);
    amounts[i + 2] = solver.constant(begin);
    amounts[rank + 2 + i + 2] = solver.max(reach, solver.constant(end));
  }
  window.pads.assign(2 * rank, 0);
  auto attribute = graph::DimsAttr::get(node.builder().getContext(), solver.map(amounts));
  return node.create<graph::PadOp>(x, Value(), node.scalar(node.element(x), fill), graph::PadMode::constant, attribute);
}

Value onnx_import::makePoolIndices(Node &node, Value x, Value padded, Value y, Window window, bool ceilMode,
                                   bool columnMajor) {
  unsigned rank = window.rank();
  if (node.failed())
    return {};
  if (boundedProduct(window.kernel, maxWindow) < 0)
    return node.unsupported("kernel_shape", "more than " + Twine(maxWindow) + " elements with 'Indices'",
                            "smaller windows are");
  graph::ShapeSolver &solver = node.solver();
  Type i64 = node.builder().getI64Type(), i1 = node.builder().getI1Type();
  Dims in = node.dims(x), out = node.dims(y);
  AffineExpr one = solver.constant(1);
  Dims before = window.paddedBefore.empty() ? Dims(rank, solver.constant(0)) : window.paddedBefore;
  for (unsigned i = 0; i < rank; ++i)
    before[i] = solver.simplify(before[i] + window.pads[i]);
  padded = padExplicitly(node, padded, window, ceilMode, -std::numeric_limits<double>::infinity());

  // What one step in each dimension adds to the position in the whole tensor.
  SmallVector<Value> step(rank + 2);
  Dims spatial(in.begin() + 2, in.end());
  for (unsigned i = 0; i < rank; ++i)
    step[i + 2] = node.size(solver.product(columnMajor ? llvm::ArrayRef(spatial).take_front(i)
                                                       : llvm::ArrayRef(spatial).drop_front(i + 1)));
  step[1] = node.size(solver.product(spatial));
  step[0] = node.size(solver.product(llvm::ArrayRef(in).drop_front(1)));
  Value base;
  SmallVector<Value> start(rank);
  bool isPadded = node.dims(padded) != in;
  for (unsigned i = 0; i < rank + 2; ++i) {
    Dims along(rank + 2, one);
    along[i] = out[i];
    Value at = node.createTyped<graph::IotaOp>(solver.type(along, i64), int64_t(i));
    if (i >= 2)
      at = start[i - 2] = node.sub(node.mul(at, window.strides[i - 2]), node.size(before[i - 2]));
    at = node.mul(at, step[i]);
    base = base ? node.add(base, at) : at;
  }

  /// Whether the elements at `step` of all windows are elements of `x`; null if all are.
  auto isInside = [&](llvm::ArrayRef<int64_t> step) {
    Value result;
    for (unsigned i = 0; isPadded && i < rank; ++i) {
      Value at = node.add(start[i], static_cast<double>(step[i] * window.dilations[i]));
      Value notBefore = node.createAs<graph::GreaterEqualOp>(i1, at, node.scalar(i64, 0));
      Value notBehind = node.createAs<graph::LessOp>(i1, at, node.size(in[i + 2]));
      for (Value part : {notBefore, notBehind})
        result = result ? node.createAs<graph::AndOp>(i1, result, part) : part;
    }
    return result;
  };
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(2, rank + 2)), counter(rank, 0);
  // Where a candidate is padding: its distance from the input's start or end
  // says so, not its position in the whole tensor.
  Value best, where, bestIsInside;
  for (bool more = true; more && !node.failed();) {
    Dims offsets;
    Value offset = base;
    for (unsigned i = 0; i < rank; ++i) {
      int64_t distance = counter[i] * window.dilations[i];
      offsets.push_back(solver.constant(distance));
      if (distance)
        offset = node.add(offset, node.mul(step[i + 2], distance));
    }
    Value inside = isInside(counter);
    Value candidate = node.createTyped<graph::SliceOp>(
        solver.type(out, node.element(x)), padded, Value(), Value(), axes, window.strides,
        graph::DimsAttr::get(node.builder().getContext(), solver.map(offsets)));
    if (!best) {
      best = candidate;
      where = offset;
      bestIsInside = inside;
    } else {
      Value better = node.createAs<graph::GreaterOp>(i1, candidate, best);
      if (inside) {
        // Padding never wins, and any element wins over padding, as low as it is.
        Value first = node.createAs<graph::OrOp>(i1, better, node.createAs<graph::NotOp>(i1, bestIsInside));
        better = node.createAs<graph::AndOp>(i1, inside, first);
        bestIsInside = node.createAs<graph::OrOp>(i1, bestIsInside, inside);
      }
      where = node.createAs<graph::SelectOp>(i64, better, offset, where);
      best = node.createAs<graph::SelectOp>(node.element(x), better, candidate, best);
    }
    more = false;
    for (unsigned i = rank; i-- > 0 && !more;) {
      more = ++counter[i] < window.kernel[i];
      if (!more)
        counter[i] = 0;
    }
  }
  return node.broadcast(where, out);
}

/// Every element back to the place that an index into the whole output names;
/// zeros elsewhere.
static Value importMaxUnpool(Node &node) {
  Value x = node.input(0), indices = node.input(1);
  SmallVector<int64_t> kernel = node.integers("kernel_shape");
  FailureOr<Window> window = readWindow(node, x, kernel);
  if (failed(window))
    return {};
  graph::ShapeSolver &solver = node.solver();
  unsigned rank = window->rank();
  Dims dims = node.dims(x), shape = dims;
  for (unsigned i = 0; i < rank; ++i)
    shape[i + 2] = solver.simplify((dims[i + 2] - 1) * window->strides[i] + window->kernel[i] - window->pads[i] -
                                   window->pads[rank + i]);
  AffineExpr total = solver.product(shape), count = solver.product(dims);
  Type element = node.element(x);
  Value zeros = node.broadcast(node.scalar(element, 0), {total});
  Value flat = node.create<graph::ScatterElementsOp>(zeros, node.reshape(indices, {count}), node.reshape(x, {count}),
                                                     int64_t(0), graph::ScatterKind::none);
  Value y = node.reshape(flat, shape);
  if (!node.input(2) || node.failed())
    return y;
  // A larger output has more zeros behind.
  Dims wanted = node.entries(2);
  if (wanted.size() != shape.size()) {
    if (!node.failed())
      node.error("onnx-shape-mismatch",
                 "'output_shape' does not have one entry for each of the " + Twine(shape.size()) + " dimensions")
          .note("give the whole shape");
    return {};
  }
  Dims amounts(shape.size(), solver.constant(0));
  for (auto [size, given] : llvm::zip(shape, wanted))
    amounts.push_back(solver.simplify(given - size));
  return node.create<graph::PadOp>(y, Value(), Value(), graph::PadMode::constant,
                                   graph::DimsAttr::get(node.builder().getContext(), solver.map(amounts)));
}

namespace {

/// A Col2Im whose sizes are read when the program runs.
struct ReadBlocks {
  Dims image, block;
  SmallVector<int64_t> strides, dilations, pads;
};

} // namespace

/// Adds every element of every block to the place in the image that it comes
/// from; what comes from the padding goes to one more place behind.
static Value addBlocks(Node &node, ReadBlocks &read) {
  graph::ShapeSolver &solver = node.solver();
  AffineExpr one = solver.constant(1), zero = solver.constant(0);
  Type i64 = node.builder().getI64Type(), i1 = node.builder().getI1Type();
  size_t rank = read.image.size();
  Dims counts, grid;
  for (size_t i = 0; i < rank; ++i) {
    read.image[i] = asSize(node, read.image[i], "a size in 'image_shape'");
    node.require(read.block[i], one, "a size in 'block_shape' must be at least 1");
    read.block[i] = solver.max(one, read.block[i]);
    AffineExpr room = solver.simplify(read.image[i] + (read.pads[i] + read.pads[rank + i]) -
                                      (read.block[i] - 1) * read.dilations[i] - 1);
    node.require(room, zero, "the image must have room for a block");
    counts.push_back(solver.max(zero, solver.simplify(room.floorDiv(read.strides[i]) + 1)));
  }
  if (node.failed())
    return {};
  grid.append(read.block);
  grid.append(counts);
  auto along = [&](size_t dim) {
    Dims dims(2 * rank, one);
    dims[dim] = grid[dim];
    return node.createTyped<graph::IotaOp>(solver.type(dims, i64), static_cast<int64_t>(dim));
  };
  AffineExpr pixels = solver.product(read.image), size = solver.product(read.block), blocks = solver.product(counts);
  Value place, inside;
  for (size_t i = 0; i < rank; ++i) {
    Value at = node.add(node.mul(along(i), static_cast<double>(read.dilations[i])),
                        node.mul(along(rank + i), static_cast<double>(read.strides[i])));
    at = node.add(at, -static_cast<double>(read.pads[i]));
    Value isIn = node.create<graph::AndOp>(node.createAs<graph::GreaterEqualOp>(i1, at, node.scalar(i64, 0)),
                                           node.createAs<graph::LessOp>(i1, at, node.size(read.image[i])));
    place = place ? node.add(node.mul(place, node.size(read.image[i])), at) : at;
    inside = inside ? node.create<graph::AndOp>(inside, isIn) : isIn;
  }
  place = node.createAs<graph::SelectOp>(i64, inside, place, node.size(pixels));
  place = node.reshape(node.broadcast(place, grid), {solver.product({size, blocks}), one});
  Value x = node.input(0);
  Dims dims = node.dims(x);
  AffineExpr channels = dims[1].floorDiv(size), rows = solver.simplify(dims[0] * channels);
  Value updates = node.transpose(node.reshape(x, {rows, solver.product({size, blocks})}), {1, 0});
  Value sums = node.broadcast(node.scalar(node.element(x), 0), {solver.simplify(pixels + 1), rows});
  sums = node.create<graph::ScatterNdOp>(sums, place, updates, graph::ScatterKind::add);
  if (node.failed())
    return {};
  auto start = graph::DimsAttr::get(node.builder().getContext(), solver.map({zero}));
  Value y = node.createTyped<graph::SliceOp>(solver.type({pixels, rows}, node.element(x)), sums, Value(), Value(),
                                             llvm::ArrayRef<int64_t>(0), llvm::ArrayRef<int64_t>(1), start);
  Dims result = {dims[0], channels};
  result.append(read.image);
  y = node.reshape(node.transpose(y, {1, 0}), result);
  if (node.failed())
    return {};
  node.check(y, dims[1], solver.product({channels, size}), "the rows of 'input' and whole blocks");
  node.check(y, dims[2], blocks, "the number of blocks in 'input' and in the image");
  return y;
}

/// Blocks of an image added up where they overlap: a transposed convolution
/// whose filters each have a single one.
static Value importCol2Im(Node &node) {
  Value x = node.input(0);
  ReadBlocks given{node.entries(1), node.entries(2), {}, {}, {}};
  if (node.failed())
    return {};
  std::optional<SmallVector<int64_t>> knownImage = knownIntegers(given.image), knownBlock = knownIntegers(given.block);
  bool isRead = !knownImage || !knownBlock;
  // Where sizes are read, only their number counts in what follows.
  SmallVector<int64_t> image = isRead ? SmallVector<int64_t>(given.image.size(), 1) : *knownImage;
  SmallVector<int64_t> block = isRead ? SmallVector<int64_t>(given.block.size(), 1) : *knownBlock;
  int64_t rank = image.size(), size = boundedProduct(block, maxWindow);
  auto read = [&](llvm::StringRef name, int64_t count, int64_t otherwise) {
    SmallVector<int64_t> values = node.integers(name);
    if (values.empty())
      values.assign(count, otherwise);
    return values;
  };
  SmallVector<int64_t> strides = read("strides", rank, 1), dilations = read("dilations", rank, 1);
  SmallVector<int64_t> pads = read("pads", 2 * rank, 0), counts, outputPadding;
  auto inRange = [](llvm::ArrayRef<int64_t> values, int64_t least) {
    return llvm::all_of(values, [&](int64_t v) { return v >= least && v <= int64_t(1) << 31; });
  };
  if (node.rank(x) != 3 || rank < 1 || rank > 3 || block.size() != image.size() || size < 1 ||
      static_cast<int64_t>(strides.size()) != rank || static_cast<int64_t>(dilations.size()) != rank ||
      static_cast<int64_t>(pads.size()) != 2 * rank || !inRange(image, 1) || !inRange(strides, 1) ||
      !inRange(dilations, 1) || !inRange(pads, 0)) {
    node.error("onnx-window-attribute",
               "'image_shape' is " + formatDims(image) + ", 'block_shape' " + formatDims(block) + ", 'strides' " +
                   formatDims(strides) + ", 'dilations' " + formatDims(dilations) + " and 'pads' " + formatDims(pads))
        .note("one to three spatial dimensions, with one entry each and two for 'pads', are expected");
    return {};
  }
  if (isRead) {
    given.strides = strides;
    given.dilations = dilations;
    given.pads = pads;
    return addBlocks(node, given);
  }
  int64_t blocks = 1;
  for (int64_t i = 0; i < rank; ++i) {
    int64_t room = image[i] + pads[i] + pads[rank + i] - dilations[i] * (block[i] - 1) - 1;
    counts.push_back(room < 0 ? 0 : room / strides[i] + 1);
    outputPadding.push_back(room < 0 ? 0 : room % strides[i]);
    blocks = boundedProduct({blocks, counts.back()}, int64_t(1) << 40);
    if (blocks < 0)
      break;
  }
  if (node.failed())
    return {};
  graph::ShapeSolver &solver = node.solver();
  Dims dims = node.dims(x);
  auto rows = mlir::dyn_cast<mlir::AffineConstantExpr>(dims[1]);
  if (blocks < 1 || (rows && rows.getValue() % size != 0)) {
    node.error("onnx-shape-mismatch", "'input' has " + (rows ? Twine(rows.getValue()) : Twine("any number of")) +
                                          " rows for blocks of " + formatDims(block) + " in an image of " +
                                          formatDims(image))
        .note("the size of a block must divide the rows, and the image must have room for one");
    return {};
  }
  AffineExpr channels = solver.simplify(dims[1].floorDiv(size));
  node.check({}, dims[1], channels * size, "the rows of 'input' and a whole number of blocks");
  Dims shape = {solver.product({dims[0], channels}), solver.constant(size)};
  for (int64_t count : counts)
    shape.push_back(solver.constant(count));
  // Integers take part as floats that hold them exactly.
  Type element = node.element(x), wide = node.isFloat(x) ? element : Type(node.builder().getF64Type());
  SmallVector<int64_t> filterShape = {size, 1};
  llvm::append_range(filterShape, block);
  std::vector<double> ones(size * size, 0.0);
  for (int64_t i = 0; i < size; ++i)
    ones[i * size + i] = 1;
  auto filterType = mlir::RankedTensorType::get(filterShape, node.builder().getF64Type());
  Value filter = node.cast(node.constant(mlir::DenseElementsAttr::get(filterType, llvm::ArrayRef(ones))), wide);
  Value flat = node.reshape(node.cast(x, wide), shape);
  node.check(flat, dims[2], solver.constant(blocks), "the number of blocks in 'input' and in the image");
  Value y = node.create<graph::ConvTransposeOp>(flat, filter, strides, pads, dilations, outputPadding, int64_t(1),
                                                /*channels_last=*/false);
  Dims result = {dims[0], channels};
  for (int64_t length : image)
    result.push_back(solver.constant(length));
  return node.cast(node.reshape(y, result), element);
}

void onnx_import::registerUnpoolingOps(OpTable &ops) {
  ops.add("MaxUnpool", {9, 11, 22}, importMaxUnpool);
  ops.add("Col2Im", {18}, importCol2Im);
}
