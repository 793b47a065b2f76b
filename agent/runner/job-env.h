#pragma once

/* The environment of a job: nothing of the agent's own. */

#include "agent/runner/runner.h"

#define JOB_ENV_EXTRAS_MAX 256
#define JOB_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* home is the job's directory. The job's own NAME=value come last and win. -EINVAL for one that is
 * no such thing, -E2BIG for too many. */
int job_env_make(const struct runner_options *options, const struct runner_job *job,
		 const char *home, char ***ret) _must_check_;
void job_env_free(char **env);
DEFINE_CLEANUP(char **, job_env_free)
