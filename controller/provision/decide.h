#pragma once

/*
 * What provision does next: a pure function over everything observed. The loop in provision.c
 * looks, asks this, and acts; it decides nothing itself.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/domain/machine.h"
#include "common/domain/run.h"
#include "controller/provider/provider.h"

/* One machine of the run, as seen now. */
struct sighting {
	struct machine machine;
	enum presence presence; /* UNKNOWN unless the provider was asked */
	bool registered;        /* by this start */
};

enum standing {
	STANDING_STARTING,  /* claimed, may still come */
	STANDING_LISTENING, /* running and its agent says so of this seq */
	STANDING_LOST,      /* gone, failed, silent, or taken away: let go */
	STANDING_LEAVING,   /* already draining or terminated: not ours any more */
};

struct judgement {
	enum standing standing;
	const char *why; /* for STANDING_LOST: constant text */
};

/* How one machine stands with the run. How long a machine that has not beaten since its claim is
 * waited for: an agent beats when it sees the claim, so this many of its periods of silence mean
 * that nobody is there. */
struct judgement sighting_judge(const struct sighting *sighting, const char *run_key,
				uint64_t now_ms);

struct provision_view {
	const struct run *run;
	const struct sighting *mine; /* every record that bears the run's key */
	size_t n_mine;
	size_t open_intents; /* written, and not known yet what they gave */
	uint64_t breaker;    /* machines lost without one coming up that end launching; 0: none */
	bool pool_empty;     /* the pool has nothing (more) that fits */
	bool launch_failed;  /* the provider said no: capacity, a missing binary */
	bool timed_out;
	bool cancelled;
	bool superseded; /* a later start of this run has raised the fence */
	uint64_t now_ms;
};

enum step {
	STEP_SELECT, /* claim up to `count` more from the pool */
	STEP_REPLAY, /* make what written intents promise */
	STEP_LAUNCH, /* write an intent for `count` machines */
	STEP_WAIT,   /* look again soon */
	STEP_GRANT,  /* write the verdict: granted */
	STEP_REFUSE, /* write the verdict: refused, because of `why` */
	STEP_SHARE,  /* the verdict is written already: act on it */
	STEP_FOLLOW, /* another controller works on this run: wait for its verdict */
};

struct decision {
	enum step step;
	size_t count;
	const char *why;  /* STEP_REFUSE: constant text */
	bool partial;     /* STEP_GRANT: fewer than were asked for */
	bool interrupted; /* STEP_REFUSE: by a signal or the time limit, not for want of machines */
};

/* judgements: one a sighting, from sighting_judge(). Machines that are LOST are let go by the
 * caller before the next look, whatever the step is. */
struct decision provision_decide(const struct provision_view *view,
				 const struct judgement *judgements);

/* Whether the machine was launched for this run: then it ends with it, instead of being pooled,
 * when the run is given up. */
bool run_made(const struct run *run, const struct machine *machine);

/* Which of mine go into the grant: the first run->request.count that listen. Fills keep (n_mine);
 * returns how many. What is not kept is let go. */
size_t provision_choose(const struct provision_view *view, const struct judgement *judgements,
			bool *keep);

/* Whether a claim should be renewed now: half of its time is over. */
bool claim_needs_renewal(const struct machine *machine, uint64_t claim_ms, uint64_t now_ms);
