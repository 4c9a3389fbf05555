// lib/Conversion/TileToVector/CodePanels.h: weights that lie in memory as codes of few bits.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_LIB_CONVERSION_TILETOVECTOR_CODEPANELS_H
#define LATHE_LIB_CONVERSION_TILETOVECTOR_CODEPANELS_H

#include "DotEmitter.h"

namespace lathe {

/// The right-hand side of a `tile.contract` with scales. A weight is `(code - zero) * scale`, two exact operations
/// and one rounding, as everywhere; where they happen is the choice of the product.
class CodePanels {
public:
  /// `codes` is `[panel][step][column]`.
  CodePanels(tile::ContractOp op, mlir::Value codes, const DotEmitter &dot);

  /// Codes of a column that share a scale, and how many such blocks there are.
  int64_t size() const { return codesOfBlock; }
  int64_t count() const { return blocks; }

  /// What the codes of a block share, a vector for each vector of columns.
  struct Block {
    llvm::SmallVector<mlir::Value> scales, zeros;
  };
  Block load(Emitter &e, mlir::Value panel, mlir::Value block, llvm::ArrayRef<int64_t> lanes) const;

  /// The codes of step `step` in vector `vector`, as the unit gives them: factors for `decode`.
  mlir::Value loadCodes(Emitter &e, mlir::Value panel, mlir::Value step, int64_t vector, int64_t lanes) const;

  /// What `codes`, factors of one vector of columns of `block`, stand for.
  static llvm::SmallVector<mlir::Value> decode(Emitter &e, const Block &block, int64_t vector,
                                               llvm::ArrayRef<mlir::Value> codes);

  /// Writes the weights of `panel` whose terms are in `terms`, whole blocks or a part of the only one, to the
  /// scratch memory, row by row.
  void unpack(Emitter &e, mlir::Value panel, IndexRange terms) const;

private:
  mlir::Value codes, scales, zeros, scratch;
  const DotEmitter &dot;
  int64_t lanes, vectors, codesOfBlock, blocks;
};

} // namespace lathe

#endif // LATHE_LIB_CONVERSION_TILETOVECTOR_CODEPANELS_H
