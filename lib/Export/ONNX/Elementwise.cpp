// lib/Export/ONNX/Elementwise.cpp: ops that compute each element on its own.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Writer.h"

using namespace lathe;
using namespace lathe::onnx_export;
using namespace mlir;
using llvm::StringRef;

static Names namesOf(Writer &w, Operation *op) {
  Names names;
  for (Value operand : op->getOperands())
    names.push_back(w.name(operand));
  return names;
}

namespace {
struct OperatorRow {
  StringRef op, kind;
};
} // namespace

/// Ops whose operands are the operator's inputs, in their order.
static constexpr OperatorRow sameOperators[] = {
    {"graph.abs", "Abs"},
    {"graph.neg", "Neg"},
    {"graph.sign", "Sign"},
    {"graph.ceil", "Ceil"},
    {"graph.floor", "Floor"},
    {"graph.round", "Round"},
    {"graph.reciprocal", "Reciprocal"},
    {"graph.sqrt", "Sqrt"},
    {"graph.exp", "Exp"},
    {"graph.log", "Log"},
    {"graph.sin", "Sin"},
    {"graph.cos", "Cos"},
    {"graph.tan", "Tan"},
    {"graph.asin", "Asin"},
    {"graph.acos", "Acos"},
    {"graph.atan", "Atan"},
    {"graph.sinh", "Sinh"},
    {"graph.cosh", "Cosh"},
    {"graph.tanh", "Tanh"},
    {"graph.asinh", "Asinh"},
    {"graph.acosh", "Acosh"},
    {"graph.atanh", "Atanh"},
    {"graph.erf", "Erf"},
    {"graph.relu", "Relu"},
    {"graph.sigmoid", "Sigmoid"},
    {"graph.softplus", "Softplus"},
    {"graph.softsign", "Softsign"},
    {"graph.mish", "Mish"},
    {"graph.not", "Not"},
    {"graph.bitwise_not", "BitwiseNot"},
    {"graph.is_nan", "IsNaN"},
    {"graph.add", "Add"},
    {"graph.sub", "Sub"},
    {"graph.mul", "Mul"},
    {"graph.div", "Div"},
    {"graph.pow", "Pow"},
    {"graph.min", "Min"},
    {"graph.max", "Max"},
    {"graph.and", "And"},
    {"graph.or", "Or"},
    {"graph.xor", "Xor"},
    {"graph.bitwise_and", "BitwiseAnd"},
    {"graph.bitwise_or", "BitwiseOr"},
    {"graph.bitwise_xor", "BitwiseXor"},
    {"graph.equal", "Equal"},
    {"graph.less", "Less"},
    {"graph.less_equal", "LessOrEqual"},
    {"graph.greater", "Greater"},
    {"graph.greater_equal", "GreaterOrEqual"},
    {"graph.select", "Where"},
};

/// The same with the attribute `alpha`.
static constexpr OperatorRow alphaOperators[] = {
    {"graph.leaky_relu", "LeakyRelu"},
    {"graph.elu", "Elu"},
    {"graph.celu", "Celu"},
    {"graph.thresholded_relu", "ThresholdedRelu"},
};

static StringRef kindOf(llvm::ArrayRef<OperatorRow> rows, Operation *op) {
  return llvm::find_if(rows, [&](const OperatorRow &row) { return row.op == op->getName().getStringRef(); })->kind;
}

static void writeSame(Writer &w, Operation *op) { w.finish(op, w.add(kindOf(sameOperators, op), namesOf(w, op))); }

static void writeAlpha(Writer &w, Operation *op) {
  Name result = w.fresh();
  ::onnx::NodeProto &node = w.node(kindOf(alphaOperators, op), namesOf(w, op), {result});
  w.setNumber(node, "alpha", op->getAttrOfType<FloatAttr>("alpha").getValueAsDouble());
  w.finish(op, result);
}

