#pragma once

/*
 * How a machine's state may move: one const table, and one pure function that judges a wish against
 * a record. Every store uses both: SQLite by calling transition_apply() inside its transaction,
 * DynamoDB by calling it before a write that holds only if what was judged is still so.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/domain/machine.h"

enum transition {
	TRANSITION_CREATE,    /* none → created: for the pool */
	TRANSITION_LAUNCH,    /* none → claimed: for a run, seq 1 */
	TRANSITION_READY,     /* created → idle */
	TRANSITION_CLAIM,     /* idle → claimed */
	TRANSITION_RENEW,     /* claimed → claimed */
	TRANSITION_RUN,       /* claimed → running */
	TRANSITION_DRAIN,     /* claimed, running → draining: release, rollback, deadline */
	TRANSITION_WITHDRAW,  /* created, idle → draining, last: notice, SIGTERM, idle too long */
	TRANSITION_OFFER,     /* draining → idle */
	TRANSITION_TERMINATE, /* any live → terminated */
	_TRANSITION_MAX,
	_TRANSITION_INVALID = -22,
};

/* What must hold of the record for the row to apply; all bits of a row, together with its from.
 * They are tested in this order, the state first. */
enum condition {
	CONDITION_RUN = 1 << 0,    /* the record's run key is the change's */
	CONDITION_NO_RUN = 1 << 1, /* the record's run key is empty */
	CONDITION_SEQ = 1 << 2,    /* the record's seq is the change's */
	CONDITION_AHEAD = 1 << 3,  /* threshold > now + slack: time enough is left to be claimed */
	CONDITION_REUSE = 1 << 4,  /* reuse_allows() */
	CONDITION_NOT_LAST = 1 << 5,  /* not marked last */
	CONDITION_CLEAN = 1 << 6,     /* its agent says clean of this seq, in this very write */
	CONDITION_THRESHOLD = 1 << 7, /* the threshold is the change's: a renewal wins */
	CONDITION_ENDED = 1 << 8,     /* the change's ending is true of the record */
	CONDITION_BOOT = 1 << 9, /* the record's boot id is the testimony's, or not there yet; a row
				    that is not only the agent's holds without a testimony, too */
	CONDITION_UNHEARD = 1 << 10, /* the record's beat is the change's, where the change goes by
				       silence: a word meanwhile wins */
	_CONDITION_END = 1 << 11,
};

/* Which length of time, counted from the store's now, gives the new threshold. */
enum lease { LEASE_BOOT, LEASE_IDLE, LEASE_CLAIM, LEASE_RUN, LEASE_DRAIN, LEASE_NONE };

enum {
	BY_PROVISION = 1 << 0,
	BY_RELEASE = 1 << 1,
	BY_REFRESH = 1 << 2,
	BY_AGENT = 1 << 3,
};

struct transition_row {
	const char *name;
	unsigned from; /* bits 1 << enum machine_state */
	enum machine_state to;
	unsigned conditions; /* bits of enum condition */
	unsigned seq_step;   /* added to seq */
	enum lease lease;
	unsigned by;     /* bits BY_… */
	const char *why; /* one line for the docs */
};

extern const struct transition_row transition_rows[_TRANSITION_MAX];

/* The table for the docs, as Markdown, and with it the conditions that it names. */
void transition_print_markdown(FILE *to);
/* Where each state leads, one line a step: "created -> idle  ready". */
void transition_print_text(FILE *to);

/* Why a machine may be terminated; each is a condition of its own on the record. */
enum ending {
	ENDING_NONE,
	ENDING_EXPIRED, /* threshold < now − grace */
	ENDING_FAILED, /* its agent says failed: in the record, or of this seq in this very write */
	ENDING_FENCED, /* its agent ends itself, in this very write */
	ENDING_DRAINED, /* draining, last, and its agent says clean of this seq, there or here */
	ENDING_GONE,    /* the provider says that it no longer exists: positive evidence only */
	_ENDING_MAX,
	_ENDING_INVALID = -22,
};
extern const char *const ending_names[_ENDING_MAX + 1];

