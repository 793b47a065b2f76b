#pragma once

/* Starts a job's program, from a process that has no threads. */

#include <sys/types.h>

#include "common/base/macro.h"

struct job_exec {
	char *const *argv; /* argv[0] is looked for in PATH; the environment is the caller's */
	int dir_fd;        /* where it starts */
	int output_fd;
	int errors_fd;
};

/* In a session of its own, with stdin from /dev/null, no other file descriptors, no signal blocked
 * or ignored, and killed when the caller dies. ret_exec_fd (non-blocking) then tells, by its end,
 * that exec() has happened, or by an int the errno of why it could not. */
int job_exec(const struct job_exec *job, pid_t *ret_pid, int *ret_exec_fd) _must_check_;

/* What a shell says: 127 when there is no such program, 126 when it cannot be executed. */
int job_exec_code(int error);
