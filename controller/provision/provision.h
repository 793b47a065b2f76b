#pragma once

/*
 * Hands out machines to a run: warm ones from the pool, new ones for the rest. Every step is safe
 * to be repeated: kill the process at any call, start it again with the same run key, and it ends
 * in the same place (docs/architecture/provisioning.md).
 */

#include <stdbool.h>
#include <stdint.h>

#include "controller/controller.h"
#include "controller/provision/notes.h"

struct provision_options {
	struct request request;
	uint64_t timeout_usec;
	const struct job *job; /* a first command for each machine; may be NULL */
};

enum provision_end {
	PROVISION_GRANTED,
	PROVISION_PARTIAL,     /* fewer than asked for, at least --min-count */
	PROVISION_REFUSED,     /* no capacity; all was given back */
	PROVISION_INTERRUPTED, /* by a signal or the time limit; all was given back */
	PROVISION_CLOSED,      /* the run has been released meanwhile, or before */
	PROVISION_UNDECIDED,   /* another controller works on this run and was not done in time */
	_PROVISION_END_MAX,
};

struct provision_result {
	enum provision_end end;
	char reason[256];        /* for every end but GRANTED */
	struct records machines; /* what was granted, as last seen */
	size_t n_warm;           /* of them out of the pool */
	bool shared;             /* the verdict was written by an earlier start, or another one */
	uint64_t select_usec;    /* from the start until the last claim or launch was made */
	uint64_t wait_usec;      /* from the start until the verdict */
	struct notes notes;
	struct outlook outlook; /* provision_plan(): of those that would have to be made */
};
void provision_result_done(struct provision_result *result);
#define _cleanup_provision_result_ _cleanup_(provision_result_done)

/* 0 with every end above; < 0 when it could not even be tried, or broke off: -EINVAL the same key
 * was used with another request, -EAGAIN and the like the store did not answer. What was claimed by
 * then is rolled back as far as the store lets it; the next start or refresh does the rest. */
int provision_run(const struct controller *controller, const struct provision_options *options,
		  struct provision_result *ret, struct fault *fault) _must_check_;

/* One look, no writes: what provision would do now. Fills the notes and the outlook of *ret,
 * and machines with those it would claim. Returns how many would have to be made. */
int provision_plan(const struct controller *controller, const struct provision_options *options,
		   struct provision_result *ret, struct fault *fault) _must_check_;

/* Sees to it that `target` idle machines of a class wait in the pool: makes what is missing and
 * waits until their agents are ready. Two at once make no more than one alone. */
struct warm_result {
	size_t idle;     /* ready and waiting */
	size_t launched; /* by this call */
	size_t missing;  /* not ready within the time */
	struct records machines;
	char reason[256];
};
void warm_result_done(struct warm_result *result);
#define _cleanup_warm_result_ _cleanup_(warm_result_done)
int provision_warm(const struct controller *controller, const struct resource_class *class_,
		   uint64_t target, uint64_t timeout_usec, struct warm_result *ret,
		   struct fault *fault) _must_check_;
/* Keys of the records that hold the intents of pool warming: never a run's own. */
bool run_key_is_warm(const char *key);
