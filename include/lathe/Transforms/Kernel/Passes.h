// include/lathe/Transforms/Kernel/Passes.h: passes that make and arrange kernels.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_TRANSFORMS_KERNEL_PASSES_H
#define LATHE_TRANSFORMS_KERNEL_PASSES_H

#include "dialects/Kernel/Kernel.h"
#include "mlir/Pass/Pass.h"

namespace lathe::kernel {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lathe/Transforms/Kernel/Passes.h.inc"

} // namespace lathe::kernel

#endif // LATHE_TRANSFORMS_KERNEL_PASSES_H
