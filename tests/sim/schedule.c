/* One schedule: a world is made, turned until all has ended, looked at, and taken apart. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/check.h"
#include "tests/sim/cloud.h"
#include "tests/sim/plan.h"
#include "tests/sim/sim.h"

#define CALM_USEC (300 * USEC_PER_SEC)
/* After that everything must have come to its end: the longest chain is a run that is never
 * released: it runs out, drains, waits in the pool, is reaped; a frozen machine's, reaped late. */
#define END_USEC (1500 * USEC_PER_SEC)
#define STALE_MAX_USEC (3 * USEC_PER_SEC)

static struct memory {
	struct actor actors[SIM_ACTORS_MAX];
	struct instance instances[SIM_INSTANCES_MAX];
	struct launch launches[SIM_LAUNCHES_MAX];
	struct run_plan plans[SIM_RUNS_MAX];
} memory;

static char trace_lines[SIM_TRACE_LINES][200];

static uint64_t db_now(_unused_ struct memory_db *db)
{
	return sim_now();
}

/* A scan may show what was there a moment ago; the pool's may miss a machine. */
static const struct machine *seen(_unused_ struct memory_db *db, const struct memory_row *row,
				  const struct machine_filter *filter)
{
	bool is_pools = filter->states == 1U << MACHINE_IDLE;

	if (sim_is_calm())
		return &row->machine;
	if (is_pools && sim->lossy_pool && sim_chance(300))
		return NULL;
	if (sim->stale_scans && sim_now() - row->written_usec < STALE_MAX_USEC && sim_chance(500))
		return &row->before;
	return &row->machine;
}

/* Whether anything is left that could still change. */
static bool is_quiet(void)
{
	if (!sim_is_calm())
		return false;
	for (size_t i = 0; i < sim->n_instances; i++) {
		const struct machine *record = memory_db_find(sim->db, sim->instances[i].id);

		if (sim->instances[i].exists || sim->instances[i].job.alive ||
		    (record && machine_is_live(record)))
			return false;
	}
	for (size_t i = 0; i < sim->n_plans; i++) {
		if (sim->plans[i].ended + sim->plans[i].abandoned < sim->plans[i].starters)
			return false;
	}
	return true;
}

static void each_second(void)
{
	check_second();
	if (sim_now() / USEC_PER_SEC % 10 == 0 && is_quiet())
		sim->end_usec = sim_now();
}

static void count(struct outcome *ret)
{
	ret->failed = sim->failed;
	if (sim->failed) {
		(void)snprintf(ret->invariant, sizeof(ret->invariant), "%s", sim->invariant);
		memcpy(ret->failure, sim->failure, sizeof(ret->failure));
	}
	ret->calls = sim->calls;
	ret->virtual_usec = sim->now_usec;
	ret->machines = sim->n_instances;
	for (size_t i = 0; i < sim->n_plans; i++) {
		ret->granted += sim->plans[i].n_granted > 0;
		ret->refused += sim->plans[i].verdict == VERDICT_REFUSED;
	}
	for (size_t i = 0; i < sim->n_instances; i++)
		ret->jobs += sim->instances[i].n_started;
}

void schedule_run(struct tape *tape, bool trace, bool loud, struct outcome *ret)
{
	struct sim world = {
		.tape = tape,
		.end_usec = END_USEC,
		.calm_usec = CALM_USEC,
		.actors = memory.actors,
		.instances = memory.instances,
		.launches = memory.launches,
		.plans = memory.plans,
		.db = memory_db_new(),
		.trace = trace ? trace_lines : NULL,
		.loud = loud,
	};

	*ret = (struct outcome){};
	if (!world.db)
		abort();
	world.db->on_write = check_write;
	world.db->on_item = check_item;
	world.db->now_usec = db_now;
	world.db->seen = seen;
	tape->at = 0;
	sim = &world;

	plan_start();
	sched_run(each_second);
	if (!sim->failed)
		check_end();
	count(ret);
	sched_end();
	if (sim->failed && trace && !loud)
		sim_print_trace();
	sim->ending = true;
	edge_done();
	sim_runners_done();
	memory_db_free(world.db);
	sim = NULL;
}
