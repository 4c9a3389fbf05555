// lib/Strategies/PackWeights.h: weights in the order in which a microkernel
// reads them, from compile time on.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef LATHE_LIB_STRATEGIES_PACKWEIGHTS_H
#define LATHE_LIB_STRATEGIES_PACKWEIGHTS_H

#include "dialects/Kernel/Kernel.h"

#include "mlir/IR/Builders.h"

namespace lathe {

/// Makes the argument of `kernel` that `weights` is, which has no other use, a
/// packed one, as `kernel.pack` describes with these attributes, and packs it
/// at every call. Returns the new argument.
mlir::Value packWeights(kernel::FuncOp kernel, mlir::Value weights, int64_t tiled, llvm::ArrayRef<int64_t> order,
                        int64_t tile);

/// `tensor` with the dims of each group in one.
mlir::Value collapseDims(mlir::OpBuilder &builder, mlir::Value tensor,
                         llvm::ArrayRef<llvm::SmallVector<int64_t, 2>> groups);

} // namespace lathe

#endif // LATHE_LIB_STRATEGIES_PACKWEIGHTS_H
