// lib/Conversion/HostToLLVM/KernelLaunch.h: code that runs all tasks of a compiled kernel.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_HOSTTOLLVM_KERNELLAUNCH_H
#define LATHE_CONVERSION_HOSTTOLLVM_KERNELLAUNCH_H

#include "dialects/Kernel/Kernel.h"
#include "lathe-runtime/module_abi.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

namespace lathe {

/// Builds at the insertion point of `builder`, in a function of the module that
/// returns a status. `call` is the `lathe_call *`.
class KernelLaunch {
public:
  KernelLaunch(mlir::OpBuilder &builder, mlir::Location loc, kernel::EntryOp entry, mlir::Value call,
               mlir::ValueRange sizes);

  /// Bytes of workspace that the temporaries need on the workers of the call, as
  /// an index; null if there are none.
  mlir::Value workspaceBytes();

  /// Words of the closure: the call, sizes, buffers, shared temporaries, and what a
  /// launch on a device is.
  int64_t closureWords(size_t buffers) {
    int64_t ofDevice = entry.isOnDevice() ? sizeof(lathe_launch) / sizeof(uint64_t) : 0;
    return 1 + sizes.size() + buffers + (entry.getMemoryAttr() ? 1 : 0) + ofDevice;
  }

  /// Runs the phases one after the other, and ends the function with the status
  /// of the first that fails, in which check 0 of the kernel is check `checks` of
  /// the function. `buffers` are the operands and results, `temporaries`
  /// is memory of `workspaceBytes`, null if there are none; `closure` has place
  /// for `closureWords`.
  void run(mlir::ValueRange buffers, mlir::Value temporaries, mlir::Value closure, int32_t checks = 0);

  /// The number of the kernel's first phase in the image for the device, which has
  /// those of all kernels in the order of the module.
  static int32_t deviceNumber(kernel::EntryOp entry);

  /// Ends the function with a status right here, if `failed`.
  static void returnIf(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value failed,
                       llvm::function_ref<mlir::Value()> makeStatus);

private:
  mlir::Value number(int64_t n);
  mlir::Value asInt(mlir::Value index);
  mlir::Value runOnDevice(int32_t number, mlir::Value tasks, mlir::Value scratch, mlir::Value stride,
                          mlir::Value closure, int32_t words);
  mlir::Value runOnHost(kernel::PhaseAttr phase, mlir::Value tasks, mlir::Value scratch, mlir::Value stride,
                        mlir::Value closure);
  mlir::Value tasksOf(kernel::PhaseAttr phase);
  std::pair<mlir::Value, mlir::Value> memory();

  mlir::OpBuilder &builder;
  mlir::Location loc;
  kernel::EntryOp entry;
  mlir::Value call;
  llvm::SmallVector<mlir::Value> sizes;
};

} // namespace lathe

#endif // LATHE_CONVERSION_HOSTTOLLVM_KERNELLAUNCH_H
