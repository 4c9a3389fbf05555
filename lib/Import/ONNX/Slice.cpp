// lib/Import/ONNX/Slice.cpp: operators that cut tensors into parts or extend
// them.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ElementType.h"
#include "Node.h"
#include "OpTable.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;
using mlir::AffineExpr;

/// The length of a vector, or -1 after an error.
static int64_t vectorLength(Node &node, Value vector, StringRef name) {
  if (node.rank(vector) == 1) {
    int64_t length = node.staticDim(vector, 0, name);
    return node.failed() ? -1 : length;
  }
  node.error("onnx-shape-mismatch",
             "'" + name + "' has rank " + Twine(node.rank(vector)) + ", but a vector is expected")
      .note("give one number per axis");
  return -1;
}

static Value makeSlice(Node &node, Value starts, Value ends, SmallVector<int64_t> axes, SmallVector<int64_t> steps) {
  Value x = node.input(0);
  int64_t count = vectorLength(node, starts, "starts");
  if (node.failed())
    return {};
  int64_t endCount = vectorLength(node, ends, "ends");
  if (node.failed())
    return {};
  if (count != endCount || count != static_cast<int64_t>(axes.size()) || count != static_cast<int64_t>(steps.size())) {
    node.error("onnx-shape-mismatch", "'starts' has " + Twine(count) + " elements, 'ends' " + Twine(endCount) +
                                          ", 'axes' " + Twine(axes.size()) + " and 'steps' " + Twine(steps.size()))
        .note("all need one entry for every axis");
    return {};
  }
  for (int64_t &axis : axes)
    axis = node.normalizeAxis(axis, node.rank(x), "axes");
  node.normalizeAxes(axes, node.rank(x), "axes"); // Reports duplicates.
  if (node.failed())
    return {};
  if (llvm::is_contained(steps, 0)) {
    node.error("onnx-shape-mismatch", "'steps' is " + formatDims(steps) + ", but a step must not be 0")
        .note("use 1 for every element");
    return {};
  }
  if (count == 0)
    return x;
  return node.create<graph::SliceOp>(x, starts, ends, axes, steps, graph::DimsAttr());
}

static Value importSlice10(Node &node) {
  int64_t count = vectorLength(node, node.input(1), "starts");
  if (node.failed())
    return {};
  SmallVector<int64_t> axes = node.input(3) ? node.constantIntegers(3) : llvm::to_vector(llvm::seq<int64_t>(0, count));
  SmallVector<int64_t> steps =
      node.input(4) ? node.constantIntegers(4) : SmallVector<int64_t>(std::max<int64_t>(count, 0), 1);
  return makeSlice(node, node.input(1), node.input(2), axes, steps);
}

static Value importSlice1(Node &node) {
  SmallVector<int64_t> starts = node.integers("starts");
  SmallVector<int64_t> axes = node.integers("axes");
  if (!node.has("axes"))
    axes = llvm::to_vector(llvm::seq<int64_t>(0, starts.size()));
  Value ends = node.constant(llvm::ArrayRef(node.integers("ends")));
  return makeSlice(node, node.constant(llvm::ArrayRef(starts)), ends, axes, SmallVector<int64_t>(starts.size(), 1));
}

/// Consecutive parts of `sizes` along `axis`.
static void makeParts(Node &node, Value x, int64_t axis, llvm::ArrayRef<AffineExpr> sizes) {
  graph::ShapeSolver &solver = node.solver();
  AffineExpr offset = solver.constant(0);
  for (auto [index, size] : llvm::enumerate(sizes)) {
    Dims dims = node.dims(x);
    dims[axis] = size;
    auto at = graph::DimsAttr::get(node.builder().getContext(), solver.map({offset}));
    node.setOutput(index,
                   node.createTyped<graph::SliceOp>(solver.type(dims, node.element(x)), x, Value(), Value(),
                                                    llvm::ArrayRef<int64_t>(axis), llvm::ArrayRef<int64_t>(1), at));
    offset = solver.simplify(offset + size);
  }
}

