// lib/Import/ONNX/Quantization.cpp: operators on integers with scales and zero
// points.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ElementType.h"
#include "Import/Core/Node.h"
#include "OpTable.h"
#include "Quantize.h"
#include "Tensor.h"

#include <cmath>

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::Twine;

Value onnx_import::asScalar(Node &node, Value value) {
  bool isOne = value && !node.failed() && node.rank(value) == 1 && node.dims(value)[0] == node.solver().constant(1);
  return isOne ? node.reshape(value, {}) : value;
}

Value onnx_import::toScalar(Node &node, Value value) {
  return value && !node.failed() && node.rank(value) == 1 ? node.reshape(value, {}) : value;
}

/// A scale or zero point, shaped to broadcast along `axis` of `x`.
static Value along(Node &node, Value parameter, Value x, int64_t axis) {
  parameter = asScalar(node, parameter);
  if (node.failed() || node.rank(parameter) == 0)
    return parameter;
  Dims shape = node.dims(parameter);
  shape.resize(std::max<int64_t>(node.rank(x) - axis, 1), node.solver().constant(1));
  return node.reshape(parameter, shape);
}

Value onnx_import::repeatBlocks(Node &node, Value parameter, Value x, int64_t axis, int64_t size) {
  if (!parameter || node.failed())
    return parameter;
  if (node.rank(parameter) != node.rank(x)) {
    node.error("onnx-shape-mismatch", "with 'block_size', a scale or zero point has rank " +
                                          Twine(node.rank(parameter)) + ", but 'x' has rank " + Twine(node.rank(x)))
        .note("both need the same rank");
    return {};
  }
  graph::ShapeSolver &solver = node.solver();
  Dims wide = node.dims(parameter), dims = node.dims(x);
  Dims repeated = wide;
  wide.insert(wide.begin() + axis + 1, solver.constant(size));
  repeated[axis] = solver.product({repeated[axis], solver.constant(size)});
  Value y = node.reshape(node.broadcast(node.unsqueeze(parameter, {axis + 1}), wide), repeated);
  // The last block may be shorter.
  return node.slice(y, axis, solver.constant(0), dims[axis]);
}

namespace {

/// What has a scale and zero point of its own: slices along an axis, or blocks of
/// as many of them.
struct Slicing {
  int64_t axis = 0, block = 0;
};

} // namespace

static Slicing readSlicing(Node &node) {
  return {node.version() >= 13 ? node.integer("axis") : 0, node.version() >= 21 ? node.integer("block_size") : 0};
}

/// Those of com.microsoft, whose schema leaves the default out.
static Slicing readMicrosoftSlicing(Node &node) { return {node.has("axis") ? node.integer("axis") : 1, 0}; }

/// Shapes the scale and the zero point, if there is one, to broadcast with
/// `x`: of one element, one per slice along 'axis', or one per block of those.
static void spreadParameters(Node &node, Slicing slicing, Value x, Value &scale, Value &zero) {
  auto [axis, block] = slicing;
  if (block < 0 || block > int64_t(1) << 31) {
    node.unsupported("block_size", Twine(block), "0 and positive sizes are");
    return;
  }
  if (block > 0) {
    axis = node.normalizeAxis(axis, node.rank(x), "axis");
    scale = repeatBlocks(node, scale, x, axis, block);
    zero = repeatBlocks(node, zero, x, axis, block);
    return;
  }
  if (node.rank(scale) > 1) {
    node.error("onnx-shape-mismatch", "the scale has rank " + Twine(node.rank(scale)) + ", but at most 1 is expected")
        .note("without 'block_size', quantize per tensor or per axis");
    return;
  }
  // One element for the whole tensor may also be a vector; 'axis' means nothing then.
  scale = asScalar(node, scale);
  zero = asScalar(node, zero);
  if (node.failed() || (node.rank(scale) == 0 && (!zero || node.rank(zero) == 0)))
    return;
  axis = node.rank(scale) == 0 ? 0 : node.normalizeAxis(axis, node.rank(x), "axis");
  if (node.failed())
    return;
  scale = along(node, scale, x, axis);
  zero = zero ? along(node, zero, x, axis) : zero;
}

