#include <errno.h>
#include <string.h>

#include "common/aws/sqs.h"
#include "tests/test.h"

#define URL "https://sqs.us-east-1.amazonaws.com/123456789012/pool"
#define QUEUE ((struct sqs_queue){ .visibility_sec = 60, .retention_sec = 1209600 })

static struct buf new_buf(void)
{
	struct buf buf;

	buf_init(&buf, 65536);
	return buf;
}

START_TEST(makes_and_changes_a_queue)
{
	static const struct aws_tag tags[] = { { "paddock", "p" } };
	const struct sqs_queue queue = QUEUE;
	_cleanup_buf_ struct buf create = new_buf(), set = new_buf(), tag = new_buf();

	ck_assert_int_eq(sqs_create_queue("pool", &queue, tags, 1, &create), 0);
	ck_assert_str_eq(create.data,
			 "{\"QueueName\":\"pool\",\"Attributes\":{\"VisibilityTimeout\":\"60\","
			 "\"MessageRetentionPeriod\":\"1209600\"},\"tags\":{\"paddock\":\"p\"}}");
	ck_assert_int_eq(sqs_set_queue_attributes(URL, &queue, &set), 0);
	ck_assert_str_eq(set.data,
			 "{\"QueueUrl\":\"" URL "\",\"Attributes\":{\"VisibilityTimeout\":\"60\","
			 "\"MessageRetentionPeriod\":\"1209600\"}}");
	ck_assert_int_eq(sqs_tag_queue(URL, tags, 1, &tag), 0);
	ck_assert_str_eq(tag.data, "{\"QueueUrl\":\"" URL "\",\"Tags\":{\"paddock\":\"p\"}}");
}
END_TEST

START_TEST(numbers_the_entries_of_a_batch)
{
	static const char *const texts[] = { "{\"id\":\"i-1\"}", "b" };
	const char *many[SQS_BATCH_MAX + 1];
	_cleanup_buf_ struct buf send = new_buf(), hide = new_buf(), none = new_buf();

	ck_assert_int_eq(sqs_send_batch(URL, texts, 2, &send), 0);
	ck_assert_str_eq(send.data, "{\"QueueUrl\":\"" URL "\",\"Entries\":[{\"Id\":\"0\","
				    "\"MessageBody\":\"{\\\"id\\\":\\\"i-1\\\"}\"},"
				    "{\"Id\":\"1\",\"MessageBody\":\"b\"}]}");
	ck_assert_int_eq(sqs_hide_batch(URL, texts + 1, 1, 2, &hide), 0);
	ck_assert_str_eq(hide.data, "{\"QueueUrl\":\"" URL "\",\"Entries\":[{\"Id\":\"0\","
				    "\"ReceiptHandle\":\"b\",\"VisibilityTimeout\":2}]}");
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = "r";
	ck_assert_int_eq(sqs_delete_batch(URL, many, ARRAY_SIZE(many), &none), -EINVAL);
	ck_assert_int_eq(sqs_delete_batch(URL, many, 0, &none), -EINVAL);
	ck_assert_int_eq(sqs_delete_batch(URL, many, SQS_BATCH_MAX, &none), 0);
}
END_TEST

START_TEST(receives_within_the_limits_of_the_service)
{
	_cleanup_buf_ struct buf buf = new_buf();

	ck_assert_int_eq(sqs_receive(URL, 0, 1, 60, &buf), -EINVAL);
	ck_assert_int_eq(sqs_receive(URL, 11, 1, 60, &buf), -EINVAL);
	ck_assert_int_eq(sqs_receive(URL, 10, 21, 60, &buf), -EINVAL);
	ck_assert_uint_eq(buf.size, 0);
	ck_assert_int_eq(sqs_receive(URL, 10, 20, 60, &buf), 0);
	ck_assert_str_eq(buf.data, "{\"QueueUrl\":\"" URL
				   "\",\"MaxNumberOfMessages\":10,\"WaitTimeSeconds\":20,"
				   "\"VisibilityTimeout\":60,\"MessageSystemAttributeNames\":"
				   "[\"ApproximateReceiveCount\",\"SentTimestamp\"]}");
}
END_TEST

START_TEST(takes_an_answer_without_messages_for_an_empty_queue)
{
	static const char *const bodies[] = { "{}", "", "{\"Messages\":[]}" };

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		_cleanup_sqs_messages_ struct sqs_messages messages = { .n = 5 };

		ck_assert_int_eq(sqs_messages_read(bodies[i], strlen(bodies[i]), &messages, NULL),
				 0);
		ck_assert_uint_eq(messages.n, 0);
	}
}
END_TEST

START_TEST(reads_messages)
{
	static const char body[] =
		"{\"Messages\":[{\"Attributes\":{\"SenderId\":\"AIDASSYFHUBOBT7F4XT75\","
		"\"ApproximateReceiveCount\":\"2\",\"SentTimestamp\":\"1677112427387\"},"
		"\"Body\":\"This is a test message\",\"MD5OfBody\":"
		"\"fafb00f5732ab283681e124bf8747ed1\",\"MessageId\":"
		"\"219f8380-5770-4cc2-8c3e-5c715e145f5e\",\"ReceiptHandle\":\"AQEBaZ+j5qUoA==\"}]}";
	_cleanup_sqs_messages_ struct sqs_messages messages = {};

	ck_assert_int_eq(sqs_messages_read(body, strlen(body), &messages, NULL), 0);
	ck_assert_uint_eq(messages.n, 1);
	ck_assert_str_eq(messages.messages[0].body, "This is a test message");
	ck_assert_str_eq(messages.messages[0].id, "219f8380-5770-4cc2-8c3e-5c715e145f5e");
	ck_assert_str_eq(messages.messages[0].receipt, "AQEBaZ+j5qUoA==");
	ck_assert_uint_eq(messages.messages[0].receipts, 2);
	ck_assert_uint_eq(messages.messages[0].sent_ms, 1677112427387);
}
END_TEST

