#pragma once

/* Every process below one: its children, theirs, and so on, as a procfs shows them. */

#include <stddef.h>
#include <sys/types.h>

#include "common/base/macro.h"
#include "common/base/process.h"

#define DESCENDANTS_SCAN_MAX (1 << 18) /* processes of the whole host */

struct descendants {
	struct process_stat *rows; /* owned; dead ones that wait to be reaped included */
	size_t n;
};

/* A look, not a proof: processes come and go while it is taken. That none are left is proved by
 * waitpid() answering ECHILD to a subreaper. -EOVERFLOW above DESCENDANTS_SCAN_MAX;
 * -ENOENT when it shows no process at all. */
int descendants_read(int proc_fd, pid_t ancestor, struct descendants *ret) _must_check_;
void descendants_done(struct descendants *descendants);

#define _cleanup_descendants_ _cleanup_(descendants_done)
