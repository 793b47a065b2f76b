#pragma once

/* Records and changes that fit together, to be spoilt one by one. */

#include <string.h>

#include "common/base/io.h"
#include "common/domain/transition.h"
#include "tests/test.h"

#define NOW 1000000000ULL
#define RUN_A "1-1-default"
#define RUN_B "2-1-default"

/* Not an assertion, which would write a line for each of a walk's steps. */
#define SET(array, text)                                          \
	do {                                                      \
		if (str_copy(array, sizeof(array), text) < 0)     \
			ck_abort_msg("'%s' is too long", (text)); \
	} while (0)
#define IN(state) (1U << (state))

/* A record as it would be in this state, made by run A where it has been claimed. */
static inline struct machine record_in(enum machine_state state)
{
	struct machine record = {
		.id = "m-1",
		.state = state,
		.seq = state == MACHINE_CREATED ? 0 : 3,
		.threshold_ms = NOW + 100000,
		.token = "token-0",
		.image = "ami-1",
		.repo = "o/r",
		.workflow = "ci",
		.reuse = REUSE_SAME_REPO,
		.claimed_ms = state == MACHINE_CREATED ? 0 : NOW - 5000,
		.boot_id = "boot-1",
		.phase = PHASE_READY,
		.phase_seq = 3,
		.beat_ms = NOW - 10,
	};

	if (state == MACHINE_NONE)
		return (struct machine){};
	if (state == MACHINE_CLAIMED || state == MACHINE_RUNNING || state == MACHINE_DRAINING ||
	    state == MACHINE_TERMINATED)
		SET(record.run_key, RUN_A);
	return record;
}

/* The change that this record should let happen, if its state does. */
static inline struct change change_for(enum transition transition, const struct machine *record)
{
	return (struct change){
		.transition = transition,
		.id = "m-1",
		.seq = record->seq,
		.threshold_ms = record->threshold_ms,
		.claimant = { .run_key = RUN_A, .repo = "o/r", .workflow = "ci", .image = "ami-1" },
		.leases = { .boot_ms = 1000,
			    .idle_ms = 2000,
			    .claim_ms = 3000,
			    .drain_ms = 4000,
			    .max_runtime_ms = 5000,
			    .claim_slack_ms = 30000,
			    .reap_grace_ms = 120000 },
		.ending = transition == TRANSITION_TERMINATE ? ENDING_GONE : ENDING_NONE,
		.birth = { .class_name = "large", .image = "ami-1", .token = "token-0" },
		.testimony = { .phase = transition == TRANSITION_OFFER ? PHASE_CLEAN : PHASE_BUSY,
			       .seq = record->seq,
			       .boot_id = "boot-1",
			       .reason = "said" },
	};
}

static inline struct change_outcome apply(const struct machine *record, const struct change *change)
{
	struct change_outcome outcome = {};

	ck_assert_int_eq(transition_apply(record, change, NOW, &outcome), 0);
	return outcome;
}

static inline bool records_equal(const struct machine *a, const struct machine *b)
{
	for (const struct machine_field *field = machine_fields; field->name; field++) {
		if (field->type == FIELD_TEXT
			    ? strcmp(machine_field_text(a, field), machine_field_text(b, field)) !=
				      0
			    : machine_field_u64(a, field) != machine_field_u64(b, field))
			return false;
	}
	return true;
}
