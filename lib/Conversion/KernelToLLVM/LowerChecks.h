// lib/Conversion/KernelToLLVM/LowerChecks.h: checks that a kernel makes while it computes, as a part of splitting it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_KERNELTOLLVM_LOWERCHECKS_H
#define LATHE_CONVERSION_KERNELTOLLVM_LOWERCHECKS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe {

/// Whether there are `kernel.check_index` ops in `op`.
bool hasChecks(mlir::Operation *op);

/// Replaces the `kernel.check_index` ops of `body`, whose arguments alone are
/// memory that others see. At its end, `body` notes in `call`, a pointer to the
/// `lathe_call`, what failed; its status is then `error_code` there.
void lowerChecks(mlir::func::FuncOp body, mlir::Value call);

} // namespace lathe

#endif // LATHE_CONVERSION_KERNELTOLLVM_LOWERCHECKS_H
