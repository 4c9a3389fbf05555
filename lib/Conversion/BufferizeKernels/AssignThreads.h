// lib/Conversion/BufferizeKernels/AssignThreads.h: how the threads of a block share what a task is.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_BUFFERIZEKERNELS_ASSIGNTHREADS_H
#define LATHE_CONVERSION_BUFFERIZEKERNELS_ASSIGNTHREADS_H

#include "dialects/Kernel/Kernel.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace lathe {

/// The op in its general form.
mlir::FailureOr<mlir::linalg::GenericOp> asGeneric(mlir::linalg::LinalgOp op);

/// Makes loops of all linalg ops of a kernel whose tasks are for blocks of threads:
/// the threads of a block share the elements of each op, or what it sums up, and wait
/// for each other behind it.
void assignThreads(kernel::FuncOp kernel);

} // namespace lathe

#endif // LATHE_CONVERSION_BUFFERIZEKERNELS_ASSIGNTHREADS_H