/// Equal parts; from version 18 on the last one may be smaller.
static Dims equalParts(Node &node, AffineExpr whole, int64_t count) {
  graph::ShapeSolver &solver = node.solver();
  auto fixed = mlir::dyn_cast<mlir::AffineConstantExpr>(whole);
  if (node.version() < 18) {
    AffineExpr part = solver.divide(whole, solver.constant(count));
    if (part)
      return Dims(count, part);
    if (!fixed) // Checked at run time, see importSplit.
      return Dims(count, solver.simplify(whole.floorDiv(count)));
    node.error("onnx-shape-mismatch", "the dimension is " + Twine(fixed.getValue()) +
                                          ", which is not a multiple of the " + Twine(count) + " outputs")
        .note("give the sizes of the parts by 'split'");
    return {};
  }
  AffineExpr part = solver.simplify(whole.ceilDiv(count));
  Dims parts(count, part);
  if (fixed) { // Parts beyond the end are empty.
    int64_t rest = fixed.getValue(), each = llvm::divideCeil(rest, count);
    for (AffineExpr &size : parts) {
      size = solver.constant(std::min(rest, each));
      rest -= std::min(rest, each);
    }
  } else if (count > 1) {
    parts.back() = solver.simplify(whole - part * (count - 1));
  }
  return parts;
}

static void importSplit(Node &node) {
  Value x = node.input(0);
  int64_t axis = node.axis("axis", x), count = node.numOutputs();
  SmallVector<int64_t> given;
  bool hasSizes = node.version() < 13 ? node.has("split") : bool(node.input(1));
  if (hasSizes)
    given = node.version() < 13 ? node.integers("split") : node.constantIntegers(1);
  if (node.version() >= 18 && node.has("num_outputs") && node.integer("num_outputs") != count && !node.failed())
    node.error("onnx-arity", "'num_outputs' is " + Twine(node.integer("num_outputs")) + ", but the node has " +
                                 Twine(count) + " outputs")
        .note("both must be equal");
  if (node.failed())
    return;
  AffineExpr whole = node.dims(x)[axis];
  if (!hasSizes) {
    Dims parts = equalParts(node, whole, count);
    makeParts(node, x, axis, parts);
    if (node.version() < 18 && node.output(0) && !node.failed())
      node.check(node.output(0), whole, node.solver().product({parts[0], node.solver().constant(count)}),
                 "the dimension and " + Twine(count) + " equal parts");
    return;
  }

  int64_t sum = 0;
  Dims sizes;
  bool sane = static_cast<int64_t>(given.size()) == count;
  for (int64_t size : given) {
    sane &= size >= 0 && size <= int64_t(1) << 47 && (sum += size) <= int64_t(1) << 47;
    sizes.push_back(node.solver().constant(size));
  }
  auto fixed = mlir::dyn_cast<mlir::AffineConstantExpr>(whole);
  if (!sane || (fixed && fixed.getValue() != sum)) {
    node.error("onnx-shape-mismatch", "'split' is " + formatDims(given) + ", but dimension " + Twine(axis) + " is " +
                                          graph::printDim(whole) + " and " + Twine(count) + " outputs are wanted")
        .note("the parts must add up to the dimension");
    return;
  }
  makeParts(node, x, axis, sizes);
  node.check(node.output(0), whole, node.solver().constant(sum),
             "dimension " + Twine(axis) + " and the sum of 'split'");
}

static std::optional<graph::PadMode> readPadMode(Node &node) {
  StringRef mode = node.string("mode");
  std::optional<graph::PadMode> known = graph::symbolizePadMode(mode);
  if (!known)
    node.unsupported("mode", quoted(mode), "\"constant\", \"reflect\", \"edge\" and \"wrap\" are");
  return known;
}

