// lib/Conversion/HostToLLVM/CallHelpers.h: functions that launch programs and kernels share, made once in a module.
//
// Each finds its function in the module, or makes it; both are private, and are
// inlined where that pays.
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_HOSTTOLLVM_CALLHELPERS_H
#define LATHE_CONVERSION_HOSTTOLLVM_CALLHELPERS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// `@lathe.fail(call: ptr, status: i32, a: i64, b: i64)`: notes that the call
/// failed, in `error_code` and `error_values`, unless it did already. For tasks,
/// which may fail at the same time; each then returns the `error_code`.
mlir::func::FuncOp failHelper(mlir::ModuleOp module);

/// `@lathe.poll(call: ptr, check: i32) -> i32`: to be called in each turn of a
/// loop of the model. Counts the turn; returns 0, or the status with which the
/// function has to end: LATHE_TASK_CANCELLED, or LATHE_TASK_LIMIT with `check` + 1
/// as `error_code`. The first value of the check's message is the limit.
mlir::func::FuncOp pollHelper(mlir::ModuleOp module);

} // namespace lathe

#endif // LATHE_CONVERSION_HOSTTOLLVM_CALLHELPERS_H
