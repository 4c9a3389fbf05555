// lib/Export/ONNX/Indexing.cpp: reductions, positions given by tensors, resampling, and strings.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Writer.h"

#include <cmath>

using namespace lathe;
using namespace lathe::onnx_export;
using namespace mlir;
using llvm::StringRef;

static int64_t integer(uint64_t value) { return static_cast<int64_t>(value); }

static void writeReduce(Writer &w, graph::ReduceOp op) {
  static constexpr StringRef kinds[] = {"ReduceSum",  "ReduceMean", "ReduceMax", "ReduceMin",
                                        "ReduceProd", "ReduceMax",  "ReduceMin"}; // Of booleans, any and all.
  Names inputs = {w.name(op.getX()), w.integers(op.getAxes())};
  w.finish(op, w.add(kinds[static_cast<size_t>(op.getKind())], inputs,
                     {{"keepdims", op.getKeepDims()}, {"noop_with_empty_axes", 1}}));
}

static void writeArg(Writer &w, graph::ArgOp op) {
  w.finish(
      op,
      w.add(op.getKind() == graph::ReduceKind::max ? "ArgMax" : "ArgMin", {w.name(op.getX())},
            {{"axis", integer(op.getAxis())}, {"keepdims", op.getKeepDims()}, {"select_last_index", op.getLast()}}));
}

static void writeTopK(Writer &w, graph::TopKOp op) {
  auto axis = integer(op.getAxis());
  Name result = w.fresh();
  ::onnx::NodeProto &node = w.node("TopK", {w.name(op.getX()), w.size(w.dims(op.getY())[axis])}, {w.fresh(), result});
  w.setInteger(node, "axis", axis);
  w.setInteger(node, "largest", op.getKind() == graph::ReduceKind::max);
  w.finish(op, result);
}

template <class OpT> static void writeCumulative(Writer &w, OpT op, StringRef kind) {
  Type i64 = IntegerType::get(op.getContext(), 64);
  w.finish(op, w.add(kind, {w.name(op.getX()), w.scalar(i64, static_cast<double>(op.getAxis()))},
                     {{"exclusive", op.getExclusive()}, {"reverse", op.getReverse()}}));
}
static void writeCumulativeSum(Writer &w, graph::CumulativeSumOp op) { writeCumulative(w, op, "CumSum"); }
static void writeCumulativeProduct(Writer &w, graph::CumulativeProductOp op) {
  w.require(26);
  writeCumulative(w, op, "CumProd");
}

static void writeGather(Writer &w, graph::GatherOp op) {
  w.finish(op, w.add("Gather", {w.name(op.getX()), w.name(op.getIndices())}, {{"axis", integer(op.getAxis())}}));
}
static void writeGatherElements(Writer &w, graph::GatherElementsOp op) {
  w.finish(op,
           w.add("GatherElements", {w.name(op.getX()), w.name(op.getIndices())}, {{"axis", integer(op.getAxis())}}));
}
static void writeGatherNd(Writer &w, graph::GatherNdOp op) {
  w.finish(op, w.add("GatherND", {w.name(op.getX()), w.wide(op.getIndices())},
                     {{"batch_dims", integer(op.getBatchDims())}}));
}

static void writeScatterElements(Writer &w, graph::ScatterElementsOp op) {
  Name result = w.fresh();
  ::onnx::NodeProto &node =
      w.node("ScatterElements", {w.name(op.getX()), w.name(op.getIndices()), w.name(op.getUpdates())}, {result});
  w.setInteger(node, "axis", integer(op.getAxis()));
  w.setText(node, "reduction", graph::stringifyScatterKind(op.getKind()));
  w.finish(op, result);
}

static void writeScatterNd(Writer &w, graph::ScatterNdOp op) {
  Name result = w.fresh();
  ::onnx::NodeProto &node =
      w.node("ScatterND", {w.name(op.getX()), w.wide(op.getIndices()), w.name(op.getUpdates())}, {result});
  w.setText(node, "reduction", graph::stringifyScatterKind(op.getKind()));
  w.finish(op, result);
}

/// The result has as many columns as its type says: what there are more is left out, and what is missing is 0.
static void writeNonzero(Writer &w, graph::NonzeroOp op) {
  Name all = w.add("NonZero", {w.name(op.getX())});
  Name wanted = w.size(w.dims(op.getY())[1]), zeros = w.integers({0, 0, 0});
  Name missing = w.add("Sub", {wanted, w.add("Shape", {all}, {{"start", 1}, {"end", 2}})});
  Name pads = w.add("Concat", {zeros, w.add("Max", {missing, w.integers({0})})}, {{"axis", 0}});
  w.finish(op, w.add("Slice", {w.add("Pad", {all, pads}), w.integers({0}), wanted, w.integers({1})}));
}

