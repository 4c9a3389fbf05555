// examples/cpp/classify.cpp: a compiled image classifier inside a C++ program.
//
// The model is an object file like any other: see README.md for the two
// commands. The program needs the headers of the model and of the runtime, and
// nothing but libc at run time.
//
// Part of the Lathe project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lathe-runtime/runtime.h"
#include "mobilenet_v2.h"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <vector>

static int fail(const char *what) {
  std::fprintf(stderr, "classify: error: %s: %s\n", what, lathe_last_error());
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: classify IMAGE\n"
                         "IMAGE holds 1x3x224x224 values of f32, as NCHW.\n");
    return 2;
  }
  std::vector<float> pixels(3 * 224 * 224);
  std::FILE *file = std::fopen(argv[1], "rb");
  if (!file || std::fread(pixels.data(), sizeof(float), pixels.size(), file) != pixels.size()) {
    std::fprintf(stderr, "classify: error: cannot read %zu values from %s\n", pixels.size(), argv[1]);
    return 1;
  }
  std::fclose(file);

  // The weights are part of the program; nothing is read or copied here.
  lathe_module *model = nullptr;
  if (lathe_module_from_query(lathe_query_mobilenet_v2, &model) != LATHE_OK)
    return fail("the model does not fit this machine");

  lathe_tensor image = {pixels.data(), LATHE_DTYPE_F32, 4, {1, 3, 224, 224}};
  lathe_tensor scores = {}; // No data: the call allocates it and fills all in.
  if (lathe_module_call(model, "main", &image, 1, &scores, 1) != LATHE_OK)
    return fail("the call failed");

  const float *score = static_cast<const float *>(scores.data);
  std::vector<int> order(scores.dims[1]);
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + 5, order.end(), [&](int a, int b) { return score[a] > score[b]; });
  for (int i = 0; i < 5; ++i)
    std::printf("class %4d  score %.6f\n", order[i], score[order[i]]);

  lathe_tensor_free(&scores);
  lathe_module_free(model);
}
