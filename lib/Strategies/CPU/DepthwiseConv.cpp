// lib/Strategies/CPU/DepthwiseConv.cpp: one filter a channel, or groups of few
// channels: vectors run over channels and inputs are read once.
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

/// Columns that share their inputs. More of them make little difference.
static constexpr int64_t columnsAtOnce = 4;

/// Tasks are so many times as large as others: each reads the filters, and lines that its neighbours read, too.
static constexpr double taskScale = 2;

/// A pixel costs about this many operations a channel, its loads included.
static constexpr double operationsPerElement = 32;

/// Columns and vectors that are worth measuring, as far as registers hold their sums.
static constexpr int64_t columnsToTry[] = {2, 4, 6, 8}, vectorsToTry[] = {1, 2, 4};

static bool fits(const Workload &work) {
  return work.kind == Workload::Kind::DepthwiseConv && work.single && work.hasPackableWeights;
}

static int64_t lanesOf(const Workload &work, const Target &target) {
  return target.vectorUnit().lanes(bytesOf(work.single->sum));
}

static Config makeConfig(const Problem &problem, const Workload &work, const Target &target, int64_t atOnce,
                         int64_t vectors, double scale) {
  double columns = ShapedType::isDynamic(work.rows) ? 64 : work.rows;
  double ofColumn = work.columns * operationsPerElement;
  int64_t taskLines = work.cutsLines ? chooseTask(work.rows, ofColumn, atOnce, scale)
                                     : chooseTask(work.lines, columns * ofColumn, 1, scale);
  return toConfig(tile::TilingAttr::get(problem.root->getContext(), atOnce, vectors, lanesOf(work, target),
                                        /*unroll=*/1, /*prefetch=*/0, /*block=*/0, taskLines,
                                        /*task_panels=*/0, unitAttr(*work.single, problem.root->getContext())));
}

static int64_t chooseVectors(const Workload &work, const Target &target) {
  const VectorUnit &unit = target.vectorUnit();
  int64_t vectors = work.columns >= 2 * lanesOf(work, target) ? 2 : 1;
  // With such a distance between pixels, few sets of the first-level cache hold
  // all of a channel block, so it must use more of each line of sets.
  if (work.columns * bytesOf(work.single->a) % 1024 == 0 && unit.registers >= 32)
    vectors = 4;
  return vectors;
}

static std::optional<Config> match(const Problem &problem, const Target &target) {
  Workload work = describe(problem, target);
  if (!fits(work))
    return problem.reject(work.obstacle);
  return makeConfig(problem, work, target, columnsAtOnce, chooseVectors(work, target), taskScale);
}

static void addAlternatives(const Problem &problem, const Target &target, SmallVectorImpl<Config> &list) {
  Workload work = describe(problem, target);
  if (!fits(work))
    return;
  int64_t chosen = chooseVectors(work, target), lanes = lanesOf(work, target);
  for (int64_t vectors : vectorsToTry)
    for (int64_t columns : columnsToTry)
      if ((columns + 2) * vectors <= target.vectorUnit().registers && (vectors == 1 || vectors * lanes <= work.columns))
        list.push_back(makeConfig(problem, work, target, columns, vectors, taskScale));
  for (double scale : {0.5, 1.0, 4.0})
    list.push_back(makeConfig(problem, work, target, columnsAtOnce, chosen, scale));
}

static LogicalResult apply(kernel::FuncOp kernel, Config config, const Target &target) {
  Operation *root = findKeptRoot(kernel, target, Workload::Kind::DepthwiseConv, /*packs=*/true);
  FailureOr<tile::TilingAttr> tiling = toTiling(kernel, config);
  if (!root || failed(tiling))
    return failure();
  EpilogueFusion fusion(root, *tiling);
  OpBuilder builder = fusion.insertionPoint();
  auto conv = cast<graph::ConvOp>(root);
  // [o, c, i, j] becomes [i, j, c, o], without c if it is 1.
  int64_t rank = conv.getType().getRank(), outputs = conv.getType().getDimSize(rank - 1);
  int64_t inputsOfGroup = conv.getFilter().getType().getDimSize(1);
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(2, rank));
  order.push_back(1);
  Value filter = packWeights(builder, kernel, conv.getFilter(), {/*tiled=*/0, order, outputs});
  SmallVector<SmallVector<int64_t, 2>> groups{{0, 1}};
  for (int64_t dim = 2; dim <= rank; ++dim)
    groups.push_back({dim});
  if (inputsOfGroup == 1) {
    groups[rank - 2].push_back(rank);
    groups.pop_back();
  }
  filter = collapseDims(builder, filter, groups);
  Value init = fusion.createInit(builder, kernel);
  auto op =
      tile::DepthwiseConvOp::create(builder, conv.getLoc(), init.getType(), conv.getX(), filter, fusion.getExtras(),
                                    init, conv.getStrides(), conv.getDilations(), inputsOfGroup,
                                    outputs / static_cast<int64_t>(conv.getGroups()), *tiling, fusion.getExtraMaps());
  fusion.finish(op);
  return scheduleLoops(kernel, target);
}

const Strategy lathe::depthwiseConv = {"cpu.conv.depthwise",
                                       /*keepsRoot=*/true,     match,          acceptsInEpilogue, apply,
                                       /*takesPadding=*/false, addAlternatives};
