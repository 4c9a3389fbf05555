/* lib/Runtime/Core/Values.c: calls with values that are no tensors: sequences,
 * and what may be absent.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Services.h"
#include "Spaces.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *kind_name(uint32_t kind) {
  static const char *const names[] = {"a tensor", "a sequence", "none", "a map"};
  return kind < 4 ? names[kind] : "of an unknown kind";
}

/* The kind that a value must have where there is one. */
static lathe_kind content_kind(const lathe_value_desc *desc) {
  if (desc->kind == LATHE_KIND_OPTIONAL)
    return desc->flags & LATHE_VALUE_OF_SEQUENCE ? LATHE_KIND_SEQUENCE : LATHE_KIND_TENSOR;
  return (lathe_kind)desc->kind;
}

static lathe_status check_element(const lathe_value_desc *desc, const char *what, int64_t place,
                                  const lathe_tensor *tensor) {
  char where[64] = "";
  if (place >= 0)
    snprintf(where, sizeof where, ", element %" PRId64, place);
  if ((uint32_t)tensor->dtype != desc->dtype)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-dtype-mismatch",
                           "%s \"%s\"%s: dtype is %s, but the model takes %s; convert the data before the call", what,
                           desc->name, where, lathe_dtype_name(tensor->dtype),
                           lathe_dtype_name((lathe_dtype)desc->dtype));
  if (tensor->space != desc->space)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-space-mismatch",
                           "%s \"%s\"%s: its data is in memory space %u (%s), but the model takes %s; copy it there",
                           what, desc->name, where, tensor->space, lathe_impl_space_name(tensor->space),
                           lathe_impl_space_name(desc->space));
  bool has_rank = desc->rank != LATHE_ANY_RANK;
  if (!has_rank && tensor->rank > LATHE_MAX_RANK)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-rank-mismatch",
                           "%s \"%s\"%s: rank is %u, but at most %d is possible; merge some dims", what, desc->name,
                           where, tensor->rank, LATHE_MAX_RANK);
  if (has_rank && tensor->rank != desc->rank)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-rank-mismatch",
                           "%s \"%s\"%s: rank is %u, but the model takes %u; add or drop dims of size 1", what,
                           desc->name, where, tensor->rank, desc->rank);
  for (uint32_t d = 0; d < tensor->rank; ++d) {
    if (tensor->dims[d] < 0)
      return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-dim-negative",
                             "%s \"%s\"%s: dim %u is %" PRId64 ", but a dim is 0 or more", what, desc->name, where, d,
                             tensor->dims[d]);
    if (has_rank && desc->dims[d] >= 0 && desc->dims[d] != tensor->dims[d])
      return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-dim-mismatch",
                             "%s \"%s\"%s: dim %u is %" PRId64 ", but the model takes %" PRId64, what, desc->name,
                             where, d, tensor->dims[d], desc->dims[d]);
  }
  size_t bytes = 0, size = lathe_dtype_size(tensor->dtype);
  if (!lathe_impl_bytes(tensor->dtype, tensor->rank, tensor->dims, &bytes))
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-size-overflow",
                           "%s \"%s\"%s: the dims multiply to more than this machine can address; check how they were "
                           "computed",
                           what, desc->name, where);
  if (bytes > 0 && !tensor->data)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-null-data",
                           "%s \"%s\"%s: data is NULL, but the dims ask for %zu bytes", what, desc->name, where, bytes);
  if (bytes > 0 && (uintptr_t)tensor->data % size != 0)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-misaligned",
                           "%s \"%s\"%s: data is not at a multiple of %zu bytes, which %s needs; copy the data to "
                           "aligned memory",
                           what, desc->name, where, size, lathe_dtype_name(tensor->dtype));
  return lathe_impl_check_strings(what, desc->name, where, tensor, bytes);
}

