// lib/Strategies/CPU/Tilings.cpp: the register tile that wastes least, by
// a count of instructions; see docs/performance.md for what it was fitted to.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Tilings.h"

#include "mlir/IR/Builders.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace lathe;

/// Operations of a task where there are enough of them, or where nobody knows how many there are: about 20 us.
static constexpr double operationsPerTask = 2.5e6;

/// Operations below which a task is not worth another thread that waits for it: a tenth of that.
static constexpr double leastOperations = 2.5e5;

/// Tasks that a small kernel is cut into, so that a few threads have the same to do.
static constexpr double wantedTasks = 16;

/// More tasks than this balance no better.
static constexpr double mostTasks = 64;

/// Sums that must be in flight to keep the multipliers busy: two of them, each
/// of which takes four cycles.
static constexpr double sumsInFlight = 8;

/// A load costs this part of a multiplication, as it mostly runs beside one.
static constexpr double loadCost = 0.1;

/// Bytes of weights from the second-level cache in the time of a multiplication.
static constexpr double farBytesOfInstruction = 16;

/// Rows whose addresses need no register each, if their distance is known.
static constexpr int64_t mostRows = 14;
static constexpr int64_t mostRowsOfUnknownStride = 6;

static constexpr int64_t mostVectors = 8;

/// Instructions that take several terms of a sum have registers of so many sums.
static constexpr int64_t leastLanesOfStep = 4;

static constexpr int64_t cacheLineBytes = 64;

/// Sums longer than this are computed in blocks of `stepsPerBlock`, so that a
/// panel of weights and the next one stay in the second-level cache.
static constexpr int64_t mostStepsAtOnce = 2048;
static constexpr int64_t stepsPerBlock = 1024;

/// A single row passes over a matrix that is not packed a few steps at a time: of each it reads a run that is as long
/// as this, and goes on where it ended soon, as the prefetchers of processors expect. All steps of one panel after
/// another would be as many pages.
static constexpr int64_t stepsOfRowAtOnce = 16;
static constexpr int64_t leastRunBytes = 4096;

/// The part of the second-level cache that such a copy takes: rows and results pass through it, too.
static constexpr int64_t copiesInCache = 4;

/// Of the second-level cache, the part in which weights are still there when the model is called again: its other
/// kernels have some, too.
static constexpr int64_t keptOfCache = 4;

/// Rows beyond which a panel is used often enough that fetching it from memory
/// does not show.
static constexpr int64_t mostRowsForPrefetch = 256;

/// A tile that leaves no rows over, of a number of rows that only the run knows, may cost so many times as
/// much as the best, by instructions: code for tails costs time, too.
static constexpr double mostCostOfEven = 1.1;

/// Fewer rows read each row of weights for too little work, which instructions do not show.
static constexpr int64_t leastRowsOfEven = 4;

/// Of what costs so many times as much as the best, by instructions, none is worth measuring; nor are many that have
/// the same width.
static constexpr double mostCostOfList = 1.5;
static constexpr size_t mostTilesOfList = 8;
static constexpr int64_t mostTilesOfWidth = 2;

/// Rows for which decoding a panel of codes does not show.
static constexpr int64_t leastRowsOfCodes = 128;

/// Instructions for one step of a tile, of which `farLoad` pass while a vector of weights comes.
static double stepCost(int64_t rows, int64_t vectors, double farLoad) {
  return std::max({rows * vectors * 1.0, sumsInFlight, vectors * farLoad}) + loadCost * (rows + vectors);
}

double lathe::costOfTiles(const RegisterTile &tile, int64_t rows, int64_t columns, int64_t lanes, double farLoad) {
  double panels = llvm::divideCeil(columns, tile.vectors * lanes);
  if (ShapedType::isDynamic(rows))
    return panels * stepCost(tile.rows, tile.vectors, farLoad) / tile.rows;
  int64_t full = rows / tile.rows, rest = rows % tile.rows;
  double perPanel = full * stepCost(tile.rows, tile.vectors, farLoad);
  if (rest > 0)
    perPanel += stepCost(rest, tile.vectors, farLoad);
  return panels * perPanel;
}

/// Multiplications beside which a vector of weights comes that the nearest cache does not hold; 0 where it does, or
/// nobody knows. A single row reads each weight once, whatever the tile.
static double farLoadOf(const VectorUnit &unit, const DotUnit &dot, const Workload &work, int64_t width) {
  bool isFar = work.rows != 1 && !ShapedType::isDynamic(work.k) && work.k * width * bytesOf(dot.b) > unit.l1Bytes;
  return isFar ? unit.bits / 8 / farBytesOfInstruction : 0;
}

