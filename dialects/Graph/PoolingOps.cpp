// dialects/Graph/PoolingOps.cpp: verification and shapes of pooling.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Graph.h"
#include "dialects/Graph/Windows.h"

using namespace mlir;

namespace lathe::graph {

template <typename OpT> static LogicalResult verifyPool(OpT op) {
  FailureOr<size_t> spatial = verifySpatialRank(op, op.getX().getType()); // pool_c1
  if (failed(spatial))
    return failure();
  return success(succeeded(verifyEntries(op, "kernel", op.getKernel(), *spatial, 1)) && // pool_c2
                 succeeded(verifyEntries(op, "strides", op.getStrides(), *spatial, 1)) &&
                 succeeded(verifyEntries(op, "dilations", op.getDilations(), *spatial, 1)) &&
                 succeeded(verifyEntries(op, "pads", op.getPads(), 2 * *spatial, 0)));
}

template <typename OpT> static LogicalResult inferPool(OpT op, ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(op.verify()))
    return failure();
  Dims y = solver.dims(op.getX());
  size_t spatial = y.size() - 2, first = op.getChannelsLast() ? 1 : 2;
  for (size_t i = 0; i < spatial; ++i)
    y[first + i] = solver.windowed(y[first + i], op.getKernel()[i], op.getStrides()[i], op.getPads()[i],
                                   op.getPads()[spatial + i], op.getDilations()[i], op.getCeilMode());
  results.push_back(y);
  return success();
}

LogicalResult MaxPoolOp::verify() { return verifyPool(*this); }
LogicalResult AveragePoolOp::verify() { return verifyPool(*this); }

LogicalResult MaxPoolOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  return inferPool(*this, solver, results);
}
LogicalResult AveragePoolOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  return inferPool(*this, solver, results);
}

} // namespace lathe::graph