/* Whether key `i` is above the one before. */
static bool is_above(const lathe_tensor *keys, int64_t i) {
  switch (keys->dtype) {
  case LATHE_DTYPE_STRING:
    return strcmp(((const char *const *)keys->data)[i], ((const char *const *)keys->data)[i - 1]) > 0;
  case LATHE_DTYPE_I64:
    return ((const int64_t *)keys->data)[i] > ((const int64_t *)keys->data)[i - 1];
  case LATHE_DTYPE_I32:
    return ((const int32_t *)keys->data)[i] > ((const int32_t *)keys->data)[i - 1];
  default: /* Other integers have no order here. */
    return true;
  }
}

static lathe_status check_map(const lathe_value_desc *desc, const char *what, const lathe_value *map, bool is_input) {
  bool is_many = desc->flags & LATHE_VALUE_OF_SEQUENCE;
  if (map->count < 1 || (!is_many && map->count != 2))
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-map",
                           "%s \"%s\" has %" PRId64 " vectors; a map has one of keys and one of values", what,
                           desc->name, map->count);
  lathe_value_desc keys = *desc;
  keys.dtype = desc->key_dtype;
  const lathe_tensor *first = &map->elements[0];
  lathe_status status = check_element(&keys, what, 0, first);
  for (int64_t i = 1; i < map->count && status == LATHE_OK; ++i) {
    status = check_element(desc, what, i, &map->elements[i]);
    if (status == LATHE_OK && map->elements[i].dims[0] != first->dims[0])
      return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-map",
                             "%s \"%s\" has %" PRId64 " keys and %" PRId64 " values; give each key a value", what,
                             desc->name, first->dims[0], map->elements[i].dims[0]);
  }
  for (int64_t i = 1; is_input && status == LATHE_OK && i < first->dims[0]; ++i)
    if (!is_above(first, i))
      return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-map",
                             "%s \"%s\": key %" PRId64
                             " is not above the one before; sort the keys, and give each once",
                             what, desc->name, i);
  return status;
}

lathe_status lathe_impl_check_value(const lathe_value_desc *desc, const lathe_value *value, bool is_input) {
  const char *what = is_input ? "input" : "output";
  lathe_kind wanted = content_kind(desc);
  if (is_input && value->reserved)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-value-reserved",
                           "input \"%s\": the field 'reserved' is %u; set it to 0", desc->name, value->reserved);
  if (value->kind == LATHE_KIND_OPTIONAL && desc->kind == LATHE_KIND_OPTIONAL)
    return LATHE_OK;
  if (value->kind != wanted)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-kind-mismatch", "%s \"%s\" is %s, but the model takes %s%s",
                           what, desc->name, kind_name(value->kind), kind_name(wanted),
                           desc->kind == LATHE_KIND_OPTIONAL ? " or none" : "");
  if (wanted == LATHE_KIND_TENSOR)
    return check_element(desc, what, -1, &value->tensor);
  if (value->count < 0 || (value->count > 0 && !value->elements))
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-sequence",
                           "%s \"%s\" has %" PRId64 " elements at %s; give 0 or more, and where they are", what,
                           desc->name, value->count, value->elements ? "an address" : "NULL");
  lathe_status status = LATHE_OK;
  if (wanted == LATHE_KIND_MAP)
    return check_map(desc, what, value, is_input);
  for (int64_t i = 0; i < value->count && status == LATHE_OK; ++i)
    status = check_element(desc, what, i, &value->elements[i]);
  return status;
}

/* --- What `run` made becomes the caller's ------------------------------- */

/* Data of the call's own, or a copy: of strings always one, as elements of sequences are shared and what was taken
 * is freed once its texts are the caller's. */
