// lib/Import/ONNX/Indexing.cpp: operators that read or write at positions given
// by tensors.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Import/Core/Axes.h"
#include "OpTable.h"
#include "Tensor.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::Twine;

static Value importGather(Node &node) {
  Value x = node.input(0);
  int64_t axis = node.axis("axis", x);
  return node.create<graph::GatherOp>(x, node.input(1), axis);
}

/// Checks that `indices` has the rank of `x`.
static bool checkSameRank(Node &node, Value x, Value indices) {
  if (node.rank(x) == node.rank(indices))
    return true;
  if (!node.failed())
    node.error("onnx-shape-mismatch",
               "'data' has rank " + Twine(node.rank(x)) + ", but 'indices' has rank " + Twine(node.rank(indices)))
        .note("both need the same rank");
  return false;
}

static Value importGatherElements(Node &node) {
  Value x = node.input(0), indices = node.input(1);
  int64_t axis = node.axis("axis", x);
  if (!checkSameRank(node, x, indices))
    return {};
  return node.create<graph::GatherElementsOp>(x, indices, axis);
}

/// `indices` with positions of `depth` entries if how deep they go is open; `rank` dimensions are indexed. `what` says
/// where `depth` is from.
static Value withDepth(Node &node, Value indices, int64_t depth, int64_t rank, const Twine &what) {
  int64_t last = node.rank(indices) - 1;
  if (node.failed() || !mlir::cast<mlir::RankedTensorType>(indices.getType()).isDynamicDim(last))
    return indices;
  if (depth >= 0 && depth <= rank)
    return node.withDim(indices, last, depth, "the depth of 'indices' and what the ranks say of it");
  node.error("onnx-shape-mismatch", what + " says that positions have " + Twine(depth) + " entries, but 0 to " +
                                        Twine(rank) + " dimensions of 'data' are indexed")
      .note("correct the ranks, or give 'indices' a fixed last dimension");
  return {};
}

static Value importGatherND(Node &node) {
  Value x = node.input(0), indices = node.input(1);
  int64_t batchDims = node.version() >= 12 ? node.integer("batch_dims") : 0;
  int64_t limit = std::min(node.rank(x), node.rank(indices));
  if (batchDims < 0 || batchDims >= limit) {
    node.error("onnx-axis-range", "'batch_dims' is " + Twine(batchDims) + ", but 'data' has rank " +
                                      Twine(node.rank(x)) + " and 'indices' rank " + Twine(node.rank(indices)))
        .note("it must be less than both ranks");
    return {};
  }
  // How deep the positions go is what the rank of the result says, too.
  if (std::optional<int64_t> declared = node.declaredRank(0))
    indices = withDepth(node, indices, node.rank(x) + node.rank(indices) - 1 - batchDims - *declared,
                        node.rank(x) - batchDims, "rank " + Twine(*declared) + " of the result");
  if (node.failed())
    return {};
  node.staticDim(indices, node.rank(indices) - 1, "GatherND");
  return node.create<graph::GatherNdOp>(x, indices, batchDims);
}

static std::optional<graph::ScatterKind> readReduction(Node &node) {
  llvm::StringRef name = node.version() >= 16 ? node.string("reduction") : "none";
  std::optional<graph::ScatterKind> kind = graph::symbolizeScatterKind(name);
  if (!kind)
    node.unsupported("reduction", quoted(name), "\"none\", \"add\", \"mul\", \"max\" and \"min\" are");
  return kind;
}

static Value importScatterElements(Node &node) {
  Value x = node.input(0), indices = node.input(1), updates = node.input(2);
  int64_t axis = node.axis("axis", x);
  std::optional<graph::ScatterKind> kind = readReduction(node);
  if (!kind || !checkSameRank(node, x, indices) || !checkSameRank(node, x, updates))
    return {};
  return node.create<graph::ScatterElementsOp>(x, indices, updates, axis, *kind);
}

