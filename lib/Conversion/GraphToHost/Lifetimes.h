// lib/Conversion/GraphToHost/Lifetimes.h: from when to when the elements of a value are needed.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_GRAPHTOHOST_LIFETIMES_H
#define LATHE_CONVERSION_GRAPHTOHOST_LIFETIMES_H

#include "dialects/Graph/Graph.h"

namespace lathe {

/// Numbers the ops of a function, those in regions too, in the order in which they
/// stand. A value that is defined outside of a loop and used in it is needed until
/// the loop ends. A reshape is the value that it reshapes, its *owner*, and a view is part of it; the result
/// of a branch or a loop may be another value, which is needed as long then.
class Lifetimes {
public:
  explicit Lifetimes(mlir::func::FuncOp func);

  unsigned begin(mlir::Operation *op) const { return steps.lookup(op).first; }
  /// The step of the last op in its regions.
  unsigned end(mlir::Operation *op) const { return steps.lookup(op).second; }
  mlir::Value ownerOf(mlir::Value value) const { return owners.lookup(value); }
  /// Whether `value` is all elements of its owner, and not a view of some.
  bool isWhole(mlir::Value value) const;
  /// The last step in which the elements of the value's owner are read.
  unsigned last(mlir::Value value) const { return lastStep.lookup(ownerOf(value)); }
  /// Whether the elements of `to` may be those of `from`, through branches and loops.
  bool mayBe(mlir::Value from, mlir::Value to) const;

private:
  void number(mlir::Block &block);
  void findUses(mlir::Value value);
  void findAliases(mlir::Operation *op);

  unsigned next = 0;
  llvm::DenseMap<mlir::Operation *, std::pair<unsigned, unsigned>> steps;
  llvm::DenseMap<mlir::Value, mlir::Value> owners;
  llvm::DenseMap<mlir::Value, unsigned> lastStep; ///< Of owners.
  llvm::SmallVector<std::pair<mlir::Value, mlir::Value>> aliases;
};

} // namespace lathe

#endif // LATHE_CONVERSION_GRAPHTOHOST_LIFETIMES_H
