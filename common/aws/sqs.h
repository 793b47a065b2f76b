#pragma once

/*
 * SQS: bodies of requests, and readers of answers. Pure; whoever sends them adds the header
 * X-Amz-Target, SQS_TARGET and the operation that each builder names, and sends them to the
 * service's endpoint, whatever host a queue's URL names.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/aws/body.h"
#include "common/base/buf.h"
#include "common/base/fault.h"
#include "common/base/macro.h"

#define SQS_TARGET "AmazonSQS."
#define SQS_BATCH_MAX 10 /* messages in one receive, and entries of one batch */
#define SQS_WAIT_MAX_SEC 20
#define SQS_URL_MAX 512
#define SQS_RECEIPT_MAX 2048

struct sqs_queue {
	uint64_t visibility_sec; /* for how long a received message is hidden */
	uint64_t retention_sec;  /* after which a message is lost */
};

/* CreateQueue. The same queue once more is no error; with other attributes it is -EEXIST. */
int sqs_create_queue(const char *name, const struct sqs_queue *queue, const struct aws_tag *tags,
		     size_t n_tags, struct buf *ret) _must_check_;
/* GetQueueUrl. */
int sqs_get_queue_url(const char *name, struct buf *ret) _must_check_;
/* GetQueueAttributes. */
int sqs_get_queue_attributes(const char *url, struct buf *ret) _must_check_;
/* SetQueueAttributes. */
int sqs_set_queue_attributes(const char *url, const struct sqs_queue *queue,
			     struct buf *ret) _must_check_;
/* TagQueue. */
int sqs_tag_queue(const char *url, const struct aws_tag *tags, size_t n_tags,
		  struct buf *ret) _must_check_;
/* DeleteQueue. */
int sqs_delete_queue(const char *url, struct buf *ret) _must_check_;

/* SendMessageBatch, DeleteMessageBatch, ChangeMessageVisibilityBatch: 1 to SQS_BATCH_MAX entries,
 * or -EINVAL. Their answers are read by sqs_results_read(), in the order of the entries. */
int sqs_send_batch(const char *url, const char *const *bodies, size_t n,
		   struct buf *ret) _must_check_;
int sqs_delete_batch(const char *url, const char *const *receipts, size_t n,
		     struct buf *ret) _must_check_;
int sqs_hide_batch(const char *url, const char *const *receipts, size_t n, uint64_t visibility_sec,
		   struct buf *ret) _must_check_;

/* ReceiveMessage: up to max, hidden for so long; waits for the first one so long. -EINVAL for a max
 * or a wait beyond what the service takes. */
int sqs_receive(const char *url, size_t max, uint64_t wait_sec, uint64_t visibility_sec,
		struct buf *ret) _must_check_;

/* --- answers --------------------------------------------------------------------------------- */

/* Of CreateQueue and GetQueueUrl. */
int sqs_url_read(const char *body, size_t size, char *ret, size_t ret_size,
		 struct fault *fault) _must_check_;

/* Of GetQueueAttributes; numbers of messages are approximate. */
struct sqs_attributes {
	uint64_t waiting;
	uint64_t hidden;
	uint64_t delayed;
	struct sqs_queue queue;
	char arn[256];
};
int sqs_attributes_read(const char *body, size_t size, struct sqs_attributes *ret,
			struct fault *fault) _must_check_;

/* Of ReceiveMessage; none at all is no error. */
struct sqs_message {
	const char *id;      /* the same at each receipt; all three are borrowed from root */
	const char *receipt; /* of this receipt; only the last one surely deletes */
	const char *body;
	uint64_t receipts; /* how often it was received, this time included; 0: not told */
	uint64_t sent_ms;  /* 0: not told */
};
struct sqs_messages {
	struct json_object *root; /* owned */
	struct sqs_message messages[SQS_BATCH_MAX];
	size_t n;
};
int sqs_messages_read(const char *body, size_t size, struct sqs_messages *ret,
		      struct fault *fault) _must_check_;
void sqs_messages_done(struct sqs_messages *messages);
#define _cleanup_sqs_messages_ _cleanup_(sqs_messages_done)

/* Of a batch of n entries, whose answer is 200 also when each of them failed. */
struct sqs_results {
	int results[SQS_BATCH_MAX]; /* 0, or aws_error_errno(); -EIO: the answer does not say */
	size_t n_failed;
	char code[64]; /* of the first one that failed */
};
int sqs_results_read(const char *body, size_t size, size_t n, struct sqs_results *ret,
		     struct fault *fault) _must_check_;
