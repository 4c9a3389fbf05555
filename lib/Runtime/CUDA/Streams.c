/* lib/Runtime/CUDA/Streams.c: copies and calls in the order of a stream of the program.
 *
 * A mark is an event of the driver.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Device.h"

static cuda_address address_of(const void *memory) { return (cuda_address)(uintptr_t)memory; }

/* --- Copies ------------------------------------------------------------- */

cuda_result lathe_impl_cuda_copy(struct lathe_impl_cuda_device *device, cuda_handle stream, void *target,
                                 uint32_t target_space, const void *source, uint32_t source_space, size_t size) {
  const struct lathe_impl_cuda *driver = device->driver;
  cuda_result code;
  if (target_space == LATHE_SPACE_HOST) {
    code = driver->copy_to_host(target, address_of(source), size, stream);
    return code ? code : driver->stream_finish(stream);
  }
  if (source_space != LATHE_SPACE_HOST)
    return driver->copy_within(address_of(target), address_of(source), size, stream);
  code = driver->copy_from_host(address_of(target), source, size, stream);
  /* Of memory that the driver knows, which it has pinned, the device reads later. */
  unsigned kind = 0;
  if (!code && driver->pointer_attribute(&kind, CUDA_POINTER_MEMORY, address_of(source)) == 0)
    code = driver->stream_finish(stream);
  return code;
}

int32_t lathe_impl_cuda_copy_on(void *context, void *stream, void *target, uint32_t target_space, const void *source,
                                uint32_t source_space, size_t size) {
  struct lathe_impl_cuda_device *device = context;
  if (!lathe_impl_cuda_enter(device))
    return LATHE_TASK_DEVICE;
  cuda_result code = lathe_impl_cuda_copy(device, stream, target, target_space, source, source_space, size);
  lathe_impl_cuda_leave(device);
  if (code)
    lathe_impl_cuda_say(device->driver, code, "a copy, or a kernel before it, failed");
  return code ? LATHE_TASK_DEVICE : 0;
}

/* --- Order -------------------------------------------------------------- */

/* Whether the stream is of this device; says so if not. */
static bool has_stream(struct lathe_impl_cuda_device *device, cuda_handle stream) {
  const struct lathe_impl_cuda *driver = device->driver;
  cuda_handle context = NULL;
  cuda_device other = -1;
  cuda_result code = driver->stream_context(stream, &context);
  if (!code && context != device->context) {
    code = driver->context_push(context);
    if (!code) {
      code = driver->context_device(&other);
      driver->context_pop(&context);
    }
  }
  if (code)
    lathe_impl_cuda_say(driver, code, "the driver does not know the stream; make one, and destroy it after the call");
  else if (other >= 0 && other != device->number)
    lathe_impl_cuda_explain("the stream is of GPU %d, but the module is on GPU %d; give a stream of that GPU, or load "
                            "the module for the other one [cuda-other-device]",
                            other, device->number);
  return !code && (other < 0 || other == device->number);
}

int32_t lathe_impl_cuda_begin(void *context, void *stream, void *mark) {
  struct lathe_impl_cuda_device *device = context;
  if (!lathe_impl_cuda_enter(device))
    return LATHE_TASK_DEVICE;
  bool fits = !stream || has_stream(device, stream);
  cuda_result code = fits && mark ? device->driver->stream_follow(stream, mark, 0) : 0;
  lathe_impl_cuda_leave(device);
  if (code)
    lathe_impl_cuda_say(device->driver, code, "the stream does not wait for what was begun on another");
  return fits && !code ? 0 : LATHE_TASK_DEVICE;
}

int32_t lathe_impl_cuda_end(void *context, void *stream, void **mark) {
  struct lathe_impl_cuda_device *device = context;
  const struct lathe_impl_cuda *driver = device->driver;
  if (!lathe_impl_cuda_enter(device))
    return LATHE_TASK_DEVICE;
  cuda_result code = *mark ? 0 : driver->event_create(mark, CUDA_EVENT_WITHOUT_TIME);
  if (!code)
    code = driver->event_record(*mark, stream);
  lathe_impl_cuda_leave(device);
  if (code)
    lathe_impl_cuda_say(driver, code, "the end of the call cannot be noted on its stream");
  return code ? LATHE_TASK_DEVICE : 0;
}

int32_t lathe_impl_cuda_wait(void *context, void *mark) {
  struct lathe_impl_cuda_device *device = context;
  const struct lathe_impl_cuda *driver = device->driver;
  if (!lathe_impl_cuda_enter(device))
    return LATHE_TASK_DEVICE;
  cuda_result code = driver->event_finish(mark);
  driver->event_destroy(mark);
  lathe_impl_cuda_leave(device);
  if (code)
    lathe_impl_cuda_say(driver, code, "a kernel failed");
  return code ? LATHE_TASK_DEVICE : 0;
}

/* --- Addresses ---------------------------------------------------------- */

int32_t lathe_impl_cuda_check(void *context, const void *memory, uint32_t space) {
  struct lathe_impl_cuda_device *device = context;
  const struct lathe_impl_cuda *driver = device->driver;
  cuda_address address = address_of(memory);
  unsigned kind = 0, is_managed = 0;
  int owner = device->number;
  if (!lathe_impl_cuda_enter(device))
    return LATHE_TASK_DEVICE;
  cuda_result code = driver->pointer_attribute(&kind, CUDA_POINTER_MEMORY, address);
  bool is_known = code == 0;
  if (is_known)
    code = driver->pointer_attribute(&is_managed, CUDA_POINTER_MANAGED, address);
  if (!code && kind == CUDA_MEMORY_OF_DEVICE)
    code = driver->pointer_attribute(&owner, CUDA_POINTER_DEVICE, address);
  lathe_impl_cuda_leave(device);
  /* The driver knows no memory of the host that it did not pin. */
  if (code && (is_known || code != CUDA_ERROR_INVALID_VALUE_CODE)) {
    lathe_impl_cuda_say(driver, code, "the driver does not say whose memory it is");
    return LATHE_TASK_DEVICE;
  }
  if (is_managed)
    return 0; /* Both may use it. */
  bool is_device = is_known && kind == CUDA_MEMORY_OF_DEVICE;
  if (is_device != (space == LATHE_SPACE_CUDA)) {
    lathe_impl_cuda_explain(
        "the address %p is memory of %s, but the tensor says memory space %u (%s); set its 'space', "
        "or copy the data [call-wrong-memory]",
        memory, is_device ? "a GPU" : "the host", space, is_device ? "host" : "cuda");
    return LATHE_TASK_DEVICE;
  }
  if (!is_device || owner == device->number)
    return 0;
  lathe_impl_cuda_explain("the address %p is memory of GPU %d, but the module is on GPU %d; copy the data there, or "
                          "load the module for the other one [cuda-other-device]",
                          memory, owner, device->number);
  return LATHE_TASK_DEVICE;
}
