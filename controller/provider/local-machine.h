#pragma once

/*
 * A local machine as a directory: STATE/machines/<id>/ with
 *
 *	lock         flock()ed exclusively by one open file that the launcher, the agent and the
 *	             supervisors of jobs share: held as long as anything of the machine lives
 *	handle.json  what it was made for
 *	agent.json   which process its agent is or was; written by the agent when it starts
 *	agent.log    and the jobs' logs
 *
 * It comes into being with its lock held and goes by being renamed with its lock held, so that who
 * sees the directory can trust the lock.
 */

#include <stdbool.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/macro.h"
#include "controller/provider/provider.h"

#define LOCAL_AGENT_LOG "agent.log"

/* The directory that all machines lie in. */
struct local_root {
	char *path;                /* owned: STATE/machines, absolute */
	int fd;                    /* owned */
	int proc_fd;               /* borrowed */
	const struct clock *clock; /* borrowed */
};
/* The borrowed members are filled in already. -ENOENT where no machine was ever made, unless
 * create. */
int local_root_open(const char *state_dir, bool create, struct local_root *ret,
		    struct fault *fault) _must_check_;
void local_root_close(struct local_root *root);
#define _cleanup_local_root_ _cleanup_(local_root_close)

/* Makes the directory, lock held, with the handle in it: 0. -ESTALE: somebody else has made it, or
 * has come in between; look again. */
int local_machine_create(const struct local_root *root, const struct handle *handle,
			 int *ret_dir_fd, int *ret_lock_fd, struct fault *fault) _must_check_;

/* -ENOENT. */
int local_machine_open(const struct local_root *root, const char *id) _must_check_;

/* Takes the lock of a machine of which nothing lives: a descriptor that holds it. -EWOULDBLOCK:
 * something does live. -ENOENT: the lock file is missing. -ESTALE: the directory has been removed
 * or replaced since it was opened. */
int local_machine_lock(const struct local_root *root, const char *id, int dir_fd) _must_check_;

/* Whether its agent has ever come so far as to say which process it is. */
bool local_machine_was_born(int dir_fd);

/* A pidfd of its agent. -ENOENT: it has not said yet which process it is; -ESRCH: it has ended. */
int local_machine_agent(const struct local_root *root, int dir_fd,
			struct fault *fault) _must_check_;

enum presence local_machine_presence(const struct local_root *root, const char *id,
				     struct fault *fault);

/* What the machine was made for, as far as it is known. */
void local_machine_handle(const struct local_root *root, const char *id, struct handle *ret);

/* Removes the directory of a machine whose lock the caller holds. What cannot be removed leaves the
 * rest of it, lock included, in place. */
int local_machine_remove(const struct local_root *root, const char *id,
			 struct fault *fault) _must_check_;

/* Removes what processes that were killed half-way through the above have left. */
void local_root_sweep(const struct local_root *root);
