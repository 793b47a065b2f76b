#pragma once

/* The invariants of the design, restated on their own: nothing here is taken from the code that is
 * checked. Names of violations are the invariants' numbers. */

#include <string.h>

#include "agent/runner/runner.h"
#include "tests/sim/cloud.h"

#define MSEC(usec) ((usec) / USEC_PER_MSEC)
/* What an agent may take for its last steps, beyond its deadline: a stop, last words. */
#define LEAVE_MS (15 * MSEC_PER_SEC)
#define SKEWS_MS (2 * SIM_SKEW_MS) /* of two parties */

static inline const char *state_name(const struct machine *machine)
{
	return machine_state_names[machine->state];
}

static inline bool equal(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* What one clock is off by. */
int64_t check_skew(void);

/* On the store: every write (check-record.c). */
void check_write(struct memory_db *db, const struct machine *before, const struct machine *after,
		 const struct change *change);
void check_item(struct memory_db *db, const struct item *standing, const struct item *item);

/* On the machines. */
void check_launch(const struct instance *instance);
/* by: who wants it. */
void check_teardown(const struct instance *instance, const struct actor *by);
void check_job_starts(const struct instance *instance, const struct runner_job *job);

/* agent: its process, which ends by itself. */
void check_leaves(const struct instance *instance, const struct actor *agent);

/* Every second of virtual time, and when all is over. */
void check_second(void);
void check_end(void);
