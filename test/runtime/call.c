/* test/runtime/call.c: what a call computes, and each way in which it can be
 * wrong.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Counting.h"
#include "Fixture.h"
#include "Harness.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

static lathe_module *module;

static _Alignas(64) float image[16 * 3 + 1];
static _Alignas(64) float bias[16];

static lathe_tensor inputs[2], outputs[2];

/* A call of "main" with batch 4 that is right in every point. */
static void set_up(void) {
  for (int i = 0; i < 16 * 3; ++i)
    image[i] = (float)(i + 1);
  for (int i = 0; i < 16; ++i)
    bias[i] = (float)i / 8;
  inputs[0] = (lathe_tensor){image, LATHE_DTYPE_F32, 2, {4, 3}};
  inputs[1] = (lathe_tensor){bias, LATHE_DTYPE_F32, 1, {4}};
  memset(outputs, 0, sizeof outputs);
}

static lathe_status call_main(void) { return lathe_module_call(module, "main", inputs, 2, outputs, 2); }

static void free_outputs(void) {
  lathe_tensor_free(&outputs[0]);
  lathe_tensor_free(&outputs[1]);
}

static void check_result(int64_t batch) {
  const float *scaled = outputs[0].data;
  double total = 0;
  for (int64_t i = 0; i < batch * 3; ++i) {
    float expected = image[i] * (float)(2 + i % 3) + bias[i / 3];
    CHECK(scaled[i] == expected);
    total += expected;
  }
  CHECK(*(double *)outputs[1].data == total);
}

static void computes(void) {
  set_up();
  CHECK_OK(call_main());
  CHECK(outputs[0].dtype == LATHE_DTYPE_F32 && outputs[0].rank == 2);
  CHECK(outputs[0].dims[0] == 4 && outputs[0].dims[1] == 3);
  CHECK(outputs[1].dtype == LATHE_DTYPE_F64 && outputs[1].rank == 0);
  CHECK((uintptr_t)outputs[0].data % LATHE_ALIGNMENT == 0);
  CHECK((uintptr_t)outputs[1].data % LATHE_ALIGNMENT == 0);
  check_result(4);
  free_outputs();
  CHECK(outputs[0].data == NULL);
  lathe_tensor_free(NULL);
}

static void takes_outputs_of_the_caller(void) {
  set_up();
  outputs[0] = (lathe_tensor){NULL, LATHE_DTYPE_F32, 2, {4, 3}};
  CHECK_OK(lathe_tensor_alloc(&outputs[0]));
  void *mine = outputs[0].data;
  CHECK_OK(call_main());
  CHECK(outputs[0].data == mine && outputs[1].data != NULL);
  check_result(4);
  free_outputs();
}

static void takes_no_elements(void) {
  set_up();
  inputs[0] = (lathe_tensor){NULL, LATHE_DTYPE_F32, 2, {0, 3}};
  inputs[1] = (lathe_tensor){NULL, LATHE_DTYPE_F32, 1, {0}};
  CHECK_OK(call_main());
  CHECK(outputs[0].dims[0] == 0 && outputs[0].data != NULL);
  check_result(0);
  free_outputs();
}

static void computes_dims_from_data(void) {
  int64_t shape[] = {2, 5};
  lathe_tensor in = {shape, LATHE_DTYPE_I64, 1, {2}}, out = {0};
  CHECK_OK(lathe_module_call(module, "fill", &in, 1, &out, 1));
  CHECK(out.dims[0] == 2 && out.dims[1] == 5);
  for (int i = 0; i < 10; ++i)
    CHECK(((int32_t *)out.data)[i] == 7);
  lathe_tensor_free(&out);
  shape[1] = -1;
  CHECK_ERROR(lathe_module_call(module, "fill", &in, 1, &out, 1), LATHE_INCOMPATIBLE,
              "output \"filled\": the module computed dim 1 = -1, which its own "
              "signature rules out; compile the model again [module-bad-plan]");
  shape[0] = shape[1] = INT64_C(1) << 40;
  CHECK_ERROR(lathe_module_call(module, "fill", &in, 1, &out, 1), LATHE_INVALID_ARGUMENT,
              "output \"filled\": with these inputs it would have more bytes "
              "than this machine can address [call-output-size-overflow]");
  shape[0] = INT64_C(1) << 58;
  shape[1] = 1;
  lathe_call_options options = {.struct_size = sizeof options, .max_bytes = INT64_MAX};
  CHECK_ERROR(lathe_module_call_with(module, "fill", &in, 1, &out, 1, &options), LATHE_OUT_OF_MEMORY,
              "no memory for output \"filled\" of 1152921504606846976 bytes "
              "[call-out-of-memory]");
  CHECK(out.data == NULL);
}

