#include "common/store/pool-queue.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void call_init(struct aws_call *call, const char *operation)
{
	aws_call_init(call, AWS_SQS, operation, POOL_REQUEST_MAX);
	call->patience_usec = POOL_PATIENCE_USEC;
}

static int no_queue(const struct pool_queue *queue, struct fault *fault)
{
	int r = fault_set(fault, ENOENT, "there is no queue %s in %s", queue->name,
			  aws_region(queue->aws));

	return fault_cure(fault, r,
			  "paddock refresh, which makes it; if it is there already, check "
			  "aws-name, the region and the account");
}

static int name_queue(struct pool_queue *queue, const char *prefix, const char *class_name,
		      struct fault *fault)
{
	int r = snprintf(queue->name, sizeof(queue->name), "%s-%s", prefix, class_name);

	if (r < 0 || (size_t)r >= sizeof(queue->name))
		return fault_set(fault, EINVAL, "'%.64s-%.64s' is too long for the name of a queue",
				 prefix, class_name);
	return 0;
}

/* A call whose body was built with the result r. */
static int ask(const struct pool_queue *queue, struct aws_call *call, int r, struct fault *fault)
{
	if (r < 0)
		return fault_set(fault, r, "queue %s: %m", queue->name);
	r = aws_call(queue->aws, call, fault);
	return r < 0 ? fault_wrap(fault, r, "queue %s", queue->name) : 0;
}

static int read_url(struct pool_queue *queue, const struct aws_call *call, struct fault *fault)
{
	int r = sqs_url_read(buf_text(&call->answer.body), call->answer.body.size, queue->url,
			     sizeof(queue->url), fault);

	return r < 0 ? fault_wrap(fault, r, "queue %s", queue->name) : 0;
}

int pool_queue_find(struct aws *aws, const char *prefix, const char *class_name,
		    struct pool_queue *ret, struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call call;
	struct pool_queue queue = { .aws = aws };
	int r;

	call_init(&call, "GetQueueUrl");
	r = name_queue(&queue, prefix, class_name, fault);
	if (r < 0)
		return r;
	r = ask(&queue, &call, sqs_get_queue_url(queue.name, &call.body), fault);
	if (r == -ENOENT)
		return no_queue(&queue, fault);
	if (r == 0)
		r = read_url(&queue, &call, fault);
	if (r == 0)
		*ret = queue;
	return r;
}

/* Of a queue that is there already. */
static int set_right(const struct pool_queue *queue, const struct sqs_queue *attributes,
		     const struct aws_tag *tag, struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call set, mark;
	int r;

	call_init(&set, "SetQueueAttributes");
	call_init(&mark, "TagQueue");
	r = ask(queue, &set, sqs_set_queue_attributes(queue->url, attributes, &set.body), fault);
	if (r == 0)
		r = ask(queue, &mark, sqs_tag_queue(queue->url, tag, 1, &mark.body), fault);
	return r;
}

int pool_queue_create(struct aws *aws, const char *prefix, const char *class_name,
		      const struct sqs_queue *attributes, const struct aws_tag *tag,
		      struct pool_queue *ret, struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call call;
	struct pool_queue queue = { .aws = aws };
	int r;

	call_init(&call, "CreateQueue");
	r = name_queue(&queue, prefix, class_name, fault);
	if (r < 0)
		return r;
	r = ask(&queue, &call, sqs_create_queue(queue.name, attributes, tag, 1, &call.body), fault);
	if (r == 0)
		r = read_url(&queue, &call, fault);
	if (r == -EEXIST) {
		r = pool_queue_find(aws, prefix, class_name, &queue, fault);
		if (r == 0)
			r = set_right(&queue, attributes, tag, fault);
	}
	if (r == 0)
		*ret = queue;
	return r;
}

int pool_queue_destroy(const struct pool_queue *queue, struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call call;
	int r;

	call_init(&call, "DeleteQueue");
	r = ask(queue, &call, sqs_delete_queue(queue->url, &call.body), fault);
	return r == -ENOENT ? 0 : r;
}

/* A failed call's errno and fault. */
static int result_of(const struct pool_queue *queue, const struct aws_call *call,
		     struct fault *fault)
{
	if (call->result == 0)
		return 0;
	if (call->result == -ENOENT)
		return no_queue(queue, fault);
	if (fault)
		*fault = call->fault;
	return fault_wrap(fault, call->result, "queue %s", queue->name);
}

void pool_catch_done(struct pool_catch *caught)
{
	for (size_t i = 0; i < caught->n; i++)
		sqs_messages_done(&caught->answers[i]);
	*caught = (struct pool_catch){};
}

static int read_catch(const struct pool_queue *queue, const struct aws_call *calls, size_t n,
		      struct pool_catch *caught, struct fault *fault)
{
	struct fault last = {};
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		const struct buf *body = &calls[i].answer.body;
		int result = result_of(queue, &calls[i], &last);

		if (result == 0)
			result = sqs_messages_read(buf_text(body), body->size,
						   &caught->answers[caught->n], &last);
		if (result == 0)
			caught->n_messages += caught->answers[caught->n++].n;
		else
			r = result;
	}
	if (r == 0 || caught->n_messages > 0)
		return 0;
	if (fault)
		*fault = last;
	return r;
}

