#pragma once

/*
 * Looks for notices, again and again: one thread makes the blocking calls (channel.h), so that a
 * metadata service that hangs delays nothing, and a store that hangs delays no notice.
 */

#include <systemd/sd-event.h>

#include "agent/notice.h"
#include "common/base/clock.h"

/* Where notices come from. */
struct notice_source {
	/* On the thread; may block. Fills an empty look but for sent_usec. */
	void (*look)(void *context, struct notice_look *look);
	/* On the thread, as its last call. */
	void (*finish)(void *context);
	void *context;
};

struct spot_options {
	sd_event *event;
	const struct clock *clock; /* must live as long as the process */
	struct notice_source source;
	uint64_t poll_usec;
	/* On the loop, after each look. May not free the spot. */
	void (*on_look)(void *context, const struct notice_look *look);
	void *context;
};

struct spot;
/* Looks at once, and then every poll_usec. The source is taken over, also on failure. */
int spot_new(const struct spot_options *options, struct spot **ret) _must_check_;
void spot_free(struct spot *spot);
DEFINE_CLEANUP(struct spot *, spot_free)
