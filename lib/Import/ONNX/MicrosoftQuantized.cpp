// lib/Import/ONNX/MicrosoftQuantized.cpp: quantized operators of ONNX Runtime's
// domain com.microsoft.
//
// Where ONNX Runtime computes on real numbers between two integers, so do these:
// results can differ by one step where it rounds a sum in another order.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compose.h"
#include "OpTable.h"
#include "Quantize.h"

using namespace lathe;
using namespace lathe::onnx_import;
using llvm::SmallVector;
using llvm::Twine;

/// Input `first` as real numbers; its scale and zero point follow it.
static Value real(Node &node, unsigned first) {
  return dequantize(node, node.input(first), node.input(first + 1), node.input(first + 2), node.builder().getF32Type());
}

/// `y` by the scale that is input `first`, and the zero point behind it.
static Value integer(Node &node, Value y, unsigned first, Type type) {
  if (node.failed())
    return {};
  return quantize(node, y, toScalar(node, node.input(first)), toScalar(node, node.input(first + 1)), type);
}

template <typename OpT> static Value importBinary(Node &node) {
  Value y = node.create<OpT>(real(node, 0), real(node, 3));
  return integer(node, y, 6, node.element(node.input(0)));
}

static Value importSigmoid(Node &node) {
  return integer(node, node.create<graph::SigmoidOp>(real(node, 0)), 3, node.element(node.input(0)));
}

static Value importLeakyRelu(Node &node) {
  Value y = node.create<graph::LeakyReluOp>(real(node, 0), llvm::APFloat(node.number("alpha")));
  return integer(node, y, 3, node.element(node.input(0)));
}

/// Applies `pool` to real numbers with channels in the second dimension.
static Value importPool(Node &node, llvm::function_ref<Value(Value x)> pool) {
  Value y = withChannelsSecond(node, real(node, 0), node.flag("channels_last"), pool);
  return integer(node, y, 3, node.element(node.input(0)));
}

static Value importAveragePool(Node &node) {
  return importPool(node, [&](Value x) { return averagePool(node, x); });
}

static Value importGlobalAveragePool(Node &node) {
  return importPool(node, [&](Value x) {
    return node.reduce(graph::ReduceKind::mean, x, llvm::to_vector(llvm::seq<int64_t>(2, node.rank(x))),
                       /*keepDims=*/true);
  });
}

static Value importReduceMean(Node &node) {
  Value x = real(node, 0);
  SmallVector<int64_t> axes = node.integers("axes");
  if (axes.empty())
    llvm::append_range(axes, llvm::seq<int64_t>(0, node.rank(x)));
  axes = node.normalizeAxes(axes, node.rank(x), "axes");
  bool keepsDims = node.flag("keepdims");
  if (node.failed())
    return {};
  Value y = axes.empty() ? x : node.reduce(graph::ReduceKind::mean, x, axes, keepsDims);
  return integer(node, y, 3, node.element(node.input(0)));
}

/// Up to opset 12, softmax is over all dimensions from 'axis' on.
static Value importSoftmax(Node &node) {
  Value x = real(node, 0);
  int64_t axis = node.axis("axis", x), rank = node.rank(x);
  bool isFlat = node.integer("opset") < 13 && axis != rank - 1;
  if (node.failed())
    return {};
  Dims dims = node.dims(x);
  if (isFlat)
    x = node.reshape(x, {node.solver().product(llvm::ArrayRef(dims).take_front(axis)),
                         node.solver().product(llvm::ArrayRef(dims).drop_front(axis))});
  Value y = node.create<graph::SoftmaxOp>(x, isFlat ? 1 : axis, /*log=*/false);
  return integer(node, node.reshape(y, dims), 3, node.element(node.input(0)));
}

static Value importConcat(Node &node) {
  size_t count = node.inputs().size() - 2;
  if (count % 3 != 0) {
    node.error("onnx-arity", "has " + Twine(count) + " inputs behind the first two, which are no groups of three")
        .note("give a tensor, its scale and its zero point, again and again");
    return {};
  }
  SmallVector<Value> parts;
  for (unsigned i = 2; i < 2 + count; i += 3) {
    if (!node.input(i) || !node.input(i + 1) || node.isFloat(node.input(i)) || !node.isFloat(node.input(i + 1))) {
      node.error("onnx-input-dtype", "inputs " + Twine(i) + " and " + Twine(i + 1) + " are no integers and their scale")
          .note("give a tensor, its scale and its zero point, again and again");
      return {};
    }
    parts.push_back(real(node, i));
  }
  int64_t axis = node.axis("axis", parts.front());
  if (node.failed())
    return {};
  Value y = node.createAs<graph::ConcatOp>(node.builder().getF32Type(), mlir::ValueRange(parts), axis);
  return integer(node, y, 0, node.element(node.input(1)));
}