static void limits_memory(void) {
  set_up();
  lathe_call_options options = {.struct_size = sizeof options};
  /* A workspace of 4 times 3 floats, and outputs of as many and of one f64. */
  options.max_bytes = 48 + 48 + 8;
  CHECK_OK(lathe_module_call_with(module, "main", inputs, 2, outputs, 2, &options));
  /* What the caller brings is the caller's. */
  options.max_bytes = 48;
  CHECK_OK(lathe_module_call_with(module, "main", inputs, 2, outputs, 2, &options));
  lathe_tensor_free(&outputs[0]);
  lathe_tensor_free(&outputs[1]);
  memset(outputs, 0, sizeof outputs);
  options.max_bytes = 48 + 48 + 7;
  CHECK_ERROR_HAS(lathe_module_call_with(module, "main", inputs, 2, outputs, 2, &options), LATHE_LIMIT,
                  "needs 8 bytes for output \"total\", but a call may have 103 in all, of which 96 are in use");
  CHECK(!outputs[0].data && !outputs[1].data);
  options.max_bytes = 47;
  CHECK_ERROR_HAS(lathe_module_call_with(module, "main", inputs, 2, outputs, 2, &options), LATHE_LIMIT,
                  "48 bytes for its temporaries");
  options.max_bytes = -1;
  CHECK_ERROR_HAS(lathe_module_call_with(module, "main", inputs, 2, outputs, 2, &options), LATHE_INVALID_ARGUMENT,
                  "[call-max-bytes]");
  /* Programs that were compiled before the field was there. */
  options.struct_size = (uint32_t)offsetof(lathe_call_options, max_bytes);
  CHECK_OK(lathe_module_call_with(module, "main", inputs, 2, outputs, 2, &options));
  lathe_tensor_free(&outputs[0]);
  lathe_tensor_free(&outputs[1]);
  int64_t shape[] = {INT64_C(1) << 58, 1};
  lathe_tensor in = {shape, LATHE_DTYPE_I64, 1, {2}}, out = {0};
  CHECK_ERROR_HAS(lathe_module_call(module, "fill", &in, 1, &out, 1), LATHE_LIMIT, "[call-memory-limit]");
  CHECK(lathe_get_memory() > 1 << 20 && lathe_get_memory() <= PTRDIFF_MAX);
}

static void finds_wrong_counts(void) {
  set_up();
  CHECK_ERROR(lathe_module_call(module, "main", inputs, 1, outputs, 2), LATHE_INVALID_ARGUMENT,
              "function \"main\" is called with 1 inputs, but takes 2 "
              "[call-input-count]");
  CHECK_ERROR(lathe_module_call(module, "main", inputs, 2, outputs, 3), LATHE_INVALID_ARGUMENT,
              "function \"main\" is called with room for 3 outputs, but has 2 "
              "[call-output-count]");
  CHECK_ERROR(lathe_module_call(module, "main", NULL, 2, outputs, 2), LATHE_INVALID_ARGUMENT,
              "function \"main\" is called with NULL for its array of inputs "
              "[call-null]");
  CHECK_ERROR(lathe_module_call(module, "main", inputs, 2, NULL, 2), LATHE_INVALID_ARGUMENT,
              "function \"main\" is called with NULL for its array of outputs "
              "[call-null]");
  CHECK_ERROR(lathe_module_call(module, "mian", inputs, 2, outputs, 2), LATHE_NOT_FOUND,
              "the module has no function \"mian\"; there are \"main\", \"fill\", \"fail\", "
              "\"denormal\", \"select\", \"spin\", \"reverse\" [call-unknown-function]");
  CHECK_ERROR_HAS(lathe_module_call(NULL, "main", inputs, 2, outputs, 2), LATHE_INVALID_ARGUMENT, "[call-null]");
  CHECK_ERROR_HAS(lathe_module_call(module, NULL, inputs, 2, outputs, 2), LATHE_INVALID_ARGUMENT, "[call-null]");
  lathe_call_options options = {.struct_size = sizeof options, .threads = -1};
  CHECK_ERROR_HAS(lathe_module_call_with(module, "main", inputs, 2, outputs, 2, &options), LATHE_INVALID_ARGUMENT,
                  "the call asks for -1 threads");
  options = (lathe_call_options){.struct_size = sizeof options, .flags = 4};
  CHECK_ERROR_HAS(lathe_module_call_with(module, "main", inputs, 2, outputs, 2, &options), LATHE_INVALID_ARGUMENT,
                  "the flags of the call are 0x4, of which this runtime knows 0x3; clear the others [call-flags]");
}

