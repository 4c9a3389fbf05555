/* lib/Runtime/Core/Spaces.h: memory that is not the host's, of a module and of its
 * calls.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_CORE_SPACES_H
#define LATHE_RUNTIME_CORE_SPACES_H

#include "Internal.h"

/* "host", "cuda"; "unknown" for other numbers. */
const char *lathe_impl_space_name(uint32_t space);

/* Whether `options` serve all spaces that the variant needs. */
lathe_status lathe_impl_spaces_check(const lathe_variant_desc *variant, const lathe_load_options *options);

/* Takes the services for the module's variant, loads its images and copies its
 * weights. */
lathe_status lathe_impl_spaces_open(lathe_module *module, const lathe_load_options *options);
void lathe_impl_spaces_close(lathe_module *module);

/* Memory of any space, the host's too, aligned to LATHE_ALIGNMENT. NULL is allowed
 * in `free`. */
void *lathe_impl_space_alloc(const lathe_module *module, uint32_t space, size_t size);
void lathe_impl_space_free(const lathe_module *module, uint32_t space, void *memory);

/* Copies within a space, or between one and the host's. */
lathe_status lathe_impl_space_copy(const lathe_module *module, void *target, uint32_t target_space, const void *source,
                                   uint32_t source_space, size_t size);

/* Whether a caller may have a value in `space`. */
bool lathe_impl_space_fits(const lathe_module *module, const lathe_value_desc *value, uint32_t space);

/* Whether what serves a space has calls on streams. */
bool lathe_impl_space_has_streams(const lathe_space_services *services);

/* Waits for what calls have begun there. */
void lathe_impl_space_settle(const lathe_module *module, uint32_t space, struct lathe_impl_space_frame *frame);

/* What one call has in a space other than the host's. */
struct lathe_impl_call_space {
  lathe_call_space entry;        /* For generated code, as the next. */
  lathe_space_services services; /* Its context is this. */
  const lathe_space_services *own;
  bool has_streams;
  struct lathe_impl_blocks *blocks;
  const lathe_variant_desc *variant;
  const char **obstacle; /* NULL unless the call is recorded (Graphs.h). */
};

struct lathe_impl_call_spaces {
  struct lathe_impl_call_space of[LATHE_SPACE_COUNT];
  const lathe_call_space *entries[LATHE_SPACE_COUNT]; /* lathe_call.spaces */
};

/* Makes what the call begins on `stream` come behind what others began in the frame. Where
 * it fails, nothing is to be ended. */
lathe_status lathe_impl_call_spaces_begin(struct lathe_impl_call_spaces *spaces, const lathe_module *module,
                                          struct lathe_impl_frame *frame, void *stream);

/* Frees what the call allocated and nobody took. */
void lathe_impl_call_spaces_end(struct lathe_impl_call_spaces *spaces, const lathe_module *module,
                                struct lathe_impl_frame *frame);

/* Waits until the devices have done what the call began. */
void lathe_impl_call_spaces_finish(struct lathe_impl_call_spaces *spaces);

/* lathe_impl_space_copy in the order of the call. `spaces` may be NULL where both are the
 * host's. */
lathe_status lathe_impl_call_spaces_copy(struct lathe_impl_call_spaces *spaces, void *target, uint32_t target_space,
                                         const void *source, uint32_t source_space, size_t size);

#endif /* LATHE_RUNTIME_CORE_SPACES_H */
