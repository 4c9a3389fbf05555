/* test/gpu/threads.c: runs a grid: block after block, the threads of each in turn, until each ends or waits.
 *
 * In which order warps go on, and how far one gets before the next, differs from barrier to barrier, so that a kernel
 * that relies on one is found.
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#define LATHE_EMU_DRIVER
#include "boxes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define STACK_BYTES (256u << 10)

enum state { READY, AT_WARP, AT_BLOCK, AT_PHASE, AT_NAMED, ENDED };

struct fiber {
  struct thread thread;
  enum state state;
  const struct phase_barrier *barrier; /* What it waits for at `AT_PHASE`, and the parity. */
  unsigned parity;
  unsigned named, count; /* At `AT_NAMED`: the barrier and how many it is for. */
  const struct function *function;
  const uint64_t *parameters;
#ifdef __x86_64__
  void *place; /* Where its stack ends while others run. */
#else
  ucontext_t place;
#endif
};

struct grid {
  struct fiber fibers[MOST_THREADS];
  struct warp warps[MOST_THREADS / 32];
  struct pending pending[MOST_THREADS][MOST_PENDING];
  struct span unpublished[MOST_THREADS][MOST_PENDING];
  struct under_way under_way[MOST_THREADS];
  struct together together;
  char *shared, *published;
  char *stacks;
  struct fiber *running;
#ifdef __x86_64__
  void *scheduler;
#else
  ucontext_t scheduler;
#endif
};
static _Thread_local struct grid *grid;

/* --- Switching ---------------------------------------------------------- */

#ifdef __x86_64__
/* Saves what a call keeps, and the stack, at `from`; goes on where `to` was saved. */
void emu_switch(void **from, void *to);
__asm__(".text\n.globl emu_switch\n.hidden emu_switch\nemu_switch:\n"
        "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
        "mov %rsp, (%rdi)\nmov %rsi, %rsp\n"
        "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n");
static void to_scheduler(struct fiber *fiber) { emu_switch(&fiber->place, grid->scheduler); }
static void to_fiber(struct fiber *fiber) {
  grid->running = fiber;
  emu_switch(&grid->scheduler, fiber->place);
}
#else
static void to_scheduler(struct fiber *fiber) { swapcontext(&fiber->place, &grid->scheduler); }
static void to_fiber(struct fiber *fiber) {
  grid->running = fiber;
  swapcontext(&grid->scheduler, &fiber->place);
}
#endif

static void start(void) {
  struct fiber *fiber = grid->running;
  fiber->function->run(&fiber->thread, fiber->parameters);
  fiber->state = ENDED;
  to_scheduler(fiber);
  abort();
}

static void prepare(struct fiber *fiber, char *stack) {
#ifdef __x86_64__
  void **top = (void **)(stack + STACK_BYTES);
  *--top = NULL; /* Where `start` would return to. */
  *--top = (void *)start;
  top -= 6;
  memset(top, 0, 6 * sizeof *top);
  fiber->place = top;
#else
  getcontext(&fiber->place);
  fiber->place.uc_stack.ss_sp = stack;
  fiber->place.uc_stack.ss_size = STACK_BYTES;
  fiber->place.uc_link = NULL;
  makecontext(&fiber->place, start, 0);
#endif
}

/* --- Waiting ------------------------------------------------------------ */

static void wait_for_others(struct thread *thread, bool is_block) {
  struct fiber *fiber = (struct fiber *)thread;
  fiber->state = is_block ? AT_BLOCK : AT_WARP;
  to_scheduler(fiber);
}

static void wait_phase(struct thread *thread, uint64_t address, unsigned parity) {
  struct fiber *fiber = (struct fiber *)thread;
  fiber->barrier = find_barrier(thread, address);
  fiber->parity = parity;
  fiber->state = AT_PHASE;
  to_scheduler(fiber);
}

static void wait_named(struct thread *thread, unsigned number, unsigned count) {
  struct fiber *fiber = (struct fiber *)thread;
  fiber->named = number;
  fiber->count = count;
  fiber->state = AT_NAMED;
  to_scheduler(fiber);
}

/* Lets threads go on whose phase is over, or whose barrier has as many as it is for; whether any does. */
static bool wake(unsigned threads) {
  bool any = false;
  unsigned waiting[16] = {0};
  for (unsigned i = 0; i < threads; ++i)
    if (grid->fibers[i].state == AT_NAMED)
      ++waiting[grid->fibers[i].named % 16];
  for (unsigned i = 0; i < threads; ++i) {
    struct fiber *fiber = &grid->fibers[i];
    if ((fiber->state == AT_PHASE && is_over(fiber->barrier, fiber->parity)) ||
        (fiber->state == AT_NAMED && waiting[fiber->named % 16] == fiber->count)) {
      fiber->state = READY;
      any = true;
    }
  }
  return any;
}

