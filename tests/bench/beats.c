/*
 * beats STORE N: what an agent asks of the store most often: N beats of one machine, and N looks at
 * its record, at most 100 a second. Prints what one of them takes: CPU time, calls, capacity units.
 * With N 0 it only makes the machine "agent", created, for an agent to take.
 */

#include <err.h>
#include <stdio.h>
#include <sys/resource.h>

#include "common/base/io.h"
#include "common/base/parse.h"
#include "common/store/store-dynamodb.h"
#include "tests/bench/bench-kit.h"

#define IDLE_MS (3600 * MSEC_PER_SEC)
#define PACE_USEC (10 * USEC_PER_MSEC)

static double to_ms(const struct timeval *time)
{
	return (double)time->tv_sec * 1e3 + (double)time->tv_usec / 1e3;
}

static void beat(struct store *store)
{
	const struct beat beat = {
		.id = "m-0",
		.phase = PHASE_READY,
		.period_ms = BEAT_PERIOD_DEFAULT_MS,
		.boot_id = BENCH_BOOT_ID,
		.version = PADDOCK_VERSION,
	};
	struct beat_answer answer;
	struct fault fault = {};

	bench_check(store->ops->beat(store, &beat, &answer, &fault), &fault);
	if (!answer.accepted)
		errx(1, "a beat was refused");
}

static void look(struct store *store)
{
	struct machine machine;
	struct fault fault = {};

	bench_check(store_get_one(store, "m-0", &machine, &fault), &fault);
}

static void measure(struct store *store, const char *what, void (*act)(struct store *store),
		    uint64_t n)
{
	struct dynamodb_usage before, after;
	struct rusage start, end;
	double user_ms, system_ms;
	char cpu[64], units[64];

	(void)snprintf(cpu, sizeof(cpu), "CPU of a %s", what);
	(void)snprintf(units, sizeof(units), "  capacity of a %s", what);
	act(store);
	before = store_dynamodb_usage(store);
	(void)getrusage(RUSAGE_SELF, &start);
	for (uint64_t i = 0; i < n; i++) {
		act(store);
		(void)clock_sleep(&clock_system, PACE_USEC);
	}
	(void)getrusage(RUSAGE_SELF, &end);
	after = store_dynamodb_usage(store);
	user_ms = (to_ms(&end.ru_utime) - to_ms(&start.ru_utime)) / (double)n;
	system_ms = (to_ms(&end.ru_stime) - to_ms(&start.ru_stime)) / (double)n;
	printf("%s\t%.3f\tms\tuser %.3f, system %.3f; mean of %llu, 100/s at most\n", cpu,
	       user_ms + system_ms, user_ms, system_ms, (unsigned long long)n);
	bench_report("  calls", (double)(after.calls - before.calls) / (double)n, "", "");
	bench_report(units,
		     (double)(after.capacity_milli - before.capacity_milli) / 1e3 / (double)n,
		     "units", "");
}

static void create(struct store *store)
{
	const struct change change = {
		.transition = TRANSITION_CREATE,
		.id = "agent",
		.leases = bench_leases,
		.birth = { .class_name = "large",
			   .type = "local",
			   .arch = "x86_64",
			   .provider = "local",
			   .cpu = 2,
			   .memory_mib = 4096,
			   .token = "bench" },
	};
	struct change_outcome outcome;
	struct fault fault = {};

	bench_check(store_change_one(store, &change, &outcome, &fault), &fault);
	if (outcome.result != CHANGE_DONE)
		errx(1, "the machine is there already");
}

int main(int argc, char **argv)
{
	struct bench bench = {};
	struct store *store;
	uint64_t n;

	if (argc != 3 || parse_u64(argv[2], &n) < 0)
		errx(2, "beats STORE N");
	bench.address = argv[1];
	store = bench_open(&bench);
	if (n == 0) {
		create(store);
	} else {
		bench_make_idle(store, "m", 1, IDLE_MS);
		measure(store, "beat", beat, n);
		measure(store, "look", look, n);
	}
	store_close(store);
	return 0;
}
