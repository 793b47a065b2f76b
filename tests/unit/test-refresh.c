#include "common/base/io.h"

#include "controller/refresh.h"
#include "controller/release.h"
#include "tests/test.h"

#define NOW 1000000000ULL
#define GRACE 120000ULL

static const struct refresh_view view = { .now_ms = NOW, .leases = { .reap_grace_ms = GRACE } };

static struct refresh_row row(enum machine_state state, uint64_t threshold_ms)
{
	return (struct refresh_row){
		.machine = {
			.id = "m",
			.state = state,
			.seq = 2,
			.threshold_ms = threshold_ms,
			.phase = PHASE_READY,
			.phase_seq = 2,
			.beat_ms = NOW - 1000,
			.beat_period_ms = 5000,
		},
	};
}

START_TEST(reaps_only_on_proof)
{
	struct {
		enum machine_state state;
		enum machine_phase phase;
		enum presence presence;
		uint64_t phase_seq, threshold_ms;
		bool last, over;
		enum verdict_on_machine verdict;
		enum ending ending;
	} cases[] = {
		{ MACHINE_IDLE, PHASE_READY, 0, 2, NOW + 1, 0, 0, REFRESH_KEEP, 0 },
		{ MACHINE_IDLE, PHASE_READY, 0, 2, NOW - GRACE, 0, 0, REFRESH_KEEP, 0 },
		{ MACHINE_IDLE, PHASE_READY, 0, 2, NOW - GRACE - 1, 0, 0, REFRESH_TERMINATE,
		  ENDING_EXPIRED },
		{ MACHINE_RUNNING, PHASE_BUSY, PRESENCE_UNKNOWN, 2, NOW + 1, 0, 0, REFRESH_KEEP,
		  0 },
		{ MACHINE_RUNNING, PHASE_BUSY, PRESENCE_GONE, 2, NOW + 1, 0, 0, REFRESH_TERMINATE,
		  ENDING_GONE },
		{ MACHINE_RUNNING, PHASE_BUSY, 0, 2, NOW + 1, 0, 1, REFRESH_DRAIN, 0 },
		{ MACHINE_CLAIMED, PHASE_READY, 0, 1, NOW + 1, 0, 1, REFRESH_DRAIN, 0 },
		{ MACHINE_DRAINING, PHASE_DRAINING, 0, 2, NOW + 1, 0, 1, REFRESH_KEEP, 0 },
		{ MACHINE_DRAINING, PHASE_CLEAN, 0, 2, NOW + 1, 1, 0, REFRESH_TERMINATE,
		  ENDING_DRAINED },
		{ MACHINE_DRAINING, PHASE_CLEAN, 0, 1, NOW + 1, 1, 0, REFRESH_KEEP, 0 },
		{ MACHINE_DRAINING, PHASE_CLEAN, 0, 2, NOW + 1, 0, 0, REFRESH_KEEP, 0 },
		{ MACHINE_DRAINING, PHASE_FAILED, 0, 2, NOW + 1, 0, 0, REFRESH_TERMINATE,
		  ENDING_FAILED },
		{ MACHINE_DRAINING, PHASE_FAILED, 0, 1, NOW + 1, 0, 0, REFRESH_KEEP, 0 },
		{ MACHINE_TERMINATED, 0, PRESENCE_THERE, 0, NOW, 0, 0, REFRESH_TEARDOWN, 0 },
		{ MACHINE_TERMINATED, 0, PRESENCE_UNKNOWN, 0, 0, 0, 0, REFRESH_KEEP, 0 },
		{ MACHINE_TERMINATED, 0, PRESENCE_GONE, 0, NOW, 0, 0, REFRESH_KEEP, 0 },
		{ MACHINE_TERMINATED, 0, PRESENCE_GONE, 0, NOW - 86400001, 0, 0, REFRESH_FORGET,
		  0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct refresh_row r = row(cases[i].state, cases[i].threshold_ms);

		r.machine.phase = cases[i].phase;
		r.machine.phase_seq = cases[i].phase_seq;
		r.machine.last = cases[i].last;
		r.presence = cases[i].presence;
		refresh_judge(&r, &view, cases[i].over);
		ck_assert_msg(r.verdict == cases[i].verdict, "case %zu: %s", i,
			      refresh_names[r.verdict]);
		ck_assert_msg(r.ending == cases[i].ending, "case %zu", i);
	}
}
END_TEST

START_TEST(offers_again_what_has_waited_for_half_of_its_time)
{
	const struct refresh_view v = {
		.now_ms = NOW,
		.leases = { .idle_ms = 400000, .claim_slack_ms = 30000 },
	};
	const struct {
		enum machine_state state;
		uint64_t left_ms, idle_ms, beat_ms;
		bool last, due;
	} cases[] = {
		{ MACHINE_IDLE, 199999, 0, NOW, 0, true },
		{ MACHINE_IDLE, 200000, 0, NOW, 0, false },
		{ MACHINE_IDLE, 199999, 600000, NOW, 0, true }, /* the record's own lease */
		{ MACHINE_IDLE, 250000, 600000, NOW, 0, true },
		{ MACHINE_IDLE, 50000, 100000, NOW, 0, false },
		{ MACHINE_IDLE, 30001, 0, NOW, 0, true },
		{ MACHINE_IDLE, 30000, 0, NOW, 0, false }, /* nobody would claim it */
		{ MACHINE_IDLE, 199999, 0, NOW - 15001, 0, false },
		{ MACHINE_IDLE, 199999, 0, NOW, 1, false },
		{ MACHINE_CLAIMED, 199999, 0, NOW, 0, false },
		{ MACHINE_DRAINING, 199999, 0, NOW, 0, false },
		{ MACHINE_CREATED, 199999, 0, NOW, 0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct machine machine = row(cases[i].state, NOW + cases[i].left_ms).machine;

		machine.idle_ms = cases[i].idle_ms;
		machine.beat_ms = cases[i].beat_ms;
		machine.last = cases[i].last;
		ck_assert_msg(refresh_offers(&machine, &v) == cases[i].due, "case %zu", i);
	}
}
END_TEST

START_TEST(holds_still_when_many_fall_silent_at_once)
{
	struct refresh_row rows[8];
	struct refresh_view holding = view;

	for (size_t i = 0; i < 8; i++)
		rows[i] = row(MACHINE_IDLE, NOW - GRACE - 1);
	ck_assert(!refresh_holds_still(rows, 8, NOW));
	for (size_t i = 0; i < 5; i++)
		rows[i].machine.beat_ms = NOW - 15001;
	ck_assert(refresh_holds_still(rows, 8, NOW));

	holding.hold_still = true;
	refresh_judge(&rows[0], &holding, false);
	ck_assert_int_eq(rows[0].verdict, REFRESH_HOLD);

	/* Positive evidence is no reason to hold still, and is acted on all the same. */
	for (size_t i = 0; i < 5; i++)
		rows[i].presence = PRESENCE_GONE;
	ck_assert(!refresh_holds_still(rows, 8, NOW));
	refresh_judge(&rows[0], &holding, false);
	ck_assert_int_eq(rows[0].ending, ENDING_GONE);
}
END_TEST

START_TEST(leaves_idle_machines_of_another_image_to_their_idle_time)
{
	static const struct {
		const char *record, *today;
		bool outdated;
	} cases[] = {
		{ "ami-1", "ami-2", true },   { "ami-1", "ami-1", false },
		{ "ami-1", "", false },       { "ami-1", NULL, false },
		{ "", "ami-2", false },       { "lt-1:4", "ami-2", false },
		{ "ami-1", "lt-1:4", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct refresh_row r = row(MACHINE_IDLE, NOW + 1);
		struct refresh_view today = view;

		ck_assert_int_eq(
			str_copy(r.machine.image, sizeof(r.machine.image), cases[i].record), 0);
		today.image = cases[i].today;
		ck_assert_msg(machine_is_outdated(&r.machine, today.image) == cases[i].outdated,
			      "case %zu", i);
		refresh_judge(&r, &today, false);
		ck_assert_int_eq(r.verdict, REFRESH_KEEP);
		ck_assert_str_eq(r.why, cases[i].outdated ? "its image is outdated" : "");
	}
}
END_TEST

START_TEST(does_not_hold_still_for_a_few)
{
	struct refresh_row rows[3];

	for (size_t i = 0; i < 3; i++) {
		rows[i] = row(MACHINE_IDLE, NOW - GRACE - 1);
		rows[i].machine.beat_ms = NOW - 15001;
	}
	ck_assert(!refresh_holds_still(rows, 3, NOW));
}
END_TEST

START_TEST(ends_what_never_got_a_record_after_boot_time_and_grace)
{
	const struct refresh_view booting = {
		.now_ms = NOW,
		.leases = { .boot_ms = 600000, .reap_grace_ms = GRACE },
	};
	struct handle handle = { .id = "m" };

	ck_assert(!orphan_is_overdue(&handle, &booting));
	handle.launched_ms = NOW - 600000 - GRACE;
	ck_assert(!orphan_is_overdue(&handle, &booting));
	handle.launched_ms--;
	ck_assert(orphan_is_overdue(&handle, &booting));
}
END_TEST

START_TEST(release_knows_the_end_of_a_claim)
{
	struct machine machine = row(MACHINE_RUNNING, NOW).machine;
	const char *key = "r-1-default";

	ck_assert_int_eq(str_copy(machine.run_key, sizeof(machine.run_key), key), 0);
	ck_assert_int_eq(release_judge(&machine, key, 2), RELEASE_PENDING);
	machine.state = MACHINE_DRAINING;
	ck_assert_int_eq(release_judge(&machine, key, 2), RELEASE_PENDING);
	machine.state = MACHINE_IDLE;
	machine.run_key[0] = '\0';
	ck_assert_int_eq(release_judge(&machine, key, 2), RELEASE_CLEAN);
	/* Claimed by the next run before we looked again. */
	machine.state = MACHINE_RUNNING;
	machine.seq = 3;
	ck_assert_int_eq(str_copy(machine.run_key, sizeof(machine.run_key), "r-2-default"), 0);
	ck_assert_int_eq(release_judge(&machine, key, 2), RELEASE_CLEAN);
	machine.state = MACHINE_TERMINATED;
	machine.phase = PHASE_FAILED;
	ck_assert_int_eq(release_judge(&machine, key, 2), RELEASE_ENDED);
	machine.phase = PHASE_CLEAN;
	machine.phase_seq = 2;
	ck_assert_int_eq(release_judge(&machine, key, 2), RELEASE_CLEAN);
	machine.state = MACHINE_NONE;
	ck_assert_int_eq(release_judge(&machine, key, 2), RELEASE_ENDED);
}
END_TEST

TEST_MAIN(leaves_idle_machines_of_another_image_to_their_idle_time,
	  offers_again_what_has_waited_for_half_of_its_time, reaps_only_on_proof,
	  holds_still_when_many_fall_silent_at_once, does_not_hold_still_for_a_few,
	  ends_what_never_got_a_record_after_boot_time_and_grace, release_knows_the_end_of_a_claim)
