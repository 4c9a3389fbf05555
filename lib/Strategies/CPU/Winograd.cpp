// lib/Strategies/CPU/Winograd.cpp: convolutions of 3 by 3 taps with a third to
// a half of the multiplications; docs/decisions/0057-winograd.md.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "../FuseEpilogue.h"
#include "../PackWeights.h"
#include "Strategies.h"
#include "Tilings.h"

#include "dialects/Graph/Graph.h"
#include "lathe/Support/Winograd.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lathe;

/// What the multipliers do while a byte of the weights comes from memory or, once more, from the
/// last cache.
static constexpr double operationsPerByte = 0.8, operationsPerCachedByte = 0.06;

/// Squares of a task, in register tiles: fewer read the weights too often.
static constexpr int64_t leastTiles = 4;

/// Tasks of a convolution that has few squares: then each takes a part of the panels and
/// transforms the squares again.
static constexpr int64_t leastTasks = 4;

/// Sizes that only the run knows are taken to be of such images.
static constexpr int64_t middlingSize = 56;

namespace {
/// One way to compute a convolution, and the vector operations that it takes.
struct Plan {
  int64_t outputs = 0; ///< Of a square a dimension.
  int64_t squares = 1; ///< Of a task.
  int64_t panels = 0;  ///< Of a task; 0 for all.
  int64_t held = 1;    ///< Panels whose products are kept at a time.
  RegisterTile tile;
  double cost = 0;
};

/// A convolution that has a transform: `images` of `height` by `width` outputs.
struct Image {
  int64_t images, height, width, channels, results;
  bool isStatic;
};
} // namespace

/// The operations on vectors that transform one square of one vector of channels: along each dim,
/// and to and from memory.
static double transformCost(int64_t from, int64_t to) {
  // Each output of a transform takes about two; a load or a store goes beside another operation.
  return 2.0 * to * from + 2.0 * to * to + 0.5 * (from * from + 2.0 * from * to + to * to);
}

static double weightCost(double bytes, double reads) {
  return bytes * operationsPerByte + bytes * (reads - 1) * operationsPerCachedByte;
}

static double costOfDirect(const Workload &work, const Image &image, const VectorUnit &unit) {
  RegisterTile tile = chooseTile(unit, *work.unit, work);
  int64_t lanes = unit.lanes(4);
  double products = costOfTiles(tile, image.width, image.results, lanes) * image.images * image.height;
  return products * 9 * image.channels + weightCost(9.0 * 4 * image.channels * image.results, 1);
}

/// A task has `scale` times as many squares as fit the cache.
static Plan makePlan(const Workload &work, const Image &image, const VectorUnit &unit, const Winograd &winograd,
                     double scale = 1) {
  int64_t size = winograd.size(), points = size * size, lanes = unit.lanes(4);
  int64_t all =
      image.images * llvm::divideCeil(image.height, winograd.outputs) * llvm::divideCeil(image.width, winograd.outputs);
  Plan plan;
  plan.outputs = winograd.outputs;
  Workload products = work;
  products.rows = ShapedType::kDynamic;
  products.k = ShapedType::kDynamic; // Panels are of one point, which the nearest cache holds.
  plan.tile = chooseTile(unit, *work.unit, products);
  int64_t bytesOfSquare = points * image.channels * 4;
  auto wanted = static_cast<int64_t>(scale * std::max(unit.l2Bytes / bytesOfSquare, leastTiles * plan.tile.rows));
  wanted = std::max<int64_t>(wanted, 1);
  int64_t blocks = std::max<int64_t>(1, (all + wanted / 2) / wanted);
  plan.squares = llvm::divideCeil(all, blocks);
  if (blocks > 1 || !image.isStatic) {
    plan.squares = llvm::divideCeil(plan.squares, plan.tile.rows) * plan.tile.rows;
    blocks = llvm::divideCeil(all, plan.squares);
  } else {
    products.rows = plan.squares;
    plan.tile = chooseTile(unit, *work.unit, products);
  }
  int64_t width = plan.tile.vectors * lanes, panels = llvm::divideCeil(image.results, width), parts = 1;
  if (blocks < leastTasks) {
    double ofPanel = 2.0 * plan.squares * points * image.channels * width;
    int64_t wantedParts = llvm::divideCeil(leastTasks, blocks);
    int64_t perTask = std::max<int64_t>(llvm::divideCeil(panels, wantedParts), chooseTask(panels, ofPanel, 1));
    if (perTask < panels && chooseTask(panels, ofPanel, 1) != 0) {
      plan.panels = perTask;
      parts = llvm::divideCeil(panels, perTask);
    }
  }
  int64_t bytesOfPanel = points * plan.squares * width * 4;
  plan.held = std::clamp<int64_t>(unit.l2Bytes / 2 / bytesOfPanel, 1, plan.panels ? plan.panels : panels);
  double perBlock = costOfTiles(plan.tile, plan.squares, image.results, lanes) * points * image.channels;
  double inputs = transformCost(size, size) * all * parts * llvm::divideCeil(image.channels, lanes);
  double outputs = transformCost(size, winograd.outputs) * all * llvm::divideCeil(image.results, lanes);
  plan.cost = perBlock * blocks + inputs + outputs +
              weightCost(static_cast<double>(points) * 4 * image.channels * image.results, blocks);
  return plan;
}

