/* test/runtime/values.c: calls with sequences and optional values, and each way
 * in which they can be wrong.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Counting.h"
#include "Fixture.h"
#include "Harness.h"

#include <stdlib.h>

static lathe_module *module;
static const lathe_imports counting = {sizeof counting, 0, count_alloc, count_free, NULL, NULL, NULL, NULL, NULL};

static float data[10][6];
static lathe_tensor items[10];
static lathe_value inputs[2], outputs[3];

/* `count` items of 0, 1, 2, 3, 0, ... rows, and an extra one of 3 rows. */
static void set_up(int count, bool extra) {
  for (int i = 0; i < 10; ++i) {
    for (int j = 0; j < 6; ++j)
      data[i][j] = (float)(10 * i + j);
    items[i] = (lathe_tensor){data[i], LATHE_DTYPE_F32, 2, {i % 4, 2}};
  }
  inputs[0] = (lathe_value){.kind = LATHE_KIND_SEQUENCE, .elements = items, .count = count};
  inputs[1] = (lathe_value){.kind = LATHE_KIND_OPTIONAL};
  if (extra)
    inputs[1] = (lathe_value){.kind = LATHE_KIND_TENSOR, .tensor = {data[9], LATHE_DTYPE_F32, 2, {3, 2}}};
  memset(outputs, 0, sizeof outputs);
}

static lathe_status call(void) { return lathe_module_call_values(module, "reverse", inputs, 2, outputs, 3, NULL); }

static void check_tensor(const lathe_tensor *tensor, const float *expected, int64_t rows) {
  CHECK(tensor->dtype == LATHE_DTYPE_F32 && tensor->rank == 2 && tensor->dims[0] == rows && tensor->dims[1] == 2);
  CHECK(tensor->data != NULL && tensor->data != expected);
  CHECK(memcmp(tensor->data, expected, (size_t)rows * 2 * sizeof(float)) == 0);
}

static void computes(void) {
  for (int count = 0; count <= 8; ++count)
    for (int extra = 0; extra <= 1; ++extra) {
      set_up(count, extra);
      CHECK_OK(call());
      CHECK(outputs[0].kind == LATHE_KIND_SEQUENCE && outputs[0].count == count + extra);
      for (int i = 0; i < count; ++i)
        check_tensor(&outputs[0].elements[i], data[count - 1 - i], (count - 1 - i) % 4);
      if (extra)
        check_tensor(&outputs[0].elements[count], data[9], 3);
      CHECK((outputs[1].kind == LATHE_KIND_TENSOR) == (count + extra > 0));
      if (count > 0)
        check_tensor(&outputs[1].tensor, data[count - 1], (count - 1) % 4);
      CHECK(outputs[2].kind == LATHE_KIND_TENSOR && *(int64_t *)outputs[2].tensor.data == count + extra);
      for (int i = 0; i < 3; ++i)
        lathe_value_free(&outputs[i]);
      CHECK(outputs[0].kind == LATHE_KIND_OPTIONAL && outputs[0].elements == NULL);
    }
  lathe_value_free(NULL);
}

/* Values of tensors are as tensors; so is memory that the caller brings. */
static void serves_functions_of_tensors(void) {
  float image[3] = {1, 2, 3}, bias[1] = {5};
  _Alignas(64) float scaled[3] = {0};
  lathe_value in[2] = {{.tensor = {image, LATHE_DTYPE_F32, 2, {1, 3}}}, {.tensor = {bias, LATHE_DTYPE_F32, 1, {1}}}};
  lathe_value out[2] = {{.tensor = {scaled, LATHE_DTYPE_F32, 2, {1, 3}}}};
  CHECK_OK(lathe_module_call_values(module, "main", in, 2, out, 2, NULL));
  CHECK(out[0].tensor.data == scaled && scaled[0] == 7 && scaled[1] == 11 && scaled[2] == 17);
  CHECK(*(double *)out[1].tensor.data == 35);
  lathe_value_free(&out[1]);
  in[1] = (lathe_value){.kind = LATHE_KIND_SEQUENCE};
  CHECK_ERROR_HAS(lathe_module_call_values(module, "main", in, 2, out, 2, NULL), LATHE_INVALID_ARGUMENT,
                  "input \"bias\"");
}

