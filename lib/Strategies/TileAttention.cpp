// lib/Strategies/TileAttention.cpp: what strategies for processors and for GPUs do alike.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "TileAttention.h"
#include "FuseEpilogue.h"
#include "dialects/Tile/Attention.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace lathe {

void tileAttention(kernel::FuncOp kernel, graph::AttentionOp root, tile::TilingAttr tiling, int64_t scratchElements) {
  OpBuilder builder(root);
  Location loc = root.getLoc();
  Value offset, scratch;
  if (auto causal = root.getCausal())
    offset = graph::LinalgBuilder(builder, loc, kernel.getSizeArguments()).index(causal->getMap().getResult(0));
  if (scratchElements)
    scratch = tensor::EmptyOp::create(builder, loc, scratchElements, builder.getF32Type());
  Value init = emptyResult(builder, kernel, root);
  auto op = tile::AttentionOp::create(builder, loc, init.getType(), root.getQ(), root.getK(), root.getV(),
                                      root.getBias(), root.getMask(), offset, scratch, init, root.getHeadsInside(),
                                      root.getScale(), root.getSoftcap(), root.getHidden(), root.getZeroRows(), tiling);
  root.getResult().replaceAllUsesWith(op.getResult());
  root.erase();
}

} // namespace lathe
