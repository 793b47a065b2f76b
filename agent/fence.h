#pragma once

/*
 * Until when this machine may exist and work, by its own clock. Pure.
 *
 * Thresholds travel as durations: (threshold − the store's now) is added to the boot time at which
 * the question was sent, so that neither our wall clock nor a slow answer can lengthen a lease. For
 * one threshold the earliest reading of it counts: a store whose clock goes back does not either.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/domain/machine.h"

/* No lease is taken for longer than this, whatever a record says. */
#define FENCE_LEASE_MAX_MS (30ULL * 24 * 3600 * 1000)

struct fence {
	uint64_t start_usec;     /* when the agent began */
	uint64_t boot_time_usec; /* without a record it ends so long after that */
	bool known;              /* a record has been seen */
	uint64_t seq;
	enum machine_state state;
	uint64_t threshold_ms; /* as the record has it */
	uint64_t ends_usec;    /* the same by our clock */
	bool told;             /* the threshold has been announced */
	uint64_t heard_usec;   /* when the latest question that was answered had been sent */
};

/* All times in microseconds are CLOCK_BOOTTIME. */
void fence_init(struct fence *fence, uint64_t now_usec, uint64_t boot_time_usec);

/* The store has answered a question sent at sent_usec. */
void fence_hear(struct fence *fence, uint64_t sent_usec);

/* What a live record says. sent_usec: not later than when the store's clock showed store_now_ms. */
void fence_read(struct fence *fence, const struct machine *record, uint64_t sent_usec,
		uint64_t store_now_ms);

enum fence_call { FENCE_CALM, FENCE_THRESHOLD, FENCE_DEADLINE };

/* What has come by now: the threshold (told once), or the deadline beyond it (told always). */
enum fence_call fence_check(struct fence *fence, uint64_t now_usec);

/* When fence_check() should be asked next. */
uint64_t fence_next_usec(const struct fence *fence);

/* The threshold and the last deadline by our clock; before a record: boot time, both. */
uint64_t fence_threshold_usec(const struct fence *fence);
uint64_t fence_deadline_usec(const struct fence *fence);

/* Whether the store answered what was asked within the last BEATS_UNTIL_STALE periods. */
bool fence_store_is_fresh(const struct fence *fence, uint64_t now_usec, uint64_t period_usec);

/* Whether new work may be begun: the store is fresh and the threshold has not come. */
bool fence_may_start(const struct fence *fence, uint64_t now_usec, uint64_t period_usec);
