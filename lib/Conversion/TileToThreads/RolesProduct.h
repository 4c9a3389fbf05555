// lib/Conversion/TileToThreads/RolesProduct.h: a product whose factors some threads copy by tensor maps for others.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_CONVERSION_TILETOTHREADS_ROLESPRODUCT_H
#define LATHE_LIB_CONVERSION_TILETOTHREADS_ROLESPRODUCT_H

#include "Product.h"

namespace lathe {

/// A factor as a tensor of rank 3, `[batch, outer, inner]`, of which the hardware copies boxes.
struct Boxes {
  mlir::Value memref;
  llvm::SmallVector<mlir::Value> sizes;   ///< The innermost first.
  llvm::SmallVector<mlir::Value> pitches; ///< In bytes, multiples of 16; without the innermost.
};

/// Which tile is computed.
struct TileOfProduct {
  mlir::Value row, batchOfA;    ///< Where it begins in the left factor.
  mlir::Value column, batchOfB; ///< And in the right one; of rows of terms, the batch of the first step.
  mlir::Value columnOfResult, batchOfResult;
  mlir::Value steps; ///< Of the ring, the same for all tiles.
};

/// What becomes of sums that are neighbours in a row, the first of which is at a place of the tile, which may be behind
/// the ends of the output: then it does not matter.
using FinishSums = llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::ValueRange sums, const SumPlace &place)>;

/// Products of warpgroups of which the last `copiers` threads of a block only copy; `tile.threads` are the others.
class RolesProduct {
public:
  /// At a place where all tasks see what is made: tensor maps, the ring and its barriers.
  RolesProduct(Emitter &e, const DotUnit &unit, const ProductTile &tile, int64_t copiers, Boxes a, Boxes b);

  /// Lets the hardware copy results to `boxes`, too.
  void storeTo(Boxes boxes);

  /// The roles of one task. Where the sums are there, `finish` is called if the hardware copies what that makes of
  /// them, else `store`.
  void emit(const TileOfProduct &of, mlir::Type sum, StoreSums store, FinishSums finish);

private:
  /// A slot of the ring and the parity of how often it was used before.
  struct Place {
    mlir::Value slot, parity;
  };

  /// Elements of 128 bytes.
  static int64_t perPanel(const Boxes &boxes);
  int64_t panelOfB() const { return tile.terms * SlotLayout::panelBytes; }
  int64_t panelOfResult() const { return tile.rows * SlotLayout::panelBytes; }
  mlir::Value createMap(const Boxes &boxes, int64_t outer);
  mlir::Value barrierAt(Emitter &at, mlir::Value slot, bool isFull);
  void wait(mlir::Value slot, bool isFull, mlir::Value parity);
  Place placeOf(mlir::Value use);
  void copyBox(mlir::Value map, mlir::Value target, mlir::Value full, llvm::ArrayRef<mlir::Value> place);
  void emitSetup(mlir::Block *block);
  void emitCopies(mlir::Value turn, const TileOfProduct &of);
  void emitProducts(mlir::Value turn, const TileOfProduct &of, mlir::Type sum, StoreSums store, FinishSums finish);
  void storeBoxes(const TileOfProduct &of, Multiplier &multiplier, mlir::ValueRange sums, FinishSums finish);
  void meet();
  int64_t bytesOfB() const;

  Emitter &e;
  const DotUnit &unit;
  ProductTile tile;
  int64_t copiers, ofA = 0, slotBytes = 0;
  Boxes a, b, result;
  mlir::Value mapOfA, mapOfB, ring, barriers;
  mlir::Value mapOfResult, panels; ///< Null where threads store.
};

} // namespace lathe

#endif // LATHE_LIB_CONVERSION_TILETOTHREADS_ROLESPRODUCT_H
