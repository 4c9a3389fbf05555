// lib/Import/ONNX/Elementwise.cpp: operators that compute each element on its
// own.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ElementType.h"
#include "Import/Core/Node.h"
#include "OpTable.h"
#include "Tensor.h"

#include "onnx/onnx-ml.pb.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::SmallVector;

template <typename OpT> static Value importUnary(Node &node) { return node.create<OpT>(node.input(0)); }

/// The second operand of a binary operator. Before version 7, its dimensions
/// could be those of the first from 'axis' on.
static Value secondOperand(Node &node) {
  Value a = node.input(0), b = node.input(1);
  if (node.version() >= 7)
    return b;
  bool hasAxis = node.flag("broadcast") && node.has("axis");
  int64_t axis = hasAxis ? node.axis("axis", a) : 0;
  node.ignore({"axis"});
  if (!hasAxis || node.failed())
    return b;
  Dims shape = node.dims(b);
  int64_t behind = node.rank(a) - axis - node.rank(b);
  shape.append(std::max<int64_t>(behind, 0), node.solver().constant(1));
  return node.reshape(b, shape);
}

template <typename OpT> static Value importBinary(Node &node) {
  return node.create<OpT>(node.input(0), secondOperand(node));
}

template <typename OpT> static Value importCompare(Node &node) {
  return node.createAs<OpT>(node.builder().getI1Type(), node.input(0), secondOperand(node));
}

/// PRelu before version 7 has one slope, or one for each channel.
static Value importPRelu(Node &node) {
  Value x = node.input(0), slope = node.input(1);
  bool isOne = node.rank(slope) == 1 && node.dims(slope).front() == node.solver().constant(1);
  if (node.version() < 7 && node.rank(slope) == 1 && node.rank(x) > 1 && !isOne)
    slope = node.channels(slope, x);
  return node.create<graph::PreluOp>(x, slope);
}

/// Max, Min and Sum take any number of operands.
template <typename OpT> static Value importVariadic(Node &node) {
  Value result = node.input(0);
  for (Value operand : node.inputs().drop_front())
    result = node.create<OpT>(result, operand);
  return result;
}

static Value importMean(Node &node) { return node.div(importVariadic<graph::AddOp>(node), node.inputs().size()); }

template <typename OpT> static Value importAlpha(Node &node) {
  return node.create<OpT>(node.input(0), llvm::APFloat(node.number("alpha")));
}

static Value importHardSigmoid(Node &node) {
  return node.create<graph::HardSigmoidOp>(node.input(0), llvm::APFloat(node.number("alpha")),
                                           llvm::APFloat(node.number("beta")));
}

static Value importHardSwish(Node &node) {
  Value gate = node.create<graph::HardSigmoidOp>(node.input(0), llvm::APFloat(1.0 / 6.0), llvm::APFloat(0.5));
  return node.mul(node.input(0), gate);
}

static Value importSelu(Node &node) {
  return node.create<graph::SeluOp>(node.input(0), llvm::APFloat(node.number("alpha")),
                                    llvm::APFloat(node.number("gamma")));
}

static Value importShrink(Node &node) {
  Type element = node.element(node.input(0));
  // The thresholds are floats, so integers are compared as such.
  Value x = node.isFloat(node.input(0)) ? node.input(0) : node.cast(node.input(0), node.builder().getF64Type());
  Value y = node.create<graph::ShrinkOp>(x, llvm::APFloat(node.number("lambd")), llvm::APFloat(node.number("bias")));
  return node.cast(y, element);
}

static Value importSwiGLU(Node &node) {
  Value gate = node.create<graph::SwishOp>(node.input(0), llvm::APFloat(node.number("alpha")));
  return node.mul(gate, node.input(1));
}

static Value importGelu(Node &node) {
  llvm::StringRef approximate = node.string("approximate");
  if (approximate != "none" && approximate != "tanh")
    return node.unsupported("approximate", quoted(approximate), "\"none\" and \"tanh\" are");
  return node.create<graph::GeluOp>(node.input(0), approximate == "tanh");
}

static Value importIsNaN(Node &node) {
  return node.createAs<graph::IsNanOp>(node.builder().getI1Type(), node.input(0));
}

static Value importIsInf(Node &node) {
  return node.createAs<graph::IsInfOp>(node.builder().getI1Type(), node.input(0), node.flag("detect_negative"),
                                       node.flag("detect_positive"));
}

