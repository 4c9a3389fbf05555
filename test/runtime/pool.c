/* test/runtime/pool.c: every task runs once, on as many threads as asked for,
 * whatever else the process does.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Core/Internal.h"
#include "Harness.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void loop(int threads, int64_t tasks, lathe_task_fn body, void *closure) {
  CHECK_OK(lathe_set_threads(threads));
  const lathe_imports *imports = lathe_default_imports();
  CHECK(imports->parallel_for(imports->context, tasks, (uint32_t)lathe_get_threads(), body, NULL, 0, closure) == 0);
}

static void sleep_microseconds(long microseconds) {
  const struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};
  nanosleep(&time, NULL);
}

/* --- Which tasks run ---------------------------------------------------- */

static atomic_uchar counts[100003];

static int32_t count(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure) {
  (void)worker, (void)scratch, (void)closure;
  CHECK(begin < end);
  for (int64_t i = begin; i < end; ++i)
    atomic_fetch_add_explicit(&counts[i], 1, memory_order_relaxed);
  return 0;
}

static void check_counts(int64_t tasks, int expected) {
  int64_t wrong = 0;
  for (int64_t i = 0; i < (int64_t)sizeof counts; ++i) {
    wrong += atomic_load(&counts[i]) != (i < tasks ? expected : 0);
    atomic_store(&counts[i], 0);
  }
  CHECK(wrong == 0);
}

static void runs_every_task_once(void) {
  const int64_t tasks[] = {0, 1, 2, 3, 7, 64, 1001, 100003};
  const int threads[] = {1, 2, 3, 8};
  for (size_t i = 0; i < sizeof tasks / sizeof tasks[0]; ++i)
    for (size_t j = 0; j < sizeof threads / sizeof threads[0]; ++j) {
      loop(threads[j], tasks[i], count, NULL);
      check_counts(tasks[i], 1);
    }
  loop(2, -5, count, NULL);
  check_counts(0, 1);
}

static void runs_many_loops(void) {
  for (int i = 0; i < 200; ++i)
    for (int threads = 1; threads <= 4; ++threads) {
      loop(threads, 50, count, NULL);
      if (i % 50 == 0) /* Lets workers fall asleep between loops. */
        sleep_microseconds(300);
    }
  /* 800 modulo 256, which is what a counter holds. */
  check_counts(50, 800 % 256);
}

static int32_t add_length(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure) {
  (void)worker, (void)scratch;
  atomic_fetch_add((atomic_llong *)closure, end - begin);
  return 0;
}

static void runs_huge_loops(void) {
  for (int threads = 1; threads <= 5; ++threads) {
    atomic_llong sum = 0;
    loop(threads, INT64_MAX, add_length, &sum);
    CHECK(atomic_load(&sum) == INT64_MAX);
  }
}

static int32_t nest(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure) {
  const lathe_imports *imports = lathe_default_imports();
  (void)worker, (void)scratch;
  for (int64_t i = begin; i < end; ++i)
    CHECK(imports->parallel_for(imports->context, 100, 3, count, NULL, 0, closure) == 0);
  lathe_shutdown(); /* Must not wait for the loop that it is in. */
  return 0;
}

static void runs_nested_loops(void) {
  loop(3, 20, nest, NULL);
  check_counts(100, 20);
}

/* --- Workers and their scratch memory ------------------------------------ */

enum { WORKERS = 4, SCRATCH = 64 };

static _Alignas(64) char scratch_memory[WORKERS * SCRATCH];

/* Marks its scratch memory as in use: no other range may have it meanwhile. */
static int32_t use_scratch(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure) {
  atomic_int *owner = scratch;
  CHECK(worker < *(const uint32_t *)closure && scratch == scratch_memory + worker * SCRATCH);
  CHECK(atomic_exchange(owner, 1) == 0);
  sleep_microseconds(200);
  CHECK(atomic_exchange(owner, 0) == 1);
  return count(begin, end, worker, scratch, NULL);
}

static void gives_each_worker_its_scratch(void) {
  const lathe_imports *imports = lathe_default_imports();
  for (uint32_t workers = 1; workers <= WORKERS; ++workers)
    CHECK(imports->parallel_for(imports->context, 64, workers, use_scratch, scratch_memory, SCRATCH, &workers) == 0);
  check_counts(64, WORKERS);
}

