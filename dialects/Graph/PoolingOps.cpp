// dialects/Graph/PoolingOps.cpp: verification and shapes of pooling.

#include "dialects/Graph/Graph.h"

using namespace mlir;

namespace lathe::graph {

template <typename OpT> static LogicalResult verifyPool(OpT op) {
  int64_t rank = cast<RankedTensorType>(op.getX().getType()).getRank();
  if (rank < 3 || rank > 5) // pool_c1
    return op.emitOpError("takes one to three spatial dimensions, but 'x' has rank ") << rank;
  size_t spatial = rank - 2;
  struct Entries {
    StringRef name;
    ArrayRef<int64_t> values;
    size_t count;
    int64_t least;
  };
  // pool_c2
  for (const Entries &e :
       {Entries{"kernel", op.getKernel(), spatial, 1}, Entries{"strides", op.getStrides(), spatial, 1},
        Entries{"dilations", op.getDilations(), spatial, 1}, Entries{"pads", op.getPads(), 2 * spatial, 0}}) {
    if (e.values.size() != e.count)
      return op.emitOpError() << "'" << e.name << "' has " << e.values.size() << " entries, but " << e.count
                              << " are expected";
    for (int64_t value : e.values)
      if (value < e.least || value > std::numeric_limits<int32_t>::max())
        return op.emitOpError() << "'" << e.name << "' has the entry " << value << ", but it must be at least "
                                << e.least << " and fit 32 bits";
  }
  return success();
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