static Type typeOfDivision(Node &node, Value scale) {
  return node.element(scale).isF64() ? node.element(scale) : Type(node.builder().getF32Type());
}

Value onnx_import::quantize(Node &node, Value x, Value scale, Value zero, Type type) {
  if (node.failed())
    return {};
  // Wide enough for every zero point to be added exactly.
  Type wide = typeOfDivision(node, scale);
  return node.createAs<graph::QuantizeOp>(type, node.cast(x, wide), node.cast(scale, wide),
                                          zero ? node.cast(zero, type) : Value());
}

/// The range of an integer type.
static std::pair<double, double> rangeOf(mlir::IntegerType type) {
  bool isUnsigned = type.isUnsigned();
  return {isUnsigned ? 0 : -std::exp2(type.getWidth() - 1), std::exp2(type.getWidth() - (isUnsigned ? 0 : 1)) - 1};
}

/// The same for integers of less than a byte: what saturates at the range of a byte
/// and then at theirs.
static Value quantizeNarrow(Node &node, Value x, Value scale, Value zero, mlir::IntegerType type) {
  Type byte = graph::getStorageType(type);
  Value y = quantize(node, x, scale, zero ? node.cast(zero, byte) : zero, byte);
  auto [low, high] = rangeOf(type);
  y = node.create<graph::MinOp>(y, node.scalar(byte, high));
  if (low < 0)
    y = node.create<graph::MaxOp>(y, node.scalar(byte, low));
  return node.cast(y, type);
}

/// Floats of eight bits and less: the quotient, plus the zero point, in the type of
/// the division, and then a cast.
static Value quantizeFloat(Node &node, Value x, Value scale, Value zero, Type type, bool saturates) {
  Type wide = typeOfDivision(node, scale);
  x = node.div(node.cast(x, wide), node.cast(scale, wide));
  if (zero)
    x = node.add(x, node.cast(zero, wide));
  return node.failed() ? Value() : node.createAs<graph::CastOp>(type, x, saturates, graph::RoundMode::up);
}

/// `x` as integers of 2 to 16 bits.
static Value quantizeIntegers(Node &node, Value x, Value scale, Value zero, mlir::IntegerType type) {
  return type.getWidth() < 8 ? quantizeNarrow(node, x, scale, zero, type) : quantize(node, x, scale, zero, type);
}

static Value importQuantizeLinear(Node &node) {
  Value x = node.input(0), scale = node.input(1), zero = node.input(2);
  bool saturates = node.version() < 19 || node.flag("saturate");
  Type zeroType = node.element(zero);
  spreadParameters(node, readSlicing(node), x, scale, zero);
  if (node.version() >= 23 && node.integer("precision") != 0)
    return node.unsupported("precision", Twine(node.integer("precision")), "0 is");
  Type type = node.builder().getIntegerType(8, /*isSigned=*/false);
  if (zeroType)
    type = zeroType;
  if (node.version() >= 21 && node.integer("output_dtype") != 0)
    type = toMLIRType(node.builder().getContext(), static_cast<int32_t>(node.integer("output_dtype")));
  auto integer = mlir::dyn_cast_or_null<mlir::IntegerType>(type);
  auto format = mlir::dyn_cast_or_null<mlir::FloatType>(type);
  if (integer ? integer.getWidth() == 1 || integer.getWidth() > 16 : !format || format.getWidth() > 8)
    return node.unsupported("output_dtype", type ? elementTypeName(toONNXType(type)) : "another type",
                            "integers of 2 to 16 bits and floats of 4 to 8 bits are");
  if (zeroType && zeroType != type) {
    node.error("onnx-input-dtype", "'y_zero_point' is " + elementTypeName(toONNXType(zeroType)) +
                                       ", but 'output_dtype' is " + elementTypeName(toONNXType(type)))
        .note("give both one type, or leave one of them out");
    return {};
  }
  if (node.failed())
    return {};
  if (format)
    return quantizeFloat(node, x, scale, zero, type, saturates);
  return quantizeIntegers(node, x, scale, zero, integer);
}

