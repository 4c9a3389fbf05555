// lib/Conversion/GraphToHost/MemoryPlan.h: which temporaries share memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_GRAPHTOHOST_MEMORYPLAN_H
#define LATHE_CONVERSION_GRAPHTOHOST_MEMORYPLAN_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"

namespace lathe {

/// A temporary: it is written in step `first` and last read in step `last`.
struct Temporary {
  mlir::AffineExpr bytes; ///< An expression of symbols.
  unsigned first, last;
  unsigned space = 0; ///< Temporaries of different spaces never share memory.
};

/// A part of the workspace. Its size is the largest of `sizes`.
struct Slot {
  llvm::SmallVector<mlir::AffineExpr> sizes;
};

/// Where each temporary is. Temporaries that live at the same time never share
/// memory.
struct MemoryPlan {
  /// In bytes, of temporaries whose size is a constant.
  llvm::SmallVector<int64_t> offsets;
  /// What these need together, in whole lines.
  int64_t staticBytes = 0;
  /// Behind them, one after the other, those whose sizes are computed.
  llvm::SmallVector<Slot> slots;
  /// The slot of each temporary that is in one, else -1.
  llvm::SmallVector<int> slotOf;
  /// Whether there is a temporary, which may have no bytes.
  bool isNeeded = false;

  /// In the program that is written: where each slot starts, and what all need.
  llvm::SmallVector<mlir::Value> slotOffsets;
  mlir::Value totalBytes;
};

/// Plans the temporaries of one space; of others, nothing is said. Those of constant sizes take the smallest gap that
/// fits (greedy by size, as in Pisarchyk and Lee, arXiv:2001.03288); the others the slot whose size fits best when
/// every symbol is assumed to be 64.
MemoryPlan planMemory(llvm::ArrayRef<Temporary> temporaries, unsigned space);

} // namespace lathe

#endif // LATHE_CONVERSION_GRAPHTOHOST_MEMORYPLAN_H
