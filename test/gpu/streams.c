/* test/gpu/streams.c: does what a program asked of a device as late as the driver may, so that a program that relies
 * on an order nobody promised is found.
 *
 * Streams are those that do not wait for the driver's own queue. A kernel that fails, where LATHE_EMU_FAIL is
 * "kernel", ends the device: each later call fails, too.
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#define LATHE_EMU_DRIVER
#include "streams.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MOST_DEVICES 4
#define MOST_STREAMS 256
enum { LAUNCH_FAILED = 719 };

struct work {
  struct work *next;
  /* A copy has a target, a launch a function, and what waits a stream. */
  void *target, *owned;
  const void *source;
  size_t bytes;
  const char *label;
  const struct function *function;
  unsigned grid, block, shared;
  struct stream *other;
  uint64_t number;
  uint64_t words[512];
};

struct stream {
  int device;
  bool is_alive, is_capturing, is_invalid;
  struct work *noted, *last_noted;
  struct work *first, *last;
  uint64_t asked, done; /* How much work. */
};
struct event {
  struct stream *stream; /* NULL: never recorded. */
  uint64_t number;
};

static struct stream defaults[MOST_DEVICES] = {{.device = 0}, {.device = 1}, {.device = 2}, {.device = 3}};
static struct stream *streams[MOST_STREAMS]; /* Also those that ended: events may lead to them. */
static int stream_count, failures[MOST_DEVICES];
static pthread_mutex_t queues = PTHREAD_MUTEX_INITIALIZER;

/* --- Work ---------------------------------------------------------------- */

static void do_until(struct stream *stream, uint64_t number);

static void launch(struct stream *stream, const struct work *work) {
  if (fails("kernel"))
    failures[stream->device] = LAUNCH_FAILED;
  if (failures[stream->device])
    return;
  run_grid(work->function, work->grid, work->block, work->shared, work->words);
  note("launch %s %llu\n", work->function->name, work->grid);
}

static void do_work(struct stream *stream, const struct work *work) {
  if (work->function) {
    launch(stream, work);
  } else if (work->other) {
    do_until(work->other, work->number);
  } else if (!failures[stream->device]) {
    memcpy(work->target, work->source, work->bytes);
    note("copy%s %llu\n", work->label, work->bytes);
  }
  free(work->owned);
}

static void do_until(struct stream *stream, uint64_t number) {
  while (stream->done < number) {
    struct work *work = stream->first;
    stream->first = work->next;
    ++stream->done; /* First: what it waits for may wait for this stream. */
    do_work(stream, work);
    free(work);
  }
}

static void put(struct stream *stream, const struct work *given) {
  struct work *work = malloc(sizeof *work);
  *work = *given;
  pthread_mutex_lock(&queues);
  if (stream->is_capturing) {
    *(stream->noted ? &stream->last_noted->next : &stream->noted) = work;
    stream->last_noted = work;
    pthread_mutex_unlock(&queues);
    return;
  }
  *(stream->first ? &stream->last->next : &stream->first) = work;
  stream->last = work;
  ++stream->asked;
  pthread_mutex_unlock(&queues);
}

void queue_copy(struct stream *stream, void *target, const void *source, size_t bytes, void *owned, const char *label) {
  put(stream, &(struct work){.target = target, .source = source, .bytes = bytes, .owned = owned, .label = label});
}

void queue_launch(struct stream *stream, const struct function *function, unsigned grid, unsigned block,
                  unsigned shared, const uint64_t *words) {
  struct work work = {.function = function, .grid = grid, .block = block, .shared = shared};
  memcpy(work.words, words, function->words * sizeof *words);
  put(stream, &work);
}

void queue_event(struct stream *stream, const struct event *event) {
  if (event->stream)
    put(stream, &(struct work){.other = event->stream, .number = event->number});
}

/* Devices work on several streams at once: with each step, the others make one, too. */
static void step_others(const struct stream *stream) {
  for (int i = 0; i < stream_count; ++i)
    if (streams[i] != stream && streams[i]->done < streams[i]->asked)
      do_until(streams[i], streams[i]->done + 1);
}

static int finish(struct stream *stream, uint64_t number) {
  if (stream->is_capturing) {
    stream->is_invalid = true;
    return CAPTURE_UNSUPPORTED;
  }
  pthread_mutex_lock(&queues);
  while (stream->done < number) {
    do_until(stream, stream->done + 1);
    step_others(stream);
  }
  int code = failures[stream->device];
  pthread_mutex_unlock(&queues);
  return code;
}

int finish_stream(struct stream *stream) { return finish(stream, stream->asked); }

/* --- Graphs -------------------------------------------------------------- */

void begin_capture(struct stream *stream) { stream->is_capturing = true; }
bool is_capturing(struct stream *stream) { return stream->is_capturing; }
struct work *end_capture(struct stream *stream, bool *failed) {
  struct work *works = stream->noted;
  *failed = stream->is_invalid;
  stream->noted = NULL;
  stream->is_capturing = stream->is_invalid = false;
  if (!*failed)
    return works;
  free_works(works);
  return NULL;
}
struct work *copy_works(const struct work *works) {
  struct work *first = NULL, **end = &first;
  for (; works; works = works->next, end = &(*end)->next) {
    *end = malloc(sizeof **end);
    **end = *works;
    (*end)->next = NULL;
  }
  return first;
}
void queue_works(struct stream *stream, const struct work *works) {
  for (; works; works = works->next) {
    struct work work = *works;
    work.next = NULL;
    put(stream, &work);
  }
}
bool has_same_works(const struct work *one, const struct work *other) {
  for (; one && other; one = one->next, other = other->next)
    if (one->function != other->function)
      return false;
  return !one && !other;
}
void free_works(struct work *works) {
  while (works) {
    struct work *next = works->next;
    free(works);
    works = next;
  }
}

/* --- Streams and events -------------------------------------------------- */

struct stream *default_stream(int device) { return &defaults[device]; }

struct stream *make_stream(int device) {
  struct stream *stream = stream_count < MOST_STREAMS ? calloc(1, sizeof *stream) : NULL;
  if (!stream)
    return NULL;
  *stream = (struct stream){.device = device, .is_alive = true};
  pthread_mutex_lock(&queues);
  streams[stream_count++] = stream;
  pthread_mutex_unlock(&queues);
  return stream;
}

bool is_stream(const struct stream *stream) {
  for (int i = 0; i < stream_count; ++i)
    if (streams[i] == stream)
      return stream->is_alive;
  return false;
}

int device_of_stream(const struct stream *stream) { return stream->device; }

void end_stream(struct stream *stream) {
  finish_stream(stream);
  stream->is_alive = false;
}

struct event *make_event(void) { return calloc(1, sizeof(struct event)); }

void record_event(struct event *event, struct stream *stream) {
  pthread_mutex_lock(&queues);
  *event = (struct event){.stream = stream, .number = stream->asked};
  pthread_mutex_unlock(&queues);
}

int finish_event(const struct event *event) { return event->stream ? finish(event->stream, event->number) : 0; }

bool is_event_done(const struct event *event) {
  pthread_mutex_lock(&queues);
  bool is_done = !event->stream || event->stream->done >= event->number;
  pthread_mutex_unlock(&queues);
  return is_done;
}

/* --- Failures ------------------------------------------------------------ */

void fail_device(int device, int code) { failures[device] = code; }
int failure_of(int device) { return failures[device]; }