struct observed {
  int phases;
  int64_t tasks, end;
};

static void note_phase(void *context, lathe_task_fn body, int64_t tasks, int64_t begin, int64_t end) {
  struct observed *seen = context;
  CHECK(body && begin <= end && seen->end <= begin);
  ++seen->phases;
  seen->tasks += tasks;
  seen->end = end;
}

static void tells_who_observes(void) {
  float x[64] = {0};
  lathe_tensor in = {x, LATHE_DTYPE_F32, 1, {64}}, out = {0};
  for (int threads = 1; threads <= 3; ++threads) {
    struct observed seen = {0};
    lathe_call_options options = {.struct_size = sizeof options, .threads = threads};
    options.observe = note_phase;
    options.observe_context = &seen;
    CHECK_OK(lathe_module_call_with(module, "denormal", &in, 1, &out, 1, &options));
    CHECK(seen.phases == 1 && seen.tasks == 64);
    lathe_tensor_free(&out);
  }
}

static void finds_wrong_inputs(void) {
  set_up();
  inputs[0].dtype = LATHE_DTYPE_F64;
  CHECK_ERROR(call_main(), LATHE_INVALID_ARGUMENT,
              "input \"image\": dtype is f64, but the model takes f32; convert "
              "the data before the call [call-dtype-mismatch]");
  inputs[0].dtype = (lathe_dtype)99;
  CHECK_ERROR_HAS(call_main(), LATHE_INVALID_ARGUMENT, "dtype is invalid");
  set_up();
  inputs[0].rank = 3;
  CHECK_ERROR(call_main(), LATHE_INVALID_ARGUMENT,
              "input \"image\": rank is 3, but the model takes 2; add or drop "
              "dims of size 1 [call-rank-mismatch]");
  inputs[0].rank = 4000000000u;
  CHECK_ERROR_HAS(call_main(), LATHE_INVALID_ARGUMENT, "[call-rank-mismatch]");
  set_up();
  inputs[0].dims[1] = 4;
  CHECK_ERROR(call_main(), LATHE_INVALID_ARGUMENT,
              "input \"image\": dim 1 is 4, but the model takes 3 "
              "[call-dim-mismatch]");
  set_up();
  inputs[1].dims[0] = 3;
  CHECK_ERROR(call_main(), LATHE_INVALID_ARGUMENT,
              "input \"bias\": dim 0 (batch) is 3, but dim 0 of input \"image\" "
              "is 4; the model takes the same size for both "
              "[call-symbol-mismatch]");
  set_up();
  inputs[0].dims[0] = -2;
  CHECK_ERROR(call_main(), LATHE_INVALID_ARGUMENT,
              "input \"image\": dim 0 is -2, but a dim is 0 or more "
              "[call-dim-negative]");
  set_up();
  inputs[0].dims[0] = INT64_MAX / 4;
  CHECK_ERROR(call_main(), LATHE_INVALID_ARGUMENT,
              "input \"image\": the dims multiply to more than this machine can "
              "address; check how they were computed [call-size-overflow]");
  set_up();
  inputs[1].data = NULL;
  CHECK_ERROR(call_main(), LATHE_INVALID_ARGUMENT,
              "input \"bias\": data is NULL, but the dims ask for 16 bytes "
              "[call-null-data]");
  set_up();
  inputs[0].data = (char *)image + 2;
  CHECK_ERROR(call_main(), LATHE_INVALID_ARGUMENT,
              "input \"image\": data is at an address that is 2 past a multiple "
              "of 4, but f32 needs a multiple of 4; copy the data to aligned "
              "memory [call-misaligned]");
  CHECK(outputs[0].data == NULL && outputs[1].data == NULL);
  /* Aligned to the element, not to LATHE_ALIGNMENT: that is enough. */
  inputs[0].data = image + 1;
  CHECK_OK(call_main());
  CHECK(((float *)outputs[0].data)[0] == image[1] * 2 + bias[0]);
  free_outputs();
}

