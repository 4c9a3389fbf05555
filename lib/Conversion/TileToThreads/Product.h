// lib/Conversion/TileToThreads/Product.h: a tile of a matrix product, computed by a block of threads.
//
// Tiles of both factors pass through a ring of slots in the memory of the block: while
// one is multiplied, the next ones are on their way. What the factors are, a matrix or
// the windows of a convolution, only `Source` knows; what multiplies, `Multiplier`.
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_CONVERSION_TILETOTHREADS_PRODUCT_H
#define LATHE_LIB_CONVERSION_TILETOTHREADS_PRODUCT_H

#include "../TileToVector/Emitter.h"
#include "dialects/Tile/Tile.h"
#include "lathe/Target/DotUnits.h"
#include <functional>
#include <memory>

namespace lathe {

/// What the hardware copies and reads at once, and all banks of shared memory in such chunks.
inline constexpr int64_t chunkBytes = 16, bankChunks = 8;

/// The sizes of what a block computes, as the op's tiling says.
struct ProductTile {
  int64_t rows, columns; ///< Of the output.
  int64_t terms;         ///< Of the sums, in a slot.
  int64_t slots;         ///< Of the ring.
  int64_t threads;
};

/// A factor in memory, as the matrix `[outer, inner]`.
struct Source {
  mlir::Value memref;
  /// Where element (outer, inner) is.
  std::function<llvm::SmallVector<mlir::Value>(mlir::Value outer, mlir::Value inner)> indices;
  int64_t chunk; ///< Bytes that lie side by side at a multiple of that: 16, or fewer.
  mlir::Value outerEnd;
  mlir::Value innerEnd; ///< Null where all of a tile is there.
  /// How many elements an `outer` lies behind the one before, where that is always the same; else null.
  mlir::Value rowStride = {};
  /// What the hardware copies to shared memory by itself is at least so much.
  static constexpr int64_t leastAsyncBytes = 4;
  /// Whether threads have to copy it element by element.
  bool isNarrow() const { return chunk < leastAsyncBytes; }
};

/// Bytes side by side whose first is always at a multiple of as many, where rows of `memref` start every `pitches`
/// elements.
int64_t chunkOf(mlir::Value memref, llvm::SmallVector<int64_t> pitches);

/// Tells the user of operand `which` of `op`, "left factor", that the hardware cannot copy it to slots by itself.
void explainNarrow(mlir::Operation *op, const Source &source, llvm::StringRef which);

/// A factor's tile in a slot: `outer` rows of `inner` elements. What lies 16 bytes
/// apart is permuted so that the lanes of a warp read from different banks.
struct SlotLayout {
  int64_t outer, inner, elementBytes;
  int64_t shift;              ///< Rows of which 2^shift have one order.
  bool permutesPairs = false; ///< 32 bytes stay together, and change places within 128, of one row or of two.
  bool hasPanels = false;     ///< Rows of `panelBytes` lie one behind the other: what is longer is cut.
  static constexpr int64_t panelBytes = 128;
  int64_t rowBytes() const { return inner * elementBytes; }
  int64_t bytes() const { return outer * rowBytes(); }
  /// Rows after which the order of chunks starts again; nothing is said of pairs.
  int64_t period() const { return permutesPairs ? outer : std::min(rowBytes() / chunkBytes, bankChunks) << shift; }
  /// The byte of element (`row`, `column`), where `column` is the first of 16 bytes.
  mlir::Value offset(Emitter &e, mlir::Value row, mlir::Value column) const;
};

/// An element of the sums that a thread has.
struct SumPlace {
  mlir::Value row, column; ///< In the tile.
};

/// Multiplies tiles in the memory of the block.
class Multiplier {
public:
  /// What multiplies as `unit` says, or f32 and f64 where it is null, for `tile`.
  static std::unique_ptr<Multiplier> create(Emitter &e, const DotUnit *unit, mlir::Type a, mlir::Type b, mlir::Type sum,
                                            const ProductTile &tile, mlir::Value thread);
  virtual ~Multiplier() = default;
  virtual SlotLayout layoutOfA() const = 0;
  virtual SlotLayout layoutOfB() const = 0;
  /// How many sums a thread has.
  virtual int64_t sums() const = 0;
  /// Called when the copies of this thread to a slot are there, before all threads wait for each other's.
  virtual void publish(Emitter &) {}
  /// Adds the product of the tiles at `a` and `b`, addresses of shared memory, and calls `meanwhile` once, whose
  /// code is not about them, where it keeps the hardware waiting least.
  virtual llvm::SmallVector<mlir::Value> multiply(Emitter &e, mlir::Value a, mlir::Value b, mlir::ValueRange sums,
                                                  llvm::function_ref<void()> meanwhile) = 0;
  /// Where the sums are, each row's side by side and with one value as their row.
  virtual llvm::SmallVector<SumPlace> places(Emitter &e) = 0;
  /// In that list, so many sums are of neighbouring columns, the first of them at a multiple of as many.
  virtual int64_t neighbours() const = 0;
};

/// Whether what `unit`, whose instruction is `wgmma`, reads of the right factor are rows of terms, one for each column.
/// Then a step is all terms of a slot.
inline bool hasTermsInside(const DotUnit &unit) { return bytesOf(unit.b) == 1; }

/// What multiplies as `unit` says, whose instruction is `wgmma`.
std::unique_ptr<Multiplier> createWarpgroupMultiplier(Emitter &e, const DotUnit &unit, const ProductTile &tile,
                                                      mlir::Value thread);

/// What is done with the sums: their places, and how many neighbours there are among them.
using StoreSums = llvm::function_ref<void(mlir::ValueRange sums, llvm::ArrayRef<SumPlace> places, int64_t neighbours)>;

/// Emits the product of a tile: `a` is [row, term], `b` is [term, column], whose
/// `columnBegin` is 0 in it. Calls `store` with the sums, their places and the `neighbours` among them.
void emitProduct(Emitter &e, const ProductTile &tile, const DotUnit *unit, mlir::Type sum, const Source &a,
                 const Source &b, mlir::Value rowBegin, mlir::Value terms, StoreSums store);

/// So many bytes of the memory of the block, as an address of shared memory.
mlir::Value createBlockMemory(Emitter &e, int64_t bytes);

/// An address `bytes` behind `base`, in the space of that.
mlir::Value addressAt(Emitter &e, mlir::Value base, mlir::Value bytes);

} // namespace lathe

#endif // LATHE_LIB_CONVERSION_TILETOTHREADS_PRODUCT_H
