/* test/gpu/boxes.h: what the threads of a block share with the hardware that copies boxes of tensors.
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_TEST_GPU_BOXES_H
#define LATHE_TEST_GPU_BOXES_H

#include "threads.h"

/* What the driver makes of a tensor, in 128 bytes; the innermost dimension is the first. */
#define MOST_RANK 5
#define MAP_MAGIC 0x70616d2d73726f74ull
struct tensor_map {
  uint64_t magic, address, pitches[MOST_RANK - 1]; /* From one to the next, of all but the innermost. */
  uint32_t sizes[MOST_RANK];
  uint16_t box[MOST_RANK], rank, bytes; /* Of an element. */
};

/* A barrier in the memory of a block: its phase ends when as many threads have arrived, and all bytes that these
 * announced are there. */
#define MOST_BARRIERS 64
struct phase_barrier {
  uint64_t address;
  unsigned arrivals, pending, phase;
  int64_t bytes;
  bool is_fenced; /* The hardware that copies sees it. */
};

/* A copy that was asked for and is not made yet. */
#define MOST_BOXES 256
struct box {
  struct thread *thread;
  struct tensor_map map;
  uint64_t inside; /* In the memory of the block. */
  int32_t at[MOST_RANK];
  struct phase_barrier *full; /* Which counts its bytes; NULL where it is to memory of the device. */
  unsigned group;
};

struct together {
  struct phase_barrier barriers[MOST_BARRIERS];
  struct box boxes[MOST_BOXES];
  unsigned barrier_count, box_count;
  uint32_t random;
};

/* At the start of a block. */
void clear_together(struct together *together, unsigned block);
/* Makes some of the copies in any order, or one where `must`; whether any was made. */
bool copy_some(struct together *together, bool must);
/* Ends the process if a copy is left when the block has ended. */
void check_copies(const struct together *together);
/* Whether the phase with that parity is over. */
bool is_over(const struct phase_barrier *barrier, unsigned parity);
struct phase_barrier *find_barrier(struct thread *thread, uint64_t address);

/* struct thread has these as functions. */
void barrier_step(struct thread *thread, uint64_t address, enum barrier_step step, int64_t number);
void ask_for_box(struct thread *thread, uint64_t map, uint64_t inside, const int32_t *at, unsigned rank, bool is_store,
                 uint64_t full);
void wait_for_boxes(struct thread *thread, unsigned left);

#endif
