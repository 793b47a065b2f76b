/* One queue a class, where offers are messages: "<aws-name>-<class>". */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/aws/sqs.h"
#include "common/store/pool-sqs.h"
#include "controller/converge/converge.h"

#define QUEUE_NAME_MAX 80                  /* SQS's limit */
#define RETENTION_SEC (4UL * 24 * 60 * 60) /* SQS's own; agents offer anew long before */

static size_t count(const struct converge *converge)
{
	return strcmp(converge->config->pool, "sqs") == 0 ? converge->config->classes.n : 0;
}

static int name_of(const struct converge *converge, size_t i, char *text, size_t size,
		   struct fault *fault)
{
	const struct config *config = converge->config;
	const char *name = config->classes.rows[i].name;

	(void)snprintf(text, size, "%s-%s", config->ec2.name, name);
	if (strlen(text) > QUEUE_NAME_MAX || strchr(text, '.'))
		return fault_cure(
			fault,
			fault_set(fault, EINVAL,
				  "SQS takes no queue of this name: only letters, digits, "
				  "'-' and '_', at most %d",
				  QUEUE_NAME_MAX),
			"name [class %s], or aws-name, otherwise", name);
	return 0;
}

static int find(struct converge *converge, size_t i, char *url, size_t size, struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call call;
	char name[THING_NAME_MAX];
	int r;

	thing_call_init(&call, AWS_SQS, "GetQueueUrl");
	r = name_of(converge, i, name, sizeof(name), fault);
	if (r < 0)
		return r;
	r = sqs_get_queue_url(name, &call.body);
	if (r < 0)
		return fault_set(fault, r, "queue %s: %m", name);
	r = aws_call(converge->aws, &call, fault);
	return r < 0 ? r
		     : sqs_url_read(buf_text(&call.answer.body), call.answer.body.size, url, size,
				    fault);
}

static int look(struct converge *converge, size_t i, enum thing_state *ret, _unused_ char *why,
		_unused_ size_t size, struct fault *fault)
{
	char url[SQS_URL_MAX];
	int r = find(converge, i, url, sizeof(url), fault);

	*ret = r == -ENOENT ? THING_ABSENT : THING_RIGHT;
	return r == -ENOENT ? 0 : r;
}

static int mend(struct converge *converge, size_t i, _unused_ enum thing_state found,
		struct fault *fault)
{
	static const struct aws_tag tags[] = { { "paddock", "pool" } };
	const struct sqs_queue queue = { POOL_SQS_HELD_SEC, RETENTION_SEC };
	_cleanup_aws_call_ struct aws_call call;
	char name[THING_NAME_MAX];
	int r;

	thing_call_init(&call, AWS_SQS, "CreateQueue");
	r = name_of(converge, i, name, sizeof(name), fault);
	if (r < 0)
		return r;
	r = sqs_create_queue(name, &queue, tags, ARRAY_SIZE(tags), &call.body);
	if (r < 0)
		return fault_set(fault, r, "queue %s: %m", name);
	r = aws_call(converge->aws, &call, fault);
	/* Somebody else has made it, otherwise: a queue all the same. */
	return r == -EEXIST ? 0 : r;
}

static int remove_queue(struct converge *converge, size_t i, struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call call;
	char url[SQS_URL_MAX];
	int r;

	thing_call_init(&call, AWS_SQS, "DeleteQueue");
	r = find(converge, i, url, sizeof(url), fault);
	if (r == 0)
		r = sqs_delete_queue(url, &call.body);
	if (r == 0)
		r = aws_call(converge->aws, &call, fault);
	return r == -ENOENT ? 0 : r;
}

const struct thing_ops thing_queues = {
	.name = "queue",
	.count = count,
	.name_of = name_of,
	.look = look,
	.mend = mend,
	.remove = remove_queue,
	.rights = "sqs:GetQueueUrl, CreateQueue, TagQueue, DeleteQueue",
};
