// lib/Conversion/TileToVector/Lowerings.h: one function for each tile op, for
// the pass to call.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_LIB_CONVERSION_TILETOVECTOR_LOWERINGS_H
#define LATHE_LIB_CONVERSION_TILETOVECTOR_LOWERINGS_H

#include "Emitter.h"

#include "dialects/Tile/Attention.h"

#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"

namespace lathe {

void lowerAttention(Emitter &e, tile::AttentionOp op);
void lowerContract(Emitter &e, tile::ContractOp op);
void lowerConv(Emitter &e, tile::ConvOp op);
void lowerDepthwiseConv(Emitter &e, tile::DepthwiseConvOp op);
void lowerPack(Emitter &e, tile::PackOp op);
void lowerPad(Emitter &e, tile::PadOp op);
void lowerTranspose(Emitter &e, tile::TransposeOp op);
void lowerWinogradConv(Emitter &e, tile::WinogradConvOp op);

/// A `task_rows` as the loops need it: whole register tiles.
int64_t wholeTiles(int64_t taskRows, int64_t rows);

/// What a microkernel fetches ahead: the next panel of the right-hand side,
/// once over, spread evenly over the rounds that work on the current one.
struct PanelPrefetch {
  mlir::Value panels; ///< The packed right-hand side as [panel][element].
  mlir::Value panel;  ///< The panel in use.
  int64_t lines;      ///< Cache lines to fetch in a round.

  /// Fetches the lines that belong to round `round` of the current panel.
  void emit(Emitter &e, mlir::Value round) const;
};

/// The columns of a square, given its rows, by shuffles of registers. There are as many rows as lanes, a power of
/// two, of elements of `bytesOfElement` bytes.
llvm::SmallVector<mlir::Value> transposeSquare(Emitter &e, llvm::ArrayRef<mlir::Value> rows, int64_t bytesOfElement);

/// `memref` with the dims of each group in one; null if its layout does not
/// allow it.
mlir::Value collapse(Emitter &e, mlir::Value memref, llvm::ArrayRef<mlir::ReassociationIndices> groups);

/// The groups of a memref of rank `rank` that keep the dims before `begin` and
/// from `end` on, and collapse those between.
llvm::SmallVector<mlir::ReassociationIndices> groupDims(int64_t rank, int64_t begin, int64_t end);

} // namespace lathe

#endif // LATHE_LIB_CONVERSION_TILETOVECTOR_LOWERINGS_H
