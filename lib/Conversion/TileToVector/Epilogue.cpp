// lib/Conversion/TileToVector/Epilogue.cpp: the epilogue's scalar ops, written
// out over vectors.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Epilogue.h"

#include "../BufferizeKernels/KernelSizes.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/DenseMap.h"

#include <optional>

using namespace mlir;
using namespace lathe;
using lathe::tile::EpilogueOpInterface;

/// Vector ops that an epilogue may leave in line. Beyond it, code size and the
/// time to compile it cost more than a trip of the accumulators through L1. Where only the run knows the sizes, there
/// is one for each number of rows that may be left over.
static constexpr int64_t maxInlineOps = 512, maxInlineOpsOfOpenSizes = 128;

/// What a function of `math` expands to, about: a polynomial and its ranges.
static constexpr int64_t opsPerMathFunction = 24;

/// Lanes of the smallest registers, in elements of 32 bits.
static constexpr int64_t leastLanes = 4;

Value lathe::asStored(Emitter &e, Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  Type stored = type.getElementType().isInteger(1) ? e.b.getI8Type()
                : type.getElementType().isBF16()   ? e.b.getI16Type()
                                                   : Type();
  if (!stored)
    return memref;
  auto integers = MemRefType::get(type.getShape(), stored, type.getLayout(), type.getMemorySpace());
  return UnrealizedConversionCastOp::create(e.b, e.loc, integers, memref).getResult(0);
}

Value lathe::loadVector(Emitter &e, Value memref, ValueRange indices, int64_t lanes, Value mask) {
  Type wanted = cast<MemRefType>(memref.getType()).getElementType();
  memref = asStored(e, memref);
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  auto type = VectorType::get(lanes, element);
  Value vector =
      mask ? vector::MaskedLoadOp::create(e.b, e.loc, type, memref, indices, mask, e.zeros(element, lanes)).getResult()
           : vector::LoadOp::create(e.b, e.loc, type, memref, indices).getResult();
  if (wanted.isInteger(1))
    return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne, vector, e.zeros(element, lanes));
  return wanted == element ? vector : vector::BitCastOp::create(e.b, e.loc, type.clone(wanted), vector).getResult();
}

/// Whether a mask is known to have its first lane only.
static bool isOneLane(Value mask) {
  auto made = mask.getDefiningOp<vector::CreateMaskOp>();
  return made && constantIndex(made.getOperands().front()) == 1;
}

void lathe::storeVector(Emitter &e, Value vector, Value memref, ValueRange indices, Value mask) {
  auto type = cast<VectorType>(vector.getType());
  memref = asStored(e, memref);
  if (type.getElementType().isInteger(1))
    vector = arith::ExtUIOp::create(e.b, e.loc, type.clone(e.b.getI8Type()), vector);
  else if (type.getElementType().isBF16())
    vector = vector::BitCastOp::create(e.b, e.loc, type.clone(e.b.getI16Type()), vector);
  if (!mask)
    vector::StoreOp::create(e.b, e.loc, vector, memref, indices);
  else if (isOneLane(mask)) // LLVM 22 stores four bytes of it where it narrows the vector for AVX-512.
    memref::StoreOp::create(e.b, e.loc, vector::ExtractOp::create(e.b, e.loc, vector, 0), memref, indices);
  else
    vector::MaskedStoreOp::create(e.b, e.loc, memref, indices, mask, vector);
}

SmallVector<Value> Columns::zeros(Emitter &e, Type element, int64_t count) const {
  SmallVector<Value> result;
  for (int64_t row = 0; row < count; ++row)
    for (int64_t width : lanes)
      result.push_back(e.zeros(element, width));
  return result;
}

