/* harness.h: what the tests of a library of operators share: shapes, guarded memory, an oracle's bound.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef OPS_TEST_HARNESS_H
#define OPS_TEST_HARNESS_H

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

enum { MOST_SIZES = 32, MOST_OPERANDS = 16, MOST_RANK = 8 };

typedef enum test_kind { KIND_F32, KIND_F64, KIND_F16, KIND_BF16, KIND_I8, KIND_U8, KIND_I32, KIND_I64 } test_kind;

typedef struct test_operand {
  const char *name;
  test_kind kind;
  int element_bytes, alignment, rank, is_optional, is_result, is_packed;
  double span;  /* Floats are drawn from -span to span. */
  int index_of; /* Elements are indices below this size; -1: they are numbers. */
  /* d >= 0: the dim is d; d < 0: it is symbol ~d. */
  int64_t dims[MOST_RANK];
  /* For each dim but the last the size that is its stride; -1: row-major. */
  int strides[MOST_RANK];
} test_operand;

/* A variant and the sizes that it is for; -1: any. */
typedef struct test_variant {
  const char *isa, *name;
  int64_t fixed[MOST_SIZES];
} test_variant;

typedef struct test_op {
  const char *name;
  int symbols, sizes, operands, choices, variants;
  int64_t most; /* The largest size to draw. */
  const test_operand *operand;
  const test_variant *variant;
  /* Calls the library: sizes are symbols and then strides. Workspace comes from
   * `call` itself. Returns a status. */
  int (*call)(const void *ctx, const int64_t *sizes, const void *const *operands, int choice);
  /* As often, but only asks for the workspace. */
  int (*query)(const void *ctx, const int64_t *sizes, const void *const *operands, int choice, int times);
  int (*pack)(const void *ctx, int operand, const int64_t *sizes, int64_t stride, const void *from, void *to,
              size_t *bytes);
  void (*oracle)(const int64_t *sizes, const double *const *operands, int choice, double *y, double *bound);
  void (*derive)(int64_t *sizes); /* Sets the sizes behind `sizes`; NULL: there are none. */
} test_op;

/* The functions of the library that every test calls; statuses as numbers. */
typedef struct test_library {
  const char *name;
  size_t ctx_bytes;
  /* `reversed`: a parallel_for of 3 workers that does the tasks backwards. */
  int (*open)(void *ctx, int reversed);
  int (*force)(void *ctx, const char *op, const char *what);
} test_library;

double activate(const char *name, double x);

/* A number, and how far a computation in another precision may be from it. */
typedef struct num {
  double v, e;
} num;

static inline num num_exact(double v) { return (num){v, 0}; }
/* `eps` is the relative error of one operation. */
static inline num num_add(num a, num b, double eps) {
  return (num){a.v + b.v, a.e + b.e + eps * (fabs(a.v + b.v) + a.e + b.e)};
}
static inline num num_sub(num a, num b, double eps) { return num_add(a, (num){-b.v, b.e}, eps); }
static inline num num_mul(num a, num b, double eps) {
  double spread = fabs(a.v) * b.e + fabs(b.v) * a.e + a.e * b.e;
  return (num){a.v * b.v, spread + eps * (fabs(a.v * b.v) + spread)};
}
static inline num num_div(num a, num b, double eps) {
  double least = fabs(b.v) - b.e, v = a.v / b.v;
  double spread = least > 0 ? (a.e + fabs(v) * b.e) / least : INFINITY;
  return (num){v, spread + eps * (fabs(v) + spread)};
}
/* Of a function whose slope is at most `slope` nearby. */
static inline num num_function(double v, double slope, num x, double eps) {
  return (num){v, slope * x.e + 8 * eps * fabs(v) + 4 * eps * slope * fabs(x.v)};
}
static inline num num_constant(double v, double eps) { return (num){v, eps * fabs(v)}; }
static inline num num_neg(num x, double eps) { return (void)eps, (num){-x.v, x.e}; }
static inline num num_abs(num x, double eps) { return (void)eps, (num){fabs(x.v), x.e}; }
static inline num num_relu(num x, double eps) { return (void)eps, (num){x.v > 0 ? x.v : 0, x.e}; }
static inline num num_max(num a, num b, double eps) { return (void)eps, (num){fmax(a.v, b.v), fmax(a.e, b.e)}; }
static inline num num_min(num a, num b, double eps) { return (void)eps, (num){fmin(a.v, b.v), fmax(a.e, b.e)}; }
static inline num num_exp(num x, double eps) { return num_function(exp(x.v), exp(x.v + x.e), x, eps); }
static inline num num_log(num x, double eps) {
  return x.v > x.e ? num_function(log(x.v), 1 / (x.v - x.e), x, eps) : (num){log(x.v), INFINITY};
}
static inline num num_sqrt(num x, double eps) {
  return x.v > x.e ? num_function(sqrt(x.v), 0.5 / sqrt(x.v - x.e), x, eps) : (num){sqrt(x.v), sqrt(x.e)};
}
static inline num num_tanh(num x, double eps) { return num_function(tanh(x.v), 1, x, eps); }
static inline num num_erf(num x, double eps) { return num_function(erf(x.v), 1.13, x, eps); }
static inline num num_sigmoid(num x, double eps) { return num_function(1 / (1 + exp(-x.v)), 0.25, x, eps); }
static inline num num_gelu(num x, double eps) { return num_function(activate("gelu", x.v), 1.13, x, eps); }
static inline num num_silu(num x, double eps) { return num_function(activate("silu", x.v), 1.1, x, eps); }
static inline num num_sin(num x, double eps) { return num_function(sin(x.v), 1, x, eps); }
static inline num num_cos(num x, double eps) { return num_function(cos(x.v), 1, x, eps); }
/* They jump where `x` may be on either side of a whole number. */
static inline num num_floor(num x, double eps) {
  return (void)eps, (num){floor(x.v), floor(x.v + x.e) != floor(x.v - x.e) ? 1 : 0};
}
static inline num num_ceil(num x, double eps) {
  return (void)eps, (num){ceil(x.v), ceil(x.v + x.e) != ceil(x.v - x.e) ? 1 : 0};
}

/* Runs all tests of an operator; returns the number of failures. */
int test_operator(const test_library *library, const test_op *op);
/* What the words of the command line ask for: without any, all tests; `fuzz [CALLS]`, arguments of any kind, 10^6
 * times or so often; `dispatch`, how long a call takes besides its kernel. Returns the status of the program. */
int test_main(const test_library *library, const test_op *op, int count, char **words);

#endif /* OPS_TEST_HARNESS_H */
