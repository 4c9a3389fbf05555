// lib/Strategies/CPU/Attention.cpp: attention whose scores stay in a core's caches;
// docs/decisions/0056-attention-as-one-kernel.md.
//
// The weights of a query are exponentials of differences to the largest score so far, and what was summed up is scaled
// when a larger one comes. With u the unit roundoff of f32 (2^-24), an element of the result is off by no more than
// ((2 + 1/16) n + 2 (d + 10) S + 16) u times the weighted mean of |v|, for n keys, heads of d elements and S, the
// largest sum of |q||k| times the scale, plus |bias|, of the query, to first order. The sums of weights and of weights
// times values are n terms each, and are scaled once in 16 keys at most. Errors of scores are relative ones of weights,
// and of their sum: d + 1 for the product and the scale, 1 for the bias, 2 for the difference to the largest, which
// is up to 2 S, and 6 for the cap. 16 is for the exponentials, the quotient and its product. Weights that are less
// than the least normal number may be 0.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "../TileAttention.h"
#include "Strategies.h"
#include "Tilings.h"

#include "dialects/Graph/Attention.h"
#include "dialects/Tile/Attention.h"

#include "mlir/Support/DebugStringHelper.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lathe;
using graph::AttentionOp;
using graph::typeOf;

/// Sizes of heads for which a block of queries, its result and scores are near.
static constexpr int64_t mostSize = 512;

/// Scores of a head below which two products and a softmax cost less, where a block of queries is transposed first, and
/// the result afterwards. Measured with heads of 32 to 64 elements.
static constexpr int64_t leastScores = 32 * 32;

/// Sums in registers, and vectors of queries: of registers, some hold factors.
static int64_t sumsOf(const VectorUnit &unit) { return unit.registers >= 32 ? 24 : 12; }
static int64_t mostVectorsOf(const VectorUnit &unit) { return unit.registers >= 32 ? 4 : 2; }

/// Whether so few queries are known that keys and values are read, not multiplied in tiles.
static bool hasFewQueries(AttentionOp op, int64_t lanes) {
  int64_t queries = op.sizeOf(0, 2);
  return !ShapedType::isDynamic(queries) && queries > 0 && queries <= lanes / 2;
}

/// What converts the operands, or null and why there is none. `isPlain` is set where they are f32.
static const DotUnit *findUnit(const Problem &problem, AttentionOp op, const Target &target, bool &isPlain) {
  Type element = typeOf(op.getQ()).getElementType();
  isPlain = element.isF32();
  if (!isPlain && !element.isF16() && !element.isBF16())
    return problem.reject("queries are " + debugString(element) + ", neither f32 nor of half precision"), nullptr;
  DotType type = isPlain ? DotType::F32 : element.isF16() ? DotType::F16 : DotType::BF16;
  const DotUnit *several = findDotUnit(target, type, type, DotType::F32, /*mostStep=*/64, /*withTiles=*/true);
  bool isFew = hasFewQueries(op, target.vectorUnit().lanes(4));
  if (!isPlain && !isFew && several && several->multipliesAsStored())
    return problem.reject("instructions for products of half precision are faster than f32"), nullptr;
  const DotUnit *unit = findDotUnit(target, type, type, DotType::F32, /*mostStep=*/1);
  if (!unit)
    problem.reject("nothing converts the operands' type there");
  return unit;
}

/// Whether the kernel can read `values`, a bias or a mask, or there is none; rejects the problem if not.
static bool isReadable(const Problem &problem, AttentionOp op, Value values) {
  if (!values)
    return true;
  Type element = typeOf(values).getElementType();
  ArrayRef<int64_t> shape = typeOf(values).getShape();
  std::string type = debugString(typeOf(values));
  if (!element.isInteger(1) && !element.isF32() && !element.isF16())
    return problem.reject("a bias is " + type + ", but f32 and f16 are read"), false;
  if (shape[3] == 1 && shape[2] != 1 && op.sizeOf(1, 2) != 1)
    return problem.reject("a bias or a mask, " + type + ", is the same for all keys of a query"), false;
  return true;
}

