#pragma once

/*
 * Where all state lives: machine records, changed only by conditional writes, and side items (run,
 * registration, probe, event, …) with a revision each. Every call blocks, with a deadline of the
 * implementation's own, and may have been executed although it failed: all of them are safe to be
 * executed twice.
 *
 * The contract is tests/store-contract: a suite that every implementation passes by name.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/domain/machine.h"
#include "common/domain/transition.h"

#define STORE_ITEM_BODY_MAX 307200 /* 300 KiB: DynamoDB's limit is 400 KB an item */
#define STORE_KIND_MAX 24
#define STORE_BATCH_MAX 1000 /* machines in one get or change */

struct store {
	const struct store_ops *ops;
};

/* What an agent says at each beat. */
struct beat {
	char id[MACHINE_ID_MAX];
	enum machine_phase phase;
	uint64_t phase_seq;
	uint64_t period_ms;
	char boot_id[40];
	char version[16];
	char reason[REASON_MAX]; /* "": the record keeps the one that it has */
};

struct beat_answer {
	bool accepted;         /* false: no record, terminated, or another boot's beat came later */
	struct machine record; /* state NONE: there is none */
	uint64_t now_ms;       /* the store's clock, for turning thresholds into durations */
};

/* Pure: judges a beat and applies it; every store that does not leave this to its database uses it.
 * Not accepted: the record stays as it is. -EINVAL: no machine, no boot, no such phase; -E2BIG: it
 * would not fit (machine_fit()). */
int beat_apply(const struct machine *current, const struct beat *beat, uint64_t now_ms,
	       struct beat_answer *ret) _must_check_;

/* A side item. Partition key: a machine id or a run key; sort key: the kind. */
struct item {
	char partition[RUN_KEY_MAX];
	char kind[STORE_KIND_MAX]; /* "run", "registration", "event", "probe", "notes" */
	uint64_t revision;         /* 1 at birth, +1 at every write; 0: there is none */
	uint64_t expires_ms;       /* 0 = never; a past one is as good as absent */
	char *body;                /* owned: JSON text, at most STORE_ITEM_BODY_MAX */
};
void item_done(struct item *item);
#define _cleanup_item_ _cleanup_(item_done)

enum { STORE_REFUSED = 1 }; /* a condition did not hold; not an error */

/* Which machines a scan is after; zero members do not filter. */
struct machine_filter {
	unsigned states; /* bits 1 << enum machine_state; 0: all */
	const char *run_key;
	const char *class_name;
	const char *provider;
};

/* Return < 0 to stop the scan with that error, 0 to go on. What is shown is gone afterwards, the
 * item's body too: copy what you keep. The store that scans may not be called from here (-EDEADLK).
 */
typedef int machine_fn(const struct machine *machine, void *context);
typedef int item_fn(const struct item *item, void *context);

/* Errors of all members: -EAGAIN busy or throttled, -ETIMEDOUT, -EIO, -ENOSPC, -EROFS, -EACCES,
 * -EBADMSG corrupt, -ESTALE removed or replaced underneath us, -ECHILD used across a fork();
 * -EINVAL and -E2BIG for what cannot be asked. The fault says where and what. Results are written
 * on success only, where nothing else is said. */
struct store_ops {
	const char *name;

	/* The store's idea of now, by which thresholds are judged. */
	int (*now)(struct store *store, uint64_t *ret_ms, struct fault *fault);

	/* n records in the order of ids; absent ones have state MACHINE_NONE. An error means that
	 * ret is filled in part. */
	int (*get)(struct store *store, const char *const *ids, size_t n, struct machine *ret,
		   struct fault *fault);

	/* Judges and makes n changes, each by itself (not one transaction), each with its own
	 * outcome. An error means that some may have been made and outcomes are not filled. */
	int (*change)(struct store *store, const struct change *changes, size_t n,
		      struct change_outcome *ret, struct fault *fault);

	/* One conditional write that also reads: accepted when the record is there, is not
	 * terminated, and bears no boot id or this one (a new boot takes over only a record
	 * whose last beat is not from a boot that beat within 3 periods). */
	int (*beat)(struct store *store, const struct beat *beat, struct beat_answer *ret,
		    struct fault *fault);

	/* Every record that passes the filter, in no order; a record that changes meanwhile is seen
	 * before or after the change. */
	int (*scan)(struct store *store, const struct machine_filter *filter, machine_fn *each,
		    void *context, struct fault *fault);

	/* Takes a terminated record away for good, if it is still terminated with this seq.
	 * STORE_REFUSED otherwise; 0 also when there is none. */
	int (*forget)(struct store *store, const char *id, uint64_t seq, struct fault *fault);

	/* 0 and the item, STORE_REFUSED when there is none. */
	int (*item_get)(struct store *store, const char *partition, const char *kind,
			struct item *ret, struct fault *fault);

	/* Writes item->body if the stored revision is item->revision (0: must not exist) and raises
	 * item->revision. STORE_REFUSED: *current (may be NULL) is what stands there, revision 0
	 * for nothing; with the very same body standing there at revision + 1, it is success:
	 * executed twice. */
	int (*item_put)(struct store *store, struct item *item, struct item *current,
			struct fault *fault);

	/* 0 also when there is none; STORE_REFUSED when it has another revision (0: any will do).
	 */
	int (*item_remove)(struct store *store, const char *partition, const char *kind,
			   uint64_t revision, struct fault *fault);

	/* Every living item of a kind (NULL: any) in a partition (NULL: any). */
	int (*item_scan)(struct store *store, const char *partition, const char *kind,
			 item_fn *each, void *context, struct fault *fault);

	/* Deletes expired items; what the store does by itself may be nothing here. Returns how
	 * many. */
	int (*purge)(struct store *store, struct fault *fault);

	/* Optional. A descriptor that becomes readable when somebody else changed the machine's
	 * record or items; owned by the store, one a store; read it empty with unwatch_drain.
	 * A hint: it may miss and may cry wolf. */
	int (*watch)(struct store *store, const char *id, int *ret_fd, struct fault *fault);
	void (*watch_drain)(struct store *store);

	/* One line for doctor: "SQLite 3.40.1, schema 1, /…/paddock.db, 12 machines". */
	int (*describe)(struct store *store, char *text, size_t size, struct fault *fault);

	void (*close)(struct store *store);
};

static inline void store_close(struct store *store)
{
	if (store)
		store->ops->close(store);
}
DEFINE_CLEANUP(struct store *, store_close)

/* -EOPNOTSUPP where the store cannot watch. */
int store_watch(struct store *store, const char *id, int *ret_fd, struct fault *fault) _must_check_;

/* One machine; STORE_REFUSED when there is no record. */
int store_get_one(struct store *store, const char *id, struct machine *ret,
		  struct fault *fault) _must_check_;
int store_change_one(struct store *store, const struct change *change, struct change_outcome *ret,
		     struct fault *fault) _must_check_;

/* Opens by address: "sqlite:/path/paddock.db" (later "dynamodb:table"). The file is made when
 * create is set, else -ENOENT; its directory must be there. -EMEDIUMTYPE when it belongs to another
 * program, -EPROTONOSUPPORT to a newer Paddock, -EISDIR. The clock must outlive the store. */
int store_open(const char *address, bool create, const struct clock *clock, struct store **ret,
	       struct fault *fault) _must_check_;
