#pragma once

/* What every verb works with: settings, and the store, pool, provider and forge that they name.
 * All of it is built by the edges (open.c) or by a test. */

#include <signal.h>
#include <stdbool.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/domain/run.h"
#include "common/forge/forge.h"
#include "common/store/pool.h"
#include "common/store/store.h"
#include "controller/config.h"
#include "controller/provider/provider.h"

struct controller {
	const struct config *config;
	const struct clock *clock;
	struct store *store;
	struct forge *forge;
	struct provider *provider;

	/* Of new machines; NULL or "": not known. */
	const char *image;

	/* No other process has it. The store takes the same bytes written twice for one write that
	 * was repeated, so what only one of two may write bears it. */
	uint64_t nonce;

	/* Set by a signal: what is under way is rolled back. */
	const volatile sig_atomic_t *cancelled;

	/* One line of progress for a person, without a newline; may be NULL. */
	void (*say)(void *context, const char *line);
	void *say_context;
};

/* Progress, for whoever listens. */
void controller_say(const struct controller *controller, const char *format, ...) _printf_(2, 3);

static inline bool controller_cancelled(const struct controller *controller)
{
	return controller->cancelled && *controller->cancelled;
}

/* Waits between two looks: from config->poll_usec, doubling up to POLL_MAX_USEC with the attempt.
 * Never past the deadline. */
void controller_pause(const struct controller *controller, unsigned attempt,
		      const struct deadline *deadline);

/* Appended to what the store says, so that callers can pass r through: retries a call that failed
 * for a passing reason, up to CONTROLLER_RETRIES_MAX times with back-off. Returns true when the
 * call should be made again. */
#define CONTROLLER_RETRIES_MAX 6
bool controller_try_again(const struct controller *controller, int r, const struct fault *fault,
			  unsigned *attempt);

/* The store's calls, with such retries. */
int controller_now(const struct controller *controller, uint64_t *ret_ms,
		   struct fault *fault) _must_check_;
int controller_get(const struct controller *controller, const char *const *ids, size_t n,
		   struct machine *ret, struct fault *fault) _must_check_;
int controller_change(const struct controller *controller, const struct change *changes, size_t n,
		      struct change_outcome *ret, struct fault *fault) _must_check_;

/* The pool that the settings name; seed makes rivals look at different offers first. */
int controller_open_pool(const struct controller *controller, uint64_t seed, struct pool **ret,
			 struct fault *fault) _must_check_;

/* How long what explains the past is kept: closed runs, death certificates. */
#define RUN_TTL_MS (MSEC_PER_SEC * 60 * 60 * 24)
#define EVENT_TTL_MS (MSEC_PER_SEC * 60 * 60 * 24)

/* Writes a machine's death certificate (the item "event" that `paddock why` shows) unless its agent
 * has left last words of its own. */
int controller_certify(const struct controller *controller, const struct machine *machine,
		       const char *why, uint64_t now_ms, struct fault *fault) _must_check_;

/* Reads the run record of a key: 0, STORE_REFUSED when there is none. *ret_revision goes back into
 * controller_write_run(). */
int controller_read_run(const struct controller *controller, const char *key, struct run *ret,
			uint64_t *ret_revision, struct fault *fault) _must_check_;
/* Writes it if nobody else did since: 0 and the new revision, STORE_REFUSED. revision 0: it must
 * not exist yet. */
int controller_write_run(const struct controller *controller, const struct run *run,
			 uint64_t *revision, struct fault *fault) _must_check_;

/* A list of machine records that grows up to RECORDS_MAX. */
#define RECORDS_MAX 1000000
struct records {
	struct machine *rows; /* owned */
	size_t n;
	size_t capacity;
};
void records_done(struct records *records);
#define _cleanup_records_ _cleanup_(records_done)
int records_add(struct records *records, const struct machine *machine) _must_check_;
/* Everything that passes the filter. */
int controller_scan(const struct controller *controller, const struct machine_filter *filter,
		    struct records *ret, struct fault *fault) _must_check_;
