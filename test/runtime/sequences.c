/* test/runtime/sequences.c: the values that generated code asks for, each way in
 * which what it gives does not fit, and each allocation that may fail.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Core/Sequences.h"
#include "Harness.h"

#include <stdlib.h>

/* Blocks of the call, and how many more there may be. */
static void *blocks[4096];
static int block_count, blocks_left;

static void *take(void *context, size_t size, size_t alignment) {
  (void)context;
  if (blocks_left == 0 || block_count == 4096)
    return NULL;
  --blocks_left;
  return blocks[block_count++] = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void give_back(void *context, void *memory) {
  (void)context;
  (void)memory;
}

static const lathe_imports imports = {sizeof imports, 0, take, give_back, NULL, NULL, NULL, NULL, NULL};
static lathe_call call;

static void begin(int most) {
  block_count = 0;
  blocks_left = most;
  memset(&call, 0, sizeof call);
}

static void end(void) {
  for (int i = 0; i < block_count; ++i)
    free(blocks[i]);
  block_count = 0;
}

static lathe_value *make(lathe_value_action action, const lathe_value *value, const lathe_value *other, int64_t a,
                         int64_t b) {
  call.error_code = 0;
  return lathe_impl_make_value(&imports, &call, action, value, other, a, b);
}

static lathe_value vector(float *data, int64_t count) {
  return (lathe_value){.kind = LATHE_KIND_TENSOR, .tensor = {data, LATHE_DTYPE_F32, 1, {count}}};
}

static bool fails_with(const lathe_value *made, int32_t code, int64_t a, int64_t b) {
  return !made && call.error_code == code && call.error_values[0] == a && call.error_values[1] == b;
}

static float numbers[6] = {1, 2, 3, 4, 5, 6};

static float first_of(const lathe_value *sequence, int64_t i) { return *(float *)sequence->elements[i].data; }

/* Values that came of one do not change when others come of it, too. */
static void inserts(void) {
  begin(4000);
  const lathe_value *s = make(LATHE_ACTION_EMPTY, NULL, NULL, 0, 0), *old = NULL;
  for (int i = 0; i < 100; ++i) {
    float number = (float)i;
    lathe_value element = vector(&number, 1);
    s = make(LATHE_ACTION_INSERT, s, &element, 0, 0);
    if (i == 9)
      old = s;
  }
  CHECK(s->count == 100 && first_of(s, 0) == 0 && first_of(s, 99) == 99 && old->count == 10);
  lathe_value other = vector(numbers + 5, 1);
  const lathe_value *branch = make(LATHE_ACTION_INSERT, old, &other, 0, 0);
  CHECK(branch->count == 11 && first_of(branch, 10) == 6 && first_of(s, 10) == 10);
  const lathe_value *front = make(LATHE_ACTION_INSERT, old, &other, 0, 1),
                    *inside = make(LATHE_ACTION_INSERT, old, &other, -1, 1);
  CHECK(first_of(front, 0) == 6 && first_of(front, 10) == 9 && old->count == 10);
  CHECK(first_of(inside, 9) == 6 && first_of(inside, 10) == 9);
  CHECK(fails_with(make(LATHE_ACTION_INSERT, old, &other, 11, 1), 1, 11, 10));
  CHECK(fails_with(make(LATHE_ACTION_INSERT, old, &other, -11, 1), 1, -11, 10));
  end();
}

static void erases(void) {
  begin(4000);
  lathe_tensor items[3];
  for (int i = 0; i < 3; ++i)
    items[i] = vector(numbers + i, 1).tensor;
  /* An input of the call: not made here, and never written. */
  const lathe_value input = {.kind = LATHE_KIND_SEQUENCE, .elements = items, .count = 3};
  const lathe_value *tail = make(LATHE_ACTION_ERASE, &input, NULL, 0, 1),
                    *head = make(LATHE_ACTION_ERASE, &input, NULL, 0, 0),
                    *ends = make(LATHE_ACTION_ERASE, &input, NULL, -2, 1);
  CHECK(tail->count == 2 && first_of(tail, 0) == 2 && head->count == 2 && first_of(head, 1) == 2);
  CHECK(ends->count == 2 && first_of(ends, 0) == 1 && first_of(ends, 1) == 3);
  lathe_value other = vector(numbers + 5, 1);
  const lathe_value *longer = make(LATHE_ACTION_INSERT, head, &other, 0, 0);
  CHECK(first_of(longer, 2) == 6 && first_of(&input, 2) == 3);
  CHECK(fails_with(make(LATHE_ACTION_ERASE, &input, NULL, 3, 1), 1, 3, 3));
  const lathe_value *none = make(LATHE_ACTION_EMPTY, NULL, NULL, 0, 0);
  CHECK(fails_with(make(LATHE_ACTION_ERASE, none, NULL, 0, 0), 1, -1, 0));
  CHECK(make(LATHE_ACTION_AT, &input, NULL, -1, 1)->tensor.data == numbers + 2);
  CHECK(fails_with(make(LATHE_ACTION_AT, &input, NULL, 3, 1), 1, 3, 3));
  CHECK(fails_with(make(LATHE_ACTION_AT, &input, NULL, 0, 2), 1, 1, 2));
  end();
}

static void splits_and_joins(void) {
  begin(4000);
  const lathe_value x = {.kind = LATHE_KIND_TENSOR, .tensor = {numbers, LATHE_DTYPE_F32, 2, {2, 3}}};
  int64_t two = 2, list[3] = {1, 0, 2}, wrong[2] = {INT64_MAX, INT64_MAX};
  const lathe_value part = {.kind = LATHE_KIND_TENSOR, .tensor = {&two, LATHE_DTYPE_I64, 0, {0}}},
                    sizes = {.kind = LATHE_KIND_TENSOR, .tensor = {list, LATHE_DTYPE_I64, 1, {3}}},
                    overflow = {.kind = LATHE_KIND_TENSOR, .tensor = {wrong, LATHE_DTYPE_I64, 1, {2}}};
  const lathe_value *s = make(LATHE_ACTION_SPLIT, &part, &x, 1, 0);
  CHECK(s->count == 2 && s->elements[1].dims[1] == 1 && ((float *)s->elements[0].data)[2] == 4);
  const lathe_value *whole = make(LATHE_ACTION_CONCAT, s, NULL, 1, 0);
  CHECK(whole->count == 1 && memcmp(whole->elements[0].data, numbers, sizeof numbers) == 0);
  s = make(LATHE_ACTION_SPLIT, &sizes, &x, 1, 0);
  CHECK(s->count == 3 && s->elements[1].dims[1] == 0 && s->elements[2].dims[0] == 2);
  whole = make(LATHE_ACTION_CONCAT, s, NULL, 1, 0);
  CHECK(memcmp(whole->elements[0].data, numbers, sizeof numbers) == 0);
  CHECK(fails_with(make(LATHE_ACTION_CONCAT, s, NULL, 0, 0), 1, 0, 1));
  CHECK(fails_with(make(LATHE_ACTION_SPLIT, &overflow, &x, 1, 0), 1, INT64_MAX, 3));
  two = 0;
  CHECK(fails_with(make(LATHE_ACTION_SPLIT, &part, &x, 1, 0), 1, 0, 3));
  s = make(LATHE_ACTION_SPLIT, NULL, &x, 0, 1);
  CHECK(s->count == 2 && s->elements[1].rank == 1 && first_of(s, 1) == 4);
  whole = make(LATHE_ACTION_CONCAT, s, NULL, 0, 1);
  CHECK(whole->elements[0].rank == 2 && memcmp(whole->elements[0].data, numbers, sizeof numbers) == 0);
  whole = make(LATHE_ACTION_CONCAT, s, NULL, 1, 1);
  CHECK(whole->elements[0].dims[0] == 3 && ((float *)whole->elements[0].data)[1] == 4);
  CHECK(fails_with(make(LATHE_ACTION_CONCAT, make(LATHE_ACTION_EMPTY, NULL, NULL, 0, 0), NULL, 0, 0), 1, 0, 1));
  end();
}

static void holds_optional_values(void) {
  begin(100);
  const lathe_value x = vector(numbers, 2);
  const lathe_value *some = make(LATHE_ACTION_SOME, NULL, &x, 0, 0), *none = make(LATHE_ACTION_NONE, NULL, NULL, 0, 0);
  CHECK(some->kind == LATHE_KIND_TENSOR && some->tensor.data != numbers && none->kind == LATHE_KIND_OPTIONAL);
  const lathe_value *held = make(LATHE_ACTION_GET, some, NULL, 0, 0);
  CHECK(held->kind == LATHE_KIND_SEQUENCE && held->count == 1 && first_of(held, 0) == 1);
  CHECK(fails_with(make(LATHE_ACTION_GET, none, NULL, 0, 0), 1, 0, 1));
  const lathe_value *longer = make(LATHE_ACTION_INSERT, make(LATHE_ACTION_GET, held, NULL, 0, 0), &x, 0, 0);
  CHECK(longer->count == 2 && held->count == 1);
  end();
}

/* Many maps have one vector of keys. */
static void makes_maps(void) {
  begin(100);
  int64_t labels[] = {7, 8, 9};
  const lathe_value keys = {.kind = LATHE_KIND_TENSOR, .tensor = {labels, LATHE_DTYPE_I64, 1, {3}}},
                    rows = {.kind = LATHE_KIND_TENSOR, .tensor = {numbers, LATHE_DTYPE_F32, 2, {2, 3}}},
                    row = {.kind = LATHE_KIND_TENSOR, .tensor = {numbers, LATHE_DTYPE_F32, 1, {3}}},
                    pair = vector(numbers, 2);
  const lathe_value *many = make(LATHE_ACTION_MAP, &keys, &rows, 1, 0),
                    *one = make(LATHE_ACTION_MAP, &keys, &row, 0, 0);
  CHECK(many->kind == LATHE_KIND_MAP && many->count == 3 && many->elements[2].rank == 1 && first_of(many, 2) == 4);
  CHECK(one->kind == LATHE_KIND_MAP && one->count == 2 && ((int64_t *)one->elements[0].data)[2] == 9);
  const lathe_value *values = make(LATHE_ACTION_PART, many, NULL, 1, 0),
                    *held = make(LATHE_ACTION_PART, many, NULL, 0, 0);
  CHECK(values->kind == LATHE_KIND_SEQUENCE && values->count == 2 && first_of(values, 1) == 4);
  CHECK(held->count == 1 && held->elements[0].dtype == LATHE_DTYPE_I64);
  CHECK(make(LATHE_ACTION_INSERT, values, &pair, 0, 0)->count == 3 && many->count == 3);
  CHECK(fails_with(make(LATHE_ACTION_MAP, &keys, &pair, 0, 0), 1, 2, 3));
  end();
}

/* Each allocation may fail. */
static void survives_without_memory(void) {
  const lathe_value x = {.kind = LATHE_KIND_TENSOR, .tensor = {numbers, LATHE_DTYPE_F32, 2, {2, 3}}};
  int failed = 0;
  for (int most = 0; most < 30; ++most) {
    begin(most);
    const lathe_value *s = make(LATHE_ACTION_SPLIT, NULL, &x, 0, 0);
    s = s ? make(LATHE_ACTION_INSERT, s, &x, 1, 1) : NULL;
    s = s ? make(LATHE_ACTION_ERASE, s, NULL, 1, 1) : NULL;
    s = s ? make(LATHE_ACTION_CONCAT, s, NULL, 0, 0) : NULL;
    s = s ? make(LATHE_ACTION_GET, s, NULL, 0, 0) : NULL;
    const lathe_value keys = vector(numbers, 3);
    s = s ? make(LATHE_ACTION_MAP, &keys, &x, 1, 0) : NULL;
    s = s ? make(LATHE_ACTION_PART, s, NULL, 1, 0) : NULL;
    s = s ? make(LATHE_ACTION_SOME, NULL, &x, 0, 0) : NULL;
    s = s ? make(LATHE_ACTION_GET, s, NULL, 0, 0) : NULL;
    if (!s)
      CHECK(call.error_code == LATHE_TASK_OUT_OF_MEMORY);
    failed += !s;
    end();
    if (s)
      break;
  }
  CHECK(failed > 8 && failed < 30);
}

int main(int argc, char **argv) {
  static const struct test_case cases[] = {
      {"inserts", inserts},
      {"erases", erases},
      {"splits-and-joins", splits_and_joins},
      {"holds-optional-values", holds_optional_values},
      {"makes-maps", makes_maps},
      {"survives-without-memory", survives_without_memory},
  };
  return RUN_CASES(cases, argc, argv);
}
