#include "controller/provider/local-logs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/io.h"
#include "common/base/parse.h"
#include "common/domain/machine.h"
#include "controller/provider/local-machine.h"

#define LOGS "logs"
#define LOG_NAME_MAX 64

static bool is_job_log(const char *name)
{
	char text[LOG_NAME_MAX], *rest = text, *seq, *number;
	uint64_t ignored;

	if (str_copy(text, sizeof(text), name) < 0 || strcmp(strsep(&rest, "-"), "job") != 0)
		return false;
	seq = strsep(&rest, "-");
	number = strsep(&rest, ".");
	return seq && number && rest && parse_u64(seq, &ignored) >= 0 &&
	       parse_u64(number, &ignored) >= 0 &&
	       (strcmp(rest, "out") == 0 || strcmp(rest, "err") == 0);
}

int local_log_file(const char *log, char *ret, size_t size)
{
	if (strcmp(log, "agent") == 0)
		return str_copy(ret, size, LOCAL_AGENT_LOG);
	return is_job_log(log) ? str_copy(ret, size, log) : -EINVAL;
}

static int open_dir(int dir_fd, const char *name, bool create)
{
	int fd;

	if (create && mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_logs(const char *state_dir, bool create)
{
	_cleanup_close_ int state_fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return state_fd < 0 ? -errno : open_dir(state_fd, LOGS, create);
}

static int move_logs(int from_fd, int to_fd)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	int r;

	r = open_dir_at(from_fd, ".", &dir);
	if (r < 0)
		return r;

	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return -errno;
		if (strcmp(entry->d_name, LOCAL_AGENT_LOG) != 0 && !is_job_log(entry->d_name))
			continue;
		if (renameat(from_fd, entry->d_name, to_fd, entry->d_name) < 0)
			return -errno;
	}
}

/* How many there are, and the one that has been there for the longest. */
static int find_oldest(int logs_fd, char *ret, size_t size, size_t *ret_n)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct timespec oldest = {};
	struct dirent *entry;
	struct stat info;
	int r;

	r = open_dir_at(logs_fd, ".", &dir);
	if (r < 0)
		return r;

	*ret_n = 0;
	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return -errno;
		if (!machine_id_is_valid(entry->d_name) ||
		    fstatat(logs_fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if ((*ret_n)++ > 0 && (info.st_mtim.tv_sec > oldest.tv_sec ||
				       (info.st_mtim.tv_sec == oldest.tv_sec &&
					info.st_mtim.tv_nsec >= oldest.tv_nsec)))
			continue;
		oldest = info.st_mtim;
		r = str_copy(ret, size, entry->d_name);
		if (r < 0)
			return r;
	}
}

static int remove_oldest(int logs_fd)
{
	char oldest[MACHINE_ID_MAX];
	size_t n;
	int r;

	do {
		r = find_oldest(logs_fd, oldest, sizeof(oldest), &n);
		if (r >= 0 && n > LOCAL_LOGS_KEPT)
			r = remove_tree_at(logs_fd, oldest);
	} while (r >= 0 && n > LOCAL_LOGS_KEPT);
	return r;
}

int local_logs_keep(const char *state_dir, const char *id, int machine_fd, struct fault *fault)
{
	_cleanup_close_ int logs_fd = open_logs(state_dir, true), kept_fd = -1;
	int r;

	kept_fd = logs_fd < 0 ? logs_fd : open_dir(logs_fd, id, true);
	r = kept_fd < 0 ? kept_fd : move_logs(machine_fd, kept_fd);
	if (r >= 0)
		r = remove_oldest(logs_fd);
	if (r < 0)
		return fault_set(fault, r, "cannot keep the logs of machine %s in %s/" LOGS ": %m",
				 id, state_dir);
	return 0;
}

static int open_log(int dir_fd, const char *file)
{
	int fd = openat(dir_fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

bool local_logs_are_kept(const char *state_dir, const char *id)
{
	_cleanup_close_ int logs_fd = open_logs(state_dir, false), kept_fd = -1;

	if (logs_fd >= 0)
		kept_fd = open_dir(logs_fd, id, false);
	return kept_fd >= 0;
}

int local_logs_open(const char *state_dir, const char *id, int machine_fd, const char *file)
{
	_cleanup_close_ int logs_fd = -1, kept_fd = -1;
	int fd;

	if (machine_fd >= 0) {
		fd = open_log(machine_fd, file);
		if (fd != -ENOENT)
			return fd;
	}

	logs_fd = open_logs(state_dir, false);
	if (logs_fd < 0)
		return logs_fd;
	kept_fd = open_dir(logs_fd, id, false);
	return kept_fd < 0 ? kept_fd : open_log(kept_fd, file);
}
