// lib/Conversion/GraphToLinalg/Normalization.cpp: shift and scale by
// statistics of rows.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Lowerings.h"
#include "Reductions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace lathe::graph;

namespace lathe::lowering {

/// The mean, then the variance around it: one pass over squares would cancel
/// where the mean is large.
static Lowered lowerLayerNorm(LayerNormOp op, LinalgBuilder &b, ValueRange operands) {
  Value x = operands[0];
  Type element = elementOf(x);
  Type wide = getAccumulatorType(element); // layer_norm_c2
  int64_t rank = op.getType().getRank();
  auto normalized = llvm::to_vector(llvm::seq<int64_t>(op.getAxis(), rank));
  AxisLoops axes(b, op.getType(), normalized);
  AffineMap perRow = b.getMultiDimIdentityMap(axes.keptSizes.size());
  Value count = axes.count(b);

  Value sum = axes.reduce(b, ReduceKind::sum, x, /*isUnsigned=*/false);
  Value mean = b.elementwise(sum, sum, perRow, [&](OpBuilder &body, Location loc, ValueRange args) -> Value {
    Value divisor = fromIndex(body, loc, count, wide);
    return arith::DivFOp::create(body, loc, args[0], divisor);
  });

  auto centered = [](OpBuilder &body, Location loc, Value x, Value mean) -> Value {
    return arith::SubFOp::create(body, loc, widen(body, loc, x), mean);
  };
  Value zero = constant(b, b.getLoc(), wide, 0);
  Value squares =
      axes.reduce(b, ReduceKind::sum, filledTensor(b, axes.keptSizes, zero), {x, mean}, {axes.full, axes.rows},
                  /*isUnsigned=*/false, [&](OpBuilder &body, Location loc, ValueRange args) -> Value {
                    Value d = centered(body, loc, args[0], args[1]);
                    return arith::MulFOp::create(body, loc, d, d);
                  });
  Value scale = b.elementwise(squares, squares, perRow, [&](OpBuilder &body, Location loc, ValueRange args) -> Value {
    Value divisor = fromIndex(body, loc, count, wide);
    Value variance = arith::DivFOp::create(body, loc, args[0], divisor);
    double epsilon = op.getEpsilon().convertToDouble();
    Value sum = arith::AddFOp::create(body, loc, variance, constant(body, loc, wide, epsilon));
    Value root = math::SqrtOp::create(body, loc, sum);
    return arith::DivFOp::create(body, loc, constant(body, loc, wide, 1), root);
  });
  Value y = b.elementwise({x, mean, scale}, b.empty(op.getType()), {axes.full, axes.rows, axes.rows},
                          [&](OpBuilder &body, Location loc, ValueRange args) {
                            Value d = centered(body, loc, args[0], args[1]);
                            return narrow(body, loc, arith::MulFOp::create(body, loc, d, args[2]), element);
                          });
  return SmallVector<Value>{y};
}

void attachNormalization(MLIRContext *context) { attach<&lowerLayerNorm>(context); }

} // namespace lathe::lowering
