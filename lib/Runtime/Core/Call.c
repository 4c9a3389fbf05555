/* lib/Runtime/Core/Call.c: one call, from the caller's tensors to generated
 * code and back.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Graphs.h"
#include "Moves.h"
#include "Services.h"

#include "../CPU/FloatMode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Frames ------------------------------------------------------------- */

static void release_memory(const lathe_module *module, struct lathe_impl_frame *frame) {
  lathe_impl_host_free(module, frame->workspace);
  frame->workspace = NULL;
  frame->workspace_bytes = 0;
  free(frame->arrays);
  frame->arrays = NULL;
  free(frame->blocks.list);
  frame->blocks = (struct lathe_impl_blocks){0};
  for (uint32_t i = LATHE_SPACE_HOST + 1; module->has_spaces && i < LATHE_SPACE_COUNT; ++i) {
    lathe_impl_space_settle(module, i, &frame->spaces[i]);
    lathe_impl_graph_free(module, frame);
    lathe_impl_space_free(module, i, frame->spaces[i].workspace);
    lathe_impl_space_free(module, i, frame->spaces[i].record);
    free(frame->spaces[i].blocks.list);
    frame->spaces[i] = (struct lathe_impl_space_frame){0};
  }
}

static bool take(struct lathe_impl_frame *frame) {
  return !atomic_load_explicit(&frame->taken, memory_order_relaxed) &&
         !atomic_exchange_explicit(&frame->taken, true, memory_order_acquire);
}

static void put_back(struct lathe_impl_frame *frame) {
  atomic_store_explicit(&frame->taken, false, memory_order_release);
}

void lathe_impl_frames_free(lathe_module *module) {
  for (int i = 0; i < LATHE_IMPL_FRAMES; ++i) {
    struct lathe_impl_frame *frame = &module->frames[i];
    if (!take(frame))
      continue;
    release_memory(module, frame);
    put_back(frame);
  }
}

/* One block for all arrays of any function of the module. */
static bool make_arrays(const lathe_module *module, struct lathe_impl_frame *frame) {
  size_t inputs = module->max_inputs, outputs = module->max_outputs;
  size_t symbols = module->max_symbols;
  char *block = calloc(1, inputs * 2 * sizeof(void *) + outputs * 2 * sizeof(void *) +
                              (inputs + outputs) * sizeof(uint64_t) + outputs * LATHE_MAX_RANK * sizeof(int64_t) +
                              symbols * sizeof *frame->symbols + outputs * sizeof(bool) + 1);
  if (!block)
    return false;
  frame->arrays = block;
  int64_t *dims = (int64_t *)block;
  frame->input_places = (uint64_t *)(dims + outputs * LATHE_MAX_RANK);
  frame->output_places = frame->input_places + inputs;
  block = (char *)(frame->output_places + outputs);
  frame->symbols = (struct lathe_impl_symbol *)block;
  block = (char *)(frame->symbols + symbols);
  frame->input_data = (const void **)block;
  frame->input_dims = (const int64_t **)(frame->input_data + inputs);
  frame->output_data = (void **)(frame->input_dims + inputs);
  frame->output_dims = (int64_t **)(frame->output_data + outputs);
  frame->output_owned = (bool *)(frame->output_dims + outputs);
  for (size_t i = 0; i < outputs; ++i)
    frame->output_dims[i] = dims + i * LATHE_MAX_RANK;
  return true;
}

/* A frame of the module's, or `spare` where all are in use. NULL if memory ran
 * out. */
static struct lathe_impl_frame *take_frame(lathe_module *module, struct lathe_impl_frame *spare) {
  struct lathe_impl_frame *frame = spare;
  for (int i = 0; i < LATHE_IMPL_FRAMES; ++i)
    if (take(&module->frames[i])) {
      frame = &module->frames[i];
      break;
    }
  if (frame->arrays || make_arrays(module, frame))
    return frame;
  if (frame != spare)
    put_back(frame);
  return NULL;
}

/* --- The call ----------------------------------------------------------- */

