/*
 * A loop over poll(), through these states:
 *
 *	starting   exec() has not happened yet; a failing one tells its errno through a pipe
 *	running    until the session's leader ends, or a stop comes
 *	stopping   SIGTERM was sent; until all of the session has ended, or the grace is over
 *	ending     all that descends from here is killed, round by round, until nothing is left
 *	lingering  something has resisted for so long that the agent was told; go on all the same
 *
 * When the agent goes, starting, running and stopping turn into ending at once. Signals are
 * blocked: who wants a job ended asks the agent.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "agent/runner/job-exec.h"
#include "agent/runner/output.h"
#include "agent/runner/supervise.h"
#include "agent/runner/sweep.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/forge/forge.h"

#define TAIL_MAX ((size_t)JOB_OUTPUT_MAX)    /* of a stream, to go back */
#define ROUND_USEC (20 * USEC_PER_MSEC)      /* between looks at what has been killed */
#define LINGER_ROUND_USEC (1 * USEC_PER_SEC) /* between looks after that */

enum state { STARTING, RUNNING, STOPPING, ENDING, LINGERING, OVER };

struct supervisor {
	enum state state;
	bool agent_gone;
	int proc_fd;   /* owned */
	int signal_fd; /* owned: readable when a child has ended */
	int exec_fd;   /* owned; -1 once exec() has happened or failed */
	const char *command;
	struct output output, errors;
	struct sweep sweep;

	int exec_error;
	int sweep_error;
	bool stop_asked; /* by the agent */
	bool stopped;    /* the job was asked */
	bool killed;
	uint64_t grace_usec;
	struct deadline grace; /* while stopping */
	uint64_t resist_usec;
	struct deadline resist; /* while ending */
};

static void supervisor_done(struct supervisor *s)
{
	closep(&s->proc_fd);
	closep(&s->signal_fd);
	closep(&s->exec_fd);
	output_done(&s->output);
	output_done(&s->errors);
}

/* An agent that does not read blocks us, but nothing depends on us then; one that dies meanwhile
 * does not: the socket breaks. */
