/* include/lathe-runtime/cuda.h: what a program may say about NVIDIA's driver.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_CUDA_H
#define LATHE_RUNTIME_CUDA_H

#include "lathe-runtime/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Names a folder in which modules that this thread loads from now on find the code that
 * the driver made of their PTX, and keep it: the driver compiles PTX when it is loaded,
 * which takes seconds for a large model. An entry is for one text, one version of the driver and one
 * kind of GPU, and is a file that ends with `.kernel`, which anybody may delete at any
 * time. What cannot be read or written is compiled again, without an error. The folder
 * is made where its parent is there, and is to be trusted as programs are. NULL or "": nothing is kept, the
 * initial setting. LATHE_INVALID_ARGUMENT for a path of more than 767 bytes. */
LATHE_RUNTIME_API lathe_status lathe_cuda_keep_code(const char *folder);

#ifdef __cplusplus
}
#endif

#endif /* LATHE_RUNTIME_CUDA_H */