Columns lathe::chooseColumns(Emitter &e, Value column, Value size, int64_t vectors, int64_t lanes) {
  Columns result;
  std::optional<int64_t> begin = constantIndex(column), end = constantIndex(size);
  bool isEven = divisorOf(size) % (vectors * lanes) == 0;
  for (int64_t i = 0; i < vectors; ++i) {
    int64_t width = lanes, left = lanes;
    if (begin && end) {
      left = std::min(*end - *begin - i * lanes, lanes);
      while (left > 0 && width > leastLanes && left <= width / 2)
        width /= 2;
    }
    Value mask;
    if (!isEven && !(begin && end && left == width)) {
      auto type = VectorType::get(width, e.b.getI1Type());
      mask = vector::CreateMaskOp::create(e.b, e.loc, type, ValueRange{e.sub(size, e.add(column, i * lanes))});
    }
    result.lanes.push_back(width);
    result.masks.push_back(mask);
  }
  return result;
}

/// The vector unit of the target that `op` is compiled for; none where it has no target.
static std::optional<VectorUnit> vectorUnitOf(EpilogueOpInterface op) {
  auto kernel = op->getParentOfType<kernel::FuncOp>();
  kernel::TargetAttr target = kernel ? kernel.getTargetAttr() : kernel::TargetAttr();
  if (!target)
    return std::nullopt;
  return target.getValue().vectorUnit();
}

static bool hasSmallElements(EpilogueOpInterface op) {
  return llvm::any_of(op->getOperands(), [](Value operand) {
    return cast<MemRefType>(operand.getType()).getElementType().getIntOrFloatBitWidth() < 32;
  });
}

bool lathe::hasSlowMasks(EpilogueOpInterface op) {
  std::optional<VectorUnit> unit = vectorUnitOf(op);
  return (unit && !unit->hasMasks) || hasSmallElements(op);
}

bool lathe::branchesForLanes(EpilogueOpInterface op) {
  std::optional<VectorUnit> unit = vectorUnitOf(op);
  return unit && !unit->hasMasks && (unit->bits <= 128 || hasSmallElements(op));
}

void lathe::forPanels(Emitter &e, IndexRange panels, Value size, int64_t vectors, int64_t lanes, bool masksAreSlow,
                      function_ref<void(Value, const Columns &)> body) {
  int64_t width = vectors * lanes;
  auto one = [&](Value panel) { body(panel, chooseColumns(e, e.mul(panel, width), size, vectors, lanes)); };
  if (!masksAreSlow || divisorOf(size) % width == 0)
    return e.loop(panels, 1, one);
  Value full = e.floorDiv(size, width);
  Columns all{SmallVector<int64_t>(vectors, lanes), SmallVector<Value>(vectors)};
  e.loop({panels.begin, e.min(panels.end, full)}, 1, [&](Value panel) { body(panel, all); });
  e.ifLess(full, panels.end, [&] { one(full); });
}

/// The value that the epilogue of `op` yields for one vector of accumulators.
static Value applyEpilogue(Emitter &e, EpilogueOpInterface op, Value accumulator, ValueRange extras, int64_t lanes) {
  Region &region = op.getEpilogue();
  if (region.empty())
    return accumulator;
  IRMapping map;
  Block &block = region.front();
  map.map(block.getArgument(0), accumulator);
  map.map(block.getArguments().drop_front(), extras);
  for (Operation &inner : block.without_terminator()) {
    Attribute constant;
    if (matchPattern(&inner, m_Constant(&constant))) {
      auto type = VectorType::get(lanes, inner.getResult(0).getType());
      map.map(inner.getResult(0), arith::ConstantOp::create(e.b, e.loc, SplatElementsAttr::get(type, constant)));
      continue;
    }
    SmallVector<Value> operands;
    for (Value operand : inner.getOperands())
      operands.push_back(map.lookup(operand));
    SmallVector<Type> types;
    for (Type type : inner.getResultTypes())
      types.push_back(VectorType::get(lanes, type));
    Operation *wide = Operation::create(inner.getLoc(), inner.getName(), types, operands,
                                        inner.getDiscardableAttrDictionary(), inner.getPropertiesStorage(),
                                        /*successors=*/{}, /*numRegions=*/0);
    e.b.insert(wide);
    map.map(inner.getResults(), wide->getResults());
  }
  return map.lookup(block.getTerminator()->getOperand(0));
}

