/* examples/cmake/scores.c: examples/classify.mlir in a program, for as many rows as there are words.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "classify.h"
#include "lathe-runtime/runtime.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  enum { FEATURES = 8 };
  int64_t rows = argc - 1;
  float *values = calloc((size_t)(rows * FEATURES + 1), sizeof *values);
  lathe_module *model = NULL;
  if (!values || lathe_module_from_query(lathe_query_classify, &model) != LATHE_OK) {
    fprintf(stderr, "scores: error: %s\n", lathe_last_error());
    return 1;
  }
  for (int64_t row = 0; row < rows; ++row)
    for (int feature = 0; feature < FEATURES; ++feature)
      values[row * FEATURES + feature] = (float)atof(argv[row + 1]) * (float)feature;

  lathe_tensor features = {.data = values, .dtype = LATHE_DTYPE_F32, .rank = 2, .dims = {rows, FEATURES}};
  lathe_tensor scores = {0}; /* No data: the call allocates it and fills all in. */
  if (lathe_module_call(model, "main", &features, 1, &scores, 1) != LATHE_OK) {
    fprintf(stderr, "scores: error: %s\n", lathe_last_error());
    return 1;
  }
  for (int64_t row = 0; row < rows; ++row)
    printf("%.6f %.6f\n", ((float *)scores.data)[2 * row], ((float *)scores.data)[2 * row + 1]);
  lathe_tensor_free(&scores);
  lathe_module_free(model);
  free(values);
  return 0;
}
