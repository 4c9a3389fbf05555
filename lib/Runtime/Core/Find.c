/* lib/Runtime/Core/Find.c: functions that modules call for tables and for random
 * bits.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Text.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* --- Keys --------------------------------------------------------------- */

static uint64_t mix(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdu;
  x ^= x >> 33;
  return x;
}

/* The bits of a number; one for all that are equal. */
static uint64_t bits_of(double number) {
  uint64_t bits = 0;
  if (number != number)
    return UINT64_MAX;
  if (number != 0)
    memcpy(&bits, &number, sizeof bits);
  return bits;
}

/* Element `i` as an integer that is equal for equal elements. */
static uint64_t number_at(const lathe_text_tensor *tensor, int64_t i) {
  switch ((lathe_dtype)tensor->dtype) {
  case LATHE_DTYPE_F32:
    return bits_of(((const float *)tensor->data)[i]);
  case LATHE_DTYPE_F64:
    return bits_of(((const double *)tensor->data)[i]);
  case LATHE_DTYPE_I16:
    return (uint64_t)((const int16_t *)tensor->data)[i];
  case LATHE_DTYPE_I32:
    return (uint64_t)((const int32_t *)tensor->data)[i];
  default:
    return ((const uint64_t *)tensor->data)[i];
  }
}

static const char *text_at(const lathe_text_tensor *tensor, int64_t i) {
  return ((const char *const *)tensor->data)[i];
}

static uint64_t hash_of(const lathe_text_tensor *tensor, int64_t i, bool is_text) {
  if (!is_text)
    return mix(number_at(tensor, i));
  uint64_t hash = 0xcbf29ce484222325u;
  for (const unsigned char *at = (const unsigned char *)text_at(tensor, i); *at; ++at)
    hash = (hash ^ *at) * 0x100000001b3u;
  return mix(hash);
}

static bool are_equal(const lathe_text_tensor *a, int64_t i, const lathe_text_tensor *b, int64_t j, bool is_text) {
  return is_text ? strcmp(text_at(a, i), text_at(b, j)) == 0 : number_at(a, i) == number_at(b, j);
}

/* Places of keys by their hashes, with 1 added; 0 where there is none. */
struct table {
  int64_t *slots;
  uint64_t mask;
};

/* The slot of the key that is equal to element `i`, or the free one where it would be. */
static int64_t *slot_of(const struct table *table, const lathe_text_tensor *keys, const lathe_text_tensor *values,
                        int64_t i, bool is_text) {
  uint64_t at = hash_of(values, i, is_text) & table->mask;
  while (table->slots[at] && !are_equal(keys, table->slots[at] - 1, values, i, is_text))
    at = (at + 1) & table->mask;
  return &table->slots[at];
}

int32_t lathe_impl_find(const struct lathe_impl_request *request) {
  const lathe_text_tensor *values = &request->call->operands[0], *keys = &request->call->operands[1];
  int64_t *result = request->call->results[0].data, count = keys->count;
  bool is_text = strcmp(request->parameters, "text") == 0;
  uint64_t size = 2;
  while (size < 2 * (uint64_t)count)
    size *= 2;
  struct table table = {NULL, size - 1};
  if (size <= PTRDIFF_MAX / sizeof *table.slots)
    table.slots = request->imports->alloc(request->imports->context, size * sizeof *table.slots, LATHE_ALIGNMENT);
  if (!table.slots)
    return LATHE_TASK_OUT_OF_MEMORY;
  memset(table.slots, 0, size * sizeof *table.slots);
  for (int64_t i = 0; i < count; ++i) /* Of equal keys, the last stays. */
    *slot_of(&table, keys, keys, i, is_text) = i + 1;
  for (int64_t i = 0; i < values->count; ++i) {
    int64_t place = *slot_of(&table, keys, values, i, is_text);
    result[i] = place ? place - 1 : count;
  }
  request->imports->free(request->imports->context, table.slots);
  return 0;
}

/* --- Random bits -------------------------------------------------------- */

int32_t lathe_impl_random(const struct lathe_impl_request *request) {
  static atomic_uint_fast64_t calls;
  uint64_t bits = 0;
  if (getentropy(&bits, sizeof bits) != 0) {
    /* Where the system has none, at least no two calls are alike. */
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    bits = mix((uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 32) ^ mix(atomic_fetch_add(&calls, 1) + 1);
  }
  memcpy(request->call->results[0].data, &bits, sizeof bits);
  return 0;
}