SmallVector<Extra> lathe::extrasOf(EpilogueOpInterface op) {
  SmallVector<Extra> extras;
  for (auto [i, extra] : llvm::enumerate(op.getExtras()))
    extras.push_back({extra, op.getExtraMap(i)});
  return extras;
}

namespace {
/// Loads the elements of the extras that belong to a vector of the output, each
/// of them once: a bias is the same in all rows.
class ExtraLoader {
public:
  ExtraLoader(Emitter &e, const OutputTile &tile) : e(e), tile(tile) {}

  /// The vectors for vector `vector` of row `row`, which `position` stands for.
  SmallVector<Value> load(int64_t row, Value position, int64_t vector) {
    SmallVector<Value> result;
    for (unsigned i = 0; i < tile.extras.size(); ++i)
      result.push_back(loadOne(i, row, position, vector));
    return result;
  }

private:
  Value loadOne(unsigned index, int64_t row, Value position, int64_t vector) {
    const Extra &extra = tile.extras[index];
    unsigned inner = extra.map.getNumDims() - 1;
    bool isVector = extra.map.isFunctionOfDim(inner);
    bool variesByRow = false;
    for (unsigned dim = 0; dim < inner; ++dim)
      variesByRow |= extra.map.isFunctionOfDim(dim);
    int64_t lanes = tile.lanes[vector];
    std::pair<int64_t, int64_t> place(variesByRow ? row : -1, isVector ? vector : -lanes);
    if (Value known = loaded.lookup({index, place}))
      return known;

    SmallVector<Value> leading, indices;
    if (variesByRow)
      leading = extra.isFlat ? tile.flat(position) : tile.original(position);
    for (AffineExpr expr : extra.map.getResults()) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      indices.push_back(!dim                         ? e.index(0)
                        : dim.getPosition() == inner ? tile.columns[vector]
                                                     : leading[dim.getPosition()]);
    }
    Value value;
    if (isVector) {
      value = loadVector(e, extra.memref, indices, lanes, tile.masks[vector]);
    } else {
      Value scalar = memref::LoadOp::create(e.b, e.loc, extra.memref, indices);
      value = vector::BroadcastOp::create(e.b, e.loc, VectorType::get(lanes, scalar.getType()), scalar);
    }
    loaded[{index, place}] = value;
    return value;
  }

  Emitter &e;
  const OutputTile &tile;
  llvm::DenseMap<std::pair<unsigned, std::pair<int64_t, int64_t>>, Value> loaded;
};
} // namespace

/// Calls `body` for each vector of the tile in turn, with its indices.
static void forEachVector(Emitter &e, const OutputTile &tile,
                          function_ref<void(int64_t row, int64_t vector, ValueRange indices)> body) {
  for (int64_t row = 0; row < tile.rows; ++row) {
    SmallVector<Value> leading = tile.leading(e.index(row));
    for (auto [vector, column] : llvm::enumerate(tile.columns)) {
      SmallVector<Value> indices(leading);
      indices.push_back(column);
      body(row, vector, indices);
    }
  }
}

SmallVector<Value> lathe::loadOutput(Emitter &e, const OutputTile &tile) {
  SmallVector<Value> result;
  forEachVector(e, tile, [&](int64_t, int64_t vector, ValueRange indices) {
    result.push_back(loadVector(e, tile.init, indices, tile.lanes[vector], tile.masks[vector]));
  });
  return result;
}

void lathe::storeAccumulators(Emitter &e, const OutputTile &tile, ValueRange accumulators) {
  size_t position = 0;
  forEachVector(e, tile, [&](int64_t, int64_t vector, ValueRange indices) {
    storeVector(e, accumulators[position++], tile.init, indices, tile.masks[vector]);
  });
}

