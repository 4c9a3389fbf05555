// dialects/Kernel/Kernel.h: the kernel dialect for C++ code.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_KERNEL_KERNEL_H
#define LATHE_DIALECTS_KERNEL_KERNEL_H

#include "dialects/Graph/Graph.h"
#include "dialects/Host/HostBase.h"
#include "lathe/Target/Target.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

#include "dialects/Kernel/KernelDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Kernel/KernelAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialects/Kernel/KernelOps.h.inc"

namespace lathe::kernel {

/// The shape that `kernel.pack` with these attributes gives to a tensor of
/// shape `shape`.
llvm::SmallVector<int64_t> packedShape(llvm::ArrayRef<int64_t> shape, int64_t tiled, llvm::ArrayRef<int64_t> order,
                                       int64_t tile, std::optional<int64_t> step = std::nullopt,
                                       std::optional<int64_t> run = std::nullopt,
                                       std::optional<int64_t> winograd = std::nullopt,
                                       std::optional<int64_t> bits = std::nullopt);

/// The op of a group or of a kernel that decides how it is computed: the one
/// that is marked, or else the first that is neither elementwise nor a constant,
/// or else the first elementwise one; null if there is none.
mlir::Operation *findRoot(mlir::Block &body);

/// 32 hexadecimal digits that are the same for kernels that are equal but for
/// names and locations, in every model, process and run: for de-duplication, for
/// caches, and to find a kernel again. XXH3 over a description of the structure.
std::string computeKey(FuncOp kernel);

} // namespace lathe::kernel

#endif // LATHE_DIALECTS_KERNEL_KERNEL_H
