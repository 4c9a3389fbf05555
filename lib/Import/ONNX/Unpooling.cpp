// lib/Import/ONNX/Unpooling.cpp: where the maxima of windows were, and
// operators that put windows back together.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ElementType.h"
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

Value onnx_import::makePoolIndices(Node &node, Value x, Value y, Window window, bool ceilMode, bool columnMajor) {
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
  SmallVector<int64_t> pads = window.pads;
  Value padded = padExplicitly(node, x, window, ceilMode, -std::numeric_limits<double>::infinity());

  // What one step in each dimension adds to the position in the whole tensor.
  SmallVector<Value> step(rank + 2);
  Dims spatial(in.begin() + 2, in.end());
  for (unsigned i = 0; i < rank; ++i)
    step[i + 2] = node.size(solver.product(columnMajor ? llvm::ArrayRef(spatial).take_front(i)
                                                       : llvm::ArrayRef(spatial).drop_front(i + 1)));
  step[1] = node.size(solver.product(spatial));
  step[0] = node.size(solver.product(llvm::ArrayRef(in).drop_front(1)));
  Value base;
  for (unsigned i = 0; i < rank + 2; ++i) {
    Dims along(rank + 2, one);
    along[i] = out[i];
    Value at = node.createTyped<graph::IotaOp>(solver.type(along, i64), int64_t(i));
    if (i >= 2)
      at = node.add(node.mul(at, window.strides[i - 2]), -pads[i - 2]);
    at = node.mul(at, step[i]);
    base = base ? node.add(base, at) : at;
  }

  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(2, rank + 2)), counter(rank, 0);
  Value best, where;
  for (bool more = true; more && !node.failed();) {
    Dims offsets;
    Value offset = base;
    for (unsigned i = 0; i < rank; ++i) {
      int64_t distance = counter[i] * window.dilations[i];
      offsets.push_back(solver.constant(distance));
      if (distance)
        offset = node.add(offset, node.mul(step[i + 2], distance));
    }
    Value candidate = node.createTyped<graph::SliceOp>(
        solver.type(out, node.element(x)), padded, Value(), Value(), axes, window.strides,
        graph::DimsAttr::get(node.builder().getContext(), solver.map(offsets)));
    if (!best) {
      best = candidate;
      where = offset;
    } else {
      Value better = node.createAs<graph::GreaterOp>(i1, candidate, best);
      where = node.createAs<graph::SelectOp>(i64, better, offset, where);
      best = node.create<graph::MaxOp>(candidate, best);
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
  std::optional<Dims> wanted = solver.contents(node.input(2));
  if (!wanted || wanted->size() != shape.size()) {
    node.constantIntegers(2); // Reports that it is not known.
    if (!node.failed())
      node.error("onnx-shape-mismatch",
                 "'output_shape' does not have one entry for each of the " + Twine(shape.size()) + " dimensions")
          .note("give the whole shape");
    return {};
  }
  Dims amounts(shape.size(), solver.constant(0));
  for (auto [size, given] : llvm::zip(shape, *wanted))
    amounts.push_back(solver.simplify(given - size));
  return node.create<graph::PadOp>(y, Value(), Value(), graph::PadMode::constant,
                                   graph::DimsAttr::get(node.builder().getContext(), solver.map(amounts)));
}

/// Blocks of an image added up where they overlap: a transposed convolution
/// whose filters each have a single one.
static Value importCol2Im(Node &node) {
  Value x = node.input(0);
  SmallVector<int64_t> image = node.constantIntegers(1), block = node.constantIntegers(2);
  if (node.failed())
    return {};
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
  int64_t columns = node.staticDim(x, 1, "Col2Im"), blocks = 1;
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
  if (blocks < 1 || columns % size != 0) {
    node.error("onnx-shape-mismatch", "'input' has " + Twine(columns) + " rows for blocks of " + formatDims(block) +
                                          " in an image of " + formatDims(image))
        .note("the size of a block must divide the rows, and the image must have room for one");
    return {};
  }
  graph::ShapeSolver &solver = node.solver();
  Dims dims = node.dims(x);
  Dims shape = {solver.product({dims[0], solver.constant(columns / size)}), solver.constant(size)};
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
  Dims result = {dims[0], solver.constant(columns / size)};
  for (int64_t length : image)
    result.push_back(solver.constant(length));
  return node.cast(node.reshape(y, result), element);
}

void onnx_import::registerUnpoolingOps(OpTable &ops) {
  ops.add("MaxUnpool", {9, 11, 22}, importMaxUnpool);
  ops.add("Col2Im", {18}, importCol2Im);
}
