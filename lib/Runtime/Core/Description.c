/* lib/Runtime/Core/Description.c: checks once, when a module is made, what
 * every call then relies on.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Internal.h"

#define DAMAGED "; the module is damaged: compile the model again"

static lathe_status check_value(const lathe_function_desc *function, const lathe_value_desc *value, bool is_output) {
  if (!value->name)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged", "function \"%s\" has %s without a name" DAMAGED,
                           function->name, is_output ? "an output" : "an input");
  if (lathe_dtype_size((lathe_dtype)value->dtype) == 0)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged",
                           "\"%s\" of function \"%s\" has dtype %u, which this "
                           "runtime does not know" DAMAGED,
                           value->name, function->name, value->dtype);
  if (value->rank > LATHE_MAX_RANK || (value->rank > 0 && !value->dims))
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged",
                           "\"%s\" of function \"%s\" has rank %u and %s dims, "
                           "but at most rank %d is possible" DAMAGED,
                           value->name, function->name, value->rank, value->dims ? "some" : "no", LATHE_MAX_RANK);
  for (uint32_t d = 0; d < value->rank; ++d) {
    int64_t dim = value->dims[d];
    if (dim >= 0 || (is_output && dim == INT64_MIN))
      continue;
    if (~dim >= (int64_t)function->symbol_count)
      return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged",
                             "dim %u of \"%s\" of function \"%s\" is symbol "
                             "%lld of %u" DAMAGED,
                             d, value->name, function->name, (long long)~dim, function->symbol_count);
  }
  return LATHE_OK;
}

static lathe_status check_function(const lathe_function_desc *function, uint32_t index) {
  if (!function->name || !function->plan || !function->run || (function->input_count && !function->inputs) ||
      (function->output_count && !function->outputs) || (function->symbol_count && !function->symbol_names) ||
      (function->check_count && !function->check_messages))
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged",
                           "the description of function %u has a NULL where a "
                           "name, code or a table must be" DAMAGED,
                           index);
  for (uint32_t i = 0; i < function->symbol_count; ++i)
    if (!function->symbol_names[i])
      return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged", "symbol %u of function \"%s\" is NULL" DAMAGED, i,
                             function->name);
  for (uint32_t i = 0; i < function->check_count; ++i)
    if (!function->check_messages[i])
      return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged", "message %u of function \"%s\" is NULL" DAMAGED, i,
                             function->name);
  lathe_status status = LATHE_OK;
  for (uint32_t i = 0; i < function->input_count && status == LATHE_OK; ++i)
    status = check_value(function, &function->inputs[i], false);
  for (uint32_t i = 0; i < function->output_count && status == LATHE_OK; ++i)
    status = check_value(function, &function->outputs[i], true);
  return status;
}

lathe_status lathe_impl_check_desc(const lathe_module_desc *desc) {
  if (desc->abi_version != LATHE_ABI_VERSION)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-abi-version",
                           "the module has ABI version %u, but this runtime has "
                           "%u; compile the model with the compiler that the "
                           "runtime came with",
                           desc->abi_version, LATHE_ABI_VERSION);
  if (!desc->target || (desc->function_count && !desc->functions) || (desc->weights_size && !desc->weights))
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged",
                           "the module's description has a NULL where its "
                           "target, functions or weights must be" DAMAGED);
  /* The processor before the functions: a module for another one may well lay
   * them out in another way. */
  lathe_status status = lathe_target_supported(desc->target);
  if (status == LATHE_OK)
    status = lathe_impl_target_enable(desc->target);
  for (uint32_t i = 0; i < desc->function_count && status == LATHE_OK; ++i)
    status = check_function(&desc->functions[i], i);
  return status;
}
