/*
 * The demo: the real programs, on a stage of their own, doing the main job from warming to reaping,
 * with two of them killed on the way. It runs what a user would type, and shows it.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/process.h"
#include "controller/verbs/demo-stage.h"
#include "controller/verbs/verbs.h"

#define MACHINES_MAX 64
/* How long the controller that is to be killed gets until its first claim is seen. */
#define HALFWAY_MAX_USEC (10 * USEC_PER_SEC)
#define HALFWAY_STEP_USEC (2 * USEC_PER_MSEC)
#define PROBE_LINES 8

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
	interrupted = signal_number;
}

/* The stage is always cleared, so later signals change nothing: clearing is bounded. */
static int catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	const struct sigaction action = { .sa_handler = on_interrupt };

	interrupted = 0;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		if (sigaction(signals[i], &action, NULL) < 0)
			return -errno;
	}
	return 0;
}

struct demo {
	struct stage stage;
	char victim[MACHINE_ID_MAX];
	char found[256]; /* what the step has to say in the summary */
};

/* Machines that a run holds now, straight from the store. */
static int machines_of(struct demo *demo, const char *run_key, struct records *ret)
{
	_cleanup_free_ char *address = str_format("sqlite:%s/paddock.db", demo->stage.state);
	_cleanup_(store_closep) struct store *store = NULL;
	const struct config config = {};
	struct controller controller = { .config = &config, .clock = &clock_system };
	struct fault ignored;
	int r;

	if (!address)
		return -ENOMEM;
	r = store_open(address, false, &clock_system, &store, &ignored);
	if (r < 0)
		return r;
	controller.store = store;
	return controller_scan(&controller, &(struct machine_filter){ .run_key = run_key }, ret,
			       &ignored);
}

static int step_warm(struct demo *demo)
{
	int r = stage_command(&demo->stage, 0, "paddock", "provision", "--warm", "--instance-count",
			      "3");

	(void)snprintf(demo->found, sizeof(demo->found), "3 idle machines in the pool");
	return r;
}

static int step_provision(struct demo *demo)
{
	int r = stage_command(&demo->stage, 0, "paddock", "provision", "--run", "first",
			      "--instance-count", "2");

	(void)snprintf(demo->found, sizeof(demo->found), "2 claimed, both out of the pool");
	return r;
}

static int step_exec(struct demo *demo)
{
	int r = stage_command(&demo->stage, 0, "paddock", "exec", "first-1-default", "--", "sh",
			      "-c", "echo hello from $PADDOCK_MACHINE");

	(void)snprintf(demo->found, sizeof(demo->found), "a job ran on each");
	return r;
}

static int step_release(struct demo *demo)
{
	int r = stage_command(&demo->stage, 0, "paddock", "release", "first-1-default");

	(void)snprintf(demo->found, sizeof(demo->found), "proved clean, back in the pool");
	return r;
}

static int step_again(struct demo *demo)
{
	int r = stage_command(&demo->stage, 0, "paddock", "provision", "--run", "second",
			      "--instance-count", "3");

	(void)snprintf(demo->found, sizeof(demo->found), "all warm; each claim raised its seq");
	return r;
}

