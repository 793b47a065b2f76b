#include <stdio.h>

#include "controller/verbs/report.h"
#include "controller/verbs/request.h"
#include "controller/verbs/verbs.h"

struct release_flags {
	bool force;
	bool wait;
	uint64_t timeout_usec;
	char *run;
	uint64_t attempt;
	char *name;
};

#define AT(member) offsetof(struct release_flags, member)

static const struct setting release_rows[] = {
	{ NULL, "force", SETTING_BOOL, AT(force), NULL, 0, 0, NULL, NULL,
	  "Interrupt jobs that still run" },
	{ NULL, "wait", SETTING_BOOL, AT(wait), NULL, 0, 0, NULL, NULL,
	  "Wait for jobs that still run" },
	{ NULL, "timeout", SETTING_DURATION, AT(timeout_usec), "5min", USEC_PER_MSEC,
	  86400 * USEC_PER_SEC, NULL, "DURATION", "How long to wait until all are clean" },
	{ NULL, "run", SETTING_TEXT, AT(run), NULL, 1, 64, NULL, "ID",
	  "As given to provision (default: GITHUB_RUN_ID)" },
	{ NULL, "attempt", SETTING_U64, AT(attempt), "0", 0, 1000000, NULL, "NUMBER",
	  "As given to provision (default: GITHUB_RUN_ATTEMPT, else 1)" },
	{ NULL, "name", SETTING_TEXT, AT(name), "default", 1, 48, NULL, "NAME",
	  "As given to provision" },
};

static int run_release(const struct verb_call *call)
{
	_cleanup_release_result_ struct release_result result = {};
	const struct release_flags *flags = call->options;
	struct edges *edges = call->context;
	char made[RUN_KEY_MAX];
	struct release_options options = {
		.force = flags->force,
		.wait = flags->wait,
		.timeout_usec = flags->timeout_usec,
		.run_key = call->argc > 0 ? call->argv[0] : made,
	};
	struct fault fault = {};
	int r = 0;

	if (call->argc == 0)
		r = request_run_key(flags->run, flags->attempt, flags->name, false, made,
				    sizeof(made), &fault);
	if (r == 0)
		r = check_run_key(options.run_key, &fault);
	if (r == 0)
		r = edges_open(edges, true, &fault);
	if (r == 0)
		r = release_run(&edges->controller, &options, &result, &fault);
	return r < 0 ? program_fail(r, &fault) : report_release(edges, options.run_key, &result);
}

const struct verb verb_release = {
	.name = "release",
	.args = "[RUN]",
	.help = "Give the machines of a run back, and wait until they are clean",
	.details = "RUN is the run key that provision printed. Busy machines are left alone unless "
		   "--wait or --force is given. A released run cannot be provisioned again.",
	.examples = "paddock release 4711-1-default\tgive all of it back\n"
		    "paddock release --force\tthis workflow run's, jobs or no jobs",
	.max_args = 1,
	.options = release_rows,
	.n_options = ARRAY_SIZE(release_rows),
	.options_size = sizeof(struct release_flags),
	.run = run_release,
};
