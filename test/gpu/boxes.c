/* test/gpu/boxes.c: copies of boxes by tensor maps, and the barriers that count their bytes.
 *
 * A copy is made at some time between when it is asked for and when nothing else can go on, in any order. What is
 * outside of the tensor is 0, and the chunks of 16 bytes of a row of 128 are where the address of the row says.
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#define LATHE_EMU_DRIVER
#include "boxes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW_BYTES 128
#define CHUNK_BYTES 16

static void stop(const struct thread *thread, const char *why) {
  fprintf(stderr, "libcuda-emu: kernel %s, thread %u of block %u: %s\n", thread->kernel, thread->tid, thread->ctaid,
          why);
  abort();
}

void clear_together(struct together *together, unsigned block) {
  together->barrier_count = together->box_count = 0;
  together->random = 2654435761u * (block + 1);
}

static uint32_t draw(struct together *together) {
  together->random = together->random * 1664525u + 1013904223u;
  return together->random >> 8;
}

/* --- Barriers ----------------------------------------------------------- */

struct phase_barrier *find_barrier(struct thread *thread, uint64_t address) {
  struct together *together = thread->together;
  uint64_t place = address % SHARED_WINDOW;
  for (unsigned i = 0; i < together->barrier_count; ++i)
    if (together->barriers[i].address == place)
      return &together->barriers[i];
  stop(thread, "there is no barrier at this address");
  return NULL;
}

bool is_over(const struct phase_barrier *barrier, unsigned parity) { return barrier->phase % 2 != parity; }

static void end_phase(struct phase_barrier *barrier) {
  if (barrier->pending || barrier->bytes)
    return;
  ++barrier->phase;
  barrier->pending = barrier->arrivals;
}

void barrier_step(struct thread *thread, uint64_t address, enum barrier_step step, int64_t number) {
  struct together *together = thread->together;
  if (step == BARRIER_FENCE) {
    for (unsigned i = 0; i < together->barrier_count; ++i)
      together->barriers[i].is_fenced = true;
    return;
  }
  if (step == BARRIER_INIT) {
    uint64_t place = address % SHARED_WINDOW;
    for (unsigned i = 0; i < together->barrier_count; ++i)
      if (together->barriers[i].address == place)
        stop(thread, "a barrier is made where there is one");
    if (together->barrier_count == MOST_BARRIERS || place % 8 || place + 8 > thread->shared_bytes)
      stop(thread, "too many barriers, or one at no multiple of 8 bytes of the memory of the block");
    together->barriers[together->barrier_count++] =
        (struct phase_barrier){.address = place, .arrivals = (unsigned)number, .pending = (unsigned)number};
    return;
  }
  struct phase_barrier *barrier = find_barrier(thread, address);
  if (barrier->pending == 0)
    stop(thread, "more threads arrive at a barrier than it expects in a phase");
  if (step == BARRIER_EXPECT)
    barrier->bytes += number;
  --barrier->pending;
  end_phase(barrier);
}

/* --- Copies ------------------------------------------------------------- */

/* Copies one row, of which `first` to `end` are in the tensor. */
static void copy_row(const struct box *box, uint64_t inside, uint64_t outside, int64_t first, int64_t end) {
  struct thread *thread = box->thread;
  char row[ROW_BYTES] = {0}, *in_row = row + first * box->map.bytes;
  uint64_t bytes = first < end ? (uint64_t)(end - first) * box->map.bytes : 0,
           from = outside + (uint64_t)first * box->map.bytes;
  if (bytes)
    emu_check(thread, from, bytes);
  if (box->full && bytes)
    memcpy(in_row, (const void *)(uintptr_t)from, bytes);
  for (uint64_t chunk = 0; chunk < ROW_BYTES / CHUNK_BYTES; ++chunk) {
    uint64_t place = inside + (chunk ^ (inside / ROW_BYTES % 8)) * CHUNK_BYTES;
    if (box->full) {
      memcpy(thread->shared + place, row + chunk * CHUNK_BYTES, CHUNK_BYTES);
      memcpy(thread->published + place, row + chunk * CHUNK_BYTES, CHUNK_BYTES);
    } else {
      memcpy(row + chunk * CHUNK_BYTES, thread->published + place, CHUNK_BYTES);
    }
  }
  if (!box->full && bytes)
    memcpy((void *)(uintptr_t)from, in_row, bytes);
}