static int64_t countOps(EpilogueOpInterface op) {
  int64_t count = 1;
  if (!op.getEpilogue().empty())
    for (Operation &inner : op.getEpilogue().front().without_terminator())
      count += isa<math::MathDialect>(inner.getDialect()) ? opsPerMathFunction : 1;
  return count;
}

/// The epilogue and the stores of all vectors, one after the other.
static void storeInline(Emitter &e, const OutputTile &tile, ValueRange accumulators) {
  ExtraLoader extras(e, tile);
  size_t position = 0;
  forEachVector(e, tile, [&](int64_t row, int64_t vector, ValueRange indices) {
    SmallVector<Value> operands = extras.load(row, e.index(row), vector);
    Value value = applyEpilogue(e, tile.op, accumulators[position++], operands, tile.lanes[vector]);
    storeVector(e, value, tile.init, indices, tile.masks[vector]);
  });
}

/// `tile` with its rows in memory on the stack, whole vectors of `element`, and no masks.
static OutputTile onStack(Emitter &e, OutputTile tile, Type element) {
  int64_t width = 0;
  for (auto [column, lanes] : llvm::zip_equal(tile.columns, tile.lanes)) {
    column = e.index(width);
    width += lanes;
  }
  tile.init = e.stack(MemRefType::get({tile.rows, width}, element));
  tile.leading = [](Value row) { return SmallVector<Value>{row}; };
  tile.masks.assign(tile.masks.size(), Value());
  return tile;
}

/// Calls `body` with `tile`, but one row of it, for each row.
static void forEachRow(Emitter &e, const OutputTile &tile, function_ref<void(const OutputTile &, Value row)> body) {
  e.loop({e.index(0), e.index(tile.rows)}, 1, [&](Value row) {
    OutputTile one = tile;
    one.rows = 1;
    one.leading = [&](Value) { return tile.leading(row); };
    one.original = [&](Value) { return tile.original(row); };
    one.flat = [&](Value) { return tile.flat(row); };
    body(one, row);
  });
}

/// Copies `count` elements from `from` on to `to`, the innermost index of which counts.
static void copyElements(Emitter &e, Value source, ArrayRef<Value> from, Value target, ArrayRef<Value> to,
                         Value count) {
  source = asStored(e, source);
  target = asStored(e, target);
  auto at = [&](ArrayRef<Value> begin, Value i) {
    SmallVector<Value> indices(begin);
    indices.back() = e.add(indices.back(), i);
    return indices;
  };
  e.loop({e.index(0), count}, 1, [&](Value i) {
    Value element = memref::LoadOp::create(e.b, e.loc, source, at(from, i));
    memref::StoreOp::create(e.b, e.loc, element, target, at(to, i));
  });
}

namespace {
/// Stores the tile at the end of the columns where masks are branches: whole vectors are computed in memory on the
/// stack, to and from which loops move the elements that exist.
class StackTile {
public:
  StackTile(Emitter &e, const OutputTile &tile)
      : e(e), tile(tile), op(tile.op), sums(onStack(e, tile, op.getAccumulatorType())), lines(tile.extras) {
    auto type = cast<MemRefType>(tile.init.getType());
    first = tile.columns.front();
    int64_t width = cast<MemRefType>(sums.init.getType()).getDimSize(1);
    count = e.min(e.index(width), e.sub(e.dim(tile.init, type.getRank() - 1), first));
  }

  void store(ValueRange accumulators) {
    storeAccumulators(e, sums, accumulators);
    for (unsigned i = 0; i < lines.size(); ++i)
      createLine(i);
    Type element = cast<MemRefType>(tile.init.getType()).getElementType();
    forEachRow(e, tile, [&](const OutputTile &one, Value row) {
      for (unsigned i = 0; i < lines.size(); ++i)
        if (isVector(i) && variesByRow(i))
          fillLine(i, row);
      OutputTile whole = onStack(e, one, element), read = sums;
      whole.extras = ArrayRef<Extra>(lines);
      read.rows = 1;
      read.leading = [&](Value) { return sums.leading(row); };
      storeInline(e, whole, loadOutput(e, read));
      SmallVector<Value> to = tile.leading(row);
      to.push_back(first);
      copyElements(e, whole.init, {e.index(0), e.index(0)}, tile.init, to, count);
    });
  }

private:
  bool isVector(unsigned i) const {
    AffineMap map = tile.extras[i].map;
    return map.isFunctionOfDim(map.getNumDims() - 1);
  }

