// lib/Conversion/BufferizeKernels/KernelSizes.h: what is computed from a kernel's sizes alone.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_CONVERSION_BUFFERIZEKERNELS_KERNELSIZES_H
#define LATHE_LIB_CONVERSION_BUFFERIZEKERNELS_KERNELSIZES_H

#include "dialects/Kernel/Kernel.h"
#include "mlir/IR/IRMapping.h"

namespace lathe {

/// The size of dimension `index` of `memref`, computed from the sizes of the kernel that it is in; null if
/// it comes from something else.
mlir::Value sizeOf(mlir::OpBuilder &b, mlir::Location loc, mlir::Value memref, int64_t index);

/// A number that divides `size`, which is of type index and not negative, as far as the kernel's `ranges` tell;
/// 0 of a size that is 0.
int64_t divisorOf(mlir::Value size);

/// Replaces `memref.dim` of the kernel's arguments, of its own memory and of
/// views of them by sizes, so that nothing needs to ask a buffer.
void resolveDims(kernel::FuncOp kernel);

/// Whether `value`, of type index and in the body of `kernel`, is computed from its sizes and constants alone.
bool comesFromSizes(kernel::FuncOp kernel, mlir::Value value);

/// Computes `values`, which are of type index and in the body of `kernel`, once
/// more at the insertion point of `builder`, where `mapping` says what stands
/// for the arguments of `kernel`. Fails, and leaves dead ops behind at most, if
/// they come from memory, from a loop or from another argument.
mlir::LogicalResult cloneSizes(mlir::OpBuilder &builder, kernel::FuncOp kernel, mlir::ValueRange values,
                               mlir::IRMapping &mapping);

} // namespace lathe

#endif // LATHE_LIB_CONVERSION_BUFFERIZEKERNELS_KERNELSIZES_H
