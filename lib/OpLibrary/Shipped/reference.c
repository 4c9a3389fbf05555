/* reference.c: computes an operator with a program in double precision, whose result is what the tests expect.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *allocate(void *context, size_t size, size_t alignment) {
  (void)context;
  return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment + alignment);
}

static void release(void *context, void *memory) {
  (void)context;
  free(memory);
}

static int32_t run_all(void *context, int64_t tasks, uint32_t workers, lathe_task_fn body, void *scratch,
                       size_t scratch_stride, void *closure) {
  (void)context, (void)workers, (void)scratch_stride;
  return body(0, tasks, 0, scratch, closure);
}

/* What the program has instead of the operand. */
static test_operand of_program(const test_operand *operand, int is_wide) {
  test_operand result = *operand;
  if (is_wide && result.kind <= KIND_BF16) {
    result.kind = KIND_F64;
    result.element_bytes = 8;
  }
  return result;
}

void run_reference(lathe_module_query_fn query, const test_operand *operands, int count, int is_wide, double tolerance,
                   const int64_t *sizes, const double *const *x, double *y, double *bound) {
  const lathe_module_desc *module = query(LATHE_ABI_VERSION);
  const lathe_function_desc *function = module->variants[0]->functions[0];
  const lathe_imports imports = {
      .struct_size = sizeof imports, .alloc = allocate, .free = release, .parallel_for = run_all};
  int64_t dims[MOST_OPERANDS][MOST_RANK], elements = 1;
  const int64_t *input_dims[MOST_OPERANDS];
  void *data[MOST_OPERANDS];
  for (int i = 0; i < count; ++i) {
    test_operand operand = of_program(&operands[i], is_wide);
    elements = 1;
    for (int d = 0; d < operand.rank; ++d)
      elements *= dims[i][d] = test_dim(&operand, d, sizes);
    data[i] = allocate(NULL, (size_t)elements * (size_t)operand.element_bytes, LATHE_ALIGNMENT);
    input_dims[i] = dims[i];
    for (int64_t at = 0; at < elements && i + 1 < count; ++at)
      test_store(&operand, data[i], at, x[i][at]);
  }
  int64_t result_dims[MOST_RANK], *output_dims[] = {result_dims};
  void *outputs[] = {data[count - 1]};
  uint64_t workspace[LATHE_SPACE_COUNT] = {0};
  lathe_call call = {.struct_size = sizeof call,
                     .workers = 1,
                     .imports = &imports,
                     .inputs = (const void *const *)data,
                     .input_dims = input_dims,
                     .outputs = outputs,
                     .output_dims = output_dims,
                     .weights = module->weights,
                     .max_loop_steps = INT64_MAX};
  int32_t status = function->plan(&call, workspace);
  for (int d = 0; !status && d < operands[count - 1].rank; ++d)
    if (result_dims[d] != dims[count - 1][d]) {
      printf("the oracle has a result of another shape\n");
      exit(2);
    }
  call.workspace = allocate(NULL, workspace[LATHE_SPACE_HOST], LATHE_ALIGNMENT);
  if (!status && elements > 0)
    status = function->run(&call);
  test_operand result = of_program(&operands[count - 1], is_wide);
  double most = 0;
  for (int64_t at = 0; at < elements; ++at) {
    y[at] = status ? 0 : test_load(&result, outputs[0], at);
    most = isfinite(y[at]) ? fmax(most, fabs(y[at])) : most;
  }
  for (int64_t at = 0; at < elements; ++at)
    bound[at] = result.kind <= KIND_BF16 ? tolerance * most : 0;
  if (status)
    bound[0] = -1;
  free(call.workspace);
  for (int i = 0; i < count; ++i)
    free(data[i]);
}
