#include <errno.h>
#include <string.h>

#include "common/domain/transition.h"
#include "tests/test.h"
#include "tests/unit/transition-fixture.h"

static struct machine done(const struct machine *record, const struct change *change)
{
	struct change_outcome outcome = apply(record, change);

	ck_assert_int_eq(outcome.result, CHANGE_DONE);
	ck_assert_int_eq(outcome.refusal, 0);
	return outcome.record;
}

START_TEST(gives_a_machine_for_the_pool_what_it_is_and_nobody)
{
	struct machine none = {}, record;
	struct change change = change_for(TRANSITION_CREATE, &none);

	change.birth = (struct machine){
		.id = "ignored",
		.state = MACHINE_RUNNING,
		.seq = 9,
		.run_key = "ignored",
		.class_name = "large",
		.type = "m7i.large",
		.arch = "x86_64",
		.usage = USAGE_SPOT,
		.provider = "ec2",
		.zone = "eu-west-1a",
		.cpu = 2,
		.memory_mib = 8192,
		.image = "ami-1",
		.token = "token-0",
		.capabilities = "metal",
	};
	change.testimony.phase = PHASE_NONE;
	record = done(&none, &change);

	ck_assert_str_eq(record.id, "m-1");
	ck_assert_int_eq(record.state, MACHINE_CREATED);
	ck_assert_uint_eq(record.seq, 0);
	ck_assert_str_eq(record.run_key, "");
	ck_assert_str_eq(record.class_name, "large");
	ck_assert_str_eq(record.type, "m7i.large");
	ck_assert_str_eq(record.arch, "x86_64");
	ck_assert_int_eq(record.usage, USAGE_SPOT);
	ck_assert_str_eq(record.provider, "ec2");
	ck_assert_str_eq(record.zone, "eu-west-1a");
	ck_assert_uint_eq(record.cpu, 2);
	ck_assert_uint_eq(record.memory_mib, 8192);
	ck_assert_str_eq(record.image, "ami-1");
	ck_assert_str_eq(record.token, "token-0");
	ck_assert_str_eq(record.capabilities, "metal");
	ck_assert_uint_eq(record.created_ms, NOW);
	ck_assert_uint_eq(record.claimed_ms, 0);
	ck_assert_uint_eq(record.idle_ms, 2000);
	ck_assert_uint_eq(record.drain_ms, 4000);
	ck_assert_uint_eq(record.beat_ms, 0);
	ck_assert(!record.last);
}
END_TEST

START_TEST(writes_the_claimant_into_what_it_claims_and_launches)
{
	static const enum transition cases[] = { TRANSITION_CLAIM, TRANSITION_LAUNCH };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct machine before =
			record_in(cases[i] == TRANSITION_CLAIM ? MACHINE_IDLE : MACHINE_NONE);
		struct change change = change_for(cases[i], &before);
		struct machine record;

		SET(change.claimant.run_key, RUN_B);
		SET(change.claimant.workflow, "nightly");
		change.claimant.reuse = REUSE_SAME_REPO;
		change.testimony.phase = PHASE_NONE;
		record = done(&before, &change);

		ck_assert_str_eq(record.run_key, RUN_B);
		ck_assert_str_eq(record.repo, "o/r");
		ck_assert_str_eq(record.workflow, "nightly");
		ck_assert_int_eq(record.reuse, REUSE_SAME_REPO);
		ck_assert_uint_eq(record.claimed_ms, NOW);
		ck_assert_uint_eq(record.max_runtime_ms, 5000);
		ck_assert(!record.last);
		/* The phase stays the agent's. */
		ck_assert_int_eq(record.phase, before.phase);
		ck_assert_uint_eq(record.phase_seq, before.phase_seq);
		ck_assert_str_eq(record.boot_id, before.boot_id);
	}
}
END_TEST

