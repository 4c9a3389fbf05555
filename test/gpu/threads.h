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
/* Products of a warpgroup that are under way, and the registers of one. */
#define MOST_PRODUCTS 16
#define MOST_SUMS 128
/* Addresses of shared memory in instructions have so many bits: it starts at a multiple of that. */
#define SHARED_WINDOW (256 << 10)

/* A copy to shared memory that was asked for and is not seen yet: it is made when it is waited for, no earlier. */
struct pending {
  uint64_t target, source;
  unsigned bytes, zeros, group;
};

/* What tensor cores read while a thread goes on, and where what comes out goes when it waits. */
struct under_way {
  uint64_t *registers[MOST_SUMS];
  uint32_t sums[MOST_SUMS]; /* Their bits. */
  int count;                /* Of registers; 0: there is nothing. */
  bool is_fenced;           /* The registers may be used from here on. */
  int products, committed;
  struct read {
    uint64_t a, b, sum; /* What it reads, and what that was. */
    int columns;
    bool a_is_turned, b_is_turned;
  } reads[MOST_PRODUCTS];
};

struct warp {
  uint64_t slots[32][16]; /* What the lanes give each other. */
};

struct together; /* boxes.h */
enum barrier_step { BARRIER_INIT, BARRIER_FENCE, BARRIER_ARRIVE, BARRIER_EXPECT };

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
  uint32_t random; /* Which copies are made at once. */
  /* Of shared memory as tensor cores see it, what threads have published; and what this one has not yet. */
  char *published;
  struct span {
    uint64_t begin;
    unsigned bytes;
  } *unpublished;
  unsigned unpublished_count;
  struct under_way *under_way;
  /* Barriers in the memory of the block, and copies of boxes by tensor maps. */
  struct together *together;
  unsigned box_groups;
  void (*barrier_step)(struct thread *thread, uint64_t address, enum barrier_step step, int64_t number);
  void (*wait_phase)(struct thread *thread, uint64_t address, unsigned parity);
  /* Waits until `count` threads wait at barrier `number` of the block. */
  void (*wait_named)(struct thread *thread, unsigned number, unsigned count);
  void (*ask_for_box)(struct thread *thread, uint64_t map, uint64_t inside, const int32_t *at, unsigned rank,
                      bool is_store, uint64_t full);
  void (*wait_for_boxes)(struct thread *thread, unsigned left);
};

/* A table of constants in the text of kernels; the last of a list has no bytes. */
struct table {
  const void *begin;
  uint64_t bytes;
};

struct function {
  void (*run)(struct thread *thread, const uint64_t *parameters);
  unsigned parameters, words; /* How many words these are. */
  const char *name;
  bool waits;            /* Its threads wait for each other. */
  const unsigned *bytes; /* Of each parameter. */
};

#ifdef LATHE_EMU_DRIVER
void emu_check(struct thread *thread, uint64_t address, uint64_t bytes);
void run_grid(const struct function *function, unsigned blocks, unsigned threads, unsigned shared,
              const uint64_t *parameters);
#endif

#endif
