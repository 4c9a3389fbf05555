// lib/Strategies/WeightCodes.cpp: the one form in which codes stand in front of a product.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "WeightCodes.h"

using namespace mlir;

namespace lathe {

std::optional<WeightCodes> findWeightCodes(Operation *product) {
  auto matmul = dyn_cast_or_null<graph::MatmulOp>(product);
  auto transpose = matmul ? matmul.getB().getDefiningOp<graph::TransposeOp>() : graph::TransposeOp();
  auto reshape = transpose ? transpose.getX().getDefiningOp<graph::ReshapeOp>() : graph::ReshapeOp();
  auto dequantize = reshape ? reshape.getX().getDefiningOp<graph::DequantizeOp>() : graph::DequantizeOp();
  if (!dequantize || !dequantize.getCodeBits())
    return std::nullopt;
  return WeightCodes{dequantize.getX(),
                     dequantize.getScale(),
                     dequantize.getZero(),
                     static_cast<int64_t>(*dequantize.getCodeBits()),
                     {dequantize, reshape, transpose}};
}

} // namespace lathe
