// lib/Strategies/FuseEpilogue.h: the elementwise ops after a root become the
// epilogue of the tile op that takes its place.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_LIB_STRATEGIES_FUSEEPILOGUE_H
#define LATHE_LIB_STRATEGIES_FUSEEPILOGUE_H

#include "dialects/Kernel/Kernel.h"
#include "dialects/Tile/Tile.h"
#include "lathe/Strategies/Strategy.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

namespace lathe {

/// Finds the ops that can follow the sums in registers, and moves them.
class EpilogueFusion {
public:
  /// Looks at what follows `root`, an op with one result, in its block. Where
  /// `tiling` sums in blocks, the output holds the sums on the way, so that it
  /// must be of their type.
  EpilogueFusion(mlir::Operation *root, tile::TilingAttr tiling);

  /// Where the tile op belongs: after all that it reads.
  mlir::OpBuilder insertionPoint() const;
  /// Operands of the tile op besides those of the root, and their maps.
  mlir::ValueRange getExtras() const { return extras; }
  mlir::ArrayAttr getExtraMaps() const;
  /// The destination; built from `kernel`'s sizes where nothing gives one.
  mlir::Value createInit(mlir::OpBuilder &builder, kernel::FuncOp kernel);

  /// Fills the epilogue of `op`, built with the above, replaces the last value
  /// of the chain by its result and erases the chain and the root. Returns the
  /// number of ops that it took in.
  unsigned finish(tile::EpilogueOpInterface op);

private:
  bool canAdd(mlir::Operation *op) const;
  /// The ops that only `op`, which can be added, reads, and that read nothing of the chain: what a tensor of few bytes
  /// stands for.
  llvm::SmallVector<mlir::Operation *> findLeaves(mlir::Operation *op) const;
  bool isInChain(mlir::Value value) const { return llvm::is_contained(values, value); }
  unsigned addExtra(mlir::Value value, mlir::AffineMap map);
  void cutToOneResult(bool keepsType);
  void push(mlir::Operation *op);

  mlir::Operation *root;
  llvm::SmallVector<mlir::Operation *> chain;     ///< Each behind what it reads.
  llvm::SmallVector<mlir::Value> values;          ///< The root's result and theirs.
  llvm::SmallPtrSet<mlir::Operation *, 4> leaves; ///< Of the chain, those that do not follow from the root.
  llvm::SmallVector<mlir::Value> extras;
  llvm::SmallVector<mlir::AffineMap> maps;
};

/// Whether the lowering of `op`, an elementwise graph op on values of the shape
/// of `problem.root`, can stand in an epilogue (`Strategy::accepts`).
bool acceptsInEpilogue(const Problem &problem, mlir::Operation *op);

/// The sizes of the root's result by the kernel's sizes, which plain types do
/// not tell: an attribute of roots that a strategy keeps.
inline constexpr llvm::StringLiteral rootDimsAttrName = "kernel.dims";

/// An uninitialized tensor of the type of `root`'s result.
mlir::Value emptyResult(mlir::OpBuilder &builder, kernel::FuncOp kernel, mlir::Operation *root);

} // namespace lathe

#endif // LATHE_LIB_STRATEGIES_FUSEEPILOGUE_H
