#pragma once

/*
 * A machine with a runner, real jobs, and a record of what the runner called back.
 *
 * The test is a subreaper, so that whatever a supervisor would leave behind becomes its child: that
 * it has no child in the end proves that nothing is left.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/runner/runner.h"
#include "common/base/clock.h"
#include "common/base/io.h"
#include "common/base/parse.h"
#include "common/base/process.h"
#include "common/forge/forge.h"
#include "tests/test.h"

#define WAIT_USEC (20 * USEC_PER_SEC)
#define TURN_USEC (5 * USEC_PER_MSEC)
#define LONG_GRACE (60 * USEC_PER_SEC) /* longer than any test may take */
#define PATH_TEXT_MAX 4096

struct world {
	struct tree *tree;
	int lock_fd;
	int proc_fd;
	sd_event *event;
	char self_exe[PATH_TEXT_MAX];
	struct runner_options options;
	struct runner *runner;

	/* What came back. */
	unsigned n_started, n_exited, n_stopped, n_cleaned;
	pid_t pid;
	uint64_t seq, number, cleaned_seq;
	int exit_code;
	char detail[RUNNER_TEXT_MAX];
	char output[JOB_OUTPUT_MAX + 1], errors[JOB_OUTPUT_MAX + 1];
	size_t output_size, errors_size;
	struct runner_verdict verdict;
};

static inline void world_on_started(_unused_ struct runner *runner, pid_t pid, void *context)
{
	struct world *w = context;

	w->n_started++;
	w->pid = pid;
}

static inline void world_on_exited(_unused_ struct runner *runner,
				   const struct runner_result *result, void *context)
{
	struct world *w = context;

	w->n_exited++;
	w->seq = result->seq;
	w->number = result->number;
	w->exit_code = result->exit_code;
	(void)snprintf(w->detail, sizeof(w->detail), "%s", result->detail ?: "");
	ck_assert_uint_le(result->output_size, JOB_OUTPUT_MAX);
	ck_assert_uint_le(result->errors_size, JOB_OUTPUT_MAX);
	ck_assert_int_eq(result->output[result->output_size], 0);
	memcpy(w->output, result->output, result->output_size + 1);
	memcpy(w->errors, result->errors, result->errors_size + 1);
	w->output_size = result->output_size;
	w->errors_size = result->errors_size;
}

static inline void world_on_stopped(_unused_ struct runner *runner, void *context)
{
	struct world *w = context;

	w->n_stopped++;
}

static inline void world_on_cleaned(_unused_ struct runner *runner, uint64_t seq,
				    const struct runner_verdict *verdict, void *context)
{
	struct world *w = context;

	w->n_cleaned++;
	w->cleaned_seq = seq;
	w->verdict = *verdict;
}

static const struct runner_callbacks world_callbacks = {
	.on_started = world_on_started,
	.on_exited = world_on_exited,
	.on_stopped = world_on_stopped,
	.on_cleaned = world_on_cleaned,
};

/* The supervisor lies beside this test's own program. */
static inline void find_supervisor(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);

	ck_assert_int_gt(n, 0);
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	ck_assert_uint_lt(strlen(path) + sizeof("/supervisor"), size);
	(void)snprintf(path + strlen(path), size - strlen(path), "/supervisor");
}

