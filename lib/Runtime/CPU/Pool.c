// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* lib/Runtime/CPU/Pool.c: the process's threads, and how they share a loop.
 *
 * One loop uses the pool at a time; a loop that finds it in use runs inline, so
 * nothing ever waits for the pool and nesting cannot deadlock. The thread that
 * took the pool, its owner, sits on seat 0 and each worker on a seat of its
 * own.
 *
 * A worker's seat has a state, and only these changes happen:
 *
 *   IDLE -> POSTED      owner: there is work
 *   ASLEEP -> POSTED    owner, which then wakes the worker
 *   POSTED -> RUNNING   worker
 *   POSTED -> IDLE      owner, at the end: the worker came too late. So a loop
 *                       never waits for a worker that has not begun.
 *   RUNNING -> IDLE     worker
 *   RUNNING -> AWAITED  owner, which sleeps until the worker is done
 *   AWAITED -> IDLE     worker, which then wakes the owner
 *   IDLE -> ASLEEP      worker, after spinning for SPIN_NANOSECONDS
 *   IDLE, ASLEEP -> EXIT  owner, in lathe_shutdown
 *
 * Each seat starts with an equal range of the tasks, taken chunk by chunk; who
 * has no more goes on with the others' chunks. Ranges are the same from loop to
 * loop, so a thread meets the data that is in its cache.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "../Core/Internal.h"

#include "FloatMode.h"
#include "Placement.h"
#include "Wait.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

/* Longer than the gaps between the kernels of a model, and about as long as it
 * takes to wake a thread: spinning costs at most twice what sleeping would. */
#define SPIN_NANOSECONDS 60000

/* Pauses between two looks at the clock. */
#define SPIN_BATCH 64

/* Chunks in the range of a seat: enough to even out cores that differ by a
 * quarter, few enough that taking them costs nothing. */
#define CHUNKS_PER_SEAT 4

/* Apart from each other by two cache lines, because processors fetch pairs. */
#define APART 128

enum state { IDLE, POSTED, RUNNING, AWAITED, ASLEEP, EXIT };

struct seat {
  _Alignas(APART) atomic_uint state;
  atomic_int cpu; /* Where its thread ran last. */
  pthread_t thread;
  _Alignas(APART) atomic_uint next_chunk;
  uint32_t chunks;
  int64_t begin, end, chunk; /* The range, and the tasks in a chunk. */
};

static struct {
  _Alignas(APART) atomic_bool taken;
  /* Whether waiting threads spin first. Workers read it at any time. */
  atomic_bool spins;
  /* All below belongs to who took the pool, and is read by posted workers. */
  _Alignas(APART) lathe_task_fn body;
  void *closure;
  char *scratch;
  size_t scratch_stride;
  const int32_t *cancel;
  bool flushes_denormals;
  atomic_int status; /* The first that is not 0. */
  int seats;         /* In use by the loop, the owner's among them. */
  int workers;
  bool registered; /* At pthread_atfork. */
  struct seat seat[LATHE_MAX_THREADS];
} pool;

static atomic_int default_threads; /* 0: not set. */
static atomic_int cpus;            /* 0: not counted yet. */

/* Inside a loop of the pool, as its owner or as a worker. */
static _Thread_local bool inside;

/* --- Settings ----------------------------------------------------------- */

static int usable_cpus(void) {
  int count = atomic_load_explicit(&cpus, memory_order_relaxed);
  if (count == 0) {
    /* Two threads may both count; they find the same. */
    count = lathe_impl_cpu_count();
    atomic_store_explicit(&cpus, count, memory_order_relaxed);
  }
  return count;
}

int lathe_get_threads(void) {
  int threads = atomic_load_explicit(&default_threads, memory_order_relaxed);
  if (threads == 0)
    threads = usable_cpus();
  return threads < LATHE_MAX_THREADS ? threads : LATHE_MAX_THREADS;
}

lathe_status lathe_set_threads(int threads) {
  if (threads < 0 || threads > LATHE_MAX_THREADS)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "threads-range",
                           "%d threads are asked for, but 1 to %d, or 0 for as "
                           "many as there are CPUs, are possible",
                           threads, LATHE_MAX_THREADS);
  atomic_store_explicit(&default_threads, threads, memory_order_relaxed);
  return LATHE_OK;
}

/* --- Sharing a loop ----------------------------------------------------- */

static bool take_pool(void) {
  return !atomic_load_explicit(&pool.taken, memory_order_relaxed) &&
         !atomic_exchange_explicit(&pool.taken, true, memory_order_acquire);
}

static void release_pool(void) { atomic_store_explicit(&pool.taken, false, memory_order_release); }

