// examples/cross/orientation.c: which way up is a line of text, on a machine that is not the compiler's.
//
// README.md has the commands. Plain C, to show that nothing of the model or of
// the runtime asks for more; the network takes any number of lines at once.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "orientation.h"
#include "lathe-runtime/runtime.h"

#include <stdio.h>
#include <stdlib.h>

enum { channels = 3, height = 48, width = 192, lineSize = channels * height * width };

static int fail(const char *what) {
  fprintf(stderr, "orientation: error: %s: %s\n", what, lathe_last_error());
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: orientation LINES COUNT\n"
                    "LINES holds COUNTx3x48x192 values of f32, as NCHW.\n");
    return 2;
  }
  long count = strtol(argv[2], NULL, 10);
  if (count < 1 || count > 1000) {
    fprintf(stderr, "orientation: error: COUNT is '%s'; it must be 1 to 1000\n", argv[2]);
    return 2;
  }
  float *pixels = malloc(sizeof(float) * lineSize * (size_t)count);
  FILE *file = fopen(argv[1], "rb");
  size_t wanted = lineSize * (size_t)count;
  if (!pixels || !file || fread(pixels, sizeof(float), wanted, file) != wanted) {
    fprintf(stderr, "orientation: error: cannot read %zu values from %s\n", wanted, argv[1]);
    return 1;
  }
  fclose(file);

  lathe_module *model = NULL;
  if (lathe_module_from_query(lathe_query_orientation, &model) != LATHE_OK)
    return fail("the model does not fit this machine");
  lathe_tensor lines = {pixels, LATHE_DTYPE_F32, 4, {count, channels, height, width}};
  lathe_tensor scores = {0}; // No data: the call allocates it and fills all in.
  if (lathe_module_call(model, "main", &lines, 1, &scores, 1) != LATHE_OK)
    return fail("the call failed");

  const float *score = scores.data;
  for (long i = 0; i < count; ++i)
    printf("line %ld  upright %.6f  upside down %.6f\n", i, score[2 * i], score[2 * i + 1]);
  lathe_tensor_free(&scores);
  lathe_module_free(model);
  free(pixels);
  return 0;
}
