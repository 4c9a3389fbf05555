/* harness.c: compares every variant of an operator with its oracle, on shapes that reach each tail, in guarded memory.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#define _GNU_SOURCE
#include "harness.h"
#include "reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
  OK = 0,
  BAD_ARGUMENT = 1,
  NO_VARIANT = 2,
  WRONG_PACKING = 4,
  NO_SUCH_NAME = 5,
  UNSUPPORTED_ISA = 6,
  CHECK_FAILED = 8
};

static uint64_t state = 0x9e3779b97f4a7c15u;

static uint64_t draw(uint64_t below) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return state % below;
}

double activate(const char *name, double x) {
  if (strcmp(name, "relu") == 0)
    return x > 0 ? x : 0;
  if (strcmp(name, "gelu") == 0)
    return 0.5 * x * (1 + erf(x * sqrt(0.5)));
  if (strcmp(name, "silu") == 0)
    return x / (1 + exp(-x));
  if (strcmp(name, "tanh") == 0)
    return tanh(x);
  if (strcmp(name, "sigmoid") == 0)
    return 1 / (1 + exp(-x));
  return x;
}

/* Memory with a page before and behind it that nobody may touch. */
typedef struct guarded {
  char *map, *data;
  size_t mapped;
} guarded;

static guarded guard(size_t bytes, int at_end, size_t alignment) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (bytes + page - 1) / page * page + page;
  guarded result = {NULL, NULL, room + 2 * page};
  result.map = mmap(NULL, result.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (result.map == MAP_FAILED || mprotect(result.map, page, PROT_NONE) ||
      mprotect(result.map + page + room, page, PROT_NONE)) {
    perror("mmap");
    exit(2);
  }
  result.data = at_end ? result.map + page + (room - bytes) / alignment * alignment : result.map + page;
  return result;
}

static void release(guarded memory) { munmap(memory.map, memory.mapped); }

int64_t test_dim(const test_operand *operand, int i, const int64_t *sizes) {
  return operand->dims[i] >= 0 ? operand->dims[i] : sizes[~operand->dims[i]];
}

static int64_t elements_of(const test_operand *operand, const int64_t *sizes) {
  int64_t count = 1;
  for (int i = 0; i < operand->rank; ++i)
    count *= test_dim(operand, i, sizes);
  return count;
}

/* Where element `index` in row-major order is, in elements. */
static int64_t place_of(const test_operand *operand, const int64_t *sizes, int64_t index) {
  int64_t place = 0, dense = 1;
  for (int i = operand->rank - 1; i >= 0; --i) {
    int64_t dim = test_dim(operand, i, sizes);
    if (operand->strides[i] >= 0 && sizes[operand->strides[i]])
      dense = sizes[operand->strides[i]];
    place += index % dim * dense;
    index /= dim;
    dense *= dim;
  }
  return place;
}

/* Half precision by its bits: `exponent` and `mantissa` bits. */
static double from_half(uint32_t bits, int mantissa, int bias) {
  uint32_t fraction = bits & ((1u << mantissa) - 1), exponent = (bits & 0x7fff) >> mantissa;
  uint32_t most = 0x7fffu >> mantissa;
  double value = exponent == most ? (fraction ? (double)NAN : (double)INFINITY)
                 : exponent       ? ldexp(1 + ldexp(fraction, -mantissa), (int)exponent - bias)
                                  : ldexp(fraction, 1 - bias - mantissa);
  return bits & 0x8000 ? -value : value;
}

/* The nearest below in absolute value; the tests then take what it stands for. */
static uint16_t to_half(double value, int mantissa, int bias) {
  uint32_t sign = signbit(value) ? 0x8000 : 0, most = 0x7fffu >> mantissa;
  int exponent;
  if (isnan(value))
    return (uint16_t)(most << mantissa | 1);
  double fraction = frexp(fabs(value), &exponent);
  if (value == 0 || exponent - 1 < 1 - bias)
    return (uint16_t)(sign | (uint32_t)ldexp(fabs(value), bias - 1 + mantissa));
  if (exponent - 1 + bias >= (int)most)
    return (uint16_t)(sign | most << mantissa);
  return (uint16_t)(sign | (uint32_t)(exponent - 1 + bias) << mantissa | (uint32_t)ldexp(2 * fraction - 1, mantissa));
}

