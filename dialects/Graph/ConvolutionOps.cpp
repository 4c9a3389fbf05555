// dialects/Graph/ConvolutionOps.cpp: verification and shapes of convolutions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Graph.h"
#include "dialects/Graph/Windows.h"

using namespace mlir;

namespace lathe::graph {

/// (C1) to (C4) of both directions, as far as they concern one operand alone.
template <typename OpT> static LogicalResult verifyConv(OpT op) {
  FailureOr<size_t> spatial = verifySpatialRank(op, op.getX().getType()); // conv_c1, conv_transpose_c1
  if (failed(spatial))
    return failure();
  if (op.getFilter().getType().getRank() != op.getX().getType().getRank())
    return op.emitOpError("'x' has rank ")
           << op.getX().getType().getRank() << ", but 'filter' has rank " << op.getFilter().getType().getRank();
  if (failed(verifyEntries(op, "strides", op.getStrides(), *spatial, 1)) || // conv_c2, conv_transpose_c2
      failed(verifyEntries(op, "dilations", op.getDilations(), *spatial, 1)) ||
      failed(verifyEntries(op, "pads", op.getPads(), 2 * *spatial, 0))) // conv_c3, conv_transpose_c3
    return failure();
  if (static_cast<int64_t>(op.getGroups()) <= 0) // conv_c4, conv_transpose_c4
    return op.emitOpError("'groups' is ") << op.getGroups() << ", but must be positive";
  return success();
}

LogicalResult ConvOp::verify() {
  if (failed(verifyConv(*this)))
    return failure();
  return verifyProductTypes(*this, getX().getType(), getFilter().getType(), getType()); // conv_c5
}

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

/// `[N, channels, spatial...]` of the result in the layout of `op`; `size` says
/// an output size from the spatial dimension, its input size and the filter's.
template <typename OpT>
static LogicalResult inferWindows(OpT op, ShapeSolver &solver, AffineExpr channels,
                                  function_ref<AffineExpr(size_t i, AffineExpr in, int64_t kernel)> size,
                                  SmallVectorImpl<Dims> &results) {
  Dims x = solver.dims(op.getX()), filter = solver.dims(op.getFilter()), y = {x[0]};
  if (!op.getChannelsLast())
    y.push_back(channels);
  for (size_t i = 0; i < x.size() - 2; ++i) {
    auto kernel = dyn_cast<AffineConstantExpr>(filter[i + 2]);
    if (!kernel)
      return op.emitOpError("needs a filter of static size [graph-dynamic-filter]");
    y.push_back(size(i, x[i + (op.getChannelsLast() ? 1 : 2)], kernel.getValue()));
  }
  if (op.getChannelsLast())
    y.push_back(channels);
  results.push_back(y);
  return success();
}

LogicalResult ConvOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  Dims x = solver.dims(getX()), filter = solver.dims(getFilter());
  int64_t groups = getGroups();
  if (failed(verifyChannels(*this, solver, x[getChannelsLast() ? x.size() - 1 : 1], filter[1] * groups)) ||
      failed(verifyGroups(*this, filter[0], groups, "output channels")))
    return failure();
  auto size = [&](size_t i, AffineExpr in, int64_t kernel) {
    return solver.windowed(in, kernel, getStrides()[i], getPads()[i], getPads()[x.size() - 2 + i], getDilations()[i],
                           /*ceil=*/false);
  };
  return inferWindows(*this, solver, filter[0], size, results);
}

LogicalResult ConvTransposeOp::inferResultDims(ShapeSolver &solver, SmallVectorImpl<Dims> &results) {
  if (failed(verify()))
    return failure();
  Dims x = solver.dims(getX()), filter = solver.dims(getFilter());
  int64_t groups = getGroups();
  if (failed(verifyChannels(*this, solver, x[getChannelsLast() ? x.size() - 1 : 1], filter[0])) ||
      failed(verifyGroups(*this, filter[0], groups, "input channels")))
    return failure();
  auto size = [&](size_t i, AffineExpr in, int64_t kernel) {
    int64_t window = getDilations()[i] * (kernel - 1) + 1;
    int64_t extra = getOutputPadding()[i] + window - getPads()[i] - getPads()[x.size() - 2 + i];
    return solver.simplify((in - 1) * getStrides()[i] + extra);
  };
  return inferWindows(*this, solver, filter[1] * groups, size, results);
}

} // namespace lathe::graph
