/* What a beat makes of a record: pure, and the same for every store. */

#include <errno.h>
#include <string.h>

#include "common/store/store.h"

/* Another boot may only speak for the machine once the last one has fallen silent. */
static bool is_accepted(const struct machine *record, const struct beat *beat, uint64_t now_ms)
{
	if (record->state == MACHINE_NONE || record->state == MACHINE_TERMINATED)
		return false;
	return !record->boot_id[0] || strcmp(record->boot_id, beat->boot_id) == 0 ||
	       !machine_is_healthy(record, now_ms);
}

_Static_assert(sizeof(((struct machine *)0)->boot_id) == sizeof(((struct beat *)0)->boot_id) &&
		       sizeof(((struct machine *)0)->version) ==
			       sizeof(((struct beat *)0)->version) &&
		       sizeof(((struct machine *)0)->reason) == sizeof(((struct beat *)0)->reason),
	       "copied whole");

int beat_apply(const struct machine *current, const struct beat *beat, uint64_t now_ms,
	       struct beat_answer *ret)
{
	struct beat_answer answer = { .record = *current, .now_ms = now_ms };
	struct machine *record = &answer.record;
	int r;

	if (!machine_id_is_valid(beat->id) || !beat->boot_id[0] || beat->phase < PHASE_NONE ||
	    beat->phase >= _MACHINE_PHASE_MAX)
		return -EINVAL;
	answer.accepted = is_accepted(current, beat, now_ms);
	if (answer.accepted) {
		record->phase = beat->phase;
		record->phase_seq = beat->phase_seq;
		record->beat_ms = now_ms;
		record->beat_period_ms = beat->period_ms;
		memcpy(record->boot_id, beat->boot_id, sizeof(record->boot_id));
		memcpy(record->version, beat->version, sizeof(record->version));
		if (beat->reason[0])
			memcpy(record->reason, beat->reason, sizeof(record->reason));
		r = machine_fit(record);
		if (r < 0)
			return r;
	}
	*ret = answer;
	return 0;
}
