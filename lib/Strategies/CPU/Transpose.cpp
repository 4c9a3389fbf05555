// lib/Strategies/CPU/Transpose.cpp: permutations that move the innermost dim,
// square by square in registers.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "../FuseEpilogue.h"
#include "../TileTranspose.h"
#include "Strategies.h"
#include "Tilings.h"

#include "dialects/Graph/Graph.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lathe;

/// An element that is moved costs about this many operations of a product.
static constexpr double operationsPerElement = 16;

/// Elements of the output's lines that a task of a large matrix has at most: of the input it reads so many whole lines,
/// side by side, where pieces of all lines would come from memory one by one.
static constexpr int64_t mostColumns = 128;

/// Squares of fewer elements than this are no better than loops.
static constexpr int64_t leastElements = 16;

/// The side of a square: its rows and what they become take half of the registers each.
static int64_t chooseLanes(const VectorUnit &unit, int64_t bytes, ArrayRef<int64_t> sizes) {
  int64_t lanes = std::min<int64_t>(unit.lanes(bytes), unit.registers / 2);
  for (int64_t size : sizes)
    if (!ShapedType::isDynamic(size))
      lanes = std::min<int64_t>(lanes, size);
  return lanes < 1 ? 0 : llvm::bit_floor(static_cast<uint64_t>(lanes));
}

static std::optional<Config> match(const Problem &problem, const Target &target) {
  auto op = dyn_cast<graph::TransposeOp>(problem.root);
  if (!op)
    return std::nullopt;
  RankedTensorType x = op.getX().getType(), y = op.getType();
  int64_t rank = x.getRank();
  Type element = x.getElementType();
  bool isFloat = element.isF64() || element.isF32() || element.isF16() || element.isBF16();
  unsigned bits = element.isIntOrFloat() ? element.getIntOrFloatBitWidth() : 0;
  bool isInteger = isa<IntegerType>(element) && (bits == 1 || (bits >= 8 && bits <= 64 && llvm::isPowerOf2_32(bits)));
  if (rank < 2 || rank > 8 || op.getPermutation().back() == rank - 1 || !(isFloat || isInteger))
    return std::nullopt;
  int64_t moved = x.getShape().back(), inner = y.getShape().back();
  int64_t lanes = chooseLanes(target.vectorUnit(), llvm::divideCeil(bits, 8), {moved, inner});
  if (lanes * lanes < leastElements && bits < 64)
    return std::nullopt;
  if (lanes < 2)
    return std::nullopt;
  // The outer dims first; a large matrix alone is cut, too, along its longer side.
  int64_t lines = 1;
  ArrayRef<int64_t> permutation = op.getPermutation();
  for (auto [dim, size] : llvm::enumerate(y.getShape().drop_back()))
    if (permutation[dim] != rank - 1)
      lines = ShapedType::isDynamic(size) || ShapedType::isDynamic(lines) ? ShapedType::kDynamic : lines * size;
  auto known = [](int64_t size) { return ShapedType::isDynamic(size) ? 64 : size; };
  double ofLine = static_cast<double>(known(moved)) * known(inner) * operationsPerElement;
  int64_t taskLines = chooseTask(lines, ofLine, 1), taskBlocks = 0, taskColumns = 0;
  if (taskLines == 0 || taskLines == 1) {
    double ofElement = 2.0 * lanes * operationsPerElement;
    if (taskLines == 0 && !ShapedType::isDynamic(lines))
      ofElement *= lines;
    auto blocksOf = [&](int64_t size) {
      return ShapedType::isDynamic(size) ? size : llvm::divideCeil(size, 2 * lanes);
    };
    if (known(inner) >= known(moved))
      taskColumns = std::min(chooseTask(blocksOf(inner), ofElement * known(moved), 1) * 2 * lanes, mostColumns);
    else
      taskBlocks = chooseTask(blocksOf(moved), ofElement * known(inner), 1);
  }
  return toConfig(tile::TilingAttr::get(problem.root->getContext(), /*rows=*/1, /*vectors=*/1, lanes, /*unroll=*/1,
                                        /*prefetch=*/0, taskColumns, taskLines, taskBlocks, /*unit=*/StringAttr()));
}

static LogicalResult apply(kernel::FuncOp kernel, Config config, const Target &target) {
  return success(succeeded(tileTranspose(kernel, config)) && succeeded(scheduleLoops(kernel, target)));
}

const Strategy lathe::transpose = {"cpu.transpose", /*keepsRoot=*/true, match, acceptsInEpilogue, apply};
