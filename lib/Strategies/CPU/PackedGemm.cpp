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
  Workload work = describe(problem);
  if (work.kind != Workload::Kind::Contract || !work.isF32 || !work.hasConstantWeights)
    return std::nullopt;
  return toConfig(chooseContractTiling(work, target, /*packed=*/true, problem.root->getContext()));
}

static LogicalResult apply(kernel::FuncOp kernel, Config config, const Target &) {
  Operation *root = findKeptRoot(kernel, Workload::Kind::Contract, /*packs=*/true);
  FailureOr<tile::TilingAttr> tiling = toTiling(kernel, config);
  if (!root || failed(tiling))
    return failure();
  int64_t width = tiling->getVectors() * tiling->getLanes();
  EpilogueFusion fusion(root);
  OpBuilder builder = fusion.insertionPoint();
  Value lhs, rhs;
  if (auto matmul = dyn_cast<graph::MatmulOp>(root)) {
    lhs = matmul.getA();
    rhs = packWeights(kernel, matmul.getB(), /*tiled=*/1, /*order=*/{0}, width);
  } else {
    // The filter [o, c, 1, 1] as the matrix [c, o].
    auto conv = cast<graph::ConvOp>(root);
    lhs = conv.getX();
    rhs = packWeights(kernel, conv.getFilter(), /*tiled=*/0,
                      /*order=*/{2, 3, 1}, width);
    rhs = collapseDims(builder, rhs, {{0}, {1, 2, 3}, {4}});
  }
  Value init = fusion.createInit(builder, kernel);
  auto op = tile::ContractOp::create(builder, root->getLoc(), init.getType(), lhs, rhs, fusion.getExtras(), init,
                                     /*packed=*/true, *tiling, fusion.getExtraMaps());
  fusion.finish(op);
  return success();
}

const Strategy lathe::packedGemm = {"cpu.gemm.packed", /*keepsRoot=*/true, match, apply};
