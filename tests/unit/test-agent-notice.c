/* The agent on a machine that will be taken away. */

#include <stdatomic.h>
#include <unistd.h>

#include "tests/unit/agent-fixture.h"

#define FAR_MS (600 * MSEC_PER_SEC)

/* What the service says, read on the thread that looks. */
static atomic_int spot, rebalance;
static _Atomic uint64_t left_ms; /* until the end of the notice, from the first that saw it */
static _Atomic uint64_t ends_ms;
static atomic_uint looks;
/* The service hangs; and somebody waits for it. */
static atomic_bool hangs, waits;

static void look(void *context, struct notice_look *seen)
{
	const struct clock *clock = context;

	while (hangs) {
		waits = true;
		(void)usleep(1000);
	}
	seen->spot = (enum notice_answer)spot;
	seen->rebalance = (enum notice_answer)rebalance;
	seen->said_ms = clock_wall_ms(clock);
	if (spot == NOTICE_GIVEN && ends_ms == 0)
		ends_ms = seen->said_ms + left_ms;
	seen->ends_ms = ends_ms;
	looks++;
}

static void finish(_unused_ void *context)
{
}

static int open_notices(const struct clock *clock, struct notice_source *ret)
{
	*ret = (struct notice_source){ look, finish, (void *)clock };
	return 0;
}

static void begin(struct world *world)
{
	static const char *const settings[] = { "notice-poll", "200ms", NULL };

	spot = rebalance = NOTICE_NONE;
	left_ms = FAR_MS;
	ends_ms = 0;
	world_init(world, settings);
	world->notices = open_notices;
	world_start_agent(world);
}

static void begin_busy(struct world *world)
{
	begin(world);
	world_until(world, is_idle);
	world_change(world, TRANSITION_CLAIM);
	world_offer(world, "job");
	world_until(world, is_busy);
	world_job_started(world);
}

static void ends_in_good_order(struct world *world, uint64_t seq, const char *words)
{
	world_until(world, is_stopping);
	world_stopped(world);
	world_cleaned(world, true, "");
	world_run_out(world);
	ck_assert(world_record_is(world, MACHINE_TERMINATED, seq));
	expect_words(world, "\"why\":\"drained\"");
	expect_words(world, words);
	ck_assert(agent_is_over(world->agent));
}

static bool is_told(struct world *world)
{
	const char *reason = world_status(world, "reason");

	return strstr(reason, "notice") || strstr(reason, "recommendation");
}

static bool looks_in_vain(struct world *world)
{
	(void)world;
	return waits;
}

static bool has_looked_again(struct world *world)
{
	static unsigned from;

	(void)world;
	if (from == 0)
		from = looks + 2;
	if (looks < from)
		return false;
	from = 0;
	return true;
}

START_TEST(withdraws_an_idle_machine_on_notice)
{
	struct world world;

	begin(&world);
	world_until(&world, is_idle);
	spot = NOTICE_GIVEN;
	ends_in_good_order(&world, 1, "\"reason\":\"agent: spot interruption notice, ends at 20");
	world_done(&world);
}
END_TEST

START_TEST(drains_a_claim_that_runs_no_job_on_notice)
{
	struct world world;

	begin(&world);
	world_until(&world, is_idle);
	world_change(&world, TRANSITION_CLAIM);
	world_offer(&world, NULL);
	world_until(&world, is_listening);
	spot = NOTICE_GIVEN;
	ends_in_good_order(&world, 2, "spot interruption notice");
	world_done(&world);
}
END_TEST

START_TEST(lets_a_job_go_on_and_ends_behind_it)
{
	struct world world;

	begin_busy(&world);
	spot = NOTICE_GIVEN;
	world_until(&world, is_told);
	ck_assert(is_busy(&world));
	ck_assert_uint_eq(world.runner->stops, 0);
	/* It does not have to be told again. */
	hangs = true;
	world_until(&world, looks_in_vain);
	world_job_exits(&world, 0);
	ends_in_good_order(&world, 2, "spot interruption notice");
	hangs = false;
	world_done(&world);
}
END_TEST

START_TEST(ends_a_job_at_the_grace_before_the_end)
{
	struct world world;

	begin_busy(&world);
	left_ms = 47 * MSEC_PER_SEC;
	spot = NOTICE_GIVEN;
	world_until(&world, is_told);
	ck_assert(is_busy(&world));
	world_until(&world, is_stopping);
	ck_assert_uint_eq(world.runner->stops, 1);
	world_job_exits(&world, 143);
	ends_in_good_order(&world, 2, "spot interruption notice");
	world_done(&world);
}
END_TEST

START_TEST(lets_a_claim_be_served_on_a_recommendation)
{
	struct world world;

	begin_busy(&world);
	rebalance = NOTICE_GIVEN;
	world_until(&world, is_told);
	world_job_exits(&world, 0);
	world_until(&world, is_listening);
	world_change(&world, TRANSITION_DRAIN);
	world_until(&world, is_stopping);
	world_stopped(&world);
	world_cleaned(&world, true, "");
	world_run_out(&world);
	ck_assert(world_record_is(&world, MACHINE_TERMINATED, 2));
	world_done(&world);
}
END_TEST

START_TEST(withdraws_an_idle_machine_on_a_recommendation)
{
	struct world world;

	begin(&world);
	world_until(&world, is_idle);
	rebalance = NOTICE_GIVEN;
	ends_in_good_order(&world, 1, "\"reason\":\"agent: rebalance recommendation\"");
	world_done(&world);
}
END_TEST

START_TEST(goes_on_while_nothing_is_known)
{
	struct world world;

	begin(&world);
	world_until(&world, is_idle);
	spot = rebalance = NOTICE_UNKNOWN;
	world_until(&world, has_looked_again);
	ck_assert(is_idle(&world));
	ck_assert(world_record_is(&world, MACHINE_IDLE, 0));
	world_done(&world);
}
END_TEST

START_TEST(hears_a_notice_while_the_store_hangs)
{
	struct world world;

	begin_busy(&world);
	world_hold(&world);
	world_await_held(&world);
	spot = NOTICE_GIVEN;
	world_until(&world, is_told);
	world_release(&world);
	world_done(&world);
}
END_TEST

START_TEST(may_be_started_again_when_it_left_before_it_saw_a_record)
{
	struct world world;

	begin(&world);
	world_hold(&world);
	world_await_held(&world);
	terminate(&world);
	world_release(&world);
	world_run_out(&world);
	ck_assert(!agent_is_over(world.agent));
	world_done(&world);
}
END_TEST

TEST_MAIN(withdraws_an_idle_machine_on_notice, drains_a_claim_that_runs_no_job_on_notice,
	  lets_a_job_go_on_and_ends_behind_it, ends_a_job_at_the_grace_before_the_end,
	  lets_a_claim_be_served_on_a_recommendation, withdraws_an_idle_machine_on_a_recommendation,
	  goes_on_while_nothing_is_known, hears_a_notice_while_the_store_hangs,
	  may_be_started_again_when_it_left_before_it_saw_a_record)
