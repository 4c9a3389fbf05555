// dialects/Kernel/Kernel.h: the kernel dialect for C++ code.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_DIALECTS_KERNEL_KERNEL_H
#define LATHE_DIALECTS_KERNEL_KERNEL_H

#include "dialects/Graph/Graph.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

#include "dialects/Kernel/KernelDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Kernel/KernelAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialects/Kernel/KernelOps.h.inc"

#endif // LATHE_DIALECTS_KERNEL_KERNEL_H
