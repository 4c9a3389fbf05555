/* test/runtime/Counting.h: an allocator that counts what calls have not given
 * back.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_TEST_RUNTIME_COUNTING_H
#define LATHE_TEST_RUNTIME_COUNTING_H

#include "lathe-runtime/runtime.h"

#include <stdatomic.h>

static atomic_int held; /* Blocks of memory. */

static void *count_alloc(void *context, size_t size, size_t alignment) {
  (void)context;
  atomic_fetch_add(&held, 1);
  return lathe_default_imports()->alloc(NULL, size, alignment);
}

static void count_free(void *context, void *memory) {
  (void)context;
  atomic_fetch_sub(&held, 1);
  lathe_default_imports()->free(NULL, memory);
}

#endif /* LATHE_TEST_RUNTIME_COUNTING_H */
