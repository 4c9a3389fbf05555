// lib/Import/ONNX/Selection.cpp: operators that keep some of their elements, by
// what these hold.
//
// How many results there are is counted first, by one pass over the data; the
// number is then a symbol, and a second pass writes the results where they
// belong. NonMaxSuppression instead fills a tensor of the most boxes that there
// can be and keeps what is in use: to count them is all of its work.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compose.h"
#include "Import/Core/Axes.h"
#include "OpTable.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::SmallVector;
using llvm::Twine;

namespace {

/// The places of a tensor where something holds.
struct Places {
  /// How many there are.
  AffineExpr count;
  /// [rank, count]: their positions, in row-major order.
  Value positions;
};

} // namespace

/// How many elements of a constant are not zero: shapes that follow from
/// constants stay known.
static std::optional<int64_t> knownCount(Value x) {
  if (auto integers = graph::ShapeSolver::constantContents(x))
    return llvm::count_if(*integers, [](int64_t value) { return value != 0; });
  auto op = x.getDefiningOp<graph::ConstantOp>();
  auto dense = op ? mlir::dyn_cast<mlir::DenseElementsAttr>(op.getValue()) : mlir::DenseElementsAttr();
  if (!dense || !mlir::isa<mlir::FloatType>(dense.getElementType()))
    return std::nullopt;
  return llvm::count_if(dense.getValues<llvm::APFloat>(), [](const llvm::APFloat &value) { return !value.isZero(); });
}

/// The places where `x` is not zero.
static Places findNonzero(Node &node, Value x) {
  if (node.failed())
    return {node.solver().constant(0), {}};
  graph::ShapeSolver &solver = node.solver();
  Type i64 = node.builder().getI64Type();
  Value counts = node.cast(node.cast(x, node.builder().getI1Type()), i64);
  auto axes = llvm::to_vector(llvm::seq<int64_t>(0, node.rank(x)));
  Value number = node.reduce(graph::ReduceKind::sum, counts, axes, /*keepDims=*/false);
  std::optional<int64_t> known = knownCount(x);
  AffineExpr count = known ? solver.constant(*known) : node.count(number, solver.product(node.dims(x)));
  Type type = node.failed() ? Type() : Type(solver.type({solver.constant(node.rank(x)), count}, i64));
  return {count, node.createTyped<graph::NonzeroOp>(type, x)};
}

/// The positions where a vector is not zero, as a vector.
static Value findInVector(Node &node, Value x) {
  Places places = findNonzero(node, x);
  return node.reshape(places.positions, {places.count});
}

static Value importNonZero(Node &node) {
  Value x = node.input(0);
  if (node.rank(x) == 0) // As ONNX Runtime: a vector of one element.
    x = node.unsqueeze(x, {0});
  return findNonzero(node, x).positions;
}

/// The elements at the places where a vector of truth values is true.
static Value importCompress(Node &node) {
  Value x = node.input(0), condition = node.input(1);
  int64_t axis = node.has("axis") ? node.axis("axis", x) : 0;
  if (node.failed())
    return {};
  if (!node.has("axis"))
    x = node.reshape(x, {node.solver().product(node.dims(x))});
  if (node.rank(condition) != 1 || node.rank(x) == 0) {
    node.error("onnx-shape-mismatch", "'condition' has rank " + Twine(node.rank(condition)) + " and 'input' rank " +
                                          Twine(node.rank(x)) + ", but a vector and at least rank 1 are expected")
        .note("give one truth value for each element along the axis");
    return {};
  }
  node.require(node.dims(x)[axis], node.dims(condition)[0],
               "'condition' must not have more elements than 'input' has along the axis");
  return node.create<graph::GatherOp>(x, findInVector(node, condition), axis);
}

//===----------------------------------------------------------------------===//
// Unique
//===----------------------------------------------------------------------===//

namespace {

/// The distinct rows of a matrix: the rows are sorted, and each that differs
/// from the one before is the first of its kind.
class DistinctRows {
public:
  DistinctRows(Node &node, Value rows) : node(node), i64(node.builder().getI64Type()), rows(rows) {}

  void find();
  /// In the order in which they first occur, instead of sorted.
  void orderByOccurrence();