template <class OpT> static void writeTwoNumbers(Writer &w, OpT op, StringRef kind, StringRef alpha, StringRef beta) {
  Name result = w.fresh();
  ::onnx::NodeProto &node = w.node(kind, {w.name(op.getX())}, {result});
  w.setNumber(node, alpha, op.getAlpha().convertToDouble());
  w.setNumber(node, beta, op.getBeta().convertToDouble());
  w.finish(op, result);
}

static void writeHardSigmoid(Writer &w, graph::HardSigmoidOp op) {
  writeTwoNumbers(w, op, "HardSigmoid", "alpha", "beta");
}
static void writeSelu(Writer &w, graph::SeluOp op) { writeTwoNumbers(w, op, "Selu", "alpha", "gamma"); }
static void writeShrink(Writer &w, graph::ShrinkOp op) { writeTwoNumbers(w, op, "Shrink", "lambd", "bias"); }

static void writeSwish(Writer &w, graph::SwishOp op) {
  Name x = w.name(op.getX()), scaled = x;
  if (!op.getAlpha().isExactlyValue(1.0))
    scaled = w.add("Mul", {x, w.scalar(elementOf(op.getX()), op.getAlpha().convertToDouble())});
  w.finish(op, w.add("Mul", {x, w.add("Sigmoid", {scaled})}));
}

static void writeGelu(Writer &w, graph::GeluOp op) {
  Name result = w.fresh();
  w.setText(w.node("Gelu", {w.name(op.getX())}, {result}), "approximate", op.getApproximateTanh() ? "tanh" : "none");
  w.finish(op, result);
}

static void writeIsInf(Writer &w, graph::IsInfOp op) {
  w.finish(op, w.add("IsInf", {w.name(op.getX())},
                     {{"detect_negative", op.getDetectNegative()}, {"detect_positive", op.getDetectPositive()}}));
}

static void writeCast(Writer &w, graph::CastOp op) {
  Name result = w.fresh();
  ::onnx::NodeProto &node = w.node("Cast", {w.name(op.getX())}, {result});
  w.setInteger(node, "to", w.dataType(elementOf(op.getY())));
  if (!op.getSaturate())
    w.setInteger(node, "saturate", 0);
  if (isa<Float8E8M0FNUType>(elementOf(op.getY())))
    w.setText(node, "round_mode", graph::stringifyRoundMode(op.getRoundMode()));
  w.finish(op, result);
}

static void writeBitcast(Writer &w, graph::BitcastOp op) {
  w.require(26);
  w.finish(op, w.add("BitCast", {w.name(op.getX())}, {{"to", w.dataType(elementOf(op.getY()))}}));
}

/// ONNX's Mod of floats has the sign of the first operand.
static void writeMod(Writer &w, graph::ModOp op) {
  Name a = w.name(op.getA()), b = w.name(op.getB());
  if (isa<FloatType>(elementOf(op.getA())))
    return w.finish(op, w.add("Sub", {a, w.add("Mul", {b, w.add("Floor", {w.add("Div", {a, b})})})}));
  w.finish(op, w.add("Mod", {a, b}));
}

static void writeFmod(Writer &w, graph::FmodOp op) {
  w.finish(op, w.add("Mod", {w.name(op.getA()), w.name(op.getB())}, {{"fmod", 1}}));
}

/// PRelu broadcasts its slope alone.
static void writePrelu(Writer &w, graph::PreluOp op) {
  Name a = w.name(op.getA()), b = w.name(op.getB());
  if (w.dims(op.getA()) == w.dims(op.getY()))
    return w.finish(op, w.add("PRelu", {a, b}));
  Name isPositive = w.add("GreaterOrEqual", {a, w.scalar(elementOf(op.getA()), 0)});
  w.finish(op, w.add("Where", {isPositive, a, w.add("Mul", {a, b})}));
}

static void writeShift(Writer &w, Operation *op, StringRef direction) {
  if (!elementOf(op->getOperand(0)).isUnsignedInteger())
    return w.refuse(op, "BitShift takes integers without a sign");
  Name result = w.fresh();
  w.setText(w.node("BitShift", namesOf(w, op), {result}), "direction", direction);
  w.finish(op, result);
}
static void writeShiftLeft(Writer &w, graph::ShiftLeftOp op) { writeShift(w, op, "LEFT"); }
static void writeShiftRight(Writer &w, graph::ShiftRightOp op) { writeShift(w, op, "RIGHT"); }

