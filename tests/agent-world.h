#pragma once

/*
 * An agent in a world that a test owns: a real SQLite store in a directory of its own, whose calls
 * can be held, refused or made to lose their answers; a clock that can jump; and a runner that does
 * what the test says. One a process.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "agent/agent.h"
#include "common/domain/transition.h"
#include "common/forge/forge.h"
#include "common/store/store.h"
#include "tests/test.h"

#define WORLD_MACHINE "m-1"
#define WORLD_BOOT "11111111-2222-4333-8444-555555555555"
#define WORLD_RUN "r-1-default"
#define WORLD_PERIOD "200ms"

/* The agent's calls of the store, as far as tests meddle with them. */
enum world_call {
	WORLD_BEAT,
	WORLD_GET,
	WORLD_CHANGE,
	WORLD_ITEM_GET,
	WORLD_ITEM_PUT,
	_WORLD_CALL_MAX
};

/* What befalls a kind of call; read on the agent's worker. */
struct world_trouble {
	atomic_int fail;   /* so many of the next ones are not executed: -EIO */
	atomic_int lose;   /* so many are executed, and their answers lost: -ETIMEDOUT */
	atomic_uint count; /* calls so far */
};

struct world_clock {
	struct clock clock;
	_Atomic uint64_t ahead_usec; /* of the kernel's */
};

struct world_runner {
	struct runner runner;
	const struct runner_callbacks *callbacks;
	void *context;
	bool freed;
	unsigned starts, stops, cleans;
	uint64_t seq, number; /* of the latest start */
	char command[128];    /* its first argument */
};

struct world {
	struct tree *tree;
	struct agent_config config;
	struct settings settings;
	struct home home;
	struct world_clock clock;
	struct store *store;        /* the test's own connection, … */
	pthread_mutex_t store_lock; /* … also used by surprises, on the worker */
	struct forge *forge;
	open_notices_fn *notices; /* for the agent; NULL: none. Its clock is the world's */
	struct agent *agent;
	struct world_runner *runner; /* the agent's */
	struct world_trouble troubles[_WORLD_CALL_MAX];
	struct world_trouble opening; /* of the store */

	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool held;        /* all calls wait */
	unsigned waiting; /* that many do */
	struct {
		void (*run)(struct world *world);
		enum world_call call;
		enum transition transition;
	} surprise;
};

/* A store with a created machine, and no agent yet. setting NAME VALUE pairs, NULL-ended. */
void world_init(struct world *world, const char *const *settings);
void world_start_agent(struct world *world);
/* Lets go of everything; what is held goes on. */
void world_done(struct world *world);

/* Holds every call of the agent's from now on. */
void world_hold(struct world *world);
/* The same, as a surprise: beginning with the call that it comes before. */
void world_hold_here(struct world *world);
/* Turns the loop until one is held. */
void world_await_held(struct world *world);
void world_release(struct world *world);
/* On the worker, right before the next call of this kind is executed; transition: of a change. */
void world_surprise(struct world *world, enum world_call call, enum transition transition,
		    void (*run)(struct world *world));
/* The clock jumps, as after a freeze or a suspend. */
void world_jump(struct world *world, uint64_t usec);

/* Turns the agent's loop until the condition holds; fails after some seconds. */
typedef bool world_fn(struct world *world);
#define world_until(world, condition) world_until_named(world, condition, #condition)
void world_until_named(struct world *world, world_fn *condition, const char *name);
/* Turns it for so long, for things that must not happen meanwhile. */
void world_turn_for(struct world *world, uint64_t usec);
/* Turns it until the agent has ended. */
void world_run_out(struct world *world);

/* The record now, read by the test's own connection. */
struct machine world_record(struct world *world);
bool world_record_is(struct world *world, enum machine_state state, uint64_t seq);
/* A member of the agent's status, or of its store's part, as text; static memory. */
const char *world_status(struct world *world, const char *key);
/* How many of its requests are on their way. */
uint64_t world_pending(struct world *world);

/* What a controller does. Each must succeed. */
void world_change(struct world *world, enum transition transition);
void world_offer(struct world *world, const char *command);
void world_submit(struct world *world, const char *command);
/* The job of a seq; the caller is done with it. */
struct registration world_look(struct world *world, uint64_t seq);

/* What the runner says. */
void world_job_started(struct world *world);
void world_job_exits(struct world *world, int exit_code);
void world_stopped(struct world *world);
void world_cleaned(struct world *world, bool clean, const char *reason);
