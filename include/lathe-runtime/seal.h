/* include/lathe-runtime/seal.h: the checksum in every file that Lathe writes,
 * because what reads those files (the dynamic linker, the JIT's, MLIR's reader
 * of bytecode) trusts each byte and ends the process over a wrong one.
 *
 * It finds accidents, not attacks: a compiled file is a program, and is to be
 * trusted like one.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_RUNTIME_SEAL_H
#define LATHE_RUNTIME_SEAL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Four lanes take the 8-byte words in turn, so that a processor works on four
 * at once. Every step is a bijection of its lane and of its word: files of one
 * size that differ in a single aligned word never have the same checksum. */
typedef struct lathe_checksum {
  uint64_t lanes[4];
  uint64_t size;
} lathe_checksum;

#define LATHE_CHECKSUM_BLOCK 32

static inline uint64_t lathe_checksum_mix(uint64_t lane, uint64_t word) {
  lane = (lane ^ word) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 over the golden ratio; odd. */
  return (lane << 31) | (lane >> 33);
}

static inline void lathe_checksum_begin(lathe_checksum *sum) {
  for (uint64_t i = 0; i < 4; ++i)
    sum->lanes[i] = i + 1;
  sum->size = 0;
}

/* Every part but the last must be a multiple of LATHE_CHECKSUM_BLOCK bytes. */
static inline void lathe_checksum_add(lathe_checksum *sum, const void *bytes, size_t size) {
  const unsigned char *at = (const unsigned char *)bytes;
  uint64_t words[4];
  sum->size += size;
  for (; size >= LATHE_CHECKSUM_BLOCK; at += LATHE_CHECKSUM_BLOCK, size -= LATHE_CHECKSUM_BLOCK) {
    memcpy(words, at, sizeof words);
    for (int i = 0; i < 4; ++i)
      sum->lanes[i] = lathe_checksum_mix(sum->lanes[i], words[i]);
  }
  if (size == 0)
    return;
  memset(words, 0, sizeof words);
  memcpy(words, at, size);
  for (int i = 0; i < 4; ++i)
    sum->lanes[i] = lathe_checksum_mix(sum->lanes[i], words[i]);
}

static inline uint64_t lathe_checksum_end(const lathe_checksum *sum) {
  uint64_t result = lathe_checksum_mix(0, sum->size);
  for (int i = 0; i < 4; ++i)
    result = lathe_checksum_mix(result, sum->lanes[i]);
  return result;
}

static inline uint64_t lathe_checksum_of(const void *bytes, size_t size) {
  lathe_checksum sum;
  lathe_checksum_begin(&sum);
  lathe_checksum_add(&sum, bytes, size);
  return lathe_checksum_end(&sum);
}

/* Weights are summed in chunks, which threads share, and the sums, in order, are
 * summed again. */
#define LATHE_CHECKSUM_CHUNK ((size_t)1 << 20)

static inline uint64_t lathe_checksum_chunks(uint64_t size) {
  return size / LATHE_CHECKSUM_CHUNK + (size % LATHE_CHECKSUM_CHUNK != 0);
}

/* The last bytes of a shared library that Lathe wrote, behind all that its own
 * headers speak of. A library without them (linked by somebody else, or
 * stripped) is taken as it is. The weights have a checksum of their own, which
 * who loads the library may leave out: no value of theirs can crash. */
typedef struct lathe_seal {
  char magic[16];                      /* LATHE_SEAL_MAGIC. */
  uint64_t file_size;                  /* With the seal. */
  uint64_t weights_begin, weights_end; /* Multiples of LATHE_CHECKSUM_BLOCK. */
  uint64_t checksum;                   /* Of all before the seal and outside of the weights. */
  uint64_t weights_checksum;           /* Of the sums of their chunks. */
} lathe_seal;

#define LATHE_SEAL_MAGIC "\x7fLATHE seal 2\r\n"

#ifdef __cplusplus
}
#endif

#endif /* LATHE_RUNTIME_SEAL_H */
