#include "agent/runner/spawn-self.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "agent/runner/supervise.h"
#include "common/base/process.h"

#define FDS_MAX (_SUPERVISE_FD_END - SUPERVISE_FD_CONTROL)

/* Copies out of the way of the numbers that they are to get, so that none is overwritten before it
 * has been moved. */
static int lift_fds(const int *fds, size_t n, int *lifted)
{
	for (size_t i = 0; i < n; i++) {
		lifted[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, _SUPERVISE_FD_END);
		if (lifted[i] < 0)
			return -errno;
	}
	return 0;
}

static int fill_actions(posix_spawn_file_actions_t *actions, const int *lifted, size_t n)
{
	int error;

	for (size_t i = 0; i < n; i++) {
		error = posix_spawn_file_actions_adddup2(actions, lifted[i],
							 SUPERVISE_FD_CONTROL + (int)i);
		if (error > 0)
			return -error;
	}
	return -posix_spawn_file_actions_addclosefrom_np(actions, SUPERVISE_FD_CONTROL + (int)n);
}

static int fill_attributes(posix_spawnattr_t *attributes)
{
	sigset_t all, none;
	int error;

	sigfillset(&all);
	sigemptyset(&none);
	error = posix_spawnattr_setsigdefault(attributes, &all);
	if (error == 0)
		error = posix_spawnattr_setsigmask(attributes, &none);
	if (error == 0)
		error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID |
								     POSIX_SPAWN_SETSIGDEF |
								     POSIX_SPAWN_SETSIGMASK);
	return -error;
}

static int spawn(const char *exe, char *const *argv, char *const *env, const int *lifted, size_t n,
		 pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r;

	r = -posix_spawn_file_actions_init(&actions);
	if (r < 0)
		return r;
	r = -posix_spawnattr_init(&attributes);
	if (r < 0) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return r;
	}

	r = fill_actions(&actions, lifted, n);
	if (r >= 0)
		r = fill_attributes(&attributes);
	if (r >= 0)
		r = -posix_spawn(ret, exe ?: "/proc/self/exe", &actions, &attributes, argv, env);

	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return r;
}

int spawn_self(const char *exe, char *const *argv, char *const *env, const int *fds, size_t n_fds,
	       struct child *ret)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	int wanted[FDS_MAX], lifted[FDS_MAX], sockets[2], pidfd, r;
	pid_t pid;

	if (n_fds > FDS_MAX - 1)
		return -EINVAL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	ours = sockets[0];
	theirs = sockets[1];

	wanted[0] = theirs;
	for (size_t i = 0; i < FDS_MAX; i++)
		lifted[i] = -1;
	for (size_t i = 0; i < n_fds; i++)
		wanted[i + 1] = fds[i];

	r = lift_fds(wanted, n_fds + 1, lifted);
	if (r >= 0)
		r = spawn(exe, argv, env, lifted, n_fds + 1, &pid);
	for (size_t i = 0; i < FDS_MAX; i++)
		closep(&lifted[i]);
	if (r < 0)
		return r;

	pidfd = process_open_child(pid);
	if (pidfd < 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return pidfd;
	}
	*ret = (struct child){ .pid = pid, .pidfd = pidfd, .control_fd = take_fd(ours) };
	return 0;
}

void child_done(struct child *child)
{
	if (child->pid == 0)
		return;
	close(child->pidfd);
	close(child->control_fd);
	*child = (struct child){ .pidfd = -1, .control_fd = -1 };
}
