#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/domain/transition.h"
#include "tests/test.h"
#include "tests/unit/transition-fixture.h"

/* The table once more, as the design has it: what the code's own is held against. */
static const struct expected {
	unsigned from;
	enum machine_state to;
	uint64_t seq_step;
	uint64_t lease_ms;
	unsigned conditions;
} expected[_TRANSITION_MAX] = {
	[TRANSITION_CREATE] = { IN(MACHINE_NONE), MACHINE_CREATED, 0, 1000, 0 },
	[TRANSITION_LAUNCH] = { IN(MACHINE_NONE), MACHINE_CLAIMED, 1, 1000, 0 },
	[TRANSITION_READY] = { IN(MACHINE_CREATED), MACHINE_IDLE, 0, 2000,
			       CONDITION_NO_RUN | CONDITION_SEQ | CONDITION_BOOT },
	[TRANSITION_CLAIM] = { IN(MACHINE_IDLE), MACHINE_CLAIMED, 1, 3000,
			       CONDITION_NO_RUN | CONDITION_SEQ | CONDITION_AHEAD |
				       CONDITION_REUSE | CONDITION_NOT_LAST },
	[TRANSITION_RENEW] = { IN(MACHINE_CLAIMED), MACHINE_CLAIMED, 0, 3000,
			       CONDITION_RUN | CONDITION_SEQ },
	[TRANSITION_RUN] = { IN(MACHINE_CLAIMED), MACHINE_RUNNING, 0, 5000,
			     CONDITION_RUN | CONDITION_SEQ | CONDITION_BOOT },
	[TRANSITION_DRAIN] = { IN(MACHINE_CLAIMED) | IN(MACHINE_RUNNING), MACHINE_DRAINING, 0, 4000,
			       CONDITION_RUN | CONDITION_SEQ | CONDITION_BOOT | CONDITION_UNHEARD },
	[TRANSITION_WITHDRAW] = { IN(MACHINE_CREATED) | IN(MACHINE_IDLE), MACHINE_DRAINING, 0, 4000,
				  CONDITION_NO_RUN | CONDITION_SEQ | CONDITION_BOOT },
	[TRANSITION_OFFER] = { IN(MACHINE_DRAINING), MACHINE_IDLE, 0, 2000,
			       CONDITION_SEQ | CONDITION_NOT_LAST | CONDITION_CLEAN |
				       CONDITION_BOOT },
	[TRANSITION_TERMINATE] = { IN(MACHINE_CREATED) | IN(MACHINE_IDLE) | IN(MACHINE_CLAIMED) |
					   IN(MACHINE_RUNNING) | IN(MACHINE_DRAINING),
				   MACHINE_TERMINATED, 1, 0,
				   CONDITION_SEQ | CONDITION_THRESHOLD | CONDITION_ENDED },
};

static void assert_refused(const struct machine *record, const struct change *change,
			   enum condition refusal)
{
	struct change_outcome outcome = apply(record, change);

	ck_assert_msg(outcome.result == CHANGE_REFUSED, "%s of %s: result %d",
		      transition_rows[change->transition].name, machine_state_names[record->state],
		      outcome.result);
	ck_assert_msg(outcome.refusal == refusal, "%s of %s: refusal %x, not %x",
		      transition_rows[change->transition].name, machine_state_names[record->state],
		      outcome.refusal, refusal);
	ck_assert_mem_eq(&outcome.record, record, sizeof(*record));
}

START_TEST(moves_from_the_states_of_its_row_and_from_no_other)
{
	for (int t = 0; t < _TRANSITION_MAX; t++) {
		for (int state = 0; state < _MACHINE_STATE_MAX; state++) {
			struct machine record = record_in(state);
			struct change change = change_for(t, &record);
			struct change_outcome outcome;

			if (!(expected[t].from & IN(state))) {
				/* Another's, so that it cannot be taken for done already. */
				record.seq += 5;
				SET(record.token, "token-9");
				assert_refused(&record, &change, 0);
				continue;
			}
			outcome = apply(&record, &change);
			ck_assert_int_eq(outcome.result, CHANGE_DONE);
			ck_assert_int_eq(outcome.record.state, expected[t].to);
			ck_assert_uint_eq(outcome.record.seq, record.seq + expected[t].seq_step);
			ck_assert_uint_eq(outcome.record.threshold_ms, NOW + expected[t].lease_ms);
		}
	}
}
END_TEST

