/* The acts of a storm: what controllers are asked, and what befalls them, the agents, the jobs and
 * the store. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "common/base/io.h"
#include "tests/helpers/storm.h"

#define ARGUMENTS_MAX 24
#define JOB_CODE "9" /* how every job ends that ends by itself */

extern char **environ;

enum act {
	ACT_WARM,
	ACT_RUN,
	ACT_TWINS,
	ACT_HOLD,
	ACT_EXEC,
	ACT_RELEASE,
	ACT_REFRESH,
	ACT_KILL_AGENT,
	ACT_KILL_JOB,
	ACT_KILL_CONTROLLER,
	ACT_STOP_AGENT,
	ACT_TERM_AGENT,
	ACT_LOCK_STORE,
	ACT_MOVE_STORE,
	_ACT_MAX,
};

const char *const storm_act_names[_ACT_MAX + 1] = {
	[ACT_WARM] = "warm",
	[ACT_RUN] = "run",
	[ACT_TWINS] = "same key twice",
	[ACT_HOLD] = "provision",
	[ACT_EXEC] = "exec",
	[ACT_RELEASE] = "release",
	[ACT_REFRESH] = "refresh",
	[ACT_KILL_AGENT] = "kill agent",
	[ACT_KILL_JOB] = "kill job",
	[ACT_KILL_CONTROLLER] = "kill controller",
	[ACT_STOP_AGENT] = "freeze agent",
	[ACT_TERM_AGENT] = "SIGTERM agent",
	[ACT_LOCK_STORE] = "lock store",
	[ACT_MOVE_STORE] = "move store away",
};

/* How often each is chosen, of all that are. */
static const unsigned weights[_ACT_MAX] = {
	[ACT_WARM] = 3,       [ACT_RUN] = 6,
	[ACT_TWINS] = 2,      [ACT_HOLD] = 4,
	[ACT_EXEC] = 4,       [ACT_RELEASE] = 4,
	[ACT_REFRESH] = 5,    [ACT_KILL_AGENT] = 4,
	[ACT_KILL_JOB] = 2,   [ACT_KILL_CONTROLLER] = 4,
	[ACT_STOP_AGENT] = 4, [ACT_TERM_AGENT] = 1,
	[ACT_LOCK_STORE] = 2, [ACT_MOVE_STORE] = 1,
};

static pid_t spawn(const struct storm *storm, char *const *argv, unsigned log)
{
	_cleanup_free_ char *out = str_format("%s/logs/%u.o", storm->dir, log);
	_cleanup_free_ char *err = str_format("%s/logs/%u.e", storm->dir, log);
	const int flags = O_WRONLY | O_CREAT | O_TRUNC;
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;

	if (!out || !err || posix_spawn_file_actions_init(&actions) != 0)
		abort();
	if (posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) ||
	    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out, flags, 0600) ||
	    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err, flags, 0600) ||
	    posix_spawn(&pid, argv[0], &actions, NULL, argv, environ) != 0)
		abort();
	(void)posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static pid_t spawn_controller(struct storm *storm, const char *const *arguments)
{
	char *argv[ARGUMENTS_MAX] = { (char *)storm->paddock };
	size_t n = 1;

	for (; arguments[n - 1]; n++) {
		if (n == ARGUMENTS_MAX - 1)
			abort();
		argv[n] = (char *)arguments[n - 1];
	}
	return spawn(storm, argv, storm->logs++);
}

void storm_controller(struct storm *storm, const char *const *arguments)
{
	struct storm_child *child;

	if (storm->n_children == STORM_CHILDREN_MAX)
		return;
	child = &storm->children[storm->n_children++];
	*child = (struct storm_child){ .log = storm->logs };
	(void)!str_copy(child->verb, sizeof(child->verb), arguments[0]);
	child->pid = spawn_controller(storm, arguments);
}

