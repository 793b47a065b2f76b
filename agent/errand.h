#pragma once

/*
 * What the agent asks of store and forge: typed requests, carried by a channel. Each opens the
 * store if need be, makes its calls on the worker and comes back with what was said, when it was
 * asked and, for the fence, what the store's clock showed then.
 */

#include <stdbool.h>
#include <stdint.h>

#include "agent/channel.h"
#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/forge/forge.h"
#include "common/store/store.h"

/* A connection is given up after so many failed calls in a row: what is behind it may have been
 * replaced. */
#define DESK_FAILURES_MAX 3
#define WORDS_TTL_MS (24ULL * 3600 * 1000)
#define WORDS_TRIES_MAX 3

typedef int open_store_fn(const char *address, bool create, const struct clock *clock,
			  struct store **ret, struct fault *fault);
typedef int open_forge_fn(const char *name, struct store *store, struct forge **ret,
			  struct fault *fault);

struct desk_options {
	const char *machine;
	const char *store_address;
	const char *forge_name;
	const struct clock *clock; /* must live as long as the process */
	open_store_fn *open_store; /* store_open(), forge_open() */
	open_forge_fn *open_forge;
};

/* Store and forge, as the worker has them. Made on the loop, without opening anything; from the
 * first errand on it is the worker's. */
struct desk;
int desk_new(const struct desk_options *options, struct desk **ret) _must_check_;
/* Closes everything; the channel's finish. */
void desk_finish(void *desk);

enum errand_kind {
	ERRAND_BEAT,
	ERRAND_LOOK,   /* read the record, and the doorbell empty */
	ERRAND_CHANGE, /* a transition */
	ERRAND_TAKE,   /* the registration */
	ERRAND_FETCH,  /* the waiting job */
	ERRAND_REPORT, /* how a job ended */
	ERRAND_WORDS,  /* last words: the death certificate */
	_ERRAND_KIND_MAX,
};
extern const char *const errand_kind_names[_ERRAND_KIND_MAX];

/* What `paddock why` shows of an agent that is no more. */
struct words {
	char why[24]; /* name of the ending */
	char reason[REASON_MAX];
	char run[RUN_KEY_MAX];
	enum machine_phase phase;
};

struct errand;
typedef void errand_fn(struct errand *errand, void *context);

struct errand {
	struct channel_request request; /* must be first */
	struct desk *desk;
	errand_fn *answered; /* on the loop; the errand is the callee's to free */
	void *context;

	enum errand_kind kind;
	uint64_t seq;  /* the claim that it is about */
	unsigned slot; /* the sender's own mark */
	struct beat beat;
	struct change change;
	char boot_id[40]; /* TAKE, FETCH */
	struct job job;   /* REPORT: in; FETCH: out; owned */
	struct words words;

	/* The answer. */
	int result; /* -errno; 0; FORGE_NOT_YET for TAKE and FETCH */
	struct fault fault;
	uint64_t sent_usec;    /* CLOCK_BOOTTIME, just before the call */
	uint64_t store_now_ms; /* not before that; 0: not known */
	bool has_record;
	bool accepted; /* BEAT */
	struct machine record;
	enum change_result change_result;
	enum condition refusal;
	int watch_fd; /* owned; a fresh doorbell of this machine's record, -1: no news */
};

/* timeout_usec: after that it is late (channel.h). NULL: no memory. */
struct errand *errand_new(enum errand_kind kind, struct desk *desk, uint64_t seq,
			  uint64_t timeout_usec, errand_fn *answered, void *context);
void errand_free(struct errand *errand);
DEFINE_CLEANUP(struct errand *, errand_free)

/* Takes the errand over when it returns 0. */
int errand_send(struct errand *errand, struct channel *channel) _must_check_;

/* Whether a failed result is the store's trouble (no answer, which is not "no"), rather than the
 * forge's answer that the registration is another's. */
bool errand_is_denied(const struct errand *errand);
