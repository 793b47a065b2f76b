#pragma once

/*
 * The agent: owner of the event loop and of everything that hangs off it. What happens (answers of
 * the store, the runner's callbacks, timers, signals) becomes events of lifecycle.h; the actions
 * that they lead to are carried out here. Nothing on the loop blocks.
 */

#include <stdint.h>
#include <systemd/sd-event.h>

#include "agent/config.h"
#include "agent/errand.h"
#include "agent/home.h"
#include "agent/offerer.h"
#include "agent/runner/runner.h"
#include "agent/spot.h"
#include "common/base/clock.h"
#include "common/base/json.h"

/* instance_notices(), or what stands for it. */
typedef int open_notices_fn(const struct clock *clock, struct notice_source *ret);

/* All borrowed for the agent's life; the clock, as the worker may outlive it, for the process's. */
struct agent_options {
	const struct agent_config *config; /* checked */
	const char *boot_id;
	const char *store_address;
	const struct home *home;
	const struct clock *clock;
	const struct runner_ops *runner;
	open_store_fn *open_store;
	open_forge_fn *open_forge;
	open_pool_fn *open_pool;  /* unused where nothing is offered: pool = table */
	open_notices_fn *notices; /* NULL: nobody takes this machine away */
	uint64_t seed;            /* of the beats' jitter */
};

struct agent;

/* Blocks SIGTERM and SIGINT for good: they come through the loop from here on. */
int agent_new(const struct agent_options *options, struct agent **ret,
	      struct fault *fault) _must_check_;

/* Until the machine's life is over: 0, whatever ended it. -errno: the loop itself failed. */
int agent_run(struct agent *agent) _must_check_;

/* Whether the machine's life is over, and not just this agent's, who was told to leave before it
 * had seen a record. */
bool agent_is_over(const struct agent *agent);

/* What still runs is killed. */
void agent_free(struct agent *agent);
DEFINE_CLEANUP(struct agent *, agent_free)

/* How it stands, as `paddock-agent status` is told. The caller puts the object. */
int agent_status(const struct agent *agent, struct json_object **ret) _must_check_;

/* The loop, for tests that turn it by hand. */
sd_event *agent_loop(const struct agent *agent);
