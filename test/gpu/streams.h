/* test/gpu/streams.h: queues of what a program asked of a device.
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_TEST_GPU_STREAMS_H
#define LATHE_TEST_GPU_STREAMS_H

#include "threads.h"

struct stream;
struct event;
struct work;

/* What waits for nothing before it. `device` is that of a stream without a program's handle. */
struct stream *default_stream(int device);
struct stream *make_stream(int device);
int device_of_stream(const struct stream *stream);
bool is_stream(const struct stream *stream);
/* Its work is done first. */
void end_stream(struct stream *stream);

/* Each is done when somebody waits for it or for what comes behind it, no earlier. `owned` is memory that is freed
 * behind the copy; `label` is what the log says. */
void queue_copy(struct stream *stream, void *target, const void *source, size_t bytes, void *owned, const char *label);
void queue_launch(struct stream *stream, const struct function *function, unsigned grid, unsigned block,
                  unsigned shared, const uint64_t *words);
void queue_event(struct stream *stream, const struct event *event);
/* Does all of it; whether the device has failed. */
int finish_stream(struct stream *stream);

/* From `begin_capture` on, what is put into a stream is kept and not done, and who waits for it gets an error. The list
 * that `end_capture` returns is that of a graph; NULL and *failed if somebody did. */
enum { CAPTURE_UNSUPPORTED = 900, CAPTURE_INVALIDATED = 901 };
void begin_capture(struct stream *stream);
struct work *end_capture(struct stream *stream, bool *failed);
bool is_capturing(struct stream *stream);
struct work *copy_works(const struct work *works);
void queue_works(struct stream *stream, const struct work *works);
/* Whether the one launches and copies in the same order as the other. */
bool has_same_works(const struct work *one, const struct work *other);
void free_works(struct work *works);

struct event *make_event(void);
void record_event(struct event *event, struct stream *stream);
int finish_event(const struct event *event);
bool is_event_done(const struct event *event);

/* What the device answers from now on; 0 for nothing. */
void fail_device(int device, int code);
int failure_of(int device);

/* Of driver.c. */
void note(const char *format, const char *name, unsigned long long number);
int fails(const char *function);

#endif