/* The task `closure` points to fails with its number. */
static int32_t fail_at(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure) {
  int64_t failing = *(const int64_t *)closure;
  (void)worker, (void)scratch;
  return failing >= begin && failing < end ? (int32_t)failing : 0;
}

static void hands_on_what_failed(void) {
  const lathe_imports *imports = lathe_default_imports();
  for (uint32_t workers = 1; workers <= WORKERS; ++workers)
    for (int64_t failing = 1; failing < 1000; failing += 111)
      CHECK(imports->parallel_for(imports->context, 1000, workers, fail_at, NULL, 0, &failing) == failing);
  /* An error does not stay for the next loop. */
  int64_t none = -1;
  CHECK(imports->parallel_for(imports->context, 1000, 2, fail_at, NULL, 0, &none) == 0);
}

static int32_t fail_with(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure) {
  (void)begin, (void)end, (void)worker, (void)scratch;
  return (int32_t)*(const int64_t *)closure;
}

static int32_t fail_always(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure) {
  (void)begin, (void)end, (void)worker, (void)scratch;
  return atomic_fetch_add((atomic_int *)closure, 1) + 1;
}

/* What a thread has begun when the first range fails is all that still runs. */
static void begins_nothing_after_a_failure(void) {
  const lathe_imports *imports = lathe_default_imports();
  for (uint32_t workers = 1; workers <= WORKERS; ++workers) {
    atomic_int begun = 0;
    int32_t status = imports->parallel_for(imports->context, 10000, workers, fail_always, NULL, 0, &begun);
    CHECK(atomic_load(&begun) <= (int)workers && status >= 1 && status <= atomic_load(&begun));
  }
}

struct cancelling {
  int32_t flag;
  atomic_int begun;
};

static int32_t cancel_itself(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure) {
  struct cancelling *state = closure;
  (void)begin, (void)end, (void)worker, (void)scratch;
  atomic_fetch_add(&state->begun, 1);
  lathe_cancel(&state->flag);
  return 0;
}

static void begins_nothing_after_a_cancellation(void) {
  for (uint32_t workers = 2; workers <= WORKERS; ++workers) {
    struct cancelling state = {0};
    const lathe_loop loop = {.body = cancel_itself, .closure = &state, .tasks = 10000};
    CHECK(lathe_impl_pool_run(workers, 1, &loop, &state.flag, false) == LATHE_TASK_CANCELLED);
    CHECK(atomic_load(&state.begun) >= 1 && atomic_load(&state.begun) <= (int)workers);
  }
}

/* --- Loops in order ----------------------------------------------------- */

enum { CELLS = 97 };

struct step {
  int number;           /* Of the loop. */
  const int64_t *cells; /* What the loop before wrote; NULL in the first. */
  int64_t *out;
};

/* Each cell needs all cells of the loop before, in which other threads may have
 * written them: the sum of them, and its own place. */
static int32_t add_up(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure) {
  const struct step *step = closure;
  (void)worker, (void)scratch;
  for (int64_t i = begin; i < end; ++i) {
    int64_t sum = step->number;
    for (int j = 0; step->cells && j < CELLS; ++j)
      sum += step->cells[j] % 1000;
    step->out[i] = sum + i;
  }
  return 0;
}

/* Loops of many tasks, of one and of none, that read what the one before wrote. */
static void runs_loops_in_order(void) {
  enum { LOOPS = 40 };
  static int64_t cells[LOOPS][CELLS];
  static struct step steps[LOOPS];
  static lathe_loop loops[LOOPS];
  const lathe_imports *imports = lathe_default_imports();
  for (int i = 0, last = -1; i < LOOPS; ++i) {
    int64_t tasks = i == 5 ? 0 : i == 6 ? -1 : i % 7 == 3 ? 1 : CELLS;
    steps[i] = (struct step){i, last >= 0 ? cells[last] : NULL, cells[i]};
    loops[i] = (lathe_loop){.body = add_up, .closure = &steps[i], .tasks = tasks};
    last = tasks > 0 ? i : last;
  }
  for (int round = 0; round < 300; ++round)
    for (uint32_t workers = 1; workers <= 5; ++workers) {
      memset(cells, 0, sizeof cells);
      CHECK(imports->parallel_loops(NULL, workers, LOOPS, loops) == 0);
      int64_t before[CELLS] = {0};
      for (int i = 0, last = -1; i < LOOPS; ++i) {
        if (loops[i].tasks <= 0)
          continue;
        int64_t sum = i;
        for (int j = 0; last >= 0 && j < CELLS; ++j)
          sum += before[j] % 1000;
        for (int j = 0; j < CELLS; ++j)
          before[j] = j < loops[i].tasks ? sum + j : 0;
        CHECK(memcmp(before, cells[i], sizeof before) == 0);
        last = i;
      }
      if (round % 60 == 0)
        sleep_microseconds(300);
    }
}

