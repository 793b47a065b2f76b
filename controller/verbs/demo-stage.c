#include "controller/verbs/demo-stage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "common/base/clock.h"
#include "common/base/io.h"
#include "common/base/process.h"

#define KILL_ROUNDS_MAX 200
#define KILL_ROUND_USEC (10 * USEC_PER_MSEC)

/* Short lives, so that what would take minutes is seen in seconds. */
static const char *const settings[] = {
	"PADDOCK_BEAT_PERIOD=500ms",
	"PADDOCK_REAP_GRACE=1s",
	"PADDOCK_DRAIN_TIME=30s",
	"PADDOCK_REUSE=any",
	"PADDOCK_PROVIDER=local",
	"PADDOCK_FORGE=none",
	"PADDOCK_POOL=table",
	"PADDOCK_ROOT=/nonexistent",
	"PATH=/usr/local/bin:/usr/bin:/bin",
	"LANG=C.UTF-8",
};

static int fill_environment(struct stage *stage)
{
	size_t n = 0;

	_Static_assert(ARRAY_SIZE(settings) + 4 <= ARRAY_SIZE(stage->environment), "too many");
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		stage->environment[n++] = strdup(settings[i]);
	stage->environment[n++] = str_format("PADDOCK_STATE_DIR=%s", stage->state);
	stage->environment[n++] = str_format("PADDOCK_AGENT_PATH=%s", stage->agent);
	stage->environment[n++] = str_format("HOME=%s", stage->dir);
	for (size_t i = 0; i < n; i++) {
		if (!stage->environment[i])
			return -ENOMEM;
	}
	return 0;
}

int stage_open(struct stage *stage, const char *agent, const volatile sig_atomic_t *interrupted,
	       struct fault *fault)
{
	const char *tmp = getenv("TMPDIR");
	char self[PATH_MAX];
	ssize_t n;

	*stage = (struct stage){ .interrupted = interrupted };
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return fault_set(fault, errno, "cannot find this program: %m");
	self[n] = '\0';
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return fault_set(fault, errno, "cannot become the reaper of what is started: %m");

	stage->paddock = strdup(self);
	stage->agent = strdup(agent);
	stage->dir = str_format("%s/paddock-demo-XXXXXX", tmp && tmp[0] == '/' ? tmp : "/tmp");
	if (!stage->paddock || !stage->agent || !stage->dir)
		return -ENOMEM;
	if (!mkdtemp(stage->dir)) {
		int r = fault_set(fault, errno, "cannot make a directory %s: %m", stage->dir);

		free(take_ptr(stage->dir));
		return fault_cure(fault, r, "set TMPDIR to where there is room");
	}
	stage->state = str_format("%s/state", stage->dir);
	(void)stage_lap_ms(stage);
	return stage->state ? fill_environment(stage) : -ENOMEM;
}

/* Signals every child that there is now; returns how many. */
static int kill_children(void)
{
	_cleanup_closedir_ DIR *proc = NULL;
	struct dirent *entry;
	int n = 0;

	if (open_dir_at(AT_FDCWD, "/proc", &proc) < 0)
		return 0;
	while ((entry = readdir(proc))) {
		struct process_stat stat;
		char *end;
		pid_t pid = 0;

		for (end = entry->d_name; *end >= '0' && *end <= '9' && pid < INT_MAX / 10; end++)
			pid = pid * 10 + (*end - '0');
		if (pid == 0 || *end != '\0')
			continue;
		if (process_read_stat(dirfd(proc), pid, &stat) < 0 || stat.parent != getpid())
			continue;
		/* A child that is not reaped yet: its pid cannot be another's. */
		if (!process_is_dead(&stat))
			n += kill(pid, SIGKILL) == 0;
	}
	return n;
}

/* What is killed leaves its own children to us: until there are none. */
static int end_processes(void)
{
	int killed = 0;

	for (unsigned i = 0; i < KILL_ROUNDS_MAX; i++) {
		int status;

		killed += kill_children();
		while (waitpid(-1, &status, WNOHANG) > 0)
			;
		if (waitpid(-1, &status, WNOHANG) < 0 && errno == ECHILD)
			break;
		(void)clock_sleep(&clock_system, KILL_ROUND_USEC);
	}
	return killed;
}

int stage_close(struct stage *stage)
{
	int killed = end_processes();
	int r = 0;

	if (stage->dir)
		r = remove_tree_at(AT_FDCWD, stage->dir);
	for (size_t i = 0; i < ARRAY_SIZE(stage->environment); i++)
		free(stage->environment[i]);
	free(stage->paddock);
	free(stage->agent);
	free(stage->state);
	free(stage->dir);
	return r < 0 ? r : killed;
}

static const char *program_path(const struct stage *stage, const char *name)
{
	return strcmp(name, "paddock-agent") == 0 ? stage->agent : stage->paddock;
}

/* fd: where stdout and stderr go; -1: nowhere. */
static pid_t spawn(struct stage *stage, const char *const *argv, int fd)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults;
	pid_t pid;
	int r;

	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGINT);
	sigaddset(&defaults, SIGTERM);
	sigaddset(&defaults, SIGHUP);
	r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(&attributes, &defaults);
	if (r == 0)
		r = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (r == 0 && fd < 0)
		r = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	if (r == 0 && fd >= 0)
		r = posix_spawn_file_actions_adddup2(&actions, fd, 1);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, 1, 2);
	if (r == 0)
		r = posix_spawn(&pid, program_path(stage, argv[0]), &actions, &attributes,
				(char *const *)argv, stage->environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return r != 0 ? -r : pid;
}

pid_t stage_start(struct stage *stage, const char *const *argv)
{
	return spawn(stage, argv, -1);
}

int stage_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void show_command(const char *const *argv)
{
	fputs("  $", stdout);
	for (size_t i = 0; argv[i]; i++)
		printf(strpbrk(argv[i], " $'") ? " '%s'" : " %s", argv[i]);
	putchar('\n');
	(void)fflush(stdout);
}

static void pass_on(int fd, unsigned max_lines)
{
	FILE *from = fdopen(fd, "r");
	char line[512];
	unsigned n = 0;

	if (!from) {
		close(fd);
		return;
	}
	while (fgets(line, sizeof(line), from)) {
		n++;
		if (max_lines > 0 && n > max_lines)
			continue;
		printf("    %s", line);
		(void)fflush(stdout);
	}
	if (max_lines > 0 && n > max_lines)
		printf("    … %u more lines\n", n - max_lines);
	(void)fclose(from);
}

int stage_run(struct stage *stage, unsigned max_lines, const char *const *argv)
{
	int fds[2];
	pid_t pid;

	if (*stage->interrupted)
		return -EINTR;
	show_command(argv);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = spawn(stage, argv, fds[1]);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return pid;
	}
	pass_on(fds[0], max_lines);
	return stage_wait(pid);
}

uint64_t stage_lap_ms(struct stage *stage)
{
	uint64_t now = clock_boot_usec(&clock_system);
	uint64_t lap = now - stage->lap_usec;

	stage->lap_usec = now;
	return lap / USEC_PER_MSEC;
}