/* Says that a call would take too much memory; `need` says what for. */
static lathe_status fail_limit(const struct lathe_impl_services *services, const char *need) {
  return lathe_impl_fail(LATHE_LIMIT, "call-memory-limit",
                         "%s, but a call may have %" PRIu64 " in all, of which %" PRIu64
                         " are in use; pass smaller inputs, or allow more: max_bytes of lathe_call_options, "
                         "--limit call-bytes=NUMBER, in Python limits={\"call-bytes\": NUMBER}",
                         need, services->max_bytes, services->bytes);
}

#define NEED_SIZE 512

/* The same of `size` bytes for `what`. */
static lathe_status fail_too_large(const struct lathe_impl_services *services, const char *function, const char *what,
                                   uint64_t size) {
  char need[NEED_SIZE];
  snprintf(need, sizeof need, "function \"%s\" needs %" PRIu64 " bytes for %s", function, size, what);
  return fail_limit(services, need);
}

/* A program found no memory for what it computed the size of. */
static lathe_status fail_memory(const struct lathe_impl_services *services, const lathe_function_desc *function,
                                const lathe_call *call) {
  char need[NEED_SIZE];
  bool has_check = call->error_code > 0 && (uint32_t)call->error_code <= function->check_count;
  if (has_check)
    lathe_impl_write_check(need, sizeof need, function->check_messages[call->error_code - 1], call->error_values);
  if (services->refused && has_check)
    return fail_limit(services, need);
  if (services->refused)
    return fail_too_large(services, function->name, "a value whose size follows from data", services->refused);
  if (has_check)
    return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "call-out-of-memory", "%s, for which there is no memory", need);
  return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "call-out-of-memory",
                         "function \"%s\" found no memory for its temporaries", function->name);
}

/* What the caller's options say, with the defaults put in. */
struct settings {
  uint32_t workers;
  int64_t max_loop_steps;
  bool flushes_denormals, replays;
  const char **replay_obstacle;
  void *stream;
  uint32_t output_space;
};

static lathe_status fail_with(const lathe_module *module, const lathe_function_desc *function, const lathe_call *call,
                              int32_t code) {
  /* There is one other space so far. */
  const lathe_space_services *device = module->spaces[LATHE_SPACE_CUDA].services;
  const struct lathe_impl_services *services = call->imports->context;
  if (code == LATHE_TASK_OUT_OF_MEMORY)
    return fail_memory(services, function, call);
  if (code == LATHE_TASK_CANCELLED)
    return lathe_impl_fail(LATHE_CANCELLED, "call-cancelled", "the call of function \"%s\" was cancelled",
                           function->name);
  if (code == LATHE_TASK_DEVICE)
    return lathe_impl_fail_reason(LATHE_DEVICE_ERROR, "call-device", device,
                                  "function \"%s\": what serves a memory space failed", function->name);
  if (code == LATHE_TASK_DAMAGED)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-damaged",
                           "function \"%s\" calls what the runtime does not have, or with operands that do not fit; "
                           "the module is damaged: compile the model again",
                           function->name);
  lathe_status status = LATHE_INVALID_ARGUMENT;
  if (code == LATHE_TASK_LIMIT) {
    status = LATHE_LIMIT;
    code = call->error_code;
  }
  if (code <= 0 || (uint32_t)code > function->check_count)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-bad-check",
                           "function \"%s\" failed check %" PRId32 " of %u; the module is damaged: compile the model "
                           "again",
                           function->name, code, function->check_count);
  return lathe_impl_fail_check(status, function->check_messages[code - 1], call->error_values);
}

static inline lathe_status check_code(const lathe_module *module, const lathe_function_desc *function,
                                      const lathe_call *call, int32_t code) {
  return code == 0 ? LATHE_OK : fail_with(module, function, call, code);
}

static lathe_status grow_workspace(struct lathe_impl_services *services, const char *function,
                                   struct lathe_impl_frame *frame, uint64_t bytes) {
  const lathe_module *module = services->module;
  if (!lathe_impl_services_allow(services, bytes))
    return fail_too_large(services, function, "its temporaries", bytes);
  if (bytes <= frame->workspace_bytes)
    return LATHE_OK;
  lathe_impl_host_free(module, frame->workspace);
  frame->workspace = NULL;
  frame->workspace_bytes = 0;
  if (bytes <= PTRDIFF_MAX)
    frame->workspace = lathe_impl_host_alloc(module, (size_t)bytes);
  if (!frame->workspace)
    return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "call-out-of-memory",
                           "no memory for a workspace of %" PRIu64 " bytes; call with smaller inputs or fewer at once",
                           bytes);
  frame->workspace_bytes = bytes;
  return LATHE_OK;
}