static Value importMicrosoftQuantizeLinear(Node &node) {
  Value x = node.input(0), scale = node.input(1), zero = node.input(2);
  Type type = zero ? node.element(zero) : Type(node.builder().getIntegerType(8, /*isSigned=*/false));
  spreadParameters(node, readMicrosoftSlicing(node), x, scale, zero);
  return node.failed() ? Value() : quantizeIntegers(node, x, scale, zero, mlir::cast<mlir::IntegerType>(type));
}

Value onnx_import::subtractZero(Node &node, Value x, Value zero) {
  Type i32 = node.builder().getI32Type();
  x = node.cast(x, i32);
  return zero ? node.sub(x, node.cast(zero, i32)) : x;
}

/// Integers of less than a byte are read as bytes.
static Value dequantizeIntegers(Node &node, Value x, Value scale, Value zero, Type type) {
  if (node.failed())
    return {};
  if (auto integer = mlir::cast<mlir::IntegerType>(node.element(x)); integer.getWidth() < 8) {
    Type byte = graph::getStorageType(integer);
    x = node.cast(x, byte);
    zero = zero ? node.cast(zero, byte) : zero;
  }
  return node.createAs<graph::DequantizeOp>(type, x, scale, zero);
}

static Value importDequantizeLinear(Node &node) {
  Value x = node.input(0), scale = node.input(1), zero = node.input(2);
  Type type = node.element(scale);
  spreadParameters(node, readSlicing(node), x, scale, zero);
  if (node.version() >= 23 && node.integer("output_dtype") != 0)
    type = toMLIRType(node.builder().getContext(), static_cast<int32_t>(node.integer("output_dtype")));
  auto isWide = [](Type element) { return element.isF16() || element.isBF16() || element.isF32() || element.isF64(); };
  if (!type || !isWide(type))
    return node.unsupported("output_dtype", type ? elementTypeName(toONNXType(type)) : "another type",
                            "float32, float64, float16 and bfloat16 are");
  if (node.failed())
    return {};
  if (node.isFloat(x)) { // The difference is exact or 0: what is quantized has no zero point.
    Type f32 = node.builder().getF32Type();
    Value y = node.cast(x, f32);
    if (zero)
      y = node.sub(y, node.cast(zero, f32));
    return node.cast(node.mul(y, node.cast(scale, f32)), type);
  }
  bool isPower = node.element(scale).getIntOrFloatBitWidth() < 16;
  return dequantizeIntegers(node, x, isPower ? node.cast(scale, node.builder().getF32Type()) : scale, zero, type);
}

static Value importMicrosoftDequantizeLinear(Node &node) {
  Value x = node.input(0), scale = node.input(1), zero = node.input(2);
  Type type = node.element(scale);
  spreadParameters(node, readMicrosoftSlicing(node), x, scale, zero);
  return dequantizeIntegers(node, x, scale, zero, type);
}

Value onnx_import::dequantize(Node &node, Value x, Value scale, Value zero, Type type) {
  scale = asScalar(node, scale);
  zero = asScalar(node, zero);
  return node.createAs<graph::DequantizeOp>(type, x, scale, zero);
}

DynamicallyQuantized onnx_import::quantizeDynamically(Node &node, Value x) {
  Type f32 = node.element(x), u8 = node.builder().getIntegerType(8, /*isSigned=*/false);
  auto axes = llvm::to_vector(llvm::seq<int64_t>(0, node.rank(x)));
  // The range must contain zero.
  Value zero = node.scalar(f32, 0);
  auto extreme = [&](graph::ReduceKind kind) {
    return axes.empty() ? x : node.reduce(kind, x, axes, /*keepDims=*/false);
  };
  Value low = node.create<graph::MinOp>(extreme(graph::ReduceKind::min), zero);
  Value high = node.create<graph::MaxOp>(extreme(graph::ReduceKind::max), zero);
  // Of zeros alone, or of numbers so small that the quotient is 0, any scale is right but 0, by which the zero point
  // divides; ONNX Runtime has 1.
  Value scale = node.div(node.sub(high, low), 255);
  Value none = node.createAs<graph::EqualOp>(node.builder().getI1Type(), scale, zero);
  scale = node.createAs<graph::SelectOp>(f32, none, node.scalar(f32, 1), scale);
  Value start = node.div(node.sub(zero, low), scale);
  // Saturates before it rounds, as the spec's function does.
  start = node.create<graph::MinOp>(node.create<graph::MaxOp>(start, zero), node.scalar(f32, 255));
  Value zeroPoint = node.cast(node.create<graph::RoundOp>(start), u8);
  return {quantize(node, x, scale, zeroPoint, u8), scale, zeroPoint};
}

