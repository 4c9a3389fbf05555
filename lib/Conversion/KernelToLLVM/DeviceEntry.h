// lib/Conversion/KernelToLLVM/DeviceEntry.h: how threads of a GPU share the tasks of a phase.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_KERNELTOLLVM_DEVICEENTRY_H
#define LATHE_CONVERSION_KERNELTOLLVM_DEVICEENTRY_H

#include "dialects/Kernel/Kernel.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe {

/// The function `name` for a GPU that runs `body`, a phase of `kernel`, which takes
/// a range of tasks, the sizes, the buffers, the temporaries and, if `fails`, the
/// place where checks note what failed.
mlir::func::FuncOp createDeviceEntry(kernel::FuncOp kernel, mlir::func::FuncOp body, llvm::StringRef name, bool fails);

} // namespace lathe

#endif // LATHE_CONVERSION_KERNELTOLLVM_DEVICEENTRY_H
