/* Queues of the pool from the shell, for tests:
 *	pool-queues create|destroy|purge|count PREFIX CLASS
 *	pool-queues send PREFIX CLASS TEXT */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/aws/call.h"
#include "common/base/exit.h"
#include "common/store/pool-queue.h"
#include "common/store/pool-sqs.h"

static const char *get_env(_unused_ void *context, const char *name)
{
	return getenv(name);
}

static int count(const struct pool_queue *queue, struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call call;
	struct sqs_attributes attributes;
	int r;

	aws_call_init(&call, AWS_SQS, "GetQueueAttributes", POOL_REQUEST_MAX);
	r = sqs_get_queue_attributes(queue->url, &call.body);
	if (r == 0)
		r = aws_call(queue->aws, &call, fault);
	if (r == 0)
		r = sqs_attributes_read(buf_text(&call.answer.body), call.answer.body.size,
					&attributes, fault);
	if (r == 0)
		printf("%" PRIu64 "\n", attributes.waiting + attributes.hidden);
	return r;
}

static int on_queue(char **argv, struct fault *fault)
{
	const struct aws_options options = { .env = get_env, .clock = &clock_system };
	_cleanup_(aws_closep) struct aws *aws = NULL;
	struct pool_queue queue;
	int r;

	r = aws_open(&options, &aws, fault);
	if (r == 0)
		r = pool_queue_find(aws, argv[2], argv[3], &queue, fault);
	if (r == 0)
		r = argv[4] ? pool_queue_send(&queue, argv[4], fault) : count(&queue, fault);
	return r;
}

static int act(char **argv, struct fault *fault)
{
	const struct pool_sqs_options options = { .prefix = argv[2], .clock = &clock_system };
	const char *class_name = argv[3];
	bool purge = strcmp(argv[1], "purge") == 0;
	int r = 0;

	if (strcmp(argv[1], "count") == 0 || strcmp(argv[1], "send") == 0)
		return on_queue(argv, fault);
	if (purge || strcmp(argv[1], "destroy") == 0)
		r = pool_sqs_destroy(&options, &class_name, 1, fault);
	if (r == 0 && (purge || strcmp(argv[1], "create") == 0))
		r = pool_sqs_create(&options, &class_name, 1, fault);
	return r;
}

int main(int argc, char **argv)
{
	struct fault fault = {};
	int r;

	if (argc < 4)
		return EXIT_USAGE;
	r = act(argv, &fault);
	if (r < 0)
		fprintf(stderr, "pool-queues: %s\n", fault_text(&fault, r));
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}
