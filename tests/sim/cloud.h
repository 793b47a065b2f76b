#pragma once

/* The machines: instances that boot, run an agent, are frozen, killed, rebooted and torn down; the
 * provider that makes them; and the runner that their agents start jobs with. */

#include <systemd/sd-event.h>

#include "agent/runner/runner.h"
#include "controller/provider/provider.h"
#include "tests/sim/sim.h"

enum { SIM_JOBS_MAX = 64 };

struct instance {
	char id[MACHINE_ID_MAX];
	char token[MACHINE_ID_MAX];
	size_t index; /* of its token's */
	char correlation[RUN_KEY_MAX];
	bool exists; /* its provider has it: it boots, runs or ends */
	bool ending; /* torn down, or switching itself off */
	bool forgotten;
	bool excused; /* something befell it: whoever waited for it may replace it */
	uint64_t launched_usec;

	struct actor *agent; /* the present process; NULL: none */
	sd_event *loop;      /* of it; NULL while there is none */
	uint64_t agent_since_usec;
	unsigned boots;
	char boot_id[40];

	/* What runs on it. It outlives its agent for a moment. */
	struct {
		bool alive;
		uint64_t ended_usec; /* the last one that did */
		uint64_t seq, number;
		char run_key[RUN_KEY_MAX];
	} job;
	size_t swept;       /* n_started when the present job was left to be swept */
	uint64_t dirty_seq; /* a job of that seq has run, and it has not been cleaned since; 0 */
	struct {
		uint64_t seq, number;
		char command[32];
	} started[SIM_JOBS_MAX]; /* every job that ever started here */
	size_t n_started;

	/* For the checks. */
	uint64_t threshold_max_ms;     /* the latest that its record ever had */
	bool recorded;                 /* it has had a record */
	const struct actor *closed_by; /* who closed its registration */
	const struct actor *noticed;   /* the process that was told to leave */
	uint64_t noticed_usec;
	unsigned held;    /* bits of the plans that ever had it */
	unsigned granted; /* of those whose verdict names it */
	bool tainted;     /* a run that must be the last here has had it */
};

/* What a token gave, once and for all. */
struct launch {
	char token[MACHINE_ID_MAX];
	size_t n;
};

struct instance *instance_find(const char *id);
void instance_kill_agent(struct instance *instance);
/* A new boot id; everything that ran is gone. */
void instance_reboot(struct instance *instance);
/* A spot notice, as far as an agent is told of it: SIGTERM. */
/* What ran on it runs no more. */
void instance_job_ends(struct instance *instance);
void instance_notice(struct instance *instance);

/* The provider, for an actor. */
struct provider *cloud_provider(struct actor *actor);

/* What agents start jobs with (runner.c). */
extern const struct runner_ops sim_runner_ops;
/* After a schedule. */
void sim_runners_done(void);