static void hands_on_which_loop_failed(void) {
  const lathe_imports *imports = lathe_default_imports();
  for (uint32_t workers = 1; workers <= WORKERS; ++workers)
    for (int failing = 0; failing < 4; ++failing) {
      int64_t none = -1, at = 17;
      atomic_int begun = 0;
      lathe_loop loops[5];
      for (int i = 0; i < 5; ++i)
        loops[i] =
            (lathe_loop){.body = fail_at, .closure = i == failing ? &at : &none, .tasks = 50, .first_check = 100 * i};
      loops[4] = (lathe_loop){.body = fail_always, .closure = &begun, .tasks = 50};
      CHECK(imports->parallel_loops(NULL, workers, 5, loops) == 100 * failing + 17);
      CHECK(atomic_load(&begun) == 0);
      /* What is the runtime's own status stays as it is. */
      at = LATHE_TASK_OUT_OF_MEMORY;
      loops[failing].body = fail_with;
      CHECK(imports->parallel_loops(NULL, workers, 5, loops) == LATHE_TASK_OUT_OF_MEMORY);
    }
}

/* A loop may begin when so many tasks of those before are done. */
struct stage {
  atomic_int *done;
  int before;
};

static int32_t come_in_order(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure) {
  const struct stage *stage = closure;
  (void)worker, (void)scratch;
  CHECK(atomic_load(stage->done) >= stage->before);
  atomic_fetch_add(stage->done, (int)(end - begin));
  return 0;
}

/* More loops at once than the pool has numbers for in one run, so often that the numbers start anew. */
static void runs_more_loops_than_numbers(void) {
  enum { LOOPS = 2 * 65536 + 3, APART = 6554, TASKS = 50, ROUNDS = (1 << 29) / LOOPS + 8 };
  static lathe_loop loops[LOOPS];
  static struct stage stages[LOOPS / APART + 1];
  atomic_int done;
  int count = 0;
  for (int i = LOOPS - 1; i >= 0; i -= APART)
    ++count;
  for (int i = LOOPS - 1, at = count - 1; i >= 0; i -= APART, --at) {
    stages[at] = (struct stage){&done, at * TASKS};
    loops[i] = (lathe_loop){.body = come_in_order, .closure = &stages[at], .tasks = TASKS};
  }
  for (int round = 0; round < ROUNDS; ++round) {
    atomic_store(&done, 0);
    CHECK(lathe_default_imports()->parallel_loops(NULL, 2, LOOPS, loops) == 0);
    CHECK(atomic_load(&done) == count * TASKS);
  }
}

static void begins_no_loop_after_a_cancellation(void) {
  for (uint32_t workers = 1; workers <= WORKERS; ++workers) {
    struct cancelling state = {0};
    atomic_int begun = 0;
    const lathe_loop loops[] = {{.body = cancel_itself, .closure = &state, .tasks = 1},
                                {.body = fail_always, .closure = &begun, .tasks = 1000}};
    CHECK(lathe_impl_pool_run(workers, 2, loops, &state.flag, false) == LATHE_TASK_CANCELLED);
    CHECK(atomic_load(&state.begun) == 1 && atomic_load(&begun) == 0);
  }
}

/* --- On how many threads ------------------------------------------------ */

struct meeting {
  atomic_int present;
  int expected;
};

/* Comes back only when all are here, so they must be on threads of their own;
 * after some seconds, gives up. */
static int32_t meet(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure) {
  struct meeting *meeting = closure;
  (void)worker, (void)scratch;
  CHECK(end == begin + 1);
  atomic_fetch_add(&meeting->present, 1);
  for (int i = 0; i < 20000; ++i) {
    if (atomic_load(&meeting->present) >= meeting->expected)
      return 0;
    sleep_microseconds(500);
  }
  CHECK(!"the others never came");
  return 0;
}

static void uses_all_threads(void) {
  const int threads[] = {2, 4, 9};
  for (size_t i = 0; i < sizeof threads / sizeof threads[0]; ++i)
    for (int round = 0; round < 20; ++round) {
      struct meeting meeting = {0, threads[i]};
      loop(threads[i], threads[i], meet, &meeting);
      CHECK(atomic_load(&meeting.present) == threads[i]);
    }
}

