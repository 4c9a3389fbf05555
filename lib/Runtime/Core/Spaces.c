/* lib/Runtime/Core/Spaces.c: asks what serves a space for memory, and gives it
 * back.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Spaces.h"

#include "../CUDA/Device.h"
#include "Services.h"

#include <string.h>

static const char *const names[LATHE_SPACE_COUNT] = {"host", "cuda"};

const char *lathe_impl_space_name(uint32_t space) { return space < LATHE_SPACE_COUNT ? names[space] : "unknown"; }

/* --- Of a module -------------------------------------------------------- */

static uint32_t spaces_of(const lathe_variant_desc *variant) {
  return LATHE_HAS(variant, spaces) ? variant->spaces : 0;
}

static uint32_t images_of(const lathe_variant_desc *variant) {
  return LATHE_HAS(variant, device_kernel_count) ? variant->image_count : 0;
}

/* What serves a space: as the program says, else the runtime itself, where kernels
 * come as images for a driver that it knows. */
static lathe_status find(const lathe_variant_desc *variant, const lathe_load_options *options, uint32_t space,
                         const lathe_space_services **services) {
  uint32_t count = options && LATHE_HAS(options, space_count) ? options->space_count : 0;
  *services = NULL;
  for (uint32_t i = 0; i < count && !*services; ++i)
    if (options->spaces[i] && options->spaces[i]->space == space)
      *services = options->spaces[i];
  if (*services || space != LATHE_SPACE_CUDA || images_of(variant) == 0)
    return LATHE_OK;
  return lathe_cuda_services(options && LATHE_HAS(options, device) ? options->device : 0, services);
}

static lathe_status check_services(const lathe_variant_desc *variant, uint32_t space,
                                   const lathe_space_services *services) {
  if (space == LATHE_SPACE_HOST || space >= LATHE_SPACE_COUNT || !services)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-space",
                           "the variant \"%s\" needs memory space %u (%s), which nothing serves here; give what serves "
                           "it in lathe_load_options.spaces, or compile the model for the CPU",
                           variant->name, space, lathe_impl_space_name(space));
  bool has_images = images_of(variant) > 0;
  if (!LATHE_HAS(services, context) || !services->alloc || !services->free || !services->copy ||
      (has_images && (!LATHE_HAS(services, reason) || !services->load || !services->unload || !services->launch)))
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "module-space-services",
                           "the services of memory space \"%s\" lack 'alloc', 'free'%s; give all of them",
                           lathe_impl_space_name(space),
                           has_images ? ", 'copy', 'load', 'unload' or 'launch'" : " or 'copy'");
  return LATHE_OK;
}

lathe_status lathe_impl_spaces_check(const lathe_variant_desc *variant, const lathe_load_options *options) {
  uint32_t needed = spaces_of(variant);
  lathe_status status = LATHE_OK;
  for (uint32_t space = 0; needed >> space && status == LATHE_OK; ++space) {
    if (!(needed >> space & 1))
      continue;
    const lathe_space_services *services;
    status = find(variant, options, space, &services);
    if (status == LATHE_OK)
      status = check_services(variant, space, services);
  }
  return status;
}

static lathe_status copy_weights(lathe_module *module, uint32_t space) {
  uint64_t size = module->desc->weights_size;
  if (size == 0)
    return LATHE_OK;
  void *weights = lathe_impl_space_alloc(module, space, (size_t)size);
  if (!weights)
    return lathe_impl_fail_reason(LATHE_OUT_OF_MEMORY, "module-out-of-memory", module->spaces[space].services,
                                  "no memory for %llu bytes of weights in memory space \"%s\"",
                                  (unsigned long long)size, lathe_impl_space_name(space));
  module->spaces[space].weights = weights;
  return lathe_impl_space_copy(module, weights, space, module->desc->weights, LATHE_SPACE_HOST, (size_t)size);
}

static lathe_status load_images(lathe_module *module, uint32_t space) {
  const lathe_variant_desc *variant = module->variant;
  const lathe_space_services *services = module->spaces[space].services;
  if (images_of(variant) == 0)
    return LATHE_OK;
  for (uint32_t i = 0; i < variant->device_kernel_count; ++i)
    module->has_records |= (variant->device_kernels[i]->flags & LATHE_DEVICE_KERNEL_CHECKS) != 0;
  if (services->load(services->context, variant, &module->spaces[space].code) == 0)
    return LATHE_OK;
  module->spaces[space].code = NULL;
  return lathe_impl_fail_reason(LATHE_INCOMPATIBLE, "module-images", services,
                                "the kernels of variant \"%s\" were not loaded", variant->name);
}

