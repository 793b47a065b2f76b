#include "agent/runner/job-exec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

/* Signals that are ignored stay so across exec(), unlike handled ones. By the bare system call,
 * because posix_spawn() leaves those two ignored that the C library keeps for itself. */
static void reset_signals(void)
{
	const unsigned long by_default[8] = { 0 }; /* at least a kernel's struct sigaction */
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)syscall(SYS_rt_sigaction, i, by_default, NULL, NSIG / 8);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child: everything up to exec(). Returns -errno. */
static int become_job(const struct job_exec *job, pid_t parent)
{
	int null_fd;

	if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	if (getppid() != parent)
		return -ESRCH;

	reset_signals();
	(void)umask(022);
	if (fchdir(job->dir_fd) < 0)
		return -errno;

	null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null_fd < 0)
		return -errno;
	if (dup2(null_fd, STDIN_FILENO) < 0 || dup2(job->output_fd, STDOUT_FILENO) < 0 ||
	    dup2(job->errors_fd, STDERR_FILENO) < 0)
		return -errno;

	/* Not closed at once: why exec() fails must still be told. */
	if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return -errno;

	execvp(job->argv[0], job->argv);
	return -errno;
}

int job_exec(const struct job_exec *job, pid_t *ret_pid, int *ret_exec_fd)
{
	_cleanup_close_ int read_fd = -1, write_fd = -1;
	pid_t parent = getpid(), pid;
	int fds[2], error;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	read_fd = fds[0];
	write_fd = fds[1];
	if (fcntl(read_fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;

	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		error = -become_job(job, parent);
		(void)!write(write_fd, &error, sizeof(error));
		_exit(EXIT_NOT_FOUND);
	}

	*ret_pid = pid;
	*ret_exec_fd = take_fd(read_fd);
	return 0;
}

int job_exec_code(int error)
{
	return error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}
