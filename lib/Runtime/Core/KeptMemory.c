/* lib/Runtime/Core/KeptMemory.c: the default allocator. Large blocks that were freed are kept for those that are
 * asked for next, as each call asks for outputs of the same sizes: the system hands out a new page at the price of
 * clearing it and a fault, about as much as what most kernels do with its elements.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Internal.h"

#include <pthread.h>
#include <stdlib.h>

/* In front of each block. */
struct header {
  void *start;     /* What the system gave. */
  size_t capacity; /* Bytes behind the header. */
};

#if defined(__has_feature)
#define HAS_FEATURE(name) __has_feature(name)
#else
#define HAS_FEATURE(name) 0
#endif

/* The system's allocator has smaller blocks at hand by itself. */
enum { least_kept = 1 << 17, most_blocks = 16 };

/* Of all blocks together: none under AddressSanitizer, which could not see that one is used once it is freed. */
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
static const size_t most_kept = 0;
#else
static const size_t most_kept = (size_t)64 << 20;
#endif

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct header *kept[most_blocks]; /* The one kept for the longest time first. */
static unsigned count;
static size_t kept_bytes;

static struct header *take(unsigned index) {
  struct header *header = kept[index];
  kept_bytes -= header->capacity;
  for (--count; index < count; ++index)
    kept[index] = kept[index + 1];
  return header;
}

/* A kept block that is not much larger than `size`, which is aligned; NULL if there is none. Nobody waits: in a process
 * that was forked meanwhile, nobody might ever unlock. */
static struct header *find(size_t size, size_t alignment) {
  struct header *found = NULL;
  if (pthread_mutex_trylock(&lock) != 0)
    return NULL;
  for (unsigned i = count; i-- > 0 && !found;)
    if (kept[i]->capacity >= size && kept[i]->capacity - size <= size / 4 && (uintptr_t)(kept[i] + 1) % alignment == 0)
      found = take(i);
  pthread_mutex_unlock(&lock);
  return found;
}

void *lathe_impl_kept_alloc(size_t size, size_t alignment) {
  if (alignment < LATHE_ALIGNMENT)
    alignment = LATHE_ALIGNMENT;
  struct header *header = size >= least_kept ? find(size, alignment) : NULL;
  if (header)
    return header + 1;
  void *start = NULL;
  size_t before = alignment; /* A header fits, and what is behind stays aligned. */
  if (size > SIZE_MAX - before || posix_memalign(&start, alignment, before + (size ? size : 1)) != 0)
    return NULL;
  header = (struct header *)((char *)start + before) - 1;
  *header = (struct header){start, size};
  return header + 1;
}

void lathe_impl_kept_free(void *memory) {
  if (!memory)
    return;
  struct header *header = (struct header *)memory - 1;
  if (header->capacity < least_kept || header->capacity > most_kept || pthread_mutex_trylock(&lock) != 0) {
    free(header->start);
    return;
  }
  void *starts[most_blocks];
  unsigned freed = 0;
  while (count == most_blocks || kept_bytes + header->capacity > most_kept)
    starts[freed++] = take(0)->start;
  kept[count++] = header;
  kept_bytes += header->capacity;
  pthread_mutex_unlock(&lock);
  while (freed > 0)
    free(starts[--freed]);
}