static Value importScatterND(Node &node) {
  Value x = node.input(0), indices = node.input(1);
  std::optional<graph::ScatterKind> kind = readReduction(node);
  if (!kind)
    return {};
  if (node.rank(indices) < 1) {
    node.error("onnx-shape-mismatch", "'indices' is a scalar, but rank 1 or more is expected")
        .note("its last dimension holds positions");
    return {};
  }
  int64_t depth = node.rank(x) + node.rank(indices) - 1 - node.rank(node.input(2));
  indices = withDepth(node, indices, depth, node.rank(x), "rank " + Twine(node.rank(node.input(2))) + " of 'updates'");
  if (node.failed())
    return {};
  node.staticDim(indices, node.rank(indices) - 1, "ScatterND");
  return node.create<graph::ScatterNdOp>(x, indices, node.input(2), *kind);
}

/// ReverseSequence: within the first `length` elements along the time axis,
/// position t holds what was at length - 1 - t. The axes are the first two in
/// ONNX: then what is behind them moves as a whole.
static Value importReverseSequence(Node &node) {
  Value x = node.input(0), lengths = node.input(1);
  int64_t time = node.axis("time_axis", x), batch = node.axis("batch_axis", x);
  if (node.failed())
    return {};
  if (time == batch || node.rank(lengths) != 1) {
    node.error("onnx-shape-mismatch", "'time_axis' is " + Twine(time) + ", 'batch_axis' is " + Twine(batch) +
                                          " and 'sequence_lens' has rank " + Twine(node.rank(lengths)))
        .note("two different axes and a vector of lengths are expected");
    return {};
  }
  Type i64 = node.builder().getI64Type(), i1 = node.builder().getI1Type();
  Dims dims = node.dims(x);
  bool isLeading = time < 2 && batch < 2;
  Dims alongTime(isLeading ? 3 : dims.size(), node.solver().constant(1)), alongBatch = alongTime, pair = alongTime;
  alongTime[time] = dims[time];
  alongBatch[batch] = dims[batch];
  Value t = node.createTyped<graph::IotaOp>(node.solver().type(alongTime, i64), time);
  node.check(t, node.dims(lengths)[0], dims[batch],
             "the lengths in 'sequence_lens' and dim " + Twine(batch) + " of 'input'");
  if (node.failed())
    return {};
  Value length = node.reshape(lengths, alongBatch);
  Value mirrored = node.sub(node.add(length, -1.0), t);
  Value inside = node.createAs<graph::LessOp>(i1, t, length);
  Value from = node.createAs<graph::SelectOp>(i64, inside, mirrored, t);
  if (!isLeading)
    return node.create<graph::GatherElementsOp>(x, node.broadcast(from, dims), time);
  pair[2] = node.solver().constant(2);
  Value axis = node.createTyped<graph::IotaOp>(node.solver().type(pair, i64), int64_t(2));
  Value isTime = node.createAs<graph::EqualOp>(i1, axis, node.scalar(i64, static_cast<double>(time)));
  Value sample = node.createTyped<graph::IotaOp>(node.solver().type(alongBatch, i64), batch);
  return node.create<graph::GatherNdOp>(x, node.createAs<graph::SelectOp>(i64, isTime, from, sample), int64_t(0));
}

