/* What a notice changes in the agent's life; the single steps are in test-lifecycle.c. */

#include "agent/lifecycle.h"
#include "tests/test.h"

#define BOOT "11111111-2222-4333-8444-555555555555"

START_TEST(offers_no_machine_whose_notice_came_before_its_record)
{
	const struct machine record = { .state = MACHINE_CREATED, .seq = 1 };
	struct lifecycle life = { .boot_id = BOOT };

	(void)lifecycle_step(&life, EVENT_NOTICE, NULL);
	ck_assert_uint_eq(lifecycle_step(&life, EVENT_RECORD_CREATED, &record),
			  ACTION_WRITE_WITHDRAW | ACTION_STOP);
	ck_assert_int_eq(life.state, AGENT_STOPPING);
	ck_assert(!life.offered);
}
END_TEST

START_TEST(ends_for_good_behind_a_job_that_a_notice_let_go_on)
{
	struct lifecycle life = { .state = AGENT_BUSY, .seq = 3, .boot_id = BOOT };

	ck_assert_uint_eq(lifecycle_step(&life, EVENT_NOTICE, NULL), 0);
	ck_assert_int_eq(life.state, AGENT_BUSY);
	(void)lifecycle_step(&life, EVENT_JOB_ENDED, NULL);
	ck_assert_uint_eq(lifecycle_step(&life, EVENT_NOTICE, NULL),
			  ACTION_WRITE_DRAIN | ACTION_STOP);
	(void)lifecycle_step(&life, EVENT_STOPPED, NULL);
	ck_assert_uint_eq(lifecycle_step(&life, EVENT_CLEANED, NULL), ACTION_WRITE_END);
}
END_TEST

TEST_MAIN(offers_no_machine_whose_notice_came_before_its_record,
	  ends_for_good_behind_a_job_that_a_notice_let_go_on)