  /// How many there are; where each is first; how often it occurs; and for
  /// every row, which of them it is.
  AffineExpr count;
  Value firsts, counts, inverse;

private:
  Node &node;
  Type i64;
  Value rows;

  Value areEqual(Value a, Value b);
  Value gather(Value x, Value positions) { return node.create<graph::GatherOp>(x, positions, int64_t(0)); }
  /// A vector of `size` elements with `updates` at `positions`.
  Value scatter(AffineExpr size, Value positions, Value updates) {
    Value zeros = node.broadcast(node.scalar(i64, 0), {size});
    return node.create<graph::ScatterElementsOp>(zeros, positions, updates, int64_t(0), graph::ScatterKind::none);
  }
  Value iota(AffineExpr size) {
    return node.failed() ? Value() : node.createTyped<graph::IotaOp>(node.solver().type({size}, i64), int64_t(0));
  }
};

} // namespace

/// Row by row; a NaN equals itself.
Value DistinctRows::areEqual(Value a, Value b) {
  Type i1 = node.builder().getI1Type();
  Value same = node.createAs<graph::EqualOp>(i1, a, b);
  if (node.isFloat(a)) {
    Value bothNaN =
        node.create<graph::AndOp>(node.createAs<graph::IsNanOp>(i1, a), node.createAs<graph::IsNanOp>(i1, b));
    same = node.create<graph::OrOp>(same, bothNaN);
  }
  return node.reduce(graph::ReduceKind::all, same, {1}, /*keepDims=*/false);
}

void DistinctRows::find() {
  if (node.failed())
    return;
  graph::ShapeSolver &solver = node.solver();
  AffineExpr total = node.dims(rows)[0], one = solver.constant(1);
  Value order = node.createTyped<graph::SortRowsOp>(solver.type({total}, i64), rows);
  // Each row beside the one before; the first beside itself.
  Value before = node.create<graph::MaxOp>(node.add(iota(total), -1.0), node.scalar(i64, 0));
  Value sorted = gather(rows, order);
  Value same = areEqual(sorted, gather(sorted, before));
  Value isFirst = node.createAs<graph::EqualOp>(node.builder().getI1Type(), iota(total), node.scalar(i64, 0));
  Value starts = node.create<graph::OrOp>(node.create<graph::NotOp>(same), isFirst);
  Places places = findNonzero(node, starts);
  count = places.count;
  Value begins = node.reshape(places.positions, {count});
  firsts = gather(order, begins);
  // Up to where the next one begins.
  Value ends =
      node.createAs<graph::ConcatOp>(i64, mlir::ValueRange{begins, node.reshape(node.size(total), {one})}, int64_t(0));
  if (node.failed())
    return;
  auto from = graph::DimsAttr::get(node.builder().getContext(), solver.map({one}));
  ends = node.createTyped<graph::SliceOp>(solver.type({count}, i64), ends, Value(), Value(), llvm::ArrayRef<int64_t>(0),
                                          llvm::ArrayRef<int64_t>(1), from);
  counts = node.sub(ends, begins);
  Value numbers = node.add(
      node.create<graph::CumulativeSumOp>(node.cast(starts, i64), int64_t(0), /*exclusive=*/false, /*reverse=*/false),
      -1.0);
  inverse = scatter(total, order, numbers);
}

void DistinctRows::orderByOccurrence() {
  if (node.failed())
    return;
  graph::ShapeSolver &solver = node.solver();
  Value byFirst =
      node.createTyped<graph::TopKOp>(solver.type({count}, i64), firsts, graph::ReduceKind::min, int64_t(0));
  Value place = scatter(count, byFirst, iota(count));
  firsts = gather(firsts, byFirst);
  counts = gather(counts, byFirst);
  inverse = gather(place, inverse);
}

