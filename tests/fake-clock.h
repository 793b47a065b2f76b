#pragma once

/* A clock that stands still until a test, or somebody who sleeps, moves it. */

#include "common/base/clock.h"

#define FAKE_WALL_MS 1800000000000ULL
#define FAKE_BOOT_USEC (100 * USEC_PER_SEC)

struct fake_clock {
	struct clock clock;
	uint64_t now_wall_ms;
	uint64_t now_boot_usec;
};

static inline uint64_t fake_wall_ms(const struct clock *clock)
{
	return container_of(clock, const struct fake_clock, clock)->now_wall_ms;
}

static inline uint64_t fake_boot_usec(const struct clock *clock)
{
	return container_of(clock, const struct fake_clock, clock)->now_boot_usec;
}

static inline void fake_advance(struct fake_clock *fake, uint64_t ms)
{
	fake->now_wall_ms += ms;
	fake->now_boot_usec += ms * USEC_PER_MSEC;
}

static inline int fake_sleep_until(const struct clock *clock, uint64_t boot_usec)
{
	/* The clock belongs to the test, which did not make it const. */
	struct fake_clock *fake =
		(struct fake_clock *)container_of(clock, struct fake_clock, clock);

	if (boot_usec > fake->now_boot_usec)
		fake_advance(fake, (boot_usec - fake->now_boot_usec) / USEC_PER_MSEC + 1);
	return 0;
}

static inline const struct clock_ops *fake_clock_ops(void)
{
	static const struct clock_ops ops = {
		.name = "fake",
		.wall_ms = fake_wall_ms,
		.boot_usec = fake_boot_usec,
		.sleep_until = fake_sleep_until,
	};

	return &ops;
}

static inline struct fake_clock fake_clock_new(void)
{
	return (struct fake_clock){
		.clock.ops = fake_clock_ops(),
		.now_wall_ms = FAKE_WALL_MS,
		.now_boot_usec = FAKE_BOOT_USEC,
	};
}
