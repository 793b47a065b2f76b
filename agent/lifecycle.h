#pragma once

/*
 * The agent's life as a pure state machine: (state, event) → (next state, actions). No I/O, no
 * clock. The loop (agent.h) turns what happens into events and carries the actions out, in the
 * order of their bits, over one first-in-first-out channel to the store.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/domain/machine.h"
#include "common/domain/transition.h"

enum agent_state {
	AGENT_BOOTING,     /* no word from the record yet */
	AGENT_READYING,    /* saying ready: created → idle is being written */
	AGENT_READY,       /* idle, offered */
	AGENT_REGISTERING, /* claimed; taking the registration */
	AGENT_ANNOUNCING,  /* taken; claimed → running is being written */
	AGENT_LISTENING,   /* running, no job */
	AGENT_BUSY,        /* a job runs */
	AGENT_STOPPING,    /* the job and all it left are being ended */
	AGENT_CLEANING,    /* its root is being removed and the proof made */
	AGENT_CLEAN,       /* proved; draining → idle, or the end, is being written */
	AGENT_LEAVING,     /* the end is being written */
	AGENT_ENDED,       /* the process leaves */
	_AGENT_STATE_MAX,
	_AGENT_STATE_INVALID = -22,
};

enum agent_event {
	/* What the record says, seen from here (lifecycle_classify()). */
	EVENT_RECORD_NONE, /* there is none, or none any more */
	EVENT_RECORD_CREATED,
	EVENT_RECORD_IDLE,    /* of our seq */
	EVENT_RECORD_CLAIMED, /* by a seq that we do not serve yet */
	EVENT_RECORD_HELD,    /* claimed or running, the seq that we serve */
	EVENT_RECORD_RUNNING, /* found at our start running, or draining with its job's directory
				 there: an earlier agent's */
	EVENT_RECORD_DRAINING,
	EVENT_RECORD_TERMINATED,
	EVENT_RECORD_FOREIGN, /* another boot's, or our seq has been taken away */
	/* What our own doing led to. */
	EVENT_TAKEN,       /* the registration is ours */
	EVENT_TAKE_FAILED, /* it is another's, or withdrawn */
	EVENT_JOB_WAITING, /* a job is ours to start */
	EVENT_JOB_ENDED,
	EVENT_STOPPED, /* nothing of the job lives any more */
	EVENT_CLEANED, /* proved clean */
	EVENT_DIRTY,   /* cannot be proved clean */
	EVENT_WRITTEN, /* the transition that the state waits for was accepted (lifecycle_awaits())
			*/
	/* What the world says. */
	EVENT_TERM,      /* SIGTERM, or the last moments of a notice: leave in good order */
	EVENT_NOTICE,    /* the machine will be taken away soon: a job that runs may go on */
	EVENT_REBALANCE, /* it may be: what is being served may go on */
	EVENT_THRESHOLD, /* the record's threshold has come, by our own clock */
	EVENT_DEADLINE,  /* threshold + AGENT_GRACE has come, or boot time without a record */
	_AGENT_EVENT_MAX,
	_AGENT_EVENT_INVALID = -22,
};

enum agent_action {
	ACTION_ADOPT = 1 << 0, /* serve the record's seq from now on (done by lifecycle_step) */
	ACTION_LAST = 1 << 1,  /* never to be pooled again (done by lifecycle_step) */
	ACTION_WRITE_READY = 1 << 2,
	ACTION_WRITE_WITHDRAW = 1 << 3, /* created, idle → draining, last */
	ACTION_WRITE_DRAIN =
		1 << 4,       /* claimed, running → draining; marks it when this is the last */
	ACTION_TAKE = 1 << 5, /* the registration */
	ACTION_WRITE_RUN = 1 << 6,
	ACTION_REPORT = 1 << 7,       /* how the job ended, to the forge */
	ACTION_FETCH = 1 << 8,        /* ask for a waiting job */
	ACTION_START = 1 << 9,        /* start the job that was fetched */
	ACTION_STOP = 1 << 10,        /* end the job and its whole group; answers STOPPED */
	ACTION_CLEAN = 1 << 11,       /* answers CLEANED or DIRTY */
	ACTION_WRITE_OFFER = 1 << 12, /* draining → idle, or the end when last */
	ACTION_WRITE_END = 1 << 13,   /* any live → terminated, with last words */
	ACTION_EXIT = 1 << 14,        /* leave the loop; what still runs is killed */
};

/* How long after its threshold a machine may still exist: design §5, invariant 6. */
#define AGENT_GRACE_MS (60 * 1000ULL)

struct lifecycle {
	enum agent_state state;
	uint64_t seq;       /* the claim that we serve or served last; 0: none yet */
	bool offered;       /* to whoever comes: a claim with a later seq is news, not a theft */
	bool last;          /* this claim's end is ours too */
	enum ending ending; /* why we leave, once we do */
	char boot_id[40];
};

struct lifecycle_row {
	enum agent_state next;
	unsigned actions;   /* bits of enum agent_action */
	enum ending ending; /* ENDING_NONE: unchanged */
	bool set;           /* an unset cell means: nothing happens here */
};

extern const char *const agent_state_names[_AGENT_STATE_MAX + 1];
extern const char *const agent_event_names[_AGENT_EVENT_MAX + 1];
extern const struct lifecycle_row lifecycle_rows[_AGENT_STATE_MAX][_AGENT_EVENT_MAX];

/* What a record means to this agent. An answer older than what we know (a lower seq) is no news:
 * -EAGAIN. state MACHINE_NONE: no record. */
int lifecycle_classify(const struct lifecycle *life, const struct machine *record);

/* Moves on; returns the actions to carry out (0: none). record: the one the event came from, NULL
 * when the event is not a record's. */
unsigned lifecycle_step(struct lifecycle *life, enum agent_event event,
			const struct machine *record);

/* The transition whose acceptance is EVENT_WRITTEN here; any other accepted write is no event, only
 * its record is. _TRANSITION_INVALID: the state waits for none. */
enum transition lifecycle_awaits(const struct lifecycle *life);

/* The word for beats and for people. */
enum machine_phase lifecycle_phase(const struct lifecycle *life);

/* Whether a job may be started now: only while listening or busy with it. */
bool lifecycle_may_start(const struct lifecycle *life);

/* The table as text, for the docs: one row a transition. */
void lifecycle_print(FILE *to);