/* kill -9 of one agent, by the identity that it wrote at its start. */
static int kill_agent(struct demo *demo)
{
	_cleanup_records_ struct records records = {};
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int proc = open(PROCESS_PROC, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int pidfd = -1;
	struct process_identity identity;
	struct fault ignored;
	int r;

	if (proc < 0)
		return -errno;
	r = machines_of(demo, "second-1-default", &records);
	if (r < 0)
		return r;
	if (records.n == 0)
		return -ENOENT;
	r = str_copy(demo->victim, sizeof(demo->victim), records.rows[0].id);
	if (r < 0)
		return r;
	path = str_format("%s/machines/%s/agent.json", demo->stage.state, demo->victim);
	if (!path)
		return -ENOMEM;
	r = process_read_identity_at(AT_FDCWD, path, &identity, &ignored);
	if (r < 0)
		return r;
	pidfd = process_open(proc, &identity);
	if (pidfd < 0)
		return pidfd;
	printf("  kill -9 %d: the agent of %s\n", (int)identity.pid, demo->victim);
	return process_signal(pidfd, SIGKILL);
}

static int step_kill_agent(struct demo *demo)
{
	int r = kill_agent(demo);

	if (r == 0)
		r = stage_command(&demo->stage, 0, "paddock", "refresh");
	if (r == 0)
		r = stage_command(&demo->stage, 0, "paddock", "why", demo->victim);
	if (r == 0)
		r = stage_command(&demo->stage, 0, "paddock", "release", "second-1-default");
	(void)snprintf(demo->found, sizeof(demo->found),
		       "reaped on its provider's word, with a certificate");
	return r;
}

/* Until the run holds a first machine: half-way. */
static int wait_for_claim(struct demo *demo, const char *run_key)
{
	const struct deadline deadline = deadline_in(&clock_system, HALFWAY_MAX_USEC);

	while (!interrupted && !deadline_passed(&deadline, &clock_system)) {
		_cleanup_records_ struct records records = {};
		int r = machines_of(demo, run_key, &records);

		if (r < 0 || records.n > 0)
			return r < 0 ? r : (int)records.n;
		(void)clock_sleep(&clock_system, HALFWAY_STEP_USEC);
	}
	return interrupted ? -EINTR : -ETIMEDOUT;
}

static int step_kill_controller(struct demo *demo)
{
	static const char *const argv[] = { "paddock",          "provision", "--run", "third",
					    "--instance-count", "4",         NULL };
	_cleanup_records_ struct records records = {};
	pid_t pid = stage_start(&demo->stage, argv);
	int r, status;

	if (pid < 0)
		return pid;
	r = wait_for_claim(demo, "third-1-default");
	(void)kill(pid, SIGKILL);
	status = stage_wait(pid);
	if (r < 0)
		return r;
	printf("  kill -9 %d: `paddock provision --run third --instance-count 4`, when it held "
	       "%d%s\n",
	       (int)pid, r, status == 128 + SIGKILL ? "" : " (it was done already)");

	r = stage_run(&demo->stage, 0, argv);
	if (r == 0)
		r = machines_of(demo, "third-1-default", &records);
	(void)snprintf(demo->found, sizeof(demo->found),
		       "the same command again: %zu machines hold that run, 4 were asked for",
		       records.n);
	return r < 0 || r > 0 ? r : records.n == 4 ? 0 : EXIT_FAILED;
}

static int step_reap(struct demo *demo)
{
	int r = stage_command(&demo->stage, 0, "paddock", "release", "third-1-default");

	if (r == 0)
		r = stage_command(&demo->stage, 0, "paddock", "destroy", "--all");
	if (r == 0)
		r = stage_command(&demo->stage, 0, "paddock", "refresh");
	if (r == 0)
		r = stage_command(&demo->stage, 0, "paddock", "status");
	(void)snprintf(demo->found, sizeof(demo->found), "everything has ended");
	return r;
}

/* A host without a PMU is an answer, not a failure. */
static int step_probe(struct demo *demo)
{
	int r = stage_command(&demo->stage, PROBE_LINES, "paddock-agent", "probe");

	(void)snprintf(demo->found, sizeof(demo->found), "%s",
		       r == EXIT_OK            ? "counters work"
		       : r == EXIT_UNAVAILABLE ? "no counters on this machine, and why"
		       : r == EXIT_PARTIAL     ? "counters work in part"
					       : "some counters lie");
	return r < 0 ? r : 0;
}

static const struct {
	const char *title;
	int (*run)(struct demo *demo);
} steps[] = {
	{ "Warm three machines", step_warm },
	{ "Provision two for a run", step_provision },
	{ "Run a job on each", step_exec },
	{ "Release them", step_release },
	{ "Provision again, from warm", step_again },
	{ "Kill an agent", step_kill_agent },
	{ "Kill a controller half-way", step_kill_controller },
	{ "Release, destroy, reap", step_reap },
	{ "Probe this host", step_probe },
};

struct outcome {
	int result;
	uint64_t took_ms;
	char found[256];
};

static int print_summary(const struct outcome *outcomes, size_t n)
{
	static const struct table_column columns[] = {
		{ "STEP", TABLE_LEFT },
		{ "TOOK", TABLE_RIGHT },
		{ "RESULT", TABLE_LEFT },
		{ "WHAT", TABLE_LEFT },
	};
	_cleanup_(table_freep) struct table *table = NULL;
	int r = table_new(columns, ARRAY_SIZE(columns), &table);

	for (size_t i = 0; r == 0 && i < n; i++) {
		char took[32], result[32];

		(void)snprintf(took, sizeof(took), "%" PRIu64 " ms", outcomes[i].took_ms);
		(void)snprintf(result, sizeof(result),
			       outcomes[i].result == 0 ? "ok" : "failed (%d)", outcomes[i].result);
		r = table_row(table, steps[i].title, took, result, outcomes[i].found);
	}
	printf("\n");
	return r < 0 ? r : table_print(table, stdout, 0);
}

/* Returns how many steps were made; the last one may have failed. */
static size_t run_steps(struct demo *demo, struct outcome *outcomes)
{
	bool colour = terminal_colour(stdout);
	size_t n;

	for (n = 0; n < ARRAY_SIZE(steps) && !interrupted; n++) {
		printf("%s%s%zu. %s%s\n", n > 0 ? "\n" : "", colour ? "\033[1m" : "", n + 1,
		       steps[n].title, colour ? "\033[0m" : "");
		(void)fflush(stdout);
		demo->found[0] = '\0';
		outcomes[n].result = steps[n].run(demo);
		outcomes[n].took_ms = stage_lap_ms(&demo->stage);
		(void)!str_copy(outcomes[n].found, sizeof(outcomes[n].found),
				outcomes[n].result == 0 ? demo->found : "");
		if (outcomes[n].result != 0)
			return n + 1;
	}
	return n;
}

static int run_demo(const struct verb_call *call)
{
	const struct edges *edges = call->context;
	_cleanup_free_ char *agent = config_agent_path(&edges->config);
	struct outcome outcomes[ARRAY_SIZE(steps)] = {};
	struct demo demo = {};
	struct fault fault = {};
	bool failed;
	size_t n;
	int r;

	r = catch_signals();
	if (r == 0 && (!agent || access(agent, X_OK) < 0))
		r = fault_cure(&fault,
			       fault_set(&fault, errno, "cannot start %s: %m",
					 agent ? agent : "paddock-agent"),
			       "install it beside paddock, or give --agent-path");
	if (r == 0)
		r = stage_open(&demo.stage, agent, &interrupted, &fault);
	if (r < 0) {
		(void)stage_close(&demo.stage);
		return program_fail(r, &fault);
	}

	n = run_steps(&demo, outcomes);
	failed = n > 0 && outcomes[n - 1].result != 0;
	r = stage_close(&demo.stage);
	if (r < 0)
		return program_fail(
			fault_set(&fault, -r, "cannot remove what the demo made: %s", strerror(-r)),
			&fault);
	if (interrupted) {
		fprintf(stderr, "\npaddock: interrupted; nothing is left behind\n");
		return 128 + interrupted;
	}
	r = print_summary(outcomes, n);
	printf("\nNothing is left: no process, no file.\n");
	return r < 0 || failed ? EXIT_FAILED : EXIT_OK;
}

const struct verb verb_demo = {
	.name = "demo",
	.help = "Show all of it in half a minute, leaving nothing behind",
	.details =
		"Runs the real programs in a directory of their own: warms machines, hands them "
		"out, runs jobs, gives them back, kills an agent and a controller and shows both "
		"healed, reaps, probes this host. Ends everything it started, at Ctrl-C too.",
	.run = run_demo,
};
