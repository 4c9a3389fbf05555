// lib/Import/ONNX/Contraction.cpp: operators that multiply and sum over shared
// dimensions.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compose.h"
#include "OpTable.h"

using namespace lathe;
using namespace lathe::onnx_import;

Value onnx_import::makeMatmul(Node &node, Value a, Value b) {
  int64_t rankA = node.rank(a), rankB = node.rank(b);
  if (rankA == 0 || rankB == 0) {
    if (!node.failed())
      node.error("onnx-shape-mismatch", "an operand is a scalar, but at least one dimension is needed")
          .note("use Mul to multiply by a scalar");
    return {};
  }
  if (rankA == 1)
    a = node.unsqueeze(a, {0});
  if (rankB == 1)
    b = node.unsqueeze(b, {1});
  Value y = node.create<graph::MatmulOp>(a, b);
  if (rankB == 1)
    y = node.squeeze(y, {node.rank(y) - 1});
  if (rankA == 1)
    y = node.squeeze(y, {node.rank(y) - (rankB == 1 ? 1 : 2)});
  return y;
}

static Value importMatMul(Node &node) { return makeMatmul(node, node.input(0), node.input(1)); }

Value onnx_import::makeScaledProduct(Node &node, Value a, Value b) {
  double alpha = node.number("alpha");
  if (node.flag("transA"))
    a = node.transpose(a, {1, 0});
  if (node.flag("transB"))
    b = node.transpose(b, {1, 0});
  if (!node.isFloat(a) && alpha != std::trunc(alpha))
    return node.unsupported("alpha", llvm::Twine(std::to_string(alpha)), "for integers, it must be whole");
  Value y = node.create<graph::MatmulOp>(a, b);
  return alpha == 1 ? y : node.mul(y, alpha);
}

Value onnx_import::makeGemm(Node &node, Value a, Value b, Value c) {
  double beta = node.number("beta");
  Value y = makeScaledProduct(node, a, b);
  if (!c || beta == 0)
    return y;
  if (!node.isFloat(c) && beta != std::trunc(beta))
    return node.unsupported("beta", llvm::Twine(std::to_string(beta)), "for integers, it must be whole");
  return node.add(y, beta == 1 ? c : node.mul(c, beta));
}

static Value importGemm(Node &node) {
  node.ignore({"broadcast"}); // Not needed to broadcast since version 7.
  return makeGemm(node, node.input(0), node.input(1), node.input(2));
}

void onnx_import::registerContractionOps(OpTable &ops) {
  ops.add("MatMul", {1, 9, 13}, importMatMul);
  ops.add("Gemm", {1, 6, 7, 9, 11, 13}, importGemm);
}
