// lib/Strategies/GPU/Product.cpp: products and convolutions, a tile of the output for each block of threads.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../Because.h"
#include "../CPU/Tilings.h"
#include "../CPU/Workload.h"
#include "../FuseEpilogue.h"
#include "../PackWeights.h"
#include "Strategies.h"
#include "dialects/Device/Device.h"
#include "dialects/Graph/Graph.h"
#include "lathe/Conversion/TileToThreads.h"

using namespace mlir;

namespace lathe {

/// Of the output: two warps of each 64 rows, and four of 32 columns. Less where that
/// would be few blocks.
static constexpr int64_t largeSide = 128, smallSide = 64;

/// Tiles that keep a GPU of middling size busy.
static constexpr int64_t fewTiles = 200;

/// What a row of a slot has of the left factor: four chunks of 16 bytes. Three slots
/// of both factors then are 48 KiB, what every launch may have.
static constexpr int64_t slotRowBytes = 64, slots = 3;

/// The same for warpgroups, which read rows of 128 bytes: 128 KiB. Their registers leave
/// place for one block of 256 threads on a processor, so more is on its way to it.
static constexpr int64_t wideSlotRowBytes = 128, wideSlots = 4;

/// Tiles of which some threads copy the factors: two warpgroups of 64 rows multiply, one copies.
static constexpr int64_t rolesRows = 128, copiers = 128, widestTile = 256, rowPitchBytes = 16;

/// Processors of an sm_90a, each of which computes one such tile at a time; the memory that a block of them may have,
/// and of that the two barriers of a slot.
static constexpr int64_t processors = 132, blockBytes = 227 * 1024, slotBarrierBytes = 16;

/// Of that, two panels of results on their way to memory.
static constexpr int64_t resultBytes = 2 * rolesRows * 128;

static constexpr int64_t warpColumns = 32, warpsOfRows = 2, loneThreads = 256;

/// Four warps that multiply together, and their rows.
static constexpr int64_t groupThreads = 128, groupRows = 64;

static int64_t tilesOf(int64_t size, int64_t side) {
  return ShapedType::isDynamic(size) ? fewTiles : llvm::divideCeil(std::max<int64_t>(size, 1), side);
}

/// Rows of the left factor, over all of a batch or of all lines.
static int64_t rowsOf(const Workload &work) {
  if (ShapedType::isDynamic(work.rows) || ShapedType::isDynamic(work.lines))
    return ShapedType::kDynamic;
  return work.kind == Workload::Kind::Conv ? work.rows * work.lines : work.rows;
}

/// Matrices of the output that are computed each by itself; many where only the run knows.
static int64_t matricesOf(const Problem &problem) {
  constexpr int64_t most = int64_t(1) << 20;
  auto matmul = dyn_cast<graph::MatmulOp>(problem.root);
  int64_t count = 1;
  if (matmul && cast<RankedTensorType>(matmul.getB().getType()).getRank() > 2)
    for (int64_t size : matmul.getType().getShape().drop_back(2))
      count = std::min(count * tilesOf(size, 1), most);
  return count;
}

/// What the threads of a block do.
enum class Engine {
  Roles,      ///< Four warps multiply together what other threads copy by tensor maps.
  Warpgroups, ///< Four warps multiply together.
  Warps,
  Threads ///< Each has some sums.
};

static Engine engineOf(const DotUnit &unit, bool hasRoles = false) {
  if (!unit.isOnTensorCores())
    return Engine::Threads;
  if (!unit.isOfWarpgroups())
    return Engine::Warps;
  return hasRoles ? Engine::Roles : Engine::Warpgroups;
}

static int64_t threadsOf(Engine engine, int64_t tileRows, int64_t tileColumns) {
  switch (engine) {
  case Engine::Roles:
    return tileRows / groupRows * groupThreads + copiers;
  case Engine::Warpgroups:
    return tileRows / groupRows * groupThreads;
  case Engine::Warps:
    return tileColumns / warpColumns * warpsOfRows * warpLanes;
  case Engine::Threads:
    return loneThreads;
  }
  llvm_unreachable("every engine has a case");
}

/// In how many parts sums are computed: more than one where the tiles are too few to keep a GPU busy, and sums are
/// long. Parts are whole slots, each side of which is a view of a factor.
static int64_t partsOf(const Problem &problem, const Workload &work, int64_t tiles, int64_t terms) {
  constexpr int64_t mostParts = 32, leastTerms = 256, longSum = 1024;
  auto matmul = dyn_cast<graph::MatmulOp>(problem.root);
  auto isPlain = [&](Value factor) {
    auto type = cast<RankedTensorType>(factor.getType());
    return type.hasStaticShape() && type.getNumElements() > 0 && !problem.hasStrides(factor);
  };
  if (!matmul || work.k < longSum || problem.isStrict() || !isPlain(matmul.getA()) || !isPlain(matmul.getB()) ||
      cast<RankedTensorType>(matmul.getB().getType()).getRank() != 2)
    return 1;
  int64_t most = std::min({fewTiles / std::max<int64_t>(tiles, 1), mostParts, work.k / leastTerms});
  for (int64_t parts = most; parts > 1; --parts)
    if (work.k % (parts * terms) == 0)
      return parts;
  return 1;
}

/// The configuration of a kernel.
static NamedAttrList createConfig(MLIRContext *context, const DotUnit &unit, Engine engine, int64_t tileRows,
                                  int64_t tileColumns) {
  bool isWide = unit.isOfWarpgroups();
  int64_t terms = (isWide ? wideSlotRowBytes : slotRowBytes) / bytesOf(unit.a);
  auto tiling = tile::TilingAttr::get(context, tileRows, /*vectors=*/1, /*lanes=*/tileColumns, /*unroll=*/terms,
                                      /*prefetch=*/isWide ? wideSlots : slots, /*block=*/0, /*taskRows=*/tileRows,
                                      /*taskPanels=*/1, unitAttr(unit, context));
  Builder builder(context);
  NamedAttrList config(toConfig(tiling).getValue());
  config.set(kernel::FuncOp::threadsName, builder.getI64IntegerAttr(threadsOf(engine, tileRows, tileColumns)));
  if (engine == Engine::Roles)
    config.set(device::copiersName, builder.getI64IntegerAttr(copiers));
  return config;
}

/// Of tiles for threads with roles, the columns for which the product is done first, as far as bytes tell: in a
/// step, a processor reads 128 bytes of each row and of each column of its tile.
static int64_t columnsForRoles(int64_t matrices, int64_t rows, int64_t columns) {
  int64_t best = 0, least = 0;
  for (int64_t width = widestTile; width >= smallSide; width /= 2) {
    int64_t turns = llvm::divideCeil(matrices * tilesOf(rows, rolesRows) * tilesOf(columns, width), processors);
    int64_t cost = turns * (rolesRows + width);
    if (best == 0 || cost < least) {
      best = width;
      least = cost;
    }
  }
  return best;
}

/// Why a launch cannot make tensor maps of the factors; empty if it can.
static std::string obstacleToMaps(const Problem &problem, const Workload &work) {
  int64_t bytes = bytesOf(work.unit->a);
  auto check = [&](Value factor, StringRef which) -> std::string {
    int64_t inner = cast<RankedTensorType>(factor.getType()).getShape().back();
    if (problem.hasStrides(factor) || (isa<kernel::FuncOp>(problem.root->getParentOp()) && !isa<BlockArgument>(factor)))
      return ("the " + which + " factor is a view, or computed in the kernel").str();
    if (ShapedType::isDynamic(inner))
      return ("the rows of the " + which + " factor are of a size that only the run knows").str();
    if (inner * bytes % rowPitchBytes != 0)
      return ("a row of the " + which + " factor has " + Twine(inner * bytes) + " bytes, no multiple of " +
              Twine(rowPitchBytes))
          .str();
    return "";
  };
  std::string why = check(problem.root->getOperand(0), "left");
  return why.empty() && !work.hasConstantWeights ? check(problem.root->getOperand(1), "right") : why;
}

/// Why threads of different roles do not compute it; empty if they can.
static std::string obstacleToRoles(const Problem &problem, const Workload &work) {
  if (work.kind != Workload::Kind::Contract)
    return "no tensor map describes the windows of a convolution";
  int64_t rows = rowsOf(work);
  if (!ShapedType::isDynamic(rows) && rows <= smallSide)
    return ("tiles have 128 rows, and the left factor has " + Twine(rows)).str();
  if (matricesOf(problem) * tilesOf(rows, rolesRows) * tilesOf(work.columns, smallSide) < processors / 2)
    return "tiles of 128 rows would be too few for a GPU";
  return obstacleToMaps(problem, work);
}

/// The unit of warpgroups for bytes, whose right factor is packed with the terms of a column side by side; null where
/// there is none or the factor is computed.
static const DotUnit *unitOfBytes(const Workload &work, const Target &target) {
  if (!isInteger(work.unit->sum) || bytesOf(work.unit->a) != 1 || !work.hasConstantWeights)
    return nullptr;
  const DotUnit *unit = findDotUnit(target, work.unit->a, work.unit->b, work.unit->sum, /*mostStep=*/wideSlotRowBytes);
  return unit && unit->isOfWarpgroups() ? unit : nullptr;
}

static std::optional<Config> chooseRoles(const Problem &problem, const Workload &work) {
  if (std::string why = obstacleToRoles(problem, work); !why.empty())
    return problem.reject(why);
  MLIRContext *context = problem.root->getContext();
  int64_t width = columnsForRoles(matricesOf(problem), rowsOf(work), work.columns);
  return createConfig(context, *work.unit, Engine::Roles, rolesRows, width).getDictionary(context);
}

static Config chooseTile(const Problem &problem, const Workload &work, const Target &target) {
  MLIRContext *context = problem.root->getContext();
  const DotUnit &unit = *work.unit;
  int64_t rows = rowsOf(work), columns = work.columns * work.groups;
  if (ShapedType::isDynamic(work.columns))
    columns = ShapedType::kDynamic;
  bool isSmall = matricesOf(problem) * tilesOf(rows, largeSide) * tilesOf(columns, largeSide) < fewTiles;
  auto sideOf = [&](int64_t size) {
    bool fits = !ShapedType::isDynamic(size) && size <= smallSide;
    return fits || isSmall ? smallSide : largeSide;
  };
  int64_t tileRows = sideOf(rows), tileColumns = sideOf(columns);
  // A panel has columns of one group.
  while (work.groups > 1 && work.columns % tileColumns != 0)
    tileColumns /= 2;
  NamedAttrList config = createConfig(context, unit, engineOf(unit), tileRows, tileColumns);
  if (engineOf(unit) == Engine::Warpgroups || unitOfBytes(work, target))
    config.set(becauseName, StringAttr::get(context, obstacleToRoles(problem, work)));
  int64_t tiles = tilesOf(rows, tileRows) * tilesOf(columns, tileColumns);
  int64_t terms = cast<IntegerAttr>(config.get("unroll")).getInt();
  if (int64_t parts = partsOf(problem, work, tiles, terms); parts > 1)
    config.set(partsOfSumsName, Builder(context).getI64IntegerAttr(parts));
  return config.getDictionary(context);
}

/// Whether the columns of a group fill a tile.
static bool hasWideGroups(const Workload &work) { return work.groups == 1 || work.columns % smallSide == 0; }

static std::optional<Config> match(const Problem &problem, const Target &target, Engine engine) {
  Workload work = describe(problem, target);
  bool isContract = work.kind == Workload::Kind::Contract, isConv = work.kind == Workload::Kind::Conv;
  if ((!isContract && !isConv) || !work.unit)
    return problem.reject(work.obstacle);
  if (isa<graph::ConvOp>(problem.root) && !work.hasConstantWeights)
    return problem.reject("the filter is computed");
  if (!hasWideGroups(work))
    return problem.reject("a group has fewer than 64 outputs");
  if (const DotUnit *unit = engine == Engine::Roles ? unitOfBytes(work, target) : nullptr)
    work.unit = unit;
  if (engineOf(*work.unit, engine == Engine::Roles) != engine)
    return std::nullopt;
  return engine == Engine::Roles ? chooseRoles(problem, work) : chooseTile(problem, work, target);
}

/// Reports where a tile that was set by hand is not one that the threads can compute.
static LogicalResult checkTile(kernel::FuncOp kernel, tile::TilingAttr tiling, bool isConv, bool packs) {
  const DotUnit *unit = tiling.getDotUnit();
  bool hasRoles = device::copiersOf(kernel) > 0;
  if (isConv && hasRoles)
    return kernel.emitOpError("strategy ")
           << kernel.getStrategy()->getName() << " has " << device::copiersOf(kernel)
           << " threads that copy by tensor maps, and none describes the windows of a convolution; remove the strategy "
              "to have one chosen [strategy-unfit]";
  Engine engine = unit ? engineOf(*unit, hasRoles) : Engine::Threads;
  if (unit && unit->isOfWarpgroups() && unit->step > 1 && (engine != Engine::Roles || !packs))
    return kernel.emitOpError("strategy ")
           << kernel.getStrategy()->getName() << " cannot have unit '" << unit->name << "' with "
           << (packs ? "threads that copy for themselves" : "a right factor that is not packed")
           << ", as it takes packed weights by tensor maps; remove the strategy to have one chosen [strategy-unfit]";
  int64_t rows = tiling.getRows(), columns = tiling.getVectors() * tiling.getLanes();
  int64_t threads = threadsOf(engine, rows, columns);
  int64_t termBytes = unit ? tiling.getUnroll() * bytesOf(unit->a) : slotRowBytes;
  bool isWide = engine == Engine::Warpgroups || engine == Engine::Roles;
  bool hasTerms = isWide ? termBytes == wideSlotRowBytes : termBytes % (slotRowBytes / 2) == 0;
  // Threads of different roles know two warpgroups that multiply.
  bool fitsRoles = engine == Engine::Roles ? rows == rolesRows && device::copiersOf(kernel) == copiers : !hasRoles;
  int64_t most = engine == Engine::Roles ? widestTile : largeSide;
  bool fits = rows % smallSide == 0 && columns % smallSide == 0 && columns <= most && hasTerms && fitsRoles &&
              kernel.getBlockThreads() == threads;
  int64_t count = std::max<int64_t>(tiling.getPrefetch(), 2),
          slotBytes = (rows + columns) * termBytes + slotBarrierBytes;
  int64_t ringBytes = blockBytes - (engine == Engine::Roles ? resultBytes : 0);
  if (fits && isWide && count > ringBytes / slotBytes)
    return kernel.emitOpError("strategy ")
           << kernel.getStrategy()->getName() << " cannot have " << count << " slots of " << slotBytes
           << " bytes, as a block has " << ringBytes << " for them"
           << "; remove the strategy to have one chosen [strategy-unfit]";
  // Those who multiply count the slots that they have used in words, which wrap.
  if (fits && engine == Engine::Roles && !llvm::isPowerOf2_64(static_cast<uint64_t>(count)))
    return kernel.emitOpError("strategy ") << kernel.getStrategy()->getName() << " cannot have " << count
                                           << " slots, as their number has to be a power of two; remove the strategy "
                                              "to have one chosen [strategy-unfit]";
  if (fits)
    return success();
  return kernel.emitOpError("strategy ") << kernel.getStrategy()->getName() << " cannot have a tile of " << rows
                                         << " rows, " << columns << " columns and " << tiling.getUnroll()
                                         << " terms for " << kernel.getBlockThreads()
                                         << " threads; remove the strategy to have one chosen [strategy-unfit]";
}

/// The weights as panels `[panel, taps..., k, column]`.
static Value packFilter(OpBuilder &builder, kernel::FuncOp kernel, graph::ConvOp conv, int64_t width,
                        int64_t step = 1) {
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(2, conv.getType().getRank()));
  order.push_back(1);
  return packWeights(builder, kernel, conv.getFilter(), {/*tiled=*/0, order, width, step});
}

