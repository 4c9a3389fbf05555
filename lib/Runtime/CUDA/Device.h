/* lib/Runtime/CUDA/Device.h: what serves the memory and the kernels of GPUs, one
 * for each context of one in the process.
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

/* Copies `size` bytes, of which one side at least is on the device, in the order of the
 * stream. What is copied from the host's memory may be overwritten then, and what is
 * copied to it is there. */
cuda_result lathe_impl_cuda_copy(struct lathe_impl_cuda_device *device, cuda_handle stream, void *target,
                                 uint32_t target_space, const void *source, uint32_t source_space, size_t size);

/* lathe_space_services of these names. */
int32_t lathe_impl_cuda_begin(void *context, void *stream, void *mark);
int32_t lathe_impl_cuda_end(void *context, void *stream, void **mark);
int32_t lathe_impl_cuda_wait(void *context, void *mark);
int32_t lathe_impl_cuda_copy_on(void *context, void *stream, void *target, uint32_t target_space, const void *source,
                                uint32_t source_space, size_t size);
int32_t lathe_impl_cuda_check(void *context, const void *memory, uint32_t space);

int32_t lathe_impl_cuda_record(void *context, void **stream);
int32_t lathe_impl_cuda_recorded(void *context, void *stream, void **graph);
int32_t lathe_impl_cuda_replay(void *context, void *graph, void *stream);
void lathe_impl_cuda_forget(void *context, void *graph);

/* lathe_space_services.load, unload and launch. */
int32_t lathe_impl_cuda_load(void *context, const lathe_variant_desc *variant, void **code);
void lathe_impl_cuda_unload(void *context, void *code);
int32_t lathe_impl_cuda_launch(void *context, void *code, lathe_call *call, const lathe_launch *launch);

#endif /* LATHE_RUNTIME_CUDA_DEVICE_H */