static inline struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	ck_assert_ptr_nonnull(w);
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	w->tree = tree_new();
	w->lock_fd = openat(w->tree->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(w->lock_fd, 0);
	ck_assert_int_eq(flock(w->lock_fd, LOCK_EX | LOCK_NB), 0);
	w->proc_fd = open(PROCESS_PROC, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(w->proc_fd, 0);
	ck_assert_int_eq(sd_event_new(&w->event), 0);

	find_supervisor(w->self_exe, sizeof(w->self_exe));
	w->options = (struct runner_options){
		.event = w->event,
		.machine = "m-1",
		.machine_dir = w->tree->path,
		.machine_fd = w->tree->fd,
		.lock_fd = w->lock_fd,
		.self_exe = w->self_exe,
	};
	return w;
}

/* Nothing that was started may be left: no child, and so no descendant; and no hold on the lock. */
static inline void world_free(struct world *w)
{
	int lock_fd;

	runner_free(w->runner);
	while (waitpid(-1, NULL, 0) > 0)
		;
	ck_assert_int_eq(errno, ECHILD);

	close(w->lock_fd);
	lock_fd = openat(w->tree->fd, "lock", O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(flock(lock_fd, LOCK_EX | LOCK_NB), 0);
	close(lock_fd);
	close(w->proc_fd);
	sd_event_unref(w->event);
	tree_free(w->tree);
	free(w);
}
DEFINE_CLEANUP(struct world *, world_free)

static inline struct runner *world_runner(struct world *w)
{
	if (!w->runner)
		ck_assert_int_eq(runner_spawn.create(&w->options, &world_callbacks, w, &w->runner),
				 0);
	return w->runner;
}

/* Turns the loop until the condition holds. */
#define RUN_UNTIL(w, condition)                                                    \
	do {                                                                       \
		struct deadline _deadline =                                        \
			deadline_in(&clock_system, test_patience_usec(WAIT_USEC)); \
		while (!(condition)) {                                             \
			ck_assert_msg(!deadline_passed(&_deadline, &clock_system), \
				      "never came: %s", #condition);               \
			ck_assert_int_ge(sd_event_run((w)->event, TURN_USEC), 0);  \
		}                                                                  \
	} while (0)

static inline int world_try_start(struct world *w, uint64_t seq, uint64_t number, char *const *argv)
{
	const struct runner_job job = {
		.seq = seq,
		.number = number,
		.run_key = "42-1-default",
		.argv = argv,
	};

	return world_runner(w)->ops->start(w->runner, &job, NULL);
}

static inline void world_start(struct world *w, const char *script)
{
	char *argv[] = { "sh", "-c", (char *)script, NULL };

	ck_assert_int_eq(world_try_start(w, 7, w->n_exited + 1, argv), 0);
}

static inline void world_stop(struct world *w, uint64_t grace_usec)
{
	unsigned n = w->n_stopped;

	ck_assert_int_eq(w->runner->ops->stop(w->runner, grace_usec), 0);
	RUN_UNTIL(w, w->n_stopped > n);
}

static inline void world_run(struct world *w, const char *script)
{
	unsigned n = w->n_exited;

	world_start(w, script);
	RUN_UNTIL(w, w->n_exited > n);
}

static inline void world_clean(struct world *w)
{
	unsigned n = w->n_cleaned;

	ck_assert_int_eq(w->runner->ops->clean(w->runner, 7), 0);
	RUN_UNTIL(w, w->n_cleaned > n);
	ck_assert_uint_eq(w->cleaned_seq, 7);
	ck_assert_int_eq(w->verdict.clean, w->verdict.reason[0] == '\0');
}

static inline bool world_has(struct world *w, const char *path)
{
	return faccessat(w->tree->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The process whose pid a job has written to a file of its directory, as soon as it has. */
static inline struct process_identity world_process(struct world *w, const char *file)
{
	_cleanup_free_ char *path = str_format("work-7/%s", file);
	struct process_identity identity = {};
	char text[32] = "";
	uint64_t pid = 0;

	ck_assert_ptr_nonnull(path);
	RUN_UNTIL(w, read_file_at(w->tree->fd, path, text, sizeof(text)) > 0 &&
			     parse_u64(text, &pid) == 0 &&
			     process_identify(w->proc_fd, (pid_t)pid, &identity) == 0);
	return identity;
}

static inline bool world_lives(struct world *w, const struct process_identity *identity)
{
	_cleanup_close_ int pidfd = process_open(w->proc_fd, identity);

	ck_assert(pidfd >= 0 || pidfd == -ESRCH);
	return pidfd >= 0;
}
