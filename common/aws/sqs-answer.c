/* Answers. */

#include <errno.h>
#include <string.h>

#include "common/aws/error.h"
#include "common/aws/sqs.h"
#include "common/base/io.h"
#include "common/base/parse.h"

static int parse(const char *body, size_t size, struct json_object **ret, struct fault *fault)
{
	return aws_answer_parse(body, size, "sqs", ret, fault);
}

int sqs_url_read(const char *body, size_t size, char *ret, size_t ret_size, struct fault *fault)
{
	_cleanup_json_ struct json_object *root = NULL;
	int r;

	r = parse(body, size, &root, fault);
	if (r < 0)
		return r;
	r = aws_answer_text(root, "QueueUrl", ret, ret_size, fault);
	return fault_wrap(fault, r, "sqs");
}

/* A number that travels as text; absent, it stays as it is. */
static int get_number(struct json_object *attributes, const char *name, uint64_t *ret,
		      struct fault *fault)
{
	const char *text = NULL;
	int r;

	r = json_get_text(attributes, name, &text, fault);
	if (r <= 0)
		return r;
	if (parse_u64(text, ret) < 0)
		return fault_set(fault, EBADMSG, "key '%s': '%.40s' is no number", name, text);
	return 0;
}

static int attributes_from(struct json_object *root, struct sqs_attributes *attributes,
			   struct fault *fault)
{
	struct json_object *object = NULL;
	int r;

	r = json_get_object(root, "Attributes", &object, fault);
	if (r == 0)
		return fault_set(fault, EBADMSG, "no attributes");
	if (r > 0)
		r = aws_answer_text(object, "QueueArn", attributes->arn, sizeof(attributes->arn),
				    fault);
	if (r == 0)
		r = get_number(object, "ApproximateNumberOfMessages", &attributes->waiting, fault);
	if (r == 0)
		r = get_number(object, "ApproximateNumberOfMessagesNotVisible", &attributes->hidden,
			       fault);
	if (r == 0)
		r = get_number(object, "ApproximateNumberOfMessagesDelayed", &attributes->delayed,
			       fault);
	if (r == 0)
		r = get_number(object, "VisibilityTimeout", &attributes->queue.visibility_sec,
			       fault);
	if (r == 0)
		r = get_number(object, "MessageRetentionPeriod", &attributes->queue.retention_sec,
			       fault);
	return r;
}

int sqs_attributes_read(const char *body, size_t size, struct sqs_attributes *ret,
			struct fault *fault)
{
	_cleanup_json_ struct json_object *root = NULL;
	struct sqs_attributes attributes = {};
	int r;

	r = parse(body, size, &root, fault);
	if (r < 0)
		return r;
	r = attributes_from(root, &attributes, fault);
	if (r < 0)
		return fault_wrap(fault, r, "sqs");
	*ret = attributes;
	return 0;
}

static int get_text(struct json_object *object, const char *key, const char **ret,
		    struct fault *fault)
{
	int r;

	r = json_get_text(object, key, ret, fault);
	if (r == 0)
		return fault_set(fault, EBADMSG, "a message without %s", key);
	return r < 0 ? r : 0;
}

static int message_from(struct json_object *object, struct sqs_message *message,
			struct fault *fault)
{
	struct json_object *attributes = NULL;
	int r;

	r = get_text(object, "MessageId", &message->id, fault);
	if (r == 0)
		r = get_text(object, "ReceiptHandle", &message->receipt, fault);
	if (r == 0)
		r = get_text(object, "Body", &message->body, fault);
	if (r == 0)
		r = json_get_object(object, "Attributes", &attributes, fault);
	if (r <= 0)
		return r;
	r = get_number(attributes, "ApproximateReceiveCount", &message->receipts, fault);
	return r < 0 ? r : get_number(attributes, "SentTimestamp", &message->sent_ms, fault);
}

static int messages_from(struct sqs_messages *messages, struct fault *fault)
{
	struct json_object *array = NULL;
	size_t n = 0;
	int r;

	r = aws_answer_objects(messages->root, "Messages", &array, &n, fault);
	if (r == 0 && n > SQS_BATCH_MAX)
		return fault_set(fault, EBADMSG, "%zu messages, more than were asked for", n);
	for (size_t i = 0; i < n && r == 0; i++)
		r = message_from(json_object_array_get_idx(array, i), &messages->messages[i],
				 fault);
	messages->n = n;
	return r;
}

int sqs_messages_read(const char *body, size_t size, struct sqs_messages *ret, struct fault *fault)
{
	struct sqs_messages messages = {};
	int r;

	r = parse(body, size, &messages.root, fault);
	if (r < 0)
		return r;
	r = messages_from(&messages, fault);
	if (r < 0) {
		sqs_messages_done(&messages);
		return fault_wrap(fault, r, "sqs");
	}
	*ret = messages;
	return 0;
}

void sqs_messages_done(struct sqs_messages *messages)
{
	json_object_put(messages->root);
	*messages = (struct sqs_messages){};
}

/* The number that batch() gave an entry. */
static int get_index(struct json_object *entry, size_t n, uint64_t *ret, struct fault *fault)
{
	const char *id = NULL;
	int r;

	r = json_get_text(entry, "Id", &id, fault);
	if (r < 0)
		return r;
	if (r == 0 || parse_u64(id, ret) < 0 || *ret >= n)
		return fault_set(fault, EBADMSG, "an entry that was not in the batch");
	return 0;
}

static int read_failed(struct json_object *root, size_t n, struct sqs_results *results,
		       struct fault *fault)
{
	struct json_object *array = NULL;
	size_t n_failed = 0;
	uint64_t index = 0;
	int r;

	r = aws_answer_objects(root, "Failed", &array, &n_failed, fault);
	for (size_t i = 0; i < n_failed && r == 0; i++) {
		struct json_object *entry = json_object_array_get_idx(array, i);
		const char *code = "";

		r = get_index(entry, n, &index, fault);
		if (r == 0)
			r = json_get_text(entry, "Code", &code, fault);
		if (r < 0)
			return r;
		r = 0;
		results->results[index] = aws_error_errno(code, 400);
		if (!results->code[0] && str_copy(results->code, sizeof(results->code), code) < 0)
			results->code[0] = '\0';
	}
	return r;
}

static int read_successful(struct json_object *root, size_t n, struct sqs_results *results,
			   struct fault *fault)
{
	struct json_object *array = NULL;
	size_t n_done = 0;
	uint64_t index = 0;
	int r;

	r = aws_answer_objects(root, "Successful", &array, &n_done, fault);
	for (size_t i = 0; i < n_done && r == 0; i++) {
		r = get_index(json_object_array_get_idx(array, i), n, &index, fault);
		if (r == 0)
			results->results[index] = 0;
	}
	return r;
}

int sqs_results_read(const char *body, size_t size, size_t n, struct sqs_results *ret,
		     struct fault *fault)
{
	_cleanup_json_ struct json_object *root = NULL;
	struct sqs_results results = {};
	int r;

	if (n > SQS_BATCH_MAX)
		return fault_set(fault, EINVAL, "sqs: a batch of %zu", n);
	for (size_t i = 0; i < n; i++)
		results.results[i] = -EIO;
	r = parse(body, size, &root, fault);
	if (r < 0)
		return r;
	r = read_successful(root, n, &results, fault);
	if (r == 0)
		r = read_failed(root, n, &results, fault);
	if (r < 0)
		return fault_wrap(fault, r, "sqs");
	for (size_t i = 0; i < n; i++)
		results.n_failed += results.results[i] < 0;
	*ret = results;
	return 0;
}
