/*
 * How many claims a second the store takes from 8 processes at once: each claim a transaction of
 * its own; then in batches; then all of them after the same machines, so that seven of eight tries
 * are refused.
 */

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/io.h"
#include "tests/bench/bench-kit.h"

#define PROCESSES 8
#define MACHINES 4000 /* a round; each process has an equal share */
#define BATCH 100
#define SHARE (MACHINES / PROCESSES)
#define IDLE_MS (3600 * MSEC_PER_SEC)

/* A round: what each process does with its connection. Returns how many claims it won. */
typedef size_t round_fn(struct store *store, size_t process);

static struct change claim_of(const char *prefix, size_t index, size_t process)
{
	char run_key[RUN_KEY_MAX], id[MACHINE_ID_MAX];

	(void)snprintf(run_key, sizeof(run_key), "%zu-1-default", process);
	bench_name(id, prefix, index);
	return bench_claim(id, run_key);
}

/* Busy for longer than the store's patience is no result: again, as the controller does. */
static size_t change(struct store *store, const struct change *changes, size_t n)
{
	struct change_outcome outcomes[BATCH];
	struct fault fault = {};
	size_t won = 0;
	int r;

	do
		r = store->ops->change(store, changes, n, outcomes, &fault);
	while (r == -EAGAIN);
	bench_check(r, &fault);
	for (size_t i = 0; i < n; i++)
		won += outcomes[i].result == CHANGE_DONE;
	return won;
}

static size_t one_by_one(struct store *store, size_t process)
{
	size_t won = 0;

	for (size_t i = 0; i < SHARE; i++) {
		struct change claim = claim_of("one", process * SHARE + i, process);

		won += change(store, &claim, 1);
	}
	return won;
}

static size_t in_batches(struct store *store, size_t process)
{
	struct change claims[BATCH];
	size_t won = 0;

	for (size_t i = 0; i < SHARE; i += BATCH) {
		for (size_t k = 0; k < BATCH; k++)
			claims[k] = claim_of("batch", process * SHARE + i + k, process);
		won += change(store, claims, BATCH);
	}
	return won;
}

static size_t all_after_the_same(struct store *store, size_t process)
{
	size_t won = 0;

	for (size_t i = 0; i < SHARE; i++) {
		struct change claim = claim_of("same", i, process);

		won += change(store, &claim, 1);
	}
	return won;
}

/* Tells the parent that it is ready, waits until the gate is closed, works, tells what it won. */
static _Noreturn void work(const struct bench *bench, round_fn *round, size_t process, int gate,
			   int results)
{
	_cleanup_(store_closep) struct store *store = bench_open(bench);
	size_t won = 0;
	char byte;

	if (write(results, &won, sizeof(won)) != sizeof(won) || read(gate, &byte, 1) != 0)
		_exit(1);
	won = round(store, process);
	if (write(results, &won, sizeof(won)) != sizeof(won))
		_exit(1);
	store_close(take_ptr(store));
	_exit(0);
}

static size_t sum_results(int results)
{
	size_t sum = 0;

	for (size_t i = 0; i < PROCESSES; i++) {
		size_t won;

		if (read(results, &won, sizeof(won)) != sizeof(won))
			errx(1, "a process failed");
		sum += won;
	}
	return sum;
}

static double run_round(const struct bench *bench, round_fn *round, size_t expected)
{
	int gate[2], results[2];
	double start;

	if (pipe(gate) < 0 || pipe(results) < 0)
		err(1, "cannot make a pipe");
	for (size_t i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "cannot fork");
		if (pid > 0)
			continue;
		close(gate[1]);
		close(results[0]);
		work(bench, round, i, gate[0], results[1]);
	}
	close(gate[0]);
	close(results[1]);

	(void)sum_results(results[0]);
	start = bench_now_s();
	close(gate[1]);
	if (sum_results(results[0]) != expected)
		errx(1, "a machine was claimed twice, or not at all");
	start = bench_now_s() - start;
	close(results[0]);
	while (wait(NULL) > 0)
		;
	return start;
}

int main(void)
{
	struct bench bench;
	struct store *store;
	double seconds;

	bench_init(&bench);
	store = bench_open(&bench);
	bench_make_idle(store, "one", MACHINES, IDLE_MS);
	bench_make_idle(store, "batch", MACHINES, IDLE_MS);
	bench_make_idle(store, "same", SHARE, IDLE_MS);
	store_close(store);

	seconds = run_round(&bench, one_by_one, MACHINES);
	bench_report("claims by 8 processes, one a call", MACHINES / seconds, "claims/s",
		     "4000 claims");
	seconds = run_round(&bench, in_batches, MACHINES);
	bench_report("  100 a call", MACHINES / seconds, "claims/s", "4000 claims");
	seconds = run_round(&bench, all_after_the_same, SHARE);
	bench_report("  all after the same machines", MACHINES / seconds, "tries/s",
		     "4000 tries, 500 claims");
	bench_done(&bench);
	return 0;
}
