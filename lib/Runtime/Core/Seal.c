/* lib/Runtime/Core/Seal.c: whether a library still has the bytes that the compiler
 * wrote: the code, which can crash, and the weights, which would be wrong results.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Internal.h"

#include "lathe-runtime/seal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static lathe_status damaged(const char *path, const char *what) {
  return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-checksum",
                         "%s: the file is damaged: %s since lathe compile wrote it; copy or compile it again", path,
                         what);
}

/* Adds the bytes [from, to) of the file; false if they cannot be read. They are
 * read, not mapped: a file that gets shorter meanwhile is an error, not a signal,
 * and no page of it stays in the process. */
static bool add_range(lathe_checksum *sum, int file, uint64_t from, uint64_t to) {
  unsigned char block[512 * LATHE_CHECKSUM_BLOCK];
  while (from < to) {
    size_t want = to - from < sizeof block ? (size_t)(to - from) : sizeof block;
    size_t have = 0;
    while (have < want) {
      ssize_t got = pread(file, block + have, want - have, (off_t)(from + have));
      if (got <= 0)
        return false;
      have += (size_t)got;
    }
    lathe_checksum_add(sum, block, want);
    from += want;
  }
  return true;
}

struct weights {
  int file;
  uint64_t begin, end;
  uint64_t *sums; /* One a chunk. */
};

static int32_t sum_chunks(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure) {
  (void)worker, (void)scratch;
  const struct weights *weights = closure;
  for (int64_t i = begin; i < end; ++i) {
    uint64_t from = weights->begin + (uint64_t)i * LATHE_CHECKSUM_CHUNK;
    uint64_t left = weights->end - from;
    lathe_checksum sum;
    lathe_checksum_begin(&sum);
    if (!add_range(&sum, weights->file, from, from + (left < LATHE_CHECKSUM_CHUNK ? left : LATHE_CHECKSUM_CHUNK)))
      return 1;
    weights->sums[i] = lathe_checksum_end(&sum);
  }
  return 0;
}

static lathe_status check_weights(const char *path, int file, const lathe_seal *seal) {
  uint64_t chunks = lathe_checksum_chunks(seal->weights_end - seal->weights_begin);
  struct weights weights = {file, seal->weights_begin, seal->weights_end, calloc(chunks ? chunks : 1, 8)};
  if (!weights.sums)
    return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "module-out-of-memory", "no memory for %llu checksums",
                           (unsigned long long)chunks);
  uint32_t workers = (uint32_t)lathe_get_threads();
  const lathe_loop loop = {.body = sum_chunks, .closure = &weights, .tasks = (int64_t)chunks};
  bool is_read = lathe_impl_pool_run(workers, 1, &loop, NULL, false) == 0;
  uint64_t sum = lathe_checksum_of(weights.sums, chunks * sizeof *weights.sums);
  free(weights.sums);
  if (!is_read)
    return lathe_impl_fail(LATHE_NOT_FOUND, "module-cannot-read", "%s: cannot read the module to its end", path);
  return sum == seal->weights_checksum ? LATHE_OK : damaged(path, "weights were changed");
}

lathe_status lathe_impl_check_seal(const char *path, int file, uint64_t size, bool checks_weights) {
  lathe_seal seal;
  if (size < sizeof seal || pread(file, &seal, sizeof seal, (off_t)(size - sizeof seal)) != (ssize_t)sizeof seal ||
      memcmp(seal.magic, LATHE_SEAL_MAGIC, sizeof seal.magic) != 0)
    return LATHE_OK; /* Not sealed. */
  uint64_t end = size - sizeof seal;
  if (seal.file_size != size)
    return damaged(path, "bytes were lost or added");
  if (seal.weights_begin > seal.weights_end || seal.weights_end > end ||
      (seal.weights_begin | seal.weights_end) % LATHE_CHECKSUM_BLOCK != 0)
    return damaged(path, "its seal was changed");
  lathe_checksum sum;
  lathe_checksum_begin(&sum);
  if (!add_range(&sum, file, 0, seal.weights_begin) || !add_range(&sum, file, seal.weights_end, end))
    return lathe_impl_fail(LATHE_NOT_FOUND, "module-cannot-read", "%s: cannot read the module to its end", path);
  if (lathe_checksum_end(&sum) != seal.checksum)
    return damaged(path, "bytes were changed");
  return checks_weights ? check_weights(path, file, &seal) : LATHE_OK;
}
