/* test/runtime/pool-bench.c: what a loop and a call cost besides their work.
 *
 * Prints figures; no test depends on them.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Fixture.h"
#include "Harness.h"

#include <stdlib.h>
#include <time.h>

enum { SAMPLES = 201 };

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Calls `step` `batch` times per sample; prints nanoseconds for one. `pause` is
 * slept before each sample, in nanoseconds. */
static void measure(const char *what, void (*step)(void *), void *argument, int batch, long pause) {
  double samples[SAMPLES];
  for (int i = 0; i < 100; ++i)
    step(argument);
  for (int i = 0; i < SAMPLES; ++i) {
    if (pause)
      nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
    double start = now();
    for (int j = 0; j < batch; ++j)
      step(argument);
    samples[i] = (now() - start) / batch;
  }
  qsort(samples, SAMPLES, sizeof samples[0], by_value);
  printf("%-44s %9.0f ns median %9.0f min %9.0f p90\n", what, samples[SAMPLES / 2], samples[0],
         samples[SAMPLES * 9 / 10]);
}

static int32_t nothing(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure) {
  (void)begin, (void)end, (void)worker, (void)scratch, (void)closure;
  return 0;
}

static int64_t tasks, steps;

/* A dependent chain, so that its time is known and nothing can shorten it. */
static int32_t spin(int64_t begin, int64_t end, uint32_t worker, void *scratch, void *closure) {
  for (int64_t i = begin; i < end; ++i) {
    uint64_t x = (uint64_t)i;
    for (int64_t j = 0; j < steps; ++j) {
      x = x * 6364136223846793005u + 1;
      __asm__ volatile("" : "+r"(x));
    }
  }
  (void)worker, (void)scratch, (void)closure;
  return 0;
}

static void empty_loop(void *argument) {
  const lathe_imports *imports = argument;
  imports->parallel_for(imports->context, tasks, (uint32_t)lathe_get_threads(), nothing, NULL, 0, NULL);
}

static void busy_loop(void *argument) {
  const lathe_imports *imports = argument;
  imports->parallel_for(imports->context, tasks, (uint32_t)lathe_get_threads(), spin, NULL, 0, NULL);
}

struct call {
  lathe_module *module;
  lathe_tensor inputs[2], outputs[2];
  lathe_call_options options;
};

static void call_main(void *argument) {
  struct call *call = argument;
  CHECK_OK(lathe_module_call_with(call->module, "main", call->inputs, 2, call->outputs, 2, &call->options));
}

enum { LOOPS = 32 };

/* A run of loops, of which each is as empty_loop or busy_loop. */
static void run_of_loops(lathe_task_fn body) {
  lathe_loop loops[LOOPS];
  for (int i = 0; i < LOOPS; ++i)
    loops[i] = (lathe_loop){.body = body, .tasks = tasks};
  lathe_default_imports()->parallel_loops(NULL, (uint32_t)lathe_get_threads(), LOOPS, loops);
}

static void empty_run(void *argument) { (void)argument, run_of_loops(nothing); }

static void busy_run(void *argument) { (void)argument, run_of_loops(spin); }

static void measure_calls(void) {
  float image[3] = {1, 2, 3}, bias[1] = {4};
  struct call call = {
      .inputs = {{image, LATHE_DTYPE_F32, 2, {1, 3}}, {bias, LATHE_DTYPE_F32, 1, {1}}},
      .outputs = {{NULL, LATHE_DTYPE_F32, 2, {1, 3}}, {NULL, LATHE_DTYPE_F64, 0, {0}}},
      .options = {.struct_size = sizeof call.options, .threads = 1},
  };
  CHECK_OK(lathe_module_from_query(lathe_module_query, &call.module));
  CHECK_OK(lathe_tensor_alloc(&call.outputs[0]));
  CHECK_OK(lathe_tensor_alloc(&call.outputs[1]));
  measure("call of 3 elements, 1 thread", call_main, &call, 1000, 0);
  lathe_tensor_free(&call.outputs[0]);
  lathe_tensor_free(&call.outputs[1]);
  lathe_module_free(call.module);
}

int main(int argc, char **argv) {
  int most = argc > 1 ? atoi(argv[1]) : lathe_get_threads();
  void *imports = (void *)lathe_default_imports();
  char what[80];
  measure_calls();
  for (int threads = 1; threads <= most; threads *= 2) {
    CHECK_OK(lathe_set_threads(threads));
    tasks = threads;
    snprintf(what, sizeof what, "empty loop, %d threads, hot", threads);
    measure(what, empty_loop, imports, 1000, 0);
    tasks = threads * 8;
    snprintf(what, sizeof what, "empty loop of %d tasks, %d threads, hot", (int)tasks, threads);
    measure(what, empty_loop, imports, 1000, 0);
    tasks = threads;
    snprintf(what, sizeof what, "empty loop, %d threads, after 1 ms", threads);
    measure(what, empty_loop, imports, 1, 1000000);
    snprintf(what, sizeof what, "run of %d empty loops, %d threads, hot", LOOPS, threads);
    measure(what, empty_run, imports, 1000 / LOOPS, 0);
    for (steps = 100; steps <= 10000; steps *= 10) {
      tasks = 8;
      snprintf(what, sizeof what, "8 tasks of %d steps, %d threads", (int)steps, threads);
      measure(what, busy_loop, imports, 100, 0);
      snprintf(what, sizeof what, "run of %d such loops, %d threads", LOOPS, threads);
      measure(what, busy_run, imports, 4, 0);
    }
  }
  return atomic_load(&failures) ? 1 : 0;
}
