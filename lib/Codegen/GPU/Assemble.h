// lib/Codegen/GPU/Assemble.h: PTX as code for one GPU, where NVIDIA's assembler is installed.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_CODEGEN_GPU_ASSEMBLE_H
#define LATHE_LIB_CODEGEN_GPU_ASSEMBLE_H

#include "lathe/Codegen/Codegen.h"

namespace lathe {

/// Adds to `device` the code (a cubin) for `gpu`, such as "sm_90a", of the kernels in its text, and what the assembler
/// says of each; nothing where no `ptxas` is on the PATH, and, with a remark on `module`, where it fails.
void assemble(mlir::ModuleOp module, llvm::StringRef gpu, DeviceCode &device);

} // namespace lathe

#endif // LATHE_LIB_CODEGEN_GPU_ASSEMBLE_H
