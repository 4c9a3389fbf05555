/* lib/Runtime/Core/Find.c: functions that modules call for tables, for the
 * order of texts, for hashes and for random bits.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Text.h"

#include <stdatomic.h>
#include <stdlib.h>
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

/* --- Order -------------------------------------------------------------- */

/* An element of a tensor of texts. */
struct place {
  const char *text;
  int64_t index;
};

static int compare_places(const void *a, const void *b) {
  return strcmp(((const struct place *)a)->text, ((const struct place *)b)->text);
}

int32_t lathe_impl_order(const struct lathe_impl_request *request) {
  const lathe_text_tensor *operand = &request->call->operands[0];
  int64_t *result = request->call->results[0].data, count = operand->count, rank = 0;
  struct place *places = NULL;
  if ((uint64_t)count < PTRDIFF_MAX / sizeof *places)
    places = request->imports->alloc(request->imports->context, ((size_t)count + 1) * sizeof *places, LATHE_ALIGNMENT);
  if (!places)
    return LATHE_TASK_OUT_OF_MEMORY;
  for (int64_t i = 0; i < count; ++i)
    places[i] = (struct place){text_at(operand, i), i};
  qsort(places, (size_t)count, sizeof *places, compare_places);
  for (int64_t i = 0; i < count; ++i) {
    rank += i > 0 && compare_places(&places[i - 1], &places[i]) != 0;
    result[places[i].index] = rank;
  }
  request->imports->free(request->imports->context, places);
  return 0;
}

/* --- Hashes ------------------------------------------------------------- */

static uint32_t rotate(uint32_t x, int by) { return x << by | x >> (32 - by); }

static uint32_t scramble(uint32_t x) { return rotate(x * 0xcc9e2d51u, 15) * 0x1b873593u; }

/* MurmurHash3 in 32 bits, as Austin Appleby defined it for little-endian machines (2011). */
static uint32_t murmur(const unsigned char *bytes, size_t size, uint32_t hash) {
  for (size_t i = 0; i + 4 <= size; i += 4) {
    uint32_t word;
    memcpy(&word, bytes + i, sizeof word);
    hash = rotate(hash ^ scramble(word), 13) * 5 + 0xe6546b64u;
  }
  uint32_t rest = 0;
  for (size_t i = size; i > size / 4 * 4; --i)
    rest = rest << 8 | bytes[i - 1];
  hash ^= scramble(rest) ^ (uint32_t)size;
  hash = (hash ^ hash >> 16) * 0x85ebca6bu;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
  return hash ^ hash >> 16;
}

int32_t lathe_impl_murmur(const struct lathe_impl_request *request) {
  const lathe_text_tensor *operand = &request->call->operands[0];
  uint32_t *result = request->call->results[0].data;
  bool is_text = strcmp(request->parameters, "text") == 0;
  uint32_t seed = (uint32_t)strtoul(lathe_impl_next_text(request->parameters), NULL, 10);
  size_t size = lathe_dtype_bits((lathe_dtype)operand->dtype) / 8;
  for (int64_t i = 0; i < operand->count; ++i) {
    const void *bytes = is_text ? text_at(operand, i) : (const char *)operand->data + (size_t)i * size;
    result[i] = murmur(bytes, is_text ? strlen(bytes) : size, seed);
  }
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