double test_load(const test_operand *operand, const void *data, int64_t place) {
  switch (operand->kind) {
  case KIND_F32:
    return (double)((const float *)data)[place];
  case KIND_F64:
    return ((const double *)data)[place];
  case KIND_F16:
    return from_half(((const uint16_t *)data)[place], 10, 15);
  case KIND_BF16:
    return from_half(((const uint16_t *)data)[place], 7, 127);
  case KIND_I8:
    return ((const int8_t *)data)[place];
  case KIND_U8:
    return ((const uint8_t *)data)[place];
  case KIND_I32:
    return ((const int32_t *)data)[place];
  case KIND_I64:
    return (double)((const int64_t *)data)[place];
  }
  return 0;
}

void test_store(const test_operand *operand, void *data, int64_t place, double value) {
  switch (operand->kind) {
  case KIND_F32:
    ((float *)data)[place] = (float)value;
    break;
  case KIND_F64:
    ((double *)data)[place] = value;
    break;
  case KIND_F16:
    ((uint16_t *)data)[place] = to_half(value, 10, 15);
    break;
  case KIND_BF16:
    ((uint16_t *)data)[place] = to_half(value, 7, 127);
    break;
  case KIND_I8:
    ((int8_t *)data)[place] = (int8_t)value;
    break;
  case KIND_U8:
    ((uint8_t *)data)[place] = (uint8_t)value;
    break;
  case KIND_I32:
    ((int32_t *)data)[place] = (int32_t)value;
    break;
  case KIND_I64:
    ((int64_t *)data)[place] = (int64_t)value;
    break;
  }
}

/* Half of the distance to the next number, relative to one of its size, and the
 * least distance: what it costs to round the result to its type. */
static double rounding(const test_operand *operand, double value) {
  if (operand->kind == KIND_F16)
    return 0x1p-10 * fabs(value) + 0x1p-24;
  if (operand->kind == KIND_BF16)
    return 0x1p-7 * fabs(value) + 0x1p-133;
  return 0;
}

static int is_float(const test_operand *operand) { return operand->kind <= KIND_BF16; }

/* What an operand gets: indices in range, numbers of its span, or small integers. */
static double draw_value(const test_operand *operand, const int64_t *sizes) {
  if (operand->index_of >= 0)
    return (double)draw((uint64_t)sizes[operand->index_of]);
  if (is_float(operand))
    return ((double)draw(2001) / 1000 - 1) * operand->span;
  return (double)draw(operand->kind == KIND_I8 ? 256 : 200) - (operand->kind == KIND_U8 ? 0 : 100) -
         (operand->kind == KIND_I8 ? 28 : 0);
}

/* What a result holds before: a number that each type has. */
static const double filler = 77;

typedef struct call {
  int64_t sizes[MOST_SIZES];
  guarded memory[MOST_OPERANDS], packed[MOST_OPERANDS];
  const void *pointers[MOST_OPERANDS];
  double *values[MOST_OPERANDS];
  int64_t room[MOST_OPERANDS];
  int choice;
} call;

static void make_operand(const test_op *op, const void *ctx, call *c, int i, int at_end) {
  const test_operand *operand = &op->operand[i];
  int64_t count = elements_of(operand, c->sizes);
  c->room[i] = count ? place_of(operand, c->sizes, count - 1) + 1 : 0;
  c->memory[i] = guard((size_t)(c->room[i] * operand->element_bytes), at_end, (size_t)operand->alignment);
  c->values[i] = malloc((size_t)(count + 1) * sizeof(double));
  for (int64_t at = 0; at < c->room[i]; ++at)
    test_store(operand, c->memory[i].data, at, operand->is_result || !is_float(operand) ? filler : NAN);
  for (int64_t at = 0; at < count && !operand->is_result; ++at) {
    int64_t place = place_of(operand, c->sizes, at);
    test_store(operand, c->memory[i].data, place, draw_value(operand, c->sizes));
    c->values[i][at] = test_load(operand, c->memory[i].data, place);
  }
  c->pointers[i] = c->memory[i].data;
  if (!operand->is_packed)
    return;
  size_t bytes = 0;
  op->pack(ctx, i, c->sizes, 0, c->memory[i].data, NULL, &bytes);
  c->packed[i] = guard(bytes, at_end, (size_t)operand->element_bytes);
  op->pack(ctx, i, c->sizes, 0, c->memory[i].data, c->packed[i].data, &bytes);
  c->pointers[i] = c->packed[i].data;
}

static void free_call(const test_op *op, call *c) {
  for (int i = 0; i < op->operands; ++i) {
    if (c->memory[i].map)
      release(c->memory[i]);
    if (c->packed[i].map)
      release(c->packed[i]);
    free(c->values[i]);
  }
}

