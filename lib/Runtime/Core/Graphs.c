/* lib/Runtime/Core/Graphs.c: begins the kernels of a call all at once, where an earlier call
 * began the same.
 *
 * `run` is recorded once. What it then would begin is the same as long as all that it reads
 * on the host is: sizes, addresses, and the few bytes of inputs that are for the host.
 * Where it reads more, it is not recorded.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Graphs.h"

#include "Services.h"

#include <stdlib.h>
#include <string.h>

/* Of an input for the host, which are numbers that decide on a size, a branch or a loop. */
#define MOST_HOST_BYTES 64u
#define WORDS_OF_HOST_BYTES (MOST_HOST_BYTES / sizeof(uint64_t))

static bool has_graphs(const lathe_space_services *services) {
  return lathe_impl_space_has_streams(services) && LATHE_HAS(services, forget) && services->record &&
         services->recorded && services->replay && services->forget;
}

static size_t bytes_of(const lathe_value_desc *value, const int64_t *dims) {
  size_t bytes = 0;
  return lathe_impl_bytes((lathe_dtype)value->dtype, value->rank, dims, &bytes) ? bytes : SIZE_MAX;
}

/* What the function itself says against it; NULL if nothing does. */
static const char *find_obstacle(const lathe_module *module, const lathe_function_desc *function,
                                 const struct lathe_impl_frame *frame, const struct lathe_impl_services *call) {
  const lathe_space_services *services = module->spaces[LATHE_SPACE_CUDA].services;
  if (!services || !module->spaces[LATHE_SPACE_CUDA].code)
    return "the module has no kernels for a device";
  if (!has_graphs(services))
    return "what serves the device has no graphs";
  if (call->observer)
    return "somebody observes the kernels of the host";
  for (uint32_t i = 0; i < function->input_count; ++i) {
    const lathe_value_desc *value = function->inputs[i];
    if (value->kind != LATHE_KIND_TENSOR || value->dtype == LATHE_DTYPE_STRING)
      return "an input is no tensor of numbers";
    if (value->space == LATHE_SPACE_HOST && bytes_of(value, frame->input_dims[i]) > MOST_HOST_BYTES)
      return "the host reads an input of more than 64 bytes";
  }
  for (uint32_t i = 0; i < function->output_count; ++i) {
    const lathe_value_desc *value = function->outputs[i];
    if (value->kind != LATHE_KIND_TENSOR || value->dtype == LATHE_DTYPE_STRING)
      return "an output is no tensor of numbers";
    if (value->flags & LATHE_VALUE_SIZED_BY_RUN)
      return "the size of an output follows from data";
    if (value->space == LATHE_SPACE_HOST)
      return "an output is computed on the host";
  }
  return NULL;
}

/* --- Keys --------------------------------------------------------------- */

static size_t words_of(const lathe_function_desc *function) {
  size_t words = 2 + 2 * (LATHE_SPACE_COUNT - 1);
  for (uint32_t i = 0; i < function->input_count; ++i)
    words += 1 + function->inputs[i]->rank + WORDS_OF_HOST_BYTES;
  for (uint32_t i = 0; i < function->output_count; ++i)
    words += 1 + function->outputs[i]->rank;
  return words;
}

static uint64_t *add_value(uint64_t *word, const void *data, const int64_t *dims, uint32_t rank) {
  *word++ = (uint64_t)(uintptr_t)data;
  for (uint32_t d = 0; d < rank; ++d)
    *word++ = (uint64_t)dims[d];
  return word;
}

/* Writes what of the call decides on the graph. */
static void write_key(const lathe_function_desc *function, const struct lathe_impl_frame *frame,
                      const struct lathe_impl_call_spaces *spaces, int64_t max_loop_steps, uint64_t *word) {
  *word++ = (uint64_t)max_loop_steps;
  *word++ = (uint64_t)(uintptr_t)frame->workspace;
  for (uint32_t i = LATHE_SPACE_HOST + 1; i < LATHE_SPACE_COUNT; ++i) {
    *word++ = spaces->entries[i] ? (uint64_t)(uintptr_t)spaces->entries[i]->workspace : 0;
    *word++ = spaces->entries[i] ? (uint64_t)(uintptr_t)spaces->entries[i]->record : 0;
  }
  for (uint32_t i = 0; i < function->input_count; ++i) {
    const lathe_value_desc *value = function->inputs[i];
    word = add_value(word, frame->input_data[i], frame->input_dims[i], value->rank);
    memset(word, 0, MOST_HOST_BYTES);
    size_t bytes = value->space == LATHE_SPACE_HOST ? bytes_of(value, frame->input_dims[i]) : 0;
    if (bytes)
      memcpy(word, frame->input_data[i], bytes);
    word += WORDS_OF_HOST_BYTES;
  }
  for (uint32_t i = 0; i < function->output_count; ++i)
    word = add_value(word, frame->output_data[i], frame->output_dims[i], function->outputs[i]->rank);
}