static LogicalResult apply(kernel::FuncOp kernel, Config config, const Target &target) {
  Operation *found = kernel::findRoot(kernel.getBody().front());
  Workload work = found ? describe({found}, target) : Workload();
  bool isConv = work.kind == Workload::Kind::Conv;
  Operation *root = findKeptRoot(kernel, target, isConv ? Workload::Kind::Conv : Workload::Kind::Contract,
                                 /*packs=*/false);
  FailureOr<tile::TilingAttr> tiling = toTiling(kernel, config);
  if (!root || failed(tiling))
    return failure();
  bool packs = isa<graph::ConvOp>(root) || (work.hasConstantWeights && partsOfSums(config) == 1);
  if (failed(checkTile(kernel, *tiling, isConv, packs)))
    return failure();
  int64_t width = tiling->getVectors() * tiling->getLanes();
  EpilogueFusion fusion(root, *tiling);
  OpBuilder builder = fusion.insertionPoint();
  auto conv = dyn_cast<graph::ConvOp>(root);
  if (isConv) {
    Value filter = packFilter(builder, kernel, conv, width), init = fusion.createInit(builder, kernel);
    fusion.finish(tile::ConvOp::create(builder, conv.getLoc(), init.getType(), conv.getX(), filter, fusion.getExtras(),
                                       init, conv.getStrides(), conv.getDilations(), conv.getGroups(), IntegerAttr(),
                                       *tiling, fusion.getExtraMaps()));
    return success();
  }
  Value lhs, rhs;
  int64_t step = tiling->getStep();
  if (conv) {
    // The filter [o, c, 1, 1] as the matrix [c, o].
    lhs = conv.getX();
    int64_t rank = conv.getType().getRank();
    SmallVector<SmallVector<int64_t, 2>> groups{{0}, llvm::to_vector<2>(llvm::seq<int64_t>(1, rank)), {rank}};
    if (step > 1)
      groups.push_back({rank + 1});
    rhs = collapseDims(builder, packFilter(builder, kernel, conv, width, step), groups);
  } else {
    auto matmul = cast<graph::MatmulOp>(root);
    lhs = matmul.getA();
    rhs = packs ? packWeights(builder, kernel, matmul.getB(), {/*tiled=*/1, /*order=*/{0}, width, step})
                : Value(matmul.getB());
  }
  Value init = fusion.createInit(builder, kernel);
  fusion.finish(tile::ContractOp::create(builder, root->getLoc(), init.getType(), lhs, rhs, fusion.getExtras(), init,
                                         packs, *tiling, fusion.getExtraMaps()));
  return success();
}

template <Engine engine> static std::optional<Config> matchWith(const Problem &problem, const Target &target) {
  return match(problem, target, engine);
}

const Strategy gpuProductTma = {"gpu.product.tma", /*keepsRoot=*/true, matchWith<Engine::Roles>, acceptsInEpilogue,
                                apply};
const Strategy gpuProductWgmma = {"gpu.product.wgmma", /*keepsRoot=*/true, matchWith<Engine::Warpgroups>,
                                  acceptsInEpilogue, apply};
const Strategy gpuProductMma = {"gpu.product.mma", /*keepsRoot=*/true, matchWith<Engine::Warps>, acceptsInEpilogue,
                                apply};
const Strategy gpuProductFma = {"gpu.product.fma", /*keepsRoot=*/true, matchWith<Engine::Threads>, acceptsInEpilogue,
                                apply};

} // namespace lathe
