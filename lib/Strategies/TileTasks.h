// lib/Strategies/TileTasks.h: tasks that each compute a tile of a result, and what that takes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_STRATEGIES_TILETASKS_H
#define LATHE_STRATEGIES_TILETASKS_H

#include "dialects/Kernel/Kernel.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"

namespace lathe {

/// The loops of `op` over which it, or something that it is computed from, is reduced.
llvm::SmallVector<bool> findReduced(kernel::FuncOp kernel, mlir::linalg::LinalgOp op);

/// Tile sizes that leave whole rows: 1 for each loop but the last and those
/// over which something that `op` is computed from is reduced. All zero where
/// nothing is reduced.
llvm::SmallVector<mlir::OpFoldResult> rowTiles(kernel::FuncOp kernel, mlir::linalg::LinalgOp op,
                                               mlir::OpBuilder &builder);

/// Tiles `op` and computes what it reads tile by tile; the op inside, or null
/// where that is not possible.
mlir::linalg::LinalgOp tileAndFuse(kernel::FuncOp kernel, mlir::linalg::LinalgOp op,
                                   llvm::ArrayRef<mlir::OpFoldResult> tiles,
                                   mlir::scf::SCFTilingOptions::LoopType loops);

/// The op that computes `result`, which may be another view of what it computes.
mlir::linalg::LinalgOp findLast(mlir::Value result);

} // namespace lathe

#endif // LATHE_STRATEGIES_TILETASKS_H
