// lib/Conversion/HostToLLVM/KernelLaunch.h: code that runs all tasks of a compiled kernel.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_HOSTTOLLVM_KERNELLAUNCH_H
#define LATHE_CONVERSION_HOSTTOLLVM_KERNELLAUNCH_H

#include "dialects/Device/Device.h"
#include "lathe-runtime/module_abi.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

namespace lathe {

/// Where a launch says what it runs: of launches that follow each other, the loops are side by side, and the last
/// launch runs them all.
struct LaunchPlace {
  mlir::Value memory;  ///< The loops of all, then the closures.
  int64_t loop = 0;    ///< The number of its first loop.
  int32_t closure = 0; ///< Where its closure is, in bytes.
  bool isLast = true;
};

/// Builds at the insertion point of `builder`, in a function of the module that
/// returns a status. `call` is the `lathe_call *`.
class KernelLaunch {
public:
  KernelLaunch(mlir::OpBuilder &builder, mlir::Location loc, kernel::EntryOp entry, mlir::Value call,
               mlir::ValueRange sizes);

  /// Bytes of workspace that the temporaries need on the workers of the call, as
  /// an index; null if there are none.
  mlir::Value workspaceBytes();

  /// Words of the closure: the call, sizes, buffers, shared temporaries, the sizes and
  /// pitches of tensor maps, and what a launch on a device is.
  int64_t closureWords(size_t buffers) {
    return 1 + sizes.size() + buffers + (entry.getMemoryAttr() ? 1 : 0) + deviceWords(entry);
  }

  /// Of those, what is only for a launch on a device.
  static int64_t deviceWords(kernel::EntryOp entry) {
    return entry.isOnDevice() ? sizeof(lathe_launch) / sizeof(uint64_t) + mostExtents(entry) : 0;
  }

  /// The parallel loops that run its phases: none on a device.
  static int64_t loopsOf(kernel::EntryOp entry) {
    return entry.isOnDevice() ? 0 : static_cast<int64_t>(entry.getPhases().size());
  }
  /// Bytes in which so many loops are said.
  static int32_t bytesOfLoops(int64_t count);

  /// Runs the phases one after the other, after those of the launches before it if it is the last, and ends the
  /// function with the status of the first that fails, in which check 0 of the kernel is check `checks` of
  /// the function. `buffers` are the operands and results, `temporaries`
  /// is memory of `workspaceBytes`, null if there are none; at `place` there is room
  /// for `loopsOf` the kernel and for `closureWords`.
  void run(mlir::ValueRange buffers, mlir::Value temporaries, const LaunchPlace &place, int32_t checks = 0);

  /// The number of the kernel's first phase in the image for the device, which has
  /// those of all kernels in the order of the module.
  static int32_t deviceNumber(kernel::EntryOp entry);

  /// Ends the function with a status right here, if `failed`.
  static void returnIf(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value failed,
                       llvm::function_ref<mlir::Value()> makeStatus);

private:
  mlir::Value number(int64_t n);
  mlir::Value asInt(mlir::Value index);
  mlir::Value runOnDevice(kernel::PhaseAttr phase, int32_t number, mlir::Value tasks, mlir::Value scratch,
                          mlir::Value stride, mlir::Value closure, int32_t words);
  void fail(mlir::Value result, int32_t checks);
  mlir::Value tasksOf(kernel::PhaseAttr phase);
  /// How many words the sizes and pitches of a phase's tensor maps are, at most.
  static int64_t mostExtents(kernel::EntryOp entry);
  /// Writes those of `phase` to `closure`, from word `word` on.
  void storeExtents(kernel::PhaseAttr phase, mlir::Value closure, int32_t word);
  std::pair<mlir::Value, mlir::Value> memory();

  mlir::OpBuilder &builder;
  mlir::Location loc;
  kernel::EntryOp entry;
  mlir::Value call;
  llvm::SmallVector<mlir::Value> sizes;
};

} // namespace lathe

#endif // LATHE_CONVERSION_HOSTTOLLVM_KERNELLAUNCH_H
