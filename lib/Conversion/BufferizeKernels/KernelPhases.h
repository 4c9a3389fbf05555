// lib/Conversion/BufferizeKernels/KernelPhases.h: what of a kernel may run at the same time, and what must wait.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_CONVERSION_BUFFERIZEKERNELS_KERNELPHASES_H
#define LATHE_LIB_CONVERSION_BUFFERIZEKERNELS_KERNELPHASES_H

#include "dialects/Kernel/Kernel.h"

namespace lathe {

/// What runs between two barriers: one parallel loop, or what is left between
/// such loops, which is one task.
struct KernelPhase {
  /// An `scf.forall`, or a tile op that will be one; null for a phase of one task.
  mlir::Operation *tasks = nullptr;
  /// The ops at the top of the kernel that belong to this phase alone: those that
  /// write memory which others see. In their order; `tasks` is the only one if it
  /// is there.
  llvm::SmallVector<mlir::Operation *> ops;
};

/// The phases of a kernel on memrefs, in order; all others ops are cheap, and
/// each phase may do them again: arithmetic on sizes, views, reads, and writes to
/// the stack. One phase without `tasks` where that does not hold, as when a
/// phase overwrites what such a read has seen.
llvm::SmallVector<KernelPhase> findPhases(kernel::FuncOp kernel);

/// The memory that `value` is a view of: an argument, or the result of an
/// allocation.
mlir::Value memoryOf(mlir::Value value);

/// The memory that `op` and the ops in it read or write, without what is
/// allocated in it.
llvm::SetVector<mlir::Value> accessedMemory(mlir::Operation *op);

} // namespace lathe

#endif // LATHE_LIB_CONVERSION_BUFFERIZEKERNELS_KERNELPHASES_H