static std::optional<Config> match(const Problem &problem, const Target &target) {
  auto op = dyn_cast<AttentionOp>(problem.root);
  if (!op)
    return std::nullopt;
  const VectorUnit &unit = target.vectorUnit();
  bool isPlain = false;
  const DotUnit *dot = findUnit(problem, op, target, isPlain);
  if (!dot)
    return std::nullopt;
  int64_t size = op.sizeOf(0, 3), width = op.sizeOf(2, 3), lanes = unit.lanes(4);
  if (ShapedType::isDynamic(size) || ShapedType::isDynamic(width) || size < 1 || width < 1 || size > mostSize ||
      width > mostSize)
    return problem.reject("the size of heads is open, 0 or more than " + Twine(mostSize));
  int64_t heads = op.sizeOf(0, 1), shared = op.sizeOf(1, 1);
  if (heads != shared && (ShapedType::isDynamic(heads) || ShapedType::isDynamic(shared)))
    return problem.reject("the number of heads that share keys is open");
  if (heads != shared && heads == 0)
    return problem.reject("there are no heads of queries");
  if (!isReadable(problem, op, op.getBias()) || !isReadable(problem, op, op.getMask()))
    return std::nullopt;
  if (!llvm::isPowerOf2_64(lanes) || lanes < 4)
    return problem.reject("there are no vectors");
  int64_t queries = op.sizeOf(0, 2), keys = op.sizeOf(1, 2), vectors = mostVectorsOf(unit);
  if (queries == 0)
    return problem.reject("there are no queries");
  bool isKnown = !ShapedType::isDynamic(queries) && !ShapedType::isDynamic(keys);
  if (isKnown && !hasFewQueries(op, lanes) && queries * keys < leastScores)
    return problem.reject("a head has fewer than " + Twine(leastScores) + " scores");
  if (!ShapedType::isDynamic(queries))
    vectors = std::clamp<int64_t>(llvm::divideCeil(queries, lanes), 1, vectors);
  // Scores and values of a block share the nearest cache: each tile of the result passes both.
  int64_t block = std::max(4 * lanes, unit.l1Bytes / ((vectors * lanes + width) * 4) / lanes * lanes);
  if (!ShapedType::isDynamic(keys))
    block = std::clamp<int64_t>(llvm::divideCeil(keys, lanes) * lanes, lanes, block);
  MLIRContext *context = op.getContext();
  return toConfig(tile::TilingAttr::get(context, sumsOf(unit) / vectors, vectors, lanes, /*unroll=*/1, /*prefetch=*/0,
                                        block, /*taskRows=*/0, /*taskPanels=*/0,
                                        isPlain ? StringAttr() : StringAttr::get(context, dot->name)));
}

/// What follows reads the result from memory.
static bool acceptsNothing(const Problem &, Operation *) { return false; }

static LogicalResult apply(kernel::FuncOp kernel, Config config, const Target &target) {
  auto root = dyn_cast_or_null<AttentionOp>(kernel::findRoot(kernel.getBody().front()));
  if (!root)
    return kernel.emitOpError("strategy ") << kernel.getStrategy()->getName()
                                           << " computes attention only; remove the strategy to have one chosen "
                                              "[strategy-unfit]";
  FailureOr<tile::TilingAttr> tiling = toTiling(kernel, config);
  if (failed(tiling))
    return failure();
  tileAttention(kernel, root, *tiling,
                tile::AttentionOp::scratchElements(*tiling, root.sizeOf(0, 3), root.sizeOf(2, 3)));
  return scheduleLoops(kernel, target);
}

const Strategy lathe::attention = {"cpu.attention", /*keepsRoot=*/true, match, acceptsNothing, apply};