static lathe_status take_tensor(struct lathe_impl_services *services, const char *name, const lathe_tensor *made,
                                lathe_tensor *result) {
  size_t bytes = 0;
  lathe_impl_bytes(made->dtype, made->rank, made->dims, &bytes);
  *result = *made;
  if (made->dtype != LATHE_DTYPE_STRING && lathe_impl_services_take(services, made->data))
    return LATHE_OK;
  result->data = lathe_impl_host_alloc(services->module, bytes);
  if (!result->data)
    return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "call-out-of-memory", "no memory for output \"%s\" of %zu bytes", name,
                           bytes);
  if (bytes)
    memcpy(result->data, made->data, bytes);
  return made->dtype == LATHE_DTYPE_STRING ? lathe_impl_own_strings(services->module, name, result) : LATHE_OK;
}

void lathe_impl_release_value(const lathe_module *module, lathe_value *value) {
  if (value->kind == LATHE_KIND_TENSOR)
    lathe_impl_host_free(module, value->tensor.data);
  if (value->kind == LATHE_KIND_SEQUENCE || value->kind == LATHE_KIND_MAP) {
    for (int64_t i = 0; i < value->count; ++i)
      lathe_impl_host_free(module, value->elements[i].data);
    lathe_impl_host_free(module, value->elements);
  }
  *value = (lathe_value){.kind = LATHE_KIND_OPTIONAL};
}

lathe_status lathe_impl_take_value(struct lathe_impl_services *services, const lathe_value_desc *desc,
                                   const lathe_value *made, lathe_value *result) {
  *result = (lathe_value){.kind = LATHE_KIND_OPTIONAL};
  if (!made)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-bad-plan",
                           "output \"%s\": the module computed no value; compile the model again", desc->name);
  lathe_status status = lathe_impl_check_value(desc, made, /*is_input=*/false);
  if (status != LATHE_OK || made->kind == LATHE_KIND_OPTIONAL)
    return status;
  if (made->kind == LATHE_KIND_TENSOR) {
    result->kind = LATHE_KIND_TENSOR;
    status = take_tensor(services, desc->name, &made->tensor, &result->tensor);
  } else {
    size_t bytes = (size_t)made->count * sizeof *made->elements;
    result->elements = lathe_impl_host_alloc(services->module, bytes);
    if (!result->elements)
      return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "call-out-of-memory", "no memory for output \"%s\" of %zu bytes",
                             desc->name, bytes);
    memset(result->elements, 0, bytes);
    result->kind = made->kind;
    result->count = made->count;
    /* From the last on, as what was allocated last is found first. */
    for (int64_t i = made->count; i-- > 0 && status == LATHE_OK;)
      status = take_tensor(services, desc->name, &made->elements[i], &result->elements[i]);
  }
  if (status != LATHE_OK)
    lathe_impl_release_value(services->module, result);
  return status;
}

void lathe_value_free(lathe_value *value) {
  if (!value)
    return;
  const lathe_module own = {0}; /* Without imports: the runtime's allocator. */
  lathe_impl_release_value(&own, value);
}

/* --- Calls -------------------------------------------------------------- */

lathe_status lathe_module_call_values(lathe_module *module, const char *name, const lathe_value *inputs,
                                      size_t input_count, lathe_value *outputs, size_t output_count,
                                      const lathe_call_options *options) {
  if ((input_count && !inputs) || (output_count && !outputs))
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-null",
                           "function \"%s\" is called with NULL for its array of %s", name ? name : "",
                           input_count && !inputs ? "inputs" : "outputs");
  lathe_tensor *tensors = calloc(input_count + output_count + 1, sizeof *tensors);
  if (!tensors)
    return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "call-out-of-memory", "no memory for the arguments of function \"%s\"",
                           name ? name : "");
  lathe_tensor *results = tensors + input_count;
  for (size_t i = 0; i < input_count; ++i)
    if (inputs[i].kind == LATHE_KIND_TENSOR)
      tensors[i] = inputs[i].tensor;
  for (size_t i = 0; i < output_count; ++i)
    if (outputs[i].kind == LATHE_KIND_TENSOR)
      results[i] = outputs[i].tensor;
  lathe_status status =
      lathe_impl_call(module, name, tensors, inputs, input_count, results, outputs, output_count, options);
  free(tensors);
  return status;
}
