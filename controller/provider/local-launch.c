#include "controller/provider/local-launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>

#include "controller/provider/local-machine.h"

#define AGENT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define AGENT_LOCALE "LANG=C.UTF-8"

/* The agent's number of the lock; and where the numbers begin that no step of the way to it uses.
 */
enum { LOCK_FD = 3, LIFTED_FD = 16 };

static int fill_actions(posix_spawn_file_actions_t *actions, int log_fd, int lock_fd)
{
	int error;

	error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(actions, log_fd, STDOUT_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(actions, log_fd, STDERR_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(actions, lock_fd, LOCK_FD);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(actions, LOCK_FD + 1);
	if (error == 0)
		error = posix_spawn_file_actions_addchdir_np(actions, "/");
	return -error;
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

static int spawn(const char *path, char *const *argv, char *const *environment, int log_fd,
		 int lock_fd, pid_t *ret)
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

	r = fill_actions(&actions, log_fd, lock_fd);
	if (r >= 0)
		r = fill_attributes(&attributes);
	if (r >= 0)
		r = -posix_spawn(ret, path, &actions, &attributes, argv, environment);

	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return r;
}

static int fill_argv(const struct local_options *options, const char *id, char *lock_number,
		     char **argv, size_t max)
{
	char *const own[] = {
		(char *)options->agent_path, (char *)"run",
		(char *)"--machine",         (char *)id,
		(char *)"--state-dir",       (char *)options->state_dir,
		(char *)"--store",           (char *)options->store_address,
		(char *)"--lock-fd",         lock_number,
	};
	size_t n = ARRAY_SIZE(own);

	memcpy(argv, own, sizeof(own));
	for (size_t i = 0; options->agent_flags && options->agent_flags[i]; i++) {
		if (n == max - 1)
			return -E2BIG;
		argv[n++] = (char *)options->agent_flags[i];
	}
	argv[n] = NULL;
	return 0;
}

static int fill_environment(const struct local_options *options, char **environment, size_t max)
{
	static char search[] = AGENT_PATH, locale[] = AGENT_LOCALE;
	const char *const *given = options->agent_environment;
	size_t n = 0;

	environment[n++] = search;
	environment[n++] = locale;
	for (size_t i = 0; given && given[i]; i++) {
		if (n == max - 1)
			return -E2BIG;
		environment[n++] = (char *)given[i];
	}
	environment[n] = NULL;
	return 0;
}

static int launch(const struct local_options *options, char *const *argv, int dir_fd, int lock_fd,
		  pid_t *ret_pid)
{
	_cleanup_close_ int log_fd = -1, lifted_log_fd = -1, lifted_lock_fd = -1;
	char *environment[3 + LOCAL_ENVIRONMENT_MAX];
	int r;

	r = fill_environment(options, environment, ARRAY_SIZE(environment));
	if (r < 0)
		return r;

	log_fd = openat(dir_fd, LOCAL_AGENT_LOG, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0)
		return -errno;
	lifted_log_fd = fcntl(log_fd, F_DUPFD_CLOEXEC, LIFTED_FD);
	lifted_lock_fd = fcntl(lock_fd, F_DUPFD_CLOEXEC, LIFTED_FD);
	if (lifted_log_fd < 0 || lifted_lock_fd < 0)
		return -errno;
	return spawn(options->agent_path, argv, environment, lifted_log_fd, lifted_lock_fd,
		     ret_pid);
}

int local_launch(const struct local_options *options, const char *id, int dir_fd, int lock_fd,
		 pid_t *ret_pid, struct fault *fault)
{
	char *argv[16 + LOCAL_FLAGS_MAX], lock_number[16];
	int r;

	(void)snprintf(lock_number, sizeof(lock_number), "%d", LOCK_FD);
	r = fill_argv(options, id, lock_number, argv, ARRAY_SIZE(argv));
	if (r >= 0)
		r = launch(options, argv, dir_fd, lock_fd, ret_pid);
	if (r >= 0)
		return 0;

	if (r == -EAGAIN || r == -ENOMEM)
		return fault_set(fault, ENOSPC, "this host has no room for another agent: %s",
				 strerror(-r));
	r = fault_set(fault, r, "cannot start the agent %s: %m", options->agent_path);
	return fault_cure(fault, r,
			  "install paddock-agent there, or say where it is: --agent-path");
}
