#pragma once

/*
 * The pool in SQS: one queue a class, "<prefix>-<class>", of offers (common/domain/offer.h). A
 * message is a hint: received, it is hidden from others, and only settling it as claimed or lost
 * deletes it. Whatever dies in between gives it back by being silent. Of one thread and process.
 *
 * A receive looks up the records that the messages name, in the store, and shows those records:
 *  - fit to be shown: idle, of this class, with the offer's seq. Held until it is settled, or, as
 *    everything else that is still held, given back when the sweep ends: when it is exhausted, by
 *    rewind, by close. rewind and close pass over errors then, as hiding ends by itself.
 *  - old: the record has moved on. Deleted.
 *  - poison: no offer at all, or one that names no record or a machine of another class. Hidden for
 *    long and counted; never deleted, because it may tell of a queue that two share.
 *
 * A sweep is exhausted by POOL_EMPTY_MAX receives in a row that bring nothing, by one that brings
 * only what was seen already, or by a limit.
 */

#include "common/store/pool.h"

#define POOL_SQS_PREFIX "paddock"
#define POOL_SQS_HELD_SEC 60 /* hidden while it is looked at */
/* Given back: hidden for so long, as whoever does it may come again. */
#define POOL_SQS_BACK_SEC 2
/* The most that the service hides a message is 12 hours since its receipt. */
#define POOL_SQS_QUARANTINE_SEC (12 * 3600 - POOL_SQS_HELD_SEC)
#define POOL_EMPTY_MAX 2
#define POOL_ROUNDS_MAX 4096 /* receives of one sweep */

/* Texts must outlive the pool. */
struct pool_sqs_options {
	struct store *store;
	const char *prefix;           /* NULL: POOL_SQS_PREFIX */
	const char *region, *profile; /* NULL: as the AWS CLI finds them */
	const struct clock *clock;
	uint64_t seed;
	uint64_t held_sec; /* 0: POOL_SQS_HELD_SEC */
};

/* Asks nothing yet. -ENOENT without a region; a missing queue is told by the first receive. */
int pool_sqs_open(const struct pool_sqs_options *options, struct pool **ret,
		  struct fault *fault) _must_check_;

/* Offers an idle machine to whoever looks next. Executed twice, there are two messages, of which
 * one is shown. -EINVAL for one without id, class or threshold. Of a pool that this file has
 * opened. */
int pool_sqs_offer(struct pool *pool, const struct machine *machine,
		   struct fault *fault) _must_check_;

/* Makes the queues of these classes, or sets what is there already right: messages are hidden for
 * POOL_SQS_HELD_SEC and kept for POOL_SQS_KEPT_SEC, and the queue bears the tag POOL_SQS_TAG with
 * the prefix. Safe to be called again; ends at the first queue that cannot be had. Of the options
 * the store is not needed. */
#define POOL_SQS_KEPT_SEC (4ULL * 24 * 3600)
#define POOL_SQS_TAG "paddock"
int pool_sqs_create(const struct pool_sqs_options *options, const char *const *class_names,
		    size_t n, struct fault *fault) _must_check_;
/* Deletes them with all that is in them; what is not there is no error. */
int pool_sqs_destroy(const struct pool_sqs_options *options, const char *const *class_names,
		     size_t n, struct fault *fault) _must_check_;

/* What the messages were, since the pool was opened. */
struct pool_sqs_counts {
	uint64_t received;
	uint64_t shown;
	uint64_t again;           /* an offer that the sweep had met */
	uint64_t spare;           /* a second message with an offer that is held: deleted */
	uint64_t old;             /* deleted */
	uint64_t poison;          /* in quarantine */
	uint64_t left;            /* could not be deleted or hidden: met again later */
	char why[FAULT_TEXT_MAX]; /* of the last poison; "" without any */
};
struct pool_sqs_counts pool_sqs_counts(const struct pool *pool);
