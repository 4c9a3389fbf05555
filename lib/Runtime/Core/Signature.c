/* lib/Runtime/Core/Signature.c: holds tensors against a function's signature,
 * so that generated code may trust what it gets.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Spaces.h"

#include <inttypes.h>

/* " (batch)" if the dim has a name; else nothing. Three strings, for %s%s%s. */
#define NAME(name) (*(name) ? " (" : ""), (name), (*(name) ? ")" : "")

static lathe_status check_dims(const lathe_function_desc *function, uint32_t index, const lathe_tensor *inputs,
                               struct lathe_impl_symbol *symbols) {
  const lathe_value_desc *value = function->inputs[index];
  const lathe_tensor *input = &inputs[index];
  for (uint32_t d = 0; d < value->rank; ++d) {
    int64_t expected = value->dims[d], actual = input->dims[d];
    if (actual < 0)
      return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-dim-negative",
                             "input \"%s\": dim %u is %" PRId64 ", but a dim is 0 or more", value->name, d, actual);
    if (expected >= 0) {
      if (actual != expected)
        return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-dim-mismatch",
                               "input \"%s\": dim %u is %" PRId64 ", but the model takes %" PRId64, value->name, d,
                               actual, expected);
      continue;
    }
    struct lathe_impl_symbol *symbol = &symbols[~expected];
    if (symbol->value < 0) {
      *symbol = (struct lathe_impl_symbol){actual, index, d};
    } else if (symbol->value != actual) {
      const char *name = function->symbol_names[~expected];
      return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-symbol-mismatch",
                             "input \"%s\": dim %u%s%s%s is %" PRId64 ", but dim %u of input \"%s\" is %" PRId64
                             "; the model takes the same size for both",
                             value->name, d, NAME(name), actual, symbol->dim, function->inputs[symbol->input]->name,
                             symbol->value);
    }
  }
  return LATHE_OK;
}

static lathe_status check_input(const lathe_module *module, const lathe_function_desc *function, uint32_t index,
                                const lathe_tensor *inputs, struct lathe_impl_symbol *symbols) {
  const lathe_value_desc *value = function->inputs[index];
  const lathe_tensor *input = &inputs[index];
  if ((uint32_t)input->dtype != value->dtype)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-dtype-mismatch",
                           "input \"%s\": dtype is %s, but the model takes %s; "
                           "convert the data before the call",
                           value->name, lathe_dtype_name(input->dtype), lathe_dtype_name((lathe_dtype)value->dtype));
  if (input->rank != value->rank)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-rank-mismatch",
                           "input \"%s\": rank is %u, but the model takes %u; "
                           "add or drop dims of size 1",
                           value->name, input->rank, value->rank);
  if (!lathe_impl_space_fits(module, value, input->space))
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-space-mismatch",
                           "input \"%s\": its data is in memory space %u (%s), but the model takes %s; copy it there",
                           value->name, input->space, lathe_impl_space_name(input->space),
                           lathe_impl_space_name(value->space));
  lathe_status status = check_dims(function, index, inputs, symbols);
  if (status != LATHE_OK)
    return status;
  size_t bytes = 0;
  if (!lathe_impl_bytes(input->dtype, input->rank, input->dims, &bytes))
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-size-overflow",
                           "input \"%s\": the dims multiply to more than this "
                           "machine can address; check how they were computed",
                           value->name);
  if (bytes > 0 && !input->data)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-null-data",
                           "input \"%s\": data is NULL, but the dims ask for "
                           "%zu bytes",
                           value->name, bytes);
  size_t size = lathe_dtype_size(input->dtype);
  if (bytes > 0 && (uintptr_t)input->data % size != 0)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-misaligned",
                           "input \"%s\": data is at an address that is %zu past a multiple of "
                           "%zu, but %s needs a multiple of %zu; copy the data to aligned memory",
                           value->name, (size_t)((uintptr_t)input->data % size), size, lathe_dtype_name(input->dtype),
                           size);
  return lathe_impl_check_strings("input", value->name, "", input, bytes);
}

lathe_status lathe_impl_check_inputs(const lathe_module *module, const lathe_function_desc *function,
                                     const lathe_tensor *inputs, const lathe_value *values,
                                     struct lathe_impl_symbol *symbols) {
  for (uint32_t i = 0; i < function->symbol_count; ++i)
    symbols[i].value = -1;
  for (uint32_t i = 0; i < function->input_count; ++i) {
    bool is_tensor = function->inputs[i]->kind == LATHE_KIND_TENSOR;
    lathe_status status = is_tensor ? check_input(module, function, i, inputs, symbols)
                                    : lathe_impl_check_value(function->inputs[i], &values[i], /*is_input=*/true);
    if (status != LATHE_OK)
      return status;
  }
  return LATHE_OK;
}

