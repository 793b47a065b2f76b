#pragma once

/*
 * One worker thread that makes blocking calls, first in, first out, on behalf of an event loop that
 * must not block. Answers come back to the loop in the order in which the calls were made.
 *
 * Whatever the calls share (a store connection) belongs to the worker: it is opened, used and, in
 * finish, closed there and nowhere else. A call may hang for ever; then the loop learns that it is
 * late, goes on, and may even free the channel.
 */

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/base/clock.h"
#include "common/base/macro.h"

#define CHANNEL_QUEUE_MAX 32 /* requests that were submitted and are not answered yet */
#define CHANNEL_STACK_BYTES ((size_t)512 * 1024)
#define CHANNEL_FREE_WAIT_USEC (200 * USEC_PER_MSEC)

struct channel;

/* Embedded by what is to be done. The channel owns it from submit until done or drop. */
struct channel_request {
	/* On the worker. May block. What it returns goes to done. */
	int (*run)(struct channel_request *request);
	/* On the loop: the request is the callee's again. It may submit; it may not free the
	 * channel. */
	void (*done)(struct channel_request *request, int r);
	/* Instead of done, when the channel was freed first. On either thread. */
	void (*drop)(struct channel_request *request);
	uint64_t timeout_usec; /* after so much time in the channel it is late; 0: never */

	/* The channel's own. */
	struct channel_request *next;
	struct deadline due;
	int result;
};

struct channel_options {
	const char *name; /* of the thread, at most 15 characters */
	sd_event *event;
	const struct clock *clock;
	/* On the loop, once for each request that became late. May not free the channel. */
	void (*on_late)(void *context, const struct channel_request *request);
	void *context;
	/* On the worker, as the last thing it does; may be NULL. Once channel_new() has succeeded,
	 * the context is the worker's, which may outlive channel_free(): finish frees it. */
	void (*finish)(void *context);
	void *finish_context;
};

int channel_new(const struct channel_options *options, struct channel **ret) _must_check_;

/* -ENOBUFS when the queue is full; the request stays the caller's then. */
int channel_submit(struct channel *channel, struct channel_request *request) _must_check_;

/* How many requests are not answered yet. */
size_t channel_pending(const struct channel *channel);

/* Drops what has not been begun, and waits up to CHANNEL_FREE_WAIT_USEC for the call under way. A
 * worker that hangs beyond that is left behind; should its call return after all, it cleans up. */
void channel_free(struct channel *channel);
DEFINE_CLEANUP(struct channel *, channel_free)
