#pragma once

/* Commands on machines of a run: put into their mailboxes, followed to their end, their output
 * streamed while they run. For forges where jobs are commands (`none`). */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "controller/controller.h"

enum follow_state {
	FOLLOW_QUEUED,
	FOLLOW_RUNNING,
	FOLLOW_DONE, /* exit_code is the command's */
	FOLLOW_LOST, /* the machine was taken away, or died: no exit code */
	_FOLLOW_STATE_MAX,
};

/* One command on one machine. */
struct follow {
	char machine[MACHINE_ID_MAX];
	uint64_t seq;
	uint64_t number; /* of the job; 0: not submitted yet */
	enum follow_state state;
	int exit_code;
	char detail[REASON_MAX]; /* why it is lost, or what the agent says beside the exit code */
	uint64_t queued_ms, started_ms, ended_ms;

	uint64_t asked_usec;     /* when the provider was asked last, boot time */
	int fds[2];              /* owned: the machine's own copies of stdout and stderr; -1 */
	uint64_t shown_bytes[2]; /* already passed on */
	bool line_start[2];      /* with a prefix: the next byte begins a line */
};

void follow_init(struct follow *follow, const struct machine *machine);
void follow_done(struct follow *follow);

struct follow_options {
	bool prefix; /* "machine | " in front of each line: when there are several */
	FILE *out, *err;
	struct deadline deadline;
};

/* Puts the command into each mailbox, once, however often an answer is lost. -EBUSY: a job is
 * running or waiting there. -EOPNOTSUPP. */
int follow_submit(const struct controller *controller, struct follow *follows, size_t n,
		  const struct job *job, struct fault *fault) _must_check_;

/* Until all have ended: 0; -EINTR when cancelled, -ETIMEDOUT at the deadline (the commands go on
 * then). */
int follow_all(const struct controller *controller, struct follow *follows, size_t n,
	       const struct follow_options *options, struct fault *fault) _must_check_;

/* What `run` and `exec` exit with: the largest exit code, 1 when one was lost. */
int follow_exit_code(const struct follow *follows, size_t n);