static void tell(struct supervisor *s, struct supervise_report *report,
		 const struct output_tail *tail)
{
	struct iovec parts[3] = { { .iov_base = report, .iov_len = sizeof(*report) } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 1 };

	if (tail) {
		parts[1] = (struct iovec){ (char *)tail->first, tail->first_size };
		parts[2] = (struct iovec){ (char *)tail->second, tail->second_size };
		message.msg_iovlen = ARRAY_SIZE(parts);
	}
	while (!s->agent_gone && sendmsg(SUPERVISE_FD_CONTROL, &message, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			s->agent_gone = true;
}

static void describe_end(const struct supervisor *s, char *text, size_t size)
{
	int log_error = s->output.log_error < 0 ? s->output.log_error : s->errors.log_error;
	char grace[DURATION_TEXT_MAX];

	text[0] = '\0';
	if (s->exec_error > 0)
		(void)snprintf(text, size, "cannot start '%.128s': %s", s->command,
			       strerror(s->exec_error));
	else if (s->killed)
		(void)snprintf(text, size, "killed: it did not end within %s of SIGTERM",
			       format_duration(s->grace_usec, grace, sizeof(grace)));
	else if (s->stopped)
		(void)snprintf(text, size, "stopped");
	else if (s->sweep.leader_signal > 0)
		(void)snprintf(text, size, "killed by SIG%s",
			       sigabbrev_np(s->sweep.leader_signal) ?: "?");
	else if (log_error < 0)
		(void)snprintf(text, size, "its log is incomplete: %s", strerror(-log_error));
}

static void tell_end(struct supervisor *s, bool lingering)
{
	struct supervise_report output = { .type = SUPERVISE_OUTPUT };
	struct supervise_report errors = { .type = SUPERVISE_ERRORS };
	struct supervise_report ended = { .type = SUPERVISE_ENDED, .lingering = lingering };
	struct output_tail tail;

	output_drain(&s->output);
	output_drain(&s->errors);
	tail = output_tail(&s->output);
	tell(s, &output, &tail);
	tail = output_tail(&s->errors);
	tell(s, &errors, &tail);

	ended.exit_code = s->sweep.leader_ended ? s->sweep.leader_code : 128 + SIGKILL;
	if (s->exec_error > 0)
		ended.exit_code = job_exec_code(s->exec_error);
	describe_end(s, ended.detail, sizeof(ended.detail));
	sweep_describe(&s->sweep, lingering, ended.dirt, sizeof(ended.dirt));
	if (s->sweep_error < 0)
		(void)snprintf(ended.dirt, sizeof(ended.dirt), "cannot see what the job left: %s",
			       strerror(-s->sweep_error));
	tell(s, &ended, NULL);
}

static void enter_ending(struct supervisor *s)
{
	if (s->agent_gone)
		log_warning("the agent has gone: ending its job '%s'", s->command);
	s->state = ENDING;
	s->resist = deadline_in(&clock_system, s->resist_usec);
}

static void enter_stopping(struct supervisor *s)
{
	int r;

	s->state = STOPPING;
	s->stopped = true;
	s->grace = deadline_in(&clock_system, s->grace_usec);
	r = sweep_ask(&s->sweep);
	if (r < 0)
		log_warning_errno(r, "cannot ask all of the job to end, going on: %m");
}

static void on_order(struct supervisor *s)
{
	struct supervise_stop stop;
	struct deadline sooner;
	ssize_t n;

	n = recv(SUPERVISE_FD_CONTROL, &stop, sizeof(stop), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof(stop)) {
		s->agent_gone = true;
		return;
	}

	if (!s->stop_asked || stop.grace_usec < s->grace_usec)
		s->grace_usec = stop.grace_usec;
	s->stop_asked = true;
	sooner = deadline_in(&clock_system, stop.grace_usec);
	if (s->state == STOPPING && sooner.at_usec < s->grace.at_usec)
		s->grace = sooner;
}

static void on_exec(struct supervisor *s)
{
	struct supervise_report started = { .type = SUPERVISE_STARTED, .pid = s->sweep.leader };
	ssize_t n;

	n = read(s->exec_fd, &s->exec_error, sizeof(s->exec_error));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	close(take_fd(s->exec_fd));

	if (s->state != STARTING)
		return;
	if (n > 0) {
		enter_ending(s);
		return;
	}
	s->state = RUNNING;
	tell(s, &started, NULL);
}

/* 1: what was the supervisor's to wait for has come. */
static int stopping_is_over(struct supervisor *s)
{
	int r;

	if (deadline_passed(&s->grace, &clock_system)) {
		s->killed = sweep_session_lives(&s->sweep) != 0;
		return 1;
	}
	if (!s->sweep.leader_ended)
		return 0;
	r = sweep_session_lives(&s->sweep);
	return r == 0;
}

static void end_round(struct supervisor *s)
{
	int r;

	r = sweep_round(&s->sweep);
	s->sweep_error = r < 0 ? r : 0;
	if (r == 0) {
		if (s->state == ENDING)
			tell_end(s, false);
		s->state = OVER;
		return;
	}

	if (s->state == ENDING && deadline_passed(&s->resist, &clock_system)) {
		log_warning("something of the job '%s' survives SIGKILL", s->command);
		tell_end(s, true);
		s->state = LINGERING;
	}
}

static void step(struct supervisor *s)
{
	int ended;

	ended = sweep_reap(&s->sweep);
	if ((s->state <= STOPPING && s->agent_gone) || (s->state == RUNNING && ended != 0))
		enter_ending(s);
	else if (s->state == RUNNING && s->stop_asked)
		enter_stopping(s);

	if (s->state == STOPPING && stopping_is_over(s))
		enter_ending(s);
	if (s->state >= ENDING)
		end_round(s);
}

static int timeout_ms(const struct supervisor *s)
{
	uint64_t usec;

	switch (s->state) {
	case STOPPING:
		usec = deadline_left_usec(&s->grace, &clock_system);
		break;
	case ENDING:
		usec = ROUND_USEC;
		break;
	case LINGERING:
		usec = LINGER_ROUND_USEC;
		break;
	default:
		return -1;
	}

	usec = (usec + USEC_PER_MSEC - 1) / USEC_PER_MSEC;
	return usec > INT32_MAX ? INT32_MAX : (int)usec;
}

static void wait_and_handle(struct supervisor *s)
{
	/* The order of the cases below. poll() passes over negative numbers. */
	struct pollfd fds[] = {
		{ .fd = s->agent_gone ? -1 : SUPERVISE_FD_CONTROL, .events = POLLIN },
		{ .fd = s->exec_fd, .events = POLLIN },
		{ .fd = s->signal_fd, .events = POLLIN },
		{ .fd = s->output.pipe_fd, .events = POLLIN },
		{ .fd = s->errors.pipe_fd, .events = POLLIN },
	};
	struct signalfd_siginfo ignored;

	if (poll(fds, ARRAY_SIZE(fds), timeout_ms(s)) < 0) {
		/* No memory, for one. To leave is no choice while a job runs. */
		(void)clock_sleep(&clock_system, ROUND_USEC);
		return;
	}

	if (fds[0].revents)
		on_order(s);
	if (fds[1].revents)
		on_exec(s);
	if (fds[2].revents)
		(void)!read(s->signal_fd, &ignored, sizeof(ignored));
	if (fds[3].revents)
		(void)output_copy(&s->output);
	if (fds[4].revents)
		(void)output_copy(&s->errors);
}

static int prepare(struct supervisor *s)
{
	sigset_t blocked;

	/* With SIGPIPE among them: an agent's broken stderr must not end us half-way. */
	sigfillset(&blocked);
	if (sigprocmask(SIG_SETMASK, &blocked, NULL) < 0)
		return -errno;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return -errno;

	s->proc_fd = open(PROCESS_PROC, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->proc_fd < 0)
		return -errno;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	s->signal_fd = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? -errno : 0;
}

/* Nothing can fail any more once the job is there. */
static int start(struct supervisor *s, char **argv, uint64_t log_max_bytes)
{
	_cleanup_close_ int output_fd = -1, errors_fd = -1;
	struct job_exec job = { .argv = argv, .dir_fd = SUPERVISE_FD_DIR };
	int r;

	r = output_init(&s->output, SUPERVISE_FD_OUTPUT, log_max_bytes, TAIL_MAX, &output_fd);
	if (r >= 0)
		r = output_init(&s->errors, SUPERVISE_FD_ERRORS, log_max_bytes, TAIL_MAX,
				&errors_fd);
	if (r >= 0)
		r = prepare(s);
	if (r >= 0)
		r = sweep_init(&s->sweep, s->proc_fd);
	if (r < 0)
		return r;

	job.output_fd = output_fd;
	job.errors_fd = errors_fd;
	return job_exec(&job, &s->sweep.leader, &s->exec_fd);
}

int supervise_job(char **argv, uint64_t log_max_bytes, uint64_t resist_usec)
{
	_cleanup_(supervisor_done) struct supervisor s = {
		.proc_fd = -1,
		.signal_fd = -1,
		.exec_fd = -1,
		.output.pipe_fd = -1,
		.output.log_fd = -1,
		.errors.pipe_fd = -1,
		.errors.log_fd = -1,
		.command = argv[0],
		.resist_usec = resist_usec,
	};
	int r;

	r = start(&s, argv, log_max_bytes);
	if (r < 0) {
		s.exec_error = -r;
		tell_end(&s, false);
		return r;
	}

	while (s.state != OVER) {
		wait_and_handle(&s);
		step(&s);
	}
	return 0;
}
