// lib/Strategies/CPU/BatchedGemm.cpp: products whose right-hand side is
// computed too, as in attention, so that nothing can be packed beforehand.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "../FuseEpilogue.h"
#include "Strategies.h"
#include "Tilings.h"

#include "dialects/Graph/Graph.h"

using namespace mlir;
using namespace lathe;

static std::optional<Config> match(const Problem &problem, const Target &target) {
  Workload work = describe(problem, target);
  if (work.kind != Workload::Kind::Contract || !work.unit || work.codes || !isa<graph::MatmulOp>(problem.root))
    return problem.reject(work.obstacle);
  return toConfig(chooseContractTiling(problem, work, *work.unit, target, /*packed=*/false));
}

static LogicalResult apply(kernel::FuncOp kernel, Config config, const Target &target) {
  Operation *root = findKeptRoot(kernel, target, Workload::Kind::Contract, /*packs=*/false);
  FailureOr<tile::TilingAttr> tiling = toTiling(kernel, config);
  if (!root || failed(tiling))
    return failure();
  EpilogueFusion fusion(root, *tiling);
  OpBuilder builder = fusion.insertionPoint();
  auto matmul = cast<graph::MatmulOp>(root);
  Value init = fusion.createInit(builder, kernel);
  auto op = tile::ContractOp::create(builder, matmul.getLoc(), init.getType(), matmul.getA(), matmul.getB(),
                                     fusion.getExtras(), init,
                                     /*packed=*/false, *tiling, fusion.getExtraMaps());
  fusion.finish(op);
  return scheduleLoops(kernel, target);
}

const Strategy lathe::batchedGemm = {"cpu.gemm.batched", /*keepsRoot=*/true, match, acceptsInEpilogue, apply};