START_TEST(refuses_messages_that_lack_something)
{
	static const char bad_time[] =
		"{\"Messages\":[{\"MessageId\":\"m\",\"ReceiptHandle\":\"r\",\"Body\":\"b\","
		"\"Attributes\":{\"SentTimestamp\":\"x\"}}]}";
	static const char *const bodies[] = {
		"{\"Messages\":[{\"MessageId\":\"m\",\"ReceiptHandle\":\"r\"}]}",
		"{\"Messages\":[{\"MessageId\":\"m\",\"Body\":\"b\"}]}",
		"{\"Messages\":[{\"Body\":\"b\",\"ReceiptHandle\":\"r\"}]}",
		"{\"Messages\":{}}",
		"{\"Messages\":[1]}",
		bad_time,
		"{\"Messages\":[{},{},{},{},{},{},{},{},{},{},{}]}",
		"{\"Messages\":[",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct sqs_messages messages = {};
		struct fault fault = {};

		ck_assert_msg(sqs_messages_read(bodies[i], strlen(bodies[i]), &messages, &fault) ==
				      -EBADMSG,
			      "case %zu", i);
		ck_assert_ptr_null(messages.root);
		ck_assert_ptr_nonnull(strstr(fault.text, "sqs"));
	}
}
END_TEST

START_TEST(tells_for_each_entry_of_a_batch_what_became_of_it)
{
	static const char body[] =
		"{\"Successful\":[{\"Id\":\"0\",\"MessageId\":\"m\"}],\"Failed\":[{\"Id\":\"2\","
		"\"SenderFault\":false,\"Code\":\"RequestThrottled\",\"Message\":\"slow\"},"
		"{\"Id\":\"1\",\"SenderFault\":true,\"Code\":\"ReceiptHandleIsInvalid\"}]}";
	static const char foreign[] = "{\"Failed\":[{\"Id\":\"4\",\"Code\":\"X\"}]}";
	struct sqs_results results = {};
	struct fault fault = {};

	ck_assert_int_eq(sqs_results_read(body, strlen(body), 4, &results, NULL), 0);
	ck_assert_int_eq(results.results[0], 0);
	ck_assert_int_eq(results.results[1], -EINVAL);
	ck_assert_int_eq(results.results[2], -EAGAIN);
	ck_assert_int_eq(results.results[3], -EIO);
	ck_assert_uint_eq(results.n_failed, 3);
	ck_assert_str_eq(results.code, "RequestThrottled");
	ck_assert_int_eq(sqs_results_read(foreign, strlen(foreign), 4, &results, &fault), -EBADMSG);
	ck_assert_int_eq(sqs_results_read(body, strlen(body), 11, &results, &fault), -EINVAL);
}
END_TEST

START_TEST(reads_urls_and_attributes)
{
	static const char url_body[] = "{\"QueueUrl\":\"" URL "\"}";
	static const char body[] =
		"{\"Attributes\":{\"ApproximateNumberOfMessages\":\"3\","
		"\"ApproximateNumberOfMessagesNotVisible\":\"2\","
		"\"ApproximateNumberOfMessagesDelayed\":\"1\",\"VisibilityTimeout\":\"60\","
		"\"MessageRetentionPeriod\":\"345600\",\"QueueArn\":"
		"\"arn:aws:sqs:us-east-1:123456789012:pool\"}}";
	char url[SQS_URL_MAX] = "", small[8] = "";
	struct sqs_attributes attributes = {};

	ck_assert_int_eq(sqs_url_read(url_body, strlen(url_body), url, sizeof(url), NULL), 0);
	ck_assert_str_eq(url, URL);
	ck_assert_int_eq(sqs_url_read(url_body, strlen(url_body), small, sizeof(small), NULL),
			 -EBADMSG);
	ck_assert_int_eq(sqs_attributes_read(body, strlen(body), &attributes, NULL), 0);
	ck_assert_uint_eq(attributes.waiting, 3);
	ck_assert_uint_eq(attributes.hidden, 2);
	ck_assert_uint_eq(attributes.delayed, 1);
	ck_assert_uint_eq(attributes.queue.retention_sec, 345600);
	ck_assert_str_eq(attributes.arn, "arn:aws:sqs:us-east-1:123456789012:pool");
	ck_assert_int_eq(sqs_attributes_read("{}", 2, &attributes, NULL), -EBADMSG);
}
END_TEST

TEST_MAIN(makes_and_changes_a_queue, numbers_the_entries_of_a_batch,
	  receives_within_the_limits_of_the_service,
	  takes_an_answer_without_messages_for_an_empty_queue, reads_messages,
	  refuses_messages_that_lack_something, tells_for_each_entry_of_a_batch_what_became_of_it,
	  reads_urls_and_attributes)