/// Slices along an axis, or elements, become the rows of a matrix.
static void importUnique(Node &node) {
  Value x = node.input(0);
  graph::ShapeSolver &solver = node.solver();
  bool hasAxis = node.has("axis");
  int64_t axis = hasAxis ? node.axis("axis", x) : 0;
  bool isSorted = node.flag("sorted");
  if (node.failed())
    return;
  if (!hasAxis)
    x = node.reshape(x, {solver.product(node.dims(x))});
  Value front = x;
  if (axis != 0) {
    auto permutation = llvm::to_vector(llvm::seq<int64_t>(0, node.rank(x)));
    permutation.erase(permutation.begin() + axis);
    permutation.insert(permutation.begin(), axis);
    front = node.transpose(x, permutation);
  }
  Dims dims = node.dims(front);
  Value rows = node.reshape(front, {dims[0], solver.product(llvm::ArrayRef(dims).drop_front())});
  if (!node.failed() && mlir::isa<graph::StringType>(node.element(rows)))
    rows = orderOfTexts(node, rows);
  DistinctRows distinct(node, rows);
  distinct.find();
  if (!isSorted)
    distinct.orderByOccurrence();
  if (node.failed())
    return;
  node.setOutput(0, node.create<graph::GatherOp>(x, distinct.firsts, axis));
  node.setOutput(1, distinct.firsts);
  node.setOutput(2, distinct.inverse);
  node.setOutput(3, distinct.counts);
}

//===----------------------------------------------------------------------===//
// NonMaxSuppression
//===----------------------------------------------------------------------===//

static Value importNonMaxSuppression(Node &node) {
  Value boxes = node.input(0), scores = node.input(1);
  graph::ShapeSolver &solver = node.solver();
  Type i64 = node.builder().getI64Type(), f32 = node.builder().getF32Type(), i1 = node.builder().getI1Type();
  int64_t centers = node.integer("center_point_box");
  if (centers != 0 && centers != 1)
    return node.unsupported("center_point_box", Twine(centers), "0 and 1 are");
  boxes = node.withDim(boxes, 2, 4, "the corners of a box");
  if (node.rank(boxes) != 3 || node.rank(scores) != 3 || node.staticDim(boxes, 2, "NonMaxSuppression") != 4) {
    if (!node.failed())
      node.error("onnx-shape-mismatch",
                 "'boxes' has rank " + Twine(node.rank(boxes)) + " and 'scores' rank " + Twine(node.rank(scores)))
          .note("[images, boxes, 4] and [images, classes, boxes] are expected");
    return {};
  }
  // A limit that is negative or left out leaves nothing.
  AffineExpr zero = solver.constant(0), limit = zero;
  if (node.input(2))
    limit = solver.max(zero, node.entry(2));
  auto scalar = [&](unsigned index) { return node.input(index) ? node.reshape(node.input(index), {}) : Value(); };
  Value overlap = scalar(3), least = scalar(4);
  if (!overlap)
    overlap = node.scalar(f32, 0);
  if (node.failed())
    return {};
  Dims dims = node.dims(scores);
  Value order = node.createTyped<graph::TopKOp>(solver.type(dims, i64), scores, graph::ReduceKind::max, int64_t(2));
  Dims taken = dims;
  taken[2] = solver.min(limit, dims[2]);
  Value chosen = node.createTyped<graph::SuppressBoxesOp>(node.failed() ? Type() : Type(solver.type(taken, i64)), boxes,
                                                          scores, order, overlap, least, centers == 1);
  if (!node.failed() && llvm::failed(solver.infer(chosen.getDefiningOp())))
    chosen = node.noteFailure();
  Value isTaken = node.createAs<graph::GreaterEqualOp>(i1, chosen, node.scalar(i64, 0));
  Places places = findNonzero(node, isTaken);
  // Rows of image, class and place become those of image, class and box.
  Value where = node.transpose(places.positions, {1, 0});
  Value box = node.unsqueeze(node.create<graph::GatherNdOp>(chosen, where, int64_t(0)), {1});
  if (node.failed())
    return {};
  auto start = graph::DimsAttr::get(node.builder().getContext(), solver.map({zero}));
  Value place =
      node.createTyped<graph::SliceOp>(solver.type({places.count, solver.constant(2)}, i64), where, Value(), Value(),
                                       llvm::ArrayRef<int64_t>(1), llvm::ArrayRef<int64_t>(1), start);
  return node.createAs<graph::ConcatOp>(i64, mlir::ValueRange{place, box}, int64_t(1));
}

void onnx_import::registerSelectionOps(OpTable &ops) {
  ops.add("NonZero", {9, 13}, importNonZero);
  ops.add("Compress", {9, 11, 28}, importCompress);
  ops.add("Unique", {11, 28}, importUnique);
  ops.add("NonMaxSuppression", {10, 11}, importNonMaxSuppression);
}
