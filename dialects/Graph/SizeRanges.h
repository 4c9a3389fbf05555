// dialects/Graph/SizeRanges.h: what follows for expressions of sizes from what is known of symbols.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_GRAPH_SIZERANGES_H
#define LATHE_DIALECTS_GRAPH_SIZERANGES_H

#include "dialects/Graph/GraphAttrs.h"
#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/ConstantRange.h"

namespace lathe::graph {

/// The ranges of a function's symbols, and of expressions of these: intervals by
/// saturating arithmetic of 64 bits, so that what may overflow has no bound.
class SizeRanges {
public:
  SizeRanges() = default;
  explicit SizeRanges(llvm::ArrayRef<SymbolAttr> symbols);
  /// The next symbol, which is derived from earlier ones at most.
  void add(SymbolAttr symbol);
  /// Forgets all symbols but the first `count`.
  void truncate(size_t count);

  /// Whether a `range` says something of a symbol: without, all that is known
  /// follows from expressions themselves.
  bool areStated() const { return isStated; }
  /// What is known of `expr`, whose `least` may be negative.
  SizeRange of(mlir::AffineExpr expr) const;

private:
  llvm::ConstantRange interval(mlir::AffineExpr expr) const;
  int64_t divisorOf(mlir::AffineExpr expr) const;

  llvm::SmallVector<llvm::ConstantRange> intervals; ///< Of the symbols.
  llvm::SmallVector<int64_t> divisors;
  bool isStated = false;
};

} // namespace lathe::graph

#endif // LATHE_DIALECTS_GRAPH_SIZERANGES_H
