#pragma once

/* What the tests of the agent wait for, and ways into the middle of its life. */

#include <signal.h>
#include <string.h>

#include "tests/agent-world.h"

#define SEC USEC_PER_SEC
#define GRACE_USEC (60 * SEC)
#define LEASE_USEC (600 * SEC)

/* --- conditions ------------------------------------------------------------------------------ */

static inline bool is_idle(struct world *world)
{
	return strcmp(world_status(world, "agent"), "ready") == 0;
}

static inline bool is_listening(struct world *world)
{
	return strcmp(world_status(world, "agent"), "listening") == 0;
}

static inline bool is_busy(struct world *world)
{
	return strcmp(world_status(world, "agent"), "busy") == 0;
}

static inline bool is_registering(struct world *world)
{
	return strcmp(world_status(world, "agent"), "registering") == 0;
}

static inline bool is_stopping(struct world *world)
{
	return strcmp(world_status(world, "agent"), "stopping") == 0;
}

static inline bool is_leaving(struct world *world)
{
	return strcmp(world_status(world, "agent"), "leaving") == 0;
}

static inline bool has_lost_the_store(struct world *world)
{
	return strcmp(world_status(world, "state"), "silent") == 0;
}

static inline bool hears_the_store(struct world *world)
{
	return strcmp(world_status(world, "state"), "answering") == 0;
}

static inline bool says_ready(struct world *world)
{
	struct machine record = world_record(world);

	return record.state == MACHINE_IDLE && machine_says(&record, PHASE_READY);
}

static inline bool job_is_done(struct world *world)
{
	struct registration registration = world_look(world, 1);
	bool done = registration.job.state == JOB_DONE;

	registration_done(&registration);
	return done;
}

/* --- ways into the middle of a life ---------------------------------------------------------- */

static inline void be_idle(struct world *world, const char *const *settings)
{
	world_init(world, settings);
	world_start_agent(world);
	world_until(world, is_idle);
}

static inline void be_listening(struct world *world)
{
	be_idle(world, NULL);
	world_change(world, TRANSITION_CLAIM);
	world_offer(world, NULL);
	world_until(world, is_listening);
}

static inline void be_busy(struct world *world)
{
	be_listening(world);
	world_submit(world, "job");
	world_until(world, is_busy);
	world_job_started(world);
}

static inline void terminate(struct world *world)
{
	(void)world;
	ck_assert_int_eq(raise(SIGTERM), 0);
}

static inline void expect_words(struct world *world, const char *text)
{
	_cleanup_item_ struct item item = {};

	ck_assert_int_eq(
		world->store->ops->item_get(world->store, WORLD_MACHINE, "event", &item, NULL), 0);
	ck_assert_msg(strstr(item.body, text), "%s", item.body);
}
