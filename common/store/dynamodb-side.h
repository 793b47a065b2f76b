#pragma once

/*
 * Side items in DynamoDB. Pure: requests, items, and verdicts on what refused a request.
 *
 * An item has its revision, its body, and, unless it stays for ever, expires_ms; ttl is the same in
 * seconds, rounded up, for DynamoDB to sweep by at its leisure. Nothing is judged by ttl: an item
 * past expires_ms counts as absent whether or not somebody has swept, so its successor is born with
 * revision 1.
 *
 * A write is one conditional request. When its condition fails, the answer holds the item that
 * refused it, and the verdict on that says whether there is anything left to do: a request that was
 * executed although its answer got lost is refused by what it has itself written. Give a verdict
 * the now_ms of its request, so that both mean the same by expired.
 *
 * Builders return -EINVAL for what no item can be called (or that is not UTF-8, which DynamoDB does
 * not take), as is the kind of machine records: those are never touched.
 */

#include <stdint.h>

#include "common/aws/dynamodb.h"
#include "common/store/store.h"

/* The item as it travels, with the revision that it has. -EINVAL also without a revision, as there
 * is none after the last; -E2BIG for a body that is too large. */
int dynamodb_side_to_item(const struct item *item, struct json_object **ret,
			  struct fault *fault) _must_check_;
/* STORE_REFUSED for what is no living side item: it has expired, or is a machine's record, as a
 * Query of a whole partition shows it. -EBADMSG for one that is damaged. */
int dynamodb_side_from_item(struct json_object *item, uint64_t now_ms, struct item *ret,
			    struct fault *fault) _must_check_;

/* GetItem, strongly consistent. */
int dynamodb_side_get(const char *table, const char *partition, const char *kind, struct buf *ret,
		      struct fault *fault) _must_check_;

/* PutItem of the item with the next revision, on condition that its own is what stands there;
 * -E2BIG as dynamodb_side_to_item(). */
int dynamodb_side_put(const char *table, const struct item *item, uint64_t now_ms, struct buf *ret,
		      struct fault *fault) _must_check_;
/* On what refused it (NULL: nothing stands there). 0: the put was executed, twice that is.
 * STORE_REFUSED: *current (may be NULL) is what stands there, revision 0 for nothing that lives.
 * -EBADMSG when that is damaged. */
int dynamodb_side_put_verdict(const struct item *wish, struct json_object *standing,
			      uint64_t now_ms, struct item *current,
			      struct fault *fault) _must_check_;

/* DeleteItem of this revision, 0: of any. */
int dynamodb_side_remove(const char *table, const char *partition, const char *kind,
			 uint64_t revision, struct buf *ret, struct fault *fault) _must_check_;
/* On what refused it (NULL: nothing stands there): 0 when there is none or it has expired,
 * STORE_REFUSED when it has another revision. */
int dynamodb_side_remove_verdict(struct json_object *standing, uint64_t now_ms,
				 struct fault *fault) _must_check_;

/* Query of a partition, strongly consistent; kind NULL: any. start as in dynamodb.h. */
int dynamodb_side_query(const char *table, const char *partition, const char *kind,
			struct json_object *start, struct buf *ret,
			struct fault *fault) _must_check_;

/* Which part of the table a Scan goes through, as in dynamodb.h. */
struct dynamodb_part {
	uint64_t segment;
	uint64_t segments;
	struct json_object *start; /* borrowed */
};
/* Scan for a kind in all partitions, strongly consistent; NULL: any. */
int dynamodb_side_scan(const char *table, const char *kind, const struct dynamodb_part *part,
		       struct buf *ret, struct fault *fault) _must_check_;

/* Scan for what has expired: for dynamodb_item_key(), and then DeleteItem on condition that what
 * stands under the key has expired. Refused, it is gone or has a successor: nothing to do. */
int dynamodb_side_scan_expired(const char *table, uint64_t now_ms, const struct dynamodb_part *part,
			       struct buf *ret) _must_check_;
int dynamodb_side_purge(const char *table, const struct dynamodb_key *key, uint64_t now_ms,
			struct buf *ret, struct fault *fault) _must_check_;
