// lib/Transforms/Graph/MaterializePadding.cpp: convolutions read what is there; padding is an op of its own.

#include "lathe/Transforms/Graph/Passes.h"

using namespace mlir;

namespace lathe::graph {
#define GEN_PASS_DEF_MATERIALIZEPADDINGPASS
#include "lathe/Transforms/Graph/Passes.h.inc"

namespace {

struct MaterializePaddingPass final : impl::MaterializePaddingPassBase<MaterializePaddingPass> {
  void runOnOperation() override {
    ShapeSolver solver(getOperation());
    getOperation().walk([&](ConvOp conv) {
      if (conv.getChannelsLast() && llvm::any_of(conv.getPads(), [](int64_t pad) { return pad != 0; }))
        pad(conv, solver);
    });
  }

  static void pad(ConvOp conv, ShapeSolver &solver) {
    OpBuilder builder(conv);
    Dims shape = solver.dims(conv.getX());
    size_t rank = shape.size(), spatial = rank - 2;
    Dims amounts(2 * rank, solver.constant(0));
    for (size_t i = 0; i < spatial; ++i) {
      int64_t before = conv.getPads()[i], after = conv.getPads()[spatial + i];
      amounts[1 + i] = solver.constant(before);
      amounts[rank + 1 + i] = solver.constant(after);
      shape[1 + i] = solver.simplify(shape[1 + i] + (before + after));
    }
    auto type = solver.type(shape, conv.getX().getType().getElementType());
    auto attr = DimsAttr::get(conv.getContext(), AffineMap::get(0, 0, amounts, conv.getContext()));
    Value padded = PadOp::create(builder, conv.getLoc(), type, conv.getX(), Value(), Value(),
                                 PadMode::constant, attr);
    conv.getXMutable().assign(padded);
    conv.setPads(SmallVector<int64_t>(2 * spatial, 0));
  }
};

} // namespace
} // namespace lathe::graph