static Value importPad11(Node &node) {
  Value x = node.input(0), pads = node.input(1), value = node.input(2);
  std::optional<graph::PadMode> mode = readPadMode(node);
  if (!mode)
    return {};
  if (value)
    value = node.reshape(value, {});
  if (!node.input(3))
    return node.create<graph::PadOp>(x, pads, value, *mode, graph::DimsAttr());

  SmallVector<int64_t> axes = node.constantIntegers(3);
  for (int64_t &axis : axes)
    axis = node.normalizeAxis(axis, node.rank(x), "axes");
  node.normalizeAxes(axes, node.rank(x), "axes"); // Reports duplicates.
  if (node.failed())
    return {};
  std::optional<Dims> given = node.solver().contents(pads);
  if (!given) {
    node.constantIntegers(1); // Reports that it is not known.
    return {};
  }
  if (given->size() != 2 * axes.size()) {
    node.error("onnx-shape-mismatch",
               "'pads' has " + Twine(given->size()) + " elements, but there are " + Twine(axes.size()) + " axes")
        .note("two amounts are needed for every axis");
    return {};
  }
  Dims amounts(2 * node.rank(x), node.solver().constant(0));
  for (auto [index, axis] : llvm::enumerate(axes)) {
    amounts[axis] = (*given)[index];
    amounts[node.rank(x) + axis] = (*given)[axes.size() + index];
  }
  auto attribute = graph::DimsAttr::get(node.builder().getContext(), node.solver().map(amounts));
  return node.create<graph::PadOp>(x, Value(), value, *mode, attribute);
}

static Value importPad2(Node &node) {
  Value x = node.input(0);
  std::optional<graph::PadMode> mode = readPadMode(node);
  if (!mode)
    return {};
  Value value = node.scalar(node.element(x), node.number("value"));
  Value pads = node.constant(llvm::ArrayRef(node.integers(node.version() == 1 ? "paddings" : "pads")));
  return node.create<graph::PadOp>(x, pads, value, *mode, graph::DimsAttr());
}

/// CenterCropPad: the middle of each axis, cut or extended by zeros.
static Value importCenterCropPad(Node &node) {
  Value x = node.input(0);
  SmallVector<int64_t> sizes = node.constantIntegers(1);
  SmallVector<int64_t> axes = node.integers("axes");
  if (!node.has("axes"))
    axes = llvm::to_vector(llvm::seq<int64_t>(0, node.rank(x)));
  for (int64_t &axis : axes)
    axis = node.normalizeAxis(axis, node.rank(x), "axes");
  node.normalizeAxes(axes, node.rank(x), "axes"); // Reports duplicates.
  if (node.failed())
    return {};
  if (sizes.size() != axes.size()) {
    node.error("onnx-shape-mismatch",
               "'shape' has " + Twine(sizes.size()) + " elements, but there are " + Twine(axes.size()) + " axes")
        .note("give one size for every axis");
    return {};
  }
  // A negative amount of padding cuts.
  Dims amounts(2 * node.rank(x), node.solver().constant(0));
  for (auto [axis, size] : llvm::zip(axes, sizes)) {
    int64_t have = node.staticDim(x, axis, "CenterCropPad");
    int64_t missing = size - have;
    int64_t begin = missing >= 0 ? missing / 2 : -(-missing / 2);
    amounts[axis] = node.solver().constant(begin);
    amounts[node.rank(x) + axis] = node.solver().constant(missing - begin);
  }
  auto attribute = graph::DimsAttr::get(node.builder().getContext(), node.solver().map(amounts));
  return node.create<graph::PadOp>(x, Value(), Value(), graph::PadMode::constant, attribute);
}

void onnx_import::registerSliceOps(OpTable &ops) {
  ops.add("Slice", {1}, importSlice1);
  ops.add("Slice", {10, 11, 13}, importSlice10);
  ops.add("CenterCropPad", {18}, importCenterCropPad);
  ops.add("Split", {2, 11, 13, 18}, importSplit);
  ops.add("Pad", {1, 2}, importPad2);
  ops.add("Pad", {11, 13, 18, 19, 21, 23, 24, 25}, importPad11);
}
