/*
 * A round of refresh over 100,000 records, of which 1,000 have run out and are reaped. The store is
 * real; the provider is not, and answers at once: nothing of it is measured.
 */

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "controller/refresh.h"
#include "tests/bench/bench-kit.h"

#define RECORDS 100000
#define EXPIRED 1000
#define IDLE_MS (3600 * MSEC_PER_SEC)
/* Shorter than the real one, so that nobody waits two minutes. */
#define REAP_GRACE_MSEC 1

static int poll_there(_unused_ struct provider *provider, _unused_ const char *const *ids, size_t n,
		      enum presence *ret, _unused_ struct fault *fault)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = PRESENCE_THERE;
	return 0;
}

static int tear_down(_unused_ struct provider *provider, _unused_ const char *id,
		     _unused_ uint64_t grace_usec, _unused_ struct fault *fault)
{
	return 0;
}

static int list_nothing(_unused_ struct provider *provider, _unused_ handle_fn *each,
			_unused_ void *context, _unused_ struct fault *fault)
{
	return 0;
}

static const struct provider_ops provider_instant = {
	.name = "local",
	.poll = poll_there,
	.teardown = tear_down,
	.list = list_nothing,
};

static int count(_unused_ const struct machine *machine, void *context)
{
	++*(size_t *)context;
	return 0;
}

/* Whose thresholds are over, every one of them. */
static void make_expired(struct store *store)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };

	bench_make_idle(store, "old", EXPIRED, 1);
	nanosleep(&pause, NULL);
}

static void measure_scan(struct store *store)
{
	const struct machine_filter everything = {};
	struct fault fault = {};
	double start = bench_now_s();
	size_t n = 0;

	bench_check(store->ops->scan(store, &everything, count, &n, &fault), &fault);
	if (n != RECORDS)
		errx(1, "%zu records were seen, not %d", n, RECORDS);
	bench_report("scan of 100,000 records", bench_now_s() - start, "s", "");
}

static void measure_refresh(const struct controller *controller, bool dry_run, const char *what)
{
	_cleanup_refresh_result_ struct refresh_result result = {};
	struct fault fault = {};
	double start = bench_now_s();
	size_t done = 0;

	bench_check(refresh_run(controller, dry_run, &result, &fault), &fault);
	start = bench_now_s() - start;
	for (size_t i = 0; i < result.n; i++)
		done += result.rows[i].verdict == REFRESH_TERMINATE &&
			result.rows[i].done == !dry_run;
	if (done != EXPIRED)
		errx(1, "%zu machines were reaped, not %d", done, EXPIRED);
	bench_report(what, start, "s", dry_run ? "writes nothing" : "1,000 reaped");
}

int main(void)
{
	struct provider provider = { .ops = &provider_instant };
	struct config config = {
		.reap_grace_usec = REAP_GRACE_MSEC * USEC_PER_MSEC,
		.idle_usec = IDLE_MS * USEC_PER_MSEC,
		.boot_usec = USEC_PER_SEC,
		.claim_usec = USEC_PER_SEC,
		.drain_usec = USEC_PER_SEC,
		.run_usec = USEC_PER_SEC,
	};
	struct controller controller = {
		.config = &config,
		.clock = &clock_system,
		.provider = &provider,
	};
	struct fault fault = {};
	struct rusage usage;
	struct bench bench;

	bench_init(&bench);
	controller.store = bench_open(&bench);
	bench_check(forge_open("none", controller.store, &controller.forge, &fault), &fault);
	bench_make_idle(controller.store, "new", RECORDS - EXPIRED, IDLE_MS);
	make_expired(controller.store);

	measure_scan(controller.store);
	measure_refresh(&controller, true, "scan and judge 100,000 records");
	measure_refresh(&controller, false, "scan, judge and reap");
	getrusage(RUSAGE_SELF, &usage);
	bench_report("  peak RSS", (double)usage.ru_maxrss / 1024, "MiB", "");

	forge_close(controller.forge);
	store_close(controller.store);
	bench_done(&bench);
	return 0;
}