static void set_ranges(int seats, int64_t tasks) {
  int64_t share = tasks / seats, rest = tasks % seats, begin = 0;
  for (int i = 0; i < seats; ++i) {
    struct seat *seat = &pool.seat[i];
    int64_t length = share + (i < rest);
    seat->begin = begin;
    seat->end = begin += length;
    seat->chunk = length / CHUNKS_PER_SEAT + (length % CHUNKS_PER_SEAT != 0);
    seat->chunks = (uint32_t)(length / seat->chunk + (length % seat->chunk != 0));
    atomic_store_explicit(&seat->next_chunk, 0, memory_order_relaxed);
  }
}

/* Worker numbers are seats: no two threads have the same. */
static void run_range(struct seat *seat, int self) {
  /* The look before the step keeps finished ranges from being written to. */
  while (atomic_load_explicit(&pool.status, memory_order_relaxed) == 0 &&
         atomic_load_explicit(&seat->next_chunk, memory_order_relaxed) < seat->chunks) {
    uint32_t index = atomic_fetch_add_explicit(&seat->next_chunk, 1, memory_order_relaxed);
    if (index >= seat->chunks)
      return;
    int64_t begin = seat->begin + index * seat->chunk;
    int64_t left = seat->end - begin;
    int fine = 0, status = LATHE_TASK_CANCELLED;
    if (!lathe_impl_is_cancelled(pool.cancel))
      status = pool.body(begin, begin + (left < seat->chunk ? left : seat->chunk), (uint32_t)self,
                         pool.scratch + (size_t)self * pool.scratch_stride, pool.closure);
    if (status != 0)
      atomic_compare_exchange_strong_explicit(&pool.status, &fine, status, memory_order_relaxed, memory_order_relaxed);
  }
}

static void run_share(int self) {
  for (int i = self; i < pool.seats; ++i)
    run_range(&pool.seat[i], self);
  for (int i = 0; i < self; ++i)
    run_range(&pool.seat[i], self);
}

/* --- Waiting ------------------------------------------------------------ */

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Spins while the state is `busy` and time is left; returns the last state. */
static unsigned spin_while(struct seat *seat, unsigned busy) {
  unsigned state = atomic_load_explicit(&seat->state, memory_order_acquire);
  if (state != busy || !atomic_load_explicit(&pool.spins, memory_order_relaxed))
    return state;
  int64_t stop = now() + SPIN_NANOSECONDS;
  do {
    for (int i = 0; i < SPIN_BATCH; ++i) {
      lathe_impl_pause();
      state = atomic_load_explicit(&seat->state, memory_order_acquire);
      if (state != busy)
        return state;
    }
  } while (now() < stop);
  return state;
}

static bool change(struct seat *seat, unsigned from, unsigned to) {
  return atomic_compare_exchange_strong_explicit(&seat->state, &from, to, memory_order_acq_rel, memory_order_acquire);
}

/* Returns when seat has no part in the loop any more. */
static void finish(struct seat *seat) {
  if (change(seat, POSTED, IDLE))
    return;
  if (spin_while(seat, RUNNING) != RUNNING || !change(seat, RUNNING, AWAITED))
    return;
  while (atomic_load_explicit(&seat->state, memory_order_acquire) == AWAITED)
    lathe_impl_wait(&seat->state, AWAITED);
}

/* --- Workers ------------------------------------------------------------ */

/* Returns POSTED or EXIT. */
static unsigned wait_for_work(struct seat *seat) {
  for (;;) {
    unsigned state = spin_while(seat, IDLE);
    if (state == POSTED || state == EXIT)
      return state;
    if (state == IDLE)
      change(seat, IDLE, ASLEEP);
    while (atomic_load_explicit(&seat->state, memory_order_acquire) == ASLEEP)
      lathe_impl_wait(&seat->state, ASLEEP);
  }
}

/* Notes the CPU of the worker, after moving it if the owner's is the same. */
static void settle(struct seat *self) {
  int cpu = lathe_impl_current_cpu();
  if (cpu >= 0 && cpu == atomic_load_explicit(&pool.seat[0].cpu, memory_order_relaxed) &&
      atomic_load_explicit(&pool.spins, memory_order_relaxed)) {
    int used[LATHE_MAX_THREADS], count = 0;
    for (int i = 0; i < pool.seats; ++i)
      if (&pool.seat[i] != self)
        used[count++] = atomic_load_explicit(&pool.seat[i].cpu, memory_order_relaxed);
    lathe_impl_avoid_cpus(used, count);
    cpu = lathe_impl_current_cpu();
  }
  atomic_store_explicit(&self->cpu, cpu, memory_order_relaxed);
}

