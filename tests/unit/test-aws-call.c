#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/aws/call.h"
#include "common/net/credentials.h"
#include "tests/fake-clock.h"
#include "tests/fake-http.h"
#include "tests/test.h"

#define URL "https://dynamodb.eu-west-1.amazonaws.com/"
#define HOUR_MS (3600 * MSEC_PER_SEC)
#define PLANTED "PLANTED"

struct bench {
	struct fake_clock clock;
	struct http http;
	const char *no_keys; /* not NULL: the environment has none */
	struct aws *aws;
	struct fault fault;
};

static const char *env(void *context, const char *name)
{
	static const char *const variables[][2] = {
		{ "AWS_ACCESS_KEY_ID", "AKIDEXAMPLE" },
		{ "AWS_SECRET_ACCESS_KEY", PLANTED "/secret" },
		{ "AWS_SESSION_TOKEN", PLANTED "/token" },
		{ "AWS_REGION", "eu-west-1" },
		{ "AWS_EC2_METADATA_DISABLED", "true" },
	};
	const struct bench *bench = context;

	/* Somebody has put new ones there meanwhile. */
	if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0 && bench->http.n_requests > 0 && !bench->no_keys)
		return "AKIDSECOND";
	for (size_t i = bench->no_keys ? 3 : 0; i < ARRAY_SIZE(variables); i++) {
		if (strcmp(variables[i][0], name) == 0)
			return variables[i][1];
	}
	return NULL;
}

static void bench_open(struct bench *bench)
{
	const struct aws_options options = {
		.env = env,
		.env_context = bench,
		.clock = &bench->clock.clock,
		.http = &bench->http,
		.seed = 1,
	};
	int r;

	bench->clock = fake_clock_new();
	r = aws_open(&options, &bench->aws, &bench->fault);
	ck_assert_msg(r == 0, "%s", fault_text(&bench->fault, r));
}

static void bench_done(struct bench *bench)
{
	aws_close(bench->aws);
	fake_http_done(&bench->http);
}
#define _cleanup_bench_ _cleanup_(bench_done)

static void answer(struct bench *bench, int status, const char *body)
{
	fake_http_add(&bench->http,
		      &(struct fake_answer){ .url = URL, .status = status, .body = body });
}

static const char *header(struct bench *bench, size_t i, const char *name)
{
	ck_assert_uint_lt(i, bench->http.n_requests);
	return fake_http_header(&bench->http.requests[i], name);
}

static int ask(struct bench *bench, struct aws_call *call)
{
	aws_call_init(call, AWS_DYNAMODB, "GetItem", 1000);
	ck_assert_int_eq(buf_add_text(&call->body, "{\"a\":1}"), 0);
	return aws_call(bench->aws, call, &bench->fault);
}

START_TEST(signs_what_it_sends_to_the_service_of_the_region)
{
	_cleanup_bench_ struct bench bench = {};
	_cleanup_aws_call_ struct aws_call call = {};

	bench_open(&bench);
	answer(&bench, 200, "{}");
	ck_assert_int_eq(ask(&bench, &call), 0);
	ck_assert_str_eq(buf_text(&call.answer.body), "{}");
	ck_assert_uint_eq(call.attempts, 1);
	ck_assert_str_eq(bench.http.requests[0].body, "{\"a\":1}");
	ck_assert_str_eq(header(&bench, 0, "X-Amz-Target"), "DynamoDB_20120810.GetItem");
	ck_assert_str_eq(header(&bench, 0, "Content-Type"), "application/x-amz-json-1.0");
	ck_assert_ptr_nonnull(
		strstr(header(&bench, 0, "Authorization"), "/eu-west-1/dynamodb/aws4_request"));
}
END_TEST

