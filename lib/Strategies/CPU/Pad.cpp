// lib/Strategies/CPU/Pad.cpp: a margin of zeros around images, line by line.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "../FuseEpilogue.h"
#include "Strategies.h"
#include "Tilings.h"

#include "dialects/Graph/Graph.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace lathe;

/// An element that is copied costs about this many operations of a product.
static constexpr double operationsPerElement = 16;

static std::optional<Config> match(const Problem &problem, const Target &target) {
  Workload work = describe(problem, target);
  // Elementwise ops that follow are better fused by the loops of the fallback.
  if (work.kind != Workload::Kind::Pad || !isa<kernel::ReturnOp>(problem.root->getNextNode()))
    return std::nullopt;
  double width = ShapedType::isDynamic(work.rows) ? 64 : work.rows;
  double channels = ShapedType::isDynamic(work.columns) ? 64 : work.columns;
  int64_t taskLines = chooseTask(work.lines, width * channels * operationsPerElement, 1);
  return toConfig(tile::TilingAttr::get(problem.root->getContext(), /*rows=*/1, /*vectors=*/1,
                                        target.vectorUnit().lanes(), /*unroll=*/1, /*prefetch=*/0,
                                        /*block=*/0, taskLines, /*task_panels=*/0, /*unit=*/StringAttr()));
}

static LogicalResult apply(kernel::FuncOp kernel, Config config, const Target &target) {
  Operation *root = findKeptRoot(kernel, target, Workload::Kind::Pad, /*packs=*/false);
  FailureOr<tile::TilingAttr> tiling = toTiling(kernel, config);
  if (!root || failed(tiling))
    return failure();
  auto pad = cast<graph::PadOp>(root);
  OpBuilder builder(pad);
  SmallVector<int64_t> offsets;
  for (int64_t dim = 1; dim + 1 < pad.getType().getRank(); ++dim)
    offsets.push_back(cast<AffineConstantExpr>(pad.getAmounts()->getMap().getResult(dim)).getValue());
  TypedAttr value;
  if (DenseElementsAttr constant; pad.getValue() && matchPattern(pad.getValue(), m_Constant(&constant)))
    value = cast<TypedAttr>(*constant.value_begin<Attribute>());
  Value init = emptyResult(builder, kernel, pad);
  auto op = tile::PadOp::create(builder, pad.getLoc(), init.getType(), pad.getX(), init, offsets, value, *tiling);
  pad.getY().replaceAllUsesWith(op.getResult());
  pad.erase();
  return success();
}

const Strategy lathe::pad = {"cpu.pad", /*keepsRoot=*/true, match, acceptsAnything, apply};
