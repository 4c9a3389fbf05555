// lib/Conversion/TileToThreads/Elements.cpp: epilogues of single elements, and squares that are transposed.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Elements.h"
#include "dialects/Kernel/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace lathe {

bool areTogether(Type type, int64_t count) {
  auto memref = cast<MemRefType>(type);
  Type element = memref.getElementType();
  unsigned bits = element.isSignlessInteger() || isa<FloatType>(element) ? element.getIntOrFloatBitWidth() : 0;
  return bits >= 8 && llvm::isPowerOf2_32(bits) && bits * count <= 128 && memref.getLayout().isIdentity() &&
         memref.getRank() > 0 && !memref.isDynamicDim(memref.getRank() - 1) && memref.getShape().back() % count == 0;
}

int64_t storedTogether(tile::EpilogueOpInterface op, int64_t most) {
  while (most > 1 && !areTogether(op.getInit().getType(), most))
    most /= 2;
  return most;
}

static llvm::MaybeAlign alignmentOf(VectorType type) {
  return llvm::Align(static_cast<uint64_t>(type.getNumElements() * type.getElementTypeBitWidth() / 8));
}

/// What the epilogue reads of extra `number` for `count` neighbours.
static SmallVector<Value> loadExtra(Emitter &e, tile::EpilogueOpInterface op, unsigned number, ValueRange indices,
                                    int64_t count) {
  Value extra = op.getExtras()[number];
  SmallVector<Value> at;
  bool hasColumns = false;
  for (AffineExpr expr : op.getExtraMap(number).getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    at.push_back(dim ? indices[dim.getPosition()] : e.index(cast<AffineConstantExpr>(expr).getValue()));
    hasColumns = dim && dim.getPosition() + 1 == indices.size();
  }
  if (!hasColumns)
    return SmallVector<Value>(count, memref::LoadOp::create(e.b, e.loc, extra, at));
  SmallVector<Value> values;
  if (count > 1 && areTogether(extra.getType(), count)) {
    auto type = VectorType::get(count, cast<MemRefType>(extra.getType()).getElementType());
    Value all = vector::LoadOp::create(e.b, e.loc, type, extra, at, /*nontemporal=*/false, alignmentOf(type));
    for (int64_t i = 0; i < count; ++i)
      values.push_back(vector::ExtractOp::create(e.b, e.loc, all, i));
    return values;
  }
  for (int64_t i = 0; i < count; ++i) {
    at.back() = e.add(indices.back(), i);
    values.push_back(memref::LoadOp::create(e.b, e.loc, extra, at));
  }
  return values;
}

SmallVector<Value> finishElements(Emitter &e, tile::EpilogueOpInterface op, ValueRange values, ValueRange indices) {
  if (op.getEpilogue().empty())
    return values;
  auto count = static_cast<int64_t>(values.size());
  Block &body = op.getEpilogue().front();
  SmallVector<SmallVector<Value>> extras;
  for (unsigned i = 0; i < op.getExtras().size(); ++i)
    extras.push_back(loadExtra(e, op, i, indices, count));
  SmallVector<Value> results;
  for (auto [i, value] : llvm::enumerate(values)) {
    IRMapping mapping;
    mapping.map(body.getArgument(0), value);
    for (auto [number, extra] : llvm::enumerate(extras))
      mapping.map(body.getArgument(1 + number), extra[i]);
    for (Operation &inner : body.without_terminator())
      e.b.clone(inner, mapping);
    results.push_back(mapping.lookupOrDefault(body.getTerminator()->getOperand(0)));
  }
  return results;
}

void storeElements(Emitter &e, tile::EpilogueOpInterface op, ValueRange values, ValueRange indices) {
  SmallVector<Value> results = finishElements(e, op, values, indices);
  if (results.size() == 1) {
    memref::StoreOp::create(e.b, e.loc, results.front(), op.getInit(), indices);
    return;
  }
  auto type = VectorType::get(static_cast<int64_t>(results.size()), results.front().getType());
  Value all = vector::FromElementsOp::create(e.b, e.loc, type, results);
  vector::StoreOp::create(e.b, e.loc, all, op.getInit(), indices, /*nontemporal=*/false, alignmentOf(type));
}

