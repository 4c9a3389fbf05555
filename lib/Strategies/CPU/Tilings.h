// lib/Strategies/CPU/Tilings.h: tilings, as strategies choose them and as
// `#kernel.strategy` records them.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_LIB_STRATEGIES_CPU_TILINGS_H
#define LATHE_LIB_STRATEGIES_CPU_TILINGS_H

#include "Workload.h"
#include "dialects/Tile/Tile.h"
#include "lathe/Strategies/Strategy.h"

namespace lathe {

/// What is held in registers: so many rows of so many vectors of sums.
struct RegisterTile {
  int64_t rows = 1, vectors = 1;
};

/// The register tile of products with the rows and columns of `work`, of which `dot` multiplies.
RegisterTile chooseTile(const VectorUnit &unit, const DotUnit &dot, const Workload &work);

/// Those that cost little more, the best first.
llvm::SmallVector<RegisterTile> listTiles(const VectorUnit &unit, const DotUnit &dot, const Workload &work);

/// Instructions for one step of all `rows` rows and all columns, of which `farLoad` pass while a vector of weights
/// comes.
double costOfTiles(const RegisterTile &tile, int64_t rows, int64_t columns, int64_t lanes, double farLoad = 0);

/// Steps of a round: a divisor of the contiguous run, so that no rest is left;
/// eight where that many factors are converted at once.
int64_t chooseUnroll(int64_t run, const DotUnit &dot);

/// What an alternative wants otherwise than it would be chosen.
struct TilingWish {
  std::optional<RegisterTile> tile;
  std::optional<int64_t> unroll, prefetch, block;
  double taskScale = 1;    ///< Tasks are so many times as large.
  bool cutsPanels = false; ///< Tasks have all rows and some panels, where there are several.
};

/// The parameters of a contraction or convolution of which `unit` multiplies,
/// with weights in panels, or in rows if not `packed`.
tile::TilingAttr chooseContractTiling(const Problem &problem, const Workload &work, const DotUnit &unit,
                                      const Target &target, bool packed, const TilingWish &wish = {});

/// Adds that and others for the same code of a kernel: other register tiles, tasks, steps and blocks.
void listContractTilings(const Problem &problem, const Workload &work, const DotUnit &unit, const Target &target,
                         bool packed, llvm::SmallVectorImpl<Config> &list);

/// Tiles of rows for which copying a panel of a matrix that is not packed does not pay.
inline constexpr int64_t mostTilesInPlace = 2;

/// Whether the panels of a right-hand side that is not packed are copied before rows pass them.
bool copiesPanels(const Workload &work, const DotUnit &unit, const Target &target, int64_t tileRows);

/// Whether the groups of a convolution are too narrow for `dot`, which takes
/// several terms at a time.
bool needsSingleTerms(const VectorUnit &unit, const DotUnit &dot, const Workload &work);

/// The name of `unit` as tilings have it: null for f32 and f64.
mlir::StringAttr unitAttr(const DotUnit &unit, mlir::MLIRContext *context);

/// How many of `count` things, each of `cost` operations, one task gets, so
/// that a few threads have the same to do and a task is worth another thread;
/// 0 for all. `granule` things belong together. Tasks are `scale` times as large as is chosen, and there are `times` as
/// many things of this kind.
int64_t chooseTask(int64_t count, double cost, int64_t granule, double scale = 1, int64_t times = 1);

/// The parameters by their names, and back. The latter reports an error at
/// `kernel` if one is missing or out of its range.
Config toConfig(tile::TilingAttr tiling);
mlir::FailureOr<tile::TilingAttr> toTiling(kernel::FuncOp kernel, Config config);

} // namespace lathe

#endif // LATHE_LIB_STRATEGIES_CPU_TILINGS_H