/* Makes one condition fail, and only that one. */
static void break_condition(enum condition condition, struct machine *record, struct change *change)
{
	switch (condition) {
	case CONDITION_RUN:
		SET(change->claimant.run_key, RUN_B);
		break;
	case CONDITION_NO_RUN:
		SET(record->run_key, RUN_B);
		break;
	case CONDITION_SEQ:
		change->seq++;
		break;
	case CONDITION_AHEAD:
		record->threshold_ms = NOW + change->leases.claim_slack_ms;
		change->threshold_ms = record->threshold_ms;
		break;
	case CONDITION_REUSE:
		record->claimed_ms = 1;
		SET(record->repo, "o/other");
		break;
	case CONDITION_NOT_LAST:
		record->last = true;
		break;
	case CONDITION_CLEAN:
		change->testimony.phase = PHASE_DRAINING;
		break;
	case CONDITION_THRESHOLD:
		change->threshold_ms++;
		break;
	case CONDITION_ENDED:
		change->ending = ENDING_NONE;
		break;
	case CONDITION_BOOT:
		SET(change->testimony.boot_id, "boot-2");
		break;
	case CONDITION_UNHEARD:
		change->unheard = true;
		change->beat_ms = record->beat_ms - 1;
		break;
	case _CONDITION_END:
		break;
	}
}

START_TEST(is_refused_by_each_condition_of_its_row_alone_and_by_no_other)
{
	for (int t = TRANSITION_READY; t < _TRANSITION_MAX; t++) {
		for (int state = MACHINE_CREATED; state < _MACHINE_STATE_MAX; state++) {
			if (!(expected[t].from & IN(state)))
				continue;
			for (unsigned bit = 1; bit < _CONDITION_END; bit <<= 1) {
				struct machine record = record_in(state);
				struct change change = change_for(t, &record);

				/* One cannot fail without the other holding. */
				if (bit == CONDITION_NO_RUN &&
				    (expected[t].conditions & CONDITION_RUN))
					continue;
				break_condition(bit, &record, &change);
				if (expected[t].conditions & bit)
					assert_refused(&record, &change, bit);
				else
					ck_assert_int_eq(apply(&record, &change).result,
							 CHANGE_DONE);
			}
		}
	}
}
END_TEST

START_TEST(lets_a_controller_drain_whatever_boot_serves)
{
	struct machine record = record_in(MACHINE_RUNNING);
	struct change change = change_for(TRANSITION_DRAIN, &record);

	SET(record.boot_id, "boot-1");
	change.testimony = (struct testimony){};
	ck_assert_int_eq(apply(&record, &change).result, CHANGE_DONE);
	/* An agent does not say nothing. */
	record = record_in(MACHINE_CLAIMED);
	SET(record.boot_id, "boot-1");
	change = change_for(TRANSITION_RUN, &record);
	change.testimony = (struct testimony){};
	assert_refused(&record, &change, CONDITION_BOOT);
}
END_TEST

START_TEST(says_in_a_sentence_why_it_was_refused)
{
	for (int t = TRANSITION_READY; t < _TRANSITION_MAX; t++) {
		for (unsigned bit = 1; bit < _CONDITION_END; bit <<= 1) {
			enum machine_state state =
				(enum machine_state)__builtin_ctz(expected[t].from);
			struct machine record = record_in(state);
			struct change change = change_for(t, &record);
			struct change_outcome outcome;
			char text[REFUSAL_TEXT_MAX] = "";

			if (!(expected[t].conditions & bit))
				continue;
			break_condition(bit, &record, &change);
			outcome = apply(&record, &change);
			ck_assert_ptr_eq(change_refusal_text(&change, &outcome, text, sizeof(text)),
					 text);
			ck_assert_msg(strlen(text) > 10 && !strstr(text, "it is idle, not"),
				      "condition %x: %s", bit, text);
		}
	}
}
END_TEST

