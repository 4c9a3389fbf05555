/* lib/Runtime/Core/Description.c: checks once, when a module is made, what
 * every call then relies on.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Internal.h"
#include "lathe-runtime/tensor_maps.h"

/* Bits of lathe_module_desc.features, and of lathe_value_desc.flags. */
#define KNOWN_FEATURES                                                                                                 \
  ((uint64_t)(LATHE_FEATURE_TEXT | LATHE_FEATURE_VALUES | LATHE_FEATURE_SPACES | LATHE_FEATURE_IMAGES |                \
              LATHE_FEATURE_CUSTOM_OPS | LATHE_FEATURE_TENSOR_MAPS))
/* They are in two headers, and no bit may be in both. */
_Static_assert(LATHE_FEATURE_TEXT + LATHE_FEATURE_VALUES + LATHE_FEATURE_SPACES + LATHE_FEATURE_IMAGES +
                       LATHE_FEATURE_CUSTOM_OPS + LATHE_FEATURE_TENSOR_MAPS ==
                   KNOWN_FEATURES,
               "each feature has a bit of its own");
_Static_assert(((LATHE_DEVICE_KERNEL_CHECKS | LATHE_DEVICE_KERNEL_BLOCKS) &
                (LATHE_DEVICE_KERNEL_STAYS | LATHE_DEVICE_KERNEL_MAPS)) == 0,
               "each flag of kernels has a bit of its own");
#define KNOWN_FLAGS ((uint32_t)(LATHE_VALUE_SIZED_BY_RUN | LATHE_VALUE_OF_SEQUENCE | LATHE_VALUE_MOVES))

#define DAMAGED "; the module is damaged: compile the model again"

/* `spaces` has a bit for each that the variant has. */
static lathe_status check_value(const lathe_function_desc *function, const lathe_value_desc *value, bool is_output,
                                uint32_t spaces) {
  if (!value || !LATHE_HAS(value, alias) || !value->name)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged", "function \"%s\" has %s without a name" DAMAGED,
                           function->name, is_output ? "an output" : "an input");
  if (value->kind > LATHE_KIND_MAP || value->space >= LATHE_SPACE_COUNT || !(spaces >> value->space & 1) ||
      (value->kind != LATHE_KIND_TENSOR && value->space != LATHE_SPACE_HOST) || (value->flags & ~KNOWN_FLAGS))
    return lathe_impl_fail(
        LATHE_INCOMPATIBLE, "module-value-kind",
        "\"%s\" of function \"%s\" has kind %u, space %u and flags 0x%x, which this runtime does not "
        "serve; use the runtime of the compiler that wrote the module",
        value->name, function->name, value->kind, value->space, value->flags);
  if (value->alias < -1 || value->alias >= (int64_t)(is_output ? function->input_count : 0))
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged",
                           "\"%s\" of function \"%s\" may have the memory of input %d, but there are %u" DAMAGED,
                           value->name, function->name, value->alias, is_output ? function->input_count : 0);
  if (lathe_dtype_size((lathe_dtype)value->dtype) == 0)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged",
                           "\"%s\" of function \"%s\" has dtype %u, which this "
                           "runtime does not know" DAMAGED,
                           value->name, function->name, value->dtype);
  if (value->kind == LATHE_KIND_MAP && (lathe_dtype_size((lathe_dtype)value->key_dtype) == 0 || value->rank != 1))
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged",
                           "the map \"%s\" of function \"%s\" has keys of dtype %u and rank %u" DAMAGED, value->name,
                           function->name, value->key_dtype, value->rank);
  if (value->rank == LATHE_ANY_RANK && value->kind != LATHE_KIND_TENSOR)
    return LATHE_OK;
  if (value->rank > LATHE_MAX_RANK || (value->rank > 0 && !value->dims))
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged",
                           "\"%s\" of function \"%s\" has rank %u and %s dims, "
                           "but at most rank %d is possible" DAMAGED,
                           value->name, function->name, value->rank, value->dims ? "some" : "no", LATHE_MAX_RANK);
  for (uint32_t d = 0; d < value->rank; ++d) {
    int64_t dim = value->dims[d];
    if (dim >= 0 || (dim == INT64_MIN && (is_output || value->kind != LATHE_KIND_TENSOR)))
      continue;
    if (~dim >= (int64_t)function->symbol_count)
      return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged",
                             "dim %u of \"%s\" of function \"%s\" is symbol "
                             "%lld of %u" DAMAGED,
                             d, value->name, function->name, (long long)~dim, function->symbol_count);
  }
  return LATHE_OK;
}

