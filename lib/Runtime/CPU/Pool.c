// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* lib/Runtime/CPU/Pool.c: the process's threads, and how they share loops.
 *
 * One run of loops uses the pool at a time; a run that finds it in use is inline,
 * so nothing ever waits for the pool and nesting cannot deadlock. The thread that
 * took the pool, its owner, sits on seat 0 and each worker on a seat of its
 * own.
 *
 * A worker's seat has a state, and only these changes happen:
 *
 *   IDLE -> POSTED      owner: there is work
 *   ASLEEP -> POSTED    owner, which then wakes the worker
 *   POSTED -> RUNNING   worker
 *   POSTED -> IDLE      owner, at the end: the worker came too late. So a run
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
 * A run is all its loops, one after the other, for each thread that takes part.
 * What comes between two loops is one number: the chunks of this run that are
 * done. Who finds no more chunks waits until that is all of this loop and those
 * before, and goes on. So a worker that comes late catches up, and one that never
 * comes is not missed. The seats' counters need no new start for each loop: they
 * hold the number of the loop that they are for.
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

/* Bits of seat.taken for a number of chunks; the rest is the loop's. */
#define CHUNK_BITS 3
#define CHUNK_MASK ((1u << CHUNK_BITS) - 1)
_Static_assert(CHUNKS_PER_SEAT <= CHUNK_MASK, "all chunks of a seat may be taken");

/* Loops of one run, so that its chunks can be counted in pool.done. */
#define MOST_LOOPS 65536u
_Static_assert((uint64_t)MOST_LOOPS * LATHE_MAX_THREADS * CHUNKS_PER_SEAT < 1u << 31,
               "pool.done holds any run's chunks");

/* Apart from each other by two cache lines, because processors fetch pairs. */
#define APART 128

enum state { IDLE, POSTED, RUNNING, AWAITED, ASLEEP, EXIT };

struct seat {
  _Alignas(APART) atomic_uint state;
  atomic_int cpu; /* Where its thread ran last. */
  pthread_t thread;
  /* The number of a loop, and how many chunks of it are taken of this range. */
  _Alignas(APART) atomic_uint taken;
};