START_TEST(puts_no_target_on_what_is_a_form)
{
	_cleanup_bench_ struct bench bench = {};
	_cleanup_aws_call_ struct aws_call call = {};

	bench_open(&bench);
	fake_http_add(&bench.http, &(struct fake_answer){ .status = 200, .body = "<a/>" });
	aws_call_init(&call, AWS_EC2, "DescribeInstances", 1000);
	ck_assert_int_eq(buf_add_text(&call.body, "Action=DescribeInstances"), 0);
	ck_assert_int_eq(aws_call(bench.aws, &call, &bench.fault), 0);
	ck_assert_ptr_null(header(&bench, 0, "X-Amz-Target"));
	ck_assert_str_eq(header(&bench, 0, "Content-Type"),
			 "application/x-www-form-urlencoded; charset=utf-8");
}
END_TEST

START_TEST(asks_again_when_the_service_is_in_trouble)
{
	_cleanup_bench_ struct bench bench = {};
	_cleanup_aws_call_ struct aws_call call = {};

	bench_open(&bench);
	answer(&bench, 500, "");
	answer(&bench, 400, "{\"__type\":\"x#ThrottlingException\"}");
	answer(&bench, 200, "{}");
	ck_assert_int_eq(ask(&bench, &call), 0);
	ck_assert_uint_eq(call.attempts, 3);
	ck_assert_uint_gt(bench.http.waited_usec, 0);
}
END_TEST

START_TEST(gives_up_after_some_attempts_and_says_what_the_service_said)
{
	_cleanup_bench_ struct bench bench = {};
	_cleanup_aws_call_ struct aws_call call = {};

	bench_open(&bench);
	for (int i = 0; i < 20; i++)
		answer(&bench, 400,
		       "{\"__type\":\"x#ThrottlingException\",\"message\":\"Slow down\"}");
	ck_assert_int_eq(ask(&bench, &call), -EAGAIN);
	ck_assert_uint_gt(call.attempts, 1);
	ck_assert_uint_lt(call.attempts, 10);
	ck_assert_str_eq(bench.fault.code, "ThrottlingException");
	ck_assert_ptr_nonnull(strstr(bench.fault.text, "dynamodb GetItem"));
	ck_assert_ptr_nonnull(strstr(bench.fault.text, "Slow down"));
}
END_TEST

START_TEST(may_repeat_for_ever_as_long_as_that_helps)
{
	_cleanup_bench_ struct bench bench = {};

	bench_open(&bench);
	for (int i = 0; i < 60; i++) {
		_cleanup_aws_call_ struct aws_call call = {};

		answer(&bench, 500, "");
		answer(&bench, 200, "{}");
		ck_assert_int_eq(ask(&bench, &call), 0);
		fake_http_done(&bench.http);
		bench.http = (struct http){};
	}
}
END_TEST

START_TEST(asks_once_for_what_would_be_refused_again)
{
	_cleanup_bench_ struct bench bench = {};
	_cleanup_aws_call_ struct aws_call call = {};

	bench_open(&bench);
	answer(&bench, 400, "{\"__type\":\"x#ConditionalCheckFailedException\",\"Item\":{}}");
	ck_assert_int_eq(ask(&bench, &call), -ESTALE);
	ck_assert_uint_eq(call.attempts, 1);
	/* What it has to say is there to be read. */
	ck_assert_ptr_nonnull(strstr(buf_text(&call.answer.body), "Item"));
}
END_TEST

START_TEST(gets_new_credentials_once_when_they_have_expired)
{
	_cleanup_bench_ struct bench bench = {};
	_cleanup_aws_call_ struct aws_call call = {};
	static const char expired[] = "{\"__type\":\"x#ExpiredTokenException\"}";

	bench_open(&bench);
	answer(&bench, 400, expired);
	answer(&bench, 200, "{}");
	ck_assert_int_eq(ask(&bench, &call), 0);
	ck_assert_uint_eq(call.attempts, 2);
	ck_assert_ptr_nonnull(strstr(header(&bench, 0, "Authorization"), "AKIDEXAMPLE/"));
	ck_assert_ptr_nonnull(strstr(header(&bench, 1, "Authorization"), "AKIDSECOND/"));
	aws_call_done(&call);

	answer(&bench, 400, expired);
	answer(&bench, 400, expired);
	ck_assert_int_eq(ask(&bench, &call), -EKEYEXPIRED);
	ck_assert_uint_eq(call.attempts, 2);
}
END_TEST