static int compare(const test_op *op, const test_variant *variant, const call *c, const double *y,
                   const double *bound) {
  int last = op->operands - 1;
  const test_operand *result = &op->operand[last];
  int64_t count = elements_of(result, c->sizes), next = 0;
  for (int64_t at = 0; at < count; ++at) {
    int64_t place = place_of(result, c->sizes, at);
    for (; next < place; ++next)
      if (test_load(result, c->pointers[last], next) != filler) {
        printf("%s %s: wrote between rows at %lld\n", op->name, variant->name, (long long)next);
        return 1;
      }
    next = place + 1;
    double got = test_load(result, c->pointers[last], place);
    double allowed = bound[at] + rounding(result, y[at]);
    int is_right = got == y[at] || (isnan(got) && isnan(y[at])) || fabs(got - y[at]) <= allowed;
    if (!is_right) {
      printf("%s %s: element %lld is %.9g, but %.9g was expected within %.3g; sizes", op->name, variant->name,
             (long long)at, got, y[at], allowed);
      for (int i = 0; i < op->sizes; ++i)
        printf(" %lld", (long long)c->sizes[i]);
      printf(", choice %d\n", c->choice);
      return 1;
    }
  }
  return 0;
}

static int64_t draw_size(int64_t most) {
  static const int64_t sizes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 15, 16, 17, 23, 31, 32, 33, 47, 63, 64, 65, 97};
  int64_t size;
  do
    size = sizes[draw(sizeof sizes / sizeof sizes[0])];
  while (size > most);
  return size;
}

/* The sizes that follow from symbols; 0 if one of them is none. */
static int derive_sizes(const test_op *op, int64_t *sizes) {
  if (op->derive)
    op->derive(sizes);
  for (int i = 0; i < op->operands; ++i)
    for (int d = 0; d < op->operand[i].rank; ++d)
      if (test_dim(&op->operand[i], d, sizes) < 0)
        return 0;
  return 1;
}

/* The same size for each symbol, neither small nor large, and dense rows; 0 if no result follows. */
static int set_middle_sizes(const test_op *op, int64_t *sizes) {
  for (int i = 0; i < op->symbols; ++i)
    sizes[i] = op->most < 8 ? 4 : 8;
  return derive_sizes(op, sizes);
}

/* Symbols and strides of a call; 0 if what follows from them is no size. */
static int draw_sizes(const test_op *op, const test_variant *variant, int64_t *sizes) {
  for (int i = 0; i < op->symbols; ++i)
    sizes[i] = variant->fixed[i] >= 0 ? variant->fixed[i] : draw_size(op->most);
  for (int i = 0; i < op->operands; ++i)
    if (op->operand[i].index_of >= 0 && op->operand[i].index_of < op->symbols && !sizes[op->operand[i].index_of])
      sizes[op->operand[i].index_of] = 1;
  if (!derive_sizes(op, sizes))
    return 0;
  for (int i = 0; i < op->operands; ++i) {
    int64_t dense = op->operand[i].rank ? test_dim(&op->operand[i], op->operand[i].rank - 1, sizes) : 1;
    for (int d = op->operand[i].rank - 2; d >= 0; --d)
      if (op->operand[i].strides[d] >= 0) {
        sizes[op->operand[i].strides[d]] = dense = draw(3) ? dense + (int64_t)draw(9) : dense;
        dense *= test_dim(&op->operand[i], d, sizes);
      }
  }
  return 1;
}

/* One call of random sizes, strides and form; the second one does its tasks in
 * another order and must have the same bits. */
static int run_once(const test_op *op, const test_variant *variant, const void *ctx, const void *reversed) {
  call c;
  memset(&c, 0, sizeof c);
  int at_end = (int)draw(2), last = op->operands - 1, failures = 0;
  if (!draw_sizes(op, variant, c.sizes))
    return 0;
  c.choice = op->choices ? (int)draw((uint64_t)op->choices) : 0;
  for (int i = 0; i < op->operands; ++i)
    if (!op->operand[i].is_optional || draw(2))
      make_operand(op, ctx, &c, i, at_end);
  int64_t count = elements_of(&op->operand[last], c.sizes);
  double *y = malloc((size_t)(count + 1) * sizeof *y), *bound = malloc((size_t)(count + 1) * sizeof *bound);
  bound[0] = 0;
  op->oracle(c.sizes, (const double *const *)c.values, c.choice, y, bound);
  int status = op->call(ctx, c.sizes, c.pointers, c.choice);
  if (status == CHECK_FAILED && bound[0] < 0) {
    /* The oracle found something wrong, too. */
  } else if (status != OK) {
    printf("%s %s: status %d\n", op->name, variant->name, status);
    failures = 1;
  } else {
    failures = compare(op, variant, &c, y, bound);
    size_t bytes = (size_t)(c.room[last] * op->operand[last].element_bytes);
    char *first = malloc(bytes + 1);
    memcpy(first, c.pointers[last], bytes);
    status = op->call(reversed, c.sizes, c.pointers, c.choice);
    if (status != OK || memcmp(first, c.pointers[last], bytes) != 0) {
      printf("%s %s: other bits with other workers, status %d\n", op->name, variant->name, status);
      failures = 1;
    }
    free(first);
  }
  free(y), free(bound);
  free_call(op, &c);
  return failures;
}

