#pragma once

/* The verbs of paddock-agent, one file each. */

#include "agent/config.h"
#include "agent/errand.h"
#include "agent/runner/runner.h"
#include "common/base/verb.h"

/* For test builds: puts something between the agent and what is outside of it. */
struct agent_hooks {
	open_store_fn *open_store;
	const struct runner_ops *runner;
};

/* The context of every call. */
struct agent_program {
	const struct agent_hooks *hooks; /* may be NULL */
	struct agent_config config;
	struct settings settings;
};

extern const struct verb verb_run;
extern const struct verb verb_probe;
extern const struct verb verb_status;

/* All of the program but main() itself. hooks may be NULL. Returns an exit code. */
int agent_main(int argc, char **argv, const struct agent_hooks *hooks);

/* --output table|json and its short form --json, shared by verbs that print. */
struct output_options {
	int format; /* enum output_format */
	bool json;
};
enum output_format { OUTPUT_TABLE, OUTPUT_JSON };
extern const struct setting output_rows[];
extern const size_t output_rows_n;
bool output_is_json(const struct verb_call *call);
