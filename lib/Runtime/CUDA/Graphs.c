/* lib/Runtime/CUDA/Graphs.c: kernels that the driver begins all at once.
 *
 * What is recorded goes to a stream that nobody else knows, so that a program may record one of its own meanwhile.
 *
 * Part of the Lathe project, under the Apache License v2.0 with LLVM
 * Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#include "Device.h"

#include <stdlib.h>

static int32_t finish(struct lathe_impl_cuda_device *device, cuda_result code, const char *what) {
  lathe_impl_cuda_leave(device);
  if (code)
    lathe_impl_cuda_say(device->driver, code, what);
  return code ? LATHE_TASK_DEVICE : 0;
}

int32_t lathe_impl_cuda_record(void *context, void **stream) {
  struct lathe_impl_cuda_device *device = context;
  const struct lathe_impl_cuda *driver = device->driver;
  if (!lathe_impl_cuda_enter(device))
    return LATHE_TASK_DEVICE;
  cuda_result code = driver->stream_create(stream, CUDA_STREAM_ALONE);
  if (!code) {
    code = driver->capture_begin(*stream, CUDA_CAPTURE_THREAD);
    if (code)
      driver->stream_destroy(*stream);
  }
  return finish(device, code, "the kernels of the call are not recorded");
}

/* What `recorded` makes. */
struct replayed {
  cuda_handle executable;
  cuda_handle mark; /* An event behind its last launch; NULL before the first. */
};

/* The device may still be at the last launch. */
static void destroy(const struct lathe_impl_cuda *driver, struct replayed *graph) {
  if (graph->mark) {
    driver->event_finish(graph->mark);
    driver->event_destroy(graph->mark);
  }
  if (graph->executable)
    driver->executable_destroy(graph->executable);
  *graph = (struct replayed){0};
}

/* A graph with other addresses keeps what the driver has made of the one before. */
static cuda_result make_executable(const struct lathe_impl_cuda *driver, cuda_handle noted, struct replayed *graph) {
  cuda_update update;
  if (graph->executable && driver->graph_update(graph->executable, noted, &update) == 0)
    return 0;
  destroy(driver, graph);
  return driver->graph_instantiate(&graph->executable, noted, 0);
}

int32_t lathe_impl_cuda_recorded(void *context, void *stream, void **graph) {
  struct lathe_impl_cuda_device *device = context;
  const struct lathe_impl_cuda *driver = device->driver;
  cuda_handle noted = NULL;
  if (!lathe_impl_cuda_enter(device))
    return LATHE_TASK_DEVICE;
  cuda_result code = driver->capture_end(stream, &noted);
  if (graph && !*graph)
    *graph = calloc(1, sizeof(struct replayed));
  bool has_room = !graph || *graph;
  if (!code && graph && has_room)
    code = make_executable(driver, noted, *graph);
  if (noted)
    driver->graph_destroy(noted);
  driver->stream_destroy(stream);
  int32_t status = finish(device, code, "the kernels of the call do not become a graph");
  return has_room ? status : LATHE_TASK_OUT_OF_MEMORY;
}

int32_t lathe_impl_cuda_replay(void *context, void *graph, void *stream) {
  struct lathe_impl_cuda_device *device = context;
  const struct lathe_impl_cuda *driver = device->driver;
  struct replayed *replayed = graph;
  if (!lathe_impl_cuda_enter(device))
    return LATHE_TASK_DEVICE;
  cuda_result code = replayed->mark ? 0 : driver->event_create(&replayed->mark, CUDA_EVENT_WITHOUT_TIME);
  if (!code)
    code = driver->graph_launch(replayed->executable, stream);
  if (!code)
    code = driver->event_record(replayed->mark, stream);
  return finish(device, code, "the kernels of the call did not begin");
}

void lathe_impl_cuda_forget(void *context, void *graph) {
  struct lathe_impl_cuda_device *device = context;
  if (lathe_impl_cuda_enter(device)) {
    destroy(device->driver, graph);
    lathe_impl_cuda_leave(device);
  }
  free(graph);
}
