// lib/Strategies/CPU/TilingAlternatives.cpp: the tilings of products and convolutions that are worth measuring, each
// of which differs from the chosen one in one point.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Tilings.h"

using namespace mlir;

namespace lathe {

/// Steps of a round.
static constexpr int64_t unrolls[] = {2, 4, 8};

/// Steps between two visits of an output element. More than some are worth it where a sum has twice as many.
static constexpr int64_t blocks[] = {256, 512, 1024};

/// How much larger tasks are.
static constexpr double taskScales[] = {0.5, 2, 4};

/// The numbers of a tiling that a wish changes.
static SmallVector<TilingWish> listWishes(const Workload &work, const DotUnit &dot, const Target &target, bool packed,
                                          tile::TilingAttr chosen) {
  SmallVector<TilingWish> wishes;
  for (RegisterTile tile : listTiles(target.vectorUnit(), dot, work))
    wishes.emplace_back().tile = tile;
  int64_t run = ShapedType::isDynamic(work.run) ? 0 : work.run / dot.step;
  if (!dot.matrixUnit() && (packed || dot.step == 1))
    for (int64_t unroll : unrolls)
      if (run % unroll == 0)
        wishes.emplace_back().unroll = unroll;
  bool isContract = work.kind == Workload::Kind::Contract, knowsSteps = !ShapedType::isDynamic(work.k);
  bool hasRows = ShapedType::isDynamic(work.rows) || work.rows > chosen.getRows();
  if (packed && isContract && knowsSteps && hasRows && work.storesSums && !dot.matrixUnit() && !work.codes) {
    for (int64_t block : blocks)
      if (2 * block <= work.k && block % dot.step == 0)
        wishes.emplace_back().block = block;
    wishes.emplace_back().block = 0;
  }
  if (!packed && chosen.getBlock() > 1) {
    wishes.emplace_back().block = chosen.getBlock() * 2;
    wishes.emplace_back().block = chosen.getBlock() / 2;
  }
  if (packed && !dot.matrixUnit() && !work.codes && work.groups == 1)
    for (int64_t lines : {int64_t(0), int64_t(1), 2 * chosen.getPrefetch()})
      wishes.emplace_back().prefetch = lines;
  for (double scale : taskScales)
    wishes.emplace_back().taskScale = scale;
  bool isCut = chosen.getTaskRows() != 0 && isContract && !ShapedType::isDynamic(work.rows);
  wishes.emplace_back().cutsPanels = isCut && !ShapedType::isDynamic(work.columns);
  return wishes;
}

void listContractTilings(const Problem &problem, const Workload &work, const DotUnit &unit, const Target &target,
                         bool packed, SmallVectorImpl<Config> &list) {
  tile::TilingAttr chosen = chooseContractTiling(problem, work, unit, target, packed);
  list.push_back(toConfig(chosen));
  for (const TilingWish &wish : listWishes(work, unit, target, packed, chosen))
    list.push_back(toConfig(chooseContractTiling(problem, work, unit, target, packed, wish)));
}

} // namespace lathe
