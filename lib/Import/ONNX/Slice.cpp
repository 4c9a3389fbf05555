// lib/Import/ONNX/Slice.cpp: operators that cut tensors into parts or extend
// them.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compose.h"
#include "ElementType.h"
#include "Import/Core/Axes.h"
#include "Import/Core/Node.h"
#include "OpTable.h"

#include <limits>

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

/// What a slice asks for, with axes that may be read when the program runs.
namespace {
struct SliceRequest {
  Value starts, ends;
  Dims axes, steps;
};
} // namespace

/// One dimension of a slice that is read when the program runs: its first
/// position, how many elements it has, and the step between them.
namespace {
struct Span {
  AffineExpr offset, size, step;
};
} // namespace

/// ONNX's rules for a step of any sign.
static Span makeSpan(Node &node, AffineExpr dim, AffineExpr start, AffineExpr end, AffineExpr step) {
  graph::ShapeSolver &solver = node.solver();
  AffineExpr zero = solver.constant(0), one = solver.constant(1);
  step = limited(solver, step);
  AffineExpr backwards = isNegative(solver, step);
  AffineExpr length = solver.max(step, solver.simplify(step * -1));
  node.require(length, one, "a step must not be 0");
  // Backwards, the last position is the first that counts, and -1 the end.
  AffineExpr most = solver.simplify(dim - backwards), least = solver.simplify(backwards * -1);
  auto position = [&](AffineExpr at) {
    at = limited(solver, at);
    return solver.min(solver.simplify(at + dim * isNegative(solver, at)), most);
  };
  Span span;
  span.step = step;
  span.offset = solver.max(zero, position(start));
  AffineExpr way = solver.simplify(solver.max(least, position(end)) - span.offset);
  way = solver.max(zero, choose(solver, backwards, solver.simplify(way * -1), way));
  // Of a dimension without elements there is none, though the offset is 0.
  span.size = solver.min(dim, solver.simplify(way.ceilDiv(solver.max(one, length))));
  return span;
}

/// Slices along `axis` by reading the positions of `span` one by one.
static Value sliceByReading(Node &node, Value x, int64_t axis, const Span &span) {
  if (node.failed())
    return {};
  Type i64 = node.builder().getI64Type();
  Value steps = node.createTyped<graph::IotaOp>(node.solver().type({span.size}, i64), int64_t(0));
  Value positions = node.add(node.create<graph::MulOp>(steps, node.size(span.step)), node.size(span.offset));
  return node.create<graph::GatherOp>(x, positions, axis);
}

/// A slice whose axes or steps are read when the program runs.
static Value makeSliceOfAny(Node &node, Value x, const SliceRequest &request, const Dims &axes) {
  graph::ShapeSolver &solver = node.solver();
  Dims starts = node.entries(request.starts, "'starts'"), ends = node.entries(request.ends, "'ends'");
  Dims dims = node.dims(x), sizes = dims;
  if (node.failed())
    return {};
  int64_t rank = dims.size();
  AffineExpr zero = solver.constant(0), one = solver.constant(1);
  std::optional<SmallVector<int64_t>> steps = knownIntegers(request.steps);
  bool isDense = steps && llvm::all_of(*steps, [](int64_t step) { return step == 1; });
  SmallVector<int64_t> sliced;
  Dims offsets;
  for (int64_t dim = 0; dim < rank; ++dim) {
    AffineExpr start = zero, end = dims[dim], step = one, isSliced = zero;
    for (auto [i, axis] : llvm::enumerate(axes)) {
      AffineExpr isThis = isAt(solver, axis, dim, rank);
      isSliced = solver.simplify(isSliced + isThis);
      start = choose(solver, isThis, limited(solver, starts[i]), start);
      end = choose(solver, isThis, limited(solver, ends[i]), end);
      step = choose(solver, isThis, limited(solver, request.steps[i]), step);
    }
    if (isSliced == zero)
      continue;
    Span span = makeSpan(node, dims[dim], start, end, step);
    if (!isDense) {
      x = sliceByReading(node, x, dim, span);
      continue;
    }
    sliced.push_back(dim);
    offsets.push_back(span.offset);
    sizes[dim] = span.size;
  }
  if (node.failed() || sliced.empty())
    return x;
  auto at = graph::DimsAttr::get(node.builder().getContext(), solver.map(offsets));
  return node.createTyped<graph::SliceOp>(solver.type(sizes, node.element(x)), x, Value(), Value(), sliced,
                                          SmallVector<int64_t>(sliced.size(), 1), at);
}

