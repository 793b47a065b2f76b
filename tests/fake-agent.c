/*
 * What the local provider starts in tests, in the place of an agent: writes what it was given, says
 * who it is, and waits for SIGTERM. Further flags:
 *
 *	--ignore-term   does not end when asked
 *	--die           ends at once, before it has said who it is
 *	--unborn        lives, but never says who it is
 *	--heir          leaves a process that holds the lock, until the file "release" is there
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/io.h"
#include "common/base/parse.h"
#include "common/base/process.h"

/* A test that fails leaves its agents alone. */
#define LIFE_SEC 60
#define STEP_USEC (5 * USEC_PER_MSEC)

extern char **environ;

static const char *value_of(int argc, char **argv, const char *flag)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], flag) == 0)
			return argv[i + 1];
	return NULL;
}

static bool has(int argc, char **argv, const char *flag)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], flag) == 0)
			return true;
	return false;
}

/* Arguments, environment, where it is and what it holds: what a test wants to see. */
static int write_notes(int dir_fd, int argc, char **argv)
{
	int fd = openat(dir_fd, "notes", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char cwd[256] = "?";
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (!file || !getcwd(cwd, sizeof(cwd)))
		return -errno;
	for (int i = 1; i < argc; i++)
		(void)fprintf(file, "arg %s\n", argv[i]);
	for (char **entry = environ; *entry; entry++)
		(void)fprintf(file, "env %s\n", *entry);
	for (int i = 0; i < 100; i++)
		if (i != fd && fcntl(i, F_GETFD) >= 0)
			(void)fprintf(file, "fd %d\n", i);
	(void)fprintf(file, "cwd %s\nsession %s\n", cwd, getsid(0) == getpid() ? "own" : "other");
	return fclose(file) == 0 ? 0 : -errno;
}

static int say_who(int dir_fd)
{
	_cleanup_close_ int proc_fd = open(PROCESS_PROC, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct process_identity identity;
	int r;

	r = process_identify(proc_fd, getpid(), &identity);
	return r < 0 ? r : process_write_identity_at(dir_fd, "agent.json", &identity);
}

static void leave_heir(int dir_fd)
{
	if (fork() != 0)
		return;
	(void)alarm(LIFE_SEC);
	while (faccessat(dir_fd, "release", F_OK, 0) < 0)
		(void)clock_sleep(&clock_system, STEP_USEC);
	_exit(0);
}

int main(int argc, char **argv)
{
	const char *state_dir = value_of(argc, argv, "--state-dir");
	const char *machine = value_of(argc, argv, "--machine");
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int dir_fd = -1;

	(void)alarm(LIFE_SEC);
	if (!state_dir || !machine || has(argc, argv, "--die"))
		return 1;
	path = str_format("%s/machines/%s", state_dir, machine);
	dir_fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (dir_fd < 0 || write_notes(dir_fd, argc, argv) < 0)
		return 1;
	(void)fprintf(stderr, "fake agent of %s\n", machine);

	if (has(argc, argv, "--ignore-term") && signal(SIGTERM, SIG_IGN) == SIG_ERR)
		return 1;
	if (has(argc, argv, "--heir"))
		leave_heir(dir_fd);
	if (!has(argc, argv, "--unborn") && say_who(dir_fd) < 0)
		return 1;
	for (;;)
		pause();
}
