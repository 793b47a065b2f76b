#pragma once

/*
 * Gives a run's machines back: closes the run, withdraws the registrations, drains, and waits until
 * each machine has proved itself clean for the seq of its claim, or has ended.
 */

#include <stdbool.h>
#include <stdint.h>

#include "controller/controller.h"

struct release_options {
	const char *run_key;
	bool force;            /* interrupt running jobs */
	bool wait;             /* wait for running jobs to end */
	uint64_t timeout_usec; /* for all of it */
};

enum release_fate {
	RELEASE_PENDING, /* not seen to its end within the time */
	RELEASE_CLEAN,   /* clean(seq): back in the pool, or ended in good order */
	RELEASE_ENDED,   /* terminated, not clean: failed, gone, expired */
	RELEASE_BUSY,    /* a job runs on it, and it was to be left alone */
	_RELEASE_FATE_MAX,
};
extern const char *const release_fate_names[_RELEASE_FATE_MAX + 1];

struct release_row {
	char machine[MACHINE_ID_MAX];
	uint64_t seq; /* of the claim that is released */
	enum release_fate fate;
	char reason[REASON_MAX];
	uint64_t wait_usec; /* until its fate was known */
};

struct release_result {
	bool known;               /* there was such a run */
	struct release_row *rows; /* owned */
	size_t n;
};
void release_result_done(struct release_result *result);
#define _cleanup_release_result_ _cleanup_(release_result_done)

/* Twice is once. A key that nobody knows gets a tombstone: a provision that comes later is refused.
 */
int release_run(const struct controller *controller, const struct release_options *options,
		struct release_result *ret, struct fault *fault) _must_check_;

/* What the record says of a claim (run_key, seq) that is being released. Pure. */
enum release_fate release_judge(const struct machine *machine, const char *run_key, uint64_t seq);
