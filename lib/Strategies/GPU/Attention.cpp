// lib/Strategies/GPU/Attention.cpp: attention on tensor cores, whose scores stay in registers;
// docs/decisions/0095-attention-in-registers-of-warps.md.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/Graph/Attention.h"
#include "../CPU/Tilings.h"
#include "../TileAttention.h"
#include "Strategies.h"
#include "dialects/Tile/Attention.h"
#include "lathe/Conversion/GraphToLinalg.h"
#include "mlir/Support/DebugStringHelper.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using lathe::graph::AttentionOp;
using lathe::graph::typeOf;

namespace lathe {

/// Rows that an instruction of a warp multiplies.
static constexpr int64_t rowsOfCore = 16;

/// Warps of a block: as many as share what is copied of keys and values without too many registers for several blocks
/// on a processor.
static constexpr int64_t mostWarps = 4;

/// Rows of queries that keep a GPU of middling size busy when blocks take 128 of them.
static constexpr int64_t manyBlocks = 132;

/// Elements of heads for which the sums of a warp stay in registers; and bytes of a row of them, of which two slots of
/// keys and values are at most 64 KiB, so that with the queries a block has less than the 99 KiB of an sm_86.
static constexpr int64_t mostSize = 256, mostRowBytes = 512;

/// Slots of a ring, and keys in one of them.
static constexpr int64_t slots = 2, mostKeys = 64;

/// What multiplies the operands, or null and why there is nothing.
static const DotUnit *findUnit(const Problem &problem, AttentionOp op, const Target &target) {
  Type element = typeOf(op.getQ()).getElementType();
  const DotUnit *unit = nullptr;
  if (element.isF16())
    unit = findDotUnit("mma.f16");
  else if (element.isBF16())
    unit = findDotUnit("mma.bf16");
  else if (element.isF32() && problem.allowsTf32())
    unit = findDotUnit("mma.tf32");
  if (unit && target.has(unit->needs))
    return unit;
  if (element.isF32())
    problem.reject("queries are f32, which tensor cores multiply where the precision is tf32");
  else
    problem.reject("tensor cores do not multiply " + debugString(element) + " there");
  return nullptr;
}

static bool isOpen(int64_t size) { return ShapedType::isDynamic(size); }

/// Why the kernel cannot be; empty if it can.
static std::string obstacleTo(AttentionOp op, const DotUnit &unit) {
  int64_t size = op.sizeOf(0, 3), width = op.sizeOf(2, 3);
  int64_t most = std::min(mostSize, mostRowBytes / bytesOf(unit.a));
  for (auto [count, of] : {std::pair(size, "queries"), std::pair(width, "values")})
    if (isOpen(count) || count < 1 || count > most)
      return ("heads of " + Twine(of) + " have " + (isOpen(count) ? "an open number of" : Twine(count)) +
              " elements, and tensor cores take 1 to " + Twine(most))
          .str();
  int64_t heads = op.sizeOf(0, 1), shared = op.sizeOf(1, 1);
  if (heads != shared && (isOpen(heads) || isOpen(shared)))
    return "the number of heads that share keys is open";
  if (heads != shared && heads == 0)
    return "there are no heads of queries";
  if (op.getBias() && typeOf(op.getBias()).getElementType().isF64())
    return "a bias is " + debugString(typeOf(op.getBias())) + ", but scores are f32";
  return "";
}

/// The tile of a task: rows of queries, a number of warps, and keys in a slot.
static std::optional<Config> match(const Problem &problem, const Target &target) {
  auto op = dyn_cast<AttentionOp>(problem.root);
  if (!op)
    return std::nullopt;
  const DotUnit *unit = findUnit(problem, op, target);
  if (!unit)
    return std::nullopt;
  if (std::string why = obstacleTo(op, *unit); !why.empty())
    return problem.reject(why);
  int64_t heads = op.sizeOf(0, 1), shared = op.sizeOf(1, 1), queries = op.sizeOf(0, 2), keys = op.sizeOf(1, 2);
  int64_t bytes = std::max(op.sizeOf(0, 3), op.sizeOf(2, 3)) * bytesOf(unit->a);
  int64_t rows = isOpen(queries) ? ShapedType::kDynamic : queries * (heads == shared ? 1 : heads / shared);
  int64_t warps = mostWarps, tiles = 1, block = bytes <= mostRowBytes / 2 ? mostKeys : mostKeys / 2;
  if (!isOpen(rows)) {
    warps = std::clamp<int64_t>(llvm::divideCeil(rows, rowsOfCore), 1, mostWarps);
    int64_t blocks = llvm::divideCeil(rows, 2 * mostWarps * rowsOfCore);
    for (int64_t count : {op.sizeOf(0, 0), shared})
      blocks *= isOpen(count) ? 1 : count;
    // Two tiles of rows share what a warp reads of keys and values.
    tiles = blocks >= manyBlocks && op.sizeOf(2, 3) <= mostSize / 4 && bytes <= mostRowBytes / 2 ? 2 : 1;
  }
  if (!isOpen(keys))
    block = std::clamp<int64_t>(llvm::alignTo(keys, rowsOfCore), rowsOfCore, block);
  MLIRContext *context = op.getContext();
  auto tiling = tile::TilingAttr::get(context, /*rows=*/warps * tiles * rowsOfCore, /*vectors=*/1, /*lanes=*/rowsOfCore,
                                      /*unroll=*/1, /*prefetch=*/slots, block, /*taskRows=*/0, /*taskPanels=*/0,
                                      StringAttr::get(context, unit->name));
  NamedAttrList config(toConfig(tiling).getValue());
  config.set(kernel::FuncOp::threadsName, Builder(context).getI64IntegerAttr(warps * warpLanes));
  return config.getDictionary(context);
}

/// What follows reads the result from memory.
static bool acceptsNothing(const Problem &, Operation *) { return false; }

/// Whether warps can compute a tile that was set by hand, in the memory that a block has.
static bool fits(kernel::FuncOp kernel, AttentionOp root, tile::TilingAttr tiling) {
  const DotUnit *unit = tiling.getDotUnit();
  if (!unit || !unit->isOnTensorCores() || unit->isOfWarpgroups() || tiling.getPrefetch() > slots ||
      tiling.getBlock() > mostKeys)
    return false;
  int64_t warps = kernel.getBlockThreads() / warpLanes, rows = tiling.getRows(), block = tiling.getBlock();
  return kernel.getBlockThreads() % warpLanes == 0 && warps >= 1 && rows % (warps * rowsOfCore) == 0 &&
         rows / (warps * rowsOfCore) <= 2 && block > 0 && block % rowsOfCore == 0;
}

static LogicalResult apply(kernel::FuncOp kernel, Config config, const Target &) {
  auto root = dyn_cast_or_null<AttentionOp>(kernel::findRoot(kernel.getBody().front()));
  FailureOr<tile::TilingAttr> tiling = toTiling(kernel, config);
  if (failed(tiling))
    return failure();
  auto refuse = [&] { return kernel.emitOpError("strategy ") << kernel.getStrategy()->getName(); };
  if (!root)
    return refuse() << " computes attention only; remove the strategy to have one chosen [strategy-unfit]";
  if (!fits(kernel, root, *tiling))
    return refuse()
           << " computes attention by warps that have 16 or 32 rows each, with a unit of tensor cores, 16 keys or "
              "a multiple up to 64 in a block and up to 2 slots, but has "
           << tiling->getRows() << " rows, blocks of " << tiling->getBlock() << " keys and " << tiling->getPrefetch()
           << " slots for " << kernel.getBlockThreads()
           << " threads; remove the strategy to have one chosen [strategy-unfit]";
  if (std::string why = obstacleTo(root, *tiling->getDotUnit()); !why.empty())
    return refuse() << " cannot be: " << why << "; remove the strategy to have one chosen [strategy-unfit]";
  tileAttention(kernel, root, *tiling, /*scratchElements=*/0);
  return success();
}

const Strategy gpuAttention = {"gpu.attention", /*keepsRoot=*/true, match, acceptsNothing, apply};

} // namespace lathe
