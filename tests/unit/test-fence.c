#include "agent/fence.h"
#include "agent/lifecycle.h"
#include "tests/test.h"

#define START (1000 * USEC_PER_SEC)
#define BOOT_TIME (600 * USEC_PER_SEC)
#define NOW_MS 1800000000000ULL
#define HOUR_MS 3600000ULL
#define GRACE (AGENT_GRACE_MS * USEC_PER_MSEC)
#define PERIOD (5 * USEC_PER_SEC)

static struct fence fence_new(void)
{
	struct fence fence;

	fence_init(&fence, START, BOOT_TIME);
	return fence;
}

static struct machine lease(uint64_t left_ms)
{
	return (struct machine){ .state = MACHINE_CLAIMED,
				 .seq = 3,
				 .threshold_ms = NOW_MS + left_ms };
}

START_TEST(ends_at_boot_time_without_a_record)
{
	struct fence fence = fence_new();

	ck_assert_uint_eq(fence_next_usec(&fence), START + BOOT_TIME);
	ck_assert_int_eq(fence_check(&fence, START + BOOT_TIME - 1), FENCE_CALM);
	ck_assert_int_eq(fence_check(&fence, START + BOOT_TIME), FENCE_DEADLINE);
}
END_TEST

START_TEST(counts_a_lease_from_when_it_was_asked_for)
{
	struct fence fence = fence_new();
	struct machine record = lease(30000);

	fence_read(&fence, &record, START + 7, NOW_MS);
	ck_assert_uint_eq(fence_threshold_usec(&fence), START + 7 + 30 * USEC_PER_SEC);
	ck_assert_uint_eq(fence_deadline_usec(&fence), START + 7 + 30 * USEC_PER_SEC + GRACE);
}
END_TEST

START_TEST(tells_the_threshold_once_and_the_deadline_always)
{
	struct fence fence = fence_new();
	struct machine record = lease(1000);
	uint64_t threshold = START + USEC_PER_SEC;

	fence_read(&fence, &record, START, NOW_MS);
	ck_assert_int_eq(fence_check(&fence, threshold - 1), FENCE_CALM);
	ck_assert_uint_eq(fence_next_usec(&fence), threshold);
	ck_assert_int_eq(fence_check(&fence, threshold), FENCE_THRESHOLD);
	ck_assert_int_eq(fence_check(&fence, threshold), FENCE_CALM);
	ck_assert_uint_eq(fence_next_usec(&fence), threshold + GRACE);
	ck_assert_int_eq(fence_check(&fence, threshold + GRACE), FENCE_DEADLINE);
	ck_assert_int_eq(fence_check(&fence, threshold + GRACE), FENCE_DEADLINE);
}
END_TEST

START_TEST(goes_straight_to_the_deadline_after_a_long_freeze)
{
	struct fence fence = fence_new();
	struct machine record = lease(1000);

	fence_read(&fence, &record, START, NOW_MS);
	ck_assert_int_eq(fence_check(&fence, START + 3600 * USEC_PER_SEC), FENCE_DEADLINE);
}
END_TEST

START_TEST(believes_a_renewal_in_both_directions)
{
	struct fence fence = fence_new();
	struct machine record = lease(1000);

	fence_read(&fence, &record, START, NOW_MS);
	ck_assert_int_eq(fence_check(&fence, START + USEC_PER_SEC), FENCE_THRESHOLD);

	record = lease(60000);
	fence_read(&fence, &record, START + USEC_PER_SEC, NOW_MS + 1000);
	ck_assert_uint_eq(fence_threshold_usec(&fence), START + 60 * USEC_PER_SEC);
	ck_assert_int_eq(fence_check(&fence, START + 60 * USEC_PER_SEC), FENCE_THRESHOLD);

	record = lease(30000);
	fence_read(&fence, &record, START + USEC_PER_SEC, NOW_MS + 1000);
	ck_assert_uint_eq(fence_threshold_usec(&fence), START + 30 * USEC_PER_SEC);
}
END_TEST

