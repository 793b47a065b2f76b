/* Answers of SQS and SSM. */

#include <errno.h>
#include <string.h>

#include "common/aws/sqs.h"
#include "common/aws/ssm.h"
#include "tests/fuzz/fuzz.h"

static int see(const struct ssm_instance *instance, _unused_ void *context,
	       _unused_ struct fault *fault)
{
	FUZZ_CHECK(strlen(instance->id) < sizeof(instance->id));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *body = (const char *)data;
	_cleanup_sqs_messages_ struct sqs_messages messages = {};
	_cleanup_ssm_parameter_ struct ssm_parameter parameter = {};
	struct sqs_attributes attributes = {};
	struct sqs_results results = {};
	char url[SQS_URL_MAX] = "", next[SSM_NEXT_MAX] = "";
	struct fault fault = {};
	int r;

	r = sqs_messages_read(body, size, &messages, &fault);
	FUZZ_CHECK(r == 0 || (r == -EBADMSG && !messages.root && fault.text[0]));
	FUZZ_CHECK(messages.n <= SQS_BATCH_MAX);
	for (size_t i = 0; i < messages.n; i++)
		FUZZ_CHECK(messages.messages[i].id && messages.messages[i].receipt &&
			   messages.messages[i].body);
	r = sqs_results_read(body, size, SQS_BATCH_MAX, &results, &fault);
	FUZZ_CHECK(r == 0 || r == -EBADMSG);
	FUZZ_CHECK(results.n_failed <= SQS_BATCH_MAX);
	r = sqs_attributes_read(body, size, &attributes, &fault);
	FUZZ_CHECK(r == 0 || (r == -EBADMSG && !attributes.arn[0]));
	r = sqs_url_read(body, size, url, sizeof(url), &fault);
	FUZZ_CHECK(r == 0 || r == -EBADMSG);

	r = ssm_parameter_read(body, size, &parameter, &fault);
	FUZZ_CHECK(r == 0 || r == -EFBIG || (r == -EBADMSG && !parameter.value.bytes));
	r = ssm_instances_read(body, size, see, NULL, next, sizeof(next), &fault);
	FUZZ_CHECK(r == 0 || r == -EBADMSG);
	return 0;
}
