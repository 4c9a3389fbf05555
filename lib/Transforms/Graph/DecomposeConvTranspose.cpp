// lib/Transforms/Graph/DecomposeConvTranspose.cpp: upsampling by a whole factor is a matrix product and a permutation.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe/Transforms/Graph/Passes.h"

using namespace mlir;

namespace lathe::graph {
#define GEN_PASS_DEF_DECOMPOSECONVTRANSPOSEPASS
#include "lathe/Transforms/Graph/Passes.h.inc"

namespace {

/// Windows that neither overlap nor leave gaps: every output element has one
/// input position.
bool isBlockwise(ConvTransposeOp op) {
  auto all = [](ArrayRef<int64_t> values, int64_t expected) {
    return llvm::all_of(values, [&](int64_t value) { return value == expected; });
  };
  auto filter = op.getFilter().getType();
  return op.getChannelsLast() && op.getGroups() == 1 && op.getType().getRank() == 4 && filter.hasStaticShape() &&
         all(op.getPads(), 0) && all(op.getDilations(), 1) && all(op.getOutputPadding(), 0) &&
         filter.getShape().drop_front(2) == op.getStrides();
}

struct DecomposeConvTransposePass final : impl::DecomposeConvTransposePassBase<DecomposeConvTransposePass> {
  void runOnOperation() override {
    ShapeSolver solver(getOperation());
    SmallVector<ConvTransposeOp> ops;
    getOperation().walk([&](ConvTransposeOp op) {
      if (isBlockwise(op))
        ops.push_back(op);
    });
    for (ConvTransposeOp op : ops)
      decompose(op, solver);
  }

  static void decompose(ConvTransposeOp op, ShapeSolver &solver) {
    OpBuilder b(op);
    Location loc = op.getLoc();
    Type element = op.getType().getElementType();
    Dims x = solver.dims(op.getX());                                // N, H, W, C
    ArrayRef<int64_t> filter = op.getFilter().getType().getShape(); // C, O, KH, KW
    int64_t inputs = filter[0], outputs = filter[1], kh = filter[2], kw = filter[3];
    auto fixed = [&](int64_t n) { return solver.constant(n); };
    auto reshape = [&](Value value, const Dims &dims) -> Value {
      return ReshapeOp::create(b, loc, solver.type(dims, element), value, Value());
    };
    auto transpose = [&](Value value, const Dims &dims, ArrayRef<int64_t> permutation) -> Value {
      return TransposeOp::create(b, loc, solver.type(dims, element), value, permutation);
    };
    Value weights = transpose(op.getFilter(), {fixed(inputs), fixed(kh), fixed(kw), fixed(outputs)}, {0, 2, 3, 1});
    weights = reshape(weights, {fixed(inputs), fixed(kh * kw * outputs)});
    AffineExpr rows = solver.product({x[0], x[1], x[2]});
    Value product = MatmulOp::create(b, loc, solver.type({rows, fixed(kh * kw * outputs)}, element),
                                     reshape(op.getX(), {rows, fixed(inputs)}), weights);
    // Batch and input rows stay together, and so do filter columns and
    // channels: they are neighbours on both sides.
    AffineExpr lines = solver.product({x[0], x[1]});
    Value blocks = reshape(product, {lines, x[2], fixed(kh), fixed(kw * outputs)});
    Value ordered = transpose(blocks, {lines, fixed(kh), x[2], fixed(kw * outputs)}, {0, 2, 1, 3});
    op.replaceAllUsesWith(reshape(ordered, solver.dims(op.getY())));
    op.erase();
  }
};

} // namespace
} // namespace lathe::graph
