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

/// On an argument of a kernel: the attributes of the `kernel.pack` that gives it
/// its type. `pack-constants` makes these ops at the calls.
inline constexpr llvm::StringLiteral packingAttrName = "kernel.packing";

/// The attributes of `kernel.pack`; a step of 1 stands for none.
struct Packing {
  int64_t tiled;
  llvm::SmallVector<int64_t> order;
  int64_t tile;
  int64_t step = 1;
  int64_t run = 1;
  int64_t winograd = 0; ///< 0 for none. Only what is packed beforehand can be transformed.
  int64_t bits = 0;     ///< 0 for all of an element. The same holds for what shares bytes.
  /// Of f32: factors of what is summed, and not terms, among which denormal numbers do not show.
  bool keepsDenormals = false;
};

/// `weights`, an operand of the root of `kernel`, packed. An argument for which
/// all callers give a constant, and that has no other use, becomes a packed one,
/// which is noted at it; any other operand is packed in the kernel, at `builder`.
/// Touches nothing but the kernel.
mlir::Value packWeights(mlir::OpBuilder &builder, kernel::FuncOp kernel, mlir::Value weights, const Packing &packing);

/// `constant`, packed as an argument with the note `packing` wants it.
mlir::Value pack(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value constant, mlir::Type packed,
                 mlir::DictionaryAttr packing);

/// `tensor` with the dims of each group in one.
mlir::Value collapseDims(mlir::OpBuilder &builder, mlir::Value tensor,
                         llvm::ArrayRef<llvm::SmallVector<int64_t, 2>> groups);

} // namespace lathe

#endif // LATHE_LIB_STRATEGIES_PACKWEIGHTS_H
