/* lib/Runtime/CUDA/Device.c: the memory of GPUs, for modules that have some there.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Device.h"

#include <pthread.h>

/* More than any machine has. */
#define MOST_DEVICES 64u

bool lathe_impl_cuda_enter(struct lathe_impl_cuda_device *device) {
  cuda_result code = device->driver->context_push(device->context);
  if (code)
    lathe_impl_cuda_say(device->driver, code, "the GPU does not answer");
  return code == 0;
}

void lathe_impl_cuda_leave(struct lathe_impl_cuda_device *device) {
  cuda_handle context;
  device->driver->context_pop(&context);
}

/* --- Services ----------------------------------------------------------- */

static void *device_alloc(void *context, size_t size, size_t alignment) {
  struct lathe_impl_cuda_device *device = context;
  (void)alignment; /* The driver's is 256 bytes. */
  if (!lathe_impl_cuda_enter(device))
    return NULL;
  cuda_address address = 0;
  cuda_result code = device->driver->alloc(&address, size ? size : 1);
  lathe_impl_cuda_leave(device);
  if (!code)
    return (void *)(uintptr_t)address;
  lathe_impl_cuda_say(device->driver, code, "the GPU gave no memory");
  return NULL;
}

static void device_free(void *context, void *memory) {
  struct lathe_impl_cuda_device *device = context;
  if (!memory || !lathe_impl_cuda_enter(device))
    return;
  device->driver->free((cuda_address)(uintptr_t)memory);
  lathe_impl_cuda_leave(device);
}

static int32_t device_copy(void *context, void *target, uint32_t target_space, const void *source,
                           uint32_t source_space, size_t size) {
  struct lathe_impl_cuda_device *device = context;
  const struct lathe_impl_cuda *driver = device->driver;
  if (size == 0)
    return 0;
  if (!lathe_impl_cuda_enter(device))
    return LATHE_TASK_DEVICE;
  cuda_result code;
  cuda_address to = (cuda_address)(uintptr_t)target, from = (cuda_address)(uintptr_t)source;
  if (target_space == LATHE_SPACE_HOST)
    code = driver->copy_to_host(target, from, size);
  else if (source_space == LATHE_SPACE_HOST)
    code = driver->copy_from_host(to, source, size);
  else
    code = driver->copy_within(to, from, size);
  lathe_impl_cuda_leave(device);
  if (code)
    lathe_impl_cuda_say(driver, code, "a copy, or a kernel before it, failed");
  return code ? LATHE_TASK_DEVICE : 0;
}

static const char *device_reason(void *context) {
  (void)context;
  return lathe_impl_cuda_reason();
}

/* --- Opening ------------------------------------------------------------ */

static struct lathe_impl_cuda_device devices[MOST_DEVICES];
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

static lathe_status open_device(struct lathe_impl_cuda_device *device, uint32_t number) {
  const struct lathe_impl_cuda *driver;
  lathe_status status = lathe_impl_cuda_open(&driver);
  if (status != LATHE_OK)
    return status;
  int count = 0, processors = 0, major = 0, minor = 0;
  cuda_result code = driver->device_count(&count);
  if (!code && number >= (uint32_t)count)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "cuda-no-device",
                           "GPU %u is wanted, but the NVIDIA driver finds %d on this machine; take another one, or a "
                           "variant for the CPU",
                           number, count);
  if (!code)
    code = driver->device_get(&device->number, (int)number);
  if (!code)
    code = driver->device_attribute(&processors, CUDA_ATTRIBUTE_PROCESSORS, device->number);
  if (!code)
    code = driver->device_attribute(&major, CUDA_ATTRIBUTE_MAJOR, device->number);
  if (!code)
    code = driver->device_attribute(&minor, CUDA_ATTRIBUTE_MINOR, device->number);
  if (!code)
    code = driver->context_retain(&device->context, device->number);
  if (code)
    return lathe_impl_cuda_fail(driver, code, "the GPU cannot be used");
  device->processors = processors > 0 ? (unsigned)processors : 1;
  device->version = (unsigned)(10 * major + minor);
  device->services = (lathe_space_services){
      .struct_size = sizeof device->services,
      .space = LATHE_SPACE_CUDA,
      .alloc = device_alloc,
      .free = device_free,
      .copy = device_copy,
      .context = device,
      .load = lathe_impl_cuda_load,
      .unload = lathe_impl_cuda_unload,
      .launch = lathe_impl_cuda_launch,
      .reason = device_reason,
  };
  device->driver = driver;
  return LATHE_OK;
}

lathe_status lathe_cuda_services(uint32_t number, const lathe_space_services **services) {
  if (!services)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-null", "the place for the services is NULL");
  *services = NULL;
  if (number >= MOST_DEVICES)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "cuda-no-device",
                           "GPU %u is wanted, but the runtime knows %u at most; take another one", number,
                           MOST_DEVICES);
  struct lathe_impl_cuda_device *device = &devices[number];
  pthread_mutex_lock(&opening);
  lathe_status status = device->driver ? LATHE_OK : open_device(device, number);
  pthread_mutex_unlock(&opening);
  if (status == LATHE_OK)
    *services = &device->services;
  return status;
}