/* Memory in which kernels note failed checks; what reads a check clears it. */
static lathe_status make_record(const lathe_module *module, uint32_t space, struct lathe_impl_space_frame *frame) {
  if (!module->has_records || !module->spaces[space].code || frame->record)
    return LATHE_OK;
  static const lathe_call none;
  void *record = lathe_impl_space_alloc(module, space, sizeof none);
  if (!record)
    return lathe_impl_fail_reason(LATHE_OUT_OF_MEMORY, "call-out-of-memory", module->spaces[space].services,
                                  "no memory for %zu bytes of errors of a call in memory space \"%s\"; make fewer "
                                  "calls at once",
                                  sizeof none, lathe_impl_space_name(space));
  lathe_status status = lathe_impl_space_copy(module, record, space, &none, LATHE_SPACE_HOST, sizeof none);
  if (status == LATHE_OK)
    frame->record = record;
  else
    lathe_impl_space_free(module, space, record);
  return status;
}

/* The same in the other spaces; `bytes` has one number for each. */
static lathe_status grow_workspaces(const lathe_module *module, struct lathe_impl_frame *frame,
                                    struct lathe_impl_call_spaces *spaces, const uint64_t *bytes) {
  for (uint32_t i = LATHE_SPACE_HOST + 1; i < LATHE_SPACE_COUNT; ++i) {
    struct lathe_impl_space_frame *space = &frame->spaces[i];
    if (bytes[i] > space->workspace_bytes) {
      lathe_impl_space_settle(module, i, space);
      lathe_impl_space_free(module, i, space->workspace);
      *space = (struct lathe_impl_space_frame){.blocks = space->blocks, .record = space->record};
      if (bytes[i] <= PTRDIFF_MAX)
        space->workspace = lathe_impl_space_alloc(module, i, (size_t)bytes[i]);
      if (!space->workspace)
        return lathe_impl_fail_reason(LATHE_OUT_OF_MEMORY, "call-out-of-memory", module->spaces[i].services,
                                      "no memory for a workspace of %" PRIu64 " bytes in memory space \"%s\"; call "
                                      "with smaller inputs or fewer at once",
                                      bytes[i], lathe_impl_space_name(i));
      space->workspace_bytes = bytes[i];
    }
    spaces->of[i].entry.workspace = space->workspace;
    lathe_status status = make_record(module, i, space);
    if (status != LATHE_OK)
      return status;
    spaces->of[i].entry.record = space->record;
  }
  return LATHE_OK;
}

static bool is_tensor(const lathe_value_desc *value) { return value->kind == LATHE_KIND_TENSOR; }

static bool sized_by_run(const lathe_function_desc *function, uint32_t output) {
  return function->outputs[output]->flags & LATHE_VALUE_SIZED_BY_RUN || !is_tensor(function->outputs[output]);
}

static void fill_output(const lathe_value_desc *value, const int64_t *dims, uint32_t space, lathe_tensor *output) {
  output->dtype = (lathe_dtype)value->dtype;
  output->rank = value->rank;
  output->space = space;
  for (uint32_t d = 0; d < value->rank; ++d)
    output->dims[d] = dims[d];
}

