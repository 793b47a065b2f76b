/* Requests. */

#include "common/aws/sqs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define NUMBER_TEXT_MAX 24

/* {"QueueUrl":…} or {"QueueName":…} */
static int body_new(const char *key, const char *queue, struct json_object **ret)
{
	_cleanup_json_ struct json_object *body = json_object_new_object();
	int r;

	if (!body)
		return -ENOMEM;
	r = json_set_text(body, key, queue);
	if (r < 0)
		return r;
	*ret = take_ptr(body);
	return 0;
}

/* Attributes are text, whatever they mean. */
static int set_number(struct json_object *attributes, const char *name, uint64_t value)
{
	char text[NUMBER_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	return json_set_text(attributes, name, text);
}

static int set_attributes(struct json_object *body, const struct sqs_queue *queue)
{
	struct json_object *attributes = NULL;
	int r;

	r = aws_body_object(body, "Attributes", &attributes);
	if (r == 0)
		r = set_number(attributes, "VisibilityTimeout", queue->visibility_sec);
	if (r == 0)
		r = set_number(attributes, "MessageRetentionPeriod", queue->retention_sec);
	return r;
}

/* The service writes this member small in one request and large in the other. */
static int set_tags(struct json_object *body, const char *key, const struct aws_tag *tags, size_t n)
{
	struct json_object *object = NULL;
	int r = 0;

	if (n > 0)
		r = aws_body_object(body, key, &object);
	for (size_t i = 0; i < n && r == 0; i++)
		r = json_set_text(object, tags[i].key, tags[i].value);
	return r;
}

int sqs_create_queue(const char *name, const struct sqs_queue *queue, const struct aws_tag *tags,
		     size_t n_tags, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	int r;

	r = body_new("QueueName", name, &body);
	if (r == 0)
		r = set_attributes(body, queue);
	if (r == 0)
		r = set_tags(body, "tags", tags, n_tags);
	return r < 0 ? r : aws_body_add(ret, body);
}

int sqs_get_queue_url(const char *name, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	int r;

	r = body_new("QueueName", name, &body);
	return r < 0 ? r : aws_body_add(ret, body);
}

int sqs_get_queue_attributes(const char *url, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	struct json_object *names = NULL;
	int r;

	r = body_new("QueueUrl", url, &body);
	if (r == 0)
		r = aws_body_array(body, "AttributeNames", &names);
	if (r == 0)
		r = aws_body_text(names, "All");
	return r < 0 ? r : aws_body_add(ret, body);
}

int sqs_set_queue_attributes(const char *url, const struct sqs_queue *queue, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	int r;

	r = body_new("QueueUrl", url, &body);
	if (r == 0)
		r = set_attributes(body, queue);
	return r < 0 ? r : aws_body_add(ret, body);
}

int sqs_tag_queue(const char *url, const struct aws_tag *tags, size_t n_tags, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	int r;

	r = body_new("QueueUrl", url, &body);
	if (r == 0)
		r = set_tags(body, "Tags", tags, n_tags);
	return r < 0 ? r : aws_body_add(ret, body);
}

int sqs_delete_queue(const char *url, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	int r;

	r = body_new("QueueUrl", url, &body);
	return r < 0 ? r : aws_body_add(ret, body);
}

/* A batch: each entry's Id is its number, and one member is its text. visibility_sec may be NULL.
 */
static int batch(const char *url, const char *key, const char *const *texts, size_t n,
		 const uint64_t *visibility_sec, struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	struct json_object *entries = NULL, *entry = NULL;
	int r;

	if (n == 0 || n > SQS_BATCH_MAX)
		return -EINVAL;
	r = body_new("QueueUrl", url, &body);
	if (r == 0)
		r = aws_body_array(body, "Entries", &entries);
	for (size_t i = 0; i < n && r == 0; i++) {
		r = aws_body_element(entries, &entry);
		if (r == 0)
			r = set_number(entry, "Id", i);
		if (r == 0)
			r = json_set_text(entry, key, texts[i]);
		if (r == 0 && visibility_sec)
			r = json_set_u64(entry, "VisibilityTimeout", *visibility_sec);
	}
	return r < 0 ? r : aws_body_add(ret, body);
}

int sqs_send_batch(const char *url, const char *const *bodies, size_t n, struct buf *ret)
{
	return batch(url, "MessageBody", bodies, n, NULL, ret);
}

int sqs_delete_batch(const char *url, const char *const *receipts, size_t n, struct buf *ret)
{
	return batch(url, "ReceiptHandle", receipts, n, NULL, ret);
}

int sqs_hide_batch(const char *url, const char *const *receipts, size_t n, uint64_t visibility_sec,
		   struct buf *ret)
{
	return batch(url, "ReceiptHandle", receipts, n, &visibility_sec, ret);
}

int sqs_receive(const char *url, size_t max, uint64_t wait_sec, uint64_t visibility_sec,
		struct buf *ret)
{
	_cleanup_json_ struct json_object *body = NULL;
	struct json_object *names = NULL;
	int r;

	if (max == 0 || max > SQS_BATCH_MAX || wait_sec > SQS_WAIT_MAX_SEC)
		return -EINVAL;
	r = body_new("QueueUrl", url, &body);
	if (r == 0)
		r = json_set_u64(body, "MaxNumberOfMessages", max);
	if (r == 0)
		r = json_set_u64(body, "WaitTimeSeconds", wait_sec);
	if (r == 0)
		r = json_set_u64(body, "VisibilityTimeout", visibility_sec);
	if (r == 0)
		r = aws_body_array(body, "MessageSystemAttributeNames", &names);
	if (r == 0)
		r = aws_body_text(names, "ApproximateReceiveCount");
	if (r == 0)
		r = aws_body_text(names, "SentTimestamp");
	return r < 0 ? r : aws_body_add(ret, body);
}