lathe_status lathe_impl_spaces_open(lathe_module *module, const lathe_load_options *options) {
  uint32_t needed = spaces_of(module->variant);
  lathe_status status = LATHE_OK;
  for (uint32_t space = LATHE_SPACE_HOST + 1; space < LATHE_SPACE_COUNT && status == LATHE_OK; ++space) {
    if (!(needed >> space & 1))
      continue;
    status = find(module->variant, options, space, &module->spaces[space].services);
    if (status != LATHE_OK)
      return status;
    module->has_spaces = true;
    status = load_images(module, space);
    if (status == LATHE_OK)
      status = copy_weights(module, space);
  }
  return status;
}

void lathe_impl_spaces_close(lathe_module *module) {
  for (uint32_t space = LATHE_SPACE_HOST + 1; space < LATHE_SPACE_COUNT; ++space) {
    const lathe_space_services *services = module->spaces[space].services;
    lathe_impl_space_free(module, space, module->spaces[space].weights);
    if (module->spaces[space].code)
      services->unload(services->context, module->spaces[space].code);
  }
}

void *lathe_impl_space_alloc(const lathe_module *module, uint32_t space, size_t size) {
  if (space == LATHE_SPACE_HOST)
    return lathe_impl_host_alloc(module, size);
  const lathe_space_services *services = module->spaces[space].services;
  return services->alloc(services->context, size ? size : 1, LATHE_ALIGNMENT);
}

void lathe_impl_space_free(const lathe_module *module, uint32_t space, void *memory) {
  if (!memory)
    return;
  if (space == LATHE_SPACE_HOST) {
    lathe_impl_host_free(module, memory);
    return;
  }
  const lathe_space_services *services = module->spaces[space].services;
  services->free(services->context, memory);
}

static bool is_served(const lathe_module *module, uint32_t space) {
  return space == LATHE_SPACE_HOST || (module && space < LATHE_SPACE_COUNT && module->spaces[space].services);
}

bool lathe_impl_space_fits(const lathe_module *module, const lathe_value_desc *value, uint32_t space) {
  return space == value->space || (value->flags & LATHE_VALUE_MOVES && is_served(module, space));
}

bool lathe_impl_space_has_streams(const lathe_space_services *services) {
  return LATHE_HAS(services, check) && services->begin && services->end && services->wait && services->copy_on &&
         services->check;
}

void lathe_impl_space_settle(const lathe_module *module, uint32_t space, struct lathe_impl_space_frame *frame) {
  const lathe_space_services *services = module->spaces[space].services;
  if (frame->mark)
    services->wait(services->context, frame->mark);
  frame->mark = frame->stream = NULL;
}

static lathe_status fail_copy(const lathe_space_services *services, size_t size, uint32_t from, uint32_t to) {
  return lathe_impl_fail_reason(LATHE_DEVICE_ERROR, "space-copy", services,
                                "%zu bytes could not be copied from memory space \"%s\" to \"%s\"", size,
                                lathe_impl_space_name(from), lathe_impl_space_name(to));
}

lathe_status lathe_impl_space_copy(const lathe_module *module, void *target, uint32_t target_space, const void *source,
                                   uint32_t source_space, size_t size) {
  if (size == 0)
    return LATHE_OK;
  uint32_t device = target_space == LATHE_SPACE_HOST ? source_space : target_space;
  if (device == LATHE_SPACE_HOST) {
    memcpy(target, source, size);
    return LATHE_OK;
  }
  const lathe_space_services *services = module->spaces[device].services;
  if (services->copy(services->context, target, target_space, source, source_space, size) == 0)
    return LATHE_OK;
  return fail_copy(services, size, source_space, target_space);
}

/* --- Of a call ---------------------------------------------------------- */

/* Whether the call is recorded, of which this cannot be a part; notes why. */
static bool cannot_record(struct lathe_impl_call_space *space, const char *why) {
  if (space->obstacle && !*space->obstacle)
    *space->obstacle = why;
  return space->obstacle;
}

static void *call_alloc(void *context, size_t size, size_t alignment) {
  struct lathe_impl_call_space *space = context;
  if (cannot_record(space, "the size of a value follows from data") || !lathe_impl_blocks_reserve(space->blocks))
    return NULL;
  void *memory = space->own->alloc(space->own->context, size ? size : 1, alignment);
  if (memory)
    space->blocks->list[space->blocks->count++] = (struct lathe_impl_block){memory, size};
  return memory;
}

