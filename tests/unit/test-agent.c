#include "common/base/text.h"
#include "tests/unit/agent-fixture.h"

/* --- a claim, from its beginning to its end -------------------------------------------------- */

START_TEST(serves_a_claim_and_is_offered_again)
{
	struct world world;
	struct machine record;
	struct registration registration;

	be_idle(&world, NULL);
	world_until(&world, says_ready);
	world_change(&world, TRANSITION_CLAIM);
	world_offer(&world, "job");
	world_until(&world, is_busy);
	record = world_record(&world);
	ck_assert_int_eq(record.state, MACHINE_RUNNING);
	ck_assert_str_eq(world.runner->command, "job");
	ck_assert_uint_eq(world.runner->seq, 1);

	world_job_started(&world);
	world_job_exits(&world, 7);
	ck_assert(is_listening(&world));
	world_until(&world, job_is_done);
	registration = world_look(&world, 1);
	ck_assert_int_eq(registration.job.exit_code, 7);
	ck_assert_str_eq(registration.job.output, "said?this");
	registration_done(&registration);

	world_change(&world, TRANSITION_DRAIN);
	world_until(&world, is_stopping);
	ck_assert_uint_eq(world.runner->stops, 1);
	ck_assert_uint_eq(world.runner->cleans, 0);
	world_stopped(&world);
	ck_assert_uint_eq(world.runner->cleans, 1);
	ck_assert(world_record_is(&world, MACHINE_DRAINING, 1));
	world_cleaned(&world, true, "");
	world_until(&world, is_idle);
	ck_assert(world_record_is(&world, MACHINE_IDLE, 1));
	world_until(&world, says_ready);
	world_done(&world);
}
END_TEST

START_TEST(runs_one_job_after_another)
{
	struct world world;

	be_busy(&world);
	world_job_exits(&world, 0);
	world_until(&world, job_is_done);
	world_submit(&world, "second");
	world_until(&world, is_busy);
	ck_assert_str_eq(world.runner->command, "second");
	ck_assert_uint_eq(world.runner->number, 2);
	ck_assert_uint_eq(world.runner->starts, 2);
	world_done(&world);
}
END_TEST

/* A beat that was made up before the announcement came through would take back what that says. */
START_TEST(holds_its_beats_back_while_it_announces_itself)
{
	struct world world;

	be_idle(&world, NULL);
	world_until(&world, says_ready);
	world_surprise(&world, WORLD_CHANGE, TRANSITION_RUN, world_hold_here);
	world_change(&world, TRANSITION_CLAIM);
	world_offer(&world, NULL);
	world_await_held(&world);
	world_turn_for(&world, 3 * 200 * USEC_PER_MSEC);
	ck_assert_uint_le(world_pending(&world), 2); /* the announcement, and a look */
	world_release(&world);
	world_until(&world, is_listening);
	ck_assert_int_eq(world_record(&world).phase, PHASE_LISTENING);
	world_done(&world);
}
END_TEST

START_TEST(waits_for_the_registration_that_follows_its_claim)
{
	struct world world;

	be_idle(&world, NULL);
	world_change(&world, TRANSITION_CLAIM);
	world_until(&world, is_registering);
	world_offer(&world, NULL);
	world_until(&world, is_listening);
	world_done(&world);
}
END_TEST

START_TEST(ends_a_machine_that_cannot_be_proved_clean)
{
	struct world world;

	be_listening(&world);
	world_change(&world, TRANSITION_DRAIN);
	world_until(&world, is_stopping);
	world_stopped(&world);
	world_cleaned(&world, false, "a process is left");
	world_run_out(&world);
	ck_assert(world_record_is(&world, MACHINE_TERMINATED, 2));
	ck_assert_ptr_nonnull(strstr(world_record(&world).reason, "a process is left"));
	expect_words(&world, "\"why\":\"failed\"");
	world_done(&world);
}
END_TEST

/* A job can leave a file of any name, and its last words are JSON. */
START_TEST(gives_its_reasons_in_utf8_whatever_a_job_has_left)
{
	char reason[RUNNER_TEXT_MAX];
	struct world world;

	for (size_t odd = 0; odd < 2; odd++) {
		(void)snprintf(reason, sizeof(reason), "cannot remove \xff%s", odd ? "x" : "");
		for (size_t i = strlen(reason); i + 3 < sizeof(reason); i += 2)
			memcpy(reason + i, "\xc3\xa4", 3);

		be_listening(&world);
		world_change(&world, TRANSITION_DRAIN);
		world_until(&world, is_stopping);
		world_stopped(&world);
		world_cleaned(&world, false, reason);
		world_run_out(&world);
		ck_assert(text_is_printable(world_record(&world).reason));
		ck_assert_ptr_nonnull(strstr(world_record(&world).reason, "remove ?"));
		expect_words(&world, "remove ?");
		world_done(&world);
	}
}
END_TEST

