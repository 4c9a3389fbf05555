// lib/Transforms/Graph/SplitPools.cpp: a maximum of a window is that of the maxima of its lines: one axis after the
// other reads fewer elements. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Transforms/Graph/Passes.h"

using namespace mlir;

namespace lathe::graph {
#define GEN_PASS_DEF_SPLITPOOLSPASS
#include "lathe/Transforms/Graph/Passes.h.inc"

namespace {

/// Positions of a window that is read in one pass over the image: one pass more costs as much as some of them.
constexpr int64_t mostAtOnce = 16;

/// The number of the dimension of `op`'s operand that entry `axis` of its window is of.
unsigned dimOf(MaxPoolOp op, unsigned axis) { return axis + (op.getChannelsLast() ? 1 : 2); }

bool isWorthSplitting(MaxPoolOp op) {
  int64_t positions = 1;
  unsigned several = 0;
  bool isOneWindow = true;
  for (auto [axis, size] : llvm::enumerate(op.getKernel())) {
    // No more than has to be known, so that it does not overflow.
    positions = std::min(positions * std::min(size, mostAtOnce + 1), mostAtOnce + 1);
    several += size > 1;
    isOneWindow &= op.getType().getDimSize(dimOf(op, axis)) == 1;
  }
  return positions > mostAtOnce && several > 1 && !isOneWindow;
}

void split(MaxPoolOp op, ShapeSolver &solver) {
  OpBuilder builder(op);
  size_t rank = op.getKernel().size();
  // What shrinks most goes first; else the outermost axis, along which whole rows are compared.
  SmallVector<unsigned> order = llvm::to_vector(llvm::seq<unsigned>(0, rank));
  llvm::stable_sort(order, [&](unsigned a, unsigned b) { return op.getStrides()[a] > op.getStrides()[b]; });
  Value value = op.getX();
  Dims dims = solver.dims(value), target = solver.dims(op.getY());
  for (unsigned axis : order) {
    if (op.getKernel()[axis] == 1 && op.getStrides()[axis] == 1 && op.getPads()[axis] == 0 &&
        op.getPads()[rank + axis] == 0)
      continue;
    SmallVector<int64_t> kernel(rank, 1), strides(rank, 1), pads(2 * rank, 0), dilations(rank, 1);
    kernel[axis] = op.getKernel()[axis];
    strides[axis] = op.getStrides()[axis];
    dilations[axis] = op.getDilations()[axis];
    pads[axis] = op.getPads()[axis];
    pads[rank + axis] = op.getPads()[rank + axis];
    dims[dimOf(op, axis)] = target[dimOf(op, axis)];
    value = MaxPoolOp::create(builder, op.getLoc(), solver.type(dims, op.getType().getElementType()), value, kernel,
                              strides, pads, dilations, op.getCeilMode(), op.getChannelsLast());
  }
  op.replaceAllUsesWith(value);
  op.erase();
}

struct SplitPoolsPass final : impl::SplitPoolsPassBase<SplitPoolsPass> {
  void runOnOperation() override {
    ShapeSolver solver(getOperation());
    SmallVector<MaxPoolOp> ops;
    getOperation().walk([&](MaxPoolOp op) {
      if (isWorthSplitting(op))
        ops.push_back(op);
    });
    for (MaxPoolOp op : ops)
      split(op, solver);
  }
};

} // namespace
} // namespace lathe::graph
