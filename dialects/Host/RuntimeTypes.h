// dialects/Host/RuntimeTypes.h: the numbers that the module ABI gives element types.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_HOST_RUNTIMETYPES_H
#define LATHE_DIALECTS_HOST_RUNTIMETYPES_H

#include "lathe-runtime/module_abi.h"
#include "mlir/IR/Types.h"

namespace lathe::host {

/// The `lathe_dtype` of an element type; LATHE_DTYPE_INVALID where there is none.
lathe_dtype getRuntimeType(mlir::Type element);

} // namespace lathe::host

#endif // LATHE_DIALECTS_HOST_RUNTIMETYPES_H
