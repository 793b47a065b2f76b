#pragma once

/*
 * What a cloud says of taking a machine away, and what it means here. Pure.
 *
 * No answer is not "none": what was known before is kept. When it ends is told as wall time; it is
 * turned into a duration by the clock of whoever told it, and added to our own boot time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/lifecycle.h"
#include "common/base/fault.h"

enum notice_answer { NOTICE_UNKNOWN, NOTICE_NONE, NOTICE_GIVEN };

/* One look at what is said. */
struct notice_look {
	enum notice_answer spot, rebalance;
	char action[16];    /* of the spot notice: "terminate" */
	uint64_t ends_ms;   /* of the spot notice: wall time, … */
	uint64_t said_ms;   /* … by this clock of the one who says it */
	uint64_t sent_usec; /* CLOCK_BOOTTIME, just before it was asked */
	struct fault fault; /* why something is unknown */
};

/* {"action": "terminate", "time": "2026-11-24T08:22:00Z"}, into action and ends_ms. -EBADMSG. */
int notice_parse_spot(const char *text, size_t size, struct notice_look *look,
		      struct fault *fault) _must_check_;

/* All that is known. */
struct notice {
	bool spot, rebalance;
	uint64_t ends_ms;   /* wall time, for people */
	uint64_t ends_usec; /* CLOCK_BOOTTIME; for one ends_ms the earliest reading counts */
};

/* Whether it changed anything. */
bool notice_take(struct notice *notice, const struct notice_look *look);

/* What follows from it at now, whatever is done: EVENT_TERM within grace_usec of the end,
 * EVENT_NOTICE, EVENT_REBALANCE, or _AGENT_EVENT_INVALID. */
enum agent_event notice_event(const struct notice *notice, uint64_t now_usec, uint64_t grace_usec);

/* When a running job must be ended: 0 for a notice that is over already; UINT64_MAX without one. */
uint64_t notice_term_usec(const struct notice *notice, uint64_t grace_usec);

/* "spot interruption notice, ends at …". */
#define NOTICE_TEXT_MAX 96
const char *notice_text(const struct notice *notice, char *text, size_t size);
