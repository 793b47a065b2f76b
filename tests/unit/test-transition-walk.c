/* What holds of any change to any record: the endings' cases, the reuse rule's, and a long random
 * walk. */

#include <inttypes.h>
#include <string.h>

#include "common/domain/transition.h"
#include "tests/test.h"
#include "tests/unit/transition-fixture.h"

enum words { NO_WORDS, IN_RECORD, IN_WRITE, OLD_BOOT, OLD_SEQ };

struct end_case {
	enum ending ending;
	enum machine_state state;
	enum machine_phase phase;
	enum words words;
	uint64_t past_ms; /* how long the threshold is past */
	bool last;
	bool ends;
};

static void speak(const struct end_case *c, struct machine *record, struct change *change)
{
	change->testimony = (struct testimony){};
	switch (c->words) {
	case NO_WORDS:
		break;
	case IN_RECORD:
		record->phase = c->phase;
		break;
	case IN_WRITE:
	case OLD_BOOT:
	case OLD_SEQ:
		change->testimony.phase = c->phase;
		change->testimony.seq = c->words == OLD_SEQ ? 2 : 3;
		SET(change->testimony.boot_id, c->words == OLD_BOOT ? "boot-0" : "boot-1");
		break;
	}
}

START_TEST(ends_a_machine_only_on_proof)
{
	static const struct end_case cases[] = {
		{ ENDING_EXPIRED, MACHINE_RUNNING, 0, NO_WORDS, 120001, false, true },
		{ ENDING_EXPIRED, MACHINE_RUNNING, 0, NO_WORDS, 120000, false, false },
		{ ENDING_EXPIRED, MACHINE_CREATED, 0, NO_WORDS, 0, false, false },
		{ ENDING_FAILED, MACHINE_RUNNING, PHASE_FAILED, IN_RECORD, 0, false, true },
		{ ENDING_FAILED, MACHINE_RUNNING, PHASE_FAILED, IN_WRITE, 0, false, true },
		{ ENDING_FAILED, MACHINE_RUNNING, PHASE_FAILED, OLD_SEQ, 0, false, false },
		{ ENDING_FAILED, MACHINE_RUNNING, PHASE_FAILED, OLD_BOOT, 0, false, false },
		{ ENDING_FAILED, MACHINE_RUNNING, PHASE_BUSY, IN_WRITE, 0, false, false },
		{ ENDING_FENCED, MACHINE_RUNNING, PHASE_BUSY, IN_WRITE, 0, false, true },
		{ ENDING_FENCED, MACHINE_RUNNING, PHASE_BUSY, OLD_BOOT, 0, false, false },
		{ ENDING_FENCED, MACHINE_RUNNING, 0, NO_WORDS, 0, false, false },
		{ ENDING_DRAINED, MACHINE_DRAINING, PHASE_CLEAN, IN_RECORD, 0, true, true },
		{ ENDING_DRAINED, MACHINE_DRAINING, PHASE_CLEAN, IN_WRITE, 0, true, true },
		{ ENDING_DRAINED, MACHINE_DRAINING, PHASE_CLEAN, OLD_SEQ, 0, true, false },
		{ ENDING_DRAINED, MACHINE_DRAINING, PHASE_CLEAN, OLD_BOOT, 0, true, false },
		{ ENDING_DRAINED, MACHINE_DRAINING, PHASE_DRAINING, IN_WRITE, 0, true, false },
		{ ENDING_DRAINED, MACHINE_DRAINING, PHASE_CLEAN, IN_WRITE, 0, false, false },
		{ ENDING_DRAINED, MACHINE_RUNNING, PHASE_CLEAN, IN_WRITE, 0, true, false },
		{ ENDING_GONE, MACHINE_RUNNING, 0, NO_WORDS, 0, false, true },
		{ ENDING_NONE, MACHINE_RUNNING, PHASE_FAILED, IN_RECORD, 500000, true, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct machine record = record_in(cases[i].state);
		struct change change;
		struct change_outcome outcome;

		record.last = cases[i].last;
		record.threshold_ms = NOW - cases[i].past_ms;
		change = change_for(TRANSITION_TERMINATE, &record);
		change.ending = cases[i].ending;
		speak(&cases[i], &record, &change);
		outcome = apply(&record, &change);
		ck_assert_msg((outcome.result == CHANGE_DONE) == cases[i].ends, "case %zu: %d", i,
			      outcome.result);
		ck_assert_int_eq(outcome.refusal, cases[i].ends ? 0 : CONDITION_ENDED);
	}
}
END_TEST

START_TEST(lends_a_used_machine_by_the_stricter_rule)
{
	static const struct {
		enum reuse record, claimant;
		bool same_repo, same_workflow, allowed;
	} cases[] = {
		{ REUSE_ANY, REUSE_ANY, false, false, true },
		{ REUSE_ANY, REUSE_SAME_REPO, false, false, false },
		{ REUSE_SAME_REPO, REUSE_ANY, false, false, false },
		{ REUSE_SAME_REPO, REUSE_ANY, true, false, true },
		{ REUSE_SAME_REPO, REUSE_SAME_WORKFLOW, true, false, false },
		{ REUSE_SAME_WORKFLOW, REUSE_SAME_REPO, true, true, true },
		{ REUSE_SAME_WORKFLOW, REUSE_SAME_REPO, false, true, false },
		{ REUSE_NEVER, REUSE_ANY, true, true, false },
		{ REUSE_ANY, REUSE_NEVER, true, true, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct machine machine = {
			.reuse = cases[i].record, .claimed_ms = 1, .repo = "o/r", .workflow = "ci"
		};
		struct claimant claimant = { .reuse = cases[i].claimant };

		SET(claimant.repo, cases[i].same_repo ? "o/r" : "o/other");
		SET(claimant.workflow, cases[i].same_workflow ? "ci" : "nightly");
		ck_assert_msg(reuse_allows(&machine, &claimant) == cases[i].allowed, "case %zu", i);

		/* Before its first claim it is anybody's. */
		machine.claimed_ms = 0;
		ck_assert(reuse_allows(&machine, &claimant));
	}
}
END_TEST

START_TEST(lends_no_machine_of_another_image_even_a_new_one)
{
	struct machine machine = { .image = "ami-1" };
	struct claimant claimant = { .image = "ami-2" };

	ck_assert(!reuse_allows(&machine, &claimant));
	SET(claimant.image, "ami-1");
	ck_assert(reuse_allows(&machine, &claimant));
	SET(claimant.image, "");
	ck_assert(reuse_allows(&machine, &claimant));
}
END_TEST

/* --- the walk -------------------------------------------------------------------------------- */

#define STEPS 100000
#define SEED 20240229U

static uint64_t random_state;

static uint64_t random_below(uint64_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % n;
}

static bool one_in(uint64_t n)
{
	return random_below(n) == 0;
}

/* Where a state may lead, whatever the change: the picture of the design. */
static const unsigned edges[_MACHINE_STATE_MAX] = {
	[MACHINE_NONE] = IN(MACHINE_CREATED) | IN(MACHINE_CLAIMED),
	[MACHINE_CREATED] = IN(MACHINE_IDLE) | IN(MACHINE_DRAINING) | IN(MACHINE_TERMINATED),
	[MACHINE_IDLE] = IN(MACHINE_CLAIMED) | IN(MACHINE_DRAINING) | IN(MACHINE_TERMINATED),
	[MACHINE_CLAIMED] = IN(MACHINE_CLAIMED) | IN(MACHINE_RUNNING) | IN(MACHINE_DRAINING) |
			    IN(MACHINE_TERMINATED),
	[MACHINE_RUNNING] = IN(MACHINE_DRAINING) | IN(MACHINE_TERMINATED),
	/* To itself: marked as last. */
	[MACHINE_DRAINING] = IN(MACHINE_IDLE) | IN(MACHINE_DRAINING) | IN(MACHINE_TERMINATED),
};

/* Any, but half the time one that the state allows. */
static enum transition random_transition(enum machine_state state)
{
	bool fitting = one_in(2) && state != MACHINE_TERMINATED;
	enum transition transition;

	do
		transition = (enum transition)random_below(_TRANSITION_MAX);
	while (fitting && !(transition_rows[transition].from & IN(state)));
	return transition;
}

/* Mostly what fits the record, so that the walk gets somewhere; each part wrong at times. */
static struct change random_change(const struct machine *record)
{
	struct change change = change_for(random_transition(record->state), record);

	SET(change.claimant.run_key, one_in(3) ? RUN_B : RUN_A);
	if (one_in(2) && record->run_key[0])
		SET(change.claimant.run_key, record->run_key);
	if (one_in(8))
		change.seq += random_below(3) - 1;
	if (one_in(8))
		change.threshold_ms += random_below(2);
	if (one_in(8))
		SET(change.claimant.repo, "o/other");
	if (one_in(8))
		SET(change.testimony.boot_id, "boot-2");
	if (one_in(16))
		SET(change.birth.token, "token-9");
	change.leases.idle_ms = change.leases.claim_slack_ms + random_below(1000);
	change.claimant.reuse = (enum reuse)random_below(one_in(8) ? _REUSE_MAX : REUSE_NEVER);
	change.claimant.fork = one_in(16);
	change.last = one_in(8);
	change.ending = one_in(8) ? (enum ending)random_below(_ENDING_MAX) : ENDING_NONE;
	change.testimony.phase = (enum machine_phase)random_below(_MACHINE_PHASE_MAX);
	if (change.transition == TRANSITION_OFFER && one_in(2))
		change.testimony.phase = PHASE_CLEAN;
	if (one_in(8))
		change.testimony.seq = random_below(4);
	return change;
}

static void check_step(size_t step, const struct machine *before, const struct change *change,
		       const struct change_outcome *outcome, uint64_t now)
{
	const struct machine *after = &outcome->record;
	const char *name = transition_rows[change->transition].name;

	if (outcome->result != CHANGE_DONE) {
		if (!records_equal(before, after))
			ck_abort_msg("step %zu, %s: refused, but the record changed", step, name);
		return;
	}
	if (!(edges[before->state] & IN(after->state)))
		ck_abort_msg("step %zu, %s: %s became %s", step, name,
			     machine_state_names[before->state], machine_state_names[after->state]);
	if (after->seq < before->seq || after->seq > before->seq + 1)
		ck_abort_msg("step %zu, %s: seq %" PRIu64 " became %" PRIu64, step, name,
			     before->seq, after->seq);
	if (before->last && !after->last)
		ck_abort_msg("step %zu, %s: no longer the last", step, name);
	if (machine_is_live(after) && after->state != before->state && after->threshold_ms <= now)
		ck_abort_msg("step %zu, %s: born expired", step, name);
	if (after->run_key[0] && (after->state == MACHINE_IDLE || after->state == MACHINE_CREATED))
		ck_abort_msg("step %zu, %s: pooled with a run", step, name);
	if (!after->run_key[0] &&
	    (after->state == MACHINE_CLAIMED || after->state == MACHINE_RUNNING))
		ck_abort_msg("step %zu, %s: claimed by nobody", step, name);
	if (strcmp(before->run_key, after->run_key) != 0 && after->run_key[0] &&
	    after->seq != before->seq + 1)
		ck_abort_msg("step %zu, %s: changed hands without a new seq", step, name);
}

/* The same request, executed again a little later. */
static void check_replay(size_t step, const struct machine *after, const struct change *change,
			 uint64_t now)
{
	struct change_outcome again;
	struct machine renewed = *after;

	if (transition_apply(after, change, now + 7, &again) < 0)
		ck_abort_msg("step %zu: no answer", step);
	if (again.result != CHANGE_DONE)
		return;

	/* A renewal may be made twice: nothing but time differs. */
	renewed.threshold_ms = again.record.threshold_ms;
	renewed.beat_ms = again.record.beat_ms;
	if (change->transition != TRANSITION_RENEW || !records_equal(&renewed, &again.record))
		ck_abort_msg("step %zu, %s: took effect twice", step,
			     transition_rows[change->transition].name);
}

START_TEST(keeps_its_promises_on_a_long_random_walk)
{
	struct machine record = {};
	size_t done[_TRANSITION_MAX] = {};
	size_t refused[_TRANSITION_MAX] = {};
	uint64_t now = NOW;

	random_state = SEED;
	for (size_t step = 0; step < STEPS; step++) {
		struct change change = random_change(&record);
		struct change_outcome outcome;

		now += random_below(20);
		if (transition_apply(&record, &change, now, &outcome) < 0)
			ck_abort_msg("step %zu: no answer", step);
		check_step(step, &record, &change, &outcome, now);
		if (outcome.result == CHANGE_DONE) {
			check_replay(step, &outcome.record, &change, now);
			done[change.transition]++;
		}
		refused[change.transition] += outcome.result == CHANGE_REFUSED;
		record = outcome.record;
		if (record.state == MACHINE_TERMINATED && one_in(2))
			record = (struct machine){};
	}

	/* A walk that never went somewhere would prove nothing of it. */
	for (int t = 0; t < _TRANSITION_MAX; t++)
		ck_assert_msg(done[t] > 100 && refused[t] > 100, "%s: %zu done, %zu refused",
			      transition_rows[t].name, done[t], refused[t]);
}
END_TEST

TEST_MAIN(ends_a_machine_only_on_proof, lends_a_used_machine_by_the_stricter_rule,
	  lends_no_machine_of_another_image_even_a_new_one,
	  keeps_its_promises_on_a_long_random_walk)
