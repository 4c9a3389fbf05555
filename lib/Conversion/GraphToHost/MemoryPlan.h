// lib/Conversion/GraphToHost/MemoryPlan.h: which temporaries share memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_GRAPHTOHOST_MEMORYPLAN_H
#define LATHE_CONVERSION_GRAPHTOHOST_MEMORYPLAN_H

#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/SmallVector.h"

namespace lathe {

/// A temporary: it is written in step `first` and last read in step `last`.
struct Temporary {
  mlir::AffineExpr bytes; ///< An expression of symbols.
  unsigned first, last;
};

/// A part of the workspace. Its size is the largest of `sizes`.
struct Slot {
  llvm::SmallVector<mlir::AffineExpr> sizes;
};

/// Slots one after the other, and the slot of every temporary. Temporaries
/// that live at the same time never share a slot.
struct MemoryPlan {
  llvm::SmallVector<Slot> slots;
  llvm::SmallVector<unsigned> slotOf;
  /// Offsets in bytes when all sizes are constants; `slots` is empty then.
  llvm::SmallVector<int64_t> offsets;
  int64_t staticBytes = 0;
};

/// Plans temporaries, given in the order of `first`. With constant sizes each
/// takes the smallest gap that fits (greedy by size, as in Pisarchyk and Lee,
/// arXiv:2001.03288); else the slot whose size fits best when every symbol is
/// assumed to be 64.
MemoryPlan planMemory(llvm::ArrayRef<Temporary> temporaries);

} // namespace lathe

#endif // LATHE_CONVERSION_GRAPHTOHOST_MEMORYPLAN_H
