#pragma once

/*
 * What runs the jobs of a machine, one at a time, and proves that nothing of them is left. A runner
 * hangs off the agent's event loop: no member blocks, and answers come through callbacks, never
 * before the call that they answer has returned.
 *
 * `spawn` starts jobs as children of a supervisor process of the machine's own user. `systemd`
 * (later) starts a unit with its own user and cgroup.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "common/base/fault.h"
#include "common/base/macro.h"
#include "common/domain/machine.h"

#define RUNNER_TEXT_MAX 256
#define RUNNER_LOG_MAX_DEFAULT (64ULL * 1024 * 1024) /* of a job's log, per stream */

/* How long something may live after SIGKILL (writing its core, waiting for a disk) before the
 * machine is given up as dirty. */
#define RUNNER_RESIST_DEFAULT_USEC (5 * USEC_PER_SEC)

struct runner;

/* A command of a claim. Borrowed for the call that it is given to. */
struct runner_job {
	uint64_t seq;
	uint64_t number; /* 1, 2, … within the claim */
	const char *run_key;
	char *const *argv;      /* NULL-ended, at least one */
	const char *const *env; /* further NAME=value for it, NULL-ended; may be NULL. No secrets:
				   a job's environment can be read by whatever it starts. */
};

/* How a job ended. Borrowed for the callback. */
struct runner_result {
	uint64_t seq;
	uint64_t number;
	int exit_code;      /* 0…255; 128 + signal; 127 not found, 126 not executable */
	const char *detail; /* "cannot start: …", "killed: …"; NULL: it ended by itself */
	const char *output; /* the last JOB_OUTPUT_MAX bytes of each stream; a NUL stands behind */
	size_t output_size;
	const char *errors;
	size_t errors_size;
};

struct runner_verdict {
	bool clean;
	char reason[RUNNER_TEXT_MAX]; /* why not clean; empty when it is */
};

/* A callback may call start, stop and clean; it may not free the runner. */
struct runner_callbacks {
	/* The job's program runs: exec succeeded. Not called for one that cannot be started. */
	void (*on_started)(struct runner *runner, pid_t pid, void *context);

	/* The job has ended, and so has all that it left running (or it resists: the verdict of
	 * clean will say so). Once for each start that returned 0. */
	void (*on_exited)(struct runner *runner, const struct runner_result *result, void *context);

	/* The answer to stop: nothing of a job lives any more, or resists. */
	void (*on_stopped)(struct runner *runner, void *context);

	/* The answer to clean. */
	void (*on_cleaned)(struct runner *runner, uint64_t seq,
			   const struct runner_verdict *verdict, void *context);
};

/* Borrowed for the runner's life. */
struct runner_options {
	sd_event *event;
	const char *machine;     /* its id */
	const char *machine_dir; /* absolute path of the machine's directory, … */
	int machine_fd;          /* … and the directory itself */
	int lock_fd;             /* the machine's lock, shared with whatever lives for it */
	const char *self_exe;    /* starts supervise_main(); NULL: this program */
	const char *user;        /* USER of the jobs; NULL: "root" or the numeric uid */
	uint64_t log_max_bytes;  /* of a job's log, per stream; 0: RUNNER_LOG_MAX_DEFAULT */
	uint64_t resist_usec;    /* 0: RUNNER_RESIST_DEFAULT_USEC */
};

struct runner_ops {
	const char *name;

	int (*create)(const struct runner_options *options,
		      const struct runner_callbacks *callbacks, void *context, struct runner **ret);

	/* Starts a job in the claim's throw-away directory, which is made when it is not there.
	 * -EBUSY while another job runs, while a clean is under way, or when an earlier job of this
	 * machine could not be cleared away. Otherwise on_exited follows, with on_started before it
	 * when the program could be started. */
	int (*start)(struct runner *runner, const struct runner_job *job, struct fault *fault);

	/* Ends the job: asks it with SIGTERM, insists with SIGKILL after grace_usec. A later call
	 * can shorten the grace, not lengthen it. Answered by on_stopped, after on_exited when a
	 * job ran; also when none did. */
	int (*stop)(struct runner *runner, uint64_t grace_usec);

	/* Removes what the claim has left and proves that the machine is clean. Once a machine was
	 * found dirty it stays so. -EBUSY while a job runs or another clean is under way.
	 * Answered by on_cleaned. */
	int (*clean)(struct runner *runner, uint64_t seq);

	/* What still runs is killed with its supervisor, which holds the machine's lock until it is
	 * done. */
	void (*free)(struct runner *runner);
};

struct runner {
	const struct runner_ops *ops;
};

extern const struct runner_ops runner_spawn;

static inline void runner_free(struct runner *runner)
{
	if (runner)
		runner->ops->free(runner);
}
DEFINE_CLEANUP(struct runner *, runner_free)