static void *work(void *argument) {
  struct seat *seat = argument;
  int self = (int)(seat - pool.seat);
#if defined(__linux__)
  prctl(PR_SET_NAME, "lathe");
#endif
  inside = true;
  while (wait_for_work(seat) == POSTED) {
    if (!change(seat, POSTED, RUNNING))
      continue;
    settle(seat);
    /* A thread inherits its creator's mode, and keeps that of the last loop. */
    lathe_impl_float_mode_enter(pool.flushes_denormals);
    run_share(self);
    if (atomic_exchange_explicit(&seat->state, IDLE, memory_order_acq_rel) == AWAITED)
      lathe_impl_wake(&seat->state);
  }
  return NULL;
}

/* In the child of a fork, no worker exists. If the child forked from inside a
 * loop, that loop ends without the parts that workers had begun. */
static void reset_in_child(void) {
  for (int i = 1; i <= pool.workers; ++i)
    atomic_store_explicit(&pool.seat[i].state, IDLE, memory_order_relaxed);
  pool.workers = 0;
  lathe_impl_wait_reset();
  release_pool();
}

/* Starts workers until there are `wanted`, or the system gives no more. */
static void add_workers(int wanted) {
  if (pool.workers >= wanted)
    return;
  if (!pool.registered)
    pool.registered = pthread_atfork(NULL, NULL, reset_in_child) == 0;
  /* Signals are for the host program's threads. */
  sigset_t all, old;
  sigfillset(&all);
  if (pthread_sigmask(SIG_SETMASK, &all, &old) != 0)
    return;
  while (pool.workers < wanted) {
    struct seat *seat = &pool.seat[pool.workers + 1];
    atomic_store_explicit(&seat->state, IDLE, memory_order_relaxed);
    atomic_store_explicit(&seat->cpu, -1, memory_order_relaxed);
    if (pthread_create(&seat->thread, NULL, work, seat) != 0)
      break;
    ++pool.workers;
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  /* With more threads than CPUs, a spinning one holds up one that works. */
  atomic_store_explicit(&pool.spins, pool.workers < usable_cpus(), memory_order_relaxed);
}

static void stop_workers(void) {
  for (int i = 1; i <= pool.workers; ++i) {
    struct seat *seat = &pool.seat[i];
    if (atomic_exchange_explicit(&seat->state, EXIT, memory_order_acq_rel) == ASLEEP)
      lathe_impl_wake(&seat->state);
  }
  for (int i = 1; i <= pool.workers; ++i)
    pthread_join(pool.seat[i].thread, NULL);
  pool.workers = 0;
}

int32_t lathe_impl_pool_run(uint32_t workers, int64_t tasks, lathe_task_fn body, void *scratch, size_t scratch_stride,
                            void *closure, const int32_t *cancel, bool flushes_denormals) {
  if (tasks <= 0)
    return 0;
  int seats = workers < LATHE_MAX_THREADS ? (int)workers : LATHE_MAX_THREADS;
  if (seats > tasks)
    seats = (int)tasks;
  if (seats <= 1 || inside || !take_pool())
    return body(0, tasks, 0, scratch, closure);
  add_workers(seats - 1);
  if (seats > pool.workers + 1)
    seats = pool.workers + 1;
  inside = true;
  pool.body = body;
  pool.closure = closure;
  pool.scratch = scratch;
  pool.scratch_stride = scratch_stride;
  pool.cancel = cancel;
  pool.flushes_denormals = flushes_denormals;
  pool.seats = seats;
  atomic_store_explicit(&pool.status, 0, memory_order_relaxed);
  set_ranges(seats, tasks);
  atomic_store_explicit(&pool.seat[0].cpu, lathe_impl_current_cpu(), memory_order_relaxed);
  for (int i = 1; i < seats; ++i) {
    struct seat *seat = &pool.seat[i];
    if (atomic_exchange_explicit(&seat->state, POSTED, memory_order_acq_rel) == ASLEEP)
      lathe_impl_wake(&seat->state);
  }
  run_share(0);
  for (int i = 1; i < seats; ++i)
    finish(&pool.seat[i]);
  int32_t status = atomic_load_explicit(&pool.status, memory_order_relaxed);
  inside = false;
  release_pool();
  return status;
}

void lathe_shutdown(void) {
  if (inside)
    return;
  const struct timespec moment = {.tv_nsec = 50000};
  while (!take_pool())
    nanosleep(&moment, NULL);
  stop_workers();
  release_pool();
}

/* Threads must not outlive the code that they run: the library that holds this
 * may be unloaded. At exit, with a call under way elsewhere, they are left. */
__attribute__((destructor)) static void stop_at_unload(void) {
  if (inside || !take_pool())
    return;
  stop_workers();
  release_pool();
}