START_TEST(names_the_state_that_refused_it)
{
	static const struct {
		enum transition transition;
		enum machine_state state;
		const char *text;
	} cases[] = {
		{ TRANSITION_CLAIM, MACHINE_RUNNING, "it is running, not idle" },
		{ TRANSITION_DRAIN, MACHINE_IDLE, "it is idle, not claimed or running" },
		{ TRANSITION_CLAIM, MACHINE_NONE, "it has no record" },
		{ TRANSITION_CREATE, MACHINE_RUNNING,
		  "there is a record already: it is running, of run " RUN_A ", seq 3" },
		{ TRANSITION_TERMINATE, MACHINE_TERMINATED,
		  "it is terminated, not created or idle or claimed or running or draining" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct machine record = record_in(cases[i].state);
		struct change change = change_for(cases[i].transition, &record);
		struct change_outcome outcome = apply(&record, &change);
		char text[REFUSAL_TEXT_MAX];

		ck_assert_int_eq(outcome.result, CHANGE_REFUSED);
		ck_assert_str_eq(change_refusal_text(&change, &outcome, text, sizeof(text)),
				 cases[i].text);
	}
}
END_TEST

START_TEST(does_nothing_that_makes_no_sense)
{
	enum sense {
		T_LOW,
		T_HIGH,
		ID,
		OTHER_ID,
		NO_RUN_KEY,
		ENDING,
		PHASE,
		REUSE,
		USAGE,
		LEASE,
		N
	};

	for (int i = 0; i < N; i++) {
		struct machine record = record_in(MACHINE_IDLE);
		struct change change = change_for(TRANSITION_CLAIM, &record);
		struct change_outcome outcome = { .result = CHANGE_ALREADY };

		switch ((enum sense)i) {
		case T_LOW:
			change.transition = _TRANSITION_INVALID;
			break;
		case T_HIGH:
			change.transition = _TRANSITION_MAX;
			break;
		case ID:
			SET(change.id, "../m");
			break;
		case OTHER_ID:
			SET(change.id, "m-2");
			break;
		case NO_RUN_KEY:
			change.claimant.run_key[0] = '\0';
			break;
		case ENDING:
			change.ending = _ENDING_MAX;
			break;
		case PHASE:
			change.testimony.phase = _MACHINE_PHASE_MAX;
			break;
		case REUSE:
			change.claimant.reuse = _REUSE_MAX;
			break;
		case USAGE:
			change.birth.usage = _USAGE_MAX;
			break;
		case LEASE:
			change.leases.claim_ms = 0;
			break;
		case N:
			break;
		}
		ck_assert_int_eq(transition_apply(&record, &change, NOW, &outcome), -EINVAL);
		ck_assert_int_eq(outcome.result, CHANGE_ALREADY);
	}
}
END_TEST

START_TEST(prints_its_table_for_the_docs)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(to);
	transition_print_markdown(to);
	transition_print_text(to);
	ck_assert_int_eq(fclose(to), 0);

	ck_assert_ptr_nonnull(strstr(text, "\n| create | none | created | no record | same | now + "
					   "boot | provision, refresh | "));
	ck_assert_ptr_nonnull(strstr(text,
				     "\n| claim | idle | claimed | no run key, seq, time left, "
				     "reuse rule, not last | +1 | now + claim | "));
	ck_assert_ptr_nonnull(
		strstr(text, "\n| drain | claimed, running | draining | run key, seq, boot, "
			     "unheard | same | now + drain | "));
	ck_assert_ptr_nonnull(strstr(text, "\n| threshold | the threshold is "));
	ck_assert_ptr_nonnull(strstr(text, "\nidle     -> claimed     claim\n"));
	ck_assert_ptr_null(strstr(text, "(null)"));
}
END_TEST

TEST_MAIN(moves_from_the_states_of_its_row_and_from_no_other,
	  is_refused_by_each_condition_of_its_row_alone_and_by_no_other,
	  lets_a_controller_drain_whatever_boot_serves, says_in_a_sentence_why_it_was_refused,
	  names_the_state_that_refused_it, does_nothing_that_makes_no_sense,
	  prints_its_table_for_the_docs)
