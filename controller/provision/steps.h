#pragma once

/* The parts that provision.c puts together: each looks or acts, none decides. Private to this
 * folder. */

#include "common/base/words.h"
#include "controller/provision/decide.h"
#include "controller/provision/provision.h"

/* Machines of one run that are followed: what was claimed, launched, or found by its key. */
#define TRACKED_MAX 4000 /* four times RUN_MACHINES_MAX: replacements count too */

struct provision {
	const struct controller *controller;
	const struct provision_options *options;
	const struct resource_class *class_;
	struct leases leases;
	struct want want;
	struct words *types; /* owned: behind want.types */
	struct pool *pool;   /* owned */
	bool sweeping;       /* it may hold offers for us */
	struct {
		size_t looked_at, fit, claimed;
	} offers;
	uint64_t start_usec;
	struct deadline deadline;

	struct run run; /* as last read or written */
	uint64_t revision;
	uint64_t fence; /* ours */

	struct sighting *mine; /* owned */
	size_t n_mine;
	bool scanned;                   /* the first look also finds what an earlier start left */
	bool answered[RUN_INTENTS_MAX]; /* whether this start knows all that the intent gave */
	struct provision_view view;

	/* Why the provider cannot even be asked, or does not do what it is asked: not for want of
	 * capacity. 0: nothing like that. */
	int trouble;
	struct fault trouble_fault;

	struct provision_result *result;
};

/* Writes or takes over the run record and raises its fence. -EINVAL: another request. */
int provision_begin(struct provision *p, struct fault *fault) _must_check_;
/* Reads everything that the next decision needs. */
int provision_observe(struct provision *p, struct fault *fault) _must_check_;
/* Follows one more machine. */
int provision_track(struct provision *p, const struct machine *machine) _must_check_;

/* Gives every claim that does not listen yet its registration, once a start: those just made, and
 * those that an earlier start has left without. */
int provision_register(struct provision *p, struct fault *fault) _must_check_;
/* Claims up to count fitting machines from the pool. */
int provision_select(struct provision *p, size_t count, struct fault *fault) _must_check_;
/* Ends a sweep that is under way: what it holds goes back. */
void provision_leave_pool(struct provision *p);
/* What a pool that gives no answer leads to: a note, and 0 where machines can be made without it.
 */
int pool_forgive(const struct pool *pool, int r, struct notes *notes, uint64_t now_ms,
		 const struct fault *why, struct fault *fault) _must_check_;
/* Writes an intent for count machines, unless the provider has no plan for them. */
int provision_intend(struct provision *p, size_t count, struct fault *fault) _must_check_;
/* Whether machines of the intent may be missing that this start has not asked the provider for. */
bool intent_is_open(const struct provision *p, size_t at);
/* Has the provider make what the written intents promise, and enters the records. */
int provision_replay(struct provision *p, struct fault *fault) _must_check_;
/* Keeps claims alive while we wait. */
int provision_renew(struct provision *p, struct fault *fault) _must_check_;

/* Writes the verdict. STORE_REFUSED: somebody else changed the run; look again. */
int provision_grant(struct provision *p, const bool *keep, size_t n,
		    struct fault *fault) _must_check_;
int provision_refuse(struct provision *p, const char *why, struct fault *fault) _must_check_;

/* Gives back every machine that is not kept (keep NULL: all): the registration first, then draining
 * — or the end where the provider says that it is gone. One on which a job runs is left alone
 * unless force is set: release, which closed the run, may have meant to leave it. why: constant
 * text, kept in the record. */
int provision_let_go(struct provision *p, const bool *keep, bool force, const char *why,
		     struct fault *fault) _must_check_;
/* The same for those that are judged lost while there is no verdict. A later start of this run may
 * have found one alive since and been granted it, so draining comes first, on condition that its
 * agent has not spoken since we looked, and the registration goes only of what is draining: no job
 * can be meant for a machine of a run that was not granted. STORE_REFUSED: one has spoken, or
 * moved, and is still there: look again. judgements: one a sighting. */
int provision_let_lost_go(struct provision *p, const struct judgement *judgements,
			  struct fault *fault) _must_check_;

/* The change that ends a claim, shared with release: false when there is nothing to end. */
bool ending_change(const struct machine *machine, enum presence presence, const char *run_key,
		   bool last, const char *why, const struct leases *leases, struct change *ret);

/* How many of count new machines the limit of their class leaves room for. Two controllers that ask
 * at the same moment may exceed it by what they are about to make. -ENOSPC: none, and why. */
int class_room(const struct controller *controller, const struct resource_class *class_,
	       size_t count, size_t *ret, struct fault *fault) _must_check_;

/* Has the provider draw up what the next intent is to ask for: 0 and *ret, NULL without a plan. */
int draw_plan(struct provider *provider, const struct blueprint *blueprint, char **ret,
	      struct fault *fault) _must_check_;

/* Enters the records of n new machines: init is what their birth changes have in common. *ret:
 * owned by the caller, one outcome a handle. */
int enter_records(const struct controller *controller, const struct change *init,
		  const struct resource_class *class_, const char *token,
		  const struct handle *handles, size_t n, struct change_outcome **ret,
		  struct fault *fault) _must_check_;