static void finds_wrong_outputs(void) {
  _Alignas(64) float memory[16];
  set_up();
  outputs[0] = (lathe_tensor){memory, LATHE_DTYPE_I32, 2, {4, 3}};
  CHECK_ERROR(call_main(), LATHE_INVALID_ARGUMENT,
              "output \"scaled\": its memory is given as i32, but the model "
              "computes f32 [call-output-dtype-mismatch]");
  outputs[0] = (lathe_tensor){memory, LATHE_DTYPE_F32, 1, {12}};
  CHECK_ERROR(call_main(), LATHE_INVALID_ARGUMENT,
              "output \"scaled\": its memory is given with rank 1, but the "
              "model computes rank 2 [call-output-rank-mismatch]");
  outputs[0] = (lathe_tensor){memory, LATHE_DTYPE_F32, 2, {5, 3}};
  CHECK_ERROR(call_main(), LATHE_INVALID_ARGUMENT,
              "output \"scaled\": its memory is given with dim 0 = 5, but the "
              "model computes 4; set data to NULL to let the call allocate "
              "[call-output-dim-mismatch]");
  outputs[0] = (lathe_tensor){memory + 1, LATHE_DTYPE_F32, 2, {4, 3}};
  CHECK_ERROR(call_main(), LATHE_INVALID_ARGUMENT,
              "output \"scaled\": its memory is 4 past a multiple of 64, but "
              "outputs start at one; use lathe_tensor_alloc, or set data to "
              "NULL [call-output-misaligned]");
  outputs[0] = (lathe_tensor){image, LATHE_DTYPE_F32, 2, {4, 3}};
  CHECK_ERROR(call_main(), LATHE_INVALID_ARGUMENT,
              "output \"scaled\": its memory overlaps that of input \"image\"; "
              "give it memory of its own, or NULL [call-output-overlap]");
  outputs[0] = (lathe_tensor){memory, LATHE_DTYPE_F32, 2, {4, 3}};
  outputs[1] = (lathe_tensor){memory, LATHE_DTYPE_F64, 0, {0}};
  CHECK_ERROR(call_main(), LATHE_INVALID_ARGUMENT,
              "output \"total\": its memory overlaps that of output \"scaled\"; "
              "give it memory of its own, or NULL [call-output-overlap]");
  CHECK(outputs[0].data == memory);
  /* What an output without data says is neither read nor trusted. */
  outputs[0] = (lathe_tensor){NULL, (lathe_dtype)77, 1000, {-5, -6}};
  outputs[1] = (lathe_tensor){memory, LATHE_DTYPE_F64, 0, {0}};
  CHECK_OK(call_main());
  check_result(4);
  lathe_tensor_free(&outputs[0]);
}

