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

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace lathe;

static bool fits(const Workload &work) {
  return work.kind == Workload::Kind::Contract && work.unit && work.hasPackableWeights;
}

static std::optional<Config> match(const Problem &problem, const Target &target) {
  Workload work = describe(problem, target);
  if (!fits(work))
    return problem.reject(work.obstacle);
  // A step needs a size that is written in the operand's type.
  const DotUnit &unit = ShapedType::isDynamic(work.k) ? *work.single : work.tiles ? *work.tiles : *work.unit;
  return toConfig(chooseContractTiling(problem, work, unit, target, /*packed=*/true));
}

static void addAlternatives(const Problem &problem, const Target &target, SmallVectorImpl<Config> &list) {
  Workload work = describe(problem, target);
  if (!fits(work))
    return;
  if (ShapedType::isDynamic(work.k))
    return listContractTilings(problem, work, *work.single, target, /*packed=*/true, list);
  if (work.tiles)
    listContractTilings(problem, work, *work.tiles, target, /*packed=*/true, list);
  listContractTilings(problem, work, *work.unit, target, /*packed=*/true, list);
}

/// `values`, [n, blocks, m] for the codes of a product, in panels [panel, blocks, column], or with all codes of a
/// column in one dim.
static Value packShared(OpBuilder &builder, kernel::FuncOp kernel, Value values, int64_t width) {
  Packing packing{/*tiled=*/0, /*order=*/{1, 2}, width};
  packing.keepsDenormals = getElementTypeOrSelf(values.getType()).isF32();
  Value packed = packWeights(builder, kernel, values, packing);
  bool isOfBlocks = cast<RankedTensorType>(packed.getType()).getDimSize(2) == 1;
  return isOfBlocks ? collapseDims(builder, packed, {{0}, {1}, {2, 3}})
                    : collapseDims(builder, packed, {{0}, {1, 2}, {3}});
}

/// The product of `root` with weights in codes.
static tile::ContractOp multiplyCodes(OpBuilder &builder, kernel::FuncOp kernel, graph::MatmulOp root,
                                      EpilogueFusion &fusion, tile::TilingAttr tiling) {
  WeightCodes weights = *findWeightCodes(root);
  int64_t width = tiling.getVectors() * tiling.getLanes();
  int64_t terms = tiling.getBlock() ? tiling.getBlock() : root.getA().getType().getShape().back();
  Value codes;
  if (tiling.getStep() > 1) {
    Packing packing{/*tiled=*/0, /*order=*/{1, 2}, width, tiling.getStep(), /*run=*/2};
    packing.bits = weights.bits;
    codes = packWeights(builder, kernel, weights.codes, packing);
  } else {
    codes = packShared(builder, kernel, weights.codes, width);
  }
  Value scales = packShared(builder, kernel, weights.scales, width),
        zeros = packShared(builder, kernel, weights.zeros, width);
  Value scratch = tensor::EmptyOp::create(builder, root.getLoc(), {terms, width}, builder.getF32Type());
  Value init = fusion.createInit(builder, kernel);
  return tile::ContractOp::create(builder, root.getLoc(), init.getType(), root.getA(), codes, scales, zeros, scratch,
                                  fusion.getExtras(), init, /*packed=*/true, tiling, fusion.getExtraMaps());
}

static LogicalResult apply(kernel::FuncOp kernel, Config config, const Target &target) {
  Operation *root = findKeptRoot(kernel, target, Workload::Kind::Contract, /*packs=*/true);
  FailureOr<tile::TilingAttr> tiling = toTiling(kernel, config);
  if (!root || failed(tiling))
    return failure();
  int64_t width = tiling->getVectors() * tiling->getLanes(), step = tiling->getStep();
  EpilogueFusion fusion(root, *tiling);
  OpBuilder builder = fusion.insertionPoint();
  if (std::optional<WeightCodes> codes = findWeightCodes(root)) {
    fusion.finish(multiplyCodes(builder, kernel, cast<graph::MatmulOp>(root), fusion, *tiling));
    for (Operation *op : llvm::reverse(codes->ops))
      op->erase();
    return scheduleLoops(kernel, target);
  }
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

const Strategy lathe::packedGemm = {"cpu.gemm.packed",      /*keepsRoot=*/true, match, acceptsInEpilogue, apply,
                                    /*takesPadding=*/false, addAlternatives};
