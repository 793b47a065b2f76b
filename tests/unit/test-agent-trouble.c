#include "tests/unit/agent-fixture.h"

/* --- a store in trouble ---------------------------------------------------------------------- */

START_TEST(stays_responsive_and_says_so_while_the_store_hangs)
{
	struct world world;

	be_busy(&world);
	world_hold(&world);
	world_await_held(&world);
	world_until(&world, has_lost_the_store);
	ck_assert(is_busy(&world));
	ck_assert_uint_eq(world.runner->stops, 0);

	/* The job ends meanwhile: its report waits. */
	world_job_exits(&world, 5);
	world_release(&world);
	world_until(&world, hears_the_store);
	world_until(&world, job_is_done);
	world_done(&world);
}
END_TEST

START_TEST(leaves_in_good_order_while_the_store_hangs_for_ever)
{
	struct world world;

	be_idle(&world, NULL);
	world_hold(&world);
	world_await_held(&world);
	world_jump(&world, LEASE_USEC + GRACE_USEC + SEC);
	world_run_out(&world);
	world_done(&world);
}
END_TEST

START_TEST(says_again_whatever_lost_its_answer)
{
	struct world world;

	world_init(&world, NULL);
	world.troubles[WORLD_CHANGE].lose = 1;
	world_start_agent(&world);
	world_until(&world, is_idle);

	world.troubles[WORLD_CHANGE].lose = 1;
	world_change(&world, TRANSITION_CLAIM);
	world_offer(&world, NULL);
	world_until(&world, is_listening);

	world.troubles[WORLD_CHANGE].fail = 1;
	world.troubles[WORLD_ITEM_GET].fail = 1;
	world_submit(&world, "job");
	world_until(&world, is_busy);
	world_job_exits(&world, 0);

	world_change(&world, TRANSITION_DRAIN);
	world_until(&world, is_stopping);
	world_stopped(&world);
	world.troubles[WORLD_CHANGE].fail = 0;
	world.troubles[WORLD_CHANGE].lose = 1;
	world_cleaned(&world, true, "");
	world_until(&world, is_idle);
	ck_assert(world_record_is(&world, MACHINE_IDLE, 1));
	world_done(&world);
}
END_TEST

START_TEST(starts_no_job_twice_when_its_report_is_lost)
{
	struct world world;
	struct registration registration;

	be_busy(&world);
	world.troubles[WORLD_ITEM_PUT].fail = 2;
	world_job_exits(&world, 5);
	world_until(&world, job_is_done);
	ck_assert_uint_eq(world.runner->starts, 1);
	registration = world_look(&world, 1);
	ck_assert_int_eq(registration.job.exit_code, 5);
	registration_done(&registration);
	world_done(&world);
}
END_TEST

static bool is_cut_off(struct world *world)
{
	return world->opening.count > 1;
}

static bool has_asked_a_few_times_more(struct world *world)
{
	return world->opening.count > 4;
}

/* The bell rings, and nobody can silence it but the store that is away. */
START_TEST(does_not_spin_on_a_bell_that_it_cannot_silence)
{
	enum { MANY = 1000000 };
	struct world world;
	uint64_t begin;

	be_idle(&world, NULL);
	world.troubles[WORLD_BEAT].fail = MANY;
	world.troubles[WORLD_GET].fail = MANY;
	world.opening.fail = MANY;
	world_until(&world, is_cut_off);
	begin = clock_boot_usec(&clock_system);
	world_until(&world, has_asked_a_few_times_more);
	/* Beats come every 200 ms, looks once a second. */
	ck_assert_uint_gt(clock_boot_usec(&clock_system) - begin, 300 * USEC_PER_MSEC);
	world_done(&world);
}
END_TEST

/* --- races ----------------------------------------------------------------------------------- */

static void claim_it(struct world *world)
{
	world_change(world, TRANSITION_CLAIM);
}

static bool is_drained(struct world *world)
{
	return world_record_is(world, MACHINE_DRAINING, 1);
}

START_TEST(hands_back_a_claim_that_was_faster_than_its_withdrawal)
{
	struct world world;

	be_idle(&world, NULL);
	world_surprise(&world, WORLD_CHANGE, TRANSITION_WITHDRAW, claim_it);
	terminate(&world);
	world_until(&world, is_stopping);
	world_until(&world, is_drained);
	ck_assert(world_record(&world).last);
	world_stopped(&world);
	world_cleaned(&world, true, "");
	world_run_out(&world);
	ck_assert(world_record_is(&world, MACHINE_TERMINATED, 2));
	world_done(&world);
}
END_TEST

START_TEST(hands_back_a_claim_that_was_faster_than_its_end)
{
	struct world world;

	be_idle(&world, NULL);
	world_surprise(&world, WORLD_CHANGE, TRANSITION_WITHDRAW, claim_it);
	world_hold(&world);
	terminate(&world);
	world_until(&world, is_stopping);
	world_stopped(&world);
	world_cleaned(&world, true, "");
	ck_assert(is_leaving(&world));
	world_release(&world);
	world_run_out(&world);
	ck_assert(world_record_is(&world, MACHINE_TERMINATED, 2));
	world_done(&world);
}
END_TEST

static void drain_it(struct world *world)
{
	world_change(world, TRANSITION_DRAIN);
}

START_TEST(gives_way_to_a_rollback_that_was_faster_than_its_announcement)
{
	struct world world;

	be_idle(&world, NULL);
	world_surprise(&world, WORLD_CHANGE, TRANSITION_RUN, drain_it);
	world_change(&world, TRANSITION_CLAIM);
	world_offer(&world, "job");
	world_until(&world, is_stopping);
	ck_assert_uint_eq(world.runner->starts, 0);
	world_done(&world);
}
END_TEST

TEST_MAIN(stays_responsive_and_says_so_while_the_store_hangs,
	  leaves_in_good_order_while_the_store_hangs_for_ever, says_again_whatever_lost_its_answer,
	  starts_no_job_twice_when_its_report_is_lost,
	  does_not_spin_on_a_bell_that_it_cannot_silence,
	  hands_back_a_claim_that_was_faster_than_its_withdrawal,
	  hands_back_a_claim_that_was_faster_than_its_end,
	  gives_way_to_a_rollback_that_was_faster_than_its_announcement)