/// The known factors that the sizes of the result follow, as Resize computes them from scales; else nothing.
static std::optional<llvm::SmallVector<float>> scalesOf(graph::ResizeOp op) {
  if (!op.getFactors())
    return llvm::SmallVector<float>(op.getScales().begin(), op.getScales().end());
  auto constant = op.getFactors().getDefiningOp<graph::ConstantOp>();
  auto factors = constant ? dyn_cast<DenseFPElementsAttr>(constant.getValue()) : DenseFPElementsAttr();
  if (!factors)
    return std::nullopt;
  llvm::SmallVector<double> values;
  for (llvm::APFloat value : factors.getValues<llvm::APFloat>()) {
    bool isInexact;
    value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &isInexact);
    values.push_back(value.convertToDouble());
  }
  llvm::SmallVector<float> scales;
  for (auto [i, axis] : llvm::enumerate(op.getAxes())) {
    // Two rows are fractions.
    double factor = factors.getType().getRank() == 2 ? values[i] / values[op.getAxes().size() + i] : values[i];
    int64_t in = typeOf(op.getX()).getDimSize(axis), out = typeOf(op.getY()).getDimSize(axis);
    if (ShapedType::isDynamic(in) || ShapedType::isDynamic(out) ||
        out != static_cast<int64_t>(std::floor(static_cast<double>(in) * factor)))
      return std::nullopt;
    scales.push_back(static_cast<float>(factor));
  }
  return scales;
}

static void writeResize(Writer &w, graph::ResizeOp op) {
  std::optional<llvm::SmallVector<float>> scales = scalesOf(op);
  if (!scales)
    return w.refuse(op, "Resize takes sizes or scales, but these sizes are not the operand's times the scales");
  Names inputs = {w.name(op.getX()), ""};
  if (!scales->empty()) {
    auto type = RankedTensorType::get({integer(scales->size())}, Float32Type::get(op.getContext()));
    inputs.push_back(w.constant(DenseElementsAttr::get(type, llvm::ArrayRef(*scales)), op));
  } else {
    graph::Dims sizes;
    for (int64_t axis : op.getAxes())
      sizes.push_back(w.dims(op.getY())[axis]);
    inputs.append({"", op.getSizes() ? w.wide(op.getSizes()) : w.shape(sizes)});
  }
  Name result = w.fresh();
  ::onnx::NodeProto &node = w.node("Resize", inputs, {result});
  w.setIntegers(node, "axes", op.getAxes());
  w.setText(node, "mode", graph::stringifyResizeMode(op.getMode()));
  w.setText(node, "coordinate_transformation_mode", graph::stringifyCoordinateMode(op.getCoordinates()));
  w.setText(node, "nearest_mode", graph::stringifyNearestMode(op.getNearest()));
  w.setNumber(node, "cubic_coeff_a", op.getCubicCoefficient().convertToDouble());
  w.setInteger(node, "exclude_outside", op.getExcludeOutside());
  w.finish(op, result);
}

/// The functions on strings that are an operator's; the others are parts of one.
static void writeText(Writer &w, graph::TextOp op) {
  StringRef function = op.getFunction();
  auto input = [&](unsigned i) { return w.name(op.getArguments()[i]); };
  if (function == "equal")
    return w.finish(op, w.add("Equal", {input(0), input(1)}));
  if (function == "concat")
    return w.finish(op, w.add("StringConcat", {input(0), input(1)}));
  if (function == "parse" || function == "format")
    return w.finish(op, w.add("Cast", {input(0)}, {{"to", w.dataType(elementOf(op.getResult(0)))}}));
  if (function != "literal")
    return w.refuse(op, "no operator is the function '" + function + "' by itself");
  llvm::SmallVector<StringRef> texts(op.getParameters().getAsValueRange<StringAttr>());
  auto type = RankedTensorType::get(typeOf(op.getResult(0)).getShape(), graph::StringType::get(op.getContext()));
  w.finish(op, w.constant(DenseStringElementsAttr::get(type, texts), op));
}

void onnx_export::addIndexingOps(OpTable &table) {
  addRow<graph::ReduceOp, writeReduce>(table);
  addRow<graph::ArgOp, writeArg>(table);
  addRow<graph::TopKOp, writeTopK>(table);
  addRow<graph::CumulativeSumOp, writeCumulativeSum>(table);
  addRow<graph::CumulativeProductOp, writeCumulativeProduct>(table);
  addRow<graph::GatherOp, writeGather>(table);
  addRow<graph::GatherElementsOp, writeGatherElements>(table);
  addRow<graph::GatherNdOp, writeGatherNd>(table);
  addRow<graph::ScatterElementsOp, writeScatterElements>(table);
  addRow<graph::ScatterNdOp, writeScatterNd>(table);
  addRow<graph::NonzeroOp, writeNonzero>(table);
  addRow<graph::ResizeOp, writeResize>(table);
  addRow<graph::TextOp, writeText>(table);
}