static lathe_status check_function(const lathe_function_desc *function, uint32_t index, uint32_t spaces) {
  if (!function || !LATHE_HAS(function, run) || !function->name || !function->plan || !function->run ||
      (function->input_count && !function->inputs) || (function->output_count && !function->outputs) ||
      (function->symbol_count && !function->symbol_names) || (function->check_count && !function->check_messages))
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
  bool has_ranges = LATHE_HAS(function, symbol_ranges) && function->symbol_ranges;
  for (uint32_t i = 0; has_ranges && i < function->symbol_count; ++i) {
    const int64_t *range = &function->symbol_ranges[3 * (size_t)i];
    if (range[0] < 0 || range[1] < range[0] || range[2] < 1)
      return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged",
                             "the range of symbol %u of function \"%s\" has no size in it" DAMAGED, i, function->name);
  }
  lathe_status status = LATHE_OK;
  for (uint32_t i = 0; i < function->input_count && status == LATHE_OK; ++i)
    status = check_value(function, function->inputs[i], false, spaces);
  for (uint32_t i = 0; i < function->output_count && status == LATHE_OK; ++i)
    status = check_value(function, function->outputs[i], true, spaces);
  return status;
}

static bool are_arguments(const lathe_argument_desc *const *arguments, uint32_t count) {
  if (count && !arguments)
    return false;
  for (uint32_t i = 0; i < count; ++i)
    if (!arguments[i] || !LATHE_HAS(arguments[i], dims) || (arguments[i]->rank && !arguments[i]->dims))
      return false;
  return true;
}

/* Kernels are for tools to show, so only what leads to them is checked. */
static lathe_status check_tables(const lathe_variant_desc *variant) {
  for (uint32_t i = 0; i < variant->kernel_count; ++i) {
    const lathe_kernel_desc *kernel = variant->kernels[i];
    if (!kernel || !LATHE_HAS(kernel, phases) || !kernel->name || !kernel->key || !kernel->strategy || !kernel->nodes ||
        (kernel->phase_count && !kernel->phases))
      return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged",
                             "the description of kernel %u has a NULL where a name or a table must be" DAMAGED, i);
    if (LATHE_HAS(kernel, results) && !(are_arguments(kernel->operands, kernel->operand_count) &&
                                        are_arguments(kernel->results, kernel->result_count)))
      return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged",
                             "the arguments of kernel \"%s\" have a NULL where a table must be" DAMAGED, kernel->name);
  }
  uint32_t spaces = 1u << LATHE_SPACE_HOST;
  if (LATHE_HAS(variant, spaces))
    spaces |= variant->spaces;
  lathe_status status = LATHE_OK;
  for (uint32_t i = 0; i < variant->function_count && status == LATHE_OK; ++i)
    status = check_function(variant->functions[i], i, spaces);
  return status;
}

lathe_status lathe_impl_check_desc(const lathe_module_desc *desc, const lathe_load_options *options,
                                   const lathe_variant_desc **variant) {
  if (desc->abi_version != LATHE_ABI_VERSION)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-abi-version",
                           "the module has ABI version %u, but this runtime has "
                           "%u; compile the model with the compiler that the "
                           "runtime came with",
                           desc->abi_version, LATHE_ABI_VERSION);
  if (!LATHE_HAS(desc, metadata) || desc->variant_count == 0 || !desc->variants ||
      (desc->weights_size && !desc->weights))
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged",
                           "the module's description has a NULL where its "
                           "variants or weights must be" DAMAGED);
  if (desc->features & ~KNOWN_FEATURES)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-features",
                           "the module needs feature bits 0x%llx that this runtime does not know; use the runtime of "
                           "the compiler that wrote it",
                           (unsigned long long)(desc->features & ~KNOWN_FEATURES));
  /* The processor before the functions: a module for another one may well lay
   * them out in another way. */
  lathe_status status = lathe_impl_pick_variant(desc, options, variant);
  if (status == LATHE_OK)
    status = check_tables(*variant);
  return status == LATHE_OK ? lathe_impl_check_custom_ops(desc) : status;
}
