#include "agent/runner/job-logs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/parse.h"

#define LOG_NAME_MAX 64

/* A job can put things in our way: a symbolic link is refused, and a FIFO does not make us wait. */
#define LOG_FLAGS (O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

struct job_name {
	uint64_t seq, number;
};

static int compare_names(const struct job_name *a, const struct job_name *b)
{
	if (a->seq != b->seq)
		return a->seq < b->seq ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}

static bool parse_name(const char *name, struct job_name *ret)
{
	char text[LOG_NAME_MAX], *rest = text, *seq, *number;

	if (str_copy(text, sizeof(text), name) < 0 || strcmp(strsep(&rest, "-"), "job") != 0)
		return false;

	seq = strsep(&rest, "-");
	number = strsep(&rest, ".");
	return seq && number && rest && strcmp(rest, "out") == 0 &&
	       parse_u64(seq, &ret->seq) >= 0 && parse_u64(number, &ret->number) >= 0;
}

/* The oldest job that has a log; *ret_n: how many have. */
static int find_oldest(int machine_fd, struct job_name *ret, size_t *ret_n)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct job_name name;
	struct dirent *entry;
	int r;

	r = open_dir_at(machine_fd, ".", &dir);
	if (r < 0)
		return r;

	*ret_n = 0;
	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return -errno;
		if (!parse_name(entry->d_name, &name))
			continue;
		if (*ret_n == 0 || compare_names(&name, ret) < 0)
			*ret = name;
		(*ret_n)++;
	}
}

static void log_name(const struct job_name *job, const char *suffix, char *text, size_t size)
{
	(void)snprintf(text, size, "job-%llu-%llu.%s", (unsigned long long)job->seq,
		       (unsigned long long)job->number, suffix);
}

/* The one about to start is not counted yet. */
static int remove_old(int machine_fd)
{
	char name[LOG_NAME_MAX];
	struct job_name oldest = {};
	size_t n;
	int r;

	for (;;) {
		r = find_oldest(machine_fd, &oldest, &n);
		if (r < 0)
			return r;
		if (n < JOB_LOGS_KEPT)
			return 0;

		log_name(&oldest, "err", name, sizeof(name));
		if (unlinkat(machine_fd, name, 0) < 0 && errno != ENOENT)
			return -errno;
		log_name(&oldest, "out", name, sizeof(name));
		if (unlinkat(machine_fd, name, 0) < 0)
			return -errno;
	}
}

static int open_log(int machine_fd, const struct job_name *job, const char *suffix)
{
	char name[LOG_NAME_MAX];
	int fd;

	log_name(job, suffix, name, sizeof(name));
	fd = openat(machine_fd, name, LOG_FLAGS, 0600);
	return fd < 0 ? -errno : fd;
}

int job_logs_open_at(int machine_fd, uint64_t seq, uint64_t number, int *ret_output_fd,
		     int *ret_errors_fd)
{
	const struct job_name job = { .seq = seq, .number = number };
	_cleanup_close_ int output_fd = -1;
	int errors_fd, r;

	r = remove_old(machine_fd);
	if (r < 0)
		log_debug_errno(r, "cannot remove old logs, going on: %m");

	output_fd = open_log(machine_fd, &job, "out");
	if (output_fd < 0)
		return output_fd;
	errors_fd = open_log(machine_fd, &job, "err");
	if (errors_fd < 0)
		return errors_fd;

	*ret_output_fd = take_fd(output_fd);
	*ret_errors_fd = errors_fd;
	return 0;
}
