// dialects/Kernel/Views.h: marks of what only arranges elements, for which the launch program may need no kernel.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_KERNEL_VIEWS_H
#define LATHE_DIALECTS_KERNEL_VIEWS_H

#include "dialects/Kernel/Kernel.h"

namespace lathe::kernel {

/// On a group or a call whose result is its operands one after the other, in their order: the axis, an integer.
/// Whether the operands are computed in their parts of the result is decided where memory is planned.
constexpr llvm::StringLiteral concatAttrName = "kernel.concat";

/// On a group or a call whose result is a run of consecutive elements of its only operand: where the run begins, in
/// elements, as an affine map of the function's symbols that are known when it is entered. No kernel is launched.
constexpr llvm::StringLiteral viewAttrName = "kernel.view";

/// Whether the result is part of the operand.
inline bool isView(mlir::Operation *op) { return op && mlir::isa<CallOp>(op) && op->hasAttr(viewAttrName); }

} // namespace lathe::kernel

#endif // LATHE_DIALECTS_KERNEL_VIEWS_H
