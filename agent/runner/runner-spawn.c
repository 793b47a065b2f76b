/*
 * Jobs as children of a supervisor, which is this program started again (supervise.h). One at a
 * time: a job, or the removal of what a claim has left. What comes back is read from a socket; when
 * the supervisor's process has ended, what is still in the socket is read first.
 *
 * A supervisor that lingers has told how its task ended, but its process is still there: no task,
 * but a child.
 *
 * A supervisor can be killed before it has done its work, by the job above all. The agent is a
 * subreaper for that case: what the supervisor minded becomes the agent's, which ends it in the
 * same way, round by round, off a timer. The program must not have other children therefore.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "agent/home.h"
#include "agent/runner/job-prepare.h"
#include "agent/runner/runner.h"
#include "agent/runner/spawn-self.h"
#include "agent/runner/supervise.h"
#include "agent/runner/sweep.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/forge/forge.h"

#define MESSAGE_MAX (sizeof(struct supervise_report) + (size_t)JOB_OUTPUT_MAX)
#define TAKE_OVER_ROUND_USEC (20 * USEC_PER_MSEC)

enum task { TASK_NONE, TASK_JOB, TASK_CLEAN };

struct stream {
	char *text; /* owned, with a NUL behind it; NULL: nothing came */
	size_t size;
};

struct spawn_runner {
	struct runner runner;
	struct runner_options options;
	const struct runner_callbacks *callbacks;
	void *context;

	enum task task;
	uint64_t seq, number;                          /* of the task */
	struct child child;                            /* the supervisor, while there is one */
	sd_event_source *control_source, *exit_source; /* owned, as long as child */
	struct stream output, errors;
	bool reported;
	struct supervise_report report; /* the last one, once reported */
	pid_t leader;                   /* of the job's session; 0: not started */

	/* What a dead supervisor left to us; owned, NULL: nothing. */
	struct sweep *sweep;
	struct deadline resist;
	sd_event_source *sweep_source;

	sd_event_source *answer_source; /* owned; on while one of these can be given: */
	bool owes_stopped, owes_cleaned;
	uint64_t clean_seq;
	char dirt[RUNNER_TEXT_MAX]; /* why this machine will never be clean again */
};

static struct spawn_runner *spawn_runner(struct runner *runner)
{
	return container_of(runner, struct spawn_runner, runner);
}

static void stream_done(struct stream *stream)
{
	free(stream->text);
	*stream = (struct stream){};
}

static void forget_streams(struct spawn_runner *s)
{
	stream_done(&s->output);
	stream_done(&s->errors);
}

static void forget_child(struct spawn_runner *s)
{
	s->control_source = sd_event_source_disable_unref(s->control_source);
	s->exit_source = sd_event_source_disable_unref(s->exit_source);
	child_done(&s->child);
}

static void note_dirt(struct spawn_runner *s, const char *dirt)
{
	if (s->dirt[0] == '\0')
		(void)snprintf(s->dirt, sizeof(s->dirt), "%s", dirt);
}

/* From the loop, so that no answer comes before the call that it answers has returned. */
static void answer_soon(struct spawn_runner *s)
{
	int r;

	r = sd_event_source_set_enabled(s->answer_source, SD_EVENT_ONESHOT);
	if (r < 0)
		log_error_errno(r, "cannot answer the agent: %m");
}

static int on_answer(_unused_ sd_event_source *source, void *userdata)
{
	struct spawn_runner *s = userdata;
	struct runner_verdict verdict = { .clean = s->dirt[0] == '\0' };
	bool stopped = s->owes_stopped && s->task != TASK_JOB;
	bool cleaned = s->owes_cleaned && s->task != TASK_CLEAN;

	if (stopped) {
		s->owes_stopped = false;
		s->callbacks->on_stopped(&s->runner, s->context);
	}
	if (cleaned) {
		s->owes_cleaned = false;
		memcpy(verdict.reason, s->dirt, sizeof(verdict.reason));
		s->callbacks->on_cleaned(&s->runner, s->clean_seq, &verdict, s->context);
	}
	return 0;
}