/* Memory for output `i` in `space`, and what the caller reads of it. */
static lathe_status make_output(struct lathe_impl_services *services, const lathe_function_desc *function,
                                struct lathe_impl_frame *frame, uint32_t i, uint32_t space, lathe_tensor *output) {
  const lathe_module *module = services->module;
  const lathe_value_desc *value = function->outputs[i];
  size_t bytes = 0;
  lathe_impl_bytes((lathe_dtype)value->dtype, value->rank, frame->output_dims[i], &bytes);
  if (space == LATHE_SPACE_HOST && !lathe_impl_services_allow(services, bytes)) {
    char what[160];
    snprintf(what, sizeof what, "output \"%.100s\"", value->name);
    return fail_too_large(services, function->name, what, bytes);
  }
  output->data = lathe_impl_space_alloc(module, space, bytes);
  if (!output->data)
    return lathe_impl_fail_reason(LATHE_OUT_OF_MEMORY, "call-out-of-memory", module->spaces[space].services,
                                  "no memory for output \"%s\" of %zu bytes", value->name, bytes);
  frame->output_owned[i] = true;
  fill_output(value, frame->output_dims[i], space, output);
  return LATHE_OK;
}

/* Before the first allocation. */
static lathe_status check_outputs(const lathe_module *module, const lathe_function_desc *function,
                                  struct lathe_impl_frame *frame, const lathe_tensor *inputs,
                                  const lathe_tensor *outputs) {
  lathe_status status = LATHE_OK;
  for (uint32_t i = 0; i < function->output_count && status == LATHE_OK; ++i) {
    size_t bytes = 0;
    if (!sized_by_run(function, i))
      status = lathe_impl_check_output(module, function, i, frame->output_dims[i], outputs, inputs, &bytes);
  }
  return status;
}

/* Before `run`: memory for the outputs that have none, but for those that `run`
 * sizes. */
static lathe_status make_outputs(struct lathe_impl_services *services, const lathe_function_desc *function,
                                 struct lathe_impl_frame *frame, uint32_t wanted, lathe_tensor *outputs) {
  lathe_status status = LATHE_OK;
  for (uint32_t i = 0; i < function->output_count && status == LATHE_OK; ++i) {
    if (sized_by_run(function, i)) {
      frame->output_data[i] = NULL;
      for (uint32_t d = 0; is_tensor(function->outputs[i]) && d < function->outputs[i]->rank; ++d)
        frame->output_dims[i][d] = -1;
      continue;
    }
    uint32_t space = lathe_impl_output_space(function->outputs[i], &outputs[i], wanted);
    if (!outputs[i].data)
      status = make_output(services, function, frame, i, space, &outputs[i]);
    frame->output_data[i] = outputs[i].data;
  }
  return status;
}

/* After `run`: what it allocated becomes the caller's, or is copied. */
static lathe_status hand_over(struct lathe_impl_services *services, struct lathe_impl_call_spaces *spaces,
                              const lathe_function_desc *function, struct lathe_impl_frame *frame, uint32_t wanted,
                              const lathe_tensor *inputs, lathe_tensor *outputs, lathe_value *output_values) {
  for (uint32_t i = 0; i < function->output_count; ++i) {
    if (!sized_by_run(function, i))
      continue;
    const lathe_value_desc *value = function->outputs[i];
    void *data = frame->output_data[i];
    size_t bytes = 0;
    if (!is_tensor(value)) {
      lathe_status status = lathe_impl_take_value(services, value, data, &output_values[i]);
      if (status != LATHE_OK)
        return status;
      frame->output_owned[i] = true;
      continue;
    }
    lathe_status status =
        lathe_impl_check_output(services->module, function, i, frame->output_dims[i], outputs, inputs, &bytes);
    if (status != LATHE_OK)
      return status;
    if (bytes && !data)
      return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-bad-plan",
                             "output \"%s\": the module computed no elements, but %zu bytes of them; compile the model "
                             "again",
                             value->name, bytes);
    struct lathe_impl_blocks *blocks =
        value->space == LATHE_SPACE_HOST ? services->blocks : &frame->spaces[value->space].blocks;
    uint32_t space = lathe_impl_output_space(value, &outputs[i], wanted);
    size_t size;
    if (!outputs[i].data && space == value->space && lathe_impl_blocks_take(blocks, data, &size)) {
      outputs[i].data = data;
      frame->output_owned[i] = true;
      fill_output(value, frame->output_dims[i], space, &outputs[i]);
      continue;
    }
    if (!outputs[i].data)
      status = make_output(services, function, frame, i, space, &outputs[i]);
    if (status != LATHE_OK)
      return status;
    status = lathe_impl_call_spaces_copy(spaces, outputs[i].data, space, data, value->space, bytes);
    if (status != LATHE_OK)
      return status;
  }
  return LATHE_OK;
}

