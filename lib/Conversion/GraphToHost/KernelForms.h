// lib/Conversion/GraphToHost/KernelForms.h: kernels that are called in several ways, by the functions of a module.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_GRAPHTOHOST_KERNELFORMS_H
#define LATHE_CONVERSION_GRAPHTOHOST_KERNELFORMS_H

#include "dialects/Host/Host.h"
#include "dialects/Kernel/Kernel.h"
#include "llvm/ADT/MapVector.h"

namespace lathe {

/// A concatenation whose operands are computed in their parts of it.
struct Joined {
  llvm::SmallVector<mlir::Value> parts;                               ///< Owners that are in its memory.
  llvm::SmallVector<std::pair<mlir::Value, mlir::AffineExpr>> copies; ///< Operands that are copied, and to which byte.
};

/// What the conversions of all functions of a module have decided about calls. Functions
/// share kernels, so a kernel is changed, copied or dropped by what all of them say.
class KernelForms {
public:
  explicit KernelForms(mlir::ModuleOp module) : module(module) {}

  /// Kernels whose calls want strides store with them; a second one is made where others do not.
  void callStrided();
  /// The same for calls that compute in the memory of an operand.
  void callInPlace();
  /// Removes kernels that nothing launches, as their calls are views or joined.
  void eraseUnused();

  llvm::MapVector<mlir::Operation *, unsigned> inplace;            ///< Calls, and the operand whose memory they take.
  llvm::MapVector<mlir::Operation *, Joined> joined;               ///< Concatenations that are not launched.
  llvm::MapVector<mlir::Operation *, mlir::AffineMapAttr> strided; ///< Calls whose results have these strides.

private:
  kernel::FuncOp addSecond(kernel::FuncOp kernel, llvm::ArrayRef<kernel::CallOp> users, llvm::StringRef suffix);

  mlir::ModuleOp module;
};

} // namespace lathe

#endif // LATHE_CONVERSION_GRAPHTOHOST_KERNELFORMS_H