Value onnx_import::scaledProduct(Node &node, Value a, Value scaleA, Value zeroA, Value b, Value scaleB, Value zeroB,
                                 Value bias) {
  if (node.failed())
    return {};
  Type type = node.element(scaleB), f32 = node.builder().getF32Type();
  Value product = integerMatmul(node, a, asScalar(node, zeroA), b, asScalar(node, zeroB));
  Value scale = node.mul(node.cast(asScalar(node, scaleA), f32), node.cast(asScalar(node, scaleB), f32));
  Value y = node.mul(node.cast(product, f32), scale);
  if (bias)
    y = node.add(y, node.cast(bias, f32));
  return node.cast(y, type);
}

static Value importDynamicQuantizeMatMul(Node &node) {
  DynamicallyQuantized a = quantizeDynamically(node, node.input(0));
  return scaledProduct(node, a.values, a.scale, a.zero, node.input(1), node.input(2), node.input(3), node.input(4));
}

/// alpha a_scale b_scale (A B + C), which is real without 'y_scale'.
static Value importQGemm(Node &node) {
  Value a = node.input(0), b = node.input(3);
  double alpha = node.number("alpha");
  Value zeroB = asScalar(node, node.input(5)), scaleB = asScalar(node, node.input(4));
  if (node.rank(a) != 2 || node.rank(b) != 2) {
    node.error("onnx-shape-mismatch",
               "the operands have ranks " + Twine(node.rank(a)) + " and " + Twine(node.rank(b)) + ", but 2 is expected")
        .note("use MatMulIntegerToFloat for products of other ranks");
    return {};
  }
  if (node.flag("transA"))
    a = node.transpose(a, {1, 0});
  if (node.flag("transB"))
    b = node.transpose(b, {1, 0});
  Value y = integerMatmul(node, a, toScalar(node, node.input(2)), b, zeroB);
  if (node.input(6))
    y = node.add(y, node.input(6));
  if (node.failed())
    return {};
  Value scale = node.mul(node.mul(toScalar(node, node.input(1)), scaleB), alpha);
  y = node.mul(node.cast(y, node.builder().getF32Type()), scale);
  if (!node.input(7) || node.failed())
    return y;
  Value zero = node.input(8);
  return integer(node, y, 7, zero ? node.element(zero) : node.element(node.input(0)));
}

/// X where the condition holds, else Y, requantized.
static Value importWhere(Node &node) {
  Value y = node.createAs<graph::SelectOp>(node.builder().getF32Type(), node.input(0), real(node, 1), real(node, 4));
  return integer(node, y, 7, node.element(node.input(1)));
}

static Value importConv(Node &node) {
  return withChannelsSecond(node, node.input(0), node.flag("channels_last"),
                            [&](Value x) { return makeQuantizedConv(node, x); });
}

static Value importMatMulIntegerToFloat(Node &node) {
  return scaledProduct(node, node.input(0), node.input(2), node.input(4), node.input(1), node.input(3), node.input(5),
                       node.input(6));
}

void onnx_import::registerMicrosoftQuantizedOps(OpTable &ops) {
  llvm::StringRef domain = "com.microsoft";
  ops.add({domain, "QLinearAdd"}, {1}, importBinary<graph::AddOp>);
  ops.add({domain, "QLinearMul"}, {1}, importBinary<graph::MulOp>);
  ops.add({domain, "QLinearSigmoid"}, {1}, importSigmoid);
  ops.add({domain, "QLinearLeakyRelu"}, {1}, importLeakyRelu);
  ops.add({domain, "QLinearAveragePool"}, {1}, importAveragePool);
  ops.add({domain, "QLinearGlobalAveragePool"}, {1}, importGlobalAveragePool);
  ops.add({domain, "QLinearReduceMean"}, {1}, importReduceMean);
  ops.add({domain, "QLinearSoftmax"}, {1}, importSoftmax);
  ops.add({domain, "QLinearConcat"}, {1}, importConcat);
  ops.add({domain, "QLinearConv"}, {1}, importConv);
  ops.add({domain, "QLinearWhere"}, {1}, importWhere);
  ops.add({domain, "QGemm"}, {1}, importQGemm);
  ops.add({domain, "DynamicQuantizeMatMul"}, {1}, importDynamicQuantizeMatMul);
  ops.add({domain, "MatMulIntegerToFloat"}, {1}, importMatMulIntegerToFloat);
}