static void finds_what_is_wrong(void) {
  lathe_tensor plain[3] = {0};
  set_up(4, true);
  CHECK_ERROR(lathe_module_call(module, "reverse", plain, 2, plain, 3), LATHE_INVALID_ARGUMENT,
              "input \"items\" of function \"reverse\" is a sequence; call it with lathe_module_call_values "
              "[call-needs-values]");
  CHECK_ERROR_HAS(lathe_module_call_values(module, "reverse", NULL, 2, outputs, 3, NULL), LATHE_INVALID_ARGUMENT,
                  "[call-null]");
  CHECK_ERROR_HAS(lathe_module_call_values(module, "reverse", inputs, 1, outputs, 3, NULL), LATHE_INVALID_ARGUMENT,
                  "[call-input-count]");
  inputs[0].kind = LATHE_KIND_TENSOR;
  CHECK_ERROR(call(), LATHE_INVALID_ARGUMENT,
              "input \"items\" is a tensor, but the model takes a sequence [call-kind-mismatch]");
  inputs[0].kind = LATHE_KIND_OPTIONAL;
  CHECK_ERROR_HAS(call(), LATHE_INVALID_ARGUMENT, "is none, but the model takes a sequence");
  inputs[0].kind = (lathe_kind)9;
  CHECK_ERROR_HAS(call(), LATHE_INVALID_ARGUMENT, "of an unknown kind");
  set_up(4, true);
  inputs[1].kind = LATHE_KIND_SEQUENCE;
  CHECK_ERROR_HAS(call(), LATHE_INVALID_ARGUMENT, "is a sequence, but the model takes a tensor or none");
  set_up(4, true);
  items[2].dtype = LATHE_DTYPE_F64;
  CHECK_ERROR(call(), LATHE_INVALID_ARGUMENT,
              "input \"items\", element 2: dtype is f64, but the model takes f32; convert the data before the call "
              "[call-dtype-mismatch]");
  set_up(4, true);
  items[3].rank = 3;
  CHECK_ERROR_HAS(call(), LATHE_INVALID_ARGUMENT, "input \"items\", element 3: rank is 3");
  set_up(4, true);
  inputs[1].tensor.dims[1] = 3;
  CHECK_ERROR_HAS(call(), LATHE_INVALID_ARGUMENT, "input \"extra\": dim 1 is 3, but the model takes 2");
  inputs[1].tensor.dims[1] = 2;
  inputs[1].tensor.dims[0] = -1;
  CHECK_ERROR_HAS(call(), LATHE_INVALID_ARGUMENT, "[call-dim-negative]");
  inputs[1].tensor.dims[0] = INT64_MAX / 4;
  CHECK_ERROR_HAS(call(), LATHE_INVALID_ARGUMENT, "[call-size-overflow]");
  set_up(4, true);
  items[1].data = NULL;
  CHECK_ERROR_HAS(call(), LATHE_INVALID_ARGUMENT, "element 1: data is NULL");
  items[1].data = (char *)data + 1;
  CHECK_ERROR_HAS(call(), LATHE_INVALID_ARGUMENT, "[call-misaligned]");
  set_up(4, true);
  inputs[0].elements = NULL;
  CHECK_ERROR_HAS(call(), LATHE_INVALID_ARGUMENT, "has 4 elements at NULL; give 0 or more");
  inputs[0].count = -1;
  CHECK_ERROR_HAS(call(), LATHE_INVALID_ARGUMENT, "[call-sequence]");
  set_up(10, false);
  CHECK_ERROR(call(), LATHE_INVALID_ARGUMENT, "10 items [fixture-reverse]");
}

static void leaves_nothing_behind(void) {
  CHECK_OK(lathe_module_set_imports(module, &counting));
  set_up(9, true);
  CHECK_ERROR_HAS(call(), LATHE_INVALID_ARGUMENT, "output \"reversed\", element 9: dim 1 is 3");
  CHECK(atomic_load(&held) == 0);
  CHECK(outputs[2].tensor.data == NULL);
  set_up(5, false);
  CHECK_OK(call());
  /* Five items and their array, the first once more, and the count. */
  CHECK(atomic_load(&held) == 8);
  for (int i = 0; i < 5; ++i)
    count_free(NULL, outputs[0].elements[i].data);
  count_free(NULL, outputs[0].elements);
  count_free(NULL, outputs[1].tensor.data);
  count_free(NULL, outputs[2].tensor.data);
  CHECK_OK(lathe_module_set_imports(module, NULL));
  CHECK(atomic_load(&held) == 0);
}

int main(int argc, char **argv) {
  static const struct test_case cases[] = {
      {"computes", computes},
      {"serves-functions-of-tensors", serves_functions_of_tensors},
      {"finds-what-is-wrong", finds_what_is_wrong},
      {"leaves-nothing-behind", leaves_nothing_behind},
  };
  CHECK_OK(lathe_module_from_query(lathe_module_query, &module));
  if (!module)
    return 1;
  int code = RUN_CASES(cases, argc, argv);
  lathe_module_free(module);
  return code;
}