START_TEST(goes_by_the_clock_of_the_service)
{
	_cleanup_bench_ struct bench bench = {};
	_cleanup_aws_call_ struct aws_call call = {};

	bench_open(&bench);
	ck_assert_uint_eq(aws_now_ms(bench.aws), FAKE_WALL_MS);
	fake_http_add(&bench.http,
		      &(struct fake_answer){ .status = 400,
					     .body = "{\"__type\":\"x#InvalidSignatureException\"}",
					     .date_ms = FAKE_WALL_MS + HOUR_MS });
	answer(&bench, 200, "{}");
	ck_assert_int_eq(ask(&bench, &call), 0);
	ck_assert_uint_eq(call.attempts, 2);
	ck_assert_uint_eq(aws_now_ms(bench.aws), FAKE_WALL_MS + HOUR_MS + 500);
	/* 2027-01-15 08:00 and an hour. */
	ck_assert_ptr_nonnull(strstr(header(&bench, 0, "X-Amz-Date"), "T080000Z"));
	ck_assert_ptr_nonnull(strstr(header(&bench, 1, "X-Amz-Date"), "T090000Z"));
}
END_TEST

START_TEST(takes_a_clock_that_is_nearly_right_for_right)
{
	_cleanup_bench_ struct bench bench = {};
	_cleanup_aws_call_ struct aws_call call = {};

	bench_open(&bench);
	fake_http_add(&bench.http, &(struct fake_answer){ .status = 200,
							  .body = "{}",
							  .date_ms = FAKE_WALL_MS + 1000 });
	ck_assert_int_eq(ask(&bench, &call), 0);
	ck_assert_uint_eq(aws_now_ms(bench.aws), FAKE_WALL_MS);
}
END_TEST

START_TEST(sends_nothing_without_credentials)
{
	_cleanup_bench_ struct bench bench = { .no_keys = "" };
	_cleanup_aws_call_ struct aws_call call = {};

	bench_open(&bench);
	ck_assert_int_eq(ask(&bench, &call), -ENOKEY);
	ck_assert_uint_eq(bench.http.n_requests, 0);
	ck_assert_ptr_nonnull(strstr(bench.fault.text, "AWS: "));
}
END_TEST

START_TEST(tells_each_call_its_own_result)
{
	_cleanup_bench_ struct bench bench = {};
	struct aws_call calls[3] = {};

	bench_open(&bench);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		aws_call_init(&calls[i], AWS_DYNAMODB, "GetItem", 100);
	answer(&bench, 200, "{\"n\":0}");
	answer(&bench, 400, "{\"__type\":\"x#AccessDeniedException\"}");
	answer(&bench, 200, "{\"n\":2}");
	ck_assert_int_eq(aws_perform(bench.aws, calls, ARRAY_SIZE(calls), &bench.fault), 0);
	ck_assert_str_eq(buf_text(&calls[0].answer.body), "{\"n\":0}");
	ck_assert_int_eq(calls[1].result, -EACCES);
	ck_assert_str_eq(buf_text(&calls[2].answer.body), "{\"n\":2}");
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		ck_assert_ptr_null(strstr(calls[i].fault.text, PLANTED));
		aws_call_done(&calls[i]);
	}
}
END_TEST

TEST_MAIN(signs_what_it_sends_to_the_service_of_the_region, puts_no_target_on_what_is_a_form,
	  asks_again_when_the_service_is_in_trouble,
	  gives_up_after_some_attempts_and_says_what_the_service_said,
	  may_repeat_for_ever_as_long_as_that_helps, asks_once_for_what_would_be_refused_again,
	  gets_new_credentials_once_when_they_have_expired, goes_by_the_clock_of_the_service,
	  takes_a_clock_that_is_nearly_right_for_right, sends_nothing_without_credentials,
	  tells_each_call_its_own_result)