/// Lanes of a vector of sums. A vector of a group has no columns of the next one.
static int64_t chooseLanes(const VectorUnit &unit, const DotUnit &dot, const Workload &work) {
  if (const MatrixUnit *matrix = dot.matrixUnit())
    return matrix->lanes();
  int64_t lanes = unit.lanes(bytesOf(dot.sum));
  while (work.groups > 1 && work.columns % lanes != 0)
    lanes /= 2;
  return lanes;
}

bool lathe::needsSingleTerms(const VectorUnit &unit, const DotUnit &dot, const Workload &work) {
  return work.groups > 1 && dot.step > 1 && chooseLanes(unit, dot, work) < leastLanesOfStep;
}

/// Calls `use` with each register tile that fits, its cost, and whether it leaves no rows over of a number that only
/// the run knows.
static void visitTiles(const VectorUnit &unit, const DotUnit &dot, const Workload &work,
                       llvm::function_ref<void(const RegisterTile &tile, double cost, bool isEven)> use) {
  // Rows whose distance is known need no registers for their addresses.
  int64_t most = ShapedType::isDynamic(work.run) ? mostRowsOfUnknownStride : mostRows;
  int64_t rows = work.rows, columns = work.plannedColumns, lanes = chooseLanes(unit, dot, work);
  // Bytes and halves that are taken apart are twice as many vectors.
  int64_t parts = dot.parts();
  for (int64_t vectors = 1; vectors <= mostVectors; ++vectors) {
    if (work.groups > 1 && columns % (vectors * lanes) != 0)
      continue;
    for (int64_t tileRows = 1; tileRows <= most; ++tileRows) {
      // The sums, a row of weights, one broadcast factor, one to spare.
      if (tileRows * vectors + (parts + dot.columnSums) * vectors + parts + 1 > unit.registers)
        break;
      if (!ShapedType::isDynamic(rows) && tileRows > rows)
        break;
      RegisterTile tile{tileRows, vectors};
      bool isEven = ShapedType::isDynamic(rows) && tileRows >= leastRowsOfEven && work.rowsDivisor % tileRows == 0;
      use(tile, costOfTiles(tile, rows, columns, lanes, farLoadOf(unit, dot, work, vectors * lanes)), isEven);
    }
  }
}

RegisterTile lathe::chooseTile(const VectorUnit &unit, const DotUnit &dot, const Workload &work) {
  if (const MatrixUnit *matrix = dot.matrixUnit())
    return {matrix->tileRows(), matrix->vectors};
  struct {
    RegisterTile tile;
    double cost = std::numeric_limits<double>::infinity();
  } best, even; // Of all, and of those that leave no rows over.
  visitTiles(unit, dot, work, [&](const RegisterTile &tile, double cost, bool isEven) {
    if (cost < best.cost)
      best = {tile, cost};
    if (isEven && cost < even.cost)
      even = {tile, cost};
  });
  return even.cost <= mostCostOfEven * best.cost ? even.tile : best.tile;
}

SmallVector<RegisterTile> lathe::listTiles(const VectorUnit &unit, const DotUnit &dot, const Workload &work) {
  if (dot.matrixUnit())
    return {};
  SmallVector<std::tuple<double, int64_t, int64_t>> all;
  visitTiles(unit, dot, work,
             [&](const RegisterTile &tile, double cost, bool) { all.push_back({cost, tile.vectors, tile.rows}); });
  llvm::sort(all);
  SmallVector<RegisterTile> list;
  int64_t ofWidth[mostVectors + 1] = {};
  for (auto [cost, vectors, rows] : all)
    if (list.size() < mostTilesOfList && cost <= mostCostOfList * std::get<0>(all.front()) &&
        ++ofWidth[vectors] <= mostTilesOfWidth)
      list.push_back({rows, vectors});
  return list;
}

bool lathe::copiesPanels(const Workload &work, const DotUnit &unit, const Target &target, int64_t tileRows) {
  if (work.kind != Workload::Kind::Contract || !unit.isPlain() || !work.storesSums || work.codes)
    return false;
  if (!ShapedType::isDynamic(work.rows) && work.rows <= mostTilesInPlace * tileRows)
    return false;
  // What the nearest cache holds is read at its full speed wherever the rows are.
  bool isKnown = !ShapedType::isDynamic(work.k) && !ShapedType::isDynamic(work.columns);
  return !isKnown || work.k * work.columns * bytesOf(unit.b) > target.vectorUnit().l1Bytes;
}