static void importDynamicQuantizeLinear(Node &node) {
  DynamicallyQuantized y = quantizeDynamically(node, node.input(0));
  node.setOutput(0, y.values);
  node.setOutput(1, y.scale);
  node.setOutput(2, y.zero);
}

/// The zero point of a left operand is a scalar or one per row.
static Value perRow(Node &node, Value zero) {
  return zero && node.rank(zero) == 1 ? along(node, zero, zero, -1) : zero;
}

Value onnx_import::integerMatmul(Node &node, Value a, Value zeroA, Value b, Value zeroB) {
  if (node.failed())
    return {};
  if (node.rank(a) < 1 || node.rank(b) < 1) {
    node.error("onnx-shape-mismatch", "the operands have ranks " + Twine(node.rank(a)) + " and " + Twine(node.rank(b)) +
                                          ", but at least 1 is expected")
        .note("reshape the operands to vectors or matrices");
    return {};
  }
  bool isRow = node.rank(a) == 1, isColumn = node.rank(b) == 1;
  a = subtractZero(node, a, isRow ? zeroA : perRow(node, zeroA));
  b = subtractZero(node, b, zeroB);
  a = isRow ? node.unsqueeze(a, {0}) : a;
  b = isColumn ? node.unsqueeze(b, {1}) : b;
  Value y = node.create<graph::MatmulOp>(a, b);
  if (node.failed())
    return {};
  llvm::SmallVector<int64_t> axes;
  if (isRow)
    axes.push_back(node.rank(y) - 2);
  if (isColumn)
    axes.push_back(node.rank(y) - 1);
  return node.squeeze(y, axes);
}

static Value importMatMulInteger(Node &node) {
  return integerMatmul(node, node.input(0), node.input(2), node.input(1), node.input(3));
}

/// A product of floats of eight bits: in f32, and quantized again.
static Value multiplyFloats(Node &node) {
  Type f32 = node.builder().getF32Type();
  auto real = [&](unsigned i) {
    Value x = node.sub(node.cast(node.input(i), f32), node.cast(node.input(i + 2), f32));
    return node.mul(x, node.cast(node.input(i + 1), f32));
  };
  Value y = node.create<graph::MatmulOp>(real(0), real(3));
  if (node.failed())
    return {};
  return quantizeFloat(node, y, node.input(6), node.input(7), node.element(node.input(7)), /*saturates=*/true);
}

static Value importQLinearMatMul(Node &node) {
  if (node.isFloat(node.input(0)))
    return multiplyFloats(node);
  Value y = integerMatmul(node, node.input(0), node.input(2), node.input(3), node.input(5));
  Type f32 = node.builder().getF32Type();
  auto wide = [&](unsigned i) { return node.cast(node.input(i), f32); };
  if (node.failed())
    return {};
  Value scale = node.mul(perRow(node, wide(1)), wide(4));
  y = node.mul(node.cast(y, f32), scale);
  return quantize(node, y, wide(6), node.input(7), node.element(node.input(7)));
}

void onnx_import::registerQuantizationOps(OpTable &ops) {
  ops.add("QuantizeLinear", {10, 13, 19, 21, 23, 24, 25, 28}, importQuantizeLinear);
  ops.add("DequantizeLinear", {10, 13, 19, 21, 23, 24, 25, 28}, importDequantizeLinear);
  ops.add("DynamicQuantizeLinear", {11}, importDynamicQuantizeLinear);
  ops.add("MatMulInteger", {10}, importMatMulInteger);
  ops.add("QLinearMatMul", {10, 21}, importQLinearMatMul);
  ops.add({"com.microsoft", "QuantizeLinear"}, {1}, importMicrosoftQuantizeLinear);
  ops.add({"com.microsoft", "DequantizeLinear"}, {1}, importMicrosoftDequantizeLinear);
}