/* Lets threads `begin` to `end` go on if all that have not ended are in `state`; whether any does. */
static bool release(unsigned begin, unsigned end, enum state state) {
  bool any = false;
  for (unsigned i = begin; i < end; ++i) {
    if (grid->fibers[i].state != state && grid->fibers[i].state != ENDED)
      return false;
    any |= grid->fibers[i].state == state;
  }
  for (unsigned i = begin; any && i < end; ++i)
    if (grid->fibers[i].state == state)
      grid->fibers[i].state = READY;
  return any;
}

/* Runs threads `begin` to `end` once, in either order; whether any was ready. */
static bool run_some(unsigned begin, unsigned end, bool is_backward) {
  bool any = false;
  for (unsigned n = begin; n < end; ++n) {
    struct fiber *fiber = &grid->fibers[is_backward ? begin + end - 1 - n : n];
    if (fiber->state == READY) {
      to_fiber(fiber);
      any = true;
    }
  }
  return any;
}

/* Runs all to the next barrier of the block: a warp after the other as far as it gets, or all of them in step. */
static void run_to_barrier(unsigned threads, unsigned turn) {
  unsigned count = (threads + 31) / 32;
  bool is_backward = turn % 2, in_step = turn % 3 == 2;
  for (bool goes_on = true; goes_on;) {
    goes_on = false;
    for (unsigned n = 0; n < count; ++n) {
      unsigned begin = 32 * (is_backward ? count - 1 - n : n), end = begin + 32 < threads ? begin + 32 : threads;
      do
        goes_on |= run_some(begin, end, is_backward);
      while (release(begin, end, AT_WARP) && (goes_on = true) && !in_step);
      copy_some(&grid->together, false);
      goes_on |= wake(threads);
    }
    if (!goes_on)
      goes_on = copy_some(&grid->together, true);
    goes_on |= wake(threads);
  }
}

/* Which warp is first also differs from block to block. */
static void run_block(unsigned threads, unsigned block) {
  for (unsigned turn = block;; ++turn) {
    run_to_barrier(threads, turn);
    bool has_ended = true;
    for (unsigned i = 0; i < threads; ++i)
      has_ended &= grid->fibers[i].state == ENDED;
    if (has_ended) {
      check_copies(&grid->together);
      return;
    }
    if (!release(0, threads, AT_BLOCK)) {
      fprintf(stderr, "libcuda-emu: the threads of a block of kernel %s wait for each other for ever\n",
              grid->fibers[0].thread.kernel);
      abort();
    }
  }
}

/* --- Grids -------------------------------------------------------------- */

static void make_grid(void) {
  grid = calloc(1, sizeof *grid);
  void *stacks = mmap(NULL, (size_t)MOST_THREADS * STACK_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (!grid || stacks == MAP_FAILED)
    abort();
  grid->stacks = stacks;
  grid->shared = aligned_alloc(SHARED_WINDOW, SHARED_WINDOW);
  grid->published = aligned_alloc(SHARED_WINDOW, SHARED_WINDOW);
  if (!grid->shared || !grid->published)
    abort();
}

void run_grid(const struct function *function, unsigned blocks, unsigned threads, unsigned shared,
              const uint64_t *parameters) {
  if (!grid)
    make_grid();
  for (unsigned block = 0; block < blocks; ++block) {
    memset(grid->shared, 0xcd, shared);
    memset(grid->published, 0xcd, shared);
    clear_together(&grid->together, block);
    for (unsigned i = 0; i < threads; ++i) {
      struct fiber *fiber = &grid->fibers[i];
      fiber->thread = (struct thread){.tid = i,
                                      .ntid = threads,
                                      .ctaid = block,
                                      .nctaid = blocks,
                                      .kernel = function->name,
                                      .shared = grid->shared,
                                      .shared_bytes = shared,
                                      .warp = &grid->warps[i / 32],
                                      .wait = wait_for_others,
                                      .check = emu_check,
                                      .pending = grid->pending[i],
                                      .random = 977 * i + block,
                                      .published = grid->published,
                                      .unpublished = grid->unpublished[i],
                                      .under_way = &grid->under_way[i],
                                      .together = &grid->together,
                                      .barrier_step = barrier_step,
                                      .wait_phase = wait_phase,
                                      .wait_named = wait_named,
                                      .ask_for_box = ask_for_box,
                                      .wait_for_boxes = wait_for_boxes};
      grid->under_way[i] = (struct under_way){.count = 0};
      fiber->state = READY;
      fiber->function = function;
      fiber->parameters = parameters;
      if (function->waits)
        prepare(fiber, grid->stacks + (size_t)i * STACK_BYTES);
      else
        function->run(&fiber->thread, parameters);
    }
    if (function->waits)
      run_block(threads, block);
  }
}
