/* The supervisor as a process, spoken to without a runner. */

#include "agent/runner/supervise.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "agent/runner/spawn-self.h"
#include "common/base/clock.h"
#include "common/base/exit.h"
#include "common/base/io.h"
#include "common/base/process.h"
#include "common/forge/forge.h"
#include "tests/test.h"
#include "tests/unit/runner-fixture.h"

struct supervised {
	struct world *world;
	struct child child;
	int fds[4];
};

static int open_in(struct world *w, const char *name)
{
	int fd = openat(w->tree->fd, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void supervise(struct supervised *s, char *const *argv)
{
	char *env[] = { "PATH=/usr/bin:/bin", NULL };

	s->world = world_new();
	s->fds[0] = s->world->lock_fd;
	s->fds[1] = s->world->tree->fd;
	s->fds[2] = open_in(s->world, "out");
	s->fds[3] = open_in(s->world, "err");
	ck_assert_int_eq(
		spawn_self(s->world->self_exe, argv, env, s->fds, ARRAY_SIZE(s->fds), &s->child),
		0);
}

static void supervise_script(struct supervised *s, char *script)
{
	char *argv[] = { "supervisor", SUPERVISE_ARGUMENT,
			 "job",        "1000000",
			 "5000000",    "--",
			 "sh",         "-c",
			 script,       NULL };

	supervise(s, argv);
}

/* Waits for it by its parent's right, and says what it exited with. */
static int supervised_done(struct supervised *s)
{
	int status;

	child_done(&s->child);
	ck_assert_int_gt(waitpid(-1, &status, 0), 0);
	close(s->fds[2]);
	close(s->fds[3]);
	world_free(s->world);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static size_t receive(struct supervised *s, struct supervise_report *report, char *text)
{
	struct iovec parts[2] = { { report, sizeof(*report) }, { text, JOB_OUTPUT_MAX } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n = recvmsg(s->child.control_fd, &message, 0);

	ck_assert_int_ge(n, (ssize_t)sizeof(*report));
	return (size_t)n - sizeof(*report);
}

START_TEST(reports_start_output_and_end_in_this_order)
{
	static char text[JOB_OUTPUT_MAX];
	struct supervise_report report;
	struct supervised s = {};

	supervise_script(&s, "echo out; echo error >&2; exit 4");
	ck_assert_uint_eq(receive(&s, &report, text), 0);
	ck_assert_int_eq(report.type, SUPERVISE_STARTED);
	ck_assert_int_gt(report.pid, 1);
	ck_assert_uint_eq(receive(&s, &report, text), 4);
	ck_assert_int_eq(report.type, SUPERVISE_OUTPUT);
	ck_assert_mem_eq(text, "out\n", 4);
	ck_assert_uint_eq(receive(&s, &report, text), 6);
	ck_assert_int_eq(report.type, SUPERVISE_ERRORS);
	ck_assert_mem_eq(text, "error\n", 6);
	ck_assert_uint_eq(receive(&s, &report, text), 0);
	ck_assert_int_eq(report.type, SUPERVISE_ENDED);
	ck_assert_int_eq(report.exit_code, 4);
	ck_assert(!report.lingering);
	ck_assert_str_eq(report.dirt, "");
	ck_assert_int_eq(recv(s.child.control_fd, text, sizeof(text), 0), 0);
	ck_assert_int_eq(supervised_done(&s), EXIT_OK);
}
END_TEST

START_TEST(takes_a_message_that_is_no_order_for_the_agents_end)
{
	static char text[JOB_OUTPUT_MAX];
	struct supervise_report report;
	struct supervised s = {};

	supervise_script(&s, "while :; do sleep 1000; done");
	(void)receive(&s, &report, text);
	ck_assert_int_eq(send(s.child.control_fd, "x", 1, MSG_NOSIGNAL), 1);
	ck_assert_int_eq(supervised_done(&s), EXIT_OK);
}
END_TEST

START_TEST(ends_a_job_that_is_starting_when_the_agent_dies)
{
	struct supervised s = {};

	supervise_script(&s, "while :; do sleep 1000; done");
	ck_assert_int_eq(supervised_done(&s), EXIT_OK);
}
END_TEST

START_TEST(cannot_be_talked_out_of_its_work_by_signals)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1 };
	static char text[JOB_OUTPUT_MAX];
	struct supervise_report report;
	struct supervised s = {};
	const struct supervise_stop stop = { .grace_usec = LONG_GRACE };

	supervise_script(&s, "trap 'exit 6' TERM; >ready; while :; do sleep 0.01; done");
	RUN_UNTIL(s.world, world_has(s.world, "ready"));
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		ck_assert_int_eq(process_signal(s.child.pidfd, signals[i]), 0);
	ck_assert_int_eq(send(s.child.control_fd, &stop, sizeof(stop), MSG_NOSIGNAL), sizeof(stop));
	do
		(void)receive(&s, &report, text);
	while (report.type != SUPERVISE_ENDED);
	ck_assert_int_eq(report.exit_code, 6);
	ck_assert_int_eq(supervised_done(&s), EXIT_OK);
}
END_TEST

static char *const wrong_uses[][8] = {
	{ "supervisor", SUPERVISE_ARGUMENT, NULL },
	{ "supervisor", SUPERVISE_ARGUMENT, "dance", "x", NULL },
	{ "supervisor", SUPERVISE_ARGUMENT, "clean", NULL },
	{ "supervisor", SUPERVISE_ARGUMENT, "clean", "a", "b", NULL },
	{ "supervisor", SUPERVISE_ARGUMENT, "job", "1", "1", "--", NULL },
	{ "supervisor", SUPERVISE_ARGUMENT, "job", "x", "1", "--", "true", NULL },
	{ "supervisor", SUPERVISE_ARGUMENT, "job", "1", "1", "true", "true", NULL },
};

START_TEST(refuses_to_be_used_by_people)
{
	char *const usual[] = { "supervisor", SUPERVISE_ARGUMENT, "clean", "x", NULL };
	char path[PATH_TEXT_MAX];
	int status;
	pid_t pid;

	for (size_t i = 0; i < ARRAY_SIZE(wrong_uses); i++) {
		struct supervised s = {};

		supervise(&s, wrong_uses[i]);
		ck_assert_int_eq(supervised_done(&s), EXIT_USAGE);
	}

	/* Rightly called, but by hand: what it needs is not there. */
	find_supervisor(path, sizeof(path));
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)close_range(3, ~0U, 0);
		execv(path, usual);
		_exit(99);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), EXIT_USAGE);
}
END_TEST

TEST_MAIN(reports_start_output_and_end_in_this_order,
	  takes_a_message_that_is_no_order_for_the_agents_end,
	  ends_a_job_that_is_starting_when_the_agent_dies,
	  cannot_be_talked_out_of_its_work_by_signals, refuses_to_be_used_by_people)