/* Makes the call's key that of the frame. Whether it was so before; sets *failed if memory ran out. */
static bool is_known(const lathe_function_desc *function, struct lathe_impl_frame *frame,
                     const struct lathe_impl_call_spaces *spaces, int64_t max_loop_steps, bool *failed) {
  struct lathe_impl_graph *graph = &frame->graph;
  size_t words = words_of(function);
  if (words > graph->key_words || !graph->key) {
    uint64_t *key = realloc(graph->key, 2 * words * sizeof *key);
    *failed = !key;
    if (!key)
      return false;
    graph->key = key;
    graph->function = NULL;
  }
  words = graph->key_words = words > graph->key_words ? words : graph->key_words;
  memset(graph->key + words, 0, words * sizeof *graph->key);
  write_key(function, frame, spaces, max_loop_steps, graph->key + words);
  if (graph->function == function && memcmp(graph->key, graph->key + words, words * sizeof *graph->key) == 0)
    return true;
  memcpy(graph->key, graph->key + words, words * sizeof *graph->key);
  graph->function = function;
  return false;
}

/* --- Recording ---------------------------------------------------------- */

/* What `run` returned. If it is not to be replayed, the graph has an obstacle, and the call is as before. */
static int32_t record(const lathe_function_desc *function, struct lathe_impl_graph *graph,
                      struct lathe_impl_call_space *space, lathe_call *call) {
  const lathe_space_services *own = space->own;
  struct lathe_impl_services *services = call->imports->context;
  const lathe_call before = *call;
  const size_t blocks = services->blocks->count;
  void *callers = space->entry.stream, *stream = NULL;
  graph->obstacle = NULL;
  if (own->record(own->context, &stream) != 0) {
    graph->obstacle = "the driver records no graphs";
    return 0;
  }
  space->entry.stream = stream;
  space->obstacle = &graph->obstacle;
  int32_t code = function->run(call);
  space->entry.stream = callers;
  space->obstacle = NULL;
  bool is_kept = code == 0 && !graph->obstacle;
  if (own->recorded(own->context, stream, is_kept ? &graph->handle : NULL) != 0 && is_kept)
    graph->obstacle = "the driver makes no graph of the kernels";
  if (code != 0)
    graph->function = NULL; /* Nothing is known of the key. */
  if (!graph->obstacle)
    return code;
  *call = before;
  lathe_impl_services_release(services, blocks);
  services->refused = 0;
  return 0;
}

int32_t lathe_impl_graph_run(const lathe_module *module, const lathe_function_desc *function,
                             struct lathe_impl_frame *frame, struct lathe_impl_call_spaces *spaces, lathe_call *call,
                             const char **obstacle) {
  struct lathe_impl_graph *graph = &frame->graph;
  struct lathe_impl_call_space *space = &spaces->of[LATHE_SPACE_CUDA];
  const char *why = find_obstacle(module, function, frame, call->imports->context);
  if (!why) {
    bool failed = false, known = is_known(function, frame, spaces, call->max_loop_steps, &failed);
    int32_t code = failed || known ? 0 : record(function, graph, space, call);
    if (code != 0)
      return code;
    why = failed ? "there is no memory for it" : graph->obstacle;
    if (why && !failed)
      graph->function = function;
  }
  if (obstacle)
    *obstacle = why;
  return why ? function->run(call) : space->own->replay(space->own->context, graph->handle, space->entry.stream);
}

void lathe_impl_graph_free(const lathe_module *module, struct lathe_impl_frame *frame) {
  const lathe_space_services *services = module->spaces[LATHE_SPACE_CUDA].services;
  if (frame->graph.handle)
    services->forget(services->context, frame->graph.handle);
  free(frame->graph.key);
  frame->graph = (struct lathe_impl_graph){0};
}
