// dialects/Graph/AttentionOps.cpp: what must hold of attention, and its shape.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Attention.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "dialects/Graph/AttentionOps.cpp.inc"

namespace lathe::graph {

Dims AttentionOp::dimsOf(ShapeSolver &solver, Value value, unsigned operand) {
  Dims dims = solver.dims(value);
  if (getHeadsInside()[operand])
    std::swap(dims[1], dims[2]);
  return dims;
}

int64_t AttentionOp::sizeOf(unsigned operand, unsigned dim) {
  Value value = operand < 3 ? getOperand(operand) : Value(getY());
  if (getHeadsInside()[operand] && (dim == 1 || dim == 2))
    dim = 3 - dim;
  return cast<RankedTensorType>(value.getType()).getDimSize(dim);
}

LogicalResult AttentionOp::verify() {
  // attention_c1
  if (getHeadsInside().size() != 4)
    return emitOpError("has ") << getHeadsInside().size()
                               << " entries of 'heads_inside', but 4 are expected [graph-attention]";
  for (Value operand : getOperands())
    if (int64_t rank = cast<RankedTensorType>(operand.getType()).getRank(); rank != 4)
      return emitOpError("has an operand of rank ") << rank << ", but 4 is expected [graph-attention]";
  // attention_c2
  Type element = getElementTypeOrSelf(getQ().getType());
  for (Value value : {Value(getK()), Value(getV()), Value(getY())})
    if (getElementTypeOrSelf(value.getType()) != element)
      return emitOpError("has queries of ") << element << " and keys, values or a result of "
                                            << getElementTypeOrSelf(value.getType()) << " [graph-attention]";
  // attention_c5
  double softcap = getSoftcap().convertToDouble();
  if (!(softcap >= 0))
    return emitOpError("has a 'softcap' of ") << softcap << ", but 0 or more is expected [graph-attention]";
  if (getCausal() && getCausal()->getMap().getNumResults() != 1)
    return emitOpError("has ") << getCausal()->getMap().getNumResults()
                               << " offsets as 'causal', but 1 is expected [graph-attention]";
  return success();
}

LogicalResult AttentionOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  Dims q = dimsOf(solver, getQ(), 0), k = dimsOf(solver, getK(), 1), v = dimsOf(solver, getV(), 2);
  auto unify = [&](AffineExpr &a, AffineExpr b, const Twine &what) {
    FailureOr<AffineExpr> both = solver.unify(*this, a, b, what);
    if (succeeded(both))
      a = *both;
    return both;
  };
  // attention_c3
  if (failed(unify(q[0], k[0], "the batch of 'q' and that of 'k'")) ||
      failed(unify(q[0], v[0], "the batch of 'q' and that of 'v'")) ||
      failed(unify(k[1], v[1], "the heads of 'k' and those of 'v'")) ||
      failed(unify(k[2], v[2], "the length of 'k' and that of 'v'")) ||
      failed(unify(q[3], k[3], "the size of heads of 'q' and of 'k'")))
    return failure();
  auto queries = dyn_cast<AffineConstantExpr>(q[1]), keys = dyn_cast<AffineConstantExpr>(k[1]);
  if (!queries || !keys) {
    if (failed(unify(q[1], k[1], "the heads of 'q' and those of 'k'")))
      return failure();
  } else if (keys.getValue() == 0 ? queries.getValue() != 0 : queries.getValue() % keys.getValue() != 0) {
    return emitOpError("has ") << queries.getValue() << " heads of queries, which the " << keys.getValue()
                               << " of keys do not divide [graph-attention]";
  }
  // attention_c4
  Dims scores = {q[0], q[1], q[2], k[2]};
  for (Value mask : {Value(getBias()), Value(getMask())}) {
    if (!mask)
      continue;
    for (auto [have, want] : llvm::zip_equal(solver.dims(mask), scores))
      if (have != solver.constant(1) && failed(solver.unify(*this, have, want, "a dim of a mask and of the scores")))
        return failure();
  }
  Dims result = {q[0], q[1], q[2], v[3]};
  if (getHeadsInside()[3])
    std::swap(result[1], result[2]);
  results.push_back(result);
  return success();
}

} // namespace lathe::graph
