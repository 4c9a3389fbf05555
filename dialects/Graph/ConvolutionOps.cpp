// dialects/Graph/ConvolutionOps.cpp: verification and shapes of convolutions.

#include "dialects/Graph/Graph.h"

using namespace mlir;

namespace lathe::graph {

/// `values` has `count` entries, none below `least`.
static LogicalResult verifyEntries(Operation *op, StringRef name, ArrayRef<int64_t> values, size_t count,
                                   int64_t least) {
  if (values.size() != count)
    return op->emitOpError() << "'" << name << "' has " << values.size() << " entries, but " << count
                             << " are expected";
  for (int64_t value : values)
    if (value < least || value > std::numeric_limits<int32_t>::max())
      return op->emitOpError() << "'" << name << "' has the entry " << value << ", but it must be at least " << least
                               << " and fit 32 bits";
  return success();
}

/// conv_c1 to conv_c4, for both directions.
template <typename OpT> static LogicalResult verifyConv(OpT op) {
  int64_t rank = cast<RankedTensorType>(op.getX().getType()).getRank();
  int64_t filterRank = cast<RankedTensorType>(op.getFilter().getType()).getRank();
  if (rank < 3 || rank > 5)
    return op.emitOpError("takes one to three spatial dimensions, but 'x' has rank ") << rank;
  if (filterRank != rank)
    return op.emitOpError("'x' has rank ") << rank << ", but 'filter' has rank " << filterRank;
  size_t spatial = rank - 2;
  if (failed(verifyEntries(op, "strides", op.getStrides(), spatial, 1)) ||
      failed(verifyEntries(op, "dilations", op.getDilations(), spatial, 1)) ||
      failed(verifyEntries(op, "pads", op.getPads(), 2 * spatial, 0)))
    return failure();
  if (static_cast<int64_t>(op.getGroups()) <= 0)
    return op.emitOpError("'groups' is ") << op.getGroups() << ", but must be positive";
  return success();
}

LogicalResult ConvOp::verify() { return verifyConv(*this); }

LogicalResult ConvTransposeOp::verify() {
  if (failed(verifyConv(*this)))
    return failure();
  return verifyEntries(*this, "output_padding", getOutputPadding(), getX().getType().getRank() - 2, 0);
}

/// The channels of `dims` must be `expected` (conv_c4).
static LogicalResult verifyChannels(Operation *op, ShapeSolver &solver, AffineExpr channels, AffineExpr expected) {
  return solver.unify(op, channels, expected, "the channels of 'x' and those that 'filter' takes");
}

static LogicalResult verifyGroups(Operation *op, AffineExpr channels, int64_t groups, StringRef what) {
  auto fixed = dyn_cast<AffineConstantExpr>(channels);
  if (!fixed)
    return op->emitOpError() << "needs a static number of " << what << " [graph-dynamic-channels]";
  if (fixed.getValue() % groups)
    return op->emitOpError() << "'groups' is " << groups << ", which does not divide the " << fixed.getValue() << " "
                             << what << " [graph-shape-mismatch]";
  return success();
}

LogicalResult ConvOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  Dims x = solver.dims(getX()), filter = solver.dims(getFilter()), y;
  size_t spatial = x.size() - 2, channel = getChannelsLast() ? x.size() - 1 : 1;
  size_t first = getChannelsLast() ? 1 : 2;
  int64_t groups = getGroups();
  if (failed(verifyChannels(*this, solver, x[channel], filter[1] * groups)) ||
      failed(verifyGroups(*this, filter[0], groups, "output channels")))
    return failure();
  SmallVector<AffineExpr> sizes;
  for (size_t i = 0; i < spatial; ++i) {
    auto kernel = dyn_cast<AffineConstantExpr>(filter[i + 2]);
    if (!kernel)
      return emitOpError("needs a filter of static size [graph-dynamic-filter]");
    sizes.push_back(solver.windowed(x[first + i], kernel.getValue(), getStrides()[i], getPads()[i],
                                    getPads()[spatial + i], getDilations()[i], false));
  }
  y.push_back(x[0]);
  if (!getChannelsLast())
    y.push_back(filter[0]);
  y.append(sizes.begin(), sizes.end());
  if (getChannelsLast())
    y.push_back(filter[0]);
  results.push_back(y);
  return success();
}

LogicalResult ConvTransposeOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  Dims x = solver.dims(getX()), filter = solver.dims(getFilter()), y;
  size_t spatial = x.size() - 2, channel = getChannelsLast() ? x.size() - 1 : 1;
  size_t first = getChannelsLast() ? 1 : 2;
  if (failed(verifyChannels(*this, solver, x[channel], filter[0])) ||
      failed(verifyGroups(*this, filter[0], getGroups(), "input channels")))
    return failure();
  SmallVector<AffineExpr> sizes;
  for (size_t i = 0; i < spatial; ++i) {
    auto kernel = dyn_cast<AffineConstantExpr>(filter[i + 2]);
    if (!kernel)
      return emitOpError("needs a filter of static size [graph-dynamic-filter]");
    int64_t window = getDilations()[i] * (kernel.getValue() - 1) + 1;
    int64_t extra = getOutputPadding()[i] + window - getPads()[i] - getPads()[spatial + i];
    sizes.push_back(solver.simplify((x[first + i] - 1) * getStrides()[i] + extra));
  }
  AffineExpr channels = filter[1] * static_cast<int64_t>(getGroups());
  y.push_back(x[0]);
  if (!getChannelsLast())
    y.push_back(channels);
  y.append(sizes.begin(), sizes.end());
  if (getChannelsLast())
    y.push_back(channels);
  results.push_back(y);
  return success();
}

} // namespace lathe::graph
