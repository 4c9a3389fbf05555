/* lib/Runtime/Core/Moves.c: copies inputs and outputs between where a caller has them and
 * where the program wants them.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Moves.h"

/* Of a tensor that is where the program wants it. */
#define NO_PLACE UINT64_MAX
/* Of places: devices read words side by side fastest from such addresses. */
#define PLACE_ALIGNMENT 256u
/* The most bytes that a thread of a device reads at once, which have to start at a multiple of as many. */
#define WORD_BYTES 16u

static bool is_tensor(const lathe_value_desc *value) { return value->kind == LATHE_KIND_TENSOR; }

uint32_t lathe_impl_output_space(const lathe_value_desc *value, const lathe_tensor *output, uint32_t wanted) {
  if (output->data)
    return output->space;
  return value->flags & LATHE_VALUE_MOVES ? wanted : value->space;
}

/* --- Checks ------------------------------------------------------------- */

static lathe_status check_tensor(const lathe_module *module, const char *what, const lathe_value_desc *value,
                                 const lathe_tensor *tensor) {
  size_t bytes = 0;
  if (!is_tensor(value) || !tensor->data || value->dtype == LATHE_DTYPE_STRING)
    return LATHE_OK;
  lathe_impl_bytes(tensor->dtype, tensor->rank, tensor->dims, &bytes);
  for (uint32_t i = LATHE_SPACE_HOST + 1; bytes && i < LATHE_SPACE_COUNT; ++i) {
    const lathe_space_services *services = module->spaces[i].services;
    if (services && lathe_impl_space_has_streams(services) &&
        services->check(services->context, tensor->data, tensor->space) != 0)
      return lathe_impl_fail_reason(LATHE_INVALID_ARGUMENT, "call-wrong-memory", services,
                                    "%s \"%s\": its data is not where the tensor says", what, value->name);
  }
  return LATHE_OK;
}

lathe_status lathe_impl_check_memory(const lathe_module *module, const lathe_function_desc *function,
                                     const lathe_tensor *inputs, const lathe_tensor *outputs) {
  lathe_status status = LATHE_OK;
  for (uint32_t i = 0; status == LATHE_OK && i < function->input_count; ++i)
    status = check_tensor(module, "input", function->inputs[i], &inputs[i]);
  for (uint32_t i = 0; status == LATHE_OK && i < function->output_count; ++i)
    status = check_tensor(module, "output", function->outputs[i], &outputs[i]);
  return status;
}

/* --- Places ------------------------------------------------------------- */

/* Behind the first *end bytes; what is too much is so for the workspace, too. */
static uint64_t take_place(uint64_t *end, size_t bytes) {
  uint64_t place =
      *end > UINT64_MAX / 2 ? UINT64_MAX / 2 : (*end + PLACE_ALIGNMENT - 1) & ~(uint64_t)(PLACE_ALIGNMENT - 1);
  *end = place + bytes;
  return place;
}

/* Whether the program can read the input where it is. */
static bool is_in_place(const lathe_value_desc *value, const lathe_tensor *input) {
  return input->space == value->space && (value->space == LATHE_SPACE_HOST || (uintptr_t)input->data % WORD_BYTES == 0);
}

void lathe_impl_moves_place(const lathe_function_desc *function, struct lathe_impl_frame *frame,
                            const lathe_tensor *inputs, const lathe_tensor *outputs, uint32_t wanted,
                            uint64_t *workspace_bytes) {
  for (uint32_t i = 0; i < function->input_count; ++i) {
    const lathe_value_desc *value = function->inputs[i];
    size_t bytes = 0;
    frame->input_places[i] = NO_PLACE;
    if (!is_tensor(value) || is_in_place(value, &inputs[i]))
      continue;
    lathe_impl_bytes(inputs[i].dtype, inputs[i].rank, inputs[i].dims, &bytes);
    frame->input_places[i] = take_place(&workspace_bytes[value->space], bytes);
  }
  for (uint32_t i = 0; i < function->output_count; ++i) {
    const lathe_value_desc *value = function->outputs[i];
    size_t bytes = 0;
    frame->output_places[i] = NO_PLACE;
    if (!is_tensor(value) || value->flags & LATHE_VALUE_SIZED_BY_RUN ||
        lathe_impl_output_space(value, &outputs[i], wanted) == value->space)
      continue;
    lathe_impl_bytes((lathe_dtype)value->dtype, value->rank, frame->output_dims[i], &bytes);
    frame->output_places[i] = take_place(&workspace_bytes[value->space], bytes);
  }
}

static void *at_place(const struct lathe_impl_frame *frame, uint32_t space, uint64_t place) {
  char *workspace = space == LATHE_SPACE_HOST ? frame->workspace : frame->spaces[space].workspace;
  return workspace + place;
}

/* --- Copies ------------------------------------------------------------- */

lathe_status lathe_impl_moves_begin(const lathe_function_desc *function, struct lathe_impl_frame *frame,
                                    struct lathe_impl_call_spaces *spaces, const lathe_tensor *inputs) {
  lathe_status status = LATHE_OK;
  for (uint32_t i = 0; status == LATHE_OK && i < function->input_count; ++i) {
    if (frame->input_places[i] == NO_PLACE)
      continue;
    uint32_t space = function->inputs[i]->space;
    void *own = at_place(frame, space, frame->input_places[i]);
    size_t bytes = 0;
    lathe_impl_bytes(inputs[i].dtype, inputs[i].rank, inputs[i].dims, &bytes);
    status = lathe_impl_call_spaces_copy(spaces, own, space, inputs[i].data, inputs[i].space, bytes);
    frame->input_data[i] = own;
  }
  for (uint32_t i = 0; i < function->output_count; ++i)
    if (frame->output_places[i] != NO_PLACE)
      frame->output_data[i] = at_place(frame, function->outputs[i]->space, frame->output_places[i]);
  return status;
}

lathe_status lathe_impl_moves_end(const lathe_function_desc *function, struct lathe_impl_frame *frame,
                                  struct lathe_impl_call_spaces *spaces, const lathe_tensor *outputs) {
  lathe_status status = LATHE_OK;
  for (uint32_t i = 0; status == LATHE_OK && i < function->output_count; ++i) {
    if (frame->output_places[i] == NO_PLACE)
      continue;
    size_t bytes = 0;
    lathe_impl_bytes(outputs[i].dtype, outputs[i].rank, outputs[i].dims, &bytes);
    status = lathe_impl_call_spaces_copy(spaces, outputs[i].data, outputs[i].space, frame->output_data[i],
                                         function->outputs[i]->space, bytes);
  }
  return status;
}