START_TEST(never_pools_again_what_a_fork_or_an_exclusive_run_has_had)
{
	static const struct {
		enum transition transition;
		bool fork;
		enum reuse reuse;
		bool last;
	} cases[] = {
		{ TRANSITION_CLAIM, false, REUSE_SAME_REPO, false },
		{ TRANSITION_CLAIM, true, REUSE_SAME_REPO, true },
		{ TRANSITION_LAUNCH, true, REUSE_ANY, true },
		{ TRANSITION_LAUNCH, false, REUSE_NEVER, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct machine before = record_in(
			cases[i].transition == TRANSITION_CLAIM ? MACHINE_IDLE : MACHINE_NONE);
		struct change change = change_for(cases[i].transition, &before);

		change.claimant.fork = cases[i].fork;
		change.claimant.reuse = cases[i].reuse;
		ck_assert_int_eq(done(&before, &change).last, cases[i].last);
	}
}
END_TEST

START_TEST(takes_the_testimony_as_a_beat_and_a_reason_before_the_testimonys)
{
	struct machine before = record_in(MACHINE_RUNNING), record;
	struct change change;

	SET(before.boot_id, "");
	change = change_for(TRANSITION_DRAIN, &before);
	change.testimony.phase = PHASE_DRAINING;
	SET(change.testimony.boot_id, "boot-2");
	record = done(&before, &change);
	ck_assert_int_eq(record.phase, PHASE_DRAINING);
	ck_assert_uint_eq(record.phase_seq, 3);
	ck_assert_uint_eq(record.beat_ms, NOW);
	ck_assert_str_eq(record.boot_id, "boot-2");
	ck_assert_str_eq(record.reason, "said");
	ck_assert(!record.last);

	SET(change.reason, "released");
	change.last = true;
	record = done(&before, &change);
	ck_assert_str_eq(record.reason, "released");
	ck_assert(record.last);
}
END_TEST

START_TEST(gives_the_records_own_leases_where_it_has_them)
{
	static const struct {
		enum transition transition;
		enum machine_state state;
		uint64_t lease_ms;
	} cases[] = {
		{ TRANSITION_READY, MACHINE_CREATED, 20 },
		{ TRANSITION_OFFER, MACHINE_DRAINING, 20 },
		{ TRANSITION_DRAIN, MACHINE_RUNNING, 40 },
		{ TRANSITION_WITHDRAW, MACHINE_IDLE, 40 },
		{ TRANSITION_RUN, MACHINE_CLAIMED, 50 },
		{ TRANSITION_RENEW, MACHINE_CLAIMED, 3000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct machine before = record_in(cases[i].state);
		struct change change = change_for(cases[i].transition, &before);

		before.idle_ms = 20;
		before.drain_ms = 40;
		before.max_runtime_ms = 50;
		ck_assert_uint_eq(done(&before, &change).threshold_ms, NOW + cases[i].lease_ms);
	}
}
END_TEST

START_TEST(keeps_a_lease_beyond_all_time_within_what_a_store_can_hold)
{
	struct machine before = record_in(MACHINE_CLAIMED);
	struct change change = change_for(TRANSITION_RENEW, &before);

	change.leases.claim_ms = UINT64_MAX;
	ck_assert_uint_eq(done(&before, &change).threshold_ms, INT64_MAX);
}
END_TEST

START_TEST(frees_the_machine_it_offers_but_remembers_whom_it_served)
{
	struct machine before = record_in(MACHINE_DRAINING), record;
	struct change change = change_for(TRANSITION_OFFER, &before);

	record = done(&before, &change);
	ck_assert_str_eq(record.run_key, "");
	ck_assert_str_eq(record.repo, "o/r");
	ck_assert_str_eq(record.workflow, "ci");
	ck_assert_int_eq(record.reuse, REUSE_SAME_REPO);
	ck_assert_uint_eq(record.claimed_ms, before.claimed_ms);
	ck_assert_int_eq(record.phase, PHASE_CLEAN);
}
END_TEST

START_TEST(withdraws_for_good)
{
	struct machine before = record_in(MACHINE_IDLE);
	struct change change = change_for(TRANSITION_WITHDRAW, &before);

	ck_assert(done(&before, &change).last);
}
END_TEST

START_TEST(cuts_the_reason_rather_than_pass_the_write_unit)
{
	struct machine before = record_in(MACHINE_RUNNING), record;
	struct change change = change_for(TRANSITION_DRAIN, &before);

	memset(before.id, 'm', sizeof(before.id) - 1);
	memset(change.id, 'm', sizeof(change.id) - 1);
	memset(before.class_name, 'n', sizeof(before.class_name) - 1);
	memset(before.type, 't', sizeof(before.type) - 1);
	memset(before.version, 'v', sizeof(before.version) - 1);
	memset(before.capabilities, 'c', sizeof(before.capabilities) - 1);
	memset(before.zone, 'z', sizeof(before.zone) - 1);
	memset(before.repo, 'r', sizeof(before.repo) - 1);
	memset(before.workflow, 'w', sizeof(before.workflow) - 1);
	memset(before.image, 'i', sizeof(before.image) - 1);
	memset(before.token, 't', sizeof(before.token) - 1);
	memset(change.claimant.run_key, 'k', sizeof(change.claimant.run_key) - 1);
	memset(before.run_key, 'k', sizeof(before.run_key) - 1);
	memset(change.reason, 'r', sizeof(change.reason) - 1);

	record = done(&before, &change);
	ck_assert_uint_eq(machine_record_size(&record), MACHINE_RECORD_MAX);
	ck_assert_uint_gt(strlen(record.reason), 0);
	ck_assert_uint_lt(strlen(record.reason), sizeof(record.reason) - 1);
}
END_TEST

struct replay {
	const char *name;
	enum transition transition;
	enum machine_state before;
	/* What happened between the change and its replay. */
	enum { NOTHING, RAN, RUN_AND_DRAINED, LATER_CLAIM } meanwhile;
	enum change_result result;
};

/* Moves a record on, as another's changes would. */
static void happen(struct machine *record, const struct replay *replay)
{
	switch (replay->meanwhile) {
	case NOTHING:
		break;
	case RUN_AND_DRAINED:
		record->state = MACHINE_DRAINING;
		break;
	case RAN:
		record->state = MACHINE_RUNNING;
		break;
	case LATER_CLAIM:
		record->state = MACHINE_CLAIMED;
		record->seq++;
		SET(record->run_key, RUN_B);
		break;
	}
}

START_TEST(is_done_already_when_the_record_shows_what_was_asked)
{
	static const struct replay cases[] = {
		{ "create", TRANSITION_CREATE, MACHINE_NONE, NOTHING, CHANGE_ALREADY },
		{ "create, claimed", TRANSITION_CREATE, MACHINE_NONE, LATER_CLAIM, CHANGE_REFUSED },
		{ "launch", TRANSITION_LAUNCH, MACHINE_NONE, NOTHING, CHANGE_ALREADY },
		{ "launch, running", TRANSITION_LAUNCH, MACHINE_NONE, RAN, CHANGE_ALREADY },
		{ "launch, released", TRANSITION_LAUNCH, MACHINE_NONE, RUN_AND_DRAINED,
		  CHANGE_ALREADY },
		{ "launch, another's", TRANSITION_LAUNCH, MACHINE_NONE, LATER_CLAIM,
		  CHANGE_REFUSED },
		{ "ready", TRANSITION_READY, MACHINE_CREATED, NOTHING, CHANGE_ALREADY },
		{ "ready, claimed", TRANSITION_READY, MACHINE_CREATED, LATER_CLAIM,
		  CHANGE_REFUSED },
		{ "claim", TRANSITION_CLAIM, MACHINE_IDLE, NOTHING, CHANGE_ALREADY },
		{ "claim, running", TRANSITION_CLAIM, MACHINE_IDLE, RAN, CHANGE_ALREADY },
		{ "claim, released", TRANSITION_CLAIM, MACHINE_IDLE, RUN_AND_DRAINED,
		  CHANGE_REFUSED },
		{ "claim, another's", TRANSITION_CLAIM, MACHINE_IDLE, LATER_CLAIM, CHANGE_REFUSED },
		{ "renew", TRANSITION_RENEW, MACHINE_CLAIMED, NOTHING, CHANGE_DONE },
		{ "renew, running", TRANSITION_RENEW, MACHINE_CLAIMED, RAN, CHANGE_ALREADY },
		{ "renew, released", TRANSITION_RENEW, MACHINE_CLAIMED, RUN_AND_DRAINED,
		  CHANGE_REFUSED },
		{ "run", TRANSITION_RUN, MACHINE_CLAIMED, NOTHING, CHANGE_ALREADY },
		{ "run, another's", TRANSITION_RUN, MACHINE_CLAIMED, LATER_CLAIM, CHANGE_REFUSED },
		{ "drain", TRANSITION_DRAIN, MACHINE_RUNNING, NOTHING, CHANGE_ALREADY },
		{ "drain, another's", TRANSITION_DRAIN, MACHINE_RUNNING, LATER_CLAIM,
		  CHANGE_REFUSED },
		{ "withdraw", TRANSITION_WITHDRAW, MACHINE_IDLE, NOTHING, CHANGE_ALREADY },
		{ "withdraw, claimed", TRANSITION_WITHDRAW, MACHINE_IDLE, LATER_CLAIM,
		  CHANGE_REFUSED },
		{ "offer", TRANSITION_OFFER, MACHINE_DRAINING, NOTHING, CHANGE_ALREADY },
		{ "offer, claimed", TRANSITION_OFFER, MACHINE_DRAINING, LATER_CLAIM,
		  CHANGE_REFUSED },
		{ "terminate", TRANSITION_TERMINATE, MACHINE_RUNNING, NOTHING, CHANGE_ALREADY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct machine before = record_in(cases[i].before);
		struct change change = change_for(cases[i].transition, &before);
		struct machine after = done(&before, &change);
		struct change_outcome again;

		happen(&after, &cases[i]);
		again = apply(&after, &change);
		ck_assert_msg(again.result == cases[i].result, "%s: %d", cases[i].name,
			      again.result);
		if (again.result != CHANGE_DONE)
			ck_assert_mem_eq(&again.record, &after, sizeof(after));
		if (again.result == CHANGE_ALREADY)
			ck_assert_int_eq(again.refusal, 0);
	}
}
END_TEST

START_TEST(never_takes_anothers_success_for_its_own)
{
	enum who { TOKEN, RUN, BOOT, NO_TOKEN };
	static const struct {
		enum transition transition;
		enum machine_state before;
		enum who who;
	} cases[] = {
		{ TRANSITION_CREATE, MACHINE_NONE, TOKEN },
		{ TRANSITION_CREATE, MACHINE_NONE, NO_TOKEN },
		{ TRANSITION_LAUNCH, MACHINE_NONE, TOKEN },
		{ TRANSITION_LAUNCH, MACHINE_NONE, RUN },
		{ TRANSITION_READY, MACHINE_CREATED, BOOT },
		{ TRANSITION_CLAIM, MACHINE_IDLE, RUN },
		{ TRANSITION_RUN, MACHINE_CLAIMED, RUN },
		{ TRANSITION_RUN, MACHINE_CLAIMED, BOOT },
		{ TRANSITION_DRAIN, MACHINE_RUNNING, RUN },
		{ TRANSITION_WITHDRAW, MACHINE_IDLE, BOOT },
		{ TRANSITION_OFFER, MACHINE_DRAINING, BOOT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct machine before = record_in(cases[i].before);
		struct change change = change_for(cases[i].transition, &before);
		struct machine after;

		if (cases[i].who == NO_TOKEN)
			change.birth.token[0] = '\0';
		after = done(&before, &change);
		if (cases[i].who == TOKEN)
			SET(change.birth.token, "token-9");
		if (cases[i].who == RUN)
			SET(change.claimant.run_key, RUN_B);
		if (cases[i].who == BOOT)
			SET(change.testimony.boot_id, "boot-2");
		ck_assert_msg(apply(&after, &change).result == CHANGE_REFUSED, "%s, %d",
			      transition_rows[cases[i].transition].name, cases[i].who);
	}
}
END_TEST

START_TEST(marks_a_draining_machine_as_the_last_once_and_without_more_time)
{
	struct machine before = record_in(MACHINE_DRAINING), record;
	struct change change = change_for(TRANSITION_DRAIN, &before);

	change.last = true;
	SET(change.reason, "spot notice");
	record = done(&before, &change);
	ck_assert(record.last);
	ck_assert_str_eq(record.reason, "spot notice");
	ck_assert_uint_eq(record.threshold_ms, before.threshold_ms);
	ck_assert_int_eq(record.phase, before.phase);

	ck_assert_int_eq(apply(&record, &change).result, CHANGE_ALREADY);

	/* Neither in another's name, nor by what another boot says late. */
	SET(change.testimony.boot_id, "boot-2");
	ck_assert_int_eq(apply(&before, &change).result, CHANGE_REFUSED);
	change.testimony = (struct testimony){};
	ck_assert_int_eq(apply(&before, &change).result, CHANGE_DONE);
	SET(change.claimant.run_key, RUN_B);
	ck_assert_int_eq(apply(&before, &change).result, CHANGE_REFUSED);
}
END_TEST

TEST_MAIN(gives_a_machine_for_the_pool_what_it_is_and_nobody,
	  writes_the_claimant_into_what_it_claims_and_launches,
	  never_pools_again_what_a_fork_or_an_exclusive_run_has_had,
	  takes_the_testimony_as_a_beat_and_a_reason_before_the_testimonys,
	  gives_the_records_own_leases_where_it_has_them,
	  keeps_a_lease_beyond_all_time_within_what_a_store_can_hold,
	  frees_the_machine_it_offers_but_remembers_whom_it_served, withdraws_for_good,
	  cuts_the_reason_rather_than_pass_the_write_unit,
	  is_done_already_when_the_record_shows_what_was_asked,
	  never_takes_anothers_success_for_its_own,
	  marks_a_draining_machine_as_the_last_once_and_without_more_time)
