#pragma once

/* What jobs wrote: "job-<seq>-<number>.out" and ".err" in the machine's directory. */

#include <stdint.h>

#include "common/base/macro.h"

#define JOB_LOGS_KEPT 32 /* jobs of a machine whose logs are kept, the latest ones */

/* The files of one job, for appending, private to their owner. Removes those of jobs so old that
 * more than JOB_LOGS_KEPT would be kept; that this fails is no reason not to run a job. */
int job_logs_open_at(int machine_fd, uint64_t seq, uint64_t number, int *ret_output_fd,
		     int *ret_errors_fd) _must_check_;
