// lib/Export/ONNX/Shape.cpp: ops that move elements without computing on them, and ops on shapes.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Writer.h"

using namespace lathe;
using namespace lathe::onnx_export;
using namespace mlir;

static Type i64(Operation *op) { return IntegerType::get(op->getContext(), 64); }

/// What is left of folding is in no use.
static void writeConstant(Writer &w, graph::ConstantOp op) {
  if (!op->use_empty())
    w.finish(op, w.constant(op.getValue(), op));
}

static void writeShape(Writer &w, graph::ShapeOp op) {
  w.finish(op, w.add("Shape", {w.name(op.getX())},
                     {{"start", static_cast<int64_t>(op.getStart())}, {"end", static_cast<int64_t>(op.getEnd())}}));
}

static void writeDimValues(Writer &w, graph::DimValuesOp op) {
  auto results = op.getDims().getMap().getResults();
  Name values = w.cast(w.shape(results), i64(op), elementOf(op.getY()));
  w.finish(op, typeOf(op.getY()).getRank() == 1 ? values : w.reshape(values, w.dims(op.getY())));
}

static void writeReshape(Writer &w, graph::ReshapeOp op) {
  if (!op.getShape())
    return w.finish(op, w.reshape(w.name(op.getX()), w.dims(op.getY())));
  w.finish(op, w.add("Reshape", {w.name(op.getX()), w.wide(op.getShape())}, {{"allowzero", op.getAllowZero()}}));
}

static void writeTranspose(Writer &w, graph::TransposeOp op) {
  Name result = w.fresh();
  w.setIntegers(w.node("Transpose", {w.name(op.getX())}, {result}), "perm", op.getPermutation());
  w.finish(op, result);
}

static void writeBroadcast(Writer &w, graph::BroadcastOp op) {
  Name shape = op.getShape() ? w.wide(op.getShape()) : w.shape(w.dims(op.getY()));
  w.finish(op, w.add("Expand", {w.name(op.getX()), shape}));
}

static void writeConcat(Writer &w, graph::ConcatOp op) {
  Names inputs;
  for (Value x : op.getXs())
    inputs.push_back(w.name(x));
  w.finish(op, w.add("Concat", inputs, {{"axis", static_cast<int64_t>(op.getAxis())}}));
}

/// Where a slice of the size of the result ends. Going down, it is said from the end of the dimension, so that what
/// is before the first element is never taken for such a position.
static AffineExpr endOf(AffineExpr offset, AffineExpr size, int64_t step, AffineExpr whole) {
  if (!offset || !size || !whole)
    return {};
  AffineExpr end = offset + size * step;
  return step < 0 ? end - whole : end;
}

static void writeSlice(Writer &w, graph::SliceOp op) {
  Name starts, ends;
  if (op.getStarts()) {
    starts = w.wide(op.getStarts());
    ends = w.wide(op.getEnds());
  } else {
    graph::Dims offsets(op.getOffsets()->getMap().getResults()), last;
    graph::Dims sizes = w.dims(op.getY()), whole = w.dims(op.getX());
    for (auto [offset, axis, step] : llvm::zip(offsets, op.getAxes(), op.getSteps()))
      last.push_back(endOf(offset, sizes[axis], step, whole[axis]));
    starts = w.shape(offsets);
    ends = w.shape(last);
  }
  w.finish(op, w.add("Slice", {w.name(op.getX()), starts, ends, w.integers(op.getAxes()), w.integers(op.getSteps())}));
}

static void writePad(Writer &w, graph::PadOp op) {
  Name pads = op.getPads() ? w.wide(op.getPads()) : w.shape(op.getAmounts()->getMap().getResults());
  Names inputs = {w.name(op.getX()), pads};
  if (Value value = op.getValue())
    inputs.push_back(typeOf(value).getRank() == 0 ? w.name(value) : w.reshape(w.name(value), {}));
  Name result = w.fresh();
  w.setText(w.node("Pad", inputs, {result}), "mode", graph::stringifyPadMode(op.getMode()));
  w.finish(op, result);
}

static void writeRange(Writer &w, graph::RangeOp op) {
  w.finish(op, w.add("Range", {w.name(op.getStart()), w.name(op.getLimit()), w.name(op.getDelta())}));
}

static void writeIota(Writer &w, graph::IotaOp op) {
  graph::Dims dims = w.dims(op.getY()), along(dims.size(), getAffineConstantExpr(1, op.getContext()));
  auto axis = static_cast<size_t>(op.getAxis());
  along[axis] = dims[axis];
  Name limit = w.reshape(w.size(dims[axis]), {});
  Name places =
      w.cast(w.add("Range", {w.scalar(i64(op), 0), limit, w.scalar(i64(op), 1)}), i64(op), elementOf(op.getY()));
  if (along.size() > 1)
    places = w.reshape(places, along);
  w.finish(op, along == dims ? places : w.add("Expand", {places, w.shape(dims)}));
}

void onnx_export::addShapeOps(OpTable &table) {
  addRow<graph::ConstantOp, writeConstant>(table);
  addRow<graph::ShapeOp, writeShape>(table);
  addRow<graph::DimValuesOp, writeDimValues>(table);
  addRow<graph::ReshapeOp, writeReshape>(table);
  addRow<graph::TransposeOp, writeTranspose>(table);
  addRow<graph::BroadcastOp, writeBroadcast>(table);
  addRow<graph::ConcatOp, writeConcat>(table);
  addRow<graph::SliceOp, writeSlice>(table);
  addRow<graph::PadOp, writePad>(table);
  addRow<graph::RangeOp, writeRange>(table);
  addRow<graph::IotaOp, writeIota>(table);
}
