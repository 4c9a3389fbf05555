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

static bool fits(const Workload &work) {
  return work.kind == Workload::Kind::Conv && work.unit && work.hasPackableWeights;
}

static std::optional<Config> match(const Problem &problem, const Target &target) {
  Workload work = describe(problem, target);
  if (!fits(work))
    return problem.reject(work.obstacle);
  bool isNarrow = needsSingleTerms(target.vectorUnit(), *work.unit, work);
  const DotUnit &unit = isNarrow ? *work.single : work.tiles ? *work.tiles : *work.unit;
  return toConfig(chooseContractTiling(problem, work, unit, target, /*packed=*/true));
}

static void addAlternatives(const Problem &problem, const Target &target, SmallVectorImpl<Config> &list) {
  Workload work = describe(problem, target);
  if (!fits(work))
    return;
  if (needsSingleTerms(target.vectorUnit(), *work.unit, work))
    return listContractTilings(problem, work, *work.single, target, /*packed=*/true, list);
  if (work.tiles)
    listContractTilings(problem, work, *work.tiles, target, /*packed=*/true, list);
  listContractTilings(problem, work, *work.unit, target, /*packed=*/true, list);
}

static LogicalResult apply(kernel::FuncOp kernel, Config config, const Target &target) {
  Operation *root = findKeptRoot(kernel, target, Workload::Kind::Conv, /*packs=*/true);
  FailureOr<tile::TilingAttr> tiling = toTiling(kernel, config);
  if (!root || failed(tiling))
    return failure();
  EpilogueFusion fusion(root, *tiling);
  OpBuilder builder = fusion.insertionPoint();
  auto conv = cast<graph::ConvOp>(root);
  // [o, c, i, j] becomes [panel, i, j, c, column]; with a step, taps and
  // channels of a row are one run where the input has them so.
  int64_t step = tiling->getStep(), width = tiling->getVectors() * tiling->getLanes();
  int64_t kernelWidth = conv.getFilter().getType().getShape().back(), groups = conv.getGroups();
  bool isRun = step > 1 && groups == 1 && (conv.getDilations().back() == 1 || kernelWidth == 1);
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(2, conv.getType().getRank()));
  order.push_back(1);
  Value filter =
      packWeights(builder, kernel, conv.getFilter(), {/*tiled=*/0, order, width, step, /*run=*/isRun ? 2 : 1});
  Value init = fusion.createInit(builder, kernel);
  auto op = tile::ConvOp::create(builder, conv.getLoc(), init.getType(), conv.getX(), filter, fusion.getExtras(), init,
                                 conv.getStrides(), conv.getDilations(), groups,
                                 isRun ? builder.getI64IntegerAttr(kernelWidth) : IntegerAttr(), *tiling,
                                 fusion.getExtraMaps());
  fusion.finish(op);
  return scheduleLoops(kernel, target);
}

const Strategy lathe::directConv = {"cpu.conv.direct",      /*keepsRoot=*/true, match, acceptsInEpilogue, apply,
                                    /*takesPadding=*/false, addAlternatives};
