/* test/e2e/variants.c: says which variant of a model runs, and what it computes.
 *
 * usage: variants FLOATS ROWS COLUMNS [ISA]: FLOATS holds ROWSxCOLUMNS values of f32 in this machine's order.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "levels.h"

#include "lathe-runtime/runtime.h"

#include <stdio.h>
#include <stdlib.h>

static int fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, lathe_last_error());
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 4)
    return 2;
  long rows = strtol(argv[2], NULL, 10), columns = strtol(argv[3], NULL, 10);
  size_t count = (size_t)rows * (size_t)columns;
  float *values = malloc(count * sizeof *values);
  FILE *file = fopen(argv[1], "rb");
  if (!values || !file || fread(values, sizeof *values, count, file) != count)
    return 2;
  fclose(file);
  lathe_load_options options = {sizeof options, 0, argc > 4 ? argv[4] : NULL};
  lathe_module *model = NULL;
  if (lathe_module_from_query_with(lathe_query_levels, &options, &model) != LATHE_OK)
    return fail("load");
  printf("%s\n", lathe_module_variant(model)->name);
  lathe_tensor input = {values, LATHE_DTYPE_F32, 2, {rows, columns}}, output = {0};
  if (lathe_module_call(model, "main", &input, 1, &output, 1) != LATHE_OK)
    return fail("call");
  const float *result = output.data;
  for (int64_t i = 0; i < output.dims[0] * output.dims[1]; ++i)
    printf("%.9g\n", (double)result[i]);
  lathe_tensor_free(&output);
  lathe_module_free(model);
  free(values);
  return 0;
}