static struct {
  _Alignas(APART) atomic_bool taken;
  /* Whether waiting threads spin first. Workers read it at any time. */
  atomic_bool spins;
  /* Chunks of the run that are done, and how many threads sleep until there are more. */
  _Alignas(APART) atomic_uint done;
  atomic_int sleepers;
  /* All below belongs to who took the pool, and is read by posted workers. */
  _Alignas(APART) const lathe_loop *loops;
  uint32_t count;
  uint32_t first; /* The number of the first loop; numbers only rise. */
  const int32_t *cancel;
  bool flushes_denormals;
  atomic_int status; /* The first that is not 0. */
  int seats;         /* In use by the run, the owner's among them. */
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

/* How a loop is shared out. */
struct shares {
  int seats;            /* That have a part in it. */
  int64_t length, rest; /* Tasks of a seat; so many have one more. */
};

static struct shares shares_of(const lathe_loop *loop, int seats) {
  if (loop->tasks < seats)
    seats = (int)loop->tasks;
  return (struct shares){seats, loop->tasks / seats, loop->tasks % seats};
}

/* What one thread does is not taken apart. */
static int64_t chunk_of(const struct shares *shares, int64_t length) {
  int64_t parts = shares->seats == 1 ? 1 : CHUNKS_PER_SEAT;
  return length / parts + (length % parts != 0);
}

static uint32_t chunks_in(const struct shares *shares, int64_t length) {
  int64_t chunk = chunk_of(shares, length);
  return (uint32_t)(length / chunk + (length % chunk != 0));
}

static uint32_t chunks_of(const struct shares *shares) {
  uint32_t chunks = ((uint32_t)shares->seats - (uint32_t)shares->rest) * chunks_in(shares, shares->length);
  return shares->rest ? chunks + (uint32_t)shares->rest * chunks_in(shares, shares->length + 1) : chunks;
}

/* Takes the next of `chunks` chunks of a seat in loop `number`; -1 if there is none, as when
 * the others are at a later loop. */
static int take_chunk(struct seat *seat, uint32_t number, uint32_t chunks) {
  /* The look before the change keeps finished ranges from being written to. */
  uint32_t taken = atomic_load_explicit(&seat->taken, memory_order_relaxed);
  for (;;) {
    uint32_t at = taken >> CHUNK_BITS;
    uint32_t next = at == number ? taken & CHUNK_MASK : 0;
    if (at > number || next >= chunks)
      return -1;
    if (atomic_compare_exchange_weak_explicit(&seat->taken, &taken, (number << CHUNK_BITS) | (next + 1),
                                              memory_order_relaxed, memory_order_relaxed))
      return (int)next;
  }
}

static int32_t run_tasks(const lathe_loop *loop, int64_t begin, int64_t end, int self) {
  if (lathe_impl_is_cancelled(pool.cancel))
    return LATHE_TASK_CANCELLED;
  int32_t status = loop->body(begin, end, (uint32_t)self, (char *)loop->scratch + (size_t)self * loop->scratch_stride,
                              loop->closure);
  return status > 0 ? status + loop->first_check : status;
}

/* Returns the chunks of seat `index` that this thread took. After a failure it takes
 * them, so that nobody waits for them, but does not run them. Worker numbers are seats:
 * no two threads have the same. */
static uint32_t run_range(const lathe_loop *loop, uint32_t number, const struct shares *shares, int index, int self) {
  int64_t more = index < shares->rest, length = shares->length + more;
  int64_t first = shares->length * index + (more ? index : shares->rest);
  int64_t chunk = chunk_of(shares, length);
  uint32_t chunks = chunks_in(shares, length), count = 0;
  for (int at; (at = take_chunk(&pool.seat[index], number, chunks)) >= 0; ++count) {
    if (atomic_load_explicit(&pool.status, memory_order_relaxed) != 0)
      continue;
    int64_t begin = at * chunk, left = length - begin;
    int32_t fine = 0, status = run_tasks(loop, first + begin, first + begin + (left < chunk ? left : chunk), self);
    if (status != 0)
      atomic_compare_exchange_strong_explicit(&pool.status, &fine, status, memory_order_relaxed, memory_order_relaxed);
  }
  return count;
}

/* Returns the chunks of all seats that this thread took. */
static uint32_t run_share(const lathe_loop *loop, uint32_t number, const struct shares *shares, int self) {
  uint32_t count = 0;
  for (int i = self; i < shares->seats; ++i)
    count += run_range(loop, number, shares, i, self);
  for (int i = 0; i < self; ++i)
    count += run_range(loop, number, shares, i, self);
  return count;
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

static void add_done(uint32_t chunks) {
  /* In one order with the two numbers of wait_for_chunks: either this sees the sleeper, or that sees the chunks. */
  atomic_fetch_add(&pool.done, chunks);
  if (atomic_load(&pool.sleepers) > 0)
    lathe_impl_wake_all(&pool.done);
}

/* Returns when so many chunks of the run are done. */
static void wait_for_chunks(uint32_t wanted) {
  unsigned done = atomic_load_explicit(&pool.done, memory_order_acquire);
  if (done < wanted && atomic_load_explicit(&pool.spins, memory_order_relaxed)) {
    int64_t stop = now() + SPIN_NANOSECONDS;
    do
      for (int i = 0; i < SPIN_BATCH && done < wanted; ++i) {
        lathe_impl_pause();
        done = atomic_load_explicit(&pool.done, memory_order_acquire);
      }
    while (done < wanted && now() < stop);
  }
  if (done >= wanted)
    return;
  atomic_fetch_add(&pool.sleepers, 1);
  while ((done = atomic_load(&pool.done)) < wanted)
    lathe_impl_wait(&pool.done, done);
  atomic_fetch_sub(&pool.sleepers, 1);
}

/* All loops, as the thread on seat `self` does them. */
static void run_loops(int self) {
  uint32_t wanted = 0;
  for (uint32_t i = 0; i < pool.count; ++i) {
    const lathe_loop *loop = &pool.loops[i];
    if (loop->tasks <= 0)
      continue;
    struct shares shares = shares_of(loop, pool.seats);
    wanted += chunks_of(&shares);
    if (self != 0 && atomic_load_explicit(&pool.done, memory_order_acquire) >= wanted)
      continue; /* This worker came late. */
    uint32_t count = self < shares.seats ? run_share(loop, pool.first + i, &shares, self) : 0;
    if (count > 0)
      add_done(count);
    /* Workers need not see the end of the last loop. */
    if (self == 0 || i + 1 < pool.count)
      wait_for_chunks(wanted);
  }
}

/* Returns when seat has no part in the run any more. */
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
    run_loops(self);
    if (atomic_exchange_explicit(&seat->state, IDLE, memory_order_acq_rel) == AWAITED)
      lathe_impl_wake(&seat->state);
  }
  return NULL;
}

