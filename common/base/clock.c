#include "common/base/clock.h"

#include <errno.h>
#include <time.h>

#define NSEC_PER_USEC 1000ULL
#define NSEC_PER_MSEC 1000000ULL

static uint64_t system_wall_ms(_unused_ const struct clock *clock)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec < 0)
		return 0;
	return (uint64_t)now.tv_sec * MSEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_MSEC;
}

static uint64_t system_boot_usec(_unused_ const struct clock *clock)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

static int system_sleep_until(_unused_ const struct clock *clock, uint64_t boot_usec)
{
	const struct timespec until = {
		.tv_sec = (time_t)(boot_usec / USEC_PER_SEC),
		.tv_nsec = (long)(boot_usec % USEC_PER_SEC * NSEC_PER_USEC),
	};
	int error;

	error = clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &until, NULL);
	if (error == EINTR)
		return 1;
	return -error;
}

static const struct clock_ops system_ops = {
	.name = "system",
	.wall_ms = system_wall_ms,
	.boot_usec = system_boot_usec,
	.sleep_until = system_sleep_until,
};

const struct clock clock_system = { .ops = &system_ops };

struct deadline deadline_in(const struct clock *clock, uint64_t usec)
{
	struct deadline deadline;

	if (__builtin_add_overflow(clock_boot_usec(clock), usec, &deadline.at_usec))
		deadline.at_usec = DEADLINE_NEVER;
	return deadline;
}

int clock_sleep(const struct clock *clock, uint64_t usec)
{
	return clock->ops->sleep_until(clock, deadline_in(clock, usec).at_usec);
}

bool deadline_passed(const struct deadline *deadline, const struct clock *clock)
{
	return deadline_left_usec(deadline, clock) == 0;
}

uint64_t deadline_left_usec(const struct deadline *deadline, const struct clock *clock)
{
	uint64_t now;

	if (deadline->at_usec == DEADLINE_NEVER)
		return UINT64_MAX;

	now = clock_boot_usec(clock);
	return now < deadline->at_usec ? deadline->at_usec - now : 0;
}
