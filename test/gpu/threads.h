/* test/gpu/threads.h: the threads of a block that wait for each other, each on a stack of its own.
 *
 * What is included twice: by the driver, which runs them, and by the C code of kernels, which asks them to wait.
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_TEST_GPU_THREADS_H
#define LATHE_TEST_GPU_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOST_THREADS 1024
#define MOST_SHARED (227 << 10)
#define MOST_PENDING 512

/* A copy to shared memory that was asked for and is not seen yet: it is made when it is waited for, no earlier. */
struct pending {
  uint64_t target, source;
  unsigned bytes, zeros, group;
};

struct warp {
  uint64_t slots[32][16]; /* What the lanes give each other. */
};

struct thread {
  uint32_t tid, ntid, ctaid, nctaid;
  struct {
    uint64_t begin, end;
  } seen[4]; /* Memory of the device that was used before, so that few accesses are looked up. */
  unsigned next;
  const char *kernel;
  char *shared;
  unsigned shared_bytes; /* That the launch asked for. */
  struct warp *warp;
  /* Waits until all threads of the warp, or of the block, that have not ended wait as well. */
  void (*wait)(struct thread *thread, bool is_block);
  void (*check)(struct thread *thread, uint64_t address, uint64_t bytes);
  struct pending *pending;
  unsigned pending_count, groups;
};

/* A table of constants in the text of kernels; the last of a list has no bytes. */
struct table {
  const void *begin;
  uint64_t bytes;
};

struct function {
  void (*run)(struct thread *thread, const uint64_t *parameters);
  unsigned parameters;
  const char *name;
  bool waits; /* Its threads wait for each other. */
};

#ifdef LATHE_EMU_DRIVER
void emu_check(struct thread *thread, uint64_t address, uint64_t bytes);
void run_grid(const struct function *function, unsigned blocks, unsigned threads, unsigned shared,
              const uint64_t *parameters);
#endif

#endif
