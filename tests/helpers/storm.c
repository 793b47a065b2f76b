/*
 *	storm DIRECTORY SEED SCHEDULES
 *
 * Runs so many schedules of random faults, seeded SEED, SEED + 1, …, against agents and controllers
 * below DIRECTORY, with the program CONTROLLER and the settings of the environment. A schedule: ten
 * agents are warm; rounds of acts, with a look at /proc and at the store all the while; then
 * everything must come to rest: no run holds a machine, each machine is idle with one agent. In the
 * end everything is destroyed, and nothing may be left. 0: all of that held.
 *
 *	storm lock FILE MS
 *
 * Holds an SQLite file's write lock.
 */

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "common/base/backoff.h"
#include "common/base/io.h"
#include "common/base/parse.h"
#include "tests/helpers/storm.h"

#define TARGET 10
#define ROUNDS 8
#define ACTS_MAX 3 /* in a round */
#define ROUND_MS 600
#define LOOK_USEC (40 * USEC_PER_MSEC)
#define SETTLE_MS 60000 /* within the leases, the reaper's grace, and the time of a busy host */

uint64_t storm_now_ms(void)
{
	return clock_boot_usec(&clock_system) / USEC_PER_MSEC;
}

uint64_t storm_draw(struct storm *storm, uint64_t below)
{
	return mix64(storm->seed * 1000003 + storm->draws++) % below;
}

/* Looks until the time has passed, or a condition holds: 1 then, -1 when something must not be. */
static int watch(struct storm *storm, uint64_t ms, bool (*until)(const struct storm *))
{
	uint64_t end_ms = storm_now_ms() + ms;

	do {
		if (storm_tick(storm) < 0 || storm_look(storm) < 0)
			return -1;
		if (until && until(storm))
			return 1;
		(void)clock_sleep(&clock_system, LOOK_USEC);
	} while (storm_now_ms() < end_ms);
	return 0;
}

static bool no_controllers(const struct storm *storm)
{
	return storm->n_children == 0;
}

/* Every run is given back: whoever asked for it may have been killed. */
static int close_runs(struct storm *storm)
{
	for (; storm->first_open < storm->n_runs; storm->first_open++) {
		const struct storm_run *run = &storm->runs[storm->first_open];
		int code = storm_call(storm, (const char *const[]){ "release", "--force", run->key,
								    "--timeout", "30s", NULL });

		if (code == 0)
			continue;
		(void)fprintf(stderr, "storm: seed %" PRIu64 ": release of %s left with %d\n",
			      storm->seed, run->key, code);
		return -1;
	}
	return 0;
}

/* 4: it holds still, as too many have fallen silent at once: so they have, while the store was
 * away. 75: the store was busy. */
static int refresh(struct storm *storm)
{
	int code = storm_call(storm, (const char *const[]){ "refresh", NULL });

	if (code == 0 || code == 4 || code == 75)
		return 0;
	(void)fprintf(stderr, "storm: seed %" PRIu64 ": refresh left with %d\n", storm->seed, code);
	return -1;
}

static int settle(struct storm *storm)
{
	uint64_t end_ms = storm_now_ms() + SETTLE_MS;
	int r;

	storm_calm(storm);
	r = watch(storm, SETTLE_MS, no_controllers);
	if (r == 0)
		(void)fprintf(stderr, "storm: seed %" PRIu64 ": paddock %s does not end\n",
			      storm->seed, storm->children[0].verb);
	if (r <= 0 || close_runs(storm) < 0)
		return -1;
	do {
		if (refresh(storm) < 0)
			return -1;
		if (watch(storm, ROUND_MS / 4, NULL) < 0)
			return -1;
		if (storm_is_settled(storm, false))
			return 0;
	} while (storm_now_ms() < end_ms);
	return storm_is_settled(storm, true) ? 0 : -1;
}

static int run_schedule(struct storm *storm)
{
	char count[8];
	int code;

	(void)snprintf(count, sizeof(count), "%u", storm->target);
	code = storm_call(storm, (const char *const[]){ "provision", "--warm", "--instance-count",
							count, "--timeout", "60s", NULL });
	if (code != 0) {
		(void)fprintf(stderr, "storm: seed %" PRIu64 ": warming left with %d\n",
			      storm->seed, code);
		return -1;
	}
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t acts = 1 + storm_draw(storm, ACTS_MAX);

		for (uint64_t k = 0; k < acts; k++)
			storm_act(storm);
		if (watch(storm, storm_draw(storm, ROUND_MS), NULL) < 0)
			return -1;
	}
	return settle(storm);
}

/* All gone: no process, and every record says so. */
static int drain(struct storm *storm)
{
	if (storm_call(storm, (const char *const[]){ "destroy", "--all", "--force", NULL }) != 0 ||
	    refresh(storm) < 0)
		return -1;
	if (!storm_is_settled(storm, true))
		return -1;
	for (size_t i = 0; i < storm->n_records; i++) {
		if (!machine_is_live(&storm->records[i]))
			continue;
		(void)fprintf(stderr, "storm: %s is left live\n", storm->records[i].id);
		return -1;
	}
	if (storm->n_sights > 0)
		(void)fprintf(stderr, "storm: %zu processes are left\n", storm->n_sights);
	return storm->n_sights > 0 ? -1 : 0;
}

static void tell(const struct storm *storm, uint64_t schedules)
{
	printf("%" PRIu64 " schedules, %zu runs, %lu looks", schedules, storm->n_runs,
	       storm->looks);
	for (size_t i = 0; storm_act_names[i]; i++)
		printf(", %lu %s", storm->counts[i], storm_act_names[i]);
	putchar('\n');
}

static int lock_file(const char *path, const char *ms)
{
	sqlite3 *db = NULL;
	uint64_t length_ms;
	int code = 1;

	if (parse_u64(ms, &length_ms) < 0)
		return 2;
	if (sqlite3_open(path, &db) == SQLITE_OK && sqlite3_busy_timeout(db, 2000) == SQLITE_OK &&
	    sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK) {
		(void)clock_sleep(&clock_system, length_ms * USEC_PER_MSEC);
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		code = 0;
	}
	(void)sqlite3_close(db);
	return code;
}

int main(int argc, char **argv)
{
	static struct storm storm = { .target = TARGET };
	uint64_t schedules, done = 0;
	int r = 0;

	if (argc == 4 && strcmp(argv[1], "lock") == 0)
		return lock_file(argv[2], argv[3]);
	if (argc != 4 || parse_u64(argv[2], &storm.seed) < 0 || parse_u64(argv[3], &schedules) < 0)
		return 2;
	storm.dir = argv[1];
	storm.paddock = getenv("CONTROLLER");
	storm.store_path = str_format("%s/state/paddock.db", storm.dir);
	storm.store = storm.store_path ? str_format("sqlite:%s", storm.store_path) : NULL;
	if (!storm.paddock || !storm.store)
		return 2;

	for (; r == 0 && done < schedules; done++, storm.seed++) {
		storm.draws = 0;
		r = run_schedule(&storm);
		if (r < 0)
			(void)fprintf(stderr, "storm: again: SEED=%" PRIu64 "\n", storm.seed);
	}
	if (r == 0)
		r = drain(&storm);
	storm_calm(&storm);
	tell(&storm, done);
	free(storm.store);
	free(storm.store_path);
	return r < 0 ? 1 : 0;
}