/* Strings that the call made end with it: outputs get their text. */
static lathe_status own_strings(const lathe_module *module, const lathe_function_desc *function,
                                struct lathe_impl_frame *frame, lathe_tensor *outputs) {
  lathe_status status = LATHE_OK;
  for (uint32_t i = 0; i < function->output_count && status == LATHE_OK; ++i) {
    const lathe_value_desc *value = function->outputs[i];
    if (!is_tensor(value) || value->dtype != LATHE_DTYPE_STRING)
      continue;
    status = lathe_impl_own_strings(module, value->name, &outputs[i]);
    frame->output_owned[i] = outputs[i].data != NULL;
  }
  return status;
}

/* Frees what the call made. */
static void release_outputs(const lathe_module *module, const lathe_function_desc *function,
                            const struct lathe_impl_frame *frame, lathe_tensor *outputs, lathe_value *output_values) {
  for (uint32_t i = 0; i < function->output_count; ++i) {
    if (!frame->output_owned[i])
      continue;
    if (!is_tensor(function->outputs[i])) {
      lathe_impl_release_value(module, &output_values[i]);
      continue;
    }
    lathe_impl_space_free(module, outputs[i].space, outputs[i].data);
    outputs[i].data = NULL;
  }
}

static lathe_status call_in_frame(struct lathe_impl_services *services, struct lathe_impl_call_spaces *spaces,
                                  const lathe_function_desc *function, struct lathe_impl_frame *frame,
                                  const struct settings *settings, const lathe_tensor *inputs,
                                  const lathe_value *input_values, lathe_tensor *outputs, lathe_value *output_values) {
  const lathe_module *module = services->module;
  lathe_status status = lathe_impl_check_inputs(module, function, inputs, input_values, frame->symbols);
  if (status != LATHE_OK)
    return status;
  for (uint32_t i = 0; i < function->input_count; ++i) {
    bool plain = is_tensor(function->inputs[i]);
    frame->input_data[i] = plain ? inputs[i].data : (const void *)&input_values[i];
    frame->input_dims[i] = plain ? inputs[i].dims : NULL;
  }
  for (uint32_t i = 0; i < function->output_count; ++i)
    frame->output_owned[i] = false;
  lathe_call call = {
      .struct_size = sizeof call,
      .workers = settings->workers,
      .imports = &services->imports,
      .inputs = frame->input_data,
      .input_dims = frame->input_dims,
      .output_dims = frame->output_dims,
      .weights = module->desc->weights,
      .cancel = services->cancel,
      .max_loop_steps = settings->max_loop_steps,
      .spaces = module->has_spaces ? spaces->entries : NULL,
  };
  uint64_t workspace_bytes[LATHE_SPACE_COUNT] = {0};
  int32_t code = lathe_impl_is_cancelled(call.cancel) ? LATHE_TASK_CANCELLED : function->plan(&call, workspace_bytes);
  status = check_code(module, function, &call, code);
  if (status == LATHE_OK)
    status = check_outputs(module, function, frame, inputs, outputs);
  if (status == LATHE_OK && module->has_spaces)
    status = lathe_impl_check_memory(module, function, inputs, outputs);
  if (status == LATHE_OK && module->has_spaces)
    lathe_impl_moves_place(function, frame, inputs, outputs, settings->output_space, workspace_bytes);
  if (status == LATHE_OK)
    status = grow_workspace(services, function->name, frame, workspace_bytes[LATHE_SPACE_HOST]);
  if (status == LATHE_OK && module->has_spaces)
    status = grow_workspaces(module, frame, spaces, workspace_bytes);
  if (status == LATHE_OK)
    status = make_outputs(services, function, frame, settings->output_space, outputs);
  if (status == LATHE_OK && module->has_spaces)
    status = lathe_impl_moves_begin(function, frame, spaces, inputs);
  if (status == LATHE_OK) {
    call.outputs = frame->output_data;
    call.workspace = frame->workspace;
    int32_t code = settings->replays
                       ? lathe_impl_graph_run(module, function, frame, spaces, &call, settings->replay_obstacle)
                       : function->run(&call);
    status = check_code(module, function, &call, code);
  }
  if (status == LATHE_OK)
    status = hand_over(services, spaces, function, frame, settings->output_space, inputs, outputs, output_values);
  if (status == LATHE_OK && module->has_spaces)
    status = lathe_impl_moves_end(function, frame, spaces, outputs);
  if (status == LATHE_OK)
    status = own_strings(module, function, frame, outputs);
  if (status == LATHE_OK && output_values)
    for (uint32_t i = 0; i < function->output_count; ++i)
      if (is_tensor(function->outputs[i]))
        output_values[i] = (lathe_value){.kind = LATHE_KIND_TENSOR, .tensor = outputs[i]};
  if (status != LATHE_OK) {
    if (module->has_spaces)
      lathe_impl_call_spaces_finish(spaces);
    release_outputs(module, function, frame, outputs, output_values);
  }
  return status;
}