/// The names of the parameters besides those of the tiling.
static constexpr llvm::StringLiteral outputsName = "outputs", heldName = "held";

/// The image, of a convolution that has a transform; nothing for any other.
static std::optional<Image> findImage(const Problem &problem, const Workload &work, const VectorUnit &unit) {
  auto conv = dyn_cast<graph::ConvOp>(problem.root);
  if (!conv || problem.isStrict())
    return std::nullopt;
  auto isOnes = [](ArrayRef<int64_t> list) { return llvm::all_of(list, [](int64_t value) { return value == 1; }); };
  RankedTensorType x = conv.getX().getType(), filter = conv.getFilter().getType(), y = conv.getType();
  if (work.kind != Workload::Kind::Conv || !work.unit || !work.unit->isPlain() || work.unit->sum != DotType::F32 ||
      !work.hasConstantWeights || work.groups != 1 || filter.getRank() != 4 || filter.getDimSize(2) != Winograd::taps ||
      filter.getDimSize(3) != Winograd::taps || !isOnes(conv.getStrides()) || !isOnes(conv.getDilations()) ||
      x.getDimSize(3) < unit.lanes(4))
    return std::nullopt;
  auto known = [](int64_t size, int64_t otherwise) { return ShapedType::isDynamic(size) ? otherwise : size; };
  Image image = {known(y.getDimSize(0), 1),
                 known(y.getDimSize(1), middlingSize),
                 known(y.getDimSize(2), middlingSize),
                 x.getDimSize(3),
                 y.getDimSize(3),
                 y.hasStaticShape()};
  if (image.images * image.height * image.width * image.results == 0)
    return std::nullopt;
  return image;
}

static Config toConfig(const Plan &plan, const Workload &work, const Image &image, const VectorUnit &unit,
                       MLIRContext *context) {
  NamedAttrList config(toConfig(tile::TilingAttr::get(context, plan.tile.rows, plan.tile.vectors, unit.lanes(4),
                                                      chooseUnroll(image.channels, *work.unit), /*prefetch=*/0,
                                                      /*block=*/0, plan.squares, plan.panels, /*unit=*/StringAttr())));
  Builder builder(context);
  config.append(outputsName, builder.getI64IntegerAttr(plan.outputs));
  config.append(heldName, builder.getI64IntegerAttr(plan.held));
  return config.getDictionary(context);
}

static std::optional<Config> match(const Problem &problem, const Target &target) {
  Workload work = describe(problem, target);
  const VectorUnit &unit = target.vectorUnit();
  std::optional<Image> image = findImage(problem, work, unit);
  if (!image)
    return std::nullopt;
  Plan best;
  best.cost = costOfDirect(work, *image, unit);
  for (int64_t outputs : {2, 4})
    if (Plan plan = makePlan(work, *image, unit, *Winograd::find(outputs)); plan.cost < best.cost)
      best = plan;
  if (!best.outputs)
    return std::nullopt;
  return toConfig(best, work, *image, unit, problem.root->getContext());
}

