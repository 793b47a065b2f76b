#include "tests/torture/torture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sanitizer/lsan_interface.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unwind.h>

#include "common/base/io.h"
#include "common/base/parse.h"

/* Nothing that a test does takes so long, also where it waits in vain. */
#define HUNG_MSEC 30000

/* Anything but what the sanitizers use. */
enum { EXIT_PASSED, EXIT_REFUSED, EXIT_LEAKED, EXIT_BROKEN, EXIT_ODD };

/* How long a thread may take to end that nobody waits for. */
#define ENDING_TRIES 100
#define ENDING_USEC 5000

#define UNWINDING_SEC 3

#define CHILD_EXIT_REFUSED 255 /* what tests/rivals.h promises */
#define CHILDREN_MAX 4096
#define FDS_MAX 1024

const char *const torture_verdict_names[_TORTURE_VERDICT_MAX] = {
	[TORTURE_PASSED] = "passed",
	[TORTURE_REFUSED] = "refused",
	[TORTURE_LEAKED] = "memory leaked",
	[TORTURE_LEFT_FD] = "a descriptor was left open",
	[TORTURE_DIED] = "it died",
	[TORTURE_HUNG] = "it hung",
	[TORTURE_NOTICED] = "it failed over nothing",
	[TORTURE_BROKEN] = "it was wrong afterwards",
};

static pid_t test_pid;
static bool unwinding;

/* --- in the test's process -------------------------------------------------------------------- */

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < FDS_MAX; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static bool is_only_thread(void)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc/self/task");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	return n == 3; /* with "." and ".." */
}

/* A test that has changed its user may otherwise not be looked into. */
static bool has_leaked(void)
{
	(void)!setresuid((uid_t)-1, 0, (uid_t)-1);
	(void)!setresuid(0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 1);
	return __lsan_do_recoverable_leak_check();
}

static _Noreturn void finish(int status)
{
	(void)fflush(NULL);
	_exit(status);
}

static _Unwind_Reason_Code stop_at_end(_unused_ int version, _Unwind_Action actions,
				       _unused_ _Unwind_Exception_Class class,
				       _unused_ struct _Unwind_Exception *exception,
				       _unused_ struct _Unwind_Context *context,
				       _unused_ void *argument)
{
	if (actions & _UA_END_OF_STACK)
		finish(EXIT_REFUSED);
	return _URC_NO_REASON;
}

/* Cleanups of tests wait for what the rest of the test would have ended. */
static void on_unwound_enough(_unused_ int signal)
{
	_exit(EXIT_REFUSED);
}

_Noreturn void torture_refuse(void)
{
	static struct _Unwind_Exception exception;

	if (getpid() != test_pid)
		finish(CHILD_EXIT_REFUSED);
	if (torture_state->paused)
		finish(EXIT_BROKEN);
	torture_state->point.kind = TORTURE_NONE;
	/* A cleanup may assert, too. */
	if (unwinding)
		finish(EXIT_REFUSED);
	unwinding = true;
	if (has_leaked())
		finish(EXIT_LEAKED);
	(void)signal(SIGALRM, on_unwound_enough);
	(void)alarm(UNWINDING_SEC);
	/* Other threads still use what the frames own. */
	if (is_only_thread())
		(void)_Unwind_ForcedUnwind(&exception, stop_at_end, NULL);
	finish(EXIT_REFUSED);
}

static _Noreturn void run_test(torture_fn *fn, const struct torture_point *point, int output_fd)
{
	int fds;

	test_pid = getpid();
	if (setpgid(0, 0) < 0 || dup2(output_fd, STDOUT_FILENO) < 0 ||
	    dup2(output_fd, STDERR_FILENO) < 0)
		_exit(EXIT_ODD);
	/* Some tests look for the name that the unit test has. */
	(void)prctl(PR_SET_NAME, "test-torture");
	fds = count_fds();
	torture_state->point = *point;
	fn(0);
	torture_state->point.kind = TORTURE_NONE;
	/* A thread that was let go may still be closing some. */
	for (int tries = 0; tries < ENDING_TRIES && !is_only_thread(); tries++)
		(void)usleep(ENDING_USEC);
	torture_state->fds_left = count_fds() - fds;
	finish(has_leaked() ? EXIT_LEAKED : EXIT_PASSED);
}

/* --- in the parent ---------------------------------------------------------------------------- */

/* Kills whatever is below us: a test that was broken off cannot. */
static void end_children(void)
{
	char path[64], text[CHILDREN_MAX], *rest, *word;
	uint64_t pid;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	do {
		rest = text;
		if (read_file_at(AT_FDCWD, path, text, sizeof(text)) < 0)
			return;
		while ((word = strsep(&rest, " ")))
			if (parse_u64(word, &pid) == 0)
				(void)kill((pid_t)pid, SIGKILL);
	} while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
}

static enum torture_verdict judge(int status, int fds_allowed)
{
	if (torture_state->died || !WIFEXITED(status))
		return TORTURE_DIED;
	switch (WEXITSTATUS(status)) {
	case EXIT_PASSED:
		return torture_state->fds_left > fds_allowed ? TORTURE_LEFT_FD : TORTURE_PASSED;
	case EXIT_REFUSED:
		return TORTURE_REFUSED;
	case EXIT_BROKEN:
		return TORTURE_BROKEN;
	case EXIT_LEAKED:
		return TORTURE_LEAKED;
	default:
		return TORTURE_DIED;
	}
}

/* Its status, or -ETIME. */
static int await(pid_t pid)
{
	struct pollfd pidfd = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	int status, r;

	if (pidfd.fd < 0)
		return -errno;
	r = poll(&pidfd, 1, HUNG_MSEC);
	close(pidfd.fd);
	if (r == 0)
		return -ETIME;
	if (r < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	return status;
}

int torture_run(torture_fn *fn, const struct torture_point *point, bool trace, int fds_allowed,
		int output_fd, struct torture_result *ret)
{
	int status;
	pid_t pid;

	*torture_state = (struct torture_state){ .trace = trace };
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || ftruncate(output_fd, 0) < 0 ||
	    lseek(output_fd, 0, SEEK_SET) < 0)
		return -errno;
	(void)fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		run_test(fn, point, output_fd);

	status = await(pid);
	end_children();
	torture_state->point.kind = TORTURE_NONE;
	if (status < 0 && status != -ETIME)
		return status;

	*ret = (struct torture_result){
		.verdict = status == -ETIME ? TORTURE_HUNG : judge(status, fds_allowed),
		.struck = torture_state->struck,
		.fds_left = torture_state->fds_left,
	};
	for (int kind = 0; kind < _TORTURE_KIND_MAX; kind++)
		ret->counts[kind] = torture_state->counts[kind];
	memcpy(ret->what, torture_state->what, sizeof(ret->what));
	return 0;
}
