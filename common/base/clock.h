#pragma once

/* Time as something passed in, so that tests and simulations own it. Decisions take `now` as a
 * parameter; only edges hold a clock. */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/macro.h"

struct clock;

struct clock_ops {
	const char *name;

	/* Milliseconds since the epoch as this host believes them; may jump. */
	uint64_t (*wall_ms)(const struct clock *clock);

	/* Microseconds since boot, suspend included (CLOCK_BOOTTIME); never jumps. */
	uint64_t (*boot_usec)(const struct clock *clock);

	/* Blocks until boot_usec() has reached the given time. 1 when cut short by a signal. */
	int (*sleep_until)(const struct clock *clock, uint64_t boot_usec);
};

struct clock {
	const struct clock_ops *ops;
};

/* The kernel's clocks. */
extern const struct clock clock_system;

static inline uint64_t clock_wall_ms(const struct clock *clock)
{
	return clock->ops->wall_ms(clock);
}

static inline uint64_t clock_boot_usec(const struct clock *clock)
{
	return clock->ops->boot_usec(clock);
}

/* Blocks for a while; 1 when a signal came first. */
int clock_sleep(const struct clock *clock, uint64_t usec);

/* A point in boot time by which something must be done. DEADLINE_NEVER never comes. */
#define DEADLINE_NEVER UINT64_MAX
struct deadline {
	uint64_t at_usec;
};

struct deadline deadline_in(const struct clock *clock, uint64_t usec);
bool deadline_passed(const struct deadline *deadline, const struct clock *clock);
/* 0 when passed; UINT64_MAX for never. */
uint64_t deadline_left_usec(const struct deadline *deadline, const struct clock *clock);
