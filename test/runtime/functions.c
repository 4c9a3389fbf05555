/* test/runtime/functions.c: tables of keys, random bits and images, as modules call
 * for them, and each allocation that may fail.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Core/Services.h"
#include "Harness.h"

#include <math.h>
#include <stdlib.h>

static int blocks, most = 100;

static void *take(void *context, size_t size, size_t alignment) {
  (void)context;
  if (blocks == most)
    return NULL;
  ++blocks;
  return aligned_alloc(alignment < 16 ? 16 : alignment, (size + 63) / 64 * 64);
}

static void give_back(void *context, void *memory) {
  (void)context;
  blocks -= memory != NULL;
  free(memory);
}

static const lathe_imports imports = {sizeof imports, 0, take, give_back, NULL, NULL, NULL, NULL, NULL};

static int32_t call_function(const char *texts, uint32_t parameters, const lathe_text_tensor *operands, uint32_t count,
                             const lathe_text_tensor *result, int64_t *errors) {
  lathe_text_call call = {.struct_size = sizeof call,
                          .parameter_count = parameters,
                          .texts = texts,
                          .operands = operands,
                          .results = result,
                          .operand_count = count,
                          .result_count = 1};
  int32_t status = lathe_impl_text(&imports, &call);
  if (errors)
    memcpy(errors, call.error_values, sizeof call.error_values);
  return status;
}

static void finds_numbers(void) {
  float keys[] = {1, NAN, 0, 1}, values[] = {1, -0.0f, -NAN, 2, INFINITY};
  int64_t found[5];
  lathe_text_tensor operands[] = {{values, 5, 5, LATHE_DTYPE_F32, 0}, {keys, 4, 4, LATHE_DTYPE_F32, 0}};
  lathe_text_tensor result = {found, 5, 5, LATHE_DTYPE_I64, 0};
  CHECK(call_function("find\0numbers", 1, operands, 2, &result, NULL) == 0);
  CHECK(found[0] == 3 && found[1] == 2 && found[2] == 1 && found[3] == 4 && found[4] == 4 && blocks == 0);
  int16_t small[] = {-1, 300};
  operands[0] = operands[1] = (lathe_text_tensor){small, 2, 2, LATHE_DTYPE_I16, 0};
  result.count = 2;
  CHECK(call_function("find\0numbers", 1, operands, 2, &result, NULL) == 0 && found[0] == 0 && found[1] == 1);
  operands[1].count = 0;
  CHECK(call_function("find\0numbers", 1, operands, 2, &result, NULL) == 0 && found[0] == 0 && found[1] == 0);
}

static void finds_texts(void) {
  enum { count = 5000 };
  static char room[count][8];
  static const char *keys[count];
  for (int i = 0; i < count; ++i) {
    snprintf(room[i], sizeof room[i], "k%d", i);
    keys[i] = room[i];
  }
  const char *values[] = {"k4999", "", "k0", "k"};
  int64_t found[4];
  lathe_text_tensor operands[] = {{values, 4, 4, LATHE_DTYPE_U64, 0}, {keys, count, count, LATHE_DTYPE_U64, 0}};
  lathe_text_tensor result = {found, 4, 4, LATHE_DTYPE_I64, 0};
  CHECK(call_function("find\0text", 1, operands, 2, &result, NULL) == 0);
  CHECK(found[0] == 4999 && found[1] == count && found[2] == 0 && found[3] == count);
  most = 0;
  CHECK(call_function("find\0text", 1, operands, 2, &result, NULL) == LATHE_TASK_OUT_OF_MEMORY);
  most = 100;
}

static void orders_texts(void) {
  const char *texts[] = {"b", "", "b", "a\xc3\xa4", "a"};
  int64_t places[5];
  lathe_text_tensor operand = {texts, 5, 5, LATHE_DTYPE_U64, 0}, result = {places, 5, 5, LATHE_DTYPE_I64, 0};
  CHECK(call_function("order", 0, &operand, 1, &result, NULL) == 0 && blocks == 0);
  CHECK(places[0] == 3 && places[1] == 0 && places[2] == 3 && places[3] == 2 && places[4] == 1);
  operand.count = result.count = 0;
  CHECK(call_function("order", 0, &operand, 1, &result, NULL) == 0 && blocks == 0);
  most = 0;
  CHECK(call_function("order", 0, &operand, 1, &result, NULL) == LATHE_TASK_OUT_OF_MEMORY);
  most = 100;
}

/* Against results that are printed in many places for it. */
static void hashes(void) {
  const char *texts[] = {"", "test", "Hello, world!", "The quick brown fox jumps over the lazy dog"};
  uint32_t bits[4], zero = 0, four = 0xffffffffu;
  lathe_text_tensor operand = {texts, 4, 4, LATHE_DTYPE_U64, 0}, result = {bits, 4, 4, LATHE_DTYPE_U32, 0};
  CHECK(call_function("murmur\0text\0"
                      "2538058380", /* 0x9747b28c */
                      2, &operand, 1, &result, NULL) == 0);
  CHECK(bits[0] == 0xebb6c228u && bits[1] == 0x704b81dcu && bits[2] == 0x24884cbau && bits[3] == 0x2fa826cdu);
  operand = (lathe_text_tensor){&zero, 1, 1, LATHE_DTYPE_U32, 0};
  CHECK(call_function("murmur\0numbers\0"
                      "0",
                      2, &operand, 1, &result, NULL) == 0 &&
        bits[0] == 0x2362f9deu);
  operand.data = &four;
  CHECK(call_function("murmur\0numbers\0"
                      "0",
                      2, &operand, 1, &result, NULL) == 0 &&
        bits[0] == 0x76293b50u);
}

