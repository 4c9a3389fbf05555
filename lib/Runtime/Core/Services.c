/* lib/Runtime/Core/Services.c: what generated code asks the program for during
 * one call, and what becomes of the memory it asked for.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Services.h"

#include "Sequences.h"

#include <stdlib.h>
#include <time.h>

void *lathe_impl_host_alloc(const lathe_module *module, size_t size) {
  const lathe_imports *imports = module->imports.alloc ? &module->imports : lathe_default_imports();
  return imports->alloc(imports->context, size ? size : 1, LATHE_ALIGNMENT);
}

void lathe_impl_host_free(const lathe_module *module, void *memory) {
  if (!memory)
    return;
  const lathe_imports *imports = module->imports.free ? &module->imports : lathe_default_imports();
  imports->free(imports->context, memory);
}

/* --- Memory of the call ------------------------------------------------- */

bool lathe_impl_blocks_reserve(struct lathe_impl_blocks *blocks) {
  if (blocks->count < blocks->capacity)
    return true;
  size_t capacity = blocks->capacity ? 2 * blocks->capacity : 16;
  struct lathe_impl_block *list = realloc(blocks->list, capacity * sizeof *list);
  if (!list)
    return false;
  blocks->list = list;
  blocks->capacity = capacity;
  return true;
}

bool lathe_impl_services_allow(struct lathe_impl_services *services, uint64_t size) {
  if (size > services->max_bytes - services->bytes) {
    services->refused = size;
    return false;
  }
  services->bytes += size;
  return true;
}

static void *call_alloc(void *context, size_t size, size_t alignment) {
  struct lathe_impl_services *services = context;
  if (!lathe_impl_services_allow(services, size))
    return NULL;
  const lathe_imports *host = services->module->imports.alloc ? &services->module->imports : lathe_default_imports();
  if (!lathe_impl_blocks_reserve(services->blocks))
    return NULL;
  void *memory = host->alloc(host->context, size ? size : 1, alignment);
  if (memory)
    services->blocks->list[services->blocks->count++] = (struct lathe_impl_block){memory, size};
  return memory;
}

bool lathe_impl_blocks_take(struct lathe_impl_blocks *blocks, const void *memory, size_t *size) {
  /* What is given back was mostly allocated last. */
  for (size_t i = blocks->count; memory && i-- > 0;)
    if (blocks->list[i].memory == memory) {
      *size = blocks->list[i].size;
      blocks->list[i] = blocks->list[--blocks->count];
      return true;
    }
  return false;
}

bool lathe_impl_services_take(struct lathe_impl_services *services, const void *memory) {
  size_t size;
  return lathe_impl_blocks_take(services->blocks, memory, &size);
}

static void call_free(void *context, void *memory) {
  struct lathe_impl_services *services = context;
  size_t size;
  if (!lathe_impl_blocks_take(services->blocks, memory, &size))
    return;
  services->bytes -= size;
  lathe_impl_host_free(services->module, memory);
}

/* --- Loops of the call -------------------------------------------------- */

static int32_t share_tasks(const struct lathe_impl_services *services, int64_t tasks, uint32_t workers,
                           lathe_task_fn body, void *scratch, size_t scratch_stride, void *closure) {
  const lathe_imports *host = &services->module->imports;
  if (lathe_impl_is_cancelled(services->cancel))
    return LATHE_TASK_CANCELLED;
  if (workers > 1 && tasks > 1 && host->parallel_for)
    return host->parallel_for(host->context, tasks, workers, body, scratch, scratch_stride, closure);
  const lathe_loop loop = {body, closure, scratch, scratch_stride, tasks, 0, 0};
  return lathe_impl_pool_run(workers, 1, &loop, services->cancel, services->flushes_denormals);
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int32_t call_parallel_for(void *context, int64_t tasks, uint32_t workers, lathe_task_fn body, void *scratch,
                                 size_t scratch_stride, void *closure) {
  const struct lathe_impl_services *services = context;
  const lathe_call_options *observer = services->observer;
  if (!observer)
    return share_tasks(services, tasks, workers, body, scratch, scratch_stride, closure);
  int64_t begin = now();
  int32_t status = share_tasks(services, tasks, workers, body, scratch, scratch_stride, closure);
  observer->observe(observer->observe_context, body, tasks, begin, now());
  return status;
}

static int32_t call_parallel_loops(void *context, uint32_t workers, uint32_t count, const lathe_loop *loops) {
  const struct lathe_impl_services *services = context;
  return lathe_impl_pool_run(workers, count, loops, services->cancel, services->flushes_denormals);
}

/* --- Strings of the call ------------------------------------------------ */

static int32_t call_text(void *context, lathe_text_call *call) {
  const struct lathe_impl_services *services = context;
  return lathe_impl_text(&services->imports, call);
}

/* --- Values of the call ------------------------------------------------- */

static lathe_value *call_make_value(void *context, lathe_call *call, int32_t action, const lathe_value *value,
                                    const lathe_value *other, int64_t a, int64_t b) {
  const struct lathe_impl_services *services = context;
  return lathe_impl_make_value(&services->imports, call, action, value, other, a, b);
}

/* --- From begin to end -------------------------------------------------- */

void lathe_impl_services_begin(struct lathe_impl_services *services, const lathe_module *module,
                               struct lathe_impl_blocks *blocks, const lathe_call_options *options,
                               bool flushes_denormals) {
  services->module = module;
  services->blocks = blocks;
  services->cancel = options ? options->cancel : NULL;
  services->observer = options && LATHE_HAS(options, observe_context) && options->observe ? options : NULL;
  services->imports = (lathe_imports){sizeof services->imports, 0,        call_alloc, call_free,
                                      call_parallel_for,        services, call_text,  call_make_value,
                                      /*parallel_loops=*/NULL};
  /* One loop at a time where each is the program's, or is to be seen. */
  if (!services->observer && !module->imports.parallel_for)
    services->imports.parallel_loops = call_parallel_loops;
  services->flushes_denormals = flushes_denormals;
  services->bytes = services->refused = 0;
  bool is_limited = options && LATHE_HAS(options, max_bytes) && options->max_bytes > 0;
  services->max_bytes = is_limited ? (uint64_t)options->max_bytes : lathe_get_memory();
}

void lathe_impl_services_release(struct lathe_impl_services *services, size_t count) {
  while (services->blocks->count > count) {
    struct lathe_impl_block block = services->blocks->list[--services->blocks->count];
    services->bytes -= block.size;
    lathe_impl_host_free(services->module, block.memory);
  }
}

void lathe_impl_services_end(struct lathe_impl_services *services) { lathe_impl_services_release(services, 0); }