#if defined(__x86_64__)
/* Denormals to zero, rounding towards zero: what a new thread would inherit. */
static int32_t check_float_mode(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure) {
  /* Each thread has one task, for they meet; the caller's is the first, and it
   * has the mode that it set. */
  if (begin > 0)
    CHECK((__builtin_ia32_stmxcsr() & 0xFFC0u) == 0x1F80u);
  return meet(begin, end, worker, scratch, closure);
}

static void workers_have_the_default_float_mode(void) {
  struct meeting meeting = {0, 4};
  lathe_shutdown();
  __builtin_ia32_ldmxcsr(0x1F80u | 0x8040u | 0x6000u);
  loop(4, 4, check_float_mode, &meeting);
  __builtin_ia32_ldmxcsr(0x1F80u);
  CHECK(atomic_load(&meeting.present) == 4);
}
#endif

static int threads_of_process(void) {
  DIR *folder = opendir("/proc/self/task");
  int found = 0;
  if (!folder)
    return -1;
  for (struct dirent *entry; (entry = readdir(folder));)
    found += entry->d_name[0] != '.';
  closedir(folder);
  return found;
}

static void starts_and_ends_threads(void) {
  lathe_shutdown();
  int before = threads_of_process();
  loop(1, 100, count, NULL);
  CHECK(threads_of_process() == before); /* One thread needs no pool. */
  loop(4, 100, count, NULL);
  CHECK(threads_of_process() == before + 3);
  loop(2, 100, count, NULL);
  lathe_shutdown();
  /* A joined thread may stay listed for a moment. */
  for (int i = 0; i < 1000 && threads_of_process() != before; ++i)
    sleep_microseconds(1000);
  CHECK(threads_of_process() == before);
  lathe_shutdown();
  loop(4, 100, count, NULL);
  check_counts(100, 4);
}

static void checks_settings(void) {
  CHECK_ERROR_HAS(lathe_set_threads(-1), LATHE_INVALID_ARGUMENT, "-1 threads are asked for");
  CHECK_ERROR_HAS(lathe_set_threads(LATHE_MAX_THREADS + 1), LATHE_INVALID_ARGUMENT, "[threads-range]");
  CHECK_OK(lathe_set_threads(3));
  CHECK(lathe_get_threads() == 3);
  CHECK_OK(lathe_set_threads(0));
  CHECK(lathe_get_threads() >= 1 && lathe_get_threads() <= sysconf(_SC_NPROCESSORS_ONLN));
}

/* --- Next to others ----------------------------------------------------- */

static void *loop_often(void *argument) {
  (void)argument;
  const lathe_imports *imports = lathe_default_imports();
  for (int i = 0; i < 500; ++i)
    CHECK(imports->parallel_for(imports->context, 64, 3, count, NULL, 0, NULL) == 0);
  return NULL;
}

static void serves_many_threads(void) {
  pthread_t threads[6];
  CHECK_OK(lathe_set_threads(3));
  for (int i = 0; i < 6; ++i)
    CHECK(pthread_create(&threads[i], NULL, loop_often, NULL) == 0);
  for (int i = 0; i < 6; ++i)
    pthread_join(threads[i], NULL);
  check_counts(64, 6 * 500 % 256);
}

/* Forks; the child runs loops and says how they went. */
static void fork_and_loop(void) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    alarm(20);
    memset((void *)counts, 0, sizeof counts);
    struct meeting meeting = {0, 2};
    loop(2, 2, meet, &meeting);
    loop(3, 1000, count, NULL);
    check_counts(1000, 1);
    lathe_shutdown();
    _exit(atomic_load(&failures) ? 1 : 0);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void survives_fork(void) {
  loop(3, 1000, count, NULL);
  check_counts(1000, 1);
  fork_and_loop(); /* Workers may still spin. */
  sleep_microseconds(5000);
  fork_and_loop(); /* Workers sleep. */
  loop(3, 1000, count, NULL);
  check_counts(1000, 1);
}

static void survives_fork_next_to_a_loop(void) {
  pthread_t other;
  CHECK_OK(lathe_set_threads(3));
  CHECK(pthread_create(&other, NULL, loop_often, NULL) == 0);
  for (int i = 0; i < 10; ++i)
    fork_and_loop();
  pthread_join(other, NULL);
  check_counts(64, 500 % 256);
}

