#pragma once

/*
 * Where jobs come from. The controller offers a registration for a claim and withdraws it; the
 * agent takes it. `none`: the registration is a mailbox in the store into which commands are put,
 * one after another; taking it is listening. `github` (later): it carries a runner's registration.
 *
 * A registration belongs to (machine, seq); anything said about another seq is -ESTALE, and nothing
 * else is: a store that was replaced underneath us, which says so too, is -EIO here. It is taken
 * by a conditional update that names the boot that took it: the same boot may take it again.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/domain/machine.h"
#include "common/store/store.h"

#define JOB_EXIT_WITHDRAWN 125 /* it never started: what env(1) and its like say then */
#define JOB_ARGS_MAX 256
#define JOB_COMMAND_MAX 65536 /* bytes of all arguments together */
#define JOB_OUTPUT_MAX 65536  /* of output that goes back with the result, per stream */

enum job_state { JOB_NONE, JOB_QUEUED, JOB_RUNNING, JOB_DONE, _JOB_STATE_MAX };
extern const char *const job_state_names[_JOB_STATE_MAX + 1];

struct job {
	uint64_t number; /* 1, 2, … within the claim; 0: none */
	uint64_t ticket; /* of the submission; 0: none. Another with the same is the same command */
	enum job_state state;
	char **argv; /* owned, NULL-ended */
	size_t argc;
	int exit_code; /* 0…255; 128 + signal; 127 not found, 126 not executable */
	char *detail;  /* owned: "killed: release --force", "cannot start: …"; NULL: nothing */
	char *output;  /* owned: the end of stdout, at most JOB_OUTPUT_MAX; NULL until done */
	char *errors;  /* owned: of stderr */
	uint64_t queued_ms, started_ms, ended_ms;
};
void job_done(struct job *job);
#define _cleanup_job_ _cleanup_(job_done)
/* Copies a command, in place of the one that is there; -E2BIG above the limits, -EINVAL for none.
 */
int job_set_command(struct job *job, char *const *argv, size_t argc) _must_check_;

struct registration {
	char machine[MACHINE_ID_MAX];
	uint64_t seq;
	char run_key[RUN_KEY_MAX];
	char taken_by[40]; /* boot id; "" = not yet */
	bool closed;       /* withdrawn: nothing can start any more */
	struct job job;    /* the latest */
	uint64_t revision; /* of the item it was read from */
};
void registration_done(struct registration *registration);
#define _cleanup_registration_ _cleanup_(registration_done)

enum {
	FORGE_NOT_YET = 1, /* nothing there for this seq, or no job waiting */
	FORGE_BUSY = 2,    /* a job is running, or one is waiting already */
};

struct forge {
	const struct forge_ops *ops;
	struct store *store; /* borrowed */
};

struct forge_ops {
	const char *name;

	/* Controller, right after the claim. job may be NULL. Twice is once: a job that is there
	 * already stays. -ESTALE when the mailbox already serves a later seq, or this one was
	 * withdrawn. -E2BIG, -EILSEQ: the command is too large, or no UTF-8. */
	int (*offer)(struct forge *forge, const struct machine *machine, const struct job *job,
		     struct fault *fault);

	/* Controller, before the claim ends. 0: gone, nothing can start any more, and an offer that
	 * comes late is refused. FORGE_BUSY: a job is running and force is false. With force the
	 * mailbox is closed all the same. A job that was still waiting ends here, with
	 * JOB_EXIT_WITHDRAWN. */
	int (*withdraw)(struct forge *forge, const char *machine, uint64_t seq, bool force,
			struct fault *fault);

	/* Agent. 0 taken, FORGE_NOT_YET; -ESTALE taken by another boot, or another seq's. */
	int (*take)(struct forge *forge, const char *machine, uint64_t seq, const char *boot_id,
		    struct registration *ret, struct fault *fault);

	/* Agent: the waiting job, now marked running. FORGE_NOT_YET; -ESTALE withdrawn. A job that
	 * this boot was given before and that has not ended is given again: the answer may have
	 * been lost. Whoever still runs it knows its number. */
	int (*start_job)(struct forge *forge, const char *machine, uint64_t seq,
			 const char *boot_id, struct job *ret, struct fault *fault);

	/* Agent: how job->number ended. Kept for the controller also when it was withdrawn since.
	 * The first word counts: twice is once. What is no UTF-8 in its texts becomes '?'; of
	 * output that is too much the end is kept. */
	int (*end_job)(struct forge *forge, const char *machine, uint64_t seq,
		       const struct job *job, struct fault *fault);

	/* Controller: puts a command into a claim that listens. 0 and its number, also when it was
	 * put there before with this ticket, whatever has become of it; FORGE_BUSY;
	 * FORGE_NOT_YET before it was offered; -ESTALE; -E2BIG, -EILSEQ. -EOPNOTSUPP where jobs
	 * come from elsewhere. */
	int (*submit)(struct forge *forge, const char *machine, uint64_t seq, const struct job *job,
		      uint64_t *ret_number, struct fault *fault);

	/* Anybody: how it stands, withdrawn or not. FORGE_NOT_YET when there is none for this seq
	 * yet. */
	int (*look)(struct forge *forge, const char *machine, uint64_t seq,
		    struct registration *ret, struct fault *fault);

	void (*close)(struct forge *forge);
};

static inline void forge_close(struct forge *forge)
{
	if (forge)
		forge->ops->close(forge);
}
DEFINE_CLEANUP(struct forge *, forge_close)

/* By name: "none". */
int forge_open(const char *name, struct store *store, struct forge **ret,
	       struct fault *fault) _must_check_;
