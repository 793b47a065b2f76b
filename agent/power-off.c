#include "agent/power-off.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/base/io.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* With no signal blocked or ignored, as the agent has them. */
static int spawn(const char *program, char *const *environment, pid_t *ret)
{
	char *const argv[] = { (char *)program, NULL };
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int r = -posix_spawnattr_init(&attributes);

	if (r < 0)
		return r;
	sigemptyset(&none);
	sigfillset(&all);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setsigdefault(&attributes, &all);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	r = -posix_spawnp(ret, program, NULL, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	return r;
}

int power_off(const char *program, struct fault *fault)
{
	const char *path = getenv("PATH");
	_cleanup_free_ char *variable = str_format("PATH=%s", path ? path : PATH_DEFAULT);
	char *const environment[] = { variable, NULL };
	int status = 0, r;
	pid_t pid;

	if (!variable)
		return -ENOMEM;
	r = spawn(program, environment, &pid);
	if (r < 0)
		return fault_set(fault, r, "cannot power off with %s: %m", program);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return fault_set(fault, errno, "cannot wait for %s: %m", program);
	}
	if (WIFSIGNALED(status))
		return fault_set(fault, EIO, "cannot power off: %s died of SIG%s", program,
				 sigabbrev_np(WTERMSIG(status)));
	if (WEXITSTATUS(status) != 0)
		return fault_set(fault, EIO, "cannot power off: %s exited with %d", program,
				 WEXITSTATUS(status));
	return 0;
}
