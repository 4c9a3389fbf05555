/* test/e2e/types.c: calls a model with packed integers, strings and complex numbers.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "types.h"

#include "lathe-runtime/runtime.h"

#include <complex.h>
#include <stdio.h>
#include <string.h>

static int fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, lathe_last_error());
  return 1;
}

int main(void) {
  lathe_module *model = NULL;
  if (lathe_module_from_query(lathe_query_types, &model) != LATHE_OK)
    return fail("load");
  /* 1, -2, 3, -4, 5: the first of each pair is in the low bits. */
  uint8_t packed[3] = {0xe1, 0xc3, 0x05};
  const char *words[2] = {"one", "zwölf"};
  float complex numbers[1] = {1.5f - 2.0f * I};
  lathe_tensor inputs[3] = {
      {packed, LATHE_DTYPE_I4, 1, {5}}, {words, LATHE_DTYPE_STRING, 1, {2}}, {numbers, LATHE_DTYPE_C64, 1, {1}}};
  lathe_tensor outputs[4] = {{0}};
  if (lathe_module_call(model, "main", inputs, 3, outputs, 4) != LATHE_OK)
    return fail("call");
  const uint8_t *reshaped = outputs[0].data;
  for (int i = 0; i < 3; ++i)
    printf("%02x ", reshaped[i]);
  const char *const *texts = outputs[1].data;
  for (int64_t i = 0; i < outputs[1].dims[0]; ++i)
    printf("%s ", texts[i]);
  float complex moved = *(const float complex *)outputs[2].data;
  printf("%g %g ", (double)crealf(moved), (double)cimagf(moved));
  const float *wide = outputs[3].data;
  for (int i = 0; i < 5; ++i)
    printf("%g ", (double)wide[i]);
  printf("\n");
  for (int i = 0; i < 4; ++i)
    lathe_tensor_free(&outputs[i]);

  words[1] = NULL;
  if (lathe_module_call(model, "main", inputs, 3, outputs, 4) == LATHE_OK ||
      !strstr(lathe_last_error(), "[call-null-string]"))
    return fail("a string that is NULL");
  words[1] = "two";
  outputs[1] = (lathe_tensor){words, LATHE_DTYPE_STRING, 1, {2}};
  if (lathe_module_call(model, "main", inputs, 3, outputs, 4) == LATHE_OK ||
      !strstr(lathe_last_error(), "[call-output-strings]"))
    return fail("memory for strings");
  outputs[1] = (lathe_tensor){0};
  inputs[0].dtype = LATHE_DTYPE_U4;
  if (lathe_module_call(model, "main", inputs, 3, outputs, 4) == LATHE_OK ||
      !strstr(lathe_last_error(), "dtype is u4, but the model takes i4"))
    return fail("another type");
  lathe_module_free(model);
  return 0;
}
