// lib/Strategies/TileTranspose.cpp: checks the root and puts the tile op in its place.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "TileTranspose.h"
#include "CPU/Tilings.h"
#include "FuseEpilogue.h"
#include "dialects/Graph/Graph.h"

using namespace mlir;

namespace lathe {

static bool movesInnermost(graph::TransposeOp op) {
  ArrayRef<int64_t> permutation = op.getPermutation();
  return !permutation.empty() && permutation.back() != static_cast<int64_t>(permutation.size()) - 1;
}

LogicalResult tileTranspose(kernel::FuncOp kernel, Config config) {
  auto root = dyn_cast_or_null<graph::TransposeOp>(kernel::findRoot(kernel.getBody().front()));
  FailureOr<tile::TilingAttr> tiling = toTiling(kernel, config);
  if (failed(tiling))
    return failure();
  if (!root || !movesInnermost(root))
    return kernel.emitOpError("strategy ") << kernel.getStrategy()->getName()
                                           << " needs a transpose that moves the innermost dim; remove the strategy "
                                              "to have one chosen [strategy-unfit]";
  EpilogueFusion fusion(root, *tiling);
  OpBuilder builder = fusion.insertionPoint();
  Value init = fusion.createInit(builder, kernel);
  fusion.finish(tile::TransposeOp::create(builder, root.getLoc(), init.getType(), root.getX(), fusion.getExtras(), init,
                                          root.getPermutation(), *tiling, fusion.getExtraMaps()));
  return success();
}

} // namespace lathe
