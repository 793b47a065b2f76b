#pragma once

/*
 * Ends everything that descends from this process, which must be a subreaper, and tells who was in
 * the wrong place.
 *
 * A job is a session. What stays in it, background processes and process groups of its own
 * included, belongs to the job and ends with it. What has left the session meant to outlive the
 * job: it is ended too, but the machine is not clean, because such a process may have done the same
 * by means that nobody here can see.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/base/macro.h"
#include "common/base/process.h"

#define SWEEP_STRAYS_MAX 64 /* told apart; more of them are only known to exist */
#define SWEEP_NAMED_MAX 4   /* in a text */

struct sweep {
	int proc_fd;
	char boot_id[BOOT_ID_MAX];

	/* The session's leader, a child; 0: there is none. It stays unreaped until nothing else
	 * lives, so that the number of its process and of its group cannot become another's. */
	pid_t leader;
	bool leader_ended;
	bool leader_reaped;
	int leader_code;   /* its exit status, or 128 + signal */
	int leader_signal; /* that ended it; 0: none */

	struct process_stat strays[SWEEP_STRAYS_MAX]; /* seen outside the session */
	size_t n_strays;
	bool more_strays;
	struct process_stat alive[SWEEP_STRAYS_MAX]; /* at the last round */
	size_t n_alive;
};

/* The leader is filled in once it is there. */
int sweep_init(struct sweep *sweep, int proc_fd) _must_check_;

/* SIGTERM to the whole session, and SIGCONT, so that who is stopped hears it. */
int sweep_ask(struct sweep *sweep) _must_check_;

/* Reaps what has ended, but for the leader, and notes whether that has. 1: it has. */
int sweep_reap(struct sweep *sweep) _must_check_;

/* Whether something of the session still lives. */
int sweep_session_lives(struct sweep *sweep) _must_check_;

/* Kills all that is there, and reaps what has ended. 1: something still lives, try again; 0:
 * nothing does, the leader has been reaped too. */
int sweep_round(struct sweep *sweep) _must_check_;

/* "2 processes had left the job: a (12), b (13)" and the like. Empty when all is well. lingering:
 * what the last round found alive is to be told too. */
void sweep_describe(const struct sweep *sweep, bool lingering, char *text, size_t size);
