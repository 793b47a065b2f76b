#pragma once

/*
 * The process between the agent and a job. It is the same program, started again with
 * SUPERVISE_ARGUMENT in front, so that the agent, which has threads, never runs code between fork()
 * and exec(). It outlives the agent just as long as it takes to end all that the job has left, and
 * holds the machine's lock meanwhile.
 *
 *	SELF --supervise job LOG-MAX-BYTES RESIST-USEC -- COMMAND…
 *		in the environment that the job is to have
 *	SELF --supervise clean NAME
 *		removes NAME from the directory that it is given
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/runner/runner.h"
#include "common/base/macro.h"

#define SUPERVISE_ARGUMENT "--supervise"

/* What it is given, by number. Everything above the last is closed. */
enum {
	SUPERVISE_FD_CONTROL =
		3,           /* SOCK_SEQPACKET; closed by the agent, or its death: end it all */
	SUPERVISE_FD_LOCK,   /* the machine's lock, only to be held */
	SUPERVISE_FD_DIR,    /* job: its work directory; clean: the machine's */
	SUPERVISE_FD_OUTPUT, /* job: the log of its stdout … */
	SUPERVISE_FD_ERRORS, /* … and stderr */
	_SUPERVISE_FD_END,
};

/* From the agent: end the job. A later one can shorten the grace. */
struct supervise_stop {
	uint64_t grace_usec;
};

enum supervise_type {
	SUPERVISE_STARTED, /* the job's program runs */
	SUPERVISE_OUTPUT,  /* the end of its stdout follows behind the report … */
	SUPERVISE_ERRORS,  /* … of its stderr */
	SUPERVISE_ENDED,   /* the last one */
};

/* To the agent. Both ends are the same program, so that it travels as it lies in memory. */
struct supervise_report {
	enum supervise_type type;
	pid_t pid; /* STARTED */

	/* ENDED. */
	int exit_code;
	bool lingering; /* something resists; the supervisor stays as long as it lives */
	char detail[RUNNER_TEXT_MAX];
	char dirt[RUNNER_TEXT_MAX]; /* why the machine is not clean; empty: it is */
};

/* argv[1] is SUPERVISE_ARGUMENT. Returns an exit status. */
int supervise_main(int argc, char **argv);

/* Its part that minds a job. Returns once nothing of the job lives any more. */
int supervise_job(char **argv, uint64_t log_max_bytes, uint64_t resist_usec);
