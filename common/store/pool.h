#pragma once

/* Where idle machines are offered. An offer is never the truth; the machine record is. With `table`
 * the idle records are the offers; with `sqs` they are messages that name them. */

#include <stddef.h>

#include "common/domain/class.h"
#include "common/store/store.h"

struct pool {
	const struct pool_ops *ops;
	struct store *store; /* borrowed */
};

/* One offer taken out to be looked at. */
struct offer {
	struct machine machine; /* as the offer tells it; the claim's conditions decide */
	void *receipt;          /* the pool's own; NULL for both that there are */
};

enum offer_fate {
	OFFER_CLAIMED, /* gone for good */
	OFFER_UNFIT,   /* fine for others: goes back soon */
	OFFER_LOST,    /* another was faster, or its record is gone: drop it */
};

struct pool_ops {
	const char *name;

	/* Up to max offers of this class that this pool has not shown to this sweep yet. Returns
	 * how many; 0: exhausted for this run. */
	int (*receive)(struct pool *pool, const char *class_name, struct offer *ret, size_t max,
		       struct fault *fault);

	/* Says what became of offers that were received, in the same sweep. */
	int (*settle)(struct pool *pool, const struct offer *offers, const enum offer_fate *fates,
		      size_t n, struct fault *fault);

	/* Starts a new sweep: all offers may be seen again. */
	void (*rewind)(struct pool *pool);

	void (*close)(struct pool *pool);
};

static inline void pool_close(struct pool *pool)
{
	if (pool)
		pool->ops->close(pool);
}
DEFINE_CLEANUP(struct pool *, pool_close)

/* By name: "table", "sqs". seed makes rivals look at different offers first. */
int pool_open(const char *name, struct store *store, uint64_t seed, struct pool **ret,
	      struct fault *fault) _must_check_;
