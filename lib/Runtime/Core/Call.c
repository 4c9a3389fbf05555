/* lib/Runtime/Core/Call.c: one call, from the caller's tensors to generated
 * code and back.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Internal.h"

#include "../CPU/FloatMode.h"

#include <inttypes.h>
#include <stdlib.h>

/* --- Imports of a call -------------------------------------------------- */

/* The table of a call whose module has imports of its own: each service goes to
 * the host program's function with its context, or to the runtime's. */
struct services {
  lathe_imports host;
  int threads;
};

static void *host_alloc(void *context, size_t size, size_t alignment) {
  const struct services *services = context;
  if (services->host.alloc)
    return services->host.alloc(services->host.context, size, alignment);
  return lathe_default_imports()->alloc(NULL, size, alignment);
}

static void host_free(void *context, void *memory) {
  const struct services *services = context;
  if (services->host.free)
    services->host.free(services->host.context, memory);
  else
    lathe_default_imports()->free(NULL, memory);
}

static void host_parallel_for(void *context, int64_t tasks, void (*body)(int64_t, int64_t, void *), void *closure) {
  const struct services *services = context;
  if (services->threads == 1) {
    if (tasks > 0)
      body(0, tasks, closure);
  } else if (services->host.parallel_for) {
    services->host.parallel_for(services->host.context, tasks, body, closure);
  } else {
    lathe_impl_pool_run(services->threads, tasks, body, closure);
  }
}

/* --- Frames ------------------------------------------------------------- */

static void module_free_memory(const lathe_module *module, void *memory) {
  if (!memory)
    return;
  const lathe_imports *imports = module->imports.free ? &module->imports : lathe_default_imports();
  imports->free(imports->context, memory);
}

static void release_memory(const lathe_module *module, struct lathe_impl_frame *frame) {
  module_free_memory(module, frame->workspace);
  frame->workspace = NULL;
  frame->workspace_bytes = 0;
  free(frame->arrays);
  frame->arrays = NULL;
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
                              outputs * LATHE_MAX_RANK * sizeof(int64_t) + symbols * sizeof *frame->symbols +
                              outputs * sizeof(bool) + 1);
  if (!block)
    return false;
  frame->arrays = block;
  int64_t *dims = (int64_t *)block;
  block = (char *)(dims + outputs * LATHE_MAX_RANK);
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

static lathe_status check_code(const lathe_function_desc *function, const lathe_call *call, int64_t code) {
  if (code == 0)
    return LATHE_OK;
  if (code == -1)
    return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "call-out-of-memory",
                           "function \"%s\" found no memory for its "
                           "temporaries",
                           function->name);
  if (code < 0 || code > (int64_t)function->check_count)
    return lathe_impl_fail(LATHE_INCOMPATIBLE, "module-bad-check",
                           "function \"%s\" failed check %" PRId64 " of %u; the module is damaged: compile the model "
                           "again",
                           function->name, code, function->check_count);
  return lathe_impl_fail_check(function->check_messages[code - 1], call->error_values);
}

static lathe_status grow_workspace(const lathe_module *module, const lathe_imports *imports,
                                   struct lathe_impl_frame *frame, uint64_t bytes) {
  if (bytes <= frame->workspace_bytes)
    return LATHE_OK;
  module_free_memory(module, frame->workspace);
  frame->workspace = NULL;
  frame->workspace_bytes = 0;
  if (bytes <= PTRDIFF_MAX)
    frame->workspace = imports->alloc(imports->context, (size_t)bytes, LATHE_ALIGNMENT);
  if (!frame->workspace)
    return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "call-out-of-memory",
                           "no memory for a workspace of %" PRIu64 " bytes; call with smaller inputs or fewer at once",
                           bytes);
  frame->workspace_bytes = bytes;
  return LATHE_OK;
}

static lathe_status make_outputs(const lathe_function_desc *function, const lathe_imports *imports,
                                 struct lathe_impl_frame *frame, const lathe_tensor *inputs, lathe_tensor *outputs) {
  /* All checks before the first allocation. */
  for (uint32_t i = 0; i < function->output_count; ++i) {
    size_t bytes = 0;
    lathe_status status = lathe_impl_check_output(function, i, frame->output_dims[i], outputs, inputs, &bytes);
    if (status != LATHE_OK)
      return status;
  }
  for (uint32_t i = 0; i < function->output_count; ++i) {
    const lathe_value_desc *value = &function->outputs[i];
    lathe_tensor *output = &outputs[i];
    if (!output->data) {
      size_t bytes = 0;
      lathe_impl_bytes((lathe_dtype)value->dtype, value->rank, frame->output_dims[i], &bytes);
      output->data = imports->alloc(imports->context, bytes ? bytes : 1, LATHE_ALIGNMENT);
      if (!output->data)
        return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "call-out-of-memory", "no memory for output \"%s\" of %zu bytes",
                               value->name, bytes);
      frame->output_owned[i] = true;
      output->dtype = (lathe_dtype)value->dtype;
      output->rank = value->rank;
      for (uint32_t d = 0; d < value->rank; ++d)
        output->dims[d] = frame->output_dims[i][d];
    }
    frame->output_data[i] = output->data;
  }
  return LATHE_OK;
}

