/* One queue a class, where offers are messages: "<aws-name>-<class>". */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/aws/sqs.h"
#include "common/store/pool-sqs.h"
#include "controller/converge/converge.h"

#define QUEUE_NAME_MAX 80 /* SQS's limit */

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

static struct pool_sqs_options options_of(const struct converge *converge)
{
	return (struct pool_sqs_options){
		.prefix = converge->config->ec2.name,
		.region = converge->config->ec2.region,
		.profile = converge->config->ec2.profile,
		.clock = converge->clock,
		.seed = converge->nonce,
	};
}

static int mend(struct converge *converge, size_t i, _unused_ enum thing_state found,
		struct fault *fault)
{
	const struct pool_sqs_options options = options_of(converge);
	const char *class_name = converge->config->classes.rows[i].name;
	char name[THING_NAME_MAX];
	int r = name_of(converge, i, name, sizeof(name), fault);

	return r < 0 ? r : pool_sqs_create(&options, &class_name, 1, fault);
}

static int remove_queue(struct converge *converge, size_t i, struct fault *fault)
{
	const struct pool_sqs_options options = options_of(converge);
	const char *class_name = converge->config->classes.rows[i].name;

	return pool_sqs_destroy(&options, &class_name, 1, fault);
}

const struct thing_ops thing_queues = {
	.name = "queue",
	.count = count,
	.name_of = name_of,
	.look = look,
	.mend = mend,
	.remove = remove_queue,
	.rights = "sqs:GetQueueUrl, CreateQueue, SetQueueAttributes, TagQueue, DeleteQueue",
};
