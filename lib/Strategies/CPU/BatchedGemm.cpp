// lib/Strategies/CPU/BatchedGemm.cpp: products whose right-hand side is
// computed too, as in attention, so that nothing can be packed beforehand.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "../FuseEpilogue.h"
#include "Strategies.h"
#include "Tilings.h"

#include "dialects/Graph/Graph.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace lathe;

static bool fits(const Problem &problem, const Workload &work) {
  return work.kind == Workload::Kind::Contract && work.unit && !work.codes && isa<graph::MatmulOp>(problem.root);
}

static std::optional<Config> match(const Problem &problem, const Target &target) {
  Workload work = describe(problem, target);
  if (!fits(problem, work))
    return problem.reject(work.obstacle);
  return toConfig(chooseContractTiling(problem, work, *work.unit, target, /*packed=*/false));
}

static void addAlternatives(const Problem &problem, const Target &target, SmallVectorImpl<Config> &list) {
  Workload work = describe(problem, target);
  if (!fits(problem, work))
    return;
  // Where panels are ready, whether they are worth it is all that there is to ask.
  if (work.hasPackableWeights)
    list.push_back(toConfig(chooseContractTiling(problem, work, *work.unit, target, /*packed=*/false)));
  else
    listContractTilings(problem, work, *work.unit, target, /*packed=*/false, list);
}

/// Memory for `steps` rows of a panel of the right-hand side: none where only the run knows that the rows are few.
static Value createScratch(OpBuilder &builder, graph::MatmulOp matmul, tile::TilingAttr tiling, int64_t steps) {
  Location loc = matmul.getLoc();
  RankedTensorType a = matmul.getA().getType(), b = matmul.getB().getType();
  int64_t width = tiling.getVectors() * tiling.getLanes(), rank = a.getRank();
  auto index = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(builder, loc, value); };
  Value rows = index(1);
  bool isOpen = false;
  for (int64_t dim = b.getRank() == 2 ? 0 : rank - 2; dim < rank - 1; ++dim) {
    isOpen |= a.isDynamicDim(dim);
    rows = arith::MulIOp::create(builder, loc, rows, tensor::DimOp::create(builder, loc, matmul.getA(), dim));
  }
  if (!isOpen)
    return tensor::EmptyOp::create(builder, loc, {steps, width}, b.getElementType());
  Value most = index(mostTilesInPlace * tiling.getRows());
  Value areFew = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sle, rows, most);
  Value size = arith::SelectOp::create(builder, loc, areFew, index(0), index(steps));
  return tensor::EmptyOp::create(builder, loc, {ShapedType::kDynamic, width}, b.getElementType(), ValueRange{size});
}

static LogicalResult apply(kernel::FuncOp kernel, Config config, const Target &target) {
  Operation *root = findKeptRoot(kernel, target, Workload::Kind::Contract, /*packs=*/false);
  FailureOr<tile::TilingAttr> tiling = toTiling(kernel, config);
  if (!root || failed(tiling))
    return failure();
  EpilogueFusion fusion(root, *tiling);
  OpBuilder builder = fusion.insertionPoint();
  auto matmul = cast<graph::MatmulOp>(root);
  Value init = fusion.createInit(builder, kernel), scratch;
  Workload work = describe({root}, target);
  int64_t steps = tiling->getBlock() ? tiling->getBlock() : work.k;
  // A product of no terms copies nothing.
  if (work.unit && steps > 0 && copiesPanels(work, *work.unit, target, tiling->getRows()))
    scratch = createScratch(builder, matmul, *tiling, steps);
  auto op = tile::ContractOp::create(builder, matmul.getLoc(), init.getType(), matmul.getA(), matmul.getB(),
                                     /*scales=*/nullptr, /*zeros=*/nullptr, scratch, fusion.getExtras(), init,
                                     /*packed=*/false, *tiling, fusion.getExtraMaps());
  fusion.finish(op);
  return scheduleLoops(kernel, target);
}

const Strategy lathe::batchedGemm = {"cpu.gemm.batched",     /*keepsRoot=*/true, match, acceptsInEpilogue, apply,
                                     /*takesPadding=*/false, addAlternatives};
