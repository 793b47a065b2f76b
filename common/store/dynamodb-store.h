#pragma once

/* What the parts of the DynamoDB store share. Private to this folder. */

#include <sys/types.h>

#include "common/aws/call.h"
#include "common/aws/dynamodb.h"
#include "common/store/store-dynamodb.h"

#define DYNAMODB_BODY_MAX (1024UL * 1024) /* of one request */
#define DYNAMODB_SEGMENTS 4               /* of a scan, at once */
/* How often one change is judged anew because the record moved meanwhile, before it is -EAGAIN; and
 * how often the keys are asked for that a batch left out. */
#define DYNAMODB_ROUNDS_MAX 8
/* Of one change: less than half of the claim slack, for time is judged before it is sent. */
#define DYNAMODB_PATIENCE_USEC (10 * USEC_PER_SEC)

struct dynamodb_store {
	struct store store;
	struct aws *aws;                              /* owned */
	char table[256], region[ENDPOINT_REGION_MAX]; /* region: as it was given; "" = not */
	const struct clock *clock;                    /* borrowed */
	bool own_clock;
	bool scanning;
	pid_t pid;
	struct dynamodb_usage usage;
};

/* -ECHILD, -EDEADLK: what cannot be asked now. */
int dynamodb_check(const struct dynamodb_store *s, struct fault *fault) _must_check_;
uint64_t dynamodb_now_ms(const struct dynamodb_store *s);

/* Makes the calls and counts them. Fails with the first result that is neither 0 nor -ESTALE, which
 * is for the caller to look at. */
int dynamodb_perform(struct dynamodb_store *s, struct aws_call *calls, size_t n,
		     struct fault *fault) _must_check_;
/* The item in the answer of one call; item NULL: none. The caller frees *ret. */
int dynamodb_read_answer(struct dynamodb_store *s, const struct aws_call *call,
			 struct dynamodb_answer *ret, struct fault *fault) _must_check_;
void dynamodb_call_init(struct aws_call *call, const char *operation);

/* Several, of which the first n are to be made; of[] is for what each is about. */
struct dynamodb_calls {
	struct aws_call *rows; /* owned */
	size_t *of;            /* owned */
	size_t n;
};
int dynamodb_calls_new(size_t max, struct dynamodb_calls *ret, struct fault *fault) _must_check_;
/* The next one, an empty request. */
struct aws_call *dynamodb_calls_next(struct dynamodb_calls *calls, const char *operation,
				     size_t of);
void dynamodb_calls_done(struct dynamodb_calls *calls);
#define _cleanup_dynamodb_calls_ _cleanup_(dynamodb_calls_done)

/* Every item that the requests find, page by page and in segments. make builds the request of one
 * page; each is called with the items, and stops the scan with what it returns below 0. */
struct dynamodb_search_ops {
	const char *operation; /* "Scan", "Query" */
	size_t segments;
	int (*make)(const struct dynamodb_store *s, size_t segment, struct json_object *start,
		    void *context, struct buf *ret);
	int (*each)(struct dynamodb_store *s, struct json_object *item, void *context,
		    struct fault *fault);
};
int dynamodb_search(struct dynamodb_store *s, const struct dynamodb_search_ops *ops, void *context,
		    struct fault *fault) _must_check_;

/* dynamodb-records.c */
int store_dynamodb_get(struct store *store, const char *const *ids, size_t n, struct machine *ret,
		       struct fault *fault);
int store_dynamodb_change(struct store *store, const struct change *changes, size_t n,
			  struct change_outcome *ret, struct fault *fault);
int store_dynamodb_beat(struct store *store, const struct beat *beat, struct beat_answer *ret,
			struct fault *fault);
int store_dynamodb_scan(struct store *store, const struct machine_filter *filter, machine_fn *each,
			void *context, struct fault *fault);
int store_dynamodb_forget(struct store *store, const char *id, uint64_t seq, struct fault *fault);

/* dynamodb-items.c */
int store_dynamodb_item_get(struct store *store, const char *partition, const char *kind,
			    struct item *ret, struct fault *fault);
int store_dynamodb_item_put(struct store *store, struct item *item, struct item *current,
			    struct fault *fault);
int store_dynamodb_item_remove(struct store *store, const char *partition, const char *kind,
			       uint64_t revision, struct fault *fault);
int store_dynamodb_item_scan(struct store *store, const char *partition, const char *kind,
			     item_fn *each, void *context, struct fault *fault);
int store_dynamodb_purge(struct store *store, struct fault *fault);
