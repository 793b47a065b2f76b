#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "common/base/clock.h"
#include "tests/test.h"

struct fake_clock {
	struct clock clock;
	uint64_t now_usec;
	uint64_t *slept_until;
};

static uint64_t fake_boot_usec(const struct clock *clock)
{
	return container_of(clock, struct fake_clock, clock)->now_usec;
}

static int fake_sleep_until(const struct clock *clock, uint64_t boot_usec)
{
	*container_of(clock, struct fake_clock, clock)->slept_until = boot_usec;
	return 0;
}

static const struct clock_ops fake_ops = {
	.name = "fake",
	.boot_usec = fake_boot_usec,
	.sleep_until = fake_sleep_until,
};

static struct fake_clock fake_at(uint64_t now_usec)
{
	return (struct fake_clock){ .clock.ops = &fake_ops, .now_usec = now_usec };
}

START_TEST(passes_a_deadline_at_its_very_microsecond)
{
	struct fake_clock fake = fake_at(1000);
	struct deadline deadline = deadline_in(&fake.clock, 50);

	ck_assert_uint_eq(deadline.at_usec, 1050);
	ck_assert_uint_eq(deadline_left_usec(&deadline, &fake.clock), 50);
	fake.now_usec = 1049;
	ck_assert(!deadline_passed(&deadline, &fake.clock));
	ck_assert_uint_eq(deadline_left_usec(&deadline, &fake.clock), 1);
	fake.now_usec = 1050;
	ck_assert(deadline_passed(&deadline, &fake.clock));
	ck_assert_uint_eq(deadline_left_usec(&deadline, &fake.clock), 0);
	fake.now_usec = 5000;
	ck_assert(deadline_passed(&deadline, &fake.clock));
	ck_assert_uint_eq(deadline_left_usec(&deadline, &fake.clock), 0);
}
END_TEST

START_TEST(has_passed_at_once_when_no_time_is_given)
{
	struct fake_clock fake = fake_at(1000);
	struct deadline deadline = deadline_in(&fake.clock, 0);

	ck_assert(deadline_passed(&deadline, &fake.clock));
}
END_TEST

START_TEST(never_comes_when_it_lies_beyond_all_time)
{
	static const uint64_t waits[] = { UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - 1000 };
	struct fake_clock fake = fake_at(1000);

	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		struct deadline deadline = deadline_in(&fake.clock, waits[i]);
		struct fake_clock late = fake_at(UINT64_MAX);

		ck_assert_uint_eq(deadline.at_usec, DEADLINE_NEVER);
		ck_assert(!deadline_passed(&deadline, &fake.clock));
		ck_assert(!deadline_passed(&deadline, &late.clock));
		ck_assert_uint_eq(deadline_left_usec(&deadline, &fake.clock), UINT64_MAX);
	}
}
END_TEST

START_TEST(sleeps_until_a_point_in_time)
{
	struct fake_clock fake = fake_at(1000);
	uint64_t until = 0;

	fake.slept_until = &until;
	ck_assert_int_eq(clock_sleep(&fake.clock, 500), 0);
	ck_assert_uint_eq(until, 1500);
	ck_assert_int_eq(clock_sleep(&fake.clock, UINT64_MAX), 0);
	ck_assert_uint_eq(until, UINT64_MAX);
}
END_TEST

START_TEST(tells_the_time_of_the_kernel)
{
	uint64_t boot = clock_boot_usec(&clock_system), later;
	time_t before = time(NULL);
	uint64_t wall = clock_wall_ms(&clock_system);
	time_t after = time(NULL);
	struct timespec up;

	ck_assert_uint_ge(wall / MSEC_PER_SEC, (uint64_t)before);
	ck_assert_uint_le(wall / MSEC_PER_SEC, (uint64_t)after);

	ck_assert_int_eq(clock_gettime(CLOCK_BOOTTIME, &up), 0);
	later = clock_boot_usec(&clock_system);
	ck_assert_uint_le(boot / USEC_PER_SEC, (uint64_t)up.tv_sec);
	ck_assert_uint_ge(later / USEC_PER_SEC, (uint64_t)up.tv_sec);
	ck_assert_uint_ge(later, boot);
}
END_TEST

START_TEST(sleeps_no_shorter_than_it_was_told)
{
	uint64_t start = clock_boot_usec(&clock_system);

	ck_assert_int_eq(clock_sleep(&clock_system, 2 * USEC_PER_MSEC), 0);
	ck_assert_uint_ge(clock_boot_usec(&clock_system), start + 2 * USEC_PER_MSEC);
	ck_assert_int_eq(clock_system.ops->sleep_until(&clock_system, 0), 0);
}
END_TEST

static void on_alarm(_unused_ int number)
{
}

START_TEST(wakes_up_for_a_signal)
{
	const struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	/* Again and again, as the first may come before the sleep has begun. */
	const struct itimerval often = { { 0, 5000 }, { 0, 5000 } };
	const struct itimerval off = {};

	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	ck_assert_int_eq(clock_sleep(&clock_system, 60 * USEC_PER_SEC), 1);
	ck_assert_int_eq(clock_sleep(&clock_system, UINT64_MAX), 1);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &off, NULL), 0);
}
END_TEST

TEST_MAIN(passes_a_deadline_at_its_very_microsecond, has_passed_at_once_when_no_time_is_given,
	  never_comes_when_it_lies_beyond_all_time, sleeps_until_a_point_in_time,
	  tells_the_time_of_the_kernel, sleeps_no_shorter_than_it_was_told, wakes_up_for_a_signal)