static int expect(const test_op *op, const char *what, int got, int wanted) {
  if (got == wanted)
    return 0;
  printf("%s: %s: status %d, but %d was expected\n", op->name, what, got, wanted);
  return 1;
}

/* What is wrong is a status. */
static int test_misuse(const test_library *library, const test_op *op, void *ctx) {
  int failures = 0, last = op->operands - 1;
  call c;
  memset(&c, 0, sizeof c);
  if (!set_middle_sizes(op, c.sizes))
    return expect(op, "sizes of which no result follows", op->call(ctx, c.sizes, c.pointers, 0), BAD_ARGUMENT);
  for (int i = 0; i < op->operands; ++i)
    if (!op->operand[i].is_optional)
      make_operand(op, ctx, &c, i, 0);
  failures += expect(op, "strides of 0", op->call(ctx, c.sizes, c.pointers, 0), OK);
  failures += expect(op, "no context", op->call(NULL, c.sizes, c.pointers, 0), BAD_ARGUMENT);
  if (op->choices)
    failures += expect(op, "an unknown choice", op->call(ctx, c.sizes, c.pointers, 1000), NO_VARIANT);
  for (int i = 0; i < op->sizes; ++i)
    for (int k = 0; k < 2; ++k) {
      int64_t before = c.sizes[i];
      c.sizes[i] = k ? INT64_MAX : -1;
      int status = op->call(ctx, c.sizes, c.pointers, 0);
      /* The stride of an optional operand that is absent is not looked at. */
      failures += i < op->symbols && expect(op, "a size out of range", status == OK ? -1 : BAD_ARGUMENT, BAD_ARGUMENT);
      c.sizes[i] = before;
    }
  for (int i = 0; i < op->operands; ++i) {
    if (op->operand[i].is_optional)
      continue;
    const void *before = c.pointers[i];
    c.pointers[i] = NULL;
    failures += expect(op, "NULL", op->call(ctx, c.sizes, c.pointers, 0), BAD_ARGUMENT);
    if (i != last && !op->operand[i].is_packed) {
      c.pointers[i] = c.pointers[last];
      failures += expect(op, "an operand in the result", op->call(ctx, c.sizes, c.pointers, 0), BAD_ARGUMENT);
      c.pointers[i] = (const char *)before + 1;
      if (op->operand[i].alignment > 1)
        failures += expect(op, "no alignment", op->call(ctx, c.sizes, c.pointers, 0), BAD_ARGUMENT);
    }
    if (op->operand[i].is_packed) {
      for (int at = 0; at < 64; at += 8) {
        c.packed[i].data[at] ^= 1;
        c.pointers[i] = before;
        failures += expect(op, "a damaged header", op->call(ctx, c.sizes, c.pointers, 0), WRONG_PACKING);
        c.packed[i].data[at] ^= 1;
      }
    }
    c.pointers[i] = before;
    for (int k = 0; k < 2 && op->operand[i].index_of >= 0; ++k) {
      int64_t size = c.sizes[op->operand[i].index_of];
      test_store(&op->operand[i], c.memory[i].data, 0, k ? (double)size : (double)(-size - 1));
      failures += expect(op, "an index out of range", op->call(ctx, c.sizes, c.pointers, 0), CHECK_FAILED);
      test_store(&op->operand[i], c.memory[i].data, 0, 0);
    }
  }
  failures += expect(op, "an unknown name", library->force(ctx, op->name, "v99"), NO_SUCH_NAME);
  failures += expect(op, "an unknown operator", library->force(ctx, "nothing", NULL), NO_SUCH_NAME);
  free_call(op, &c);
  return failures;
}

/* Arguments of any kind, in memory that is large enough for the sizes that are
 * small: each call ends with a status that the library knows. */