/* Functions with other kinds need the values. */
static lathe_status check_kinds(const lathe_function_desc *function) {
  for (uint32_t i = 0; i < function->input_count + function->output_count; ++i) {
    const lathe_value_desc *value =
        i < function->input_count ? function->inputs[i] : function->outputs[i - function->input_count];
    if (!is_tensor(value))
      return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-needs-values",
                             "%s \"%s\" of function \"%s\" is %s; call it with lathe_module_call_values",
                             i < function->input_count ? "input" : "output", value->name, function->name,
                             value->kind == LATHE_KIND_SEQUENCE ? "a sequence" : "optional");
  }
  return LATHE_OK;
}

static lathe_status check_counts(const lathe_function_desc *function, const lathe_tensor *inputs, size_t input_count,
                                 const lathe_tensor *outputs, size_t output_count) {
  if (input_count != function->input_count)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-input-count",
                           "function \"%s\" is called with %zu inputs, but "
                           "takes %u",
                           function->name, input_count, function->input_count);
  if (output_count != function->output_count)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-output-count",
                           "function \"%s\" is called with room for %zu "
                           "outputs, but has %u",
                           function->name, output_count, function->output_count);
  if ((input_count && !inputs) || (output_count && !outputs))
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-null",
                           "function \"%s\" is called with NULL for its array "
                           "of %s",
                           function->name, input_count && !inputs ? "inputs" : "outputs");
  return LATHE_OK;
}

static lathe_status read_options(const lathe_call_options *options, struct settings *settings) {
  *settings = (struct settings){.max_loop_steps = LATHE_DEFAULT_LOOP_STEPS};
  if (options && !LATHE_HAS(options, max_loop_steps))
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-options-size",
                           "struct_size of the call's options is %u, but must be at least %zu; set it to "
                           "sizeof(lathe_call_options)",
                           options->struct_size, offsetof(lathe_call_options, observe));
  if (options && LATHE_HAS(options, replay_obstacle) && options->replay_obstacle) {
    *options->replay_obstacle = NULL; /* Also where the call ends before it begins a kernel. */
    settings->replay_obstacle = options->replay_obstacle;
  }
  int threads = options ? options->threads : 0;
  if (threads < 0 || threads > LATHE_MAX_THREADS)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-threads",
                           "the call asks for %d threads, but 1 to %d, or 0 for "
                           "the default, are possible",
                           threads, LATHE_MAX_THREADS);
  if (options && options->max_loop_steps < 0)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-loop-steps",
                           "the call allows %" PRId64 " steps of loops, but 1 or more, or 0 for the default, are "
                           "possible",
                           options->max_loop_steps);
  if (options && LATHE_HAS(options, max_bytes) && options->max_bytes < 0)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-max-bytes",
                           "the call may have %" PRId64 " bytes of memory, but 1 or more, or 0 for the default, are "
                           "possible",
                           options->max_bytes);
  const uint32_t known = LATHE_CALL_FLUSH_DENORMALS | LATHE_CALL_REPLAY;
  if (options && options->flags & ~known)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-flags",
                           "the flags of the call are 0x%x, of which this runtime knows 0x%x; clear the others",
                           options->flags, known);
  if (options && LATHE_HAS(options, output_space)) {
    settings->stream = options->stream;
    settings->output_space = options->output_space;
  }
  settings->replays = options && options->flags & LATHE_CALL_REPLAY;
  settings->flushes_denormals = options && options->flags & LATHE_CALL_FLUSH_DENORMALS;
  settings->workers = (uint32_t)(threads ? threads : lathe_get_threads());
  if (options && options->max_loop_steps)
    settings->max_loop_steps = options->max_loop_steps;
  return LATHE_OK;
}