static Value makeSlice(Node &node, const SliceRequest &request) {
  Value x = node.input(0);
  int64_t count = vectorLength(node, request.starts, "starts");
  if (node.failed())
    return {};
  int64_t endCount = vectorLength(node, request.ends, "ends");
  if (node.failed())
    return {};
  size_t axisCount = request.axes.size(), stepCount = request.steps.size();
  if (count != endCount || count != static_cast<int64_t>(axisCount) || count != static_cast<int64_t>(stepCount)) {
    node.error("onnx-shape-mismatch", "'starts' has " + Twine(count) + " elements, 'ends' " + Twine(endCount) +
                                          ", 'axes' " + Twine(axisCount) + " and 'steps' " + Twine(stepCount))
        .note("all need one entry for every axis");
    return {};
  }
  std::optional<SmallVector<int64_t>> axes = knownIntegers(request.axes), steps = knownIntegers(request.steps);
  if (steps && llvm::is_contained(*steps, 0)) {
    node.error("onnx-shape-mismatch", "'steps' is " + formatDims(*steps) + ", but a step must not be 0")
        .note("use 1 for every element");
    return {};
  }
  Dims normalized = normalizeAxes(node, request.axes, node.rank(x), "axes"); // Reports duplicates.
  if (node.failed() || count == 0)
    return x;
  if (!axes || !steps) {
    // In the order of 'starts', not sorted.
    if (axes)
      for (auto [axis, given] : llvm::zip(normalized, *axes))
        axis = node.solver().constant(node.normalizeAxis(given, node.rank(x), "axes"));
    return makeSliceOfAny(node, x, request, normalized);
  }
  for (int64_t &axis : *axes)
    axis = node.normalizeAxis(axis, node.rank(x), "axes");
  return node.create<graph::SliceOp>(x, request.starts, request.ends, *axes, *steps, graph::DimsAttr());
}

/// The vectors of a slice where none says for how many axes they are: one entry for each axis of the input, and those
/// that are not named are taken whole. `axes` and `steps` may be null.
static void spreadOverAxes(Node &node, Value &starts, Value &ends, Value &axes, Value &steps) {
  graph::ShapeSolver &solver = node.solver();
  Type i64 = node.builder().getI64Type();
  int64_t rank = node.rank(node.input(0));
  AffineExpr count = node.dims(starts)[0];
  node.require(solver.constant(rank), count, "a slice has at most as many axes as its input");
  Value at = axes ? node.cast(axes, i64) : node.createTyped<graph::IotaOp>(solver.type({count}, i64), int64_t(0));
  if (axes)
    at = checkedAxes(node, at, rank);
  auto spread = [&](Value given, int64_t otherwise) {
    return node.create<graph::ScatterElementsOp>(node.constant(SmallVector<int64_t>(rank, otherwise)), at,
                                                 node.cast(given, i64), int64_t(0), graph::ScatterKind::none);
  };
  starts = spread(starts, 0);
  ends = spread(ends, std::numeric_limits<int64_t>::max());
  steps = steps ? spread(steps, 1) : steps;
  axes = node.constant(llvm::to_vector(llvm::seq<int64_t>(0, rank)));
}

static Value importSlice10(Node &node) {
  Value starts = node.input(1), ends = node.input(2), axes = node.input(3), steps = node.input(4);
  // A length that one vector leaves open, another may say.
  std::optional<int64_t> length;
  for (Value vector : {starts, ends, axes, steps})
    if (vector && node.rank(vector) == 1)
      if (auto type = mlir::cast<mlir::RankedTensorType>(vector.getType()); !type.isDynamicDim(0))
        length = length.value_or(type.getDimSize(0));
  bool areVectors = llvm::all_of(llvm::ArrayRef{starts, ends, axes, steps},
                                 [&](Value vector) { return !vector || node.rank(vector) == 1; });
  if (!length && areVectors)
    spreadOverAxes(node, starts, ends, axes, steps);
  else if (length)
    for (Value *vector : {&starts, &ends, &axes, &steps})
      if (*vector)
        *vector = node.withDim(*vector, 0, *length, "the entries of 'starts', 'ends', 'axes' and 'steps'");
  int64_t count = node.failed() ? 0 : vectorLength(node, starts, "starts");
  if (node.failed())
    return {};
  SliceRequest request{starts, ends, {}, {}};
  for (int64_t i = 0; i < count && !axes; ++i)
    request.axes.push_back(node.solver().constant(i));
  if (axes)
    request.axes = node.entries(axes, "'axes'");
  if (steps)
    request.steps = node.entries(steps, "'steps'");
  else
    request.steps.assign(count, node.solver().constant(1));
  return makeSlice(node, request);
}