static int test_any_arguments(const test_op *op, const void *ctx, long long calls) {
  enum { ROOM = 1 << 20 };
  static const int64_t odd[] = {-1, INT64_MIN, INT64_MAX, INT64_MAX / 2, INT64_C(1) << 60, INT64_C(1) << 58};
  char *memory = aligned_alloc(64, 2 * ROOM);
  int failures = 0, right = 0;
  memset(memory, 0, 2 * ROOM);
  for (long long i = 0; i < calls && !failures; ++i) {
    int64_t sizes[MOST_SIZES];
    const void *pointers[MOST_OPERANDS];
    for (int s = 0; s < op->sizes; ++s)
      sizes[s] = draw(12) ? (int64_t)draw(s < op->symbols ? 6 : 12) : odd[draw(sizeof odd / sizeof odd[0])];
    for (int o = 0; o < op->operands; ++o) {
      pointers[o] = memory + draw(2) * 65536 + (uint64_t)o * 4096 + (draw(12) ? 0 : draw(8));
      if (!draw(12) || (op->operand[o].is_optional && draw(2)))
        pointers[o] = NULL;
    }
    int status = op->call(ctx, sizes, pointers, draw(8) ? 0 : (int)draw(1000) - 500);
    right += status == OK;
    if (status < OK || status > CHECK_FAILED)
      failures += expect(op, "any arguments", status, BAD_ARGUMENT);
  }
  free(memory);
  printf("%s: %lld calls with any arguments, %d of them right\n", op->name, calls, right);
  return failures;
}

int test_operator(const test_library *library, const test_op *op) {
  void *ctx = calloc(1, library->ctx_bytes), *reversed = calloc(1, library->ctx_bytes);
  int failures = expect(op, "open", library->open(ctx, 0), OK) + expect(op, "open", library->open(reversed, 1), OK);
  if (failures)
    return failures;
  failures += test_misuse(library, op, ctx) + test_any_arguments(op, ctx, 100000);
  for (int v = 0; v < op->variants; ++v) {
    const test_variant *variant = &op->variant[v];
    int status = library->force(ctx, op->name, variant->name);
    if (status == UNSUPPORTED_ISA) {
      printf("%s %s: skipped, this machine lacks %s\n", op->name, variant->name, variant->isa);
      continue;
    }
    failures += expect(op, variant->name, status, OK);
    failures += expect(op, variant->name, library->force(reversed, op->name, variant->name), OK);
    int before = failures, rounds = 0;
    for (; rounds < 300 && failures < before + 3; ++rounds)
      failures += run_once(op, variant, ctx, reversed);
    printf("%s %s: %d calls, %d wrong\n", op->name, variant->name, rounds, failures - before);
  }
  free(ctx), free(reversed);
  return failures;
}

/* What a call costs besides its kernel: it is checked, its form and its variant are found, and that is asked for the
 * workspace. In processor time, as others may be at work. */
static int time_dispatch(const test_op *op, const void *ctx) {
  enum { ROUNDS = 10, CALLS = 100000 };
  call c;
  double best = 1e9;
  memset(&c, 0, sizeof c);
  if (!set_middle_sizes(op, c.sizes)) {
    printf("%s: sizes of 8 are not timed, as no result follows\n", op->name);
    return 0;
  }
  for (int i = 0; i < op->operands; ++i)
    if (!op->operand[i].is_optional)
      make_operand(op, ctx, &c, i, 0);
  int status = op->query(ctx, c.sizes, c.pointers, 0, 1);
  for (int round = 0; round < ROUNDS && status == OK; ++round) {
    clock_t begin = clock();
    status = op->query(ctx, c.sizes, c.pointers, 0, CALLS);
    best = fmin(best, (double)(clock() - begin) / CLOCKS_PER_SEC / CALLS);
  }
  if (status == OK)
    printf("%s: %.1f ns to check and dispatch a call\n", op->name, best * 1e9);
  free_call(op, &c);
  return expect(op, "the workspace of a call", status, OK);
}

int test_main(const test_library *library, const test_op *op, int count, char **words) {
  if (count == 1)
    return test_operator(library, op) ? 1 : 0;
  void *ctx = calloc(1, library->ctx_bytes);
  int failures = expect(op, "open", library->open(ctx, 0), OK);
  long long calls = count > 2 ? atoll(words[2]) : 1000000;
  if (!failures && strcmp(words[1], "fuzz") == 0 && calls > 0)
    failures = test_any_arguments(op, ctx, calls);
  else if (!failures && strcmp(words[1], "dispatch") == 0)
    failures = time_dispatch(op, ctx);
  else if (!failures) {
    fprintf(stderr, "usage: %s [fuzz [CALLS] | dispatch]\n", words[0]);
    failures = 2;
  }
  free(ctx);
  return failures;
}
