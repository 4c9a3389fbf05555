// lib/Conversion/TileToVector/Emitter.h: short words for the index arithmetic
// and the loop shapes that all tile ops share.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_LIB_CONVERSION_TILETOVECTOR_EMITTER_H
#define LATHE_LIB_CONVERSION_TILETOVECTOR_EMITTER_H

#include "dialects/Tile/Tile.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"

#include <optional>

namespace lathe {

/// A half-open range of indices.
struct IndexRange {
  mlir::Value begin, end;
};

/// One dimension of a task grid: `size` things, `chunk` of them a task. A chunk
/// of 0 puts all of them into one task.
struct TaskDim {
  mlir::Value size;
  int64_t chunk;
};

/// What becomes of rows that are no sum of whole register tiles and of such with a row less, when their number
/// is known only at run time.
enum class DynamicTail {
  MoveBack, ///< Smaller tiles follow, of which the last starts earlier and computes some rows again.
  Shrink,   ///< Smaller tiles follow. For tiles that update rows in place.
};

/// Builds ops at one place for one location; all arithmetic is on `index` and
/// folds where its operands are constants.
class Emitter {
public:
  Emitter(mlir::OpBuilder &builder, mlir::Location loc)
      : b(builder), loc(loc), constants(builder.getInsertionBlock()) {}

  mlir::OpBuilder &b;
  mlir::Location loc;

  mlir::Value index(int64_t value);
  mlir::Value add(mlir::Value lhs, mlir::Value rhs);
  mlir::Value add(mlir::Value lhs, int64_t rhs) { return add(lhs, index(rhs)); }
  mlir::Value sub(mlir::Value lhs, mlir::Value rhs);
  mlir::Value sub(mlir::Value lhs, int64_t rhs) { return sub(lhs, index(rhs)); }
  mlir::Value mul(mlir::Value lhs, mlir::Value rhs);
  mlir::Value mul(mlir::Value lhs, int64_t rhs) { return mul(lhs, index(rhs)); }
  mlir::Value floorDiv(mlir::Value lhs, int64_t rhs);
  mlir::Value floorDiv(mlir::Value lhs, mlir::Value rhs);
  mlir::Value ceilDiv(mlir::Value lhs, int64_t rhs);
  mlir::Value rem(mlir::Value lhs, int64_t rhs);
  mlir::Value rem(mlir::Value lhs, mlir::Value rhs);
  mlir::Value min(mlir::Value lhs, mlir::Value rhs);
  /// `index` as an i64.
  mlir::Value toInteger(mlir::Value index);
  /// The size of dim `dim` of a memref.
  mlir::Value dim(mlir::Value memref, int64_t dim);
  /// The indices of element `linear` of a row-major grid of `sizes`.
  llvm::SmallVector<mlir::Value> delinearize(mlir::Value linear, llvm::ArrayRef<mlir::Value> sizes);
  /// Memory of the function's own on the stack, the same for each call with one
  /// type.
  mlir::Value stack(mlir::MemRefType type);
  /// A vector of `lanes` zeros.
  mlir::Value zeros(mlir::Type element, int64_t lanes);

  using LoopBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)>;
  /// A loop from `range.begin` to `range.end`, with values that `body` takes
  /// and returns. A loop that runs once, as far as is known, is left out.
  llvm::SmallVector<mlir::Value> loop(IndexRange range, int64_t step, mlir::ValueRange inits, LoopBody body);
  void loop(IndexRange range, int64_t step, llvm::function_ref<void(mlir::Value)> body);

  /// Calls `body` under the condition that `lhs < rhs`.
  void ifLess(mlir::Value lhs, mlir::Value rhs, llvm::function_ref<void()> then,
              llvm::function_ref<void()> otherwise = nullptr);

  /// The grid of tasks, as one `scf.forall`.
  void tasks(llvm::ArrayRef<TaskDim> dims, llvm::function_ref<void(llvm::ArrayRef<IndexRange>)> body);

  /// Covers the rows in `range`, a part of [0, `total`), with calls of `body`
  /// for `count` rows from `row` on, where `count` is `rows` or smaller. If
  /// `total` is static, or known to be a multiple of `rows`, `range.begin` must be
  /// one.
  void rowTiles(IndexRange range, mlir::Value total, int64_t rows, DynamicTail tail,
                llvm::function_ref<void(mlir::Value row, int64_t count)> body);

private:
  /// `rowTiles` of a number of rows that only the run knows.
  void dynamicRowTiles(IndexRange range, int64_t rows, DynamicTail tail,
                       llvm::function_ref<void(mlir::Value row, int64_t count)> body);

  /// Constants made so far, by value, at the start of the block that all other
  /// ops are in: written out wherever they are used, they would be most of the
  /// code.
  struct ConstantPool {
    explicit ConstantPool(mlir::Block *block) : block(block) {}
    mlir::Block *block;
    llvm::DenseMap<int64_t, mlir::Value> values;
  };
  ConstantPool constants;
  llvm::DenseMap<mlir::Type, mlir::Value> stackMemory;
};

/// The value of `value` if it is a constant.
std::optional<int64_t> constantIndex(mlir::Value value);

} // namespace lathe

#endif // LATHE_LIB_CONVERSION_TILETOVECTOR_EMITTER_H