int64_t lathe::chooseUnroll(int64_t run, const DotUnit &dot) {
  if (dot.kind == DotKind::Widen && !isInteger(dot.a) && (ShapedType::isDynamic(run) || run >= 8))
    return 8;
  if (ShapedType::isDynamic(run))
    return 4;
  run = std::max<int64_t>(run / dot.step, 1);
  for (int64_t unroll : {4, 8, 7, 6, 5, 3})
    if (run % unroll == 0)
      return unroll;
  return std::min<int64_t>(run, 4);
}

int64_t lathe::chooseTask(int64_t count, double cost, int64_t granule, double scale, int64_t times) {
  double target = operationsPerTask;
  if (!ShapedType::isDynamic(count)) {
    double all = count * cost;
    double wanted = std::max(std::min(wantedTasks, mostTasks / static_cast<double>(times)), 1.0);
    target = std::max(std::clamp(all / wanted, leastOperations, operationsPerTask), all / mostTasks);
  }
  auto chunk = static_cast<int64_t>(std::ceil(target * scale / cost));
  chunk = llvm::divideCeil(std::max<int64_t>(chunk, 1), granule) * granule;
  return !ShapedType::isDynamic(count) && chunk >= count ? 0 : chunk;
}

StringAttr lathe::unitAttr(const DotUnit &unit, MLIRContext *context) {
  return unit.isPlain() ? StringAttr() : StringAttr::get(context, unit.name);
}

tile::TilingAttr lathe::chooseContractTiling(const Problem &problem, const Workload &work, const DotUnit &dot,
                                             const Target &target, bool packed, const TilingWish &wish) {
  MLIRContext *context = problem.root->getContext();
  int64_t bytes = bytesOf(dot.b);
  const VectorUnit &unit = target.vectorUnit();
  bool isConv = work.kind == Workload::Kind::Conv;
  // Convolutions cut each line into tiles; the rows of a product are one run.
  RegisterTile tile = wish.tile ? *wish.tile : chooseTile(unit, dot, work);
  const MatrixUnit *matrix = dot.matrixUnit();
  int64_t lanes = chooseLanes(unit, dot, work), width = tile.vectors * lanes;
  // Where the rows of a step lie apart, it is a dozen instructions and more by itself.
  int64_t unroll = !packed && dot.step > 1 ? 1 : wish.unroll ? *wish.unroll : chooseUnroll(work.run, dot);

  int64_t rowCount = work.rows;
  if (isConv && !ShapedType::isDynamic(rowCount))
    rowCount = ShapedType::isDynamic(work.lines) ? ShapedType::kDynamic : rowCount * work.lines;
  bool knowsSizes = !ShapedType::isDynamic(work.k) && !ShapedType::isDynamic(work.columns);
  int64_t prefetch = 0;
  // Codes are few bytes, which processors fetch ahead by themselves.
  // A single tile of rows reads all weights in the order in which they lie, as processors expect.
  if (packed && !matrix && !work.codes && work.groups == 1 && knowsSizes && !ShapedType::isDynamic(rowCount) &&
      rowCount > tile.rows && rowCount <= mostRowsForPrefetch &&
      work.k * work.columns * bytes > unit.l2Bytes / keptOfCache) {
    int64_t linesOfRound = llvm::divideCeil(width * bytes * dot.step * unroll, cacheLineBytes);
    prefetch = llvm::divideCeil(linesOfRound, llvm::divideCeil(rowCount, tile.rows));
  }
  prefetch = wish.prefetch.value_or(prefetch);
  // A single tile of rows reads every panel once, whatever the order.
  int64_t block = 0;
  int64_t scale = work.codes ? 1 : std::max<int64_t>(4 / bytes, 1); // What of a panel fits into the cache.
  if (packed && !matrix && !isConv && !ShapedType::isDynamic(work.k) && work.k > mostStepsAtOnce * scale &&
      (ShapedType::isDynamic(rowCount) || rowCount > tile.rows) && work.storesSums)
    block = stepsPerBlock * scale;
  if (block != 0 && work.codes && work.run < work.k) // Codes that share a scale stay together.
    block = llvm::divideCeil(block, work.run) * work.run;
  if (work.codes && block >= work.k)
    block = 0;
  if (!packed && copiesPanels(work, dot, target, tile.rows)) {
    int64_t steps = unit.l2Bytes / copiesInCache / (width * bytes);
    block = ShapedType::isDynamic(work.k) || work.k > steps ? steps : 0;
  }
  bool isRun = !packed && !isConv && rowCount == 1 && work.groups == 1 && dot.step == 1 && work.storesSums &&
               (ShapedType::isDynamic(work.columns) || work.columns > width);
  if (isRun)
    block = stepsOfRowAtOnce;
  block = wish.block.value_or(block);

  // What is not known is taken to be of a middling size; a matrix unit does several operations in the time of one.
  double k = ShapedType::isDynamic(work.k) ? 256 : work.k;
  double ofRow = 2 * k * (work.groups > 1 ? work.columns * work.groups : width) / (matrix ? matrix->rate : 1);
  int64_t taskRows, taskPanels = 1;
  if (isConv && !work.cutsLines) {
    double ofLine = ofRow * (ShapedType::isDynamic(work.rows) ? 64 : work.rows);
    taskRows = chooseTask(work.lines, ofLine, matrix ? matrix->blocks : 1, wish.taskScale);
  } else {
    // Each panel is cut into as many.
    bool hasPanels = work.groups == 1 && !ShapedType::isDynamic(work.columns);
    int64_t panels = hasPanels ? std::max<int64_t>(llvm::divideCeil(work.columns, width), 1) : 1;
    taskRows = chooseTask(work.rows, ofRow, tile.rows, wish.taskScale, panels);
    if (work.codes && taskRows != 0)
      taskRows = std::max<int64_t>(taskRows, llvm::divideCeil(leastRowsOfCodes, tile.rows) * tile.rows);
    if (!ShapedType::isDynamic(work.rows) && taskRows >= work.rows)
      taskRows = 0;
  }
  if (isConv && work.groups > 1 && work.cutsLines) {
    // A task of rows reads the filters of all groups. Where they are larger than the cache, it has whole lines of some.
    bool isLarge = knowsSizes && work.k * work.columns * work.groups * bytes > unit.l2Bytes;
    taskPanels = isLarge ? 1 : 0;
    taskRows = isLarge ? 0 : taskRows;
  }
  if (wish.cutsPanels)
    taskRows = 0;
  if (taskRows == 0 && work.groups == 1 && !ShapedType::isDynamic(work.columns)) {
    int64_t panels = llvm::divideCeil(work.columns, width);
    taskPanels = chooseTask(panels, ofRow * rowCount, 1, wish.taskScale);
  }
  if (isRun && taskPanels > 0)
    taskPanels = std::max<int64_t>(taskPanels, llvm::divideCeil(leastRunBytes, width * bytes));
  return tile::TilingAttr::get(context, tile.rows, tile.vectors, lanes, unroll, prefetch, block, taskRows, taskPanels,
                               unitAttr(dot, context));
}