static Value importSlice1(Node &node) {
  SmallVector<int64_t> starts = node.integers("starts");
  SmallVector<int64_t> axes = node.integers("axes");
  if (!node.has("axes"))
    axes = llvm::to_vector(llvm::seq<int64_t>(0, starts.size()));
  SliceRequest request;
  request.ends = node.constant(llvm::ArrayRef(node.integers("ends")));
  request.starts = node.constant(llvm::ArrayRef(starts));
  for (int64_t axis : axes)
    request.axes.push_back(node.solver().constant(axis));
  request.steps.assign(starts.size(), node.solver().constant(1));
  return makeSlice(node, request);
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
  } else if (count == 2) {
    parts.back() = solver.simplify(whole - part);
  } else {
    AffineExpr zero = solver.constant(0);
    for (int64_t i = 1; i < count; ++i)
      parts[i] = solver.min(part, solver.max(zero, solver.simplify(whole - part * i)));
  }
  return parts;
}

/// The sizes of the parts that input or attribute 'split' gives.
static Dims readParts(Node &node) {
  if (node.version() >= 13)
    return node.entries(1);
  Dims result;
  for (int64_t size : node.input(1) ? wholeNumbers(node, 1) : node.integers("split"))
    result.push_back(node.solver().constant(size));
  return result;
}

static void importSplit(Node &node) {
  Value x = node.input(0);
  int64_t axis = node.axis("axis", x), count = node.numOutputs();
  Dims parts;
  // The first version had an input of floats, too.
  bool hasSizes = bool(node.input(1)) || (node.version() < 13 && node.has("split"));
  if (hasSizes)
    parts = readParts(node);
  if (node.version() >= 18 && node.has("num_outputs") && node.integer("num_outputs") != count && !node.failed())
    node.error("onnx-arity", "'num_outputs' is " + Twine(node.integer("num_outputs")) + ", but the node has " +
                                 Twine(count) + " outputs")
        .note("both must be equal");
  if (node.failed())
    return;
  graph::ShapeSolver &solver = node.solver();
  AffineExpr whole = node.dims(x)[axis], zero = solver.constant(0), sum = zero;
  if (!hasSizes) {
    parts = equalParts(node, whole, count);
    makeParts(node, x, axis, parts);
    if (node.version() < 18 && node.output(0) && !node.failed())
      node.check(node.output(0), whole, solver.product({parts[0], solver.constant(count)}),
                 "the dimension and " + Twine(count) + " equal parts");
    return;
  }

  bool sane = static_cast<int64_t>(parts.size()) == count;
  std::string given = "[";
  for (AffineExpr &size : parts) {
    given += (given.size() > 1 ? ", " : "") + graph::printDim(size);
    if (auto known = mlir::dyn_cast<mlir::AffineConstantExpr>(size)) {
      sane &= known.getValue() >= 0 && known.getValue() <= graph::ShapeSolver::maxElements;
    } else {
      size = limited(solver, asSize(node, size, "a size in 'split'"));
    }
    if (sane)
      sum = solver.simplify(sum + size);
  }
  if (!sane || solver.equal(whole, sum) == std::optional(false)) {
    node.error("onnx-shape-mismatch", "'split' is " + given + "], but dimension " + Twine(axis) + " is " +
                                          graph::printDim(whole) + " and " + Twine(count) + " outputs are wanted")
        .note("the parts must add up to the dimension");
    return;
  }
  makeParts(node, x, axis, parts);
  node.check(node.output(0), whole, sum, "dimension " + Twine(axis) + " and the sum of 'split'");
}

static std::optional<graph::PadMode> readPadMode(Node &node) {
  StringRef mode = node.string("mode");
  std::optional<graph::PadMode> known = graph::symbolizePadMode(mode);
  if (!known)
    node.unsupported("mode", quoted(mode), "\"constant\", \"reflect\", \"edge\" and \"wrap\" are");
  return known;
}

