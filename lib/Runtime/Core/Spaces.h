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

/* What one call has in a space other than the host's. */
struct lathe_impl_call_space {
  lathe_call_space entry;        /* For generated code, as the next. */
  lathe_space_services services; /* Its context is this. */
  const lathe_space_services *own;
  struct lathe_impl_blocks *blocks;
};

struct lathe_impl_call_spaces {
  struct lathe_impl_call_space of[LATHE_SPACE_COUNT];
  const lathe_call_space *entries[LATHE_SPACE_COUNT]; /* lathe_call.spaces */
};

void lathe_impl_call_spaces_begin(struct lathe_impl_call_spaces *spaces, const lathe_module *module,
                                  struct lathe_impl_frame *frame);

/* Frees what the call allocated and nobody took. */
void lathe_impl_call_spaces_end(struct lathe_impl_call_spaces *spaces, const lathe_module *module);

#endif /* LATHE_RUNTIME_CORE_SPACES_H */