/// A cast as the node's 'saturate' and 'round_mode' have it.
static Value castAs(Node &node, Value x, Type element) {
  bool saturates = node.version() < 19 || node.flag("saturate");
  llvm::StringRef mode = node.version() < 24 ? "up" : node.string("round_mode");
  std::optional<graph::RoundMode> rounds = graph::symbolizeRoundMode(mode);
  if (!rounds)
    return node.unsupported("round_mode", quoted(mode), "\"up\", \"down\" and \"nearest\" are");
  if (node.failed() || node.element(x) == element)
    return x;
  return node.createAs<graph::CastOp>(element, x, saturates, *rounds);
}

static Value importCast(Node &node) {
  int32_t to = static_cast<int32_t>(node.integer("to"));
  if (node.version() == 1) { // By name.
    ::onnx::TensorProto::DataType type = ::onnx::TensorProto::UNDEFINED;
    (void)::onnx::TensorProto::DataType_Parse(node.string("to").str(), &type);
    to = type;
  }
  Type element = toMLIRType(node.builder().getContext(), to);
  if (!element)
    return node.unsupported("to", elementTypeName(to), "numbers of TensorProto.DataType are");
  return castAs(node, node.input(0), element);
}

static Value importBitCast(Node &node) {
  int32_t to = static_cast<int32_t>(node.integer("to"));
  Type element = toMLIRType(node.builder().getContext(), to);
  if (!element)
    return node.unsupported("to", elementTypeName(to), "numbers of TensorProto.DataType are");
  return node.createAs<graph::BitcastOp>(element, node.input(0));
}

static Value importCastLike(Node &node) { return castAs(node, node.input(0), node.element(node.input(1))); }

static Value importBitShift(Node &node) {
  llvm::StringRef direction = node.string("direction");
  if (direction == "LEFT")
    return node.create<graph::ShiftLeftOp>(node.input(0), node.input(1));
  if (direction == "RIGHT")
    return node.create<graph::ShiftRightOp>(node.input(0), node.input(1));
  return node.unsupported("direction", quoted(direction), "\"LEFT\" and \"RIGHT\" are");
}

static Value importMod(Node &node) {
  if (node.flag("fmod"))
    return node.create<graph::FmodOp>(node.input(0), node.input(1));
  return node.create<graph::ModOp>(node.input(0), node.input(1));
}

static Value importWhere(Node &node) {
  return node.createAs<graph::SelectOp>(node.element(node.input(1)), node.input(0), node.input(1), node.input(2));
}

/// Clip from version 11 on: bounds are optional scalars.
static Value importClip11(Node &node) {
  Value x = node.input(0);
  if (Value low = node.input(1))
    x = node.create<graph::MaxOp>(x, low);
  if (Value high = node.input(2))
    x = node.create<graph::MinOp>(x, high);
  return x;
}

static Value importClip6(Node &node) {
  Value x = node.input(0);
  Type element = node.element(x);
  if (node.has("min"))
    x = node.create<graph::MaxOp>(x, node.scalar(element, node.number("min")));
  if (node.has("max"))
    x = node.create<graph::MinOp>(x, node.scalar(element, node.number("max")));
  return x;
}

static Value importIdentity(Node &node) { return node.input(0); }