static lathe_status call_in_frame(const lathe_module *module, const lathe_function_desc *function,
                                  const lathe_imports *imports, struct lathe_impl_frame *frame,
                                  const lathe_tensor *inputs, lathe_tensor *outputs) {
  lathe_status status = lathe_impl_check_inputs(function, inputs, frame->symbols);
  if (status != LATHE_OK)
    return status;
  for (uint32_t i = 0; i < function->input_count; ++i) {
    frame->input_data[i] = inputs[i].data;
    frame->input_dims[i] = inputs[i].dims;
  }
  lathe_call call = {
      .imports = imports,
      .inputs = frame->input_data,
      .input_dims = frame->input_dims,
      .weights = module->desc->weights,
  };
  uint64_t workspace_bytes = 0;
  for (uint32_t i = 0; i < function->output_count; ++i)
    frame->output_owned[i] = false;
  int64_t code = function->plan(&call, frame->output_dims, &workspace_bytes);
  status = check_code(function, &call, code);
  if (status == LATHE_OK)
    status = grow_workspace(module, imports, frame, workspace_bytes);
  if (status == LATHE_OK)
    status = make_outputs(function, imports, frame, inputs, outputs);
  if (status == LATHE_OK) {
    call.outputs = frame->output_data;
    call.workspace = frame->workspace;
    status = check_code(function, &call, function->run(&call));
  }
  if (status != LATHE_OK)
    for (uint32_t i = 0; i < function->output_count; ++i)
      if (frame->output_owned[i]) {
        module_free_memory(module, outputs[i].data);
        outputs[i].data = NULL;
      }
  return status;
}

static lathe_status check_counts(const lathe_function_desc *function, const lathe_tensor *inputs, size_t input_count,
                                 const lathe_tensor *outputs, size_t output_count, int threads) {
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
  if (threads < 0 || threads > LATHE_MAX_THREADS)
    return lathe_impl_fail(LATHE_INVALID_ARGUMENT, "call-threads",
                           "the call asks for %d threads, but 1 to %d, or 0 for "
                           "the default, are possible",
                           threads, LATHE_MAX_THREADS);
  return LATHE_OK;
}

lathe_status lathe_module_call_with(lathe_module *module, const char *name, const lathe_tensor *inputs,
                                    size_t input_count, lathe_tensor *outputs, size_t output_count,
                                    const lathe_call_options *options) {
  const lathe_function_desc *function = lathe_module_function(module, name);
  if (!function)
    return module && name ? LATHE_NOT_FOUND : LATHE_INVALID_ARGUMENT;
  int threads = options ? options->threads : 0;
  lathe_status status = check_counts(function, inputs, input_count, outputs, output_count, threads);
  if (status != LATHE_OK)
    return status;

  struct services services = {module->imports, threads ? threads : lathe_get_threads()};
  lathe_imports imports = *lathe_default_imports();
  imports.context = &services.threads;
  if (module->has_imports)
    imports = (lathe_imports){host_alloc, host_free, host_parallel_for, &services};

  struct lathe_impl_frame spare = {0};
  struct lathe_impl_frame *frame = take_frame(module, &spare);
  if (!frame)
    return lathe_impl_fail(LATHE_OUT_OF_MEMORY, "call-out-of-memory", "no memory for the arguments of function \"%s\"",
                           name);
  lathe_impl_float_mode mode = lathe_impl_float_mode_enter();
  status = call_in_frame(module, function, &imports, frame, inputs, outputs);
  lathe_impl_float_mode_leave(mode);
  if (frame == &spare)
    release_memory(module, frame);
  else
    put_back(frame);
  return status;
}

lathe_status lathe_module_call(lathe_module *module, const char *function, const lathe_tensor *inputs,
                               size_t input_count, lathe_tensor *outputs, size_t output_count) {
  return lathe_module_call_with(module, function, inputs, input_count, outputs, output_count, NULL);
}
