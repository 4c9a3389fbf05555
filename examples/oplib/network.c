/* examples/oplib/network.c: the layers of a small classifier, computed with a library of operators.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include <netops/netops.h>
#include <stdio.h>

enum { ROWS = 4, FEATURES = 8, HIDDEN = 16, CLASSES = 3 };

static float x[ROWS][FEATURES], w1[FEATURES][HIDDEN], b1[HIDDEN], w2[HIDDEN][CLASSES];
static float normal[ROWS][FEATURES], hidden[ROWS][HIDDEN], scores[ROWS][CLASSES], result[ROWS][CLASSES];
/* A header of 64 bytes, and panels of at most 64 columns. */
static float packed[16 + HIDDEN * 64];

static int check(netops_status status, const char *what) {
  if (status)
    fprintf(stderr, "%s: %s\n", what, netops_status_text(status));
  return status != NETOPS_OK;
}

int main(void) {
  for (int i = 0; i < FEATURES * ROWS; ++i)
    x[0][i] = (float)(i * 7 % 11) - 5;
  for (int i = 0; i < FEATURES * HIDDEN; ++i)
    w1[0][i] = (float)(i * 5 % 13 - 6) / 8;
  for (int i = 0; i < HIDDEN * CLASSES; ++i)
    w2[0][i] = (float)(i * 3 % 7 - 3) / 8;
  for (int i = 0; i < HIDDEN; ++i)
    b1[i] = (float)i / 16;

  netops_ctx ctx;
  size_t bytes = sizeof packed;
  if (check(netops_open(0, &ctx), "open") ||
      check(netops_gemm_packed_f32_pack_b(&ctx, HIDDEN, CLASSES, w2[0], 0, packed, &bytes), "pack"))
    return 1;

  netops_layernorm_f32_args norm = {.rows = ROWS, .columns = FEATURES, .x = x[0], .y = normal[0]};
  netops_gemm_f32_args first = {.m = ROWS,
                                .n = HIDDEN,
                                .k = FEATURES,
                                .a = normal[0],
                                .b = w1[0],
                                .c = hidden[0],
                                .bias = b1,
                                .activation = NETOPS_GEMM_F32_RELU};
  netops_gemm_packed_f32_args second = {
      .m = ROWS, .n = CLASSES, .k = HIDDEN, .a = hidden[0], .b = packed, .c = scores[0]};
  netops_softmax_f32_args last = {.rows = ROWS, .columns = CLASSES, .x = scores[0], .y = result[0]};
  /* All memory is the caller's: an operator says how much it needs on the way. */
  static char workspace[65536];
  if (check(netops_layernorm_f32_workspace(&ctx, &norm, &bytes), "layernorm") || bytes > sizeof workspace)
    return 1;
  norm.workspace = last.workspace = workspace;
  norm.workspace_bytes = last.workspace_bytes = sizeof workspace;
  if (check(netops_layernorm_f32(&ctx, &norm), "layernorm") || check(netops_gemm_f32(&ctx, &first), "gemm") ||
      check(netops_gemm_packed_f32(&ctx, &second), "packed gemm") || check(netops_softmax_f32(&ctx, &last), "softmax"))
    return 1;
  for (int i = 0; i < ROWS; ++i)
    printf("%.4f %.4f %.4f\n", result[i][0], result[i][1], result[i][2]);

  netops_choice choice;
  int64_t sizes[] = {ROWS, HIDDEN, FEATURES};
  if (check(netops_select(&ctx, "gemm_f32", sizes, &choice), "select"))
    return 1;
  printf("the first layer was computed by %s\n", choice.variant);
  return 0;
}
