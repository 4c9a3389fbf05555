/* lib/Runtime/Core/Services.h: the imports of one call, which belong to it
 * alone: its allocations end with it.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_CORE_SERVICES_H
#define LATHE_RUNTIME_CORE_SERVICES_H

#include "Internal.h"

struct lathe_impl_services {
  lathe_imports imports; /* For generated code; its context is this. */
  const lathe_module *module;
  struct lathe_impl_blocks *blocks; /* The frame's. */
  const int32_t *cancel;
  bool flushes_denormals;             /* In the threads of the pool. */
  const lathe_call_options *observer; /* NULL where nobody observes. */
  uint64_t bytes, max_bytes;          /* Of the host's memory, that the call has and may have. */
  uint64_t refused;                   /* What was asked for last and would have been too much. */
};

/* Fills the imports. `options` may be NULL. */
void lathe_impl_services_begin(struct lathe_impl_services *services, const lathe_module *module,
                               struct lathe_impl_blocks *blocks, const lathe_call_options *options,
                               bool flushes_denormals);

/* Frees what the call allocated and nobody took. */
void lathe_impl_services_end(struct lathe_impl_services *services);

/* Frees all blocks behind the first `count`, and counts their bytes no more. */
void lathe_impl_services_release(struct lathe_impl_services *services, size_t count);

/* Room for one more block; false if memory ran out. */
bool lathe_impl_blocks_reserve(struct lathe_impl_blocks *blocks);

/* Whether `memory` is one of the blocks, whose size it sets; it is none from now on. */
bool lathe_impl_blocks_take(struct lathe_impl_blocks *blocks, const void *memory, size_t *size);

/* Counts `size` bytes more, if the call may have them. */
bool lathe_impl_services_allow(struct lathe_impl_services *services, uint64_t size);

/* Whether the call allocated `memory` and has not given it back; from now on it
 * is the caller's to free. */
bool lathe_impl_services_take(struct lathe_impl_services *services, const void *memory);

/* lathe_imports.text with memory of `imports`. */
int32_t lathe_impl_text(const lathe_imports *imports, lathe_text_call *call);

/* Puts the text of an output's strings, which may be anyone's, behind its pointers:
 * `data` becomes other memory. On failure it is freed, and NULL. */
lathe_status lathe_impl_own_strings(const lathe_module *module, const char *name, lathe_tensor *output);

/* Makes what `run` put at `made` the caller's; on failure nothing is. */
lathe_status lathe_impl_take_value(struct lathe_impl_services *services, const lathe_value_desc *desc,
                                   const lathe_value *made, lathe_value *result);

/* Frees the tensors of the value, which is none then. */
void lathe_impl_release_value(const lathe_module *module, lathe_value *value);

/* A call with the values of all kinds, or NULL, beside the tensors. */
lathe_status lathe_impl_call(lathe_module *module, const char *name, const lathe_tensor *inputs,
                             const lathe_value *input_values, size_t input_count, lathe_tensor *outputs,
                             lathe_value *output_values, size_t output_count, const lathe_call_options *options);

/* Memory aligned to LATHE_ALIGNMENT from the host program's allocator, or the
 * runtime's where it has none. NULL is allowed in `free`. */
void *lathe_impl_host_alloc(const lathe_module *module, size_t size);
void lathe_impl_host_free(const lathe_module *module, void *memory);

#endif /* LATHE_RUNTIME_CORE_SERVICES_H */