static void reports_checks_of_the_module(void) {
  set_up();
  float *big = calloc(1001 * 3, sizeof(float));
  inputs[0] = (lathe_tensor){big, LATHE_DTYPE_F32, 2, {1001, 3}};
  inputs[1] = (lathe_tensor){big, LATHE_DTYPE_F32, 1, {1001}};
  CHECK_ERROR(call_main(), LATHE_INVALID_ARGUMENT,
              "node \"scale\" (Mul-14): batch is 1001, but at most 1000 is "
              "possible [fixture-batch]");
  free(big);
  int64_t value = -4, shape[] = {3, -2};
  lathe_tensor in = {shape, LATHE_DTYPE_I64, 1, {2}}, out = {0};
  CHECK_ERROR(lathe_module_call(module, "fill", &in, 1, &out, 1), LATHE_INVALID_ARGUMENT,
              "node \"fill\" (Expand-13): dim 1 is -2, 100%s of them must be 0 "
              "or more, not %lld [fixture-fill]");
  in = (lathe_tensor){&value, LATHE_DTYPE_I64, 0, {0}};
#define FAIL(code) (value = (code), lathe_module_call(module, "fail", &in, 1, NULL, 0))
  CHECK_OK(FAIL(0));
  CHECK_ERROR(FAIL(1), LATHE_INVALID_ARGUMENT, "first: -9223372036854775808 and 5 [fixture-first]");
  CHECK_ERROR(FAIL(2), LATHE_INVALID_ARGUMENT, "second, with no values");
  CHECK_ERROR(FAIL(3), LATHE_INVALID_ARGUMENT, "third: only -9223372036854775808 [fixture-third]");
  CHECK_ERROR(FAIL(5), LATHE_INCOMPATIBLE,
              "function \"fail\" failed check 5 of 4; the module is damaged: "
              "compile the model again [module-bad-check]");
  CHECK_ERROR_HAS(FAIL(-9), LATHE_INCOMPATIBLE, "[module-bad-check]");
  CHECK_ERROR_HAS(FAIL(LATHE_TASK_LIMIT), LATHE_INCOMPATIBLE, "[module-bad-check]");
  CHECK_ERROR(FAIL(LATHE_TASK_CANCELLED), LATHE_CANCELLED,
              "the call of function \"fail\" was cancelled [call-cancelled]");
  CHECK_ERROR(FAIL(-1), LATHE_OUT_OF_MEMORY,
              "function \"fail\" found no memory for its temporaries "
              "[call-out-of-memory]");
  CHECK_ERROR(FAIL(-101), LATHE_OUT_OF_MEMORY,
              "node \"fail\" (Tile-13): what it computes needs 1125899906842624 bytes, for which there is no memory "
              "[call-out-of-memory]");
  CHECK_ERROR_HAS(FAIL(-102), LATHE_LIMIT,
                  "node \"fail\" (Tile-13): what it computes needs 1125899906842624 bytes, but a call may have ");
  CHECK_OK(FAIL(0));
  CHECK_ERROR_HAS(FAIL(LATHE_TASK_DAMAGED), LATHE_INCOMPATIBLE, "[module-damaged]");
#undef FAIL
}

/* --- Outputs that `run` sizes ------------------------------------------- */

static float selected[] = {3, -1, 0, 5, 7, -2};
static int64_t how;
static lathe_tensor select_inputs[] = {{selected, LATHE_DTYPE_F32, 1, {6}}, {&how, LATHE_DTYPE_I64, 0, {0}}};

static lathe_status call_select(int64_t way) {
  how = way;
  return lathe_module_call(module, "select", select_inputs, 2, outputs, 2);
}

static void takes_outputs_of_run(void) {
  const lathe_imports counting = {sizeof counting, 0, count_alloc, count_free, NULL, NULL, NULL, NULL, NULL};
  static const float expected[] = {3, 5, 7};
  CHECK_OK(lathe_module_set_imports(module, &counting));
  for (int way = 0; way <= 2; ++way) {
    memset(outputs, 0, sizeof outputs);
    CHECK_OK(call_select(way));
    for (int i = 0; i < 2; ++i) {
      CHECK(outputs[i].dtype == LATHE_DTYPE_F32 && outputs[i].rank == 1 && outputs[i].dims[0] == 3);
      CHECK(memcmp(outputs[i].data, expected, sizeof expected) == 0);
      count_free(NULL, outputs[i].data);
    }
    CHECK(outputs[0].data != outputs[1].data);
    CHECK(atomic_load(&held) == 1); /* The workspace. */
  }
  /* Nothing found: the data is not NULL all the same. */
  memset(outputs, 0, sizeof outputs);
  select_inputs[0].dims[0] = 0;
  select_inputs[0].data = NULL;
  CHECK_OK(call_select(0));
  CHECK(outputs[0].dims[0] == 0 && outputs[0].data && outputs[1].data);
  for (int i = 0; i < 2; ++i)
    count_free(NULL, outputs[i].data);
  select_inputs[0] = (lathe_tensor){selected, LATHE_DTYPE_F32, 1, {6}};

  /* Errors leave nothing behind. */
  memset(outputs, 0, sizeof outputs);
  CHECK_ERROR_HAS(call_select(3), LATHE_INCOMPATIBLE,
                  "output \"second\": the module computed no elements, but 12 bytes");
  CHECK_ERROR_HAS(call_select(4), LATHE_INCOMPATIBLE, "output \"second\": the module computed dim 0 = -1");
  CHECK_ERROR_HAS(call_select(5), LATHE_INVALID_ARGUMENT, "found 3 [fixture-select]");
  CHECK(outputs[0].data == NULL && outputs[1].data == NULL);
  CHECK(atomic_load(&held) == 1);
  CHECK_OK(lathe_module_set_imports(module, NULL));
  CHECK(atomic_load(&held) == 0);
}

