// lib/Import/ONNX/Contraction.cpp: operators that multiply and sum over shared
// dimensions.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Import/Core/Node.h"
#include "OpTable.h"

using namespace lathe;
using namespace lathe::onnx_import;

/// numpy.matmul: a vector on the left is a row, on the right a column, and its
/// dimension does not appear in the result.
static Value makeMatmul(Node &node, Value a, Value b) {
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

static Value importGemm(Node &node) {
  Value a = node.input(0), b = node.input(1), c = node.input(2);
  double alpha = node.number("alpha"), beta = node.number("beta");
  node.ignore({"broadcast"}); // Not needed to broadcast since version 7.
  if (node.flag("transA"))
    a = node.transpose(a, {1, 0});
  if (node.flag("transB"))
    b = node.transpose(b, {1, 0});
  if (!node.isFloat(a) && (alpha != std::trunc(alpha) || beta != std::trunc(beta)))
    return node.unsupported("alpha", llvm::Twine(std::to_string(alpha)),
                            "for integers, 'alpha' and 'beta' must be whole");
  Value y = node.create<graph::MatmulOp>(a, b);
  if (alpha != 1)
    y = node.mul(y, alpha);
  if (!c || beta == 0)
    return y;
  return node.add(y, beta == 1 ? c : node.mul(c, beta));
}

void onnx_import::registerContractionOps(OpTable &ops) {
  ops.add("MatMul", {1, 9, 13}, importMatMul);
  ops.add("Gemm", {1, 6, 7, 9, 11, 13}, importGemm);
}