int storm_call(struct storm *storm, const char *const *arguments)
{
	pid_t pid = spawn_controller(storm, arguments);
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			abort();
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static struct storm_run *new_run(struct storm *storm, unsigned count, bool keeps)
{
	struct storm_run *run;

	if (storm->n_runs == STORM_RUNS_MAX)
		abort();
	run = &storm->runs[storm->n_runs];
	(void)snprintf(run->name, sizeof(run->name), "r%zu", storm->n_runs);
	(void)snprintf(run->key, sizeof(run->key), "r%zu-1-default", storm->n_runs++);
	run->count = count;
	run->keeps = keeps;
	return run;
}

/* One that is open, or NULL. Draws in any case. */
static struct storm_run *some_run(struct storm *storm)
{
	uint64_t draw = storm_draw(storm, 1 << 20);
	size_t open = storm->n_runs - storm->first_open;

	return open > 0 ? &storm->runs[storm->first_open + draw % open] : NULL;
}

static struct sight *some_sight(struct storm *storm, enum sight_kind kind)
{
	uint64_t draw = storm_draw(storm, 1 << 20);
	struct sight *of_kind[STORM_SIGHTS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < storm->n_sights; i++) {
		if (storm->sights[i].kind == kind)
			of_kind[n++] = &storm->sights[i];
	}
	return n > 0 ? of_kind[draw % n] : NULL;
}

/* Writes a line for each start, so that a second one of the same is seen; with one child in its
 * session; at times deaf to SIGTERM. */
static const char job_script[] =
	"echo \"$PADDOCK_RUN_KEY $PADDOCK_MACHINE $PADDOCK_SEQ $1\" >>\"$0\"; sleep 100 & "
	"case $2 in deaf) trap '' TERM ;; esac; sleep \"$3\"; exit " JOB_CODE;

/* run and exec: the verb, then what every one of them runs. mark tells one job from another. */
static void start_job(struct storm *storm, const char *const *head, const char *mark)
{
	_cleanup_free_ char *starts = str_format("%s/starts", storm->dir);
	const char *deaf = storm_draw(storm, 6) == 0 ? "deaf" : "hears";
	char seconds[16];
	const char *arguments[ARGUMENTS_MAX];
	size_t n = 0;

	/* Long enough to be met by a release. */
	(void)snprintf(seconds, sizeof(seconds), "%u.%u", (unsigned)storm_draw(storm, 4),
		       (unsigned)storm_draw(storm, 10));
	if (!starts)
		abort();
	for (; head[n]; n++)
		arguments[n] = head[n];
	for (const char *const *at = (const char *const[]){ "--", "/bin/sh", "-c", job_script,
							    starts, mark, deaf, seconds, NULL };
	     ; at++) {
		arguments[n++] = *at;
		if (!*at)
			break;
	}
	storm_controller(storm, arguments);
}

static void act_warm(struct storm *storm)
{
	char count[8];

	(void)snprintf(count, sizeof(count), "%u", storm->target);
	storm_controller(storm, (const char *const[]){ "provision", "--warm", "--instance-count",
						       count, "--timeout", "10s", NULL });
}

static void act_run(struct storm *storm)
{
	const struct storm_run *run = new_run(storm, 1 + (unsigned)storm_draw(storm, 2), false);

	start_job(storm,
		  (const char *const[]){ "run", "--run", run->name, "--instance-count",
					 run->count == 1 ? "1" : "2", "--timeout", "10s", NULL },
		  "run");
}

static void act_hold(struct storm *storm)
{
	const struct storm_run *run = new_run(storm, 1 + (unsigned)storm_draw(storm, 3), true);
	char count[8];

	(void)snprintf(count, sizeof(count), "%u", run->count);
	storm_controller(storm,
			 (const char *const[]){ "provision", "--run", run->name, "--instance-count",
						count, "--timeout", "10s", NULL });
}

static void act_twins(struct storm *storm)
{
	const struct storm_run *run = new_run(storm, 2, true);

	for (int i = 0; i < 2; i++)
		storm_controller(storm, (const char *const[]){ "provision", "--run", run->name,
							       "--instance-count", "2", "--timeout",
							       "10s", NULL });
}

static void act_exec(struct storm *storm)
{
	const struct storm_run *run = some_run(storm);
	char mark[24];

	(void)snprintf(mark, sizeof(mark), "exec-%" PRIu64, storm->draws);
	if (run)
		start_job(storm, (const char *const[]){ "exec", run->key, NULL }, mark);
}

static void act_release(struct storm *storm)
{
	const struct storm_run *run = some_run(storm);
	bool force = storm_draw(storm, 2) == 0;

	if (run)
		storm_controller(storm,
				 (const char *const[]){ "release", run->key, "--timeout", "15s",
							force ? "--force" : NULL, NULL });
}

static void act_refresh(struct storm *storm)
{
	storm_controller(storm, (const char *const[]){ "refresh", NULL });
}

static void kill_some(struct storm *storm, enum sight_kind kind, int number)
{
	const struct sight *sight = some_sight(storm, kind);

	if (sight && sight_lives(sight))
		(void)kill(sight->pid, number);
}

static void act_kill_agent(struct storm *storm)
{
	kill_some(storm, SIGHT_AGENT, SIGKILL);
}

static void act_term_agent(struct storm *storm)
{
	kill_some(storm, SIGHT_AGENT, SIGTERM);
}

static void act_kill_job(struct storm *storm)
{
	kill_some(storm, SIGHT_JOB, SIGKILL);
}

static void act_kill_controller(struct storm *storm)
{
	uint64_t draw = storm_draw(storm, 1 << 20);
	struct storm_child *child;

	if (storm->n_children == 0)
		return;
	child = &storm->children[draw % storm->n_children];
	child->killed = true;
	(void)kill(child->pid, SIGKILL);
}

static void act_stop_agent(struct storm *storm)
{
	const struct sight *sight = some_sight(storm, SIGHT_AGENT);
	uint64_t length_ms = 100 + storm_draw(storm, 2900);

	if (!sight || storm->n_stopped == STORM_STOPPED_MAX || !sight_lives(sight))
		return;
	storm->stopped[storm->n_stopped].pid = sight->pid;
	storm->stopped[storm->n_stopped].start_time = sight->start_time;
	storm->stopped[storm->n_stopped++].until_ms = storm_now_ms() + length_ms;
	(void)kill(sight->pid, SIGSTOP);
}

/* Another process: this one's own locks would not be in its way. */
static void act_lock_store(struct storm *storm)
{
	char ms[16], self[] = "/proc/self/exe", verb[] = "lock";
	uint64_t length_ms = 100 + storm_draw(storm, 4000);
	char *argv[] = { self, verb, storm->store_path, ms, NULL };

	if (storm->locker > 0)
		return;
	(void)snprintf(ms, sizeof(ms), "%" PRIu64, length_ms);
	storm->locker = spawn(storm, argv, storm->logs++);
}

static void move_store(struct storm *storm, bool away)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		_cleanup_free_ char *home = str_format("%s%s", storm->store_path, suffixes[i]);
		_cleanup_free_ char *exile =
			str_format("%s.away%s", storm->store_path, suffixes[i]);

		if (!home || !exile)
			abort();
		(void)!rename(away ? home : exile, away ? exile : home);
	}
}