/* What is asked of the device, of a module that may have none. */
static lathe_status check_device(const lathe_module *module, const struct settings *settings) {
  if (settings->stream && !module->has_spaces)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-stream",
                           "the call is to run on a stream, but variant \"%s\" of the module runs on the CPU; leave "
                           "'stream' of lathe_call_options NULL, or load the variant for the device",
                           module->variant->name);
  if (settings->output_space == LATHE_SPACE_HOST ||
      (settings->output_space < LATHE_SPACE_COUNT && module->spaces[settings->output_space].services))
    return LATHE_OK;
  return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-output-space",
                         "the call is to leave outputs in memory space %u (%s), but variant \"%s\" of the module has "
                         "that of the host%s; set output_space of lathe_call_options to one of them",
                         settings->output_space, lathe_impl_space_name(settings->output_space), module->variant->name,
                         module->has_spaces ? " and its device's" : "");
}

lathe_status lathe_impl_call(lathe_module *module, const char *name, const lathe_tensor *inputs,
                             const lathe_value *input_values, size_t input_count, lathe_tensor *outputs,
                             lathe_value *output_values, size_t output_count, const lathe_call_options *options) {
  const lathe_function_desc *function = lathe_module_function(module, name);
  if (!function)
    return module && name ? LATHE_NOT_FOUND : LATHE_INVALID_ARGUMENT;
  struct settings settings;
  lathe_status status = read_options(options, &settings);
  if (status == LATHE_OK)
    status = check_counts(function, inputs, input_count, outputs, output_count);
  if (status == LATHE_OK)
    status = check_device(module, &settings);
  if (status == LATHE_OK && !input_values && !output_values)
    status = check_kinds(function);
  if (status != LATHE_OK)
    return status;

  struct lathe_impl_frame spare = {0};
  struct lathe_impl_frame *frame = take_frame(module, &spare);
  if (!frame)
    return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "call-out-of-memory", "no memory for the arguments of function \"%s\"",
                           name);
  struct lathe_impl_services services;
  lathe_impl_services_begin(&services, module, &frame->blocks, options, settings.flushes_denormals);
  struct lathe_impl_call_spaces spaces;
  if (module->has_spaces)
    status = lathe_impl_call_spaces_begin(&spaces, module, frame, settings.stream);
  if (status == LATHE_OK) {
    lathe_impl_float_mode mode = lathe_impl_float_mode_enter(settings.flushes_denormals);
    status =
        call_in_frame(&services, &spaces, function, frame, &settings, inputs, input_values, outputs, output_values);
    lathe_impl_float_mode_leave(mode);
    if (module->has_spaces)
      lathe_impl_call_spaces_end(&spaces, module, frame);
  }
  lathe_impl_services_end(&services);
  if (frame == &spare)
    release_memory(module, frame);
  else
    put_back(frame);
  return status;
}

lathe_status lathe_module_call_with(lathe_module *module, const char *name, const lathe_tensor *inputs,
                                    size_t input_count, lathe_tensor *outputs, size_t output_count,
                                    const lathe_call_options *options) {
  return lathe_impl_call(module, name, inputs, NULL, input_count, outputs, NULL, output_count, options);
}

lathe_status lathe_module_call(lathe_module *module, const char *function, const lathe_tensor *inputs,
                               size_t input_count, lathe_tensor *outputs, size_t output_count) {
  return lathe_module_call_with(module, function, inputs, input_count, outputs, output_count, NULL);
}

void lathe_cancel(int32_t *flag) { __atomic_store_n(flag, 1, __ATOMIC_RELAXED); }
