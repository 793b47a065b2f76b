#pragma once

/* The run record: who asked for what, what was launched for it, and one verdict that every
 * controller with this run key shares. Written before any machine is launched. */

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/json.h"
#include "common/domain/machine.h"
#include "common/domain/transition.h"

#define RUN_MACHINES_MAX 1000 /* the most that one run may ask for */
#define RUN_INTENTS_MAX 32    /* waves of launching for one run */
#define RUN_TOKEN_MAX 48      /* leaves room for "-<index>" in a machine id */
#define RUN_PLAN_MAX 6144     /* bytes of an intent's plan; all of them fit STORE_ITEM_BODY_MAX */

enum verdict {
	VERDICT_OPEN,
	VERDICT_GRANTED,
	VERDICT_REFUSED,
	VERDICT_CLOSED, /* released, or a tombstone where there was no run yet */
	_VERDICT_MAX,
	_VERDICT_INVALID = -22,
};
extern const char *const verdict_names[_VERDICT_MAX + 1];

/* What is asked for; two requests with the same key must be equal. */
struct request {
	uint64_t count;     /* machines wanted */
	uint64_t min_count; /* fewer than count but so many are accepted (exit 4) */
	char class_name[CLASS_NAME_MAX];
	char types[256]; /* globs, separated by spaces */
	enum usage_class usage;
	char needs[NEEDS_MAX];
	uint64_t max_runtime_ms;
	bool no_create;
	struct claimant claimant; /* its run_key is the run's */
};

/* A promise to launch count machines. Replayed with the same token and plan. */
struct intent {
	char token[RUN_TOKEN_MAX];
	uint64_t count;
	uint64_t created_ms;
	char *plan; /* owned: the provider's; NULL: none */
};

/* A copy by assignment shares what it owns. */
struct run {
	char key[RUN_KEY_MAX];
	uint64_t fence; /* raised by each start of provision; a write of an older one is refused */
	uint64_t starter; /* whose start that was: no two starts write the same record */
	enum verdict verdict;
	char reason[256]; /* why refused or closed */
	struct request request;
	struct intent intents[RUN_INTENTS_MAX];
	size_t n_intents;
	char (*machines)[MACHINE_ID_MAX]; /* owned: what it got, once granted */
	size_t n_machines;
	uint64_t created_ms;
	uint64_t decided_ms; /* when the verdict was written; 0 = open */
};

void run_done(struct run *run);
/* Forgets its intents: there are none afterwards. */
void run_drop_intents(struct run *run);
#define _cleanup_run_ _cleanup_(run_done)

/* "<id>-<attempt>-<name>"; -EINVAL for characters other than letters, digits, ".-_/", or too long
 * ('/' becomes '.'). */
int run_key_make(const char *id, uint64_t attempt, const char *name, char *ret, size_t size,
		 struct fault *fault) _must_check_;
bool run_key_is_valid(const char *key);

bool request_equal(const struct request *a, const struct request *b);
/* Name of the first member that differs, for the error text; NULL: none. */
const char *request_difference(const struct request *a, const struct request *b);

int run_set_machines(struct run *run, const char (*ids)[MACHINE_ID_MAX], size_t n) _must_check_;

/* Deterministic: the token of the next intent, from key, fence and number of intents. Short, valid
 * as a machine id, different for different keys (64 bits of hash). */
void run_next_token(const struct run *run, char *ret, size_t size);
/* For providers that may choose their machines' ids: that of the index-th of a token. */
int machine_id_for(const char *token, uint64_t index, char *ret, size_t size) _must_check_;

/* The body of its item in the store. */
int run_to_json(const struct run *run, struct json_object **ret) _must_check_;
int run_from_json(struct json_object *object, struct run *ret, struct fault *fault) _must_check_;
