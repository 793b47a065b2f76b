/* run: all three around one command. exec: one command on what a run already has. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controller/verbs/report.h"
#include "controller/verbs/request.h"
#include "controller/verbs/verbs.h"

#define RELEASE_TIMEOUT_USEC (USEC_PER_SEC * 60 * 5)

struct run_flags {
	struct request_flags request;
	bool keep;
};

static const struct setting run_rows[] = {
	REQUEST_ROWS(struct run_flags),
	{ NULL, "keep", SETTING_BOOL, offsetof(struct run_flags, keep), NULL, 0, 0, NULL, NULL,
	  "Do not release afterwards" },
};

/* The command on every machine; returns an exit code. */
static int run_command(struct edges *edges, const struct records *machines, char *const *argv,
		       int argc)
{
	struct follow *follows = calloc(machines->n + 1, sizeof(*follows));
	_cleanup_job_ struct job job = {};
	struct follow_options options = {
		.prefix = machines->n > 1,
		.out = stdout,
		.err = stderr,
		.deadline = { DEADLINE_NEVER },
	};
	struct fault fault = {};
	int code, r;

	if (!follows)
		return program_fail(-ENOMEM, NULL);
	for (size_t i = 0; i < machines->n; i++)
		follow_init(&follows[i], &machines->rows[i]);

	r = job_set_command(&job, argv, (size_t)argc);
	if (r == -E2BIG)
		(void)fault_set(&fault, EINVAL,
				"the command is longer than %d arguments or %d bytes", JOB_ARGS_MAX,
				JOB_COMMAND_MAX);
	if (r == 0)
		r = follow_submit(&edges->controller, follows, machines->n, &job, &fault);
	if (r == 0)
		r = follow_all(&edges->controller, follows, machines->n, &options, &fault);
	report_follow(follows, machines->n);
	code = r == -EINTR ? EXIT_AGAIN
	       : r < 0     ? program_fail(r == -E2BIG ? -EINVAL : r, &fault)
			   : follow_exit_code(follows, machines->n);
	for (size_t i = 0; i < machines->n; i++)
		follow_done(&follows[i]);
	free(follows);
	return code;
}

/* Whatever happened to the command: what was taken is given back, at Ctrl-C too. */
static int give_back(struct edges *edges, const char *run_key)
{
	_cleanup_release_result_ struct release_result result = {};
	struct controller controller = edges->controller;
	const struct release_options options = {
		.run_key = run_key,
		.force = true,
		.timeout_usec = RELEASE_TIMEOUT_USEC,
	};
	struct fault fault = {};
	int r;

	controller.cancelled = NULL;
	r = release_run(&controller, &options, &result, &fault);
	if (r < 0)
		return program_fail(r, &fault);
	for (size_t i = 0; i < result.n; i++) {
		const struct release_row *row = &result.rows[i];

		if (row->fate == RELEASE_CLEAN)
			continue;
		fprintf(stderr, "paddock: %s: %s%s%s\n", row->machine,
			release_fate_names[row->fate], row->reason[0] ? ": " : "", row->reason);
	}
	return EXIT_OK;
}

static int run_run(const struct verb_call *call)
{
	_cleanup_provision_result_ struct provision_result result = {};
	const struct run_flags *flags = call->options;
	struct edges *edges = call->context;
	struct provision_options options = { .timeout_usec = flags->request.timeout_usec };
	const char *run_key = options.request.claimant.run_key;
	struct fault fault = {};
	int code, released, r;

	r = request_make(&flags->request, &edges->config, &options.request, &fault);
	if (r == 0)
		r = edges_open(edges, true, &fault);
	if (r == 0)
		r = provision_run(&edges->controller, &options, &result, &fault);
	if (r < 0)
		return program_fail(r, &fault);
	if (result.end != PROVISION_GRANTED && result.end != PROVISION_PARTIAL)
		return report_provision(edges, &options.request, &result, 0);

	controller_say(&edges->controller, "run %s: %zu listening after %llu ms", run_key,
		       result.machines.n, (unsigned long long)(result.wait_usec / USEC_PER_MSEC));
	code = run_command(edges, &result.machines, call->argv, call->argc);
	if (flags->keep)
		return code;
	released = give_back(edges, run_key);
	return code != EXIT_OK ? code : released;
}

const struct verb verb_run = {
	.name = "run",
	.args = "-- COMMAND [ARGUMENT...]",
	.help = "Provision, run one command there, pass its output and exit code on, release",
	.details =
		"The command runs in an empty directory that is thrown away, with a small "
		"environment and no standard input. With several machines it runs on each, every "
		"line is marked with its machine, and the largest exit code is passed on.",
	.examples = "paddock run -- make check\ton one machine of class large\n"
		    "paddock run --resource-class xlarge -- sh -c 'nproc; exit 3'\texits with 3",
	.min_args = 1,
	.max_args = -1,
	.options = run_rows,
	.n_options = ARRAY_SIZE(run_rows),
	.options_size = sizeof(struct run_flags),
	.run = run_run,
};

static int granted_machines(struct edges *edges, const char *run_key, struct records *ret,
			    struct fault *fault)
{
	_cleanup_run_ struct run run = {};
	uint64_t revision;
	int r;

	r = controller_read_run(&edges->controller, run_key, &run, &revision, fault);
	if (r < 0)
		return r;
	if (r == STORE_REFUSED)
		return fault_cure(fault, fault_set(fault, ENOENT, "there is no run %s", run_key),
				  "paddock status");
	if (run.verdict != VERDICT_GRANTED)
		return fault_cure(fault,
				  fault_set(fault, ENOENT, "run %s is %s", run_key,
					    verdict_names[run.verdict]),
				  "paddock why %s", run_key);
	for (size_t i = 0; i < run.n_machines; i++) {
		const char *id = run.machines[i];
		struct machine machine;

		r = controller_get(&edges->controller, &id, 1, &machine, fault);
		if (r == 0)
			r = records_add(ret, &machine);
		if (r < 0)
			return r;
	}
	return 0;
}

static int run_exec(const struct verb_call *call)
{
	_cleanup_records_ struct records machines = {};
	struct edges *edges = call->context;
	struct fault fault = {};
	int r;

	r = check_run_key(call->argv[0], &fault);
	if (r == 0)
		r = edges_open(edges, false, &fault);
	if (r == 0)
		r = granted_machines(edges, call->argv[0], &machines, &fault);
	if (r < 0)
		return program_fail(r, &fault);
	return run_command(edges, &machines, call->argv + 1, call->argc - 1);
}

const struct verb verb_exec = {
	.name = "exec",
	.args = "RUN -- COMMAND [ARGUMENT...]",
	.help = "Run a command on every machine that a run holds",
	.examples = "paddock exec 4711-1-default -- uname -a\ton each of its machines",
	.min_args = 2,
	.max_args = -1,
	.run = run_exec,
};
