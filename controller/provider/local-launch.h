#pragma once

/* Starts the agent of a local machine, detached from whoever starts it. */

#include <sys/types.h>

#include "common/base/fault.h"
#include "common/base/macro.h"
#include "controller/provider/provider.h"

#define LOCAL_FLAGS_MAX 64       /* further flags for an agent */
#define LOCAL_ENVIRONMENT_MAX 64 /* and further variables */

/* The agent gets the lock, and of all else nothing: no environment but what the options name, no
 * descriptors, no terminal.
 * -ENOSPC when the host cannot have another process. */
int local_launch(const struct local_options *options, const char *id, int dir_fd, int lock_fd,
		 pid_t *ret_pid, struct fault *fault) _must_check_;
