// dialects/Graph/ContractionOps.cpp: verification and shapes of matrix products.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Graph.h"

using namespace mlir;

namespace lathe::graph {

LogicalResult verifyProductTypes(Operation *op, Type left, Type right, Type result) {
  Type a = getElementTypeOrSelf(left), b = getElementTypeOrSelf(right), y = getElementTypeOrSelf(result);
  bool isSame = a == b && b == y;
  bool isHalf = a == b && (a.isF16() || a.isBF16()) && y.isF32();
  bool isByte = a.isInteger(8) && b.isInteger(8) && y.isSignlessInteger(32);
  if (isSame || isHalf || isByte)
    return success();
  return op->emitOpError("cannot multiply ") << a << " by " << b << " to " << y;
}

LogicalResult MatmulOp::verify() {
  // matmul_c1
  for (Value operand : getOperands())
    if (int64_t rank = cast<RankedTensorType>(operand.getType()).getRank(); rank < 2)
      return emitOpError("takes matrices, but an operand has rank ") << rank;
  return verifyProductTypes(*this, getA().getType(), getB().getType(), getType()); // matmul_c3
}

LogicalResult MatmulOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  Dims a = solver.dims(getA()), b = solver.dims(getB());
  if (a.size() < 2 || b.size() < 2)
    return verify();
  // matmul_c2
  if (failed(solver.unify(*this, a.back(), b[b.size() - 2], "the last dim of 'a' and the last but one of 'b'")))
    return failure();
  FailureOr<Dims> shape = solver.broadcast(*this, ArrayRef(a).drop_back(2), ArrayRef(b).drop_back(2));
  if (failed(shape))
    return failure();
  shape->push_back(a[a.size() - 2]);
  shape->push_back(b.back());
  results.push_back(*shape);
  return success();
}

} // namespace lathe::graph