/// Both transforms, with as many squares in a task as are chosen, and with fewer and more.
static void addAlternatives(const Problem &problem, const Target &target, SmallVectorImpl<Config> &list) {
  Workload work = describe(problem, target);
  const VectorUnit &unit = target.vectorUnit();
  std::optional<Image> image = findImage(problem, work, unit);
  if (!image)
    return;
  for (double scale : {1.0, 0.5, 2.0})
    for (int64_t outputs : {4, 2})
      list.push_back(toConfig(makePlan(work, *image, unit, *Winograd::find(outputs), scale), work, *image, unit,
                              problem.root->getContext()));
}

/// The image without the zeros around it, where an op of the kernel adds them and they are known; `offsets`
/// are those before it.
static Value takePadding(Value image, SmallVectorImpl<int64_t> &offsets) {
  auto pad = image.getDefiningOp<tensor::PadOp>();
  Value filler = pad ? pad.getConstantPaddingValue() : Value();
  if (!filler || !matchPattern(filler, m_AnyZeroFloat()))
    return image;
  ArrayRef<int64_t> low = pad.getStaticLow(), high = pad.getStaticHigh();
  if (llvm::is_contained(low, ShapedType::kDynamic) || low[0] || low[3] || high[0] || high[3])
    return image;
  offsets.assign({low[1], low[2]});
  return pad.getSource();
}

static LogicalResult apply(kernel::FuncOp kernel, Config config, const Target &target) {
  auto root = dyn_cast_or_null<graph::ConvOp>(findKeptRoot(kernel, target, Workload::Kind::Conv, /*packs=*/true));
  FailureOr<tile::TilingAttr> tiling = toTiling(kernel, config);
  if (!root || failed(tiling))
    return failure();
  auto outputs = config.getAs<IntegerAttr>(outputsName), held = config.getAs<IntegerAttr>(heldName);
  if (!outputs || !held || held.getInt() < 1 || !Winograd::find(outputs.getInt()) || tiling->getTaskRows() < 1)
    return kernel.emitOpError("strategy ")
           << kernel.getStrategy()->getName() << " needs the parameters '" << outputsName << "', 2 or 4, and '"
           << heldName << "' and 'task_rows', at least 1 [strategy-parameter]";
  EpilogueFusion fusion(root, *tiling);
  OpBuilder builder = fusion.insertionPoint();
  int64_t width = tiling->getVectors() * tiling->getLanes();
  Packing packing{/*tiled=*/0, /*order=*/{2, 3, 1}, width};
  packing.winograd = outputs.getInt();
  Value filter = packWeights(builder, kernel, root.getFilter(), packing);
  Value init = fusion.createInit(builder, kernel);
  int64_t elements = tile::WinogradConvOp::scratchElements(outputs.getInt(), tiling->getTaskRows(),
                                                           root.getX().getType().getDimSize(3), held.getInt() * width);
  Value scratch = tensor::EmptyOp::create(builder, root.getLoc(), elements, builder.getF32Type());
  SmallVector<int64_t> offsets = {0, 0};
  Value image = root.getX(), padded = image;
  image = takePadding(image, offsets);
  auto op =
      tile::WinogradConvOp::create(builder, root.getLoc(), init.getType(), image, filter, scratch, fusion.getExtras(),
                                   init, offsets, outputs.getInt(), held.getInt(), *tiling, fusion.getExtraMaps());
  fusion.finish(op);
  if (padded != image)
    padded.getDefiningOp()->erase();
  return scheduleLoops(kernel, target);
}

const Strategy lathe::winogradConv = {"cpu.conv.winograd",   /*keepsRoot=*/true, match, acceptsInEpilogue, apply,
                                      /*takesPadding=*/true, addAlternatives};