/* In the child of a fork, no worker exists. If the child forked from inside a
 * loop, the run ends without the parts that workers had begun. */
static void reset_in_child(void) {
  atomic_store_explicit(&pool.done, 1u << 31, memory_order_relaxed);
  atomic_store_explicit(&pool.sleepers, 0, memory_order_relaxed);
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

/* Without the pool. */
static int32_t run_alone(uint32_t count, const lathe_loop *loops, const int32_t *cancel) {
  int32_t status = 0;
  for (uint32_t i = 0; i < count && status == 0; ++i) {
    if (loops[i].tasks <= 0)
      continue;
    if (lathe_impl_is_cancelled(cancel))
      return LATHE_TASK_CANCELLED;
    status = loops[i].body(0, loops[i].tasks, 0, loops[i].scratch, loops[i].closure);
    if (status > 0)
      status += loops[i].first_check;
  }
  return status;
}

/* Numbers the loops of a run. Nobody looks at the seats' counters meanwhile. */
static void number_loops(uint32_t count) {
  uint32_t last = UINT32_MAX >> CHUNK_BITS;
  pool.first += pool.count;
  if (pool.first > last - count) {
    for (int i = 0; i < LATHE_MAX_THREADS; ++i)
      atomic_store_explicit(&pool.seat[i].taken, 0, memory_order_relaxed);
    pool.first = 1;
  }
  pool.count = count;
}

static int32_t run_on_seats(int seats, uint32_t count, const lathe_loop *loops, const int32_t *cancel,
                            bool flushes_denormals) {
  number_loops(count);
  pool.loops = loops;
  pool.cancel = cancel;
  pool.flushes_denormals = flushes_denormals;
  pool.seats = seats;
  atomic_store_explicit(&pool.status, 0, memory_order_relaxed);
  atomic_store_explicit(&pool.done, 0, memory_order_relaxed);
  atomic_store_explicit(&pool.seat[0].cpu, lathe_impl_current_cpu(), memory_order_relaxed);
  for (int i = 1; i < seats; ++i) {
    struct seat *seat = &pool.seat[i];
    if (atomic_exchange_explicit(&seat->state, POSTED, memory_order_acq_rel) == ASLEEP)
      lathe_impl_wake(&seat->state);
  }
  run_loops(0);
  for (int i = 1; i < seats; ++i)
    finish(&pool.seat[i]);
  return atomic_load_explicit(&pool.status, memory_order_relaxed);
}

int32_t lathe_impl_pool_run(uint32_t workers, uint32_t count, const lathe_loop *loops, const int32_t *cancel,
                            bool flushes_denormals) {
  int64_t most = 0;
  for (uint32_t i = 0; i < count; ++i)
    most = loops[i].tasks > most ? loops[i].tasks : most;
  int seats = workers < LATHE_MAX_THREADS ? (int)workers : LATHE_MAX_THREADS;
  if (seats > most)
    seats = (int)most;
  if (seats <= 1 || inside || !take_pool())
    return run_alone(count, loops, cancel);
  add_workers(seats - 1);
  if (seats > pool.workers + 1)
    seats = pool.workers + 1;
  inside = true;
  int32_t status = 0;
  for (uint32_t begin = 0; begin < count && status == 0; begin += MOST_LOOPS)
    status = run_on_seats(seats, count - begin < MOST_LOOPS ? count - begin : MOST_LOOPS, loops + begin, cancel,
                          flushes_denormals);
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
