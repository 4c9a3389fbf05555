/* test/runtime/memory.c: the default allocator keeps what is large for what is asked for next.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Fixture.h"
#include "Harness.h"

#include <stdint.h>

#if defined(__has_feature)
#define HAS_FEATURE(name) __has_feature(name)
#else
#define HAS_FEATURE(name) 0
#endif

/* AddressSanitizer shall see each use of freed memory, so nothing is kept there. */
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
enum { is_kept = 0 };
#else
enum { is_kept = 1 };
#endif

static void *take(size_t size) {
  const lathe_imports *imports = lathe_default_imports();
  void *memory = imports->alloc(imports->context, size, LATHE_ALIGNMENT);
  CHECK(memory != NULL && (uintptr_t)memory % LATHE_ALIGNMENT == 0);
  memset(memory, 1, size);
  return memory;
}

static void give(void *memory) {
  const lathe_imports *imports = lathe_default_imports();
  imports->free(imports->context, memory);
}

static void keeps_large_blocks(void) {
  enum { large = 1 << 20 };
  void *first = take(large), *second = take(large);
  CHECK(first != second);
  give(first);
  /* Neither a small one nor one that would not fit, or waste most of it. */
  void *small = take(100), *larger = take(large + 1), *half = take(large / 2);
  CHECK(small != first && larger != first && half != first);
  void *again = take(large);
  CHECK(!is_kept || again == first);
  give(again);
  again = take(large - large / 8);
  CHECK(!is_kept || again == first);
  give(again);
  give(second);
  give(small);
  give(larger);
  give(half);
  give(NULL);
}

static void aligns_as_asked(void) {
  const lathe_imports *imports = lathe_default_imports();
  for (size_t alignment = 1; alignment <= 8192; alignment *= 2)
    for (int i = 0; i < 2; ++i) {
      void *memory = imports->alloc(imports->context, 1 << 18, alignment);
      CHECK(memory != NULL && (uintptr_t)memory % alignment == 0);
      memset(memory, 1, 1 << 18);
      imports->free(imports->context, memory);
    }
}

static void serves_many(void) {
  enum { count = 40 };
  void *blocks[count];
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < count; ++i)
      blocks[i] = take(((size_t)1 << 18) + (size_t)i * 4096);
    for (int i = 0; i < count; ++i)
      for (int j = 0; j < i; ++j)
        CHECK(blocks[i] != blocks[j]);
    for (int i = 0; i < count; ++i)
      give(blocks[i]);
  }
  /* More than all that is kept. */
  void *huge = take((size_t)80 << 20);
  give(huge);
  CHECK(lathe_default_imports()->alloc(NULL, SIZE_MAX, LATHE_ALIGNMENT) == NULL);
}

int main(int argc, char **argv) {
  static const struct test_case cases[] = {
      {"keeps-large-blocks", keeps_large_blocks},
      {"aligns-as-asked", aligns_as_asked},
      {"serves-many", serves_many},
  };
  return RUN_CASES(cases, argc, argv);
}