/* The task's end, whoever told it. Its own state is put away first: the callback may start anew. */
static void finish(struct spawn_runner *s)
{
	struct supervise_report report = s->report;
	struct stream output = s->output, errors = s->errors;
	struct runner_result result = {
		.seq = s->seq,
		.number = s->number,
		.exit_code = report.exit_code,
		.detail = report.detail[0] ? report.detail : NULL,
		.output = output.text ?: "",
		.output_size = output.size,
		.errors = errors.text ?: "",
		.errors_size = errors.size,
	};
	enum task task = s->task;

	s->task = TASK_NONE;
	s->output = s->errors = (struct stream){};
	if (report.dirt[0])
		note_dirt(s, report.dirt);
	if (s->owes_stopped || s->owes_cleaned)
		answer_soon(s);

	if (task == TASK_JOB)
		s->callbacks->on_exited(&s->runner, &result, s->context);
	free(output.text);
	free(errors.text);
}

static void on_report(struct spawn_runner *s, const struct supervise_report *report,
		      struct stream *tail)
{
	struct stream *to = report->type == SUPERVISE_OUTPUT ? &s->output : &s->errors;

	switch (report->type) {
	case SUPERVISE_STARTED:
		s->leader = report->pid;
		s->callbacks->on_started(&s->runner, report->pid, s->context);
		break;
	case SUPERVISE_OUTPUT:
	case SUPERVISE_ERRORS:
		stream_done(to);
		to->text = take_ptr(tail->text);
		to->size = tail->size;
		break;
	case SUPERVISE_ENDED:
		s->reported = true;
		s->report = *report;
		if (report->lingering)
			finish(s);
		break;
	}
}

