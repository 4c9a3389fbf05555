/* test/runtime/threads.c: calls of one module from many threads, and the same
 * bits on one thread and on two.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Counting.h"
#include "Fixture.h"
#include "Harness.h"

#include <pthread.h>
#include <stdlib.h>

/* More than the runtime keeps frames for. */
enum { CALLERS = 24 };

static lathe_module *module;

struct caller {
  pthread_t thread;
  int64_t batch;
  int rounds;
};

static void fill_inputs(float *image, float *bias, int64_t batch) {
  for (int64_t i = 0; i < batch * 3; ++i)
    image[i] = (float)(i * 37 % 101) / 7;
  for (int64_t i = 0; i < batch; ++i)
    bias[i] = (float)(batch + i) / 3;
}

static void free_default(void *memory) { lathe_default_imports()->free(NULL, memory); }
static void (*give_back)(void *memory) = free_default;

static void *call_often(void *argument) {
  struct caller *caller = argument;
  for (int round = 0; round < caller->rounds; ++round) {
    int64_t batch = caller->batch + round % 5;
    float *image = malloc((size_t)batch * 3 * sizeof(float));
    float *bias = malloc((size_t)batch * sizeof(float));
    fill_inputs(image, bias, batch);
    lathe_tensor inputs[] = {{image, LATHE_DTYPE_F32, 2, {batch, 3}}, {bias, LATHE_DTYPE_F32, 1, {batch}}};
    lathe_tensor outputs[2] = {0};
    CHECK_OK(lathe_module_call(module, "main", inputs, 2, outputs, 2));
    const float *scaled = outputs[0].data;
    for (int64_t i = 0; scaled && i < batch * 3; ++i) {
      /* Through memory, as in the module: no fused multiply-add. */
      volatile float product = image[i] * (float)(2 + i % 3);
      CHECK(scaled[i] == product + bias[i / 3]);
    }
    for (int i = 0; i < 2; ++i)
      give_back(outputs[i].data);
    /* Messages belong to their thread. */
    char expected[32];
    snprintf(expected, sizeof expected, "dim 1 is %d,", (int)caller->batch);
    inputs[0].dims[1] = caller->batch;
    CHECK_ERROR_HAS(lathe_module_call(module, "main", inputs, 2, outputs, 2), LATHE_INVALID_ARGUMENT, expected);
    free(image);
    free(bias);
  }
  return NULL;
}

static void call_from(int callers, int rounds) {
  struct caller caller[CALLERS];
  CHECK_OK(lathe_set_threads(2));
  for (int i = 0; i < callers; ++i) {
    caller[i].batch = 10 + i * 30;
    caller[i].rounds = rounds;
    CHECK(pthread_create(&caller[i].thread, NULL, call_often, &caller[i]) == 0);
  }
  for (int i = 0; i < callers; ++i)
    pthread_join(caller[i].thread, NULL);
}

static void serves_four_threads(void) { call_from(4, 300); }

/* --- More calls at once than frames are kept for ------------------------ */

static pthread_barrier_t all_here;
static void free_counted(void *memory) { count_free(NULL, memory); }

static int32_t meet_then_run(void *context, int64_t tasks, uint32_t workers, lathe_task_fn body, void *scratch,
                             size_t scratch_stride, void *closure) {
  (void)context, (void)workers, (void)scratch_stride;
  pthread_barrier_wait(&all_here);
  return body(0, tasks, 0, scratch, closure);
}

static void serves_more_threads_than_frames(void) {
  const lathe_imports imports = {sizeof imports, 0, count_alloc, count_free, meet_then_run, NULL, NULL, NULL, NULL};
  CHECK_OK(lathe_module_set_imports(module, &imports));
  CHECK(pthread_barrier_init(&all_here, NULL, CALLERS) == 0);
  give_back = free_counted;
  call_from(CALLERS, 3);
  give_back = free_default;
  pthread_barrier_destroy(&all_here);
  /* All but the workspaces that stay for the next calls. */
  CHECK(atomic_load(&held) > 0 && atomic_load(&held) < CALLERS);
  CHECK_OK(lathe_module_set_imports(module, NULL));
  CHECK(atomic_load(&held) == 0);
}

/* --- The same bits ------------------------------------------------------ */