/* --- its end --------------------------------------------------------------------------------- */

START_TEST(withdraws_and_ends_an_idle_machine_on_sigterm)
{
	struct world world;

	be_idle(&world, NULL);
	terminate(&world);
	world_until(&world, is_stopping);
	world_stopped(&world);
	world_cleaned(&world, true, "");
	world_run_out(&world);
	ck_assert(world_record_is(&world, MACHINE_TERMINATED, 1));
	expect_words(&world, "\"reason\":\"agent: SIGTERM\"");
	world_done(&world);
}
END_TEST

START_TEST(stops_the_job_on_sigterm_and_reports_it_before_it_ends)
{
	struct world world;
	struct registration registration;

	be_busy(&world);
	terminate(&world);
	world_until(&world, is_stopping);
	world_job_exits(&world, 143);
	world_stopped(&world);
	world_cleaned(&world, true, "");
	world_run_out(&world);
	registration = world_look(&world, 1);
	ck_assert_int_eq(registration.job.state, JOB_DONE);
	ck_assert_int_eq(registration.job.exit_code, 143);
	registration_done(&registration);
	ck_assert(world_record_is(&world, MACHINE_TERMINATED, 2));
	world_done(&world);
}
END_TEST

static bool is_marked(struct world *world)
{
	return world_record(world).last;
}

START_TEST(marks_a_draining_machine_that_gets_a_sigterm)
{
	struct world world;

	be_listening(&world);
	world_change(&world, TRANSITION_DRAIN);
	world_until(&world, is_stopping);
	/* What is lost is said again. */
	world.troubles[WORLD_CHANGE].fail = 1;
	terminate(&world);
	world_until(&world, is_marked);
	ck_assert_int_eq(world.troubles[WORLD_CHANGE].fail, 0);
	world_stopped(&world);
	world_cleaned(&world, true, "");
	world_run_out(&world);
	ck_assert(world_record_is(&world, MACHINE_TERMINATED, 2));
	world_done(&world);
}
END_TEST

START_TEST(writes_nothing_once_its_record_says_terminated)
{
	struct world world;
	unsigned changes, items;

	be_busy(&world);
	changes = world.troubles[WORLD_CHANGE].count;
	items = world.troubles[WORLD_ITEM_PUT].count;
	world_change(&world, TRANSITION_TERMINATE);
	world_run_out(&world);
	ck_assert_uint_eq(world.troubles[WORLD_CHANGE].count, changes);
	ck_assert_uint_eq(world.troubles[WORLD_ITEM_PUT].count, items);
	ck_assert_str_eq(world_record(&world).reason, "the test says so");
	world_done(&world);
}
END_TEST

START_TEST(leaves_a_record_alone_that_another_boot_speaks_for)
{
	struct world world;
	struct beat beat = { .id = WORLD_MACHINE, .boot_id = "another", .period_ms = 60000 };
	struct beat_answer answer;

	world_init(&world, NULL);
	beat.phase = PHASE_BOOTING;
	ck_assert_int_eq(world.store->ops->beat(world.store, &beat, &answer, NULL), 0);
	ck_assert(answer.accepted);
	world_start_agent(&world);
	world_run_out(&world);
	ck_assert(world_record_is(&world, MACHINE_CREATED, 0));
	ck_assert_str_eq(world_record(&world).boot_id, "another");
	ck_assert_uint_eq(world.troubles[WORLD_CHANGE].count, 0);
	world_done(&world);
}
END_TEST

START_TEST(takes_over_from_a_boot_that_has_fallen_silent)
{
	struct beat beat = { .id = WORLD_MACHINE, .boot_id = "another", .period_ms = 1 };
	struct beat_answer answer;
	struct world world;

	world_init(&world, NULL);
	beat.phase = PHASE_BOOTING;
	ck_assert_int_eq(world.store->ops->beat(world.store, &beat, &answer, NULL), 0);
	world_jump(&world, SEC);

	/* A look that comes before its first beat gets through still finds the other's name. */
	world.troubles[WORLD_BEAT].fail = 1;
	world_start_agent(&world);
	world_until(&world, is_idle);
	ck_assert_str_eq(world_record(&world).boot_id, WORLD_BOOT);
	world_done(&world);
}
END_TEST

