// lib/Codegen/GPU/Assemble.h: PTX as code for one GPU, where NVIDIA's assembler is installed.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef LATHE_LIB_CODEGEN_GPU_ASSEMBLE_H
#define LATHE_LIB_CODEGEN_GPU_ASSEMBLE_H

#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace lathe {

/// The code (a cubin) for `gpu`, such as "sm_90a", of the kernels in `ptx`; empty where no `ptxas` is
/// on the PATH, and, with a remark on `module`, where it fails.
std::string assemblePtx(mlir::ModuleOp module, llvm::StringRef gpu, llvm::StringRef ptx);

} // namespace lathe

#endif // LATHE_LIB_CODEGEN_GPU_ASSEMBLE_H