static uint64_t rows_of(const struct tensor_map *map) {
  uint64_t rows = 1;
  for (unsigned i = 1; i < map->rank; ++i)
    rows *= map->box[i];
  return rows;
}

static void copy_box(struct box *box) {
  const struct tensor_map *map = &box->map;
  uint64_t rows = rows_of(map);
  for (uint64_t row = 0; row < rows; ++row) {
    uint64_t rest = row, outside = map->address;
    bool is_there = true;
    for (unsigned i = 1; i < map->rank; ++i) {
      int64_t at = box->at[i] + (int64_t)(rest % map->box[i]);
      rest /= map->box[i];
      is_there &= at >= 0 && at < (int64_t)map->sizes[i];
      outside += (uint64_t)at * map->pitches[i - 1];
    }
    int64_t begin = box->at[0], first = begin < 0 ? -begin : 0, end = (int64_t)map->sizes[0] - begin;
    end = end < map->box[0] ? end : map->box[0];
    copy_row(box, box->inside + row * ROW_BYTES, outside + (uint64_t)(begin * map->bytes), is_there ? first : 0,
             is_there && end > first ? end : 0);
  }
  if (!box->full)
    return;
  box->full->bytes -= (int64_t)(rows * ROW_BYTES);
  end_phase(box->full);
}

static void take(struct together *together, unsigned number) {
  struct box box = together->boxes[number];
  together->boxes[number] = together->boxes[--together->box_count];
  copy_box(&box);
}

bool copy_some(struct together *together, bool must) {
  bool any = false;
  for (unsigned n = together->box_count; n-- > 0 && together->box_count;) {
    unsigned number = draw(together) % together->box_count;
    if (must ? any : draw(together) % 4 != 0)
      continue;
    take(together, number);
    any = true;
  }
  return any;
}

void check_copies(const struct together *together) {
  if (together->box_count)
    stop(together->boxes[0].thread, "a block has ended, and nobody waited for a copy from or to its memory");
}

/* Copies to the device's memory (`is_store`) are what kernels will have next: no kernel of the compiler has one yet,
 * nor a `bar.sync` of some threads, and `test/gpu/faults.py` plants none. */
void ask_for_box(struct thread *thread, uint64_t map, uint64_t inside, const int32_t *at, unsigned rank, bool is_store,
                 uint64_t full) {
  struct together *together = thread->together;
  if (together->box_count == MOST_BOXES)
    stop(thread, "too many copies that nobody waits for");
  struct box *box = &together->boxes[together->box_count];
  *box = (struct box){.thread = thread, .inside = inside % SHARED_WINDOW, .group = thread->box_groups};
  memcpy(&box->map, (const void *)(uintptr_t)map, sizeof box->map);
  if (box->map.magic != MAP_MAGIC || box->map.rank != rank || box->map.box[0] * box->map.bytes != ROW_BYTES)
    stop(thread, "what copies a box has no tensor map, or one of another rank or of other rows");
  if (box->inside % ROW_BYTES || box->inside + rows_of(&box->map) * ROW_BYTES > thread->shared_bytes)
    stop(thread, "a box is not in the memory of the block, or begins at no multiple of 128 bytes");
  memcpy(box->at, at, rank * sizeof *at);
  if (!is_store) {
    box->full = find_barrier(thread, full);
    if (!box->full->is_fenced)
      stop(thread, "the hardware that copies does not see a barrier yet");
  }
  ++together->box_count;
}

void wait_for_boxes(struct thread *thread, unsigned left) {
  struct together *together = thread->together;
  for (unsigned i = together->box_count; i-- > 0;)
    if (together->boxes[i].thread == thread && !together->boxes[i].full &&
        together->boxes[i].group + left < thread->box_groups)
      take(together, i);
}
