// lib/Transforms/Graph/MaterializePadding.cpp: convolutions read what is there; padding is an op of its own.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Windows.h"
#include "lathe/Transforms/Graph/Passes.h"

using namespace mlir;

namespace lathe::graph {
#define GEN_PASS_DEF_MATERIALIZEPADDINGPASS
#include "lathe/Transforms/Graph/Passes.h.inc"

namespace {

/// The value that never wins a maximum.
Value lowest(OpBuilder &builder, Location loc, Type element) {
  auto type = RankedTensorType::get({}, element);
  auto floating = cast<FloatType>(element);
  APFloat value = APFloat::getInf(floating.getFloatSemantics(), /*Negative=*/true);
  return ConstantOp::create(builder, loc, type, DenseElementsAttr::get(type, value));
}

struct MaterializePaddingPass final : impl::MaterializePaddingPassBase<MaterializePaddingPass> {
  void runOnOperation() override {
    ShapeSolver solver(getOperation());
    auto hasPads = [](ArrayRef<int64_t> pads) { return llvm::any_of(pads, [](int64_t pad) { return pad != 0; }); };
    getOperation().walk([&](Operation *op) {
      if (auto conv = dyn_cast<ConvOp>(op); conv && conv.getChannelsLast() && hasPads(conv.getPads()))
        pad(conv, solver, Value());
      auto pool = dyn_cast<MaxPoolOp>(op);
      // With ceil_mode the last windows may reach beyond the padding.
      if (pool && pool.getChannelsLast() && hasPads(pool.getPads()) && !pool.getCeilMode() && !hasShortWindows(pool) &&
          isa<FloatType>(pool.getType().getElementType())) {
        OpBuilder builder(pool);
        pad(pool, solver, lowest(builder, pool.getLoc(), pool.getType().getElementType()));
      }
    });
  }

  template <typename OpT> static void pad(OpT op, ShapeSolver &solver, Value value) {
    OpBuilder builder(op);
    Dims shape = solver.dims(op.getX());
    size_t rank = shape.size(), spatial = rank - 2;
    Dims amounts(2 * rank, solver.constant(0));
    for (size_t i = 0; i < spatial; ++i) {
      int64_t before = op.getPads()[i], after = op.getPads()[spatial + i];
      amounts[1 + i] = solver.constant(before);
      amounts[rank + 1 + i] = solver.constant(after);
      shape[1 + i] = solver.simplify(shape[1 + i] + (before + after));
    }
    auto type = solver.type(shape, op.getX().getType().getElementType());
    auto attr = DimsAttr::get(op.getContext(), AffineMap::get(0, 0, amounts, op.getContext()));
    Value padded = PadOp::create(builder, op.getLoc(), type, op.getX(), Value(), value, PadMode::constant, attr);
    op.getXMutable().assign(padded);
    op.setPads(SmallVector<int64_t>(2 * spatial, 0));
  }
};

} // namespace
} // namespace lathe::graph