/* The defaults of the two slacks below. The grace is longer than the minute for which an agent may
 * outlive its threshold, and what clocks may differ by: nobody reaps what ends by itself. */
#define CLAIM_SLACK_MS (30 * 1000ULL)
#define REAP_GRACE_MS (120 * 1000ULL)

/* Lengths of time, from settings; a machine carries its own idle, drain and running lease. Birth
 * stores all three; a claim stores its max_runtime_ms anew. */
struct leases {
	uint64_t boot_ms;
	uint64_t idle_ms;
	uint64_t claim_ms;
	uint64_t drain_ms;
	uint64_t max_runtime_ms;
	uint64_t claim_slack_ms;
	uint64_t reap_grace_ms;
};

/* Who asks, as far as the reuse rule and the record care. */
struct claimant {
	char run_key[RUN_KEY_MAX];
	char repo[100];
	char workflow[64];
	char image[64]; /* today's; "" = any */
	bool fork;      /* runs code from a fork: the machine is never pooled again */
	enum reuse reuse;
};

/* What an agent says along with a transition of its own; it counts as a beat. Its words are taken
 * for true only from the boot that the record bears, or where it bears none yet. */
struct testimony {
	enum machine_phase phase; /* PHASE_NONE: it says nothing */
	uint64_t seq;
	char boot_id[40];
	char reason[REASON_MAX];
};

/* A wish. Which members count follows from the row's conditions. */
struct change {
	enum transition transition;
	char id[MACHINE_ID_MAX];
	uint64_t seq;             /* as read */
	uint64_t threshold_ms;    /* as read; TERMINATE */
	struct claimant claimant; /* LAUNCH, CLAIM: who; other rows: only its run_key */
	struct leases leases;     /* from settings; the record's own win where it has them */
	enum ending ending;       /* TERMINATE */
	bool last;                /* DRAIN: never pool again (only ever set, never cleared); with it
				     a machine that is draining already is marked */
	bool unheard;             /* DRAIN: its agent is taken for lost, by what it had last said */
	uint64_t beat_ms;         /* as read; with unheard */
	struct machine birth;     /* CREATE, LAUNCH: the fields "what it is" */
	struct testimony testimony;
	char reason[REASON_MAX]; /* DRAIN, WITHDRAW, TERMINATE: why, kept in the record; goes
				    before the testimony's */
};

enum change_result {
	CHANGE_DONE,    /* the record moved */
	CHANGE_ALREADY, /* it already shows what was asked: an earlier, lost answer of ours */
	CHANGE_REFUSED, /* a condition does not hold; refusal says which */
};

struct change_outcome {
	enum change_result result;
	enum condition refusal; /* the first condition that failed; 0: the state itself */
	struct machine record;  /* after the change, or the record that refused it; state NONE: no
				   record */
};

/*
 * Pure. current: the record as it stands, state MACHINE_NONE when there is none; now_ms: the
 * store's. *ret is filled whenever 0 is returned.
 *
 * -EINVAL: a change that makes no sense whatever the record says: a transition, ending, phase,
 * reuse or usage out of range, a bad id or not the record's, no run key where the row wants one, a
 * lease of no length. -E2BIG: the record would not fit (machine_fit()).
 *
 * A refused change whose record already shows what was asked, and in whose name, is ALREADY: the
 * request was executed before. Nothing is changed then.
 */
int transition_apply(const struct machine *current, const struct change *change, uint64_t now_ms,
		     struct change_outcome *ret) _must_check_;

/* One sentence for people, without a full stop, from an outcome that was refused: "it is running,
 * not idle". Returns text. */
#define REFUSAL_TEXT_MAX 256
const char *change_refusal_text(const struct change *change, const struct change_outcome *outcome,
				char *text, size_t size);

/* Whether this claimant may have a machine as it stands (its record tells whom it served last and
 * under which rule): the stricter of both rules counts. A machine that was never claimed is
 * anybody's. Another image than today's is never allowed. */
bool reuse_allows(const struct machine *machine, const struct claimant *claimant);
