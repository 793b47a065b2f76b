#include "tests/bench/bench-kit.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/io.h"

#define BATCH 100 /* made well before a slow store gives the last of them up */
_Static_assert(BATCH <= STORE_BATCH_MAX, "a batch that the store takes");

const struct leases bench_leases = {
	.boot_ms = 600000,
	.idle_ms = 3600000,
	.claim_ms = 300000,
	.drain_ms = 180000,
	.max_runtime_ms = 1800000,
	.claim_slack_ms = CLAIM_SLACK_MS,
	.reap_grace_ms = REAP_GRACE_MS,
};

void bench_check(int r, const struct fault *fault)
{
	if (r < 0)
		errx(1, "%s", fault_text(fault, r));
}

void bench_report(const char *what, double value, const char *unit, const char *note)
{
	printf("%s\t%.*f\t%s\t%s\n", what, value < 10 ? 2 : 0, value, unit, note);
}

double bench_now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void bench_init(struct bench *bench)
{
	const char *base = getenv("TMPDIR");

	bench->dir = str_format("%s/pb.XXXXXX", base ? base : "/tmp");
	if (!bench->dir || !mkdtemp(bench->dir))
		err(1, "cannot make a directory");
	bench->address = str_format("sqlite:%s/paddock.db", bench->dir);
	if (!bench->address)
		errx(1, "no memory");
}

void bench_done(struct bench *bench)
{
	(void)!remove_tree_at(AT_FDCWD, bench->dir);
	free(bench->dir);
	free(bench->address);
}

struct store *bench_open(const struct bench *bench)
{
	struct store *store = NULL;
	struct fault fault = {};

	int r = store_open(bench->address, true, &clock_system, &store, &fault);

	/* dynalite knows no expiry, which is asked for once the table has been made. */
	if (r < 0)
		r = store_open(bench->address, false, &clock_system, &store, &fault);
	bench_check(r, &fault);
	return store;
}

void bench_name(char *id, const char *prefix, size_t index)
{
	(void)snprintf(id, MACHINE_ID_MAX, "%s-%zu", prefix, index);
}

static struct change birth(const struct bench_kind *kind, const char *prefix, size_t index,
			   uint64_t idle_ms)
{
	struct change change = {
		.transition = TRANSITION_CREATE,
		.leases = bench_leases,
		.birth = {
			.arch = "x86_64",
			.usage = USAGE_SPOT,
			.provider = "local",
			.zone = "eu-central-1a",
			.cpu = 2,
			.memory_mib = 8192,
			.image = "ami-0123456789abcdef0",
			.token = "warm-large-1-0",
			.capabilities = "pmu.instructions resctrl.l3",
		},
	};

	if (str_copy(change.birth.class_name, sizeof(change.birth.class_name), kind->class_name) <
		    0 ||
	    str_copy(change.birth.type, sizeof(change.birth.type), kind->type) < 0)
		errx(1, "a name is too long");
	change.leases.idle_ms = idle_ms;
	bench_name(change.id, prefix, index);
	return change;
}

static void change_all(struct store *store, const struct change *changes, size_t n,
		       struct change_outcome *outcomes)
{
	struct fault fault = {};

	bench_check(store->ops->change(store, changes, n, outcomes, &fault), &fault);
	for (size_t i = 0; i < n; i++) {
		if (outcomes[i].result != CHANGE_DONE)
			errx(1, "%s was not changed", changes[i].id);
	}
}

void bench_make_idle(struct store *store, const char *prefix, size_t n, uint64_t idle_ms)
{
	const struct bench_kind kind = { "large", "m7i.large" };

	bench_make_idle_of(store, &kind, prefix, n, idle_ms);
}

void bench_make_idle_of(struct store *store, const struct bench_kind *kind, const char *prefix,
			size_t n, uint64_t idle_ms)
{
	static struct change changes[BATCH];
	static struct change_outcome outcomes[BATCH];

	for (size_t done = 0; done < n; done += BATCH) {
		size_t batch = n - done < BATCH ? n - done : BATCH;

		for (size_t i = 0; i < batch; i++)
			changes[i] = birth(kind, prefix, done + i, idle_ms);
		change_all(store, changes, batch, outcomes);
		for (size_t i = 0; i < batch; i++) {
			changes[i].transition = TRANSITION_READY;
			changes[i].testimony = (struct testimony){
				.phase = PHASE_READY,
				.boot_id = BENCH_BOOT_ID,
			};
		}
		change_all(store, changes, batch, outcomes);
	}
}

struct change bench_claim(const char *id, const char *run_key)
{
	struct change claim = {
		.transition = TRANSITION_CLAIM,
		.leases = bench_leases,
		.claimant = { .repo = "owner/repo",
			      .workflow = "ci.yml",
			      .reuse = REUSE_SAME_REPO },
	};

	if (str_copy(claim.id, sizeof(claim.id), id) < 0 ||
	    str_copy(claim.claimant.run_key, sizeof(claim.claimant.run_key), run_key) < 0)
		errx(1, "a name is too long");
	return claim;
}
