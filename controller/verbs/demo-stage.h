#pragma once

/*
 * The stage of the demo: a directory and a process tree of its own. The demo is the reaper of
 * everything that is started below it (PR_SET_CHILD_SUBREAPER), agents that have detached
 * themselves included, so that it can end all of it and know that nothing is left.
 */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/fault.h"
#include "common/base/macro.h"

struct stage {
	char *dir;             /* owned: removed at the end */
	char *state;           /* owned: the state directory below it */
	char *paddock;         /* owned: this program */
	char *agent;           /* owned */
	char *environment[16]; /* owned, NULL-ended: the commands' */
	uint64_t lap_usec;
	const volatile sig_atomic_t *interrupted;
};

int stage_open(struct stage *stage, const char *agent, const volatile sig_atomic_t *interrupted,
	       struct fault *fault) _must_check_;
/* Ends every process below the demo and removes the directory. Returns how many processes had to be
 * killed, or what could not be removed. */
int stage_close(struct stage *stage);

/* Shows the command, runs it, passes the first max_lines lines of its output on (0: all), each set
 * in; returns its exit code, 128 + signal, or -errno. -EINTR once the demo was interrupted. argv[0]
 * is "paddock" or "paddock-agent". */
int stage_run(struct stage *stage, unsigned max_lines, const char *const *argv);
#define stage_command(stage, max_lines, ...) \
	stage_run(stage, max_lines, (const char *const[]){ __VA_ARGS__, NULL })

/* Starts it with its output thrown away. Returns the pid. */
pid_t stage_start(struct stage *stage, const char *const *argv);
/* Waits for it: its exit code, 128 + signal. */
int stage_wait(pid_t pid);
/* Milliseconds since it was asked last. */
uint64_t stage_lap_ms(struct stage *stage);
