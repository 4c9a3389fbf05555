// lib/Import/ONNX/Trees.h: decision trees as tables that a row walks through
// without branches.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_IMPORT_ONNX_TREES_H
#define LATHE_LIB_IMPORT_ONNX_TREES_H

#include "Import/Core/Node.h"

namespace lathe::onnx_import {

using namespace importer;

/// What a leaf adds to a target.
struct Vote {
  int64_t target = 0;
  double weight = 0;
};

enum class TreeMode { LessOrEqual, Less, GreaterOrEqual, Greater, Equal, NotEqual, Member };

struct Branch {
  TreeMode mode = TreeMode::LessOrEqual;
  int64_t feature = 0;
  double split = 0;
  llvm::SmallVector<double> members; ///< Of TreeMode::Member.
  bool missingIsTrue = false;        ///< Where a value that is no number goes.
  /// Branches from 0 on, and leaves from -1 down.
  int64_t whenTrue = -1, whenFalse = -1;
};

enum class Aggregate { Sum, Average, Min, Max };

/// An ensemble of trees. Children come from files: `check` says whether they are
/// trees.
struct Trees {
  llvm::SmallVector<Branch, 0> branches;
  llvm::SmallVector<llvm::SmallVector<Vote, 1>, 0> leaves;
  llvm::SmallVector<int64_t> roots; ///< Branches, or leaves as above.
  int64_t targets = 1;
  Aggregate aggregate = Aggregate::Sum;

  /// Reports what is out of range, and trees that come back to themselves. Then no
  /// tree is deeper than the returned number of branches; nothing after an error.
  std::optional<int64_t> check(Node &node) const;
};

/// What the trees make of the rows `x`, [rows, features] of f32 or f64: [rows, targets] of
/// the same type.
Value evaluateTrees(Node &node, Trees trees, Value x);

} // namespace lathe::onnx_import

#endif // LATHE_LIB_IMPORT_ONNX_TREES_H
