// dialects/Device/Device.h: the device dialect for C++ code.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_DEVICE_DEVICE_H
#define LATHE_DIALECTS_DEVICE_DEVICE_H

#include "dialects/Kernel/Kernel.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/Device/DeviceDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Device/DeviceAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialects/Device/DeviceOps.h.inc"

namespace lathe::device {

/// In the configuration of a strategy for blocks of threads, an integer: so many of the threads, the last ones, only
/// copy (`device.roles`).
constexpr llvm::StringLiteral copiersName = "copiers";

/// That number of `kernel`; 0 where all threads do the same.
int64_t copiersOf(kernel::FuncOp kernel);

/// What the module says of the function of a phase beyond the phase itself; null if that is nothing.
BodyOp findBody(mlir::ModuleOp module, kernel::PhaseAttr phase);

} // namespace lathe::device

#endif // LATHE_DIALECTS_DEVICE_DEVICE_H
