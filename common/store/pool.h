#pragma once

/* Where idle machines are offered. An offer is never the truth; the machine record is. With `table`
 * the idle records are the offers; with `sqs` they are messages that name them. */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/clock.h"
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
	bool apart; /* it may be out of order while the store is not */

	/* Up to max offers of this class that this pool has not shown to this sweep yet. Returns
	 * how many; 0: exhausted for this run. */
	int (*receive)(struct pool *pool, const char *class_name, struct offer *ret, size_t max,
		       struct fault *fault);

	/* Says what became of offers that were received, in the same sweep. */
	int (*settle)(struct pool *pool, const struct offer *offers, const enum offer_fate *fates,
		      size_t n, struct fault *fault);

	/* Starts a new sweep: all offers may be seen again, by others soon. */
	void (*rewind)(struct pool *pool);

	/* Offers an idle machine to whoever looks next; twice is harmless. NULL: idle records are
	 * offers by themselves. */
	int (*offer)(struct pool *pool, const struct machine *machine, struct fault *fault);

	/* What was met since it was opened, for a person. NULL: nothing worth a word. */
	void (*describe)(const struct pool *pool, char *ret, size_t size);

	void (*close)(struct pool *pool);
};

static inline void pool_close(struct pool *pool)
{
	if (pool)
		pool->ops->close(pool);
}
DEFINE_CLEANUP(struct pool *, pool_close)

/* Texts must outlive the pool. */
struct pool_options {
	const char *name;    /* "table", "sqs" */
	struct store *store; /* NULL: for offering only */
	const struct clock *clock;
	uint64_t seed; /* makes rivals look at different offers first */

	/* What sqs needs to be told; NULL: its default, or as the AWS CLI finds them. */
	const char *prefix; /* of the queues' names */
	const char *region, *profile;
};
/* Asks nothing yet. -EINVAL for an unknown name; -ENOENT for sqs without a region. */
int pool_open(const struct pool_options *options, struct pool **ret,
	      struct fault *fault) _must_check_;

/* 0, or -EINVAL with a cure where there is no pool of that name. */
int pool_check_name(const char *name, struct fault *fault) _must_check_;
