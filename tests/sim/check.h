#pragma once

/* The invariants of the design, restated on their own: nothing here is taken from the code that is
 * checked. Names of violations are the invariants' numbers. */

#include "agent/runner/runner.h"
#include "tests/sim/cloud.h"

/* What one clock is off by. */
int64_t check_skew(void);

/* On the store: every write. */
void check_write(struct memory_db *db, const struct machine *before, const struct machine *after,
		 const struct change *change);
void check_item(struct memory_db *db, const struct item *standing, const struct item *item);

/* On the machines. */
void check_launch(const struct instance *instance);
/* by: who wants it. */
void check_teardown(const struct instance *instance, const struct actor *by);
void check_job_starts(const struct instance *instance, const struct runner_job *job);

/* Every second of virtual time, and when all is over. */
void check_second(void);
void check_end(void);