int pool_queue_receive(const struct pool_queue *queue, size_t n, uint64_t visibility_sec,
		       struct pool_catch *ret, struct fault *fault)
{
	_cleanup_pool_catch_ struct pool_catch caught = {};
	struct aws_call calls[POOL_RECEIVES_MAX];
	int r = 0;

	if (n > ARRAY_SIZE(calls))
		n = ARRAY_SIZE(calls);
	for (size_t i = 0; i < n; i++) {
		call_init(&calls[i], "ReceiveMessage");
		if (r == 0)
			r = sqs_receive(queue->url, SQS_BATCH_MAX, POOL_WAIT_SEC, visibility_sec,
					&calls[i].body);
	}
	if (r < 0)
		(void)fault_set(fault, r, "queue %s: %m", queue->name);
	else
		r = aws_perform(queue->aws, calls, n, fault);
	if (r == 0)
		r = read_catch(queue, calls, n, &caught, fault);
	for (size_t i = 0; i < n; i++)
		aws_call_done(&calls[i]);
	if (r < 0)
		return r;
	*ret = caught;
	caught = (struct pool_catch){};
	return 0;
}

/* --- batches --------------------------------------------------------------------------------- */

/* What is to be done with messages. */
struct errand {
	const char *operation;
	uint64_t visibility_sec; /* of ChangeMessageVisibilityBatch */
	bool delete;
};

static size_t entries_of(size_t n, size_t batch)
{
	size_t left = n - batch * SQS_BATCH_MAX;

	return left < SQS_BATCH_MAX ? left : SQS_BATCH_MAX;
}

static int read_batch(const struct pool_queue *queue, const struct aws_call *call, size_t n,
		      uint64_t *left, struct fault *fault)
{
	const struct buf *body = &call->answer.body;
	struct sqs_results results;
	struct fault why = {};
	int r;

	r = result_of(queue, call, &why);
	if (r == 0)
		r = sqs_results_read(buf_text(body), body->size, n, &results, &why);
	if (r == 0)
		*left += results.n_failed;
	if (r < 0 && fault_is_transient(r, &why)) {
		*left += n;
		return 0;
	}
	if (r < 0 && fault)
		*fault = why;
	return r;
}

/* Up to POOL_BATCHES_MAX batches at once. */
static int run_batches(const struct pool_queue *queue, const struct errand *errand,
		       const char *const *receipts, size_t n, uint64_t *left, struct fault *fault)
{
	struct aws_call calls[POOL_BATCHES_MAX];
	size_t n_calls = (n + SQS_BATCH_MAX - 1) / SQS_BATCH_MAX;
	int r = 0;

	for (size_t i = 0; i < n_calls; i++) {
		const char *const *first = receipts + i * SQS_BATCH_MAX;

		call_init(&calls[i], errand->operation);
		if (r < 0)
			continue;
		r = errand->delete
			    ? sqs_delete_batch(queue->url, first, entries_of(n, i), &calls[i].body)
			    : sqs_hide_batch(queue->url, first, entries_of(n, i),
					     errand->visibility_sec, &calls[i].body);
	}
	if (r < 0)
		(void)fault_set(fault, r, "queue %s: %m", queue->name);
	else
		r = aws_perform(queue->aws, calls, n_calls, fault);
	for (size_t i = 0; r == 0 && i < n_calls; i++)
		r = read_batch(queue, &calls[i], entries_of(n, i), left, fault);
	for (size_t i = 0; i < n_calls; i++)
		aws_call_done(&calls[i]);
	return r;
}

static int run_errand(const struct pool_queue *queue, const struct errand *errand,
		      const char *const *receipts, size_t n, uint64_t *ret_left,
		      struct fault *fault)
{
	const size_t step = (size_t)POOL_BATCHES_MAX * SQS_BATCH_MAX;
	uint64_t left = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i += step)
		r = run_batches(queue, errand, receipts + i, n - i < step ? n - i : step, &left,
				fault);
	if (r == 0)
		*ret_left = left;
	return r;
}

int pool_queue_delete(const struct pool_queue *queue, const char *const *receipts, size_t n,
		      uint64_t *ret_left, struct fault *fault)
{
	static const struct errand errand = { .operation = "DeleteMessageBatch", .delete = true };

	return run_errand(queue, &errand, receipts, n, ret_left, fault);
}

int pool_queue_hide(const struct pool_queue *queue, const char *const *receipts, size_t n,
		    uint64_t visibility_sec, uint64_t *ret_left, struct fault *fault)
{
	const struct errand errand = {
		.operation = "ChangeMessageVisibilityBatch",
		.visibility_sec = visibility_sec,
	};

	return run_errand(queue, &errand, receipts, n, ret_left, fault);
}

int pool_queue_send(const struct pool_queue *queue, const char *text, struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call call;
	struct sqs_results results;
	int r;

	call_init(&call, "SendMessageBatch");
	r = sqs_send_batch(queue->url, &text, 1, &call.body);
	if (r < 0)
		return fault_set(fault, r, "queue %s: %m", queue->name);
	r = aws_perform(queue->aws, &call, 1, fault);
	if (r == 0)
		r = result_of(queue, &call, fault);
	if (r == 0)
		r = sqs_results_read(buf_text(&call.answer.body), call.answer.body.size, 1,
				     &results, fault);
	if (r == 0 && results.n_failed > 0)
		r = fault_set(fault, results.results[0], "queue %s refuses an offer: %s",
			      queue->name, results.code);
	return r;
}
