#pragma once

/* Taking everything down: destroy --all and --setup. */

#include <stdbool.h>
#include <stdint.h>

#include "controller/verbs/edges.h"

struct destroy_flags {
	bool all;
	bool setup;
	bool yes;
	bool dry_run;
	bool force;
	uint64_t grace_usec;
	uint64_t wait_usec;
};

/* flags->all or flags->setup is set. Returns an exit code: EXIT_AGAIN when something is left. */
int destroy_all(struct edges *edges, const struct destroy_flags *flags) _must_check_;
