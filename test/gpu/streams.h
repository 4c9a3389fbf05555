/* test/gpu/streams.h: queues of what a program asked of a device.
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef LATHE_TEST_GPU_STREAMS_H
#define LATHE_TEST_GPU_STREAMS_H

#include "threads.h"

struct stream;
struct event;

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

struct event *make_event(void);
void record_event(struct event *event, struct stream *stream);
int finish_event(const struct event *event);

/* What the device answers from now on; 0 for nothing. */
void fail_device(int device, int code);
int failure_of(int device);

/* Of driver.c. */
void note(const char *format, const char *name, unsigned long long number);
int fails(const char *function);

#endif
