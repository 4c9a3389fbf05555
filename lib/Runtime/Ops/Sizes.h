/* lib/Runtime/Ops/Sizes.h: sizes that follow from others, for libraries of operators and their tests.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_LIB_RUNTIME_OPS_SIZES_H
#define LATHE_LIB_RUNTIME_OPS_SIZES_H

#include <stdint.h>

/* Sums, products and quotients of sizes: -1 where a part is no size, or the
 * result is none that memory could have. What is added may be negative. */
static inline int64_t lathe_ops_add(int64_t a, int64_t b) {
  int64_t sum;
  return a < 0 || __builtin_add_overflow(a, b, &sum) || sum < 0 ? -1 : sum;
}

static inline int64_t lathe_ops_mul(int64_t a, int64_t b) {
  int64_t product;
  return a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product) ? -1 : product;
}

static inline int64_t lathe_ops_div(int64_t a, int64_t b) { return a < 0 || b <= 0 ? -1 : a / b; }
static inline int64_t lathe_ops_ceil_div(int64_t a, int64_t b) { return a < 0 || b <= 0 ? -1 : a / b + (a % b != 0); }
static inline int64_t lathe_ops_mod(int64_t a, int64_t b) { return a < 0 || b <= 0 ? -1 : a % b; }

#endif /* LATHE_LIB_RUNTIME_OPS_SIZES_H */