static void fills_memory_of_the_caller(void) {
  _Alignas(64) float memory[16] = {0};
  memset(outputs, 0, sizeof outputs);
  for (int way = 0; way <= 2; ++way) {
    memset(memory, 0, sizeof memory);
    outputs[0] = (lathe_tensor){memory, LATHE_DTYPE_F32, 1, {3}};
    CHECK_OK(call_select(way));
    CHECK(outputs[0].data == memory && memory[0] == 3 && memory[1] == 5 && memory[2] == 7 && memory[3] == 0);
    lathe_tensor_free(&outputs[1]);
  }
  outputs[0].dims[0] = 4;
  CHECK_ERROR(call_select(0), LATHE_INVALID_ARGUMENT,
              "output \"first\": its memory is given with dim 0 = 4, but the model computes 3; set data to NULL to let "
              "the call allocate [call-output-dim-mismatch]");
  CHECK(outputs[0].data == memory && outputs[1].data == NULL);
}

static void overwrites_what_it_is_given(void) {
  _Alignas(64) float memory[32] = {2, 4, 6, 8};
  lathe_tensor in = {memory, LATHE_DTYPE_F32, 1, {4}}, out = in;
  CHECK_OK(lathe_module_call(module, "denormal", &in, 1, &out, 1));
  CHECK(memory[0] == 1 && memory[1] == 2 && memory[2] == 3 && memory[3] == 4);
  /* Part of it would be overwritten before it is read. */
  in.data = memory + 1;
  CHECK_ERROR_HAS(lathe_module_call(module, "denormal", &in, 1, &out, 1), LATHE_INVALID_ARGUMENT,
                  "[call-output-overlap]");
  out.data = memory + 16;
  in.data = memory + 15;
  CHECK_ERROR_HAS(lathe_module_call(module, "denormal", &in, 1, &out, 1), LATHE_INVALID_ARGUMENT,
                  "[call-output-overlap]");
}

/* --- Calls that end early ------------------------------------------------ */

static lathe_status spin(int64_t turns, int64_t limit, const int32_t *cancel) {
  lathe_tensor in = {&turns, LATHE_DTYPE_I64, 0, {0}};
  lathe_call_options options = {.struct_size = sizeof options, .max_loop_steps = limit, .cancel = cancel};
  return lathe_module_call_with(module, "spin", &in, 1, NULL, 0, &options);
}

static void limits_loops(void) {
  CHECK_OK(spin(1000, 0, NULL));
  CHECK_OK(spin(1000, 1000, NULL));
  CHECK_ERROR(spin(1001, 1000, NULL), LATHE_LIMIT, "node \"spin\" (Loop-21): 1000 turns [fixture-spin]");
  CHECK_ERROR_HAS(spin(INT64_MAX, 0, NULL), LATHE_LIMIT, "1000000000 turns");
  CHECK_OK(spin(1000, 0, NULL));
  CHECK_ERROR_HAS(spin(1, -1, NULL), LATHE_INVALID_ARGUMENT, "[call-loop-steps]");
  CHECK(strcmp(lathe_status_name(LATHE_LIMIT), "LATHE_LIMIT") == 0);
}

static void *cancel_soon(void *flag) {
  nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  lathe_cancel(flag);
  return NULL;
}

