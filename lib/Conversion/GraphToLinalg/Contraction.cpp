// lib/Conversion/GraphToLinalg/Contraction.cpp: matrix products as loops whose
// innermost one walks along rows.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Lowerings.h"

using namespace lathe::graph;

namespace lathe::lowering {

/// The positions of an operand's batch dimensions: those of the result, or 0
/// where the operand repeats.
static SmallVector<AffineExpr> batchExprs(MLIRContext *context, ArrayRef<int64_t> operand, ArrayRef<int64_t> result) {
  AffineMap map = broadcastMap(context, operand.drop_back(2), result.drop_back(2));
  return SmallVector<AffineExpr>(map.getResults());
}

/// Loops `batch..., m, k, n`: the innermost one reads rows of `b` and adds to
/// rows of `y`, so that it vectorizes. A product with one column has `k`
/// innermost instead.
static Lowered lowerMatmul(MatmulOp op, LinalgBuilder &b, ValueRange operands) {
  MLIRContext *context = b.getContext();
  RankedTensorType type = op.getType();
  unsigned rank = type.getRank(), numLoops = rank + 1;
  bool isColumn = type.getShape().back() == 1;
  AffineExpr m = b.getAffineDimExpr(rank - 2);
  AffineExpr k = b.getAffineDimExpr(isColumn ? rank : rank - 1);
  AffineExpr n = b.getAffineDimExpr(isColumn ? rank - 1 : rank);

  auto map = [&](Value operand, ArrayRef<AffineExpr> matrix) {
    auto exprs = batchExprs(context, typeOf(operand).getShape(), type.getShape());
    exprs.append(matrix.begin(), matrix.end());
    return loopMap(context, numLoops, exprs);
  };
  SmallVector<AffineExpr> result = loops(context, 0, rank - 2);
  result.append({m, n});
  SmallVector<AffineMap> maps = {map(operands[0], {m, k}), map(operands[1], {k, n}),
                                 loopMap(context, numLoops, result)};
  SmallVector<utils::IteratorType> iterators(numLoops, parallel);
  iterators[isColumn ? rank : rank - 1] = reduction;

  Type element = getSignlessType(type.getElementType());
  Type accumulator = getAccumulatorType(element); // matmul_c3
  Value zero = constant(b, b.getLoc(), accumulator, 0);
  Type left = op.getA().getType().getElementType(), right = op.getB().getType().getElementType();
  Value sum =
      b.generic(operands, b.filled(type, zero), maps, iterators, [&](OpBuilder &body, Location loc, ValueRange args) {
        return multiplyAdd(body, loc, args[2], widenTo(body, loc, args[0], left, accumulator),
                           widenTo(body, loc, args[1], right, accumulator));
      });
  return SmallVector<Value>{b.castFloat(sum, element)};
}

void attachContraction(MLIRContext *context) { attach<&lowerMatmul>(context); }

} // namespace lathe::lowering