START_TEST(ends_when_no_record_comes_within_boot_time)
{
	static const char *const settings[] = { "boot-time", "1s", "machine", "m-2", NULL };
	_cleanup_item_ struct item item = {};
	struct world world;

	world_init(&world, settings);
	world_start_agent(&world);
	world_run_out(&world);
	ck_assert_int_eq(world.store->ops->item_get(world.store, "m-2", "event", &item, NULL), 0);
	ck_assert_ptr_nonnull(strstr(item.body, "no record within 1s"));
	world_done(&world);
}
END_TEST

START_TEST(ends_when_its_record_is_gone)
{
	struct world world;

	be_idle(&world, NULL);
	world_hold(&world);
	world_change(&world, TRANSITION_TERMINATE);
	ck_assert_int_eq(world.store->ops->forget(world.store, WORLD_MACHINE, 1, NULL), 0);
	world_release(&world);
	world_run_out(&world);
	ck_assert_int_eq(world_record(&world).state, MACHINE_NONE);
	world_done(&world);
}
END_TEST

/* --- deadlines ------------------------------------------------------------------------------- */

START_TEST(withdraws_a_machine_that_was_idle_for_too_long)
{
	struct world world;

	be_idle(&world, NULL);
	world_jump(&world, LEASE_USEC + SEC);
	world_until(&world, is_stopping);
	ck_assert_uint_eq(world.runner->stops, 1);
	ck_assert_ptr_nonnull(strstr(world_status(&world, "reason"), "idle"));
	world_done(&world);
}
END_TEST

START_TEST(ends_itself_a_minute_after_its_threshold)
{
	struct world world;
	struct registration registration;

	be_busy(&world);
	world_jump(&world, LEASE_USEC + GRACE_USEC + SEC);
	world_run_out(&world);
	ck_assert(world_record_is(&world, MACHINE_TERMINATED, 2));
	expect_words(&world, "past its threshold");
	registration = world_look(&world, 1);
	ck_assert_int_eq(registration.job.exit_code, 137);
	registration_done(&registration);
	world_done(&world);
}
END_TEST

static void freeze_beyond_the_deadline(struct world *world)
{
	world_jump(world, LEASE_USEC + GRACE_USEC + SEC);
}

static void freeze_for_a_while(struct world *world)
{
	world_jump(world, 100 * SEC);
}

/* The job is fetched; its answer and the deadline have waited together: the deadline goes first. */
START_TEST(starts_nothing_after_a_freeze_beyond_its_deadline)
{
	struct world world;

	be_listening(&world);
	world_surprise(&world, WORLD_ITEM_PUT, 0, freeze_beyond_the_deadline);
	world_submit(&world, "job");
	world_run_out(&world);
	ck_assert_uint_eq(world.runner->starts, 0);
	ck_assert(world_record_is(&world, MACHINE_TERMINATED, 2));
	world_done(&world);
}
END_TEST

/* The answer that brings the job is older than three periods when it is read. */
START_TEST(starts_nothing_on_the_strength_of_an_old_answer)
{
	struct world world;
	struct registration registration;

	be_listening(&world);
	world_surprise(&world, WORLD_ITEM_PUT, 0, freeze_for_a_while);
	world_submit(&world, "job");
	world_until(&world, job_is_done);
	ck_assert_uint_eq(world.runner->starts, 0);
	registration = world_look(&world, 1);
	ck_assert_int_eq(registration.job.exit_code, JOB_EXIT_WITHDRAWN);
	ck_assert_ptr_nonnull(strstr(registration.job.detail, "not started: the store"));
	registration_done(&registration);

	/* The next one comes in time. */
	world_submit(&world, "second");
	world_until(&world, is_busy);
	ck_assert_uint_eq(world.runner->starts, 1);
	world_done(&world);
}
END_TEST

TEST_MAIN(serves_a_claim_and_is_offered_again, runs_one_job_after_another,
	  holds_its_beats_back_while_it_announces_itself,
	  waits_for_the_registration_that_follows_its_claim,
	  ends_a_machine_that_cannot_be_proved_clean,
	  gives_its_reasons_in_utf8_whatever_a_job_has_left,
	  withdraws_and_ends_an_idle_machine_on_sigterm,
	  stops_the_job_on_sigterm_and_reports_it_before_it_ends,
	  marks_a_draining_machine_that_gets_a_sigterm,
	  writes_nothing_once_its_record_says_terminated,
	  leaves_a_record_alone_that_another_boot_speaks_for,
	  takes_over_from_a_boot_that_has_fallen_silent, ends_when_no_record_comes_within_boot_time,
	  ends_when_its_record_is_gone, withdraws_a_machine_that_was_idle_for_too_long,
	  ends_itself_a_minute_after_its_threshold,
	  starts_nothing_after_a_freeze_beyond_its_deadline,
	  starts_nothing_on_the_strength_of_an_old_answer)