static void gives_random_bits(void) {
  int64_t first = 0, second = 0;
  lathe_text_tensor result = {&first, 1, 1, LATHE_DTYPE_I64, 0};
  CHECK(call_function("random\0"
                      "0",
                      1, NULL, 0, &result, NULL) == 0);
  result.data = &second;
  CHECK(call_function("random\0"
                      "0",
                      1, NULL, 0, &result, NULL) == 0 &&
        first != second);
}

static void reads_images(void) {
  char file[] = "P6 2 1 255\nabcdef";
  int64_t size[2], errors[2];
  uint8_t pixels[6];
  lathe_text_tensor operand = {file, sizeof file - 1, sizeof file - 1, LATHE_DTYPE_U8, 0};
  lathe_text_tensor sizes = {size, 2, 2, LATHE_DTYPE_I64, 0}, result = {pixels, 6, 3, LATHE_DTYPE_U8, 0};
  CHECK(call_function("image_size", 0, &operand, 1, &sizes, errors) == 0 && size[0] == 1 && size[1] == 2);
  CHECK(call_function("decode_image\0BGR", 1, &operand, 1, &result, errors) == 0 && memcmp(pixels, "cbafed", 6) == 0);
  result.count = 2;
  CHECK(call_function("decode_image\0Grayscale", 1, &operand, 1, &result, errors) == 0 && pixels[0] == 98);
  most = 0;
  CHECK(call_function("decode_image\0Grayscale", 1, &operand, 1, &result, errors) == LATHE_TASK_OUT_OF_MEMORY);
  most = 100;
  operand.count = 15; /* Ends too early. */
  CHECK(call_function("decode_image\0Grayscale", 1, &operand, 1, &result, errors) == 1 && errors[0] == 3 &&
        errors[1] == 2);
  operand.count = 1;
  CHECK(call_function("image_size", 0, &operand, 1, &sizes, errors) == 1 && errors[0] == 1);
  CHECK(blocks == 0);
}

static int32_t copy_number(lathe_custom_op_call *call) {
  *(float *)call->outputs->data = *(const float *)call->inputs->data;
  return 0;
}

/* What a call says of its tensors may be damaged, which is no lack of memory. */
static void checks_operators(void) {
  float from = 5, to = 0;
  int64_t sizes[] = {1, 1, 0};
  lathe_text_tensor operands[] = {{sizes, 3, 3, LATHE_DTYPE_I64, 0}, {&from, 1, 1, LATHE_DTYPE_F32, 0}};
  lathe_text_tensor result = {&to, 1, 1, LATHE_DTYPE_F32, 0};
  static const char known[] = "custom\0a::copy\0"
                              "0\0"
                              "1\0"
                              "1";
  CHECK_OK(lathe_register_custom_op("a::copy", copy_number, NULL));
  CHECK(call_function(known, 4, operands, 2, &result, NULL) == 0 && to == 5);
  sizes[1] = 2;
  CHECK(call_function(known, 4, operands, 2, &result, NULL) == LATHE_TASK_DAMAGED);
  operands[0].count = 1;
  CHECK(call_function(known, 4, operands, 2, &result, NULL) == LATHE_TASK_DAMAGED);
  CHECK(call_function("custom\0a::unknown\0"
                      "0",
                      2, operands, 1, &result, NULL) == LATHE_TASK_DAMAGED);
  CHECK(call_function("no such function", 0, operands, 1, &result, NULL) == LATHE_TASK_DAMAGED);
  most = 0;
  CHECK(call_function(known, 4, operands, 2, &result, NULL) == LATHE_TASK_OUT_OF_MEMORY);
  most = 100;
  CHECK(blocks == 0);
}

static void takes_texts_apart(void) {
  static const char words[] = "tokens\0text\0"
                              "2\0marked\0#\0([[:alpha:]]+)";
  const char *texts[] = {"ab c, de", "", "x"}, *tokens[12];
  int64_t width = 0;
  lathe_text_tensor operand = {texts, 3, 3, LATHE_DTYPE_STRING, 0}, counted = {&width, 1, 1, LATHE_DTYPE_I64, 0};
  char parameters[sizeof words + 16];
  memcpy(parameters, "token_width", 12);
  memcpy(parameters + 12, words, sizeof words);
  CHECK(call_function(parameters, 6, &operand, 1, &counted, NULL) == 0 && width == 4 && blocks == 0);
  lathe_text_tensor result = {tokens, 12, 4, LATHE_DTYPE_STRING, 0};
  memcpy(parameters, "tokens", 7);
  memcpy(parameters + 7, words, sizeof words);
  for (most = 0; most < 3; ++most) {
    CHECK(call_function(parameters, 6, &operand, 1, &result, NULL) == LATHE_TASK_OUT_OF_MEMORY);
    CHECK(blocks == 0);
  }
  most = 100;
  CHECK(call_function(parameters, 6, &operand, 1, &result, NULL) == 0);
  CHECK(blocks == 1); /* The text of the tokens: the call gives it back when it ends. */
  static const char *const wanted[] = {"\002", "ab", "de", "\003", "\002", "\003", "#", "#", "\002", "\003", "#", "#"};
  for (int i = 0; i < 12; ++i)
    CHECK(strcmp(tokens[i], wanted[i]) == 0);
  give_back(NULL, (char *)tokens[0]); /* It is in front of all others. */
}

int main(int argc, char **argv) {
  static const struct test_case cases[] = {
      {"finds-numbers", finds_numbers},         {"finds-texts", finds_texts},
      {"orders-texts", orders_texts},           {"hashes", hashes},
      {"gives-random-bits", gives_random_bits}, {"reads-images", reads_images},
      {"checks-operators", checks_operators},   {"takes-texts-apart", takes_texts_apart},
  };
  return RUN_CASES(cases, argc, argv);
}
