#pragma once

/* What a job's supervisor is started with: the claim's directory, logs, environment and command. */

#include "agent/runner/runner.h"

#define WORK_NAME_MAX 32
#define NUMBER_TEXT_MAX 24

struct prepared_job {
	char **argv; /* owned; its strings are the job's, or lie below */
	char log_max[NUMBER_TEXT_MAX], resist[NUMBER_TEXT_MAX];
	char **env;                       /* owned */
	int dir_fd, output_fd, errors_fd; /* owned */
};

/* Stays where it is until it is done with. */
int job_prepare(struct prepared_job *ret, const struct runner_options *options,
		const struct runner_job *job, struct fault *fault) _must_check_;
void prepared_job_done(struct prepared_job *job);

/* The name of a claim's throw-away directory. */
void work_name(uint64_t seq, char *text, size_t size);

/* Whether a claim's directory is still there. */
bool work_is_left(int machine_fd, uint64_t seq);
