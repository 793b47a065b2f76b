#pragma once

/* One queue of SQS and the calls that the pool makes to it, many at once. Private to the pool in
 * SQS. */

#include "common/aws/call.h"
#include "common/aws/sqs.h"

#define POOL_RECEIVES_MAX 16   /* under way at once, of up to SQS_BATCH_MAX messages each */
#define POOL_BATCHES_MAX 16    /* of deletions or changes of visibility under way at once */
#define POOL_QUEUE_NAME_MAX 81 /* with the NUL */
#define POOL_REQUEST_MAX 65536 /* bytes: ten receipts, or one offer */
#define POOL_WAIT_SEC 1        /* for the first message of a receive */
#define POOL_PATIENCE_USEC (10 * USEC_PER_SEC) /* of a call with all its attempts */

struct pool_queue {
	struct aws *aws; /* borrowed */
	char name[POOL_QUEUE_NAME_MAX];
	char url[SQS_URL_MAX];
};

/* Asks for the URL. -EINVAL for what cannot be a queue's name; -ENOENT without one, with a cure. */
int pool_queue_find(struct aws *aws, const char *prefix, const char *class_name,
		    struct pool_queue *ret, struct fault *fault) _must_check_;

/* Makes it, or sets one right that is there: *ret as pool_queue_find() fills it. */
int pool_queue_create(struct aws *aws, const char *prefix, const char *class_name,
		      const struct sqs_queue *attributes, const struct aws_tag *tag,
		      struct pool_queue *ret, struct fault *fault) _must_check_;
int pool_queue_destroy(const struct pool_queue *queue, struct fault *fault) _must_check_;

/* What several receives have brought. */
struct pool_catch {
	struct sqs_messages answers[POOL_RECEIVES_MAX]; /* owned */
	size_t n;                                       /* answers */
	size_t n_messages;                              /* in all of them */
};
void pool_catch_done(struct pool_catch *caught);
#define _cleanup_pool_catch_ _cleanup_(pool_catch_done)

/* n receives at once. Fails when none of them brought a message and one of them failed. What a lost
 * answer bore is hidden, and comes back. */
int pool_queue_receive(const struct pool_queue *queue, size_t n, uint64_t visibility_sec,
		       struct pool_catch *ret, struct fault *fault) _must_check_;

/* Deletes n messages, or hides them for so long. What could not be done although it may be asked
 * for is counted in *ret_left: it comes back by itself, and is met again. */
int pool_queue_delete(const struct pool_queue *queue, const char *const *receipts, size_t n,
		      uint64_t *ret_left, struct fault *fault) _must_check_;
int pool_queue_hide(const struct pool_queue *queue, const char *const *receipts, size_t n,
		    uint64_t visibility_sec, uint64_t *ret_left, struct fault *fault) _must_check_;

/* One message; twice, when it is executed twice. */
int pool_queue_send(const struct pool_queue *queue, const char *text,
		    struct fault *fault) _must_check_;