namespace {
/// How a scale is laid over the elements: as a scalar, along one axis, or in another way.
struct ScaleLayout {
  bool isScalar = false;
  std::optional<int64_t> axis;
};
} // namespace

static ScaleLayout layoutOf(Value scale, Value x) {
  auto type = typeOf(scale);
  int64_t offset = typeOf(x).getRank() - type.getRank();
  llvm::SmallVector<int64_t> wide;
  for (auto [i, size] : llvm::enumerate(type.getShape()))
    if (size != 1)
      wide.push_back(static_cast<int64_t>(i) + offset);
  if (wide.empty() && offset >= 0)
    return {true, {}};
  if (wide.size() == 1 && wide.front() >= 0)
    return {false, wide.front()};
  return {};
}

/// QuantizeLinear and DequantizeLinear take a scale and a zero as scalars, or as vectors along an axis.
static void writeLinear(Writer &w, Operation *op, StringRef kind, Value x, Value scale, Value zero) {
  ScaleLayout layout = layoutOf(scale, x);
  bool zeroFits = !zero || typeOf(zero).getShape() == typeOf(scale).getShape();
  if ((!layout.isScalar && !layout.axis) || !zeroFits || w.dims(x) != w.dims(op->getResult(0)))
    return w.refuse(op, (kind + " takes a scale for all or along one dimension").str());
  graph::Dims flat;
  if (layout.axis)
    for (AffineExpr dim : w.dims(scale))
      if (!dim || !isa<AffineConstantExpr>(dim) || cast<AffineConstantExpr>(dim).getValue() != 1)
        flat.push_back(dim);
  auto flatten = [&](Value value) { return w.dims(value) == flat ? w.name(value) : w.reshape(w.name(value), flat); };
  Names inputs = {w.name(x), flatten(scale)};
  if (zero)
    inputs.push_back(flatten(zero));
  Name result = w.fresh();
  ::onnx::NodeProto &node = w.node(kind, inputs, {result});
  if (layout.axis)
    w.setInteger(node, "axis", *layout.axis);
  if (!zero && kind == "QuantizeLinear")
    w.setInteger(node, "output_dtype", w.dataType(elementOf(op->getResult(0))));
  w.finish(op, result);
}

static void writeQuantize(Writer &w, graph::QuantizeOp op) {
  writeLinear(w, op, "QuantizeLinear", op.getX(), op.getScale(), op.getZero());
}

static void writeDequantize(Writer &w, graph::DequantizeOp op) {
  writeLinear(w, op, "DequantizeLinear", op.getX(), op.getScale(), op.getZero());
}

void onnx_export::addElementwiseOps(OpTable &table) {
  for (const OperatorRow &row : sameOperators)
    table[row.op] = writeSame;
  for (const OperatorRow &row : alphaOperators)
    table[row.op] = writeAlpha;
  addRow<graph::HardSigmoidOp, writeHardSigmoid>(table);
  addRow<graph::SeluOp, writeSelu>(table);
  addRow<graph::ShrinkOp, writeShrink>(table);
  addRow<graph::SwishOp, writeSwish>(table);
  addRow<graph::GeluOp, writeGelu>(table);
  addRow<graph::IsInfOp, writeIsInf>(table);
  addRow<graph::CastOp, writeCast>(table);
  addRow<graph::BitcastOp, writeBitcast>(table);
  addRow<graph::ModOp, writeMod>(table);
  addRow<graph::FmodOp, writeFmod>(table);
  addRow<graph::PreluOp, writePrelu>(table);
  addRow<graph::ShiftLeftOp, writeShiftLeft>(table);
  addRow<graph::ShiftRightOp, writeShiftRight>(table);
  addRow<graph::QuantizeOp, writeQuantize>(table);
  addRow<graph::DequantizeOp, writeDequantize>(table);
}
