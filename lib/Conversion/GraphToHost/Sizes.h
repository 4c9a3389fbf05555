// lib/Conversion/GraphToHost/Sizes.h: expressions of symbols as numbers of a host program.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_GRAPHTOHOST_SIZES_H
#define LATHE_CONVERSION_GRAPHTOHOST_SIZES_H

#include "dialects/Graph/Graph.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/BitVector.h"

namespace lathe {

/// Computes each expression once in each scope. Nothing wraps, and nothing traps:
/// a product that overflows is the largest number, and a quotient by zero is 0;
/// what that makes of a size is found by a check.
class Sizes {
public:
  Sizes(mlir::OpBuilder &builder, llvm::ArrayRef<graph::SymbolAttr> symbols);

  /// Values that are computed while it is there are forgotten when it goes: they
  /// belong to a region.
  class Scope {
  public:
    explicit Scope(Sizes &sizes) : sizes(sizes) { sizes.scopes.emplace_back(); }
    ~Scope() { sizes.scopes.pop_back(); }

  private:
    Sizes &sizes;
  };

  void define(unsigned symbol, mlir::Value value);
  bool isDefined(mlir::AffineExpr symbol) const { return !!find(symbol); }
  /// Whether all inner symbols that `expr` needs are defined here.
  bool isKnown(mlir::AffineExpr expr) const;
  /// Whether it needs none, so that it is known when the function is entered.
  bool isKnownAtEntry(mlir::AffineExpr expr) const;
  /// The value of `expr`, which is known here.
  mlir::Value get(mlir::Location loc, mlir::AffineExpr expr);
  mlir::Value get(mlir::Location loc, int64_t number);
  /// True if something asked for what is not known: the program is not right.
  bool hasFailed() const { return failed; }

private:
  mlir::Value find(mlir::AffineExpr expr) const;
  llvm::BitVector innerOf(mlir::AffineExpr expr) const;
  mlir::Value compute(mlir::Location loc, mlir::AffineExpr expr);
  mlir::Value floorDivide(mlir::Location loc, mlir::Value a, mlir::AffineExpr divisor);

  mlir::OpBuilder &builder;
  llvm::ArrayRef<graph::SymbolAttr> symbols;
  llvm::SmallVector<llvm::DenseMap<mlir::AffineExpr, mlir::Value>> scopes;
  llvm::SmallVector<llvm::BitVector> inner; ///< What each symbol needs, itself or through `min` and `max`.
  bool failed = false;
};

} // namespace lathe

#endif // LATHE_CONVERSION_GRAPHTOHOST_SIZES_H
