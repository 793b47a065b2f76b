#pragma once

/* Who does what in a schedule: runs that want machines, rounds of refresh, and what befalls them.
 */

#include "controller/controller.h"
#include "tests/sim/sim.h"

#define SIM_MACHINES_MAX 4 /* of one run */

struct run_plan {
	char key[RUN_KEY_MAX];
	struct request request;
	uint64_t timeout_usec;
	uint64_t start_usec;
	uint64_t second_usec;  /* another controller starts with the same key; 0: none */
	uint64_t release_usec; /* released from elsewhere, whatever it does; 0: not */
	unsigned jobs;
	bool first_job; /* the first command goes with the claim */
	bool release;   /* when its jobs are done */
	bool wait, force;
	unsigned restarts; /* so many times is a killed controller started again */

	/* What became of it. */
	unsigned starters;  /* controllers that are, or will be, at work for it */
	unsigned ended;     /* of them, with an answer */
	unsigned abandoned; /* killed for good */
	char granted[SIM_MACHINES_MAX][MACHINE_ID_MAX]; /* what was answered first */
	size_t n_granted;
	unsigned jobs_done;

	/* As its record says. */
	enum verdict verdict;
	uint64_t decided_usec;
	uint64_t fence;
	size_t fence_actor; /* who raised it last */
	uint64_t fence_usec;
	bool disturbed; /* a controller of it was killed, frozen, interrupted, or failed */
};

/* A release has come to its end: nothing is given to that run any more. */
void check_released(const struct run_plan *plan);

/* Draws a plan and sets it going. */
void plan_start(void);
struct run_plan *plan_find(const char *key);
/* A controller is about to take a machine away because its agent is silent: what seldom meets by
 * chance does by intent. It is frozen, the agent is heard again, and a later start of the run takes
 * over meanwhile. */
void plan_overtake(struct actor *actor, const char *key, const char *id);