struct fork_inside {
  pthread_t owner;
  atomic_bool forked;
  bool in_child;
};

/* Forks once, on the thread that owns the loop; a worker waits for that, so
 * that the owner is sure to get a task. */
static int32_t fork_inside(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure) {
  struct fork_inside *state = closure;
  count(begin, end, worker, scratch, NULL);
  if (!pthread_equal(pthread_self(), state->owner)) {
    for (int i = 0; i < 20000 && !atomic_load(&state->forked); ++i)
      sleep_microseconds(500);
    return 0;
  }
  if (atomic_load(&state->forked))
    return 0;
  pid_t child = fork();
  CHECK(child >= 0);
  atomic_store(&state->forked, true);
  if (child == 0) {
    /* Loops run inline here, and the one under way comes to its end. */
    alarm(20);
    memset((void *)counts, 0, sizeof counts);
    const lathe_imports *imports = lathe_default_imports();
    CHECK(imports->parallel_for(imports->context, 1000, 3, count, NULL, 0, NULL) == 0);
    check_counts(1000, 1);
    state->in_child = true;
    return 0;
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return 0;
}

static void survives_fork_inside_a_loop(void) {
  struct fork_inside state = {.owner = pthread_self()};
  loop(2, 8, fork_inside, &state);
  if (state.in_child) {
    /* Task 4 may have been begun by the worker, which is not here. */
    for (int i = 1; i < 8; ++i)
      CHECK(atomic_load(&counts[i]) == 1 || i == 4);
    memset((void *)counts, 0, sizeof counts);
    loop(2, 1000, count, NULL); /* A pool of the child's own. */
    check_counts(1000, 1);
    _exit(atomic_load(&failures) ? 1 : 0);
  }
  CHECK(atomic_load(&state.forked));
  check_counts(8, 1);
}

/* The child, whose workers are gone, does what comes behind the loop in which it forked. */
static void survives_fork_inside_a_list(void) {
  enum { TASKS = 1000 };
  struct fork_inside state = {.owner = pthread_self()};
  atomic_int done = 0;
  struct stage stages[2] = {{&done, 0}, {&done, TASKS}};
  const lathe_loop loops[] = {{.body = fork_inside, .closure = &state, .tasks = 8},
                              {.body = come_in_order, .closure = &stages[0], .tasks = TASKS},
                              {.body = come_in_order, .closure = &stages[1], .tasks = TASKS}};
  CHECK(lathe_default_imports()->parallel_loops(NULL, 2, 3, loops) == 0);
  CHECK(atomic_load(&done) == 2 * TASKS);
  if (state.in_child)
    _exit(atomic_load(&failures) ? 1 : 0);
  CHECK(atomic_load(&state.forked));
  check_counts(8, 1);
}

int main(int argc, char **argv) {
  static const struct test_case cases[] = {
      {"runs-every-task-once", runs_every_task_once},
      {"runs-many-loops", runs_many_loops},
      {"runs-huge-loops", runs_huge_loops},
      {"runs-nested-loops", runs_nested_loops},
      {"gives-each-worker-its-scratch", gives_each_worker_its_scratch},
      {"hands-on-what-failed", hands_on_what_failed},
      {"begins-nothing-after-a-failure", begins_nothing_after_a_failure},
      {"begins-nothing-after-a-cancellation", begins_nothing_after_a_cancellation},
      {"runs-loops-in-order", runs_loops_in_order},
      {"hands-on-which-loop-failed", hands_on_which_loop_failed},
      {"runs-more-loops-than-numbers", runs_more_loops_than_numbers},
      {"begins-no-loop-after-a-cancellation", begins_no_loop_after_a_cancellation},
      {"uses-all-threads", uses_all_threads},
#if defined(__x86_64__)
      {"workers-have-the-default-float-mode", workers_have_the_default_float_mode},
#endif
      {"starts-and-ends-threads", starts_and_ends_threads},
      {"checks-settings", checks_settings},
      {"serves-many-threads", serves_many_threads},
      {"survives-fork", survives_fork},
      {"survives-fork-next-to-a-loop", survives_fork_next_to_a_loop},
      {"survives-fork-inside-a-loop", survives_fork_inside_a_loop},
      {"survives-fork-inside-a-list", survives_fork_inside_a_list},
  };
  return RUN_CASES(cases, argc, argv);
}