namespace {

/// A square of the two dims that are innermost in the input and in the output: read in rows of
/// the one, written in rows of the other.
class SquareTranspose {
public:
  SquareTranspose(Emitter &e, tile::TransposeOp op, int64_t threads)
      : e(e), op(op), permutation(op.getPermutation()), rank(static_cast<int64_t>(permutation.size())),
        movedAt(llvm::find(permutation, rank - 1) - permutation.begin()), side(op.getTiling().getLanes()),
        threads(threads) {}

  void emit() {
    SmallVector<TaskDim> dims;
    for (int64_t dim = 0; dim < rank; ++dim)
      dims.push_back({e.dim(op.getInit(), dim), dim == movedAt || dim == rank - 1 ? side : 1});
    e.tasks(dims, [&](ArrayRef<IndexRange> ranges) {
      thread = arith::IndexCastOp::create(e.b, e.loc, e.b.getIndexType(),
                                          NVVM::ThreadIdXOp::create(e.b, e.loc, e.b.getI32Type()));
      Value square = createSquare();
      forEach(ranges.back(), ranges[movedAt], [&](Value row, Value column) {
        SmallVector<Value> output = at(ranges, column, row), input(rank);
        for (auto [dim, index] : llvm::enumerate(output))
          input[permutation[dim]] = index;
        Value loaded = memref::LoadOp::create(e.b, e.loc, op.getInput(), input);
        memref::StoreOp::create(e.b, e.loc, loaded, square, ValueRange{row, column});
      });
      NVVM::Barrier0Op::create(e.b, e.loc);
      forEach(ranges[movedAt], ranges.back(), [&](Value row, Value column) {
        Value loaded = memref::LoadOp::create(e.b, e.loc, square, ValueRange{column, row});
        storeElements(e, cast<tile::EpilogueOpInterface>(op.getOperation()), loaded, at(ranges, row, column));
      });
      // The next task has the square from here on.
      NVVM::Barrier0Op::create(e.b, e.loc);
    });
  }

private:
  /// Rows are a bank longer than they need be, so that a column is in different banks.
  Value createSquare() {
    constexpr int64_t bankBytes = 4;
    Type element = cast<MemRefType>(op.getInput().getType()).getElementType();
    int64_t bytes = llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
    int64_t pitch = side + std::max<int64_t>(bankBytes / bytes, 1);
    return kernel::BlockMemoryOp::create(e.b, e.loc, MemRefType::get({side, pitch}, element));
  }

  /// The indices of the output, of which `moved` and `inner` are in the square.
  SmallVector<Value> at(ArrayRef<IndexRange> ranges, Value moved, Value inner) {
    SmallVector<Value> indices;
    for (auto [dim, range] : llvm::enumerate(ranges)) {
      auto number = static_cast<int64_t>(dim);
      bool isFixed = number != movedAt && number != rank - 1;
      indices.push_back(isFixed ? range.begin : e.add(range.begin, number == movedAt ? moved : inner));
    }
    return indices;
  }

  /// Calls `body` for each element that is there, those of a row by neighbouring threads.
  void forEach(IndexRange rows, IndexRange columns, llvm::function_ref<void(Value row, Value column)> body) {
    Value rowCount = e.sub(rows.end, rows.begin), columnCount = e.sub(columns.end, columns.begin);
    e.loop({e.index(0), e.index(side * side)}, threads, [&](Value first) {
      Value number = e.add(first, thread), row = e.floorDiv(number, side), column = e.rem(number, side);
      e.ifLess(row, rowCount, [&] { e.ifLess(column, columnCount, [&] { body(row, column); }); });
    });
  }

  Emitter &e;
  tile::TransposeOp op;
  ArrayRef<int64_t> permutation;
  int64_t rank, movedAt, side, threads;
  Value thread;
};

} // namespace

void emitTranspose(Emitter &e, tile::TransposeOp op, int64_t threads) { SquareTranspose(e, op, threads).emit(); }

} // namespace lathe
