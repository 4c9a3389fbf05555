/* reference.h: computes an operator with a program in double precision, whose result is what the tests expect.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef OPS_TEST_REFERENCE_H
#define OPS_TEST_REFERENCE_H

#include "harness.h"
#include "lathe-runtime/module_abi.h"

/* Fills `y` and `bound`, which is `tolerance` of the largest element. `is_wide`:
 * the program has doubles where the operator has floats. Where the program finds
 * the operands wrong, bound[0] is -1. */
void run_reference(lathe_module_query_fn query, const test_operand *operands, int count, int is_wide, double tolerance,
                   const int64_t *sizes, const double *const *x, double *y, double *bound);

/* In a test's own memory. */
double test_load(const test_operand *operand, const void *data, int64_t place);
void test_store(const test_operand *operand, void *data, int64_t place, double value);
int64_t test_dim(const test_operand *operand, int i, const int64_t *sizes);

#endif /* OPS_TEST_REFERENCE_H */