static void ends_cancelled_calls(void) {
  int32_t flag = 0;
  pthread_t other;
  CHECK_OK(spin(1000, 0, &flag));
  CHECK(pthread_create(&other, NULL, cancel_soon, &flag) == 0);
  CHECK_ERROR(spin(INT64_MAX, INT64_MAX, &flag), LATHE_CANCELLED,
              "the call of function \"spin\" was cancelled [call-cancelled]");
  pthread_join(other, NULL);
  /* The flag stays set, and a call that finds it does nothing. */
  CHECK_ERROR_HAS(spin(1, 0, &flag), LATHE_CANCELLED, "[call-cancelled]");
  flag = 0;
  CHECK_OK(spin(1, 0, &flag));
  CHECK(strcmp(lathe_status_name(LATHE_CANCELLED), "LATHE_CANCELLED") == 0);
}

static void cuts_long_messages(void) {
  char name[3000];
  memset(name, 'x', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  lathe_status status = lathe_module_call(module, name, inputs, 2, outputs, 2);
  const char *message = lathe_last_error(), *id = "... [call-unknown-function]";
  CHECK(status == LATHE_NOT_FOUND && strlen(message) < 1024);
  CHECK(strcmp(message + strlen(message) - strlen(id), id) == 0);
}

static void sizes_tensors(void) {
  size_t bytes = 1;
  lathe_tensor tensor = {NULL, LATHE_DTYPE_F64, 2, {3, 5}};
  CHECK_OK(lathe_tensor_bytes(&tensor, &bytes));
  CHECK(bytes == 120);
  tensor.dims[0] = 0;
  CHECK_OK(lathe_tensor_bytes(&tensor, &bytes));
  CHECK(bytes == 0);
  tensor.dims[1] = INT64_MAX;
  CHECK_ERROR_HAS(lathe_tensor_bytes(&tensor, &bytes), LATHE_INVALID_ARGUMENT, "[tensor-size-overflow]");
  tensor.dims[1] = -1;
  CHECK_ERROR_HAS(lathe_tensor_alloc(&tensor), LATHE_INVALID_ARGUMENT, "[tensor-dim-negative]");
  tensor.rank = 9;
  CHECK_ERROR_HAS(lathe_tensor_alloc(&tensor), LATHE_INVALID_ARGUMENT, "[tensor-rank]");
  tensor.dtype = LATHE_DTYPE_INVALID;
  CHECK_ERROR_HAS(lathe_tensor_alloc(&tensor), LATHE_INVALID_ARGUMENT, "[tensor-dtype]");
  CHECK_ERROR_HAS(lathe_tensor_alloc(NULL), LATHE_INVALID_ARGUMENT, "[tensor-null]");
  CHECK(lathe_dtype_size((lathe_dtype)-1) == 0);
  CHECK(strcmp(lathe_dtype_name(LATHE_DTYPE_BF16), "bf16") == 0);
}

int main(int argc, char **argv) {
  static const struct test_case cases[] = {
      {"computes", computes},
      {"takes-outputs-of-the-caller", takes_outputs_of_the_caller},
      {"takes-no-elements", takes_no_elements},
      {"computes-dims-from-data", computes_dims_from_data},
      {"finds-wrong-counts", finds_wrong_counts},
      {"finds-wrong-inputs", finds_wrong_inputs},
      {"tells-who-observes", tells_who_observes},
      {"finds-wrong-outputs", finds_wrong_outputs},
      {"reports-checks-of-the-module", reports_checks_of_the_module},
      {"takes-outputs-of-run", takes_outputs_of_run},
      {"fills-memory-of-the-caller", fills_memory_of_the_caller},
      {"overwrites-what-it-is-given", overwrites_what_it_is_given},
      {"limits-loops", limits_loops},
      {"limits-memory", limits_memory},
      {"ends-cancelled-calls", ends_cancelled_calls},
      {"cuts-long-messages", cuts_long_messages},
      {"sizes-tensors", sizes_tensors},
  };
  CHECK(strcmp(lathe_last_error(), "") == 0);
  CHECK_OK(lathe_module_from_query(lathe_module_query, &module));
  if (!module)
    return 1;
  int code = RUN_CASES(cases, argc, argv);
  lathe_module_free(module);
  return code;
}