static bool overlap(const void *a, size_t a_bytes, const void *b, size_t b_bytes) {
  uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;
  return x < y ? y - x < a_bytes && b_bytes > 0 : x - y < b_bytes && a_bytes > 0;
}

/* `bytes` at outputs[index].data must be nobody else's. Only outputs before
 * `index` are compared: they are checked already, and the later ones come with
 * their own check. One without data says nothing in its other members. */
static lathe_status check_alias(const lathe_function_desc *function, uint32_t index, const lathe_tensor *outputs,
                                const lathe_tensor *inputs, size_t bytes) {
  const char *name = function->outputs[index]->name, *kind = NULL, *other = NULL;
  for (uint32_t i = 0; i < function->input_count && !kind; ++i) {
    size_t size = 0;
    lathe_impl_bytes(inputs[i].dtype, inputs[i].rank, inputs[i].dims, &size);
    if (function->outputs[index]->alias == (int64_t)i && outputs[index].data == inputs[i].data && bytes <= size)
      continue; /* Donated: read before it is written. */
    if (overlap(outputs[index].data, bytes, inputs[i].data, size) && inputs[i].space == outputs[index].space) {
      kind = "input";
      other = function->inputs[i]->name;
    }
  }
  for (uint32_t i = 0; i < index && !kind; ++i) {
    size_t size = 0;
    if (!outputs[i].data)
      continue;
    lathe_impl_bytes(outputs[i].dtype, outputs[i].rank, outputs[i].dims, &size);
    if (overlap(outputs[index].data, bytes, outputs[i].data, size) && outputs[i].space == outputs[index].space) {
      kind = "output";
      other = function->outputs[i]->name;
    }
  }
  if (!kind)
    return LATHE_OK;
  return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-output-overlap",
                         "output \"%s\": its memory overlaps that of %s "
                         "\"%s\"; give it memory of its own, or NULL",
                         name, kind, other);
}

/* What `plan` computed is generated code's word, not the caller's. */
static lathe_status check_plan(const lathe_value_desc *value, const int64_t *dims, size_t *bytes) {
  for (uint32_t d = 0; d < value->rank; ++d)
    if (dims[d] < 0 || (value->dims[d] >= 0 && value->dims[d] != dims[d]))
      return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-bad-plan",
                             "output \"%s\": the module computed dim %u = "
                             "%" PRId64 ", which its own signature rules out; "
                             "compile the model again",
                             value->name, d, dims[d]);
  if (!lathe_impl_bytes((lathe_dtype)value->dtype, value->rank, dims, bytes))
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-output-size-overflow",
                           "output \"%s\": with these inputs it would have more "
                           "bytes than this machine can address",
                           value->name);
  return LATHE_OK;
}

lathe_status lathe_impl_check_output(const lathe_module *module, const lathe_function_desc *function, uint32_t index,
                                     const int64_t *dims, const lathe_tensor *outputs, const lathe_tensor *inputs,
                                     size_t *bytes) {
  const lathe_value_desc *value = function->outputs[index];
  const lathe_tensor *output = &outputs[index];
  lathe_status status = check_plan(value, dims, bytes);
  if (status != LATHE_OK || !output->data)
    return status;
  if ((uint32_t)output->dtype != value->dtype)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-output-dtype-mismatch",
                           "output \"%s\": its memory is given as %s, but the "
                           "model computes %s",
                           value->name, lathe_dtype_name(output->dtype), lathe_dtype_name((lathe_dtype)value->dtype));
  if (!lathe_impl_space_fits(module, value, output->space))
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-output-space-mismatch",
                           "output \"%s\": its memory is given in memory space %u (%s), but the model writes to %s",
                           value->name, output->space, lathe_impl_space_name(output->space),
                           lathe_impl_space_name(value->space));
  if (output->rank != value->rank)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-output-rank-mismatch",
                           "output \"%s\": its memory is given with rank %u, "
                           "but the model computes rank %u",
                           value->name, output->rank, value->rank);
  if (value->dtype == LATHE_DTYPE_STRING)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-output-strings",
                           "output \"%s\" has strings, whose size only the call knows; set data to NULL to let it "
                           "allocate",
                           value->name);
  for (uint32_t d = 0; d < value->rank; ++d)
    if (output->dims[d] != dims[d])
      return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-output-dim-mismatch",
                             "output \"%s\": its memory is given with dim %u = %" PRId64
                             ", but the model computes %" PRId64 "; set data to NULL to let the call allocate",
                             value->name, d, output->dims[d], dims[d]);
  if ((uintptr_t)output->data % LATHE_ALIGNMENT != 0)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-output-misaligned",
                           "output \"%s\": its memory is %zu past a multiple of %d, but outputs "
                           "start at one; use lathe_tensor_alloc, or set data to NULL",
                           value->name, (size_t)((uintptr_t)output->data % LATHE_ALIGNMENT), LATHE_ALIGNMENT);
  return check_alias(function, index, outputs, inputs, *bytes);
}