START_TEST(does_not_let_a_store_clock_that_went_back_lengthen_a_lease)
{
	struct fence fence = fence_new();
	struct machine record = lease(10000);

	fence_read(&fence, &record, START, NOW_MS);
	fence_read(&fence, &record, START + USEC_PER_SEC, NOW_MS - HOUR_MS);
	ck_assert_uint_eq(fence_threshold_usec(&fence), START + 10 * USEC_PER_SEC);

	/* Forward counts: whoever reaps goes by the same clock. */
	fence_read(&fence, &record, START + USEC_PER_SEC, NOW_MS + 9000);
	ck_assert_uint_eq(fence_threshold_usec(&fence), START + 2 * USEC_PER_SEC);
}
END_TEST

START_TEST(gives_no_more_time_to_who_hears_late_that_it_has_passed)
{
	struct fence fence = fence_new();
	struct machine record = lease(0);

	fence_read(&fence, &record, START, NOW_MS + 50000);
	ck_assert_uint_eq(fence_deadline_usec(&fence), START - 50 * USEC_PER_SEC + GRACE);

	/* Longer ago than this host is up. */
	record.seq++;
	fence_read(&fence, &record, START, NOW_MS + HOUR_MS);
	ck_assert_uint_eq(fence_deadline_usec(&fence), GRACE);
	ck_assert_int_eq(fence_check(&fence, START), FENCE_DEADLINE);
}
END_TEST

START_TEST(limits_a_lease_that_no_honest_record_has)
{
	struct fence fence = fence_new();
	struct machine record = { .state = MACHINE_IDLE, .threshold_ms = UINT64_MAX };

	fence_read(&fence, &record, START, NOW_MS);
	ck_assert_uint_eq(fence_threshold_usec(&fence), START + FENCE_LEASE_MAX_MS * USEC_PER_MSEC);

	record.threshold_ms = 0;
	fence_read(&fence, &record, START, NOW_MS);
	ck_assert_uint_eq(fence_threshold_usec(&fence), 0);
}
END_TEST

START_TEST(takes_no_new_work_when_the_store_has_been_silent_for_three_periods)
{
	struct fence fence = fence_new();
	struct machine record = lease(600000);

	ck_assert(!fence_may_start(&fence, START, PERIOD));
	fence_read(&fence, &record, START, NOW_MS);
	fence_hear(&fence, START + USEC_PER_SEC);
	ck_assert(fence_may_start(&fence, START + USEC_PER_SEC + 3 * PERIOD, PERIOD));
	ck_assert(!fence_may_start(&fence, START + USEC_PER_SEC + 3 * PERIOD + 1, PERIOD));
	ck_assert(!fence_store_is_fresh(&fence, START + USEC_PER_SEC + 3 * PERIOD + 1, PERIOD));

	/* An answer to an old question is old. */
	fence_hear(&fence, START);
	ck_assert(!fence_may_start(&fence, START + USEC_PER_SEC + 3 * PERIOD + 1, PERIOD));
}
END_TEST

START_TEST(takes_no_new_work_past_the_threshold)
{
	struct fence fence = fence_new();
	struct machine record = lease(2000);

	fence_read(&fence, &record, START, NOW_MS);
	fence_hear(&fence, START + 2 * USEC_PER_SEC);
	ck_assert(fence_may_start(&fence, START + 2 * USEC_PER_SEC - 1, PERIOD));
	ck_assert(!fence_may_start(&fence, START + 2 * USEC_PER_SEC, PERIOD));
}
END_TEST

TEST_MAIN(ends_at_boot_time_without_a_record, counts_a_lease_from_when_it_was_asked_for,
	  tells_the_threshold_once_and_the_deadline_always,
	  goes_straight_to_the_deadline_after_a_long_freeze, believes_a_renewal_in_both_directions,
	  does_not_let_a_store_clock_that_went_back_lengthen_a_lease,
	  gives_no_more_time_to_who_hears_late_that_it_has_passed,
	  limits_a_lease_that_no_honest_record_has,
	  takes_no_new_work_when_the_store_has_been_silent_for_three_periods,
	  takes_no_new_work_past_the_threshold)