/* Waits until the device has done what the call began. */
static void finish(struct lathe_impl_call_space *space) {
  void *mark = NULL;
  if (space->has_streams && space->own->end(space->own->context, space->entry.stream, &mark) == 0)
    space->own->wait(space->own->context, mark);
}

static void call_free(void *context, void *memory) {
  struct lathe_impl_call_space *space = context;
  size_t size;
  if (!lathe_impl_blocks_take(space->blocks, memory, &size))
    return;
  finish(space);
  space->own->free(space->own->context, memory);
}

static int32_t call_copy(void *context, void *target, uint32_t target_space, const void *source, uint32_t source_space,
                         size_t size) {
  struct lathe_impl_call_space *space = context;
  if (size == 0)
    return 0;
  bool is_within = target_space != LATHE_SPACE_HOST && source_space != LATHE_SPACE_HOST;
  if (!is_within && cannot_record(space, target_space == LATHE_SPACE_HOST ? "the host reads what the device computes"
                                                                          : "the host computes what the device reads"))
    return LATHE_TASK_DEVICE;
  if (space->has_streams)
    return space->own->copy_on(space->own->context, space->entry.stream, target, target_space, source, source_space,
                               size);
  return space->own->copy(space->own->context, target, target_space, source, source_space, size);
}

static int32_t call_launch(void *context, void *code, struct lathe_call *call, const struct lathe_launch *launch) {
  struct lathe_impl_call_space *space = context;
  if (lathe_impl_is_cancelled(call->cancel))
    return LATHE_TASK_CANCELLED;
  const lathe_variant_desc *variant = space->variant;
  if (launch->kernel < variant->device_kernel_count &&
      variant->device_kernels[launch->kernel]->flags & LATHE_DEVICE_KERNEL_CHECKS &&
      cannot_record(space, "the host reads whether an index is out of range"))
    return LATHE_TASK_DEVICE;
  return launch->tasks <= 0 ? 0 : space->own->launch(space->own->context, code, call, launch);
}

static void open_space(struct lathe_impl_call_spaces *spaces, const lathe_module *module,
                       struct lathe_impl_frame *frame, uint32_t i, void *stream) {
  struct lathe_impl_call_space *space = &spaces->of[i];
  space->own = module->spaces[i].services;
  space->has_streams = lathe_impl_space_has_streams(space->own);
  space->blocks = &frame->spaces[i].blocks;
  space->variant = module->variant;
  space->obstacle = NULL;
  space->services = (lathe_space_services){.struct_size = sizeof space->services,
                                           .space = i,
                                           .alloc = call_alloc,
                                           .free = call_free,
                                           .copy = call_copy,
                                           .context = space,
                                           .launch = call_launch};
  space->entry = (lathe_call_space){.struct_size = sizeof space->entry,
                                    .services = &space->services,
                                    .weights = module->spaces[i].weights,
                                    .code = module->spaces[i].code,
                                    .stream = stream};
  spaces->entries[i] = &space->entry;
}

static lathe_status begin_stream(struct lathe_impl_call_space *space, struct lathe_impl_space_frame *frame) {
  const lathe_space_services *own = space->own;
  void *stream = space->entry.stream;
  if (!space->has_streams && stream)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-stream",
                           "the call is to run on a stream, but what serves memory space \"%s\" has none; leave "
                           "'stream' of lathe_call_options NULL",
                           lathe_impl_space_name(own->space));
  /* The driver's own queue is always there, and in order with itself. A handle of a stream says less: one may be a
   * queue of each thread, or that of a stream that is gone. */
  void *mark = stream || frame->stream ? frame->mark : NULL;
  if (!space->has_streams || (!stream && !mark) || own->begin(own->context, stream, mark) == 0)
    return LATHE_OK;
  return lathe_impl_fail_reason(LATHE_INVALID_ARGUMENT, "call-stream", own,
                                "the stream of the call cannot be used in memory space \"%s\"",
                                lathe_impl_space_name(own->space));
}