  bool variesByRow(unsigned i) const {
    AffineMap map = tile.extras[i].map;
    bool varies = false;
    for (unsigned dim = 0; dim + 1 < map.getNumDims(); ++dim)
      varies |= map.isFunctionOfDim(dim);
    return varies;
  }

  /// Memory for what an extra has for a row. It begins as zeros: what lies behind the last column is computed with,
  /// and what was there before might be slow.
  void createLine(unsigned i) {
    if (!isVector(i))
      return;
    Type element = cast<MemRefType>(tile.extras[i].memref.getType()).getElementType();
    int64_t width = cast<MemRefType>(sums.init.getType()).getDimSize(1);
    // Memory of one type is the same, so each has a size of its own.
    Value line = e.stack(MemRefType::get({(i + 1) * width}, element));
    lines[i] = {line, AffineMap::getMultiDimIdentityMap(1, element.getContext()), /*isFlat=*/false};
    Type stored = cast<MemRefType>(asStored(e, line).getType()).getElementType();
    for (auto [column, lanes] : llvm::zip_equal(sums.columns, sums.lanes))
      vector::StoreOp::create(e.b, e.loc, e.zeros(stored, lanes), asStored(e, line), column);
    if (!variesByRow(i))
      fillLine(i, e.index(0));
  }

  void fillLine(unsigned i, Value row) {
    const Extra &extra = tile.extras[i];
    unsigned inner = extra.map.getNumDims() - 1;
    SmallVector<Value> leading = extra.isFlat ? tile.flat(row) : tile.original(row), from;
    for (AffineExpr expr : extra.map.getResults()) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      from.push_back(!dim ? e.index(0) : dim.getPosition() == inner ? first : leading[dim.getPosition()]);
    }
    copyElements(e, extra.memref, from, lines[i].memref, {e.index(0)}, count);
  }

  Emitter &e;
  const OutputTile &tile;
  EpilogueOpInterface op;
  OutputTile sums;
  SmallVector<Extra> lines; ///< The extras, but from the stack.
  Value first, count;       ///< The columns that exist.
};
} // namespace

void lathe::storeOutput(Emitter &e, const OutputTile &tile, ValueRange accumulators) {
  EpilogueOpInterface op = tile.op;
  bool hasMasks = llvm::any_of(tile.masks, [](Value mask) { return bool(mask); });
  if (hasMasks && !op.getInitType().hasStaticShape() && branchesForLanes(op))
    return StackTile(e, tile).store(accumulators);
  int64_t most = op.getInitType().hasStaticShape() ? maxInlineOps : maxInlineOpsOfOpenSizes;
  bool isLong = countOps(op) * tile.rows * int64_t(tile.columns.size()) > most;
  if (!isLong || tile.rows == 1)
    return storeInline(e, tile, accumulators);
  // The output holds the accumulators on the way if it has their type; a masked load waits for a masked store.
  bool isOfSums = op.getInitType().getElementType() == op.getAccumulatorType();
  OutputTile sums = isOfSums && !hasMasks ? tile : onStack(e, tile, op.getAccumulatorType());
  storeAccumulators(e, sums, accumulators);
  forEachRow(e, tile, [&](const OutputTile &one, Value row) {
    OutputTile read = sums;
    read.rows = 1;
    read.leading = [&](Value) { return sums.leading(row); };
    storeInline(e, one, loadOutput(e, read));
  });
}
