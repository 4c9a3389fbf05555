/* test/gpu/race.c: calls of two modules on streams of their own from eight threads, for the thread sanitizer.
 *
 * Usage: race LIBRARY, of a model that doubles a matrix of any number of rows of four. Prints "clean".
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "lathe-runtime/runtime.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 8
#define CALLS 20
#define ROWS 3
#define NUMBERS (4 * ROWS)

static lathe_module *modules[2];
static int (*retain)(void **context, int device), (*push)(void *context), (*pop)(void **context);
static int (*create)(void **stream, unsigned flags), (*finish)(void *stream);

static void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, lathe_last_error());
  exit(1);
}

/* To where the call left it, and from there. */
static void check(lathe_module *module, void *context, void *stream, const float *x, lathe_tensor *y) {
  float numbers[NUMBERS];
  lathe_tensor host = *y;
  host.space = LATHE_SPACE_HOST;
  host.data = numbers;
  push(context);
  finish(stream);
  pop(&context);
  if (lathe_module_tensor_copy(module, y, &host) != LATHE_OK)
    die("copy");
  for (int k = 0; k < NUMBERS; ++k)
    if (numbers[k] != 2 * x[k])
      die("another number");
  lathe_module_tensor_free(module, y);
}

static void *work(void *argument) {
  long thread = (long)argument;
  lathe_module *module = modules[thread % 2];
  void *context = NULL, *stream = NULL;
  retain(&context, 0);
  push(context);
  if (thread % 3) /* The others have the driver's own queue. */
    create(&stream, 1);
  pop(&context);
  for (int i = 0; i < CALLS; ++i) {
    float x[NUMBERS];
    for (int k = 0; k < NUMBERS; ++k)
      x[k] = (float)(thread + i + k);
    lathe_tensor input = {.data = x, .dtype = LATHE_DTYPE_F32, .rank = 2, .dims = {ROWS, 4}}, output = {0};
    lathe_call_options options = {.struct_size = sizeof options, .stream = stream, .output_space = (uint32_t)(i % 2)};
    if (lathe_module_call_with(module, "main", &input, 1, &output, 1, &options) != LATHE_OK)
      die("call");
    check(module, context, stream, x, &output);
  }
  return NULL;
}

int main(int count, char **arguments) {
  lathe_load_options options = {.struct_size = sizeof options, .isa = "sm_80"};
  void *driver = dlopen("libcuda.so.1", RTLD_NOW);
  if (count != 2 || !driver)
    return 2;
  *(void **)&retain = dlsym(driver, "cuDevicePrimaryCtxRetain");
  *(void **)&push = dlsym(driver, "cuCtxPushCurrent_v2");
  *(void **)&pop = dlsym(driver, "cuCtxPopCurrent_v2");
  *(void **)&create = dlsym(driver, "cuStreamCreate");
  *(void **)&finish = dlsym(driver, "cuStreamSynchronize");
  for (int i = 0; i < 2; ++i)
    if (lathe_module_load_with(arguments[1], &options, &modules[i]) != LATHE_OK)
      die("load");
  pthread_t threads[THREADS];
  for (long i = 0; i < THREADS; ++i)
    pthread_create(&threads[i], NULL, work, (void *)i);
  for (int i = 0; i < THREADS; ++i)
    pthread_join(threads[i], NULL);
  for (int i = 0; i < 2; ++i)
    lathe_module_free(modules[i]);
  puts("clean");
  return 0;
}
