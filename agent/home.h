#pragma once

/* A machine's directory on this host: <state dir>/machines/<id>/, with the lock that makes the
 * agent the only one of its machine, and a note of which process it is. */

#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/macro.h"

#define HOME_MACHINES "machines"
#define HOME_LOCK "lock"
#define HOME_IDENTITY "agent.json" /* struct process_identity */
#define HOME_SOCKET "agent.sock"

struct home {
	char *dir;   /* owned; absolute */
	int fd;      /* owned */
	int lock_fd; /* owned; held exclusively */
};

/* Makes the directory where it is missing, and takes the lock; or, with lock_fd > 0, keeps the one
 * that was handed down: -EINVAL when that is not this machine's lock file. -EBUSY when another
 * process holds it, which the fault names if it can. Then writes who we are. */
int home_open(const char *state_dir, const char *machine, int lock_fd, struct home *ret,
	      struct fault *fault) _must_check_;
void home_close(struct home *home);
#define _cleanup_home_ _cleanup_(home_close)