/// `pads` for `axes`, both of open lengths, as two amounts for each dimension of `x`; those that are not named have 0.
static Dims spreadPads(Node &node, Value x, Value pads, Value axes) {
  graph::ShapeSolver &solver = node.solver();
  int64_t rank = node.rank(x);
  AffineExpr count = node.dims(axes)[0];
  node.check({}, node.dims(pads)[0], solver.simplify(count * 2), "the entries of 'pads' and two for each axis");
  axes = checkedAxes(node, axes, rank);
  pads = node.cast(pads, node.builder().getI64Type());
  Dims amounts;
  for (AffineExpr begin : {solver.constant(0), count}) {
    Value spread =
        node.create<graph::ScatterElementsOp>(node.constant(SmallVector<int64_t>(rank, 0)), axes,
                                              node.slice(pads, 0, begin, count), int64_t(0), graph::ScatterKind::none);
    llvm::append_range(amounts, node.entries(spread, "'pads'"));
  }
  return amounts;
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

  auto pad = [&](llvm::ArrayRef<AffineExpr> amounts) -> Value {
    if (node.failed())
      return {};
    auto attribute = graph::DimsAttr::get(node.builder().getContext(), node.solver().map(amounts));
    return node.create<graph::PadOp>(x, Value(), value, *mode, attribute);
  };
  auto isOpenVector = [&](Value vector) {
    return node.rank(vector) == 1 && mlir::cast<mlir::RankedTensorType>(vector.getType()).isDynamicDim(0);
  };
  Value named = node.input(3);
  // A length that one of both leaves open, the other may say.
  if (isOpenVector(named) && isOpenVector(pads))
    return pad(spreadPads(node, x, pads, named));
  if (isOpenVector(named) && node.rank(pads) == 1)
    named = node.withLength(3, mlir::cast<mlir::RankedTensorType>(pads.getType()).getDimSize(0) / 2);
  Dims axes = node.entries(named, "input 'axes'");
  if (isOpenVector(pads))
    pads = node.withLength(1, 2 * static_cast<int64_t>(axes.size()));
  Dims given = node.entries(pads, "input 'pads'");
  if (node.failed())
    return {};
  if (given.size() != 2 * axes.size()) {
    node.error("onnx-shape-mismatch",
               "'pads' has " + Twine(given.size()) + " elements, but there are " + Twine(axes.size()) + " axes")
        .note("two amounts are needed for every axis");
    return {};
  }
  graph::ShapeSolver &solver = node.solver();
  int64_t rank = node.rank(x);
  Dims amounts(2 * rank, solver.constant(0));
  normalizeAxes(node, axes, rank, "axes"); // Reports duplicates.
  for (auto [index, axis] : llvm::enumerate(axes)) {
    AffineExpr at = normalizeAxis(node, axis, rank, "axes");
    for (int64_t dim = 0; dim < rank; ++dim)
      for (bool behind : {false, true}) {
        AffineExpr &amount = amounts[dim + behind * rank];
        amount = choose(solver, isAt(solver, at, dim, rank), given[index + behind * axes.size()], amount);
      }
  }
  return pad(amounts);
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
  Dims sizes = node.entries(1), dims = node.dims(x);
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
  // A negative amount of padding cuts; halves are rounded towards 0.
  graph::ShapeSolver &solver = node.solver();
  AffineExpr zero = solver.constant(0);
  Dims amounts(2 * node.rank(x), zero);
  for (auto [axis, size] : llvm::zip(axes, sizes)) {
    AffineExpr wanted = limited(solver, asSize(node, size, "a size in 'shape'"));
    AffineExpr missing = solver.simplify(wanted - dims[axis]);
    AffineExpr added = solver.max(zero, missing), cut = solver.max(zero, solver.simplify(missing * -1));
    amounts[axis] = solver.simplify(added.floorDiv(2) - cut.floorDiv(2));
    amounts[node.rank(x) + axis] = solver.simplify(missing - amounts[axis]);
  }
  auto attribute = graph::DimsAttr::get(node.builder().getContext(), solver.map(amounts));
  return node.create<graph::PadOp>(x, Value(), Value(), graph::PadMode::constant, attribute);
}

void onnx_import::registerSliceOps(OpTable &ops) {
  ops.add("Slice", {1}, importSlice1);
  ops.add("Slice", {10, 11, 13}, importSlice10);
  ops.add("CenterCropPad", {18}, importCenterCropPad);
  ops.add("Split", {1, 2, 11, 13, 18}, importSplit);
  ops.add("Pad", {1, 2}, importPad2);
  ops.add("Pad", {11, 13, 18, 19, 21, 23, 24, 25}, importPad11);
}