/* 1: a report was read; 0: there is none; -EPIPE: nor will there be. */
static int receive(struct spawn_runner *s)
{
	struct supervise_report report;
	_cleanup_(stream_done) struct stream tail = {};
	struct iovec parts[2] = { { .iov_base = &report, .iov_len = sizeof(report) } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = ARRAY_SIZE(parts) };
	ssize_t n;

	n = recv(s->child.control_fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
	if (n < (ssize_t)sizeof(report) || n > (ssize_t)MESSAGE_MAX)
		return -EPIPE;

	tail.size = (size_t)n - sizeof(report);
	tail.text = calloc(1, tail.size + 1);
	if (!tail.text)
		return -ENOMEM;
	parts[1] = (struct iovec){ .iov_base = tail.text, .iov_len = tail.size };
	if (recvmsg(s->child.control_fd, &message, MSG_DONTWAIT) != n)
		return -EPIPE;

	on_report(s, &report, &tail);
	return 1;
}

static int on_control(_unused_ sd_event_source *source, _unused_ int fd, _unused_ uint32_t events,
		      void *userdata)
{
	struct spawn_runner *s = userdata;

	/* What follows its end is the end of the process, which another source waits for. */
	return receive(s) < 0 ? sd_event_source_set_enabled(s->control_source, SD_EVENT_OFF) : 0;
}

static void report_death(struct spawn_runner *s, const siginfo_t *info)
{
	const char *what = s->task == TASK_JOB ? "job" : "removal";

	s->reported = true;
	s->report = (struct supervise_report){ .exit_code = 128 + SIGKILL };
	if (info->si_code == CLD_EXITED)
		(void)snprintf(
			s->report.dirt, sizeof(s->report.dirt),
			"the supervisor of a %s exited with %d before it had proved anything", what,
			info->si_status);
	else
		(void)snprintf(s->report.dirt, sizeof(s->report.dirt),
			       "the supervisor of a %s was killed by signal %d", what,
			       info->si_status);
	memcpy(s->report.detail, s->report.dirt, sizeof(s->report.detail));
}

static void forget_sweep(struct spawn_runner *s)
{
	s->sweep_source = sd_event_source_disable_unref(s->sweep_source);
	if (s->sweep)
		closep(&s->sweep->proc_fd);
	free(take_ptr(s->sweep));
}

static int on_sweep(sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
	struct spawn_runner *s = userdata;
	int r;

	r = sweep_round(s->sweep);
	if (r != 0 && !deadline_passed(&s->resist, &clock_system)) {
		r = sd_event_source_set_time_relative(source, TAKE_OVER_ROUND_USEC);
		if (r >= 0)
			return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	}
	forget_sweep(s);
	finish(s);
	return 0;
}

static int take_over(struct spawn_runner *s)
{
	_cleanup_close_ int proc_fd = open(PROCESS_PROC, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (proc_fd < 0)
		return -errno;
	s->sweep = calloc(1, sizeof(*s->sweep));
	if (!s->sweep)
		return -ENOMEM;

	r = sweep_init(s->sweep, proc_fd);
	s->sweep->proc_fd = take_fd(proc_fd);
	s->sweep->leader = s->leader;
	if (r >= 0)
		r = sd_event_add_time_relative(s->options.event, &s->sweep_source, CLOCK_BOOTTIME,
					       0, 1, on_sweep, s);
	if (r < 0)
		forget_sweep(s);
	s->resist = deadline_in(&clock_system, s->options.resist_usec);
	return r;
}

static int on_exit_(_unused_ sd_event_source *source, _unused_ int fd, _unused_ uint32_t events,
		    void *userdata)
{
	struct spawn_runner *s = userdata;
	siginfo_t info = {};

	while (receive(s) > 0)
		;
	(void)waitid(P_PID, (id_t)s->child.pid, &info, WEXITED | WNOHANG);
	forget_child(s);

	if (s->task == TASK_NONE)
		return 0;
	if (!s->reported) {
		report_death(s, &info);
		if (s->task == TASK_JOB && take_over(s) >= 0)
			return 0;
	}
	finish(s);
	return 0;
}

/* fds: what it gets behind the lock. */
static int start_task(struct spawn_runner *s, enum task task, char *const *argv, char *const *env,
		      const int *fds, size_t n_fds)
{
	int all[_SUPERVISE_FD_END - SUPERVISE_FD_LOCK] = { s->options.lock_fd };
	int r;

	for (size_t i = 0; i < n_fds && i + 1 < ARRAY_SIZE(all); i++)
		all[i + 1] = fds[i];
	r = spawn_self(s->options.self_exe, argv, env, all, n_fds + 1, &s->child);
	if (r < 0)
		return r;

	r = sd_event_add_io(s->options.event, &s->control_source, s->child.control_fd, EPOLLIN,
			    on_control, s);
	if (r >= 0)
		r = sd_event_add_io(s->options.event, &s->exit_source, s->child.pidfd, EPOLLIN,
				    on_exit_, s);
	if (r < 0) {
		/* It goes by itself when its socket closes, and nobody has to wait for it. */
		forget_child(s);
		return r;
	}
	(void)sd_event_source_set_description(s->control_source, "supervisor-report");
	(void)sd_event_source_set_description(s->exit_source, "supervisor-exit");

	forget_streams(s);
	s->reported = false;
	s->leader = 0;
	s->task = task;
	return 0;
}

static int spawn_start(struct runner *runner, const struct runner_job *job, struct fault *fault)
{
	_cleanup_(prepared_job_done) struct prepared_job prepared = { .dir_fd = -1,
								      .output_fd = -1,
								      .errors_fd = -1 };
	struct spawn_runner *s = spawn_runner(runner);
	int r;

	if (s->task != TASK_NONE || s->owes_stopped || s->owes_cleaned)
		return fault_set(fault, EBUSY, "another job runs, or is being cleared away");
	if (s->child.pid > 0)
		return fault_set(fault, EBUSY, "an earlier job resists its end: %s", s->dirt);

	r = job_prepare(&prepared, &s->options, job, fault);
	if (r < 0)
		return r;
	r = start_task(s, TASK_JOB, prepared.argv, prepared.env,
		       (int[]){ prepared.dir_fd, prepared.output_fd, prepared.errors_fd }, 3);
	if (r < 0)
		return fault_set(fault, r, "cannot start the job: %m");

	s->seq = job->seq;
	s->number = job->number;
	return 0;
}

static int spawn_stop(struct runner *runner, uint64_t grace_usec)
{
	struct spawn_runner *s = spawn_runner(runner);
	const struct supervise_stop stop = { .grace_usec = grace_usec };

	s->owes_stopped = true;
	if (s->task != TASK_JOB) {
		answer_soon(s);
		return 0;
	}

	/* One that cannot be told any more has ended, or is about to be seen ending. */
	if (s->child.pid > 0 &&
	    send(s->child.control_fd, &stop, sizeof(stop), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
	    errno != EPIPE && errno != ECONNRESET)
		return -errno;
	return 0;
}

/* Whether the lock's name still leads to the lock that is held. A job of the agent's own user can
 * remove it, and then another agent of this machine could start beside us. */
static bool lock_is_in_place(const struct runner_options *options)
{
	struct stat held, named;

	return fstat(options->lock_fd, &held) == 0 &&
	       fstatat(options->machine_fd, HOME_LOCK, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

static int spawn_clean(struct runner *runner, uint64_t seq)
{
	struct spawn_runner *s = spawn_runner(runner);
	static char program[] = "paddock-agent", argument[] = SUPERVISE_ARGUMENT, verb[] = "clean";
	char name[WORK_NAME_MAX];
	char *argv[] = { program, argument, verb, name, NULL };
	char *env[] = { NULL };
	int r = 0;

	if (s->task != TASK_NONE || s->owes_cleaned)
		return -EBUSY;

	if (!lock_is_in_place(&s->options))
		note_dirt(s, "the machine's lock is no longer in its place");

	work_name(seq, name, sizeof(name));
	s->clean_seq = seq;
	if (s->dirt[0] != '\0' || !work_is_left(s->options.machine_fd, seq)) {
		s->owes_cleaned = true;
		answer_soon(s);
		return 0;
	}

	r = start_task(s, TASK_CLEAN, argv, env, &s->options.machine_fd, 1);
	if (r >= 0)
		s->owes_cleaned = true;
	return r;
}

static void spawn_free(struct runner *runner)
{
	struct spawn_runner *s = spawn_runner(runner);

	if (s->sweep)
		(void)!sweep_round(s->sweep);
	forget_sweep(s);
	forget_child(s);
	forget_streams(s);
	sd_event_source_disable_unref(s->answer_source);
	sd_event_unref(s->options.event);
	free(s);
}

static int spawn_create(const struct runner_options *options,
			const struct runner_callbacks *callbacks, void *context,
			struct runner **ret)
{
	_cleanup_(runner_freep) struct runner *runner = NULL;
	struct spawn_runner *s;
	int r;

	/* Without it nothing that a job leaves can be found. */
	if (access(PROCESS_PROC "/self/stat", R_OK) < 0)
		return -errno;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return -errno;

	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	*s = (struct spawn_runner){
		.runner.ops = &runner_spawn,
		.options = *options,
		.callbacks = callbacks,
		.context = context,
		.child = { .pidfd = -1, .control_fd = -1 },
	};
	runner = &s->runner;
	s->options.event = sd_event_ref(options->event);
	if (s->options.log_max_bytes == 0)
		s->options.log_max_bytes = RUNNER_LOG_MAX_DEFAULT;
	if (s->options.resist_usec == 0)
		s->options.resist_usec = RUNNER_RESIST_DEFAULT_USEC;

	r = sd_event_add_defer(s->options.event, &s->answer_source, on_answer, s);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->answer_source, SD_EVENT_OFF);
	if (r < 0)
		return r;

	*ret = take_ptr(runner);
	return 0;
}

const struct runner_ops runner_spawn = {
	.name = "spawn",
	.create = spawn_create,
	.start = spawn_start,
	.stop = spawn_stop,
	.clean = spawn_clean,
	.free = spawn_free,
};
