#pragma once

/* Starts this program again as the supervisor of something, from a process that may have threads.
 */

#include <sys/types.h>

#include "common/base/macro.h"

struct child {
	pid_t pid;      /* 0: none */
	int pidfd;      /* owned */
	int control_fd; /* owned: our end of its socket */
};

/* fds become, in this order, the numbers from SUPERVISE_FD_LOCK on; they stay the caller's. The
 * child has a session of its own, no other file descriptors than these and the standard ones, and
 * no signal blocked or ignored. exe NULL: the running program's own file. */
int spawn_self(const char *exe, char *const *argv, char *const *env, const int *fds, size_t n_fds,
	       struct child *ret) _must_check_;

/* Closes what is ours; closing its socket tells it to end. */
void child_done(struct child *child);
