// lib/Strategies/GPU/Transpose.cpp: permutations that move the innermost dim, square by square in the memory of a
// block. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../CPU/Tilings.h"
#include "../FuseEpilogue.h"
#include "../TileTranspose.h"
#include "Strategies.h"
#include "dialects/Graph/Graph.h"

using namespace mlir;

namespace lathe {

/// Bytes of a row of a square: at least those that a warp reads at once.
static constexpr int64_t rowBytes = 128, mostSide = 64;

/// Rows that are shorter are read and written as well one by one.
static constexpr int64_t leastSide = 8, mostThreads = 256;

/// The side of a square of elements of `bytes`, no larger than any of `sizes`.
static int64_t sideOf(int64_t bytes, ArrayRef<int64_t> sizes) {
  int64_t side = std::min(rowBytes / bytes, mostSide);
  for (int64_t size : sizes)
    if (!ShapedType::isDynamic(size))
      side = std::min(side, size);
  return side < 1 ? 0 : llvm::bit_floor(static_cast<uint64_t>(side));
}

static std::optional<Config> match(const Problem &problem, const Target &) {
  auto op = dyn_cast<graph::TransposeOp>(problem.root);
  if (!op)
    return std::nullopt;
  RankedTensorType x = op.getX().getType(), y = op.getType();
  Type element = x.getElementType();
  int64_t rank = x.getRank(), bits = element.isIntOrFloat() ? element.getIntOrFloatBitWidth() : 0;
  bool isWhole = bits == 1 || (bits >= 8 && bits <= 64 && llvm::isPowerOf2_64(bits));
  if (rank < 2 || rank > 8 || op.getPermutation().back() == rank - 1 || !isWhole)
    return std::nullopt;
  int64_t side = sideOf(llvm::divideCeil(bits, 8), {x.getShape().back(), y.getShape().back()});
  if (side < leastSide)
    return std::nullopt;
  Builder builder(problem.root->getContext());
  auto tiling = tile::TilingAttr::get(problem.root->getContext(), /*rows=*/1, /*vectors=*/1, /*lanes=*/side,
                                      /*unroll=*/1, /*prefetch=*/0, /*block=*/0, /*taskRows=*/1, /*taskPanels=*/1,
                                      /*unit=*/StringAttr());
  NamedAttrList config(toConfig(tiling).getValue());
  config.set(kernel::FuncOp::threadsName, builder.getI64IntegerAttr(std::min(side * side, mostThreads)));
  return config.getDictionary(problem.root->getContext());
}

static LogicalResult apply(kernel::FuncOp kernel, Config config, const Target &) {
  return tileTranspose(kernel, config);
}

const Strategy gpuTranspose = {"gpu.transpose", /*keepsRoot=*/true, match, acceptsInEpilogue, apply};

} // namespace lathe
