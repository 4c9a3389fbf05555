// lib/Strategies/CPU/PackedGemm.cpp: products with a constant matrix, and
// convolutions that are such products.
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
  Workload work = describe(problem, target);
  if (work.kind != Workload::Kind::Contract || !work.unit || !work.hasPackableWeights)
    return problem.reject(work.obstacle);
  // A step needs a size that is written in the operand's type.
  const DotUnit &unit = ShapedType::isDynamic(work.k) ? *work.single : work.tiles ? *work.tiles : *work.unit;
  return toConfig(chooseContractTiling(problem, work, unit, target, /*packed=*/true));
}

static LogicalResult apply(kernel::FuncOp kernel, Config config, const Target &target) {
  Operation *root = findKeptRoot(kernel, target, Workload::Kind::Contract, /*packs=*/true);
  FailureOr<tile::TilingAttr> tiling = toTiling(kernel, config);
  if (!root || failed(tiling))
    return failure();
  int64_t width = tiling->getVectors() * tiling->getLanes(), step = tiling->getStep();
  EpilogueFusion fusion(root, *tiling);
  OpBuilder builder = fusion.insertionPoint();
  Value lhs, rhs;
  if (auto matmul = dyn_cast<graph::MatmulOp>(root)) {
    lhs = matmul.getA();
    rhs = packWeights(builder, kernel, matmul.getB(), {/*tiled=*/1, /*order=*/{0}, width, step});
  } else {
    // The filter [o, c, 1, 1] as the matrix [c, o].
    auto conv = cast<graph::ConvOp>(root);
    lhs = conv.getX();
    int64_t rank = conv.getType().getRank();
    SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(2, rank));
    order.push_back(1);
    rhs = packWeights(builder, kernel, conv.getFilter(), {/*tiled=*/0, order, width, step});
    SmallVector<SmallVector<int64_t, 2>> groups{{0}, llvm::to_vector<2>(llvm::seq<int64_t>(1, rank)), {rank}};
    if (step > 1)
      groups.push_back({rank + 1});
    rhs = collapseDims(builder, rhs, groups);
  }
  Value init = fusion.createInit(builder, kernel);
  auto op = tile::ContractOp::create(builder, root->getLoc(), init.getType(), lhs, rhs, fusion.getExtras(), init,
                                     /*packed=*/true, *tiling, fusion.getExtraMaps());
  fusion.finish(op);
  return scheduleLoops(kernel, target);
}

const Strategy lathe::packedGemm = {"cpu.gemm.packed", /*keepsRoot=*/true, match, acceptsInEpilogue, apply};
