/* lib/Runtime/CUDA/Maps.h: the tensor maps of launches, made by the driver and kept.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_CUDA_MAPS_H
#define LATHE_RUNTIME_CUDA_MAPS_H

#include "Device.h"
#include "lathe-runtime/tensor_maps.h"

#include <stdatomic.h>

/* As the driver's ABI has it. */
struct lathe_impl_cuda_map {
  _Alignas(64) unsigned char bytes[128];
};

/* The most maps of a kernel. */
#define LATHE_IMPL_CUDA_MOST_MAPS 4

/* Those that were made before. One is made again where the address, a size or a pitch is another. */
struct lathe_impl_cuda_kept_maps;

/* Writes the maps that `kernel` takes in `launch` to `maps`, from `*kept` or by the driver. Makes `*kept` where it is
 * NULL; several threads may call it at once. False, with a reason, if the driver makes none. */
bool lathe_impl_cuda_make_maps(const struct lathe_impl_cuda *driver, const lathe_mapped_kernel_desc *kernel,
                               const lathe_launch *launch, _Atomic(struct lathe_impl_cuda_kept_maps *) *kept,
                               struct lathe_impl_cuda_map *maps);

void lathe_impl_cuda_forget_maps(struct lathe_impl_cuda_kept_maps *kept);

#endif /* LATHE_RUNTIME_CUDA_MAPS_H */
