// lib/Transforms/Graph/SplitResampling.cpp: interpolation is separable: one axis after the other reads fewer
// neighbours. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Transforms/Graph/Passes.h"

using namespace mlir;

namespace lathe::graph {
#define GEN_PASS_DEF_SPLITRESAMPLINGPASS
#include "lathe/Transforms/Graph/Passes.h.inc"

namespace {

/// Interpolation along several axes. What is between two of them would be
/// rounded to a narrow type, which a single op does not do.
bool isSeparable(ResizeOp op) {
  Type element = op.getType().getElementType();
  return op.getMode() != ResizeMode::nearest && op.getAxes().size() > 1 && !op.getSizes() && !op.getFactors() &&
         (element.isF32() || element.isF64());
}

/// How much larger `axis` gets, about: 1 where only the run knows.
double growth(RankedTensorType x, RankedTensorType y, int64_t axis) {
  int64_t in = x.getDimSize(axis), out = y.getDimSize(axis);
  bool known = !ShapedType::isDynamic(in) && !ShapedType::isDynamic(out) && in > 0;
  return known ? static_cast<double>(out) / in : 1;
}

void split(ResizeOp op, ShapeSolver &solver) {
  OpBuilder builder(op);
  RankedTensorType type = op.getType();
  // What shrinks goes first; else the outermost axis, along which whole rows are
  // weighted.
  SmallVector<unsigned> order = llvm::to_vector(llvm::seq<unsigned>(0, op.getAxes().size()));
  llvm::sort(order, [&](unsigned a, unsigned b) {
    int64_t first = op.getAxes()[a], second = op.getAxes()[b];
    double x = growth(op.getX().getType(), type, first), y = growth(op.getX().getType(), type, second);
    return x != y ? x < y : first < second;
  });
  Value value = op.getX();
  Dims dims = solver.dims(value), target = solver.dims(op.getY());
  for (unsigned i : order) {
    int64_t axis = op.getAxes()[i];
    dims[axis] = target[axis];
    SmallVector<double> scales;
    if (!op.getScales().empty())
      scales.push_back(op.getScales()[i]);
    value = ResizeOp::create(builder, op.getLoc(), solver.type(dims, type.getElementType()), value, Value(), Value(),
                             ArrayRef<int64_t>(axis), scales, op.getMode(), op.getCoordinates(), op.getNearest(),
                             op.getCubicCoefficient(), op.getExcludeOutside());
  }
  op.replaceAllUsesWith(value);
  op.erase();
}

struct SplitResamplingPass final : impl::SplitResamplingPassBase<SplitResamplingPass> {
  void runOnOperation() override {
    ShapeSolver solver(getOperation());
    SmallVector<ResizeOp> ops;
    getOperation().walk([&](ResizeOp op) {
      if (isSeparable(op))
        ops.push_back(op);
    });
    for (ResizeOp op : ops)
      split(op, solver);
  }
};

} // namespace
} // namespace lathe::graph
