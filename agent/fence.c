#include "agent/fence.h"

#include "agent/lifecycle.h"
#include "common/base/macro.h"

void fence_init(struct fence *fence, uint64_t now_usec, uint64_t boot_time_usec)
{
	*fence = (struct fence){
		.start_usec = now_usec,
		.boot_time_usec = boot_time_usec,
		.heard_usec = now_usec,
	};
}

void fence_hear(struct fence *fence, uint64_t sent_usec)
{
	if (sent_usec > fence->heard_usec)
		fence->heard_usec = sent_usec;
}

/* By our clock; also a time that has passed, so that who hears of it late gets no more of it. */
static uint64_t translate(uint64_t threshold_ms, uint64_t store_now_ms, uint64_t sent_usec)
{
	uint64_t past_usec;

	if (threshold_ms >= store_now_ms) {
		uint64_t left_ms = threshold_ms - store_now_ms;

		if (left_ms > FENCE_LEASE_MAX_MS)
			left_ms = FENCE_LEASE_MAX_MS;
		return sent_usec + left_ms * USEC_PER_MSEC;
	}
	if (store_now_ms - threshold_ms > sent_usec / USEC_PER_MSEC)
		return 0;
	past_usec = (store_now_ms - threshold_ms) * USEC_PER_MSEC;
	return sent_usec - past_usec;
}

void fence_read(struct fence *fence, const struct machine *record, uint64_t sent_usec,
		uint64_t store_now_ms)
{
	uint64_t ends_usec = translate(record->threshold_ms, store_now_ms, sent_usec);
	bool same = fence->known && fence->seq == record->seq && fence->state == record->state &&
		    fence->threshold_ms == record->threshold_ms;

	if (same && fence->ends_usec <= ends_usec)
		return;
	fence->known = true;
	fence->seq = record->seq;
	fence->state = record->state;
	fence->threshold_ms = record->threshold_ms;
	fence->ends_usec = ends_usec;
	fence->told = same && fence->told;
}

uint64_t fence_threshold_usec(const struct fence *fence)
{
	return fence->known ? fence->ends_usec : fence->start_usec + fence->boot_time_usec;
}

uint64_t fence_deadline_usec(const struct fence *fence)
{
	uint64_t grace_usec = fence->known ? AGENT_GRACE_MS * USEC_PER_MSEC : 0;

	return fence_threshold_usec(fence) + grace_usec;
}

enum fence_call fence_check(struct fence *fence, uint64_t now_usec)
{
	if (now_usec >= fence_deadline_usec(fence))
		return FENCE_DEADLINE;
	if (fence->told || now_usec < fence_threshold_usec(fence))
		return FENCE_CALM;
	fence->told = true;
	return FENCE_THRESHOLD;
}

uint64_t fence_next_usec(const struct fence *fence)
{
	return fence->told ? fence_deadline_usec(fence) : fence_threshold_usec(fence);
}

bool fence_store_is_fresh(const struct fence *fence, uint64_t now_usec, uint64_t period_usec)
{
	return now_usec <= fence->heard_usec + BEATS_UNTIL_STALE * period_usec;
}

bool fence_may_start(const struct fence *fence, uint64_t now_usec, uint64_t period_usec)
{
	return fence->known && now_usec < fence->ends_usec &&
	       fence_store_is_fresh(fence, now_usec, period_usec);
}
