#include "agent/runner/job-exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "common/base/io.h"
#include "tests/test.h"

/* How a command ended, and what it wrote. -1: it could not be started; *ret_error says why. */
static int run(char *const *argv, char *text, size_t size, int *ret_error)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	_cleanup_close_ int exec_fd = -1, output_fd = -1;
	struct pollfd wait = { .events = POLLIN };
	struct job_exec job = { .argv = argv, .dir_fd = tree->fd };
	int status;
	pid_t pid;

	/* A directory that may not be searched would turn "not found" into "not allowed". */
	ck_assert_int_eq(setenv("PATH", "/usr/bin:/bin", 1), 0);
	output_fd = openat(tree->fd, "output", O_WRONLY | O_CREAT | O_APPEND, 0600);
	ck_assert_int_ge(output_fd, 0);
	job.output_fd = job.errors_fd = output_fd;
	ck_assert_int_eq(job_exec(&job, &pid, &exec_fd), 0);

	wait.fd = exec_fd;
	ck_assert_int_eq(poll(&wait, 1, -1), 1);
	*ret_error = 0;
	ck_assert_int_ge(read(exec_fd, ret_error, sizeof(*ret_error)), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_ge(read_file_at(tree->fd, "output", text, size), 0);
	return *ret_error > 0 ? -1 : WEXITSTATUS(status);
}

START_TEST(closes_what_was_left_open_by_mistake)
{
	char *argv[] = { "ls", "/proc/self/fd", NULL };
	char text[256];
	int error;

	for (int fd = 50; fd < 60; fd++)
		ck_assert_int_eq(dup2(STDERR_FILENO, fd), fd);
	ck_assert_int_eq(run(argv, text, sizeof(text), &error), 0);
	/* ls has its directory open. */
	ck_assert_str_eq(text, "0\n1\n2\n3");
	for (int fd = 50; fd < 60; fd++)
		close(fd);
}
END_TEST

START_TEST(makes_the_job_the_leader_of_a_session)
{
	char *argv[] = { "sh", "-c",
			 "test $(cut -d' ' -f6 /proc/$$/stat) = $$ && "
			 "test $(cut -d' ' -f5 /proc/$$/stat) = $$",
			 NULL };
	char text[256];
	int error;

	ck_assert_int_eq(run(argv, text, sizeof(text), &error), 0);
}
END_TEST

START_TEST(tells_why_it_cannot_be_started)
{
	char text[256];
	int error;

	ck_assert_int_eq(run((char *[]){ "no-such-program", NULL }, text, sizeof(text), &error),
			 -1);
	ck_assert_int_eq(error, ENOENT);
	ck_assert_int_eq(job_exec_code(error), 127);
	ck_assert_int_eq(run((char *[]){ "/proc/version", NULL }, text, sizeof(text), &error), -1);
	ck_assert_int_eq(error, EACCES);
	ck_assert_int_eq(job_exec_code(error), 126);
	ck_assert_int_eq(job_exec_code(ENOTDIR), 127);
	ck_assert_int_eq(job_exec_code(ENOMEM), 126);
}
END_TEST

TEST_MAIN(closes_what_was_left_open_by_mistake, makes_the_job_the_leader_of_a_session,
	  tells_why_it_cannot_be_started)
