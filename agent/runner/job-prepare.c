#include "agent/runner/job-prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/runner/job-env.h"
#include "agent/runner/job-logs.h"
#include "agent/runner/supervise.h"
#include "common/base/io.h"

void work_name(uint64_t seq, char *text, size_t size)
{
	(void)snprintf(text, size, "work-%llu", (unsigned long long)seq);
}

bool work_is_left(int machine_fd, uint64_t seq)
{
	char name[WORK_NAME_MAX];
	struct stat info;

	work_name(seq, name, sizeof(name));
	return fstatat(machine_fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

static int open_work_dir(const struct runner_options *options, const char *name,
			 struct fault *fault)
{
	_cleanup_close_ int fd = -1;

	if (mkdirat(options->machine_fd, name, 0700) < 0 && errno != EEXIST)
		return fault_set(fault, errno, "cannot make %s/%s: %m", options->machine_dir, name);

	/* What an earlier job of the claim has put in its place is not followed. */
	fd = openat(options->machine_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fault_set(fault, errno, "cannot open %s/%s: %m", options->machine_dir, name);
	if (mkdirat(fd, "tmp", 0700) < 0 && errno != EEXIST)
		return fault_set(fault, errno, "cannot make %s/%s/tmp: %m", options->machine_dir,
				 name);
	return take_fd(fd);
}

static int make_argv(struct prepared_job *job, const struct runner_options *options,
		     char *const *command)
{
	static char program[] = "paddock-agent", argument[] = SUPERVISE_ARGUMENT, verb[] = "job",
		    end[] = "--";
	char *const own[] = { program, argument, verb, job->log_max, job->resist, end };
	size_t n = 0;

	(void)snprintf(job->log_max, sizeof(job->log_max), "%llu",
		       (unsigned long long)options->log_max_bytes);
	(void)snprintf(job->resist, sizeof(job->resist), "%llu",
		       (unsigned long long)options->resist_usec);

	while (command[n])
		n++;
	job->argv = calloc(ARRAY_SIZE(own) + n + 1, sizeof(*job->argv));
	if (!job->argv)
		return -ENOMEM;
	memcpy(job->argv, own, sizeof(own));
	memcpy(job->argv + ARRAY_SIZE(own), command, n * sizeof(*command));
	return 0;
}

static int prepare(struct prepared_job *ret, const struct runner_options *options,
		   const struct runner_job *job, struct fault *fault)
{
	_cleanup_free_ char *home = NULL;
	char name[WORK_NAME_MAX];
	int r;

	if (!job->argv || !job->argv[0])
		return fault_set(fault, EINVAL, "the job has no command");

	work_name(job->seq, name, sizeof(name));
	ret->dir_fd = open_work_dir(options, name, fault);
	if (ret->dir_fd < 0)
		return ret->dir_fd;

	r = job_logs_open_at(options->machine_fd, job->seq, job->number, &ret->output_fd,
			     &ret->errors_fd);
	if (r < 0)
		return fault_set(fault, r, "cannot open the job's logs in %s: %m",
				 options->machine_dir);

	home = str_format("%s/%s", options->machine_dir, name);
	r = home ? job_env_make(options, job, home, &ret->env) : -ENOMEM;
	if (r >= 0)
		r = make_argv(ret, options, job->argv);
	return r < 0 ? fault_set(fault, r, "cannot make the job's environment: %m") : 0;
}

int job_prepare(struct prepared_job *ret, const struct runner_options *options,
		const struct runner_job *job, struct fault *fault)
{
	int r;

	*ret = (struct prepared_job){ .dir_fd = -1, .output_fd = -1, .errors_fd = -1 };
	r = prepare(ret, options, job, fault);
	if (r < 0)
		prepared_job_done(ret);
	return r;
}

void prepared_job_done(struct prepared_job *job)
{
	closep(&job->dir_fd);
	closep(&job->output_fd);
	closep(&job->errors_fd);
	free(job->argv);
	if (job->env)
		job_env_free(job->env);
	*job = (struct prepared_job){ .dir_fd = -1, .output_fd = -1, .errors_fd = -1 };
}