lathe_status lathe_impl_call_spaces_begin(struct lathe_impl_call_spaces *spaces, const lathe_module *module,
                                          struct lathe_impl_frame *frame, void *stream) {
  for (uint32_t i = 0; i < LATHE_SPACE_COUNT; ++i) {
    spaces->entries[i] = NULL;
    if (!module->spaces[i].services)
      continue;
    open_space(spaces, module, frame, i, stream);
    lathe_status status = begin_stream(&spaces->of[i], &frame->spaces[i]);
    if (status != LATHE_OK)
      return status;
  }
  return LATHE_OK;
}

void lathe_impl_call_spaces_end(struct lathe_impl_call_spaces *spaces, const lathe_module *module,
                                struct lathe_impl_frame *frame) {
  for (uint32_t i = 0; i < LATHE_SPACE_COUNT; ++i) {
    if (!spaces->entries[i])
      continue;
    struct lathe_impl_call_space *space = &spaces->of[i];
    struct lathe_impl_space_frame *own = &frame->spaces[i];
    own->stream = space->entry.stream;
    if (space->has_streams)
      space->own->end(space->own->context, own->stream, &own->mark);
    if (space->blocks->count > 0)
      lathe_impl_space_settle(module, i, own);
    while (space->blocks->count > 0)
      lathe_impl_space_free(module, i, space->blocks->list[--space->blocks->count].memory);
  }
}

void lathe_impl_call_spaces_finish(struct lathe_impl_call_spaces *spaces) {
  for (uint32_t i = 0; i < LATHE_SPACE_COUNT; ++i)
    if (spaces->entries[i])
      finish(&spaces->of[i]);
}

lathe_status lathe_impl_call_spaces_copy(struct lathe_impl_call_spaces *spaces, void *target, uint32_t target_space,
                                         const void *source, uint32_t source_space, size_t size) {
  uint32_t device = target_space == LATHE_SPACE_HOST ? source_space : target_space;
  if (device == LATHE_SPACE_HOST) {
    if (size)
      memcpy(target, source, size);
    return LATHE_OK;
  }
  struct lathe_impl_call_space *space = &spaces->of[device];
  if (call_copy(space, target, target_space, source, source_space, size) == 0)
    return LATHE_OK;
  return fail_copy(space->own, size, source_space, target_space);
}

/* --- Tensors ------------------------------------------------------------ */

static lathe_status check_served(const lathe_module *module, uint32_t space) {
  if (is_served(module, space))
    return LATHE_OK;
  return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "tensor-space",
                         "the tensor is in memory space %u (%s), which the module has not; its variants may be for "
                         "other spaces",
                         space, lathe_impl_space_name(space));
}

lathe_status lathe_module_tensor_alloc(lathe_module *module, lathe_tensor *tensor) {
  size_t bytes = 0;
  lathe_status status = lathe_tensor_bytes(tensor, &bytes);
  if (status == LATHE_OK && !module)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "module-null", "the module is NULL");
  if (status == LATHE_OK)
    status = check_served(module, tensor->space);
  if (status != LATHE_OK)
    return status;
  void *memory = lathe_impl_space_alloc(module, tensor->space, bytes);
  if (!memory)
    return lathe_impl_fail_reason(LATHE_OUT_OF_MEMORY, "tensor-out-of-memory", module->spaces[tensor->space].services,
                                  "no memory for a tensor of %zu bytes in memory space \"%s\"", bytes,
                                  lathe_impl_space_name(tensor->space));
  tensor->data = memory;
  return LATHE_OK;
}

void lathe_module_tensor_free(lathe_module *module, lathe_tensor *tensor) {
  if (!module || !tensor || check_served(module, tensor->space) != LATHE_OK)
    return;
  lathe_impl_space_free(module, tensor->space, tensor->data);
  tensor->data = NULL;
}

lathe_status lathe_module_tensor_copy(lathe_module *module, const lathe_tensor *source, lathe_tensor *target) {
  size_t bytes = 0, room = 0;
  if (!module)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "module-null", "the module is NULL");
  lathe_status status = lathe_tensor_bytes(source, &bytes);
  if (status == LATHE_OK)
    status = lathe_tensor_bytes(target, &room);
  if (status == LATHE_OK)
    status = check_served(module, source->space);
  if (status == LATHE_OK)
    status = check_served(module, target->space);
  if (status != LATHE_OK)
    return status;
  if (bytes != room || (bytes && (!source->data || !target->data)))
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "tensor-copy",
                           "%zu bytes cannot be copied to a tensor of %zu; give both their data, and the same size",
                           bytes, room);
  return lathe_impl_space_copy(module, target->data, target->space, source->data, source->space, bytes);
}
