// lib/Conversion/KernelToLLVM/DeviceEntry.h: how threads of a GPU share the tasks of a phase.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_KERNELTOLLVM_DEVICEENTRY_H
#define LATHE_CONVERSION_KERNELTOLLVM_DEVICEENTRY_H

#include "dialects/Kernel/Kernel.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe {

/// What the body of a phase takes and does.
struct DeviceBody {
  unsigned maps; ///< How many tensor maps it takes.
  bool failing;  ///< It takes the place where checks note what failed.
  bool staying;  ///< It takes all tasks of the block by itself: from the first one on, those of each `nctaid.x`-th.
};

/// The function `name` for a GPU that runs `body`, a phase of `kernel`, which takes
/// a range of tasks, the sizes, the buffers, the temporaries, and what `is` says.
mlir::func::FuncOp createDeviceEntry(kernel::FuncOp kernel, mlir::func::FuncOp body, llvm::StringRef name,
                                     const DeviceBody &is);

/// A register of the thread as an i64: "tid.x" and the like.
mlir::Value readRegister(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef name);

} // namespace lathe

#endif // LATHE_CONVERSION_KERNELTOLLVM_DEVICEENTRY_H