void onnx_import::registerElementwiseOps(OpTable &ops) {
  ops.add("Abs", {1, 6, 13}, importUnary<graph::AbsOp>);
  ops.add("Acos", {7, 22}, importUnary<graph::AcosOp>);
  ops.add("Acosh", {9, 22}, importUnary<graph::AcoshOp>);
  ops.add("Asin", {7, 22}, importUnary<graph::AsinOp>);
  ops.add("Asinh", {9, 22}, importUnary<graph::AsinhOp>);
  ops.add("Atan", {7, 22}, importUnary<graph::AtanOp>);
  ops.add("Atanh", {9, 22}, importUnary<graph::AtanhOp>);
  ops.add("BitwiseNot", {18}, importUnary<graph::BitwiseNotOp>);
  ops.add("Ceil", {1, 6, 13}, importUnary<graph::CeilOp>);
  ops.add("Cos", {7, 22}, importUnary<graph::CosOp>);
  ops.add("Cosh", {9, 22}, importUnary<graph::CoshOp>);
  ops.add("Erf", {9, 13}, importUnary<graph::ErfOp>);
  ops.add("Exp", {1, 6, 13}, importUnary<graph::ExpOp>);
  ops.add("Floor", {1, 6, 13}, importUnary<graph::FloorOp>);
  ops.add("Log", {1, 6, 13}, importUnary<graph::LogOp>);
  ops.add("Mish", {18, 22}, importUnary<graph::MishOp>);
  ops.add("Neg", {1, 6, 13}, importUnary<graph::NegOp>);
  ops.add("Not", {1}, importUnary<graph::NotOp>);
  ops.add("Reciprocal", {1, 6, 13}, importUnary<graph::ReciprocalOp>);
  ops.add("Relu", {1, 6, 13, 14}, importUnary<graph::ReluOp>);
  ops.add("Round", {11, 22}, importUnary<graph::RoundOp>);
  ops.add("Sigmoid", {1, 6, 13}, importUnary<graph::SigmoidOp>);
  ops.add("Sign", {9, 13}, importUnary<graph::SignOp>);
  ops.add("Sin", {7, 22}, importUnary<graph::SinOp>);
  ops.add("Sinh", {9, 22}, importUnary<graph::SinhOp>);
  ops.add("Softplus", {1, 22}, importUnary<graph::SoftplusOp>);
  ops.add("Softsign", {1, 22}, importUnary<graph::SoftsignOp>);
  ops.add("Sqrt", {1, 6, 13}, importUnary<graph::SqrtOp>);
  ops.add("Tan", {7, 22}, importUnary<graph::TanOp>);
  ops.add("Tanh", {1, 6, 13}, importUnary<graph::TanhOp>);

  ops.add("Celu", {12, 28}, importAlpha<graph::CeluOp>);
  ops.add("Elu", {1, 6, 22}, importAlpha<graph::EluOp>);
  ops.add("LeakyRelu", {1, 6, 16}, importAlpha<graph::LeakyReluOp>);
  ops.add("Swish", {24}, importAlpha<graph::SwishOp>);
  ops.add("ThresholdedRelu", {10, 22}, importAlpha<graph::ThresholdedReluOp>);
  ops.add("Gelu", {20}, importGelu);
  ops.add("HardSigmoid", {1, 6, 22}, importHardSigmoid);
  ops.add("HardSwish", {14, 22}, importHardSwish);
  ops.add("Selu", {1, 6, 22}, importSelu);
  ops.add("Shrink", {9}, importShrink);
  ops.add("SwiGLU", {28}, importSwiGLU);

  ops.add("IsInf", {10, 20}, importIsInf);
  ops.add("IsNaN", {9, 13, 20}, importIsNaN);
  ops.add("Cast", {1, 6, 9, 13, 19, 21, 23, 24, 25, 28}, importCast);
  ops.add("BitCast", {26}, importBitCast);
  ops.add("CastLike", {15, 19, 21, 23, 24, 25}, importCastLike);

  ops.add("Add", {1, 6, 7, 13, 14}, importBinary<graph::AddOp>);
  ops.add("Sub", {1, 6, 7, 13, 14}, importBinary<graph::SubOp>);
  ops.add("Mul", {1, 6, 7, 13, 14}, importBinary<graph::MulOp>);
  ops.add("Div", {1, 6, 7, 13, 14}, importBinary<graph::DivOp>);
  ops.add("Pow", {1, 7, 12, 13, 15}, importBinary<graph::PowOp>);
  ops.add("PRelu", {1, 6, 7, 9, 16}, importPRelu);
  ops.add("Mod", {10, 13, 28}, importMod);
  ops.add("Max", {1, 6, 8, 12, 13}, importVariadic<graph::MaxOp>);
  ops.add("Min", {1, 6, 8, 12, 13}, importVariadic<graph::MinOp>);
  ops.add("Sum", {1, 6, 8, 13}, importVariadic<graph::AddOp>);
  ops.add("Mean", {1, 6, 8, 13}, importMean);
  ops.add("And", {1, 7}, importBinary<graph::AndOp>);
  ops.add("Or", {1, 7}, importBinary<graph::OrOp>);
  ops.add("Xor", {1, 7}, importBinary<graph::XorOp>);
  ops.add("BitwiseAnd", {18}, importBinary<graph::BitwiseAndOp>);
  ops.add("BitwiseOr", {18}, importBinary<graph::BitwiseOrOp>);
  ops.add("BitwiseXor", {18}, importBinary<graph::BitwiseXorOp>);
  ops.add("BitShift", {11, 28}, importBitShift);
  ops.add("Equal", {1, 7, 11, 13, 19}, importCompare<graph::EqualOp>);
  ops.add("Greater", {1, 7, 9, 13}, importCompare<graph::GreaterOp>);
  ops.add("GreaterOrEqual", {12, 16}, importCompare<graph::GreaterEqualOp>);
  ops.add("Less", {1, 7, 9, 13}, importCompare<graph::LessOp>);
  ops.add("LessOrEqual", {12, 16}, importCompare<graph::LessEqualOp>);

  ops.add("Clip", {1, 6}, importClip6);
  ops.add("Clip", {11, 12, 13}, importClip11);
  ops.add("Where", {9, 16}, importWhere);
  ops.add("Identity", {1, 13, 14, 16, 19, 21, 23, 24, 25}, importIdentity);
}
