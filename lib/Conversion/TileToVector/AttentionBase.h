// lib/Conversion/TileToVector/AttentionBase.h: what both ways to compute attention share: where elements are, and
// arithmetic on vectors.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_CONVERSION_TILETOVECTOR_ATTENTIONBASE_H
#define LATHE_LIB_CONVERSION_TILETOVECTOR_ATTENTIONBASE_H

#include "DotEmitter.h"

#include "dialects/Tile/Attention.h"

namespace lathe {

class AttentionBase {
public:
  /// What a task computes: queries from `first` to `last` of a head.
  struct Task {
    mlir::Value batch, head, sharedHead, first, last;
  };

protected:
  enum Place : unsigned { q, k, v, y };

  AttentionBase(Emitter &e, tile::AttentionOp op);

  mlir::Value memrefOf(Place place) { return place == y ? op.getInit() : op->getOperand(place); }
  mlir::Value dimOf(Place place, int64_t dim);
  /// Element `element` of row `row` of the task's head.
  ElementPlace at(Place place, mlir::Value row, mlir::Value element);
  /// `[rows][columns]` in the scratch memory, behind what was cut off before.
  mlir::Value cut(int64_t rows, int64_t columns);
  mlir::Value load(mlir::Value memref, mlir::Value row, mlir::Value column);
  void store(mlir::Value value, mlir::Value memref, mlir::Value row, mlir::Value column);

  mlir::Value splat(double number, int64_t lanes);
  mlir::Value splat(double number) { return splat(number, lanes); }
  mlir::Value broadcast(mlir::Value scalar, int64_t lanes);
  mlir::Value broadcast(mlir::Value scalar) { return broadcast(scalar, lanes); }
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);
  /// The larger one; of a NaN on the left, what is on the right.
  mlir::Value larger(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value exponential(mlir::Value a, mlir::Value b);
  /// `lanes` elements from `place` on, in f32.
  mlir::Value loadWide(const ElementPlace &place, int64_t lanes);
  /// Elements of the result, from f32.
  mlir::Value narrow(mlir::Value value);
  mlir::Type elementOf(mlir::Value memref);
  mlir::Value toWide(mlir::Value value);

  /// The element of a bias or a mask for `query` and `key`.
  llvm::SmallVector<mlir::Value> maskIndices(mlir::Value values, mlir::Value query, mlir::Value key);
  /// `score` with the op's cap.
  mlir::Value capped(mlir::Value score, int64_t lanes);
  /// Whether scores are more than products.
  bool changesScores();
  /// Keys that some query of the task sees. Keys that a finite number hides count: for a query of which a mask or a
  /// bias hides all others, too, as much as these.
  mlir::Value countKeys();
  /// What results are multiplied by: 1 by the sum of weights, or 0 where there are none.
  mlir::Value shareOf(mlir::Value sum, int64_t lanes);

  Emitter &e;
  tile::AttentionOp op;
  tile::TilingAttr tiling;
  int64_t lanes, size, width;
  mlir::Type f32;
  std::unique_ptr<DotEmitter> factors;
  mlir::Value keys;
  Task task;
  int64_t used = 0; ///< Of the scratch memory.
};

/// Up to how many queries a task has vectors over keys and elements of heads, not over queries.
inline int64_t mostQueriesInRows(int64_t lanes) { return lanes / 2; }

/// Computes the queries of `task`, `mostQueriesInRows` at most.
void emitAttentionRows(Emitter &e, tile::AttentionOp op, const AttentionBase::Task &task);

} // namespace lathe

#endif // LATHE_LIB_CONVERSION_TILETOVECTOR_ATTENTIONBASE_H
