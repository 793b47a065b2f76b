#pragma once

/* The logs of local machines: in the machine's directory, and when that has gone in
 * STATE/logs/<id>/. */

#include <stdbool.h>

#include "common/base/fault.h"
#include "common/base/macro.h"

#define LOCAL_LOGS_KEPT 100 /* machines whose logs are kept, the latest ones */

/* "agent" or "job-<seq>-<n>.out" or ".err" to the name of its file. -EINVAL for anything else. */
int local_log_file(const char *log, char *ret, size_t size) _must_check_;

/* Moves a machine's logs to where they are kept, and removes the oldest ones beyond the limit. */
int local_logs_keep(const char *state_dir, const char *id, int machine_fd,
		    struct fault *fault) _must_check_;

/* Whether they are kept: the machine has been here, and was cleared away. */
bool local_logs_are_kept(const char *state_dir, const char *id);

/* For reading; machine_fd < 0: the machine has gone. -ENOENT. */
int local_logs_open(const char *state_dir, const char *id, int machine_fd,
		    const char *file) _must_check_;
