/* lib/Runtime/CUDA/Device.c: the memory of GPUs, for modules that have some there.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Device.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* More than any machine has. */
#define MOST_DEVICES 64u

bool lathe_impl_cuda_enter(struct lathe_impl_cuda_device *device) {
  cuda_result code = device->driver->context_push(device->context);
  if (code == CUDA_ERROR_CONTEXT_DESTROYED_CODE || code == CUDA_ERROR_INVALID_CONTEXT_CODE)
    lathe_impl_cuda_say(device->driver, code,
                        "the program has reset the GPU since the module was loaded; load the module again");
  else if (code)
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
  const struct lathe_impl_cuda *driver = device->driver;
  (void)alignment; /* The driver's is 256 bytes. */
  if (!lathe_impl_cuda_enter(device))
    return NULL;
  cuda_address address = 0;
  size_t unused = 0, all = 0;
  cuda_result code = driver->alloc(&address, size ? size : 1);
  if (code)
    driver->memory_info(&unused, &all);
  lathe_impl_cuda_leave(device);
  if (!code)
    return (void *)(uintptr_t)address;
  char what[128];
  snprintf(what, sizeof what, "GPU %d gave no %zu bytes of memory, of its %zu bytes %zu are unused", device->number,
           size, all, unused);
  lathe_impl_cuda_say(driver, code, what);
  return NULL;
}

static void device_free(void *context, void *memory) {
  struct lathe_impl_cuda_device *device = context;
  if (!memory || !lathe_impl_cuda_enter(device))
    return;
  device->driver->free((cuda_address)(uintptr_t)memory);
  lathe_impl_cuda_leave(device);
}

/* Also streams that do not wait for the driver's own queue see what was copied. */
static int32_t device_copy(void *context, void *target, uint32_t target_space, const void *source,
                           uint32_t source_space, size_t size) {
  struct lathe_impl_cuda_device *device = context;
  if (size == 0)
    return 0;
  if (!lathe_impl_cuda_enter(device))
    return LATHE_TASK_DEVICE;
  cuda_result code = lathe_impl_cuda_copy(device, NULL, target, target_space, source, source_space, size);
  if (!code)
    code = device->driver->stream_finish(NULL);
  lathe_impl_cuda_leave(device);
  if (code)
    lathe_impl_cuda_say(device->driver, code, "a copy, or a kernel before it, failed");
  return code ? LATHE_TASK_DEVICE : 0;
}

static const char *device_reason(void *context) {
  (void)context;
  return lathe_impl_cuda_reason();
}

/* --- Opening ------------------------------------------------------------ */

/* Those that are open, as their contexts are now: what was loaded before the program has reset a GPU keeps the device
 * of then, whose addresses and functions are gone. */
static struct lathe_impl_cuda_device *devices[MOST_DEVICES];
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

static lathe_status open_device(struct lathe_impl_cuda_device *device, uint32_t number) {
  const struct lathe_impl_cuda *driver;
  lathe_status status = lathe_impl_cuda_open(&driver);
  if (status != LATHE_OK)
    return status;
  int count = 0, processors = 0, major = 0, minor = 0;
  cuda_handle primary = NULL;
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
    code = driver->context_retain(&primary, device->number);
  if (code)
    return lathe_impl_cuda_fail(driver, code, "the GPU cannot be used");
  device->context = primary;
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
      .begin = lathe_impl_cuda_begin,
      .end = lathe_impl_cuda_end,
      .wait = lathe_impl_cuda_wait,
      .copy_on = lathe_impl_cuda_copy_on,
      .check = lathe_impl_cuda_check,
  };
  if (driver->has_graphs) {
    device->services.record = lathe_impl_cuda_record;
    device->services.recorded = lathe_impl_cuda_recorded;
    device->services.replay = lathe_impl_cuda_replay;
    device->services.forget = lathe_impl_cuda_forget;
  }
  device->driver = driver;
  return LATHE_OK;
}

static bool answers(struct lathe_impl_cuda_device *device) {
  bool is_there = device && lathe_impl_cuda_enter(device);
  if (is_there)
    lathe_impl_cuda_leave(device);
  return is_there;
}

/* The device in `place`, or a new one there. */
static lathe_status find_device(struct lathe_impl_cuda_device **place, uint32_t number) {
  if (answers(*place))
    return LATHE_OK;
  struct lathe_impl_cuda_device *device = calloc(1, sizeof *device);
  if (!device)
    return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "module-out-of-memory", "no memory for what describes GPU %u", number);
  lathe_status status = open_device(device, number);
  if (status == LATHE_OK)
    *place = device;
  else
    free(device);
  return status;
}

lathe_status lathe_cuda_services(uint32_t number, const lathe_space_services **services) {
  if (!services)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-null", "the place for the services is NULL");
  *services = NULL;
  if (number >= MOST_DEVICES)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "cuda-no-device",
                           "GPU %u is wanted, but the runtime knows %u at most; take another one", number,
                           MOST_DEVICES);
  pthread_mutex_lock(&opening);
  lathe_status status = find_device(&devices[number], number);
  if (status == LATHE_OK)
    *services = &devices[number]->services;
  pthread_mutex_unlock(&opening);
  return status;
}