/// The parameters, in the order of `TilingAttr::get`.
static constexpr llvm::StringLiteral unitName = "unit";
static constexpr llvm::StringLiteral parameterNames[] = {"rows",     "vectors", "lanes",     "unroll",
                                                         "prefetch", "block",   "task_rows", "task_panels"};

Config lathe::toConfig(tile::TilingAttr tiling) {
  Builder builder(tiling.getContext());
  int64_t values[] = {tiling.getRows(),     tiling.getVectors(), tiling.getLanes(),    tiling.getUnroll(),
                      tiling.getPrefetch(), tiling.getBlock(),   tiling.getTaskRows(), tiling.getTaskPanels()};
  SmallVector<NamedAttribute> list;
  for (auto [name, value] : llvm::zip_equal(parameterNames, values))
    list.push_back(builder.getNamedAttr(name, builder.getI64IntegerAttr(value)));
  if (tiling.getUnit())
    list.push_back(builder.getNamedAttr(unitName, tiling.getUnit()));
  return builder.getDictionaryAttr(list);
}

FailureOr<tile::TilingAttr> lathe::toTiling(kernel::FuncOp kernel, Config config) {
  int64_t values[std::size(parameterNames)];
  for (auto [name, value] : llvm::zip_equal(parameterNames, values)) {
    auto number = config.getAs<IntegerAttr>(name);
    if (!number)
      return kernel.emitOpError("strategy ")
             << kernel.getStrategy()->getName() << " needs the parameter '" << name << "' [strategy-parameter]";
    value = number.getInt();
  }
  auto [rows, vectors, lanes, unroll, prefetch, block, taskRows, taskPanels] = values;
  auto emitError = [&] { return kernel.emitOpError("strategy ") << kernel.getStrategy()->getName() << ": "; };
  auto tiling = tile::TilingAttr::getChecked(emitError, kernel.getContext(), rows, vectors, lanes, unroll, prefetch,
                                             block, taskRows, taskPanels, config.getAs<StringAttr>(unitName));
  if (!tiling)
    return failure();
  return tiling;
}