static void same_bits_on_any_threads(void) {
  static float image[999 * 3], bias[999];
  fill_inputs(image, bias, 999);
  lathe_tensor inputs[] = {{image, LATHE_DTYPE_F32, 2, {999, 3}}, {bias, LATHE_DTYPE_F32, 1, {999}}};
  lathe_tensor first[2] = {0};
  CHECK_OK(lathe_module_call_with(module, "main", inputs, 2, first, 2,
                                  &(lathe_call_options){.struct_size = sizeof(lathe_call_options), .threads = 1}));
  for (int threads = 2; threads <= 4; ++threads) {
    lathe_tensor other[2] = {0};
    CHECK_OK(
        lathe_module_call_with(module, "main", inputs, 2, other, 2,
                               &(lathe_call_options){.struct_size = sizeof(lathe_call_options), .threads = threads}));
    CHECK(memcmp(first[0].data, other[0].data, sizeof image) == 0);
    CHECK(memcmp(first[1].data, other[1].data, sizeof(double)) == 0);
    lathe_tensor_free(&other[0]);
    lathe_tensor_free(&other[1]);
  }
  lathe_tensor_free(&first[0]);
  lathe_tensor_free(&first[1]);
}

#if defined(__x86_64__)
/* Denormals to zero, as a program built with -ffast-math sets it, and rounding
 * towards zero; a new thread inherits both. */
static void ignores_the_float_mode_of_the_caller(void) {
  const unsigned mine = 0x1F80u | 0x8040u | 0x6000u;
  float x[64];
  for (int i = 0; i < 64; ++i)
    x[i] = 3e-39f + 1e-41f * (float)i;
  lathe_tensor in = {x, LATHE_DTYPE_F32, 1, {64}};
  lathe_shutdown();
  for (int threads = 1; threads <= 4; ++threads) {
    lathe_tensor out = {0};
    __builtin_ia32_ldmxcsr(mine);
    lathe_status status =
        lathe_module_call_with(module, "denormal", &in, 1, &out, 1,
                               &(lathe_call_options){.struct_size = sizeof(lathe_call_options), .threads = threads});
    unsigned after = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(0x1F80u);
    CHECK_OK(status);
    CHECK((after & 0xFFC0u) == (mine & 0xFFC0u));
    for (int i = 0; i < 64; ++i) {
      volatile float expected = x[i] / 2;
      CHECK(expected != 0 && ((float *)out.data)[i] == expected);
    }
    lathe_tensor_free(&out);
  }
}

/* By turns with calls that keep them: workers take the mode of each call. */
static void flushes_denormals_where_a_call_says_so(void) {
  float x[64];
  for (int i = 0; i < 64; ++i)
    x[i] = 3e-39f + 1e-41f * (float)i;
  lathe_tensor in = {x, LATHE_DTYPE_F32, 1, {64}};
  for (int turn = 0; turn < 8; ++turn) {
    lathe_tensor out = {0};
    bool flushes = turn % 2 == 1;
    CHECK_OK(lathe_module_call_with(module, "denormal", &in, 1, &out, 1,
                                    &(lathe_call_options){.struct_size = sizeof(lathe_call_options),
                                                          .threads = 1 + turn / 2,
                                                          .flags = flushes ? LATHE_CALL_FLUSH_DENORMALS : 0}));
    CHECK((__builtin_ia32_stmxcsr() & 0xFFC0u) == 0x1F80u);
    for (int i = 0; i < 64; ++i) {
      volatile float expected = flushes ? 0 : x[i] / 2;
      CHECK(((float *)out.data)[i] == expected);
    }
    lathe_tensor_free(&out);
  }
}
#endif

int main(int argc, char **argv) {
  static const struct test_case cases[] = {
      {"serves-four-threads", serves_four_threads},
      {"serves-more-threads-than-frames", serves_more_threads_than_frames},
      {"same-bits-on-any-threads", same_bits_on_any_threads},
#if defined(__x86_64__)
      {"ignores-the-float-mode-of-the-caller", ignores_the_float_mode_of_the_caller},
      {"flushes-denormals-where-a-call-says-so", flushes_denormals_where_a_call_says_so},
#endif
  };
  CHECK_OK(lathe_module_from_query(lathe_module_query, &module));
  if (!module)
    return 1;
  int code = RUN_CASES(cases, argc, argv);
  lathe_module_free(module);
  return code;
}
