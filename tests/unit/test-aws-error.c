#include <errno.h>
#include <string.h>

#include "common/aws/error.h"
#include "tests/test.h"

/* Bodies as the services' references and the services themselves show them. */
static const struct {
	const char *name;
	int status;
	const char *type;
	const char *body;
	const char *code;
	int error;
	const char *text;
} cases[] = {
	{ "DynamoDB", 400, NULL,
	  "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException\","
	  "\"message\":\"The conditional request failed\"}",
	  "ConditionalCheckFailedException", -ESTALE,
	  "x Y: ConditionalCheckFailedException: The conditional request failed" },
	{ "DynamoDB, throttled", 400, NULL,
	  "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException\","
	  "\"message\":\"slower\"}",
	  "ProvisionedThroughputExceededException", -EAGAIN, NULL },
	{ "message with a capital", 400, NULL,
	  "{\"__type\":\"com.amazon.coral.validate#ValidationException\",\"Message\":\"no\"}",
	  "ValidationException", -EINVAL, "x Y: ValidationException: no" },
	{ "SQS", 400, NULL,
	  "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":\"The specified queue "
	  "does not exist.\"}",
	  "QueueDoesNotExist", -ENOENT, NULL },
	{ "type in the header alone", 403, "AccessDeniedException:http://internal/", "",
	  "AccessDeniedException", -EACCES, "x Y: AccessDeniedException" },
	{ "EC2", 400, NULL,
	  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>"
	  "InvalidInstanceID.NotFound</Code><Message>The instance ID 'i-1a2b3c4d' does not exist"
	  "</Message></Error></Errors><RequestID>ea966190-f9aa-478e-9ede-example</RequestID>"
	  "</Response>",
	  "InvalidInstanceID.NotFound", -ENOENT,
	  "x Y: InvalidInstanceID.NotFound: The instance ID 'i-1a2b3c4d' does not exist" },
	{ "STS", 403, NULL,
	  "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender"
	  "</Type><Code>ExpiredToken</Code><Message>old</Message></Error></ErrorResponse>",
	  "ExpiredToken", -EKEYEXPIRED, NULL },
	{ "S3", 403, NULL,
	  "<Error><Code>RequestTimeTooSkewed</Code><Message>late</Message></Error>",
	  "RequestTimeTooSkewed", -ETIME, NULL },
	{ "no capacity", 500, NULL,
	  "<Response><Errors><Error><Code>InsufficientInstanceCapacity</Code><Message>none"
	  "</Message></Error></Errors></Response>",
	  "InsufficientInstanceCapacity", -ENOSPC, NULL },
	{ "XML cut off", 503, NULL,
	  "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Mess", "RequestLimitExceeded",
	  -EAGAIN, "x Y: RequestLimitExceeded" },
	{ "JSON cut off", 400, NULL, "{\"__type\":\"a#B", "", -EINVAL,
	  "x Y: HTTP status 400, and no word why" },
	{ "a proxy's page", 502, NULL, "<html><body>Bad Gateway<br></body></html>", "", -EAGAIN,
	  "x Y: HTTP status 502, and no word why" },
	{ "JSON of another kind", 404, NULL, "[\"no\"]", "", -ENOENT, NULL },
	{ "steers a terminal", 400, NULL, "{\"__type\":\"a\\u001b[2J\",\"message\":\"\\u001b[2J\"}",
	  "a?[2J", -EINVAL, "x Y: a?[2J: ?[2J" },
};

START_TEST(finds_the_code_and_the_message_wherever_a_service_puts_them)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fault fault = {};
		int r = aws_error("x Y", cases[i].status, cases[i].type, cases[i].body,
				  strlen(cases[i].body), &fault);

		ck_assert_msg(r == cases[i].error, "%s: %d", cases[i].name, r);
		ck_assert_int_eq(fault.status, cases[i].status);
		ck_assert_str_eq(fault.code, cases[i].code);
		if (cases[i].text)
			ck_assert_str_eq(fault.text, cases[i].text);
		ck_assert_int_eq(aws_error("x Y", cases[i].status, cases[i].type, cases[i].body,
					   strlen(cases[i].body), NULL),
				 r);
	}
}
END_TEST

START_TEST(goes_by_the_status_where_the_code_is_not_known)
{
	ck_assert_int_eq(aws_error_errno("Novel", 500), -EAGAIN);
	ck_assert_int_eq(aws_error_errno("Novel", 429), -EAGAIN);
	ck_assert_int_eq(aws_error_errno("Novel", 401), -EACCES);
	ck_assert_int_eq(aws_error_errno("Novel", 413), -E2BIG);
	ck_assert_int_eq(aws_error_errno("Novel", 400), -EINVAL);
	ck_assert_int_eq(aws_error_errno("Novel", 301), -EIO);
	ck_assert_int_eq(aws_error_errno("Novel", 0), -EIO);
	ck_assert_int_eq(aws_error_errno("InvalidLaunchTemplateName.NotFoundException", 400),
			 -ENOENT);
	ck_assert_int_eq(aws_error_errno("InvalidLaunchTemplateName.AlreadyExistsException", 400),
			 -EEXIST);
}
END_TEST

START_TEST(holds_no_code_longer_than_a_fault_does)
{
	char body[600] = "{\"__type\":\"x#";
	struct fault fault = {};
	size_t at = strlen(body);

	memset(body + at, 'c', 300);
	memcpy(body + at + 300, "\"}", 3);
	ck_assert_int_eq(aws_error("x Y", 400, NULL, body, strlen(body), &fault), -EINVAL);
	ck_assert_uint_eq(strlen(fault.code), sizeof(fault.code) - 1);
}
END_TEST

TEST_MAIN(finds_the_code_and_the_message_wherever_a_service_puts_them,
	  goes_by_the_status_where_the_code_is_not_known, holds_no_code_longer_than_a_fault_does)
