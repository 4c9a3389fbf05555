// lib/Strategies/CPU/Conv.cpp: convolutions over all channels, as products
// whose left rows overlap.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "../FuseEpilogue.h"
#include "../PackWeights.h"
#include "Strategies.h"
#include "Tilings.h"

#include "dialects/Graph/Graph.h"

using namespace mlir;
using namespace lathe;

static std::optional<Config> match(const Problem &problem, const Target &target) {
  Workload work = describe(problem);
  if (work.kind != Workload::Kind::Conv || !work.isF32 || !work.hasConstantWeights)
    return std::nullopt;
  return toConfig(chooseContractTiling(work, target, /*packed=*/true, problem.root->getContext()));
}

static LogicalResult apply(kernel::FuncOp kernel, Config config, const Target &) {
  Operation *root = findKeptRoot(kernel, Workload::Kind::Conv, /*packs=*/true);
  FailureOr<tile::TilingAttr> tiling = toTiling(kernel, config);
  if (!root || failed(tiling))
    return failure();
  EpilogueFusion fusion(root);
  OpBuilder builder = fusion.insertionPoint();
  auto conv = cast<graph::ConvOp>(root);
  // [o, c, i, j] becomes [panel, i, j, c, column].
  Value filter = packWeights(kernel, conv.getFilter(), /*tiled=*/0,
                             /*order=*/{2, 3, 1}, tiling->getVectors() * tiling->getLanes());
  Value init = fusion.createInit(builder, kernel);
  auto op = tile::ConvOp::create(builder, conv.getLoc(), init.getType(), conv.getX(), filter, fusion.getExtras(), init,
                                 conv.getStrides(), conv.getDilations(), *tiling, fusion.getExtraMaps());
  fusion.finish(op);
  return success();
}

const Strategy lathe::directConv = {"cpu.conv.direct", /*keepsRoot=*/true, match, apply};
