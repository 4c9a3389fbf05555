/* lib/Runtime/CUDA/Device.h: what serves the memory and the kernels of GPUs, one
 * for each in the process.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_CUDA_DEVICE_H
#define LATHE_RUNTIME_CUDA_DEVICE_H

#include "Driver.h"

struct lathe_impl_cuda_device {
  const struct lathe_impl_cuda *driver;
  cuda_device number;
  cuda_handle context; /* The primary one, which other libraries use, too. */
  unsigned processors;
  unsigned version;              /* Ten times the major one and the minor one: 86 for an sm_86. */
  lathe_space_services services; /* Its context is this. */
};

/* Makes `device` the one of what this thread asks the driver for, and what was so
 * before again. False, with a reason, if it does not answer. */
bool lathe_impl_cuda_enter(struct lathe_impl_cuda_device *device);
void lathe_impl_cuda_leave(struct lathe_impl_cuda_device *device);

/* Loads an image that is PTX, by way of the folder of lathe_cuda_keep_code. */
cuda_result lathe_impl_cuda_load_text(struct lathe_impl_cuda_device *device, const lathe_image_desc *image,
                                      cuda_handle *module);

/* lathe_space_services.load, unload and launch. */
int32_t lathe_impl_cuda_load(void *context, const lathe_variant_desc *variant, void **code);
void lathe_impl_cuda_unload(void *context, void *code);
int32_t lathe_impl_cuda_launch(void *context, void *code, lathe_call *call, const lathe_launch *launch);

#endif /* LATHE_RUNTIME_CUDA_DEVICE_H */