/* Only while no controller is at work: one that is to make machines would make a store for them. */
static void act_move_store(struct storm *storm)
{
	uint64_t length_ms = 500 + storm_draw(storm, 3000);

	if (storm->n_children > 0 || storm->locker > 0 || storm->away_until_ms > 0)
		return;
	move_store(storm, true);
	storm->away_until_ms = storm_now_ms() + length_ms;
}

static void (*const acts[_ACT_MAX])(struct storm *storm) = {
	[ACT_WARM] = act_warm,
	[ACT_RUN] = act_run,
	[ACT_TWINS] = act_twins,
	[ACT_HOLD] = act_hold,
	[ACT_EXEC] = act_exec,
	[ACT_RELEASE] = act_release,
	[ACT_REFRESH] = act_refresh,
	[ACT_KILL_AGENT] = act_kill_agent,
	[ACT_KILL_JOB] = act_kill_job,
	[ACT_KILL_CONTROLLER] = act_kill_controller,
	[ACT_STOP_AGENT] = act_stop_agent,
	[ACT_TERM_AGENT] = act_term_agent,
	[ACT_LOCK_STORE] = act_lock_store,
	[ACT_MOVE_STORE] = act_move_store,
};

void storm_act(struct storm *storm)
{
	unsigned all = 0, act = 0;
	uint64_t draw;

	for (size_t i = 0; i < _ACT_MAX; i++)
		all += weights[i];
	draw = storm_draw(storm, all);
	while (draw >= weights[act])
		draw -= weights[act++];
	/* What needs a store waits until there is one. */
	if (storm->away_until_ms > 0 && act <= ACT_REFRESH)
		return;
	storm->counts[act]++;
	acts[act](storm);
}

static void thaw(struct storm *storm, bool all)
{
	size_t kept = 0;

	for (size_t i = 0; i < storm->n_stopped; i++) {
		const struct sight sight = { .pid = storm->stopped[i].pid,
					     .start_time = storm->stopped[i].start_time };

		if (!all && storm_now_ms() < storm->stopped[i].until_ms)
			storm->stopped[kept++] = storm->stopped[i];
		else if (sight_lives(&sight))
			(void)kill(sight.pid, SIGCONT);
	}
	storm->n_stopped = kept;
}

static void end_lock(struct storm *storm, bool now)
{
	if (storm->locker <= 0)
		return;
	if (now)
		(void)kill(storm->locker, SIGKILL);
	if (waitpid(storm->locker, NULL, now ? 0 : WNOHANG) != 0)
		storm->locker = 0;
}

static void end_outage(struct storm *storm, bool now)
{
	if (storm->away_until_ms == 0 || (!now && storm_now_ms() < storm->away_until_ms))
		return;
	move_store(storm, false);
	storm->away_until_ms = 0;
}

/* What a controller may leave with: its own codes, a job's, and those of a job that was ended. */
static bool may_leave_with(const struct storm_child *child, int status)
{
	static const int codes[] = { 0, 1, 4, 5, 9, 75, 125, 137, 143 };

	if (WIFSIGNALED(status))
		return child->killed && WTERMSIG(status) == SIGKILL;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		if (WEXITSTATUS(status) == codes[i])
			return true;
	}
	return false;
}

static int reap_children(struct storm *storm)
{
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; i < storm->n_children; i++) {
		struct storm_child *child = &storm->children[i];
		int status;

		if (waitpid(child->pid, &status, WNOHANG) == 0) {
			storm->children[kept++] = *child;
		} else if (!may_leave_with(child, status)) {
			(void)fprintf(stderr,
				      "storm: seed %" PRIu64
				      ": paddock %s left with status %#x; see "
				      "logs/%u.e\n",
				      storm->seed, child->verb, (unsigned)status, child->log);
			r = -1;
		}
	}
	storm->n_children = kept;
	return r;
}

int storm_tick(struct storm *storm)
{
	thaw(storm, false);
	end_lock(storm, false);
	end_outage(storm, false);
	return reap_children(storm);
}

void storm_calm(struct storm *storm)
{
	thaw(storm, true);
	end_lock(storm, true);
	end_outage(storm, true);
}