static Value importOneHot(Node &node) {
  Type i64 = node.builder().getI64Type(), i1 = node.builder().getI1Type();
  Value indices = node.cast(node.input(0), i64);
  int64_t rank = node.rank(indices) + 1;
  int64_t axis = node.normalizeAxis(node.integer("axis"), rank, "axis");
  Value depth = node.cast(node.reshape(node.input(1), {}), i64);
  if (node.failed())
    return {};
  AffineExpr size = asSize(node, node.entry(depth, "'depth'"), "'depth'");
  if (node.failed())
    return {};
  // Negative positions count from the end; all others out of range hit nothing.
  Value zero = node.scalar(i64, 0);
  Value negative = node.createAs<graph::LessOp>(i1, indices, zero);
  indices = node.create<graph::AddOp>(indices, node.createAs<graph::SelectOp>(i64, negative, depth, zero));
  Dims along(rank, node.solver().constant(1));
  along[axis] = size;
  Value positions = node.createTyped<graph::IotaOp>(node.solver().type(along, i64), axis);
  Value hit = node.createAs<graph::EqualOp>(i1, node.unsqueeze(indices, {axis}), positions);
  auto pick = [&](int64_t which) {
    Value index = node.constant(llvm::ArrayRef<int64_t>(which));
    Value one = node.create<graph::GatherOp>(node.input(2), index, int64_t(0));
    return node.reshape(one, {});
  };
  if (node.rank(node.input(2)) != 1) {
    node.error("onnx-shape-mismatch",
               "'values' has rank " + Twine(node.rank(node.input(2))) + ", but a vector of 2 is expected")
        .note("give [off_value, on_value]");
    return {};
  }
  Value off = pick(0), on = pick(1);
  return node.createAs<graph::SelectOp>(node.element(on), hit, on, off);
}

/// TensorScatter: `update` in the place of the elements of a cache from a
/// position on, which each sample of the batch has for itself.
static Value importTensorScatter(Node &node) {
  Value cache = node.input(0), update = node.input(1), start = node.input(2);
  int64_t axis = node.axis("axis", cache);
  llvm::StringRef mode = node.string("mode");
  if (mode != "linear" && mode != "circular")
    return node.unsupported("mode", quoted(mode), "\"linear\" and \"circular\" are");
  if (node.failed())
    return {};
  if (node.rank(update) != node.rank(cache) || axis == 0 || (start && node.rank(start) != 1)) {
    node.error("onnx-shape-mismatch", "'past_cache' has rank " + Twine(node.rank(cache)) + ", 'update' rank " +
                                          Twine(node.rank(update)) + ", and 'axis' is " + Twine(axis))
        .note("equal ranks, an axis other than the batch and a vector of positions are expected");
    return {};
  }
  Type i64 = node.builder().getI64Type(), i1 = node.builder().getI1Type();
  graph::ShapeSolver &solver = node.solver();
  Dims dims = node.dims(cache), written = node.dims(update);
  Dims alongAxis(dims.size(), solver.constant(1)), alongBatch = alongAxis;
  alongAxis[axis] = dims[axis];
  alongBatch[0] = dims[0];
  // Which element of the update each element of the cache would be.
  Value at = node.createTyped<graph::IotaOp>(solver.type(alongAxis, i64), axis);
  if (start)
    at = node.sub(at, node.reshape(start, alongBatch));
  if (mode == "circular")
    at = node.create<graph::ModOp>(at, node.size(dims[axis]));
  Value isNew = node.create<graph::AndOp>(node.createAs<graph::GreaterEqualOp>(i1, at, node.scalar(i64, 0)),
                                          node.createAs<graph::LessOp>(i1, at, node.size(written[axis])));
  Value safe = node.createAs<graph::SelectOp>(i64, isNew, at, node.scalar(i64, 0));
  Value taken = node.create<graph::GatherElementsOp>(update, node.broadcast(safe, dims), axis);
  return node.createAs<graph::SelectOp>(node.element(cache), isNew, taken, cache);
}

void onnx_import::registerIndexingOps(OpTable &ops) {
  ops.add("Gather", {1, 11, 13}, importGather);
  ops.add("GatherElements", {11, 13}, importGatherElements);
  ops.add("GatherND", {11, 12, 13}, importGatherND);
  ops.add("Scatter", {9}, importScatterElements);
  ops.add("ScatterElements", {11, 13, 16, 18}, importScatterElements);
  ops.add("ScatterND", {11, 13, 16, 18}, importScatterND);
  ops.add("ReverseSequence", {10, 28}, importReverseSequence);
  ops.add("OneHot", {9, 11, 28}, importOneHot);
  ops.add("TensorScatter", {24}, importTensorScatter);
}
