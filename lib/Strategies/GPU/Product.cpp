// lib/Strategies/GPU/Product.cpp: products and convolutions, a tile of the output for each block of threads.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../CPU/Tilings.h"
#include "../CPU/Workload.h"
#include "../FuseEpilogue.h"
#include "../PackWeights.h"
#include "Strategies.h"
#include "dialects/Graph/Graph.h"

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

static constexpr int64_t warpLanes = 32, warpColumns = 32, warpsOfRows = 2, loneThreads = 256;

static int64_t tilesOf(int64_t size, int64_t side) {
  return ShapedType::isDynamic(size) ? fewTiles : llvm::divideCeil(std::max<int64_t>(size, 1), side);
}

/// Rows of the left factor, over all of a batch or of all lines.
static int64_t rowsOf(const Workload &work) {
  if (ShapedType::isDynamic(work.rows) || ShapedType::isDynamic(work.lines))
    return ShapedType::kDynamic;
  return work.kind == Workload::Kind::Conv ? work.rows * work.lines : work.rows;
}

static Config chooseTile(const Problem &problem, const Workload &work) {
  MLIRContext *context = problem.root->getContext();
  const DotUnit &unit = *work.unit;
  int64_t rows = rowsOf(work), columns = work.columns * work.groups;
  if (ShapedType::isDynamic(work.columns))
    columns = ShapedType::kDynamic;
  bool isSmall = tilesOf(rows, largeSide) * tilesOf(columns, largeSide) < fewTiles;
  auto sideOf = [&](int64_t size) {
    bool fits = !ShapedType::isDynamic(size) && size <= smallSide;
    return fits || isSmall ? smallSide : largeSide;
  };
  int64_t tileRows = sideOf(rows), tileColumns = sideOf(columns);
  // A panel has columns of one group.
  while (work.groups > 1 && work.columns % tileColumns != 0)
    tileColumns /= 2;
  int64_t terms = slotRowBytes / bytesOf(unit.a);
  auto tiling = tile::TilingAttr::get(context, tileRows, /*vectors=*/1, /*lanes=*/tileColumns, /*unroll=*/terms,
                                      /*prefetch=*/slots, /*block=*/0, /*taskRows=*/tileRows, /*taskPanels=*/1,
                                      unitAttr(unit, context));
  int64_t warps = tileColumns / warpColumns * warpsOfRows;
  int64_t threads = unit.kind == DotKind::Mma ? warps * warpLanes : loneThreads;
  Builder builder(context);
  SmallVector<NamedAttribute> config(toConfig(tiling).getValue());
  config.push_back(builder.getNamedAttr(kernel::FuncOp::threadsName, builder.getI64IntegerAttr(threads)));
  return builder.getDictionaryAttr(config);
}

/// Whether the columns of a group fill a tile.
static bool hasWideGroups(const Workload &work) { return work.groups == 1 || work.columns % smallSide == 0; }

static std::optional<Config> match(const Problem &problem, const Target &target, bool isOnTensorCores) {
  Workload work = describe(problem, target);
  bool isContract = work.kind == Workload::Kind::Contract, isConv = work.kind == Workload::Kind::Conv;
  if ((!isContract && !isConv) || !work.unit)
    return problem.reject(work.obstacle);
  if (isa<graph::ConvOp>(problem.root) && !work.hasConstantWeights)
    return problem.reject("the filter is computed");
  if (!hasWideGroups(work))
    return problem.reject("a group has fewer than 64 outputs");
  if ((work.unit->kind == DotKind::Mma) != isOnTensorCores)
    return std::nullopt;
  return chooseTile(problem, work);
}

/// The weights as panels `[panel, taps..., k, column]`.
static Value packFilter(OpBuilder &builder, kernel::FuncOp kernel, graph::ConvOp conv, int64_t width) {
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(2, conv.getType().getRank()));
  order.push_back(1);
  return packWeights(builder, kernel, conv.getFilter(), {/*tiled=*/0, order, width});
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
  if (conv) {
    // The filter [o, c, 1, 1] as the matrix [c, o].
    lhs = conv.getX();
    int64_t rank = conv.getType().getRank();
    SmallVector<SmallVector<int64_t, 2>> groups{{0}, llvm::to_vector<2>(llvm::seq<int64_t>(1, rank)), {rank}};
    rhs = collapseDims(builder, packFilter(builder, kernel, conv, width), groups);
  } else {
    auto matmul = cast<graph::MatmulOp>(root);
    lhs = matmul.getA();
    rhs = work.hasConstantWeights ? packWeights(builder, kernel, matmul.getB(), {/*tiled=*/1, /*order=*/{0}, width})
                                  : Value(matmul.getB());
  }
  bool packs = conv || work.hasConstantWeights;
  Value init = fusion.createInit(builder, kernel);
  fusion.finish(tile::ContractOp::create(builder, root->getLoc(), init.getType(), lhs, rhs, fusion.getExtras(), init,
                                         packs, *tiling, fusion.getExtraMaps()));
  return success();
}

static std::optional<Config> matchTensorCores(const Problem &problem, const Target &target) {
  return match(problem, target, /*isOnTensorCores=*/true);
}
static std::optional<Config> matchThreads(const Problem &problem, const Target &target) {
  return match(problem, target, /*isOnTensorCores=*/false);
}

const Strategy gpuProductMma = {"gpu.product.mma", /*keepsRoot=*/true, matchTensorCores, acceptsInEpilogue, apply};
const Strategy gpuProductFma = {"gpu.product.fma", /*keepsRoot=*/true, matchThreads, acceptsInEpilogue, apply};

} // namespace lathe
