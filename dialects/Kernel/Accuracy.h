// dialects/Kernel/Accuracy.h: what a module allows beyond the standard accuracy.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_KERNEL_ACCURACY_H
#define LATHE_DIALECTS_KERNEL_ACCURACY_H

#include "mlir/IR/BuiltinOps.h"

namespace lathe::kernel {

/// Of a module, and of the products and convolutions that `form-groups` finds in it: factors of
/// f32 may be rounded to the 11 bits that tensor cores multiply.
inline constexpr llvm::StringLiteral tf32AttrName = "kernel.tf32";

/// Of a module: its products with constant weights multiply bf16 (`graph-multiply-in-bf16`).
inline constexpr llvm::StringLiteral bf16AttrName = "kernel.bf16";

/// Whether the module around `op` has the mark `name`.
inline bool isMarked(mlir::Operation *op, llvm::StringRef name) {
  auto module = op->getParentOfType<mlir::ModuleOp>();
  return module && module->hasAttr(name);
}

} // namespace lathe::kernel

#endif // LATHE_DIALECTS_KERNEL_ACCURACY_H
