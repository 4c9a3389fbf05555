// include/lathe/Conversion/TileToThreads.h: from tile ops on memrefs to tasks for blocks of threads of a GPU.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_CONVERSION_TILETOTHREADS_H
#define LATHE_CONVERSION_TILETOTHREADS_H

#include "dialects/Kernel/Kernel.h"
#include "mlir/Pass/Pass.h"
#include <memory>

namespace lathe {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lathe/Conversion/TileToThreads.h.inc"

} // namespace lathe

#endif // LATHE_CONVERSION_TILETOTHREADS_H
