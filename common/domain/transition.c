/*
 * The judge. A wish is first checked for sense (independent of any record), then judged by its row:
 * state, then conditions in the order of their bits. Only a wish that was refused is looked at a
 * second time, for whether the record shows it fulfilled already; each row has its own idea of
 * that, and each asks for the wisher's own name (run key, token or boot) besides the seq, so that
 * another's success is never taken for ours.
 */

#include "common/domain/transition.h"

#include <errno.h>
#include <string.h>

#include "common/base/io.h"

/* SQLite's integers are signed. */
#define TIME_MAX_MS ((uint64_t)INT64_MAX)

#define IN(state) (1U << (state))

static bool equal(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static uint64_t later(uint64_t time_ms, uint64_t by_ms)
{
	if (time_ms >= TIME_MAX_MS || by_ms >= TIME_MAX_MS - time_ms)
		return TIME_MAX_MS;
	return time_ms + by_ms;
}

static uint64_t first_set(uint64_t own_ms, uint64_t otherwise_ms)
{
	return own_ms ? own_ms : otherwise_ms;
}

static bool is_birth(enum transition transition)
{
	return transition_rows[transition].from == IN(MACHINE_NONE);
}

/* The rows that carry a whole claimant into the record. */
static bool takes_claimant(enum transition transition)
{
	return transition == TRANSITION_LAUNCH || transition == TRANSITION_CLAIM;
}

static bool wants_run_key(enum transition transition)
{
	return takes_claimant(transition) ||
	       (transition_rows[transition].conditions & CONDITION_RUN);
}

/* --- conditions ------------------------------------------------------------------------------ */

bool reuse_allows(const struct machine *machine, const struct claimant *claimant)
{
	enum reuse rule = machine->reuse > claimant->reuse ? machine->reuse : claimant->reuse;

	if (claimant->image[0] && !equal(claimant->image, machine->image))
		return false;
	if (machine->claimed_ms == 0)
		return true;

	switch (rule) {
	case REUSE_ANY:
		return true;
	case REUSE_SAME_REPO:
		return equal(machine->repo, claimant->repo);
	case REUSE_SAME_WORKFLOW:
		return equal(machine->repo, claimant->repo) &&
		       equal(machine->workflow, claimant->workflow);
	default:
		return false;
	}
}

static bool same_boot(const struct machine *record, const struct testimony *testimony)
{
	return !record->boot_id[0] || equal(record->boot_id, testimony->boot_id);
}

/* Whether its agent, and no other boot's, says this of the record's seq along with the change. */
static bool testifies(const struct machine *record, const struct testimony *testimony,
		      enum machine_phase phase)
{
	return testimony->phase == phase && testimony->seq == record->seq &&
	       same_boot(record, testimony);
}

static bool has_ended(const struct machine *record, const struct change *change, uint64_t now_ms)
{
	const struct testimony *testimony = &change->testimony;

	switch (change->ending) {
	case ENDING_EXPIRED:
		return later(record->threshold_ms, change->leases.reap_grace_ms) < now_ms;
	case ENDING_FAILED:
		return record->phase == PHASE_FAILED || testifies(record, testimony, PHASE_FAILED);
	case ENDING_FENCED:
		return testimony->phase != PHASE_NONE && testimony->boot_id[0] &&
		       same_boot(record, testimony);
	case ENDING_DRAINED:
		return record->state == MACHINE_DRAINING && record->last &&
		       (machine_says(record, PHASE_CLEAN) ||
			testifies(record, testimony, PHASE_CLEAN));
	case ENDING_GONE:
		return true;
	default:
		return false;
	}
}

/* A controller's, where controllers may. */
static bool is_silent(const struct change *change)
{
	return change->testimony.phase == PHASE_NONE &&
	       transition_rows[change->transition].by != BY_AGENT;
}

static bool holds(enum condition condition, const struct machine *record,
		  const struct change *change, uint64_t now_ms)
{
	switch (condition) {
	case CONDITION_RUN:
		return equal(record->run_key, change->claimant.run_key);
	case CONDITION_NO_RUN:
		return !record->run_key[0];
	case CONDITION_SEQ:
		return record->seq == change->seq;
	case CONDITION_AHEAD:
		return record->threshold_ms > later(now_ms, change->leases.claim_slack_ms);
	case CONDITION_REUSE:
		return reuse_allows(record, &change->claimant);
	case CONDITION_NOT_LAST:
		return !record->last;
	case CONDITION_CLEAN:
		return change->testimony.phase == PHASE_CLEAN &&
		       change->testimony.seq == record->seq;
	case CONDITION_THRESHOLD:
		return record->threshold_ms == change->threshold_ms;
	case CONDITION_ENDED:
		return has_ended(record, change, now_ms);
	case CONDITION_BOOT:
		return is_silent(change) || same_boot(record, &change->testimony);
	case CONDITION_UNHEARD:
		return !change->unheard || record->beat_ms == change->beat_ms;
	case _CONDITION_END:
		break;
	}
	return false;
}

/* Whether the row applies; if not, which condition failed first, 0 for the state. */
static bool row_applies(const struct machine *record, const struct change *change, uint64_t now_ms,
			enum condition *ret_refusal)
{
	const struct transition_row *row = &transition_rows[change->transition];

	*ret_refusal = 0;
	if (!(row->from & IN(record->state)))
		return false;

	for (unsigned bit = 1; bit < _CONDITION_END; bit <<= 1) {
		if ((row->conditions & bit) && !holds(bit, record, change, now_ms)) {
			*ret_refusal = bit;
			return false;
		}
	}
	return true;
}

/* --- already --------------------------------------------------------------------------------- */

static bool is_born_already(const struct machine *record, const struct change *change)
{
	uint64_t seq = transition_rows[change->transition].seq_step;

	/* Without a token nobody can tell whose child it is. */
	return machine_is_live(record) && record->seq == seq && change->birth.token[0] &&
	       equal(record->token, change->birth.token);
}

static bool is_ours(const struct machine *record, const struct change *change, uint64_t seq)
{
	return record->seq == seq && equal(record->run_key, change->claimant.run_key);
}

static bool is_nobodys(const struct machine *record, const struct change *change)
{
	return record->seq == change->seq && !record->run_key[0] &&
	       same_boot(record, &change->testimony);
}

static bool is_done_already(const struct machine *record, const struct change *change)
{
	enum machine_state state = record->state;

	switch (change->transition) {
	case TRANSITION_CREATE:
		return is_born_already(record, change) && !record->run_key[0];
	case TRANSITION_LAUNCH:
		return is_born_already(record, change) &&
		       equal(record->run_key, change->claimant.run_key);
	case TRANSITION_READY:
	case TRANSITION_OFFER:
		return state == MACHINE_IDLE && is_nobodys(record, change);
	case TRANSITION_CLAIM:
		return (state == MACHINE_CLAIMED || state == MACHINE_RUNNING) &&
		       is_ours(record, change, change->seq + 1);
	case TRANSITION_RENEW:
		return state == MACHINE_RUNNING && is_ours(record, change, change->seq);
	case TRANSITION_RUN:
		return state == MACHINE_RUNNING && is_ours(record, change, change->seq) &&
		       same_boot(record, &change->testimony);
	case TRANSITION_DRAIN:
		return state == MACHINE_DRAINING && is_ours(record, change, change->seq) &&
		       (is_silent(change) || same_boot(record, &change->testimony));
	case TRANSITION_WITHDRAW:
		return state == MACHINE_DRAINING && record->last && is_nobodys(record, change);
	case TRANSITION_TERMINATE:
		return state == MACHINE_TERMINATED && record->seq == change->seq + 1;
	default:
		return false;
	}
}

/* --- the change itself ----------------------------------------------------------------------- */

/* 0 when the row wants a lease and neither record nor change has one: nothing may live with a
 * threshold that has passed already. */
static uint64_t lease_ms(const struct machine *record, const struct change *change)
{
	const struct leases *leases = &change->leases;

	switch (transition_rows[change->transition].lease) {
	case LEASE_BOOT:
		return leases->boot_ms;
	case LEASE_IDLE:
		return first_set(record->idle_ms, leases->idle_ms);
	case LEASE_CLAIM:
		return leases->claim_ms;
	case LEASE_RUN:
		return first_set(record->max_runtime_ms, leases->max_runtime_ms);
	case LEASE_DRAIN:
		return first_set(record->drain_ms, leases->drain_ms);
	case LEASE_NONE:
		break;
	}
	return 0;
}

static void write_birth(struct machine *record, const struct change *change, uint64_t now_ms)
{
	const struct machine *birth = &change->birth;

	*record = (struct machine){
		.usage = birth->usage,
		.cpu = birth->cpu,
		.memory_mib = birth->memory_mib,
		.created_ms = now_ms,
		.max_runtime_ms = change->leases.max_runtime_ms,
		.idle_ms = change->leases.idle_ms,
		.drain_ms = change->leases.drain_ms,
	};
	memcpy(record->id, change->id, sizeof(record->id));
	memcpy(record->class_name, birth->class_name, sizeof(record->class_name));
	memcpy(record->type, birth->type, sizeof(record->type));
	memcpy(record->arch, birth->arch, sizeof(record->arch));
	memcpy(record->provider, birth->provider, sizeof(record->provider));
	memcpy(record->zone, birth->zone, sizeof(record->zone));
	memcpy(record->image, birth->image, sizeof(record->image));
	memcpy(record->token, birth->token, sizeof(record->token));
	memcpy(record->capabilities, birth->capabilities, sizeof(record->capabilities));
}

_Static_assert(sizeof(((struct machine *)0)->repo) == sizeof(((struct claimant *)0)->repo) &&
		       sizeof(((struct machine *)0)->workflow) ==
			       sizeof(((struct claimant *)0)->workflow) &&
		       sizeof(((struct machine *)0)->image) ==
			       sizeof(((struct claimant *)0)->image) &&
		       sizeof(((struct machine *)0)->boot_id) ==
			       sizeof(((struct testimony *)0)->boot_id),
	       "copied whole");

static void write_claimant(struct machine *record, const struct change *change, uint64_t now_ms)
{
	const struct claimant *claimant = &change->claimant;

	memcpy(record->run_key, claimant->run_key, sizeof(record->run_key));
	memcpy(record->repo, claimant->repo, sizeof(record->repo));
	memcpy(record->workflow, claimant->workflow, sizeof(record->workflow));
	record->reuse = claimant->reuse;
	record->claimed_ms = now_ms;
	record->max_runtime_ms = first_set(change->leases.max_runtime_ms, record->max_runtime_ms);
	if (claimant->fork || claimant->reuse == REUSE_NEVER)
		record->last = true;
}

static void write_testimony(struct machine *record, const struct testimony *testimony,
			    uint64_t now_ms)
{
	record->phase = testimony->phase;
	record->phase_seq = testimony->seq;
	record->beat_ms = now_ms;
	memcpy(record->boot_id, testimony->boot_id, sizeof(record->boot_id));
	memcpy(record->reason, testimony->reason, sizeof(record->reason));
}

static bool keeps_reason(enum transition transition)
{
	return transition == TRANSITION_DRAIN || transition == TRANSITION_WITHDRAW ||
	       transition == TRANSITION_TERMINATE;
}

static int write_change(struct machine *record, const struct change *change, uint64_t now_ms)
{
	const struct transition_row *row = &transition_rows[change->transition];
	uint64_t lease = lease_ms(record, change);

	if (row->lease != LEASE_NONE && lease == 0)
		return -EINVAL;

	if (is_birth(change->transition))
		write_birth(record, change, now_ms);
	if (takes_claimant(change->transition))
		write_claimant(record, change, now_ms);
	if (change->testimony.phase != PHASE_NONE)
		write_testimony(record, &change->testimony, now_ms);
	if (keeps_reason(change->transition) && change->reason[0])
		memcpy(record->reason, change->reason, sizeof(record->reason));
	if (change->transition == TRANSITION_WITHDRAW ||
	    (change->transition == TRANSITION_DRAIN && change->last))
		record->last = true;
	if (change->transition == TRANSITION_OFFER)
		record->run_key[0] = '\0';

	record->state = row->to;
	record->seq += row->seq_step;
	record->threshold_ms = later(now_ms, lease);
	return machine_fit(record);
}

/* A drain that asks for the end of the machine, of one that is draining already. */
static int write_last(struct machine *record, const struct change *change)
{
	record->last = true;
	if (change->reason[0])
		memcpy(record->reason, change->reason, sizeof(record->reason));
	return machine_fit(record);
}

/* --- all together ---------------------------------------------------------------------------- */

static bool in_range(int value, int max)
{
	return value >= 0 && value < max;
}

static bool makes_sense(const struct machine *current, const struct change *change)
{
	if (!in_range((int)change->transition, _TRANSITION_MAX) ||
	    !in_range((int)change->ending, _ENDING_MAX) ||
	    !in_range((int)change->testimony.phase, _MACHINE_PHASE_MAX) ||
	    !in_range((int)change->claimant.reuse, _REUSE_MAX) ||
	    !in_range((int)change->birth.usage, USAGE_SPOT_THEN_ON_DEMAND) ||
	    !in_range((int)current->state, _MACHINE_STATE_MAX))
		return false;

	if (!machine_id_is_valid(change->id))
		return false;
	if (current->state != MACHINE_NONE && !equal(current->id, change->id))
		return false;
	return !wants_run_key(change->transition) || change->claimant.run_key[0];
}

int transition_apply(const struct machine *current, const struct change *change, uint64_t now_ms,
		     struct change_outcome *ret)
{
	struct change_outcome outcome = { .record = *current };
	int r = 0;

	if (!makes_sense(current, change))
		return -EINVAL;

	if (row_applies(current, change, now_ms, &outcome.refusal)) {
		outcome.result = CHANGE_DONE;
		r = write_change(&outcome.record, change, now_ms);
	} else if (!is_done_already(current, change)) {
		outcome.result = CHANGE_REFUSED;
	} else if (change->transition == TRANSITION_DRAIN && change->last && !current->last) {
		outcome.result = CHANGE_DONE;
		r = write_last(&outcome.record, change);
	} else {
		outcome.result = CHANGE_ALREADY;
	}
	if (r < 0)
		return r;

	if (outcome.result != CHANGE_REFUSED)
		outcome.refusal = 0;
	*ret = outcome;
	return 0;
}
